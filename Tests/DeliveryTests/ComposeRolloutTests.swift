import BuildEngine
import BuildGraph
import BuildTestSupport
import Buildfile
import Glibc
import Testing

@testable import Delivery

extension RealEngineTests {
    /// Rollouts by the real docker-compose: what they say is what runs.
    @Suite(.enabled(if: isInstalled("docker-compose") && isInstalled("dockerd") && geteuid() == 0), .serialized)
    struct ComposeRolloutTests {
        private static let serve = "exec /bin/busybox httpd -f -p 127.0.0.1:$PORT -h /www"
        private let good = "[\"/bin/busybox\", \"sh\", \"-c\", \"\(serve)\"]"
        private let project = "com.docker.compose.project=lms-test"

        @Test(.timeLimit(.minutes(12))) func whatRunsIsWhatIsSaid() async throws {
            try await DockerEngine.during(swarm: false) { engine in
                _ = try await engine.image("one", ["www/health": "one\n"], command: good)
                _ = try await engine.image("two", ["www/health": "two\n"], command: good)
                _ = try await engine.image("sick", ["www/other": "\n"], command: good)
                let place = try EnginePlace.compose(engine)
                try await checkFirstDeploys(engine, place)
                try await checkBadReleases(engine, place)
                try await checkDrift(engine, place)
                try await checkRollback(engine, place)
            }
        }

        /// Ports 1829x are nobody else's: the engine's containers are on this machine's network. `c` is in every release the
        /// same.
        private var stack: StackFixture {
            var stack = StackFixture(services: [
                "a": .init(image: "one", port: 18295), "b": .init(image: "one", port: 18296),
                "c": .init(image: "one", port: 18297),
            ])
            stack.secrets = ["key": "good"]
            stack.services["b"]?.secrets = ["key"]
            stack.services["b"]?.user = "65534"
            let command = "[ $(/bin/busybox cat /run/secrets/key) = good ] && \(Self.serve)"
            stack.services["b"]?.command = ["/bin/busybox", "sh", "-c", command]
            return stack
        }

        private func checkFirstDeploys(_ engine: DockerEngine, _ place: EnginePlace) async throws {
            var sick = stack
            sick.services["a"]?.image = "sick"
            sick.services["a"]?.startPeriod = 500
            let none = try await place.deploy(sick, "r0")
            #expect(none.end == .rolledBack, "\(none)")
            #expect(none.failed.keys.contains("a"))
            #expect(try await engine.output("docker", "ps", "-aq") == "")
            #expect(try await place.drifts() == [])

            let first = try await place.deploy(stack, "r1")
            #expect(first.end == .deployed, "\(first)")
            #expect(try await place.drifts() == [])
            #expect(
                try await engine.output("/bin/busybox", "wget", "-q", "-O", "-", "http://127.0.0.1:18296/health")
                    == "one\n"
            )
            let containers = try await engine.output("docker", "ps", "-q")
            #expect(try await place.deploy(stack, "r1").end == .deployed)
            #expect(try await engine.output("docker", "ps", "-q") == containers)
        }

