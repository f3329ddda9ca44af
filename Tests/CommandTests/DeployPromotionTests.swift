import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

/// A deployment that waits for somebody's word, in processes of their own on a real swarm with a router.
@Suite(
    .enabled(
        if: access("/usr/sbin/dockerd", X_OK) == 0 && access("/usr/sbin/haproxy", X_OK) == 0 && geteuid() == 0),
    .serialized)
struct DeployPromotionTests {
    @Test(.timeLimit(.minutes(12))) func itGoesOnWhereSomebodySaysSo() async throws {
        try await DockerEngine.during(swarm: true) { engine in
            try await engine.routerImage()
            let place = PromotedWorkspace(engine: engine, repository: try await TestRepository())
            try await place.serve("one")
            try await expect(0, place.run("deploy", "--to", "test"))
            #expect(try await place.answer() == "one")
            try await checkRefusals(place)
            try await checkPromotion(place)
            try await checkAbort(place)
            try await checkKilled(place)
        }
    }

    private func expect(
        _ status: Int32, _ outcome: Program.Outcome, says words: String = "",
        at location: SourceLocation = #_sourceLocation
    ) async throws {
        #expect(
            outcome.status == status && (outcome.errors + outcome.output).contains(words), "\(outcome)",
            sourceLocation: location)
    }

    private func checkRefusals(_ place: PromotedWorkspace) async throws {
        for word in ["--promote", "--abort"] {
            try await expect(
                3, place.run("deploy", "--to", "test", word), says: "nothing is under way in 'test'")
        }
        try await expect(
            2, place.run("deploy", "--to", "test", "--promote", "--abort"), says: "does not go with a word")
        try await expect(
            2, place.run("deploy", "--to", "test", "--promote", "--dry-run"),
            says: "'--dry-run' does not go with a word")
    }

    private func checkPromotion(_ place: PromotedWorkspace) async throws {
        try await place.serve("two")
        let deploying = try place.start("deploy", "--to", "test")
        try await deploying.expect("waiting until")
        try await expect(
            0, place.run("status", "--env", "test"), says: "for 'lmsbuild deploy --to test --promote', or '--abort'")
        let status = try await place.run("status", "--env", "test", "--format", "json")
        #expect(try await DocumentCheck().problems(status.output, schema: "status") == "")
        let wait = try #require(try JSONValue.parse(Array(status.output.utf8)).member("waiting"))
        #expect(wait.member("who")?.text == "tester")
        // Nobody is led to it but who knows how.
        #expect(try await place.answer() == "one")
        let preview = try #require(wait.member("preview"))
        let header = "\(preview.member("header")?.text ?? ""): \(preview.member("value")?.text ?? "")"
        #expect(try await place.answer(header: header) == "two")
        // Another one who deploys is told whose word is wanted.
        try await expect(
            9, place.run("deploy", "--to", "test", "--no-wait"),
            says: "it waits for 'lmsbuild deploy --to test --promote'")
        try await expect(3, place.run("deploy", "--to", "test", "--promote", "0000"), says: "and not 0000")
        let release = try #require(wait.member("release")?.text)
        try await expect(
            0, place.run("deploy", "--to", "test", "--promote", String(release.prefix(8)), "-m", "looks good"),
            says: "is promoted; 'tester' goes on with it")
        try await deploying.expect("promoted by tester: looks good")
        #expect(try await deploying.end(by: 0) == 0, "\(deploying.text)")
        #expect(try await place.answer() == "two")
        try await expect(0, place.run("status", "--env", "test"))
        try await expect(0, place.run("history", "--env", "test"), says: "promoted by tester: looks good")
        let history = try await place.run("history", "--env", "test", "--format", "json")
        #expect(try await DocumentCheck().problems(history.output, schema: "history") == "")
    }

    private func checkAbort(_ place: PromotedWorkspace) async throws {
        try await place.serve("three")
        let deploying = try place.start("deploy", "--to", "test")
        try await deploying.expect("waiting until")
        try await expect(
            0, place.run("deploy", "--to", "test", "--abort", "-m", "too slow"), says: "is aborted; 'tester' goes back")
        #expect(try await deploying.end(by: 0) == 50, "\(deploying.text)")
        #expect(deploying.text.contains("was not promoted; "), "\(deploying.text)")
        #expect(deploying.text.contains("promotion: aborted by tester: too slow"), "\(deploying.text)")
        #expect(try await place.answer() == "two")
        try await expect(0, place.run("status", "--env", "test"))
        try await expect(3, place.run("deploy", "--to", "test"), says: "'--retry' tries it again")
    }

    private func checkKilled(_ place: PromotedWorkspace) async throws {
        for (text, isPromoted) in [("four", true), ("five", false)] {
            try await place.serve(text)
            let deploying = try place.start("deploy", "--to", "test")
            try await deploying.expect("waiting until")
            #expect(try await deploying.end(by: SIGKILL) == 137)
            try await expect(3, place.run("status", "--env", "test"), says: "waited to be promoted when")
            #expect(try await place.answer() == (isPromoted ? "two" : "four"))
            let word = try await place.run("deploy", "--to", "test", isPromoted ? "--promote" : "--abort")
            try await expect(0, word, says: "was ended midway: that comes first")
            #expect(try await place.answer() == "four")
            try await expect(0, place.run("status", "--env", "test"))
        }
    }
}

