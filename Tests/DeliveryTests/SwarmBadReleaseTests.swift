import BuildEngine
import BuildGraph
import BuildTestSupport
import Buildfile
import Glibc
import Testing

@testable import Delivery

extension RealEngineTests {
    /// Twenty-three releases that cannot become healthy, on a real swarm: every one is taken back, and what it should not have
    /// touched serves all the while.
    ///
    /// What can be asked for on the host's network: a service that the release leaves alone never misses an answer, nor does one
    /// replaced start-first whose new containers find a port of their own, as long as they never become healthy. One that is
    /// healthy once and then crashes has taken the old one's place with any engine: there the old one is back, after a gap.
    @Suite(
        .enabled(
            if: isInstalled("docker") && isInstalled("dockerd") && RegistryServer.isInstalled && geteuid() == 0),
        .serialized)
    struct SwarmBadReleaseTests {
        private typealias Fault = BadReleases.Fault
        private let good = #"["/bin/busybox", "sh", "-c", "exec /bin/busybox httpd -f -p 127.0.0.1:$PORT -h /www"]"#

        @Test(.timeLimit(.minutes(6))) func eachIsTakenBack() async throws {
            try await DockerEngine.during(swarm: true) { engine in
                _ = try await engine.image("one", ["www/health": "one\n"], command: good)
                _ = try await engine.image("two", ["www/health": "two\n"], command: good)
                _ = try await engine.image("sick", ["www/other": "\n"], command: good)
                let registry = try await RegistryServer()
                let nowhere = "\(registry.address)/gone:1"
                let crashes: [Fault] = [.crashWhileTheEngineWatches, .crashAfterTheEngineWatched]
                let calm = Fault.allCases.filter { !crashes.contains($0) }
                let lanes: [(service: String, faults: [Fault])] = [
                    ("fixed", Array(calm.prefix(4))), ("fixed", Array(calm.dropFirst(4)) + crashes),
                    ("moving", Array(calm.prefix(4))), ("moving", Array(calm.dropFirst(4))),
                ]
                // Side by side, in projects of their own: most of a bad release's time is waiting.
                try await withThrowingTaskGroup { group in
                    for (number, lane) in lanes.enumerated() {
                        let releases = BadReleases(project: "lane-\(number)", port: 18500 + 10 * number)
                        group.addTask {
                            try await check(engine, releases, lane.service, lane.faults, nowhere: nowhere)
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }

        private func check(
            _ engine: DockerEngine, _ releases: BadReleases, _ service: String, _ faults: [Fault], nowhere: String
        ) async throws {
            var place = try EnginePlace.swarm(engine, releases.project)
            place.watch = .seconds(2)
            #expect(try await place.deploy(releases.base, "good").end == .deployed)
            let images = try await place.images()
            let untouched = try await containers(engine, place, "steady")
            let still = PollingClient(ports: [releases.port + 5])
            let moving = PollingClient(ports: [releases.port + 2, releases.port + 3])
            var count = 1
            let movingOutcome = Unanswered()
            let outcome = try await still.asking {
                let asked = try await moving.asking {
                    for fault in faults {
                        let stack = releases.release(fault, of: service, nowhere: nowhere)
                        // Twice in a row, where the engine's one memory of what was before is the bad one.
                        for again in fault == .neverHealthy ? [false, true] : [false] {
                            let entry = try await place.deploy(stack, "\(fault) \(again)", retries: true)
                            count += 1
                            let said = Comment(rawValue: "\(service) \(fault) \(again): \(entry)")
                            #expect(entry.end == .rolledBack, said)
                            #expect(entry.running?.release == "good", said)
                            #expect(!entry.failed.isEmpty && entry.seconds < 60, said)
                            #expect(try await place.images() == images, said)
                            #expect(try await place.drifts() == [], said)
                            #expect(try await place.count(.ledger) == count, said)
                        }
                    }
                }
                movingOutcome.value = asked
            }
            #expect(outcome.asked > 20 && outcome.unanswered == [], "\(outcome)")
            if service == "moving" {
                #expect(movingOutcome.value?.unanswered == [], "\(faults): \(String(describing: movingOutcome.value))")
            }
            #expect(try await containers(engine, place, "steady") == untouched)
            try await checkNothingIsLeft(place, releases, entries: count)
        }

        /// After one more release every secret, config and document is there for a reason.
        private func checkNothingIsLeft(_ place: EnginePlace, _ releases: BadReleases, entries: Int) async throws {
            #expect(try await place.deploy(releases.base, "good").end == .deployed)
            let left = try await place.engine.observe(place.project)
            #expect(left.secrets == Set(releases.base.rendered.secrets.map(\.engineName)))
            #expect(left.configs.isEmpty)
            #expect(try await place.count(.ledger) == entries + 1)
            #expect(try await place.count(.stack) == 1)
            #expect(try await place.count(.description) == 1)
            #expect(try await place.count(.record) == 0)
            #expect(try await place.count(.lock) == 0)
        }

        private func containers(_ engine: DockerEngine, _ place: EnginePlace, _ service: String) async throws -> String
        {
            try await engine.output(
                "docker", "ps", "-q", "--filter", "label=com.docker.swarm.service.name=\(place.project)_\(service)")
        }
    }
}

/// What the inner of two clients saw.
private final class Unanswered {
    var value: PollingClient.Outcome?
}