        private func checkBadReleases(_ engine: DockerEngine, _ place: EnginePlace) async throws {
            let signal = engine.folder("signals").appending("crash")
            try engine.folder.write("signals/.there", "")
            let faults: [(String, (inout StackFixture.Service) -> Void)] = [
                (
                    "sick",
                    {
                        $0.image = "sick"
                        $0.startPeriod = 500
                    }
                ),
                ("wrong command", { $0.command = ["/bin/nothing"] }),
                ("ends at once", { $0.command = ["/bin/busybox", "true"] }),
                (
                    "port taken",
                    { $0.command = ["/bin/busybox", "httpd", "-f", "-p", "127.0.0.1:18297", "-h", "/www"] }
                ),
                (
                    "crash",
                    {
                        $0.volumes = ["\(engine.folder("signals").shown):/signals:ro"]
                        $0.command = [
                            "/bin/busybox", "sh", "-c",
                            "/bin/busybox httpd -p 127.0.0.1:$PORT -h /www; "
                                + "until [ -e /signals/crash ]; do /bin/busybox sleep 0.1; done; exit 1",
                        ]
                    }
                ),
            ]
            var place = place
            // As long as it takes to see that it does not stay up.
            place.watch = .seconds(60)
            place.journal.onEvent { event in
                guard case .watching = event else { return }
                _ = signal.withCString { close(open($0, O_CREAT | O_WRONLY, 0o644)) }
            }
            for (number, (name, spoil)) in faults.enumerated() {
                var bad = stack
                bad.services["b"]?.environment = ["NEW": "1"]
                if name == "sick" { bad.services["b"]?.image = "two" }
                if var service = bad.services["a"] {
                    spoil(&service)
                    bad.services["a"] = service
                }
                let entry = try await place.deploy(bad, "bad \(name)", retries: true)
                let said = Comment(rawValue: "\(name): \(entry)\n\(place.journal.take())")
                #expect(entry.end == .rolledBack, said)
                #expect(entry.failed.keys.sorted() == ["a"], said)
                #expect(entry.quarantined == (name == "sick" ? ["sick"] : []), said)
                #expect(
                    entry.seconds <= (bad.rendered.deadline + stack.rendered.deadline).components.seconds, said)
                #expect(try await place.images() == ["a": "one", "b": "one", "c": "one"], "\(name)")
                #expect(try await place.drifts() == [], "\(name)")
                #expect(try await place.count(.ledger) == 4 + number)
                #expect(try await place.count(.record) == 0)
            }
            place.journal.onEvent(nil)
            #expect(!(try await engine.output("docker", "inspect", "lms-test_b_1").contains("NEW=1")))
            try await checkMissingSecret(place)
        }

        /// Nothing is begun where a secret's value is nowhere: that is no service's fault.
        private func checkMissingSecret(_ place: EnginePlace) async throws {
            var bad = stack
            bad.secrets["key"] = "another"
            bad.valueless = ["key"]
            let containers = try await place.engine.observe("lms-test").services.mapValues(\.id)
            let entry = try await place.deploy(bad, "no value", retries: true)
            #expect(entry.end == .rolledBack && entry.failed.keys.sorted() == [""], "\(entry)")
            #expect(try await place.engine.observe("lms-test").services.mapValues(\.id) == containers)
            #expect(try await place.drifts() == [])
        }

        private func checkDrift(_ engine: DockerEngine, _ place: EnginePlace) async throws {
            func mended(_ what: String) async throws {
                #expect(try await place.deploy(stack, "r1").end == .deployed, "\(what)")
                #expect(try await place.drifts() == [], "\(what)")
            }
            _ = try await engine.output("docker", "rm", "-f", "lms-test_a_1")
            #expect(try await place.drifts().map(\.kind) == [.missing])
            try await mended("removed")

            _ = try await engine.output("docker", "stop", "-t", "1", "lms-test_a_1")
            #expect(try await place.drifts().contains { $0.kind == .notRunning && $0.service == "a" })
            try await mended("stopped")

            for service in ["a", "ghost"] {
                _ = try await engine.output(
                    "docker", "run", "-d", "--network", "host", "--name", "by-hand-\(service)", "--label", project,
                    "--label", "com.docker.compose.service=\(service)", "one", "/bin/busybox", "sleep", "1000")
            }
            let extra = try await place.drifts()
            #expect(extra.contains { $0.kind == .changed && $0.service == "a" }, "\(extra)")
            #expect(extra.contains { $0.kind == .orphan && $0.service == "ghost" }, "\(extra)")
            try await mended("more")
            #expect(try await engine.output("docker", "ps", "-aq").split(separator: "\n").count == 3)

            let text = String(
                decoding: try readFile(EnginePlace.files(engine, place.project).appending("stack.json").shown),
                as: UTF8.self)
            try engine.folder.write("other.json", text.replacing("\"PORT\"", with: "\"HAND\": \"1\", \"PORT\""))
            _ = try await engine.output(
                "docker-compose", "-p", "lms-test", "-f", engine.folder("other.json").shown, "up", "-d")
            let drifts = try await place.drifts()
            #expect(
                drifts.contains {
                    $0.service == "a" && $0.path == "Config.Env" && $0.found?.contains("HAND=1") == true
                },
                "\(drifts)")
            try await mended("another environment")
        }

        private func checkRollback(_ engine: DockerEngine, _ place: EnginePlace) async throws {
            var next = stack
            next.services["a"]?.image = "two"
            next.services["b"]?.image = "two"
            next.services["b"]?.secrets = []
            next.services["b"]?.command = nil
            next.secrets = [:]
            #expect(try await place.deploy(next, "r2").end == .deployed)
            #expect(try await place.images() == ["a": "two", "b": "two", "c": "one"])
            // Back as `rollback` does it: the stack from the shelf, which knows no secret's value.
            var old = stack
            old.valueless = ["key"]
            #expect(try await place.deploy(old, "r1").end == .deployed)
            #expect(try await place.images() == ["a": "one", "b": "one", "c": "one"])
            #expect(try await place.drifts() == [])
        }
    }
}
