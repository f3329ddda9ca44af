// A release on its way from whoever built it over a registry to whoever deploys it, on real ones.
import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

@Suite(
    .enabled(
        if: geteuid() == 0 && access("/usr/sbin/dockerd", X_OK) == 0 && access("/usr/bin/skopeo", X_OK) == 0
            && RegistryServer.isInstalled), .serialized)
struct ReleaseDeployedTests {
    @Test(.timeLimit(.minutes(8))) func whatIsBuiltHereIsDeployedThere() async throws {
        let server = try await RegistryServer()
        try await DockerEngine.during(swarm: true, registry: server.address) { engine in
            let way = try await ReleaseWay(engine, server)
            try await way.signedAlone()
            try await way.whoDeploys()
            try await way.backFromNowhere()
        }
    }
}

/// Two workspaces of one repository, and what is between them.
private struct ReleaseWay {
    private let engine: DockerEngine
    private let server: RegistryServer
    private let repository: TestRepository
    private let program = Program()
    private let there: BytePath
    private let port = Int.random(in: 18_400..<18_490)

    private var here: BytePath { repository.path }

    init(_ engine: DockerEngine, _ server: RegistryServer) async throws {
        (self.engine, self.server) = (engine, server)
        repository = try await TestRepository()
        there = repository.folder("there")
        try repository.write(
            "Buildfile",
            """
            registry = \(server.address)/lms
            project = shop
            service web
                dir web
                image: Dockerfile
            environment test
                stack stack.yml
                engine swarm
                policy watch 1s

            """)
        let busybox = try readFile("/bin/busybox")
        try repository.folder.write("repository/web/busybox", bytes: busybox, mode: 0o755)
        try repository.write(
            "web/Dockerfile",
            "FROM scratch\nCOPY busybox /bin/busybox\nCOPY www /www\n"
                + "CMD [\"/bin/busybox\", \"httpd\", \"-f\", \"-p\", \"127.0.0.1:\(port)\", \"-h\", \"/www\"]\n")
        try repository.write("web/www/health", "one")
        try repository.write(
            "stack.yml",
            """
            services:
              web:
                image: web
                networks: [host]
                init: true
                stop_grace_period: 1s
                healthcheck:
                  test: ["CMD", "/bin/busybox", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:\(port)/health"]
                  interval: 1s
                  timeout: 30s
                  start_period: 30s
                deploy:
                  update_config: {order: stop-first, failure_action: rollback, monitor: 1s}
            networks:
              host: {external: true, name: host}

            """)
        try repository.write(".gitignore", "*.pem\n*.json\nkeys.txt\n")
        try await repository.commitAll("one")
        try await repository.git(["clone", "--quiet", here.shown, there.shown])
    }

    /// No variable says who asks, and no configuration of git's but the workspace's own.
    @discardableResult
    private func ask(
        _ words: String..., in folder: BytePath, status: Int32 = 0, as who: [String: String] = [:],
        at location: SourceLocation = #_sourceLocation
    ) async throws -> Program.Outcome {
        let own = engine.environment.merging(["GIT_CONFIG_NOSYSTEM": "1"]) { $1 }.merging(who) { $1 }
        let outcome = try await program.run(words, in: folder, environment: own)
        #expect(outcome.status == status, "\(words): \(outcome)", sourceLocation: location)
        return outcome
    }

    /// Builds what is at hand and brings it to the registry; gives the release's name.
    private func release() async throws -> String {
        try await ask("run", ":image", "--driver", "docker", "--progress", "none", in: here)
        try await ask("push", "--driver", "docker", in: here)
        let line = try await ask("release", "--push", "--driver", "docker", "-o", "r.json", in: here).output
        return String(line.split(separator: " ").dropFirst().first?.split(separator: ":").last ?? "")
    }

    private func sign(with key: String) async throws -> String {
        _ = try await engine.output("openssl", "genpkey", "-algorithm", "ed25519", "-out", "\(here.shown)/\(key).pem")
        let line = try await ask("release", "sign", "--key", "\(key).pem", "r.json", in: here).output
        try await ask("release", "push", "r.json", in: here)
        return line
    }

    private func put(_ text: String, at file: String) throws {
        try repository.folder.write("there/\(file)", text)
    }

    private func answer() async throws -> String {
        try await engine.output("/usr/bin/curl", "-s", "http://127.0.0.1:\(port)/health")
    }

