import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

/// `deploy` and its sisters against a real swarm: the exit status is the truth, and so is `status`.
@Suite(.enabled(if: access("/usr/sbin/dockerd", X_OK) == 0 && geteuid() == 0), .serialized)
struct DeployCommandTests {
    private let program = Program()

    @Test(.timeLimit(.minutes(12))) func aReleaseGoesThereAndBack() async throws {
        try await DockerEngine.during(swarm: true) { engine in
            try await check(engine)
        }
    }

    private func check(_ engine: DockerEngine) async throws {
        let repository = try await TestRepository()
        let place = DeployedWorkspace(engine: engine, repository: repository, program: program)
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
