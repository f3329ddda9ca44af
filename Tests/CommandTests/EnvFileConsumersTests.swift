import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

/// One env file, read by compose-go's rules, reaches containers of a swarm, of docker-compose 1.29 and the rendered documents
/// with the same values, although each of these reads such a file in a way of its own.
@Suite(
    .enabled(
        if: access("/usr/sbin/dockerd", X_OK) == 0 && access("/usr/bin/docker-compose", X_OK) == 0 && geteuid() == 0),
    .serialized)
struct EnvFileConsumersTests {
    private let program = Program()

    private static let file = #"""
        # said
        export E=x
        A=one # inline
        B="dq ${A}\tend"
        C='single $A # kept'
        D=val # inline
        G=a#b
        H="say \"hi\" $${A}"
        I=$$literal ${A}
        J: yaml
        K=
        L="two
        lines"
        M=${UNSET:-otherwise}

        """#

    /// What compose-go reads.
    private static let oracle = [
        "E": "x", "A": "one", "B": "dq one\tend", "C": "single $A # kept", "D": "val", "G": "a#b",
        "H": "say \"hi\" ${A}", "I": "$literal one", "J": "yaml", "K": "", "L": "two\nlines", "M": "otherwise",
        "SHARED": "5$ and one",
    ]

    @Test(.timeLimit(.minutes(12))) func allSeeTheSame() async throws {
        try await DockerEngine.during(swarm: true) { engine in
            try await check(engine)
        }
    }

    private func check(_ engine: DockerEngine) async throws {
        let repository = try await TestRepository()
        let busybox = try readFile("/bin/busybox")
        try repository.folder.write("repository/web/busybox", bytes: busybox, mode: 0o755)
        try repository.write(
            "web/Dockerfile", "FROM scratch\nCOPY busybox /bin/busybox\nCMD [\"/bin/busybox\", \"true\"]\n")
        try repository.write("app.env", Self.file)
        try repository.write("deploy.env", "NUMBER=one\nSHARED=\"5$$ and ${NUMBER}\"\n")
        try repository.write(
            "Buildfile",
            """
            registry = localhost:5999/lms
            project = env
            variable NUMBER: text
            variable SHARED: text
            service web
                dir web
                image: Dockerfile

            """
                + ["swarm", "compose", "plan"].map {
                    "environment \($0)\n    stack stack.yml\n    env-file deploy.env\n    engine \($0)\n    policy watch 1s\n"
                }.joined())
        try repository.write(
            "stack.yml",
            """
            services:
              web:
                image: web
                networks: [host]
                init: true
                stop_grace_period: 1s
                command: ["/bin/busybox", "sleep", "10000"]
                env_file: app.env
                environment: {SHARED: "${SHARED}", NUMBER: "${NUMBER}"}
            networks:
              host: {external: true, name: host}

            """)
        try await repository.commitAll("env")
        func run(_ words: String...) async throws -> Program.Outcome {
            try await program.run(words, in: repository.path, environment: engine.environment)
        }
        let built = try await run("run", ":image", "--driver", "docker", "--progress", "none")
        #expect(built.status == 0, "\(built)")
        for environment in ["swarm", "compose"] {
            let deployed = try await run("deploy", "--to", environment)
            #expect(deployed.status == 0, "\(deployed)")
            let ids = try await engine.output("docker", "ps", "-q", "--filter", "name=env-\(environment)_web")
                .split(separator: "\n").map(String.init)
            let id = try #require(ids.first)
            #expect(ids.count == 1)
            let text = try await engine.output("docker", "inspect", "--format", "{{json .Config.Env}}", id)
            let pairs = try JSONValue.parse(Array(text.utf8)).elements ?? []
            let values = Dictionary(
                pairs.compactMap(\.text).map { pair in
                    let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                    return (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
                }, uniquingKeysWith: { $1 })
            #expect(values.filter { Self.oracle[$0.key] != nil } == Self.oracle, "\(environment): \(values)")
        }
        // And as whoever only renders it is handed it, where each dollar sign is doubled for one more reader.
        let rendered = try await run("env", "render", "plan")
        let tree = try JSONValue.parse(Array(rendered.output.utf8))
        let members = tree.member("services")?.member("web")?.member("environment")?.members ?? []
        let values = Dictionary(
            members.map { ($0.0, ($0.1.text ?? "").replacing("$$", with: "$")) }, uniquingKeysWith: { $1 })
        #expect(values.filter { Self.oracle[$0.key] != nil } == Self.oracle, "\(rendered)")
    }
}
