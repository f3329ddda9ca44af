import BuildEngine
import BuildGraph
import BuildTestSupport
import Buildfile
import Glibc
import Testing

@testable import Delivery

extension RealEngineTests {
    /// Rollouts on a real swarm: what they say is what runs.
    @Suite(.enabled(if: isInstalled("docker") && isInstalled("dockerd") && geteuid() == 0), .serialized)
    struct SwarmRolloutTests {
        private let good = #"["/bin/busybox", "sh", "-c", "exec /bin/busybox httpd -f -p 127.0.0.1:$PORT -h /www"]"#

        @Test(.timeLimit(.minutes(12))) func whatRunsIsWhatIsSaid() async throws {
            try await DockerEngine.during(swarm: true) { engine in
                try await check(engine)
                try await checkThatNeitherComesUp(engine)
            }
        }

        private func check(_ engine: DockerEngine) async throws {
            _ = try await engine.image("one", ["www/health": "one\n"], command: good)
            _ = try await engine.image("two", ["www/health": "two\n"], command: good)
            _ = try await engine.image("sick", ["www/other": "\n"], command: good)
            let place = try EnginePlace.swarm(engine)
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
            stack.services["b"]?.startPeriod = 500
            let bad = try await place.deploy(stack, "r2")
            #expect(bad.end == .rolledBack, "\(bad)")
            #expect(bad.failed["b"]?.contains("its health check failed (exit status 1): wget: ") == true, "\(bad)")
            #expect(bad.quarantined == ["sick"])
            #expect(try await place.images() == ["a": "one:latest", "b": "one:latest"])
            #expect(try await place.drifts() == [])
            await #expect(throws: RolloutRefusal.self) { try await place.deploy(stack, "r2") }

            // A good one, and back from it.
            stack.services["b"] = .init(image: "two", port: 18292)
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

        /// What ran before does not come up again either: it is said so, and nothing is tried in circles.
        private func checkThatNeitherComesUp(_ engine: DockerEngine) async throws {
            try engine.folder.write("signals/database", "")
            let place = try EnginePlace.swarm(engine, "lms-old")
            var old = StackFixture.Service(
                image: "one", port: 18293, volumes: ["\(engine.folder("signals").shown):/s:ro"])
            old.command = [
                "/bin/busybox", "sh", "-c",
                "[ -e /s/database ] || { echo no database; exit 1; }; "
                    + "exec /bin/busybox httpd -f -p 127.0.0.1:$PORT -h /www",
            ]
            let first = StackFixture(project: "lms-old", services: ["a": old])
            #expect(try await place.deploy(first, "r1").end == .deployed)
            _ = engine.folder("signals").appending("database").withCString { unlink($0) }
            let bad = StackFixture(
                project: "lms-old", services: ["a": .init(image: "sick", port: 18293, startPeriod: 500)])
            let entry = try await place.deploy(bad, "r2")
            let said = Comment(rawValue: "\(entry)\n\(place.journal.take())")
            #expect(entry.end == .rollbackFailed, said)
            #expect(entry.running == nil, said)
            // In its own last words.
            #expect(entry.failed["a"]?.contains("no database") == true, said)
            #expect(entry.quarantined == ["sick"], said)
            #expect(try await !place.drifts().isEmpty)
            try engine.folder.write("signals/database", "")
            #expect(try await place.deploy(first, "r1").end == .deployed)
            #expect(try await place.drifts() == [])
        }
    }
}
