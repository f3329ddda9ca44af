import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

/// `deploy` and its sisters against a real swarm: the exit status is the truth, and so is `status`.
@Suite(.enabled(if: access("/usr/sbin/dockerd", X_OK) == 0 && geteuid() == 0), .serialized)
struct DeployCommandTests {
    private let program = Program()

    @Test(.timeLimit(.minutes(5))) func aReleaseGoesThereAndBack() async throws {
        guard let engine = try await DockerEngine(swarm: true) else {
            print("SKIPPED DeployCommandTests: dockerd does not start on this machine")
            return
        }
        do {
            try await check(engine)
        } catch {
            await engine.stop()
            throw error
        }
        await engine.stop()
    }

    private func check(_ engine: DockerEngine) async throws {
        let repository = try await TestRepository()
        let place = Place(engine: engine, repository: repository, program: program)
        try place.fill()
        try await place.serve("one")

        // Nothing is known to run there yet.
        #expect(try await place.run("status", "--env", "test").status == 0)
        let plan = try await place.run("deploy", "--to", "test", "--dry-run")
        #expect(plan.output.hasPrefix("new  web  localhost:5999/lms/web:"), "\(plan)")
        let first = try await place.run("deploy", "--to", "test", "-m", "the first")
        #expect(first.status == 0, "\(first)")
        #expect(try await place.answer() == "one")
        #expect(try await place.run("status", "--env", "test").status == 0)

        // What does not become healthy: 50, and the old one answers.
        try await place.serve(nil)
        let bad = try await place.run("deploy", "--to", "test")
        #expect(bad.status == 50, "\(bad)")
        #expect(bad.errors.contains("the deployment failed, and what ran before runs"))
        #expect(try await place.answer() == "one")
        #expect(try await place.run("status", "--env", "test").status == 0)
        let again = try await place.run("deploy", "--to", "test")
        #expect(again.status == 3)
        #expect(again.errors.contains("'--retry' tries it again"), "\(again)")

        // A good one, and back.
        try await place.serve("two")
        #expect(try await place.run("deploy", "--to", "test").status == 0)
        #expect(try await place.answer() == "two")
        let back = try await place.run("rollback", "--env", "test", "-m", "two is wrong")
        #expect(back.status == 0, "\(back)")
        #expect(try await place.answer() == "one")
        let history = try await place.run("history", "--env", "test")
        let ends = history.lines.map { line in ["rolled-back", "deployed"].first { line.contains($0) } }
        #expect(ends == ["deployed", "deployed", "rolled-back", "deployed"], "\(history.output)")
        #expect(history.lines.first?.contains("rollback") == true)
        #expect(history.lines.first?.hasSuffix("two is wrong") == true)

        // By hand.
        _ = try await engine.output(
            "docker", "service", "update", "-q", "--detach=false", "--env-add", "HAND=1", "workspace-test_web")
        let drift = try await place.run("status", "--env", "test", "--format", "json")
        #expect(drift.status == 3)
        #expect(drift.output.contains("HAND=1"))
        #expect(try await DocumentCheck().problems(drift.output, schema: "status") == "")
        let mended = try await place.run("status", "--env", "test", "--fix")
        #expect(mended.status == 0, "\(mended)")
        #expect(try await place.run("status", "--env", "test").status == 0)
        let entries = try await place.run("history", "--env", "test", "--format", "json")
        #expect(try await DocumentCheck().problems(entries.output, schema: "history") == "")

        // Killed midway, it is seen, and ended by whoever comes next.
        try await place.serve("two")
        let running = try place.start("deploy", "--to", "test")
        try await running.expect("is with the engine")
        _ = try await running.end(by: SIGKILL)
        let seen = try await place.run("status", "--env", "test")
        #expect(seen.status == 3)
        #expect(seen.output.contains("ended midway"), "\(seen)")
        let ended = try await place.run("status", "--env", "test", "--fix")
        #expect(ended.status == 0, "\(ended)")
        #expect(try await place.run("status", "--env", "test").status == 0)
    }
}

/// A repository with one service, its environment, and the engine it is deployed to.
private struct Place {
    let engine: DockerEngine
    let repository: TestRepository
    let program: Program
    private let port = Int.random(in: 18300...18900)

    init(engine: DockerEngine, repository: TestRepository, program: Program) {
        self.engine = engine
        self.repository = repository
        self.program = program
    }

    func fill() throws {
        let busybox = try readFile("/bin/busybox")
        try repository.folder.write("repository/web/busybox", bytes: busybox, mode: 0o755)
        try repository.folder.write(
            "repository/Buildfile",
            """
            registry = localhost:5999/lms
            project = workspace

            service web
                dir web
                image: Dockerfile

            environment test
                stack stack.yml
                engine swarm
                check http://127.0.0.1:\(port)/health within 20s
                policy watch 1s

            """)
        try repository.folder.write(
            "repository/web/Dockerfile",
            "FROM scratch\nCOPY busybox /bin/busybox\nCOPY www /www\n"
                + "CMD [\"/bin/busybox\", \"httpd\", \"-f\", \"-p\", \"127.0.0.1:\(port)\", \"-h\", \"/www\"]\n")
        try repository.folder.write(
            "repository/stack.yml",
            """
            services:
              web:
                image: web
                networks: [host]
                init: true
                stop_grace_period: 1s
                healthcheck:
                  test: ["CMD", "/bin/busybox", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:\(port)/health"]
                  interval: 500ms
                  timeout: 1s
                  retries: 2
                  start_period: 500ms
                deploy:
                  restart_policy: {condition: any, delay: 500ms}
                  update_config: {order: stop-first, failure_action: rollback, monitor: 1s}
                  rollback_config: {order: stop-first, failure_action: pause, monitor: 1s}
            networks:
              host: {external: true, name: host}

            """)
    }

    /// Builds an image that answers `text`, or never a health check.
    func serve(_ text: String?) async throws {
        try repository.folder.write("repository/web/www/\(text == nil ? "other" : "health")", text ?? "nothing")
        if text == nil { _ = repository.path.appending("web/www/health").withCString { unlink($0) } }
        try await repository.commitAll("serves \(text ?? "nothing")")
        let outcome = try await run("run", ":image", "--driver", "docker", "--progress", "none")
        if outcome.status != 0 { throw ProgramFailed(outcome: outcome) }
    }

    private var environment: [String: String] { engine.environment.merging(["USER": "tester"]) { $1 } }

    func run(_ arguments: String...) async throws -> Program.Outcome {
        try await program.run(arguments, in: repository.path, environment: environment)
    }

    func start(_ arguments: String...) throws -> RunningProgram {
        try RunningProgram([program.path] + arguments, in: repository.path, environment: environment)
    }

    func answer() async throws -> String {
        try await engine.output("/usr/bin/curl", "-s", "http://127.0.0.1:\(port)/health")
    }
}
