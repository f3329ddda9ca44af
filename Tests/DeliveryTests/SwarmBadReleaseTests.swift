import BuildEngine
import BuildGraph
import BuildTestSupport
import Buildfile
import Glibc
import Testing

@testable import Delivery

extension RealEngineTests {
    /// More than twenty releases that cannot become healthy, on a real swarm: every one is taken back, and what it should not have
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

        @Test(.timeLimit(.minutes(12))) func eachIsTakenBack() async throws {
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
                        try engine.folder.write("signals-\(number)/.there", "")
                        let releases = BadReleases(
                            project: "lane-\(number)", port: 18500 + 10 * number,
                            signals: engine.folder("signals-\(number)"))
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
            let first = try await place.deploy(releases.base, "good")
            #expect(first.end == .deployed, "\(first) \(place.journal.take())")
            // As long as it takes to see that it does not stay up.
            place.watch = .seconds(60)
            let images = try await place.images()
            let untouched = try await containers(engine, place, "steady")
            let still = PollingClient(ports: [releases.port + 5])
            let moving = PollingClient(ports: [releases.port + 2, releases.port + 3])
            var count = 1
            let movingOutcome = Unanswered()
            let outcome = try await still.asking {
                let asked = try await moving.asking {
                    for fault in faults {
                        // Twice in a row, where the engine's one memory of what was before is the bad one.
                        for _ in fault == .neverHealthy ? 0..<2 : 0..<1 {
                            count += 1
                            try await fail(fault, of: service, releases, place, nowhere)
                            #expect(try await place.images() == images, "\(service) \(fault)")
                            #expect(try await place.drifts() == [], "\(service) \(fault)")
                            #expect(try await place.count(.ledger) == count, "\(service) \(fault)")
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

        /// Deploys what cannot become healthy: it is said so, with the service that it is for, and all goes back.
        private func fail(
            _ fault: Fault, of service: String, _ releases: BadReleases, _ place: EnginePlace, _ nowhere: String
        ) async throws {
            let stack = releases.release(fault, of: service, nowhere: nowhere)
            let signal = releases.signals.appending("crash")
            _ = signal.withCString { unlink($0) }
            place.journal.onEvent { event in
                if fault.isItsMoment(event) { _ = signal.withCString { close(open($0, O_CREAT | O_WRONLY, 0o644)) } }
            }
            let entry = try await place.deploy(stack, "\(fault)", retries: true)
            place.journal.onEvent(nil)
            let said = Comment(rawValue: "\(service) \(fault): \(entry)\n\(place.journal.take())")
            #expect(entry.end == .rolledBack, said)
            #expect(entry.running?.release == "good", said)
            // A secret without a value is nobody's fault in particular.
            #expect(entry.failed.keys.contains(fault == .secretMissing ? "" : service), said)
            let bound = (stack.rendered.deadline + releases.base.rendered.deadline).components.seconds
            #expect(entry.seconds <= bound, said)
        }

        /// After one more release every secret, config and document is there for a reason.
        private func checkNothingIsLeft(_ place: EnginePlace, _ releases: BadReleases, entries: Int) async throws {
            let last = try await place.deploy(releases.base, "good")
            #expect(last.end == .deployed, "\(last) \(place.journal.take())")
            let left = try await place.engine.observe(place.project)
            #expect(left.secrets == Set(releases.base.rendered.secrets.map(\.engineName)))
            #expect(Set(left.configs.keys) == Set(releases.base.rendered.configs.map(\.engineName)))
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