/// A repository with one service behind a router, whose deployments wait for somebody's word.
private struct PromotedWorkspace {
    let engine: DockerEngine
    let repository: TestRepository
    private let program = Program()
    /// Where users come; the sets are at the two ports after it. Below those that the kernel gives to connections of others.
    private let port = 16_000 + 4 * Int.random(in: 0..<240)

    init(engine: DockerEngine, repository: TestRepository) {
        (self.engine, self.repository) = (engine, repository)
    }

    /// Builds an image that answers `text`.
    func serve(_ text: String) async throws {
        try repository.folder.write("repository/web/busybox", bytes: try readFile("/bin/busybox"), mode: 0o755)
        try repository.folder.write("repository/web/www/health", text)
        try repository.folder.write(
            "repository/web/Dockerfile",
            """
            FROM scratch
            COPY busybox /bin/busybox
            COPY www /www
            CMD ["/bin/busybox", "sh", "-c", "exec /bin/busybox httpd -f -p 127.0.0.1:$PORT -h /www"]

            """)
        try repository.folder.write(
            "repository/Buildfile",
            """
            registry = localhost:5999/lms
            project = promoted
            service web
                dir web
                image: Dockerfile
            environment test
                stack stack.yml
                engine swarm
                strategy blue-green until promoted within 10m
                check http://127.0.0.1:\(port)/health within 20s
                policy watch 1s

            """)
        try repository.folder.write("repository/stack.yml", stack)
        try await repository.commitAll("serves \(text)")
        let outcome = try await run("run", ":image", "--driver", "docker", "--progress", "none")
        if outcome.status != 0 { throw ProgramFailed(outcome: outcome) }
    }

    private var stack: String {
        """
        services:
          web:
            image: web
            networks: [host]
            init: true
            stop_grace_period: 1s
            environment: {PORT: "\(port)"}
            healthcheck:
              test: ["CMD", "/bin/busybox", "sh", "-c", "exec /bin/busybox wget -q -O /dev/null http://127.0.0.1:$$PORT/health"]
              interval: 1s
              timeout: 30s
              start_period: 30s
            deploy:
              labels: {io.lmsbuild.route: "127.0.0.1:\(port)", io.lmsbuild.ports: "\(port + 1) \(port + 2)"}
          router:
            image: router
            networks: [host]
            init: true
            stop_grace_period: 5s
            command: ["-x", "/data/handover.sock"]
            volumes: ["router:/data"]
            healthcheck:
              test: ["CMD", "/bin/busybox", "test", "-s", "/tmp/haproxy.pid"]
              interval: 1s
              timeout: 30s
              start_period: 30s
        networks:
          host: {external: true, name: host}
        volumes:
          router: {}

        """
    }

    private var environment: [String: String] { engine.environment.merging(["USER": "tester"]) { $1 } }

    func run(_ arguments: String...) async throws -> Program.Outcome {
        try await program.run(arguments, in: repository.path, environment: environment)
    }

    func start(_ arguments: String...) throws -> RunningProgram {
        try RunningProgram([program.path] + arguments, in: repository.path, environment: environment)
    }

    func answer(header: String = "x-nothing: 1") async throws -> String {
        try await engine.output(
            "/usr/bin/curl", "-s", "-m", "10", "-H", header, "http://127.0.0.1:\(port)/health")
    }
}