    /// Nothing is deployed that is not signed by whom it is told to trust.
    func signedAlone() async throws {
        let name = try await release()
        #expect(name.utf8.count == 64)
        let digits = String(name.prefix(12))
        // Another machine has neither.
        _ = try await engine.output("/bin/sh", "-c", "docker images -q | sort -u | xargs docker rmi -f")
        func refused(_ why: String, _ release: String, at location: SourceLocation = #_sourceLocation) async throws {
            let outcome = try await ask(
                "deploy", "--to", "test", release, "--require-signed", "--keys", "keys.txt", in: there, status: 3,
                at: location)
            #expect(outcome.errors.contains(why), "\(outcome)", sourceLocation: location)
            #expect(try await engine.output("docker", "service", "ls", "-q") == "", sourceLocation: location)
        }
        try put("# nobody\n", at: "keys.txt")
        let unasked = try await ask("deploy", "--to", "test", digits, "--require-signed", in: there, status: 3)
        #expect(unasked.errors.contains("nothing says whose signature counts"), "\(unasked)")
        let unsigned = "nobody whose key counts has signed the release"
        try await refused(unsigned, digits)
        // By somebody, but not by whom counts.
        let stranger = try await sign(with: "stranger")
        try await ask("release", "pull", digits, in: there)
        try await refused(unsigned, digits)
        let trusted = try await sign(with: "ops")
        #expect(stranger != trusted)
        try put(trusted, at: "keys.txt")
        // Signed, but not by this copy's word; then taken again.
        try await refused(unsigned, digits)
        try await ask("release", "pull", digits, "-o", "p.json", in: there)
        // A good signature, of what it was before somebody changed a word of it.
        let text = String(decoding: try readFile(there.appending("p.json").shown), as: UTF8.self)
        try put(text.replacing("\"web\"", with: "\"wab\""), at: "other.json")
        let signature = try readFile(there.appending("p.json.dsse").shown)
        try put(String(decoding: signature, as: UTF8.self), at: "other.json.dsse")
        try await refused(unsigned, "other.json")

        try await ask("deploy", "--to", "test", digits, "--require-signed", "--keys", "keys.txt", in: there)
        #expect(try await answer() == "one")
        let status = try await ask("status", "--env", "test", in: there)
        #expect(status.output.hasPrefix("test runs \(digits)"), "\(status)")
        // The registry's, by its digest.
        #expect(status.output.contains("web: 1 of 1 up, \(server.address)/lms/web@sha256:"), "\(status)")
    }

    /// Nobody is left out of the history, whatever is known of them.
    func whoDeploys() async throws {
        try await repository.git(["-C", there.shown, "config", "user.name", "Ada of git"])
        try await ask("deploy", "--to", "test", "-m", "as git says", in: there)
        try await ask("deploy", "--to", "test", in: there, as: ["LOGNAME": "logname"])
        try await ask("deploy", "--to", "test", in: there, as: ["LOGNAME": "logname", "USER": "user"])
        try await ask("deploy", "--to", "test", in: there, as: ["USER": "user", "GITHUB_ACTOR": "actor"])
        let history = try await ask("history", "--env", "test", in: there).lines
        let whom = ["by actor", "by user", "by logname", "by Ada of git: as git says", "by root"]
        #expect(history.count == whom.count, "\(history)")
        for (line, who) in zip(history, whom) { #expect(line.hasSuffix(who), "\(history)") }
    }

    /// The image of what runs is deleted everywhere, which is seen before anything is changed.
    func backFromNowhere() async throws {
        try repository.write("web/www/health", "two")
        try await repository.commitAll("two")
        let digits = String(try await release().prefix(12))
        let inspect = ["docker", "service", "inspect", "shop-test_web", "--format"]
        func service(_ format: String) async throws -> String {
            let text = try await engine.output("/bin/sh", "-c", "\(inspect.joined(separator: " ")) '\(format)'")
            return text.split(separator: "\n").joined()
        }
        let image = try await service("{{.Spec.TaskTemplate.ContainerSpec.Image}}")
        let version = try await service("{{.Version.Index}}")
        // It runs, so the engine cannot be rid of it; but nobody finds it under its name any more.
        _ = try await engine.output("docker", "tag", image, "kept")
        _ = try await engine.output("docker", "rmi", image)
        try await ask("release", "pull", digits, in: there)
        // In the registry alone it can be had again.
        let possible = try await ask("deploy", "--to", "test", digits, "--dry-run", in: there)
        #expect(possible.output.hasPrefix("changed  web  "), "\(possible)")
        try await server.forget("lms/web", String(image.split(separator: "@").last ?? ""))
        func refused(_ why: String, at location: SourceLocation = #_sourceLocation) async throws {
            let outcome = try await ask("deploy", "--to", "test", digits, in: there, status: 3, at: location)
            #expect(
                outcome.errors.contains("what runs in 'test' could not be gone back to"), "\(outcome)",
                sourceLocation: location)
            #expect(outcome.errors.contains("web: its image \(why)"), "\(outcome)", sourceLocation: location)
            #expect(try await service("{{.Version.Index}}") == version, sourceLocation: location)
            #expect(try await answer() == "one", sourceLocation: location)
        }
        try await refused("\(image) is neither in the engine nor in its registry")
        // Nobody can say whether it is still there.
        try await server.end()
        try await refused("is not in the engine, and the registry of \(image) cannot be asked")
        try await ask("status", "--env", "test", in: there)
        try await ask("deploy", "--to", "test", digits, "--no-way-back", in: there)
        #expect(try await answer() == "two")
        // The way back is no way any more, and what runs goes on.
        let back = try await ask("rollback", "--env", "test", in: there, status: 34)
        #expect(back.errors.contains("the registry of \(image) cannot be asked"), "\(back)")
        #expect(back.errors.contains("start its registry"), "\(back)")
        #expect(try await answer() == "two")
        try await ask("status", "--env", "test", in: there)
    }
}
