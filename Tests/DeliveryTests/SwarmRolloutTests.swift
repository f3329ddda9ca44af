import BuildEngine
import BuildGraph
import BuildTestSupport
import Buildfile
import Glibc
import Testing

@testable import Delivery

/// Rollouts on a real swarm: what they say is what runs.
@Suite(.enabled(if: isInstalled("docker") && isInstalled("dockerd") && geteuid() == 0), .serialized)
struct SwarmRolloutTests {
    private let good = #"["/bin/busybox", "sh", "-c", "exec /bin/busybox httpd -f -p 127.0.0.1:$PORT -h /www"]"#

    @Test(.timeLimit(.minutes(5))) func whatRunsIsWhatIsSaid() async throws {
        guard let engine = try await DockerEngine(swarm: true) else {
            print("SKIPPED SwarmRolloutTests: dockerd does not start on this machine")
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
        _ = try await engine.image("one", ["www/health": "one\n"], command: good)
        _ = try await engine.image("two", ["www/health": "two\n"], command: good)
        _ = try await engine.image("sick", ["www/other": "\n"], command: good)
        let place = try SwarmPlace(engine)
        var stack = StackFixture(services: [
            "a": .init(image: "one", port: 18291), "b": .init(image: "one", port: 18292),
        ])
        let first = try await place.deploy(stack, "r1")
        #expect(first.end == .deployed, "\(first)")
        #expect(try await place.drifts() == [])

        // The same once more replaces nothing.
        let tasks = try await engine.output("docker", "ps", "-q")
        #expect(try await place.deploy(stack, "r1").end == .deployed)
        #expect(try await engine.output("docker", "ps", "-q") == tasks)

        // One of two does not become healthy: both go back.
        stack.services["a"]?.image = "two"
        stack.services["b"]?.image = "sick"
        let bad = try await place.deploy(stack, "r2")
        #expect(bad.end == .rolledBack, "\(bad)")
        #expect(bad.failed.keys.contains("b"))
        #expect(bad.quarantined == ["sick"])
        #expect(try await place.images() == ["a": "one:latest", "b": "one:latest"])
        #expect(try await place.drifts() == [])
        await #expect(throws: RolloutRefusal.self) { try await place.deploy(stack, "r2") }

        // A good one, and back from it.
        stack.services["b"]?.image = "two"
        #expect(try await place.deploy(stack, "r3").end == .deployed)
        #expect(try await place.images() == ["a": "two:latest", "b": "two:latest"])

        // Changed by hand.
        _ = try await engine.output(
            "docker", "service", "update", "-q", "--detach", "--env-add", "HAND=1", "lms-test_a")
        let drifts = try await place.drifts()
        #expect(
            drifts.contains { $0.kind == .changed && $0.service == "a" && $0.path?.contains("Env") == true },
            "\(drifts)")
    }
}

/// The swarm of a test's engine, deployed to.
struct SwarmPlace {
    let swarm: SwarmEngine
    let rollout: Rollout

    init(_ engine: DockerEngine) throws {
        let address = try #require(EngineAddress(engine.address))
        let api = EngineAPI(
            address,
            exchange: CurlExchange(
                commands: ProcessRunner.ofTests, program: "/usr/bin/curl", environment: engine.environment))
        swarm = SwarmEngine(
            api, project: "lms-test", runner: ProcessRunner.ofTests, environment: engine.environment,
            files: engine.folder("files"))
        rollout = Rollout(engine: swarm, ask: { _ in nil }, tell: { _ in }, pause: .milliseconds(200))
    }

    func deploy(_ stack: StackFixture, _ release: String) async throws -> LedgerEntry {
        var plan = RolloutPlan(
            stack: stack.rendered, release: release, commit: nil,
            origin: DeployOrigin(who: "t", why: "", time: Int(time(nil))))
        plan.watch = .seconds(1)
        return try await rollout.run(plan)
    }

    func drifts() async throws -> [Drift] { try await EnvironmentStatus(of: swarm, project: "lms-test").drifts }

    func images() async throws -> [String: String] {
        try await swarm.observe("lms-test").services.mapValues(\.image)
    }
}
