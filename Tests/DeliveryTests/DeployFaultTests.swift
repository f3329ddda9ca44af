import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

@testable import Delivery

extension RealEngineTests {
    /// The program against a real swarm that fails it half-way, is away for good, or whose clock jumps; and the program killed on
    /// the way from one set to the other. What is said is so, and whoever comes next mends it.
    @Suite(
        .enabled(
            if: isInstalled("docker") && isInstalled("dockerd") && isInstalled("haproxy") && isInstalled("cc")
                && geteuid() == 0), .serialized)
    struct DeployFaultTests {
        private let deaf =
            #"["/bin/busybox", "sh", "-c", "trap '' TERM; exec /bin/busybox httpd -f -p 127.0.0.1:$PORT -h /www"]"#
        private let good = #"["/bin/busybox", "sh", "-c", "exec /bin/busybox httpd -f -p 127.0.0.1:$PORT -h /www"]"#

        /// Side by side, each with a stack and ports of its own: most of it is waiting.
        @Test(.timeLimit(.minutes(12))) func whateverHappensWhatIsSaidIsSo() async throws {
            try await DockerEngine.during(swarm: true) { engine in
                let place = RoutedEngine(docker: engine, place: try EnginePlace.swarm(engine))
                try await place.fill(["one", "two"])
                _ = try await engine.image("sick", ["www/other": "\n"], command: good)
                _ = try await engine.image("stubborn", ["www/other": "\n"], command: deaf)
                let port = 17_000 + 30 * Int.random(in: 0..<40)
                try await withThrowingTaskGroup { group in
                    group.addTask { try await HalfDeployed(engine, port: port).check() }
                    group.addTask { try await JumpingClock(engine, port: port + 6).check() }
                    group.addTask { try await HalfSwitched(engine, port: port + 8).check() }
                    group.addTask { try await KilledOnTheWay.blueGreen(engine, port: port + 12) }
                    group.addTask { try await KilledOnTheWay.canary(engine, port: port + 16) }
                    try await group.waitForAll()
                }
            }
        }
    }
}

/// Three of five services are changed when the engine begins to fail.
private struct HalfDeployed {
    private let engine: FailingEngine
    private let place: StackWorkspace

    init(_ docker: DockerEngine, port: Int) async throws {
        engine = try FailingEngine(before: docker)
        place = try await StackWorkspace(
            docker, at: engine.address, services: ["a", "b", "c", "d", "e"], port: port)
    }

    func check() async throws {
        try await place.serve("one")
        try await place.expect(0, "deploy", "--to", "test")
        try await place.serve("two")
        try await allGoBack()
        try await someStay()
        try await nobodyIsThere()
    }

    /// It fails once: there is a way back.
    private func allGoBack() async throws {
        try engine.fail(.refuses(4...4))
        let outcome = try await place.expect(50, "deploy", "--to", "test")
        #expect(outcome.errors.contains("engine: failed to update service"), "\(outcome)")
        #expect(outcome.errors.contains("no space left on device"), "\(outcome)")
        #expect(try await place.answers() == place.all("one"))
        try await place.expect(0, "status", "--env", "test")
    }

    /// It goes on failing: three have changed, two have not, and each is named.
    private func someStay() async throws {
        try engine.fail(.refuses(4...1000))
        let outcome = try await place.expect(52, "deploy", "--to", "test")
        let table = outcome.errors.split(separator: "\n").drop { $0 != "what is there now:" }.dropFirst()
        for name in place.services {
            #expect(table.filter { $0.hasPrefix("  \(name): ") }.count == 1, "\(outcome)")
        }
        #expect(
            table.count { $0.contains(": two:latest, ") && $0.hasSuffix("of the release that did not come up") } == 3)
        #expect(table.count { $0.contains(": one:latest, ") && $0.hasSuffix("as before") } == 2, "\(outcome)")
        let status = try await place.expect(3, "status", "--env", "test")
        #expect(status.output.hasPrefix("test runs no release as a whole: the deploy of "), "\(status)")
        #expect(status.output.contains("  drift: a: left by a deployment that stopped half-way: "), "\(status)")
        try engine.fail(nil)
        // As long as the engine is at what it was handed, nothing is begun.
        var next = try await place.run(["deploy", "--to", "test"])
        for _ in 0..<100 where next.status == 9 { next = try await place.run(["deploy", "--to", "test"]) }
        #expect(next.status == 0, "\(next)")
        #expect(try await place.answers() == place.all("two"))
        try await place.expect(0, "status", "--env", "test")
    }

    /// It does not come back: nobody knows what runs, and that is said. When it is there again, all goes back.
    private func nobodyIsThere() async throws {
        try await place.serve("one")
        try engine.fail(.isGone(from: 4))
        let outcome = try await place.expect(52, "deploy", "--to", "test")
        #expect(outcome.errors.contains("so nobody knows what is there now"), "\(outcome)")
        for name in place.services {
            #expect(outcome.errors.contains("\n  \(name): two before, one wanted"), "\(outcome)")
        }
        try await place.expect(34, "status", "--env", "test")
        try engine.fail(nil)
        let status = try await place.expect(3, "status", "--env", "test")
        #expect(status.output.contains("ended midway"), "\(status)")
        try await place.expect(0, "status", "--env", "test", "--fix")
        #expect(try await place.answers() == place.all("two"))
        try await place.expect(0, "status", "--env", "test")
    }
}

/// The clock of the machine that deploys jumps while health is waited for.
private struct JumpingClock {
    private let folder: TemporaryFolder
    private var place: StackWorkspace

    init(_ docker: DockerEngine, port: Int) async throws {
        folder = try TemporaryFolder()
        place = try await StackWorkspace(docker, port: port)
    }

    func check() async throws {
        var jumping = place
        jumping.environment["LD_PRELOAD"] = try await shim().shown
        jumping.environment["WALL_CLOCK_MOVED"] = folder("moved").shown
        try move(0)
        try await jumping.serve("one")
        try await jumping.expect(0, "deploy", "--to", "test")
        // Ahead while it comes up, and back past where it began while it is watched: neither late nor for ever.
        try await jumping.serve("two")
        let deploying = try jumping.start("deploy", "--to", "test")
        try await deploying.expect("is with the engine")
        try move(10 * 3600)
        // To others that have another clock the environment is still held.
        try await place.expect(9, "deploy", "--to", "test", "--no-wait")
        try await deploying.expect("all up; watched")
        try move(-20 * 3600)
        #expect(try await deploying.end(by: 0) == 0, "\(deploying.text)")
        #expect(try await place.answers() == place.all("two"))
        try await place.expect(0, "status", "--env", "test")
        // And what fails is no sooner given up, nor later.
        try await jumping.serve("sick")
        let bad = try jumping.start("deploy", "--to", "test")
        try await bad.expect("is with the engine")
        try move(10 * 3600)
        #expect(try await bad.end(by: 0) == 50, "\(bad.text)")
        #expect(!bad.text.contains("not up after"), "\(bad.text)")
        #expect(try await place.answers() == place.all("two"))
        // How long it took is not the clock's either; when it was is, which shows that it was moved.
        let history = try await place.expect(0, "history", "--env", "test", "--format", "json")
        let entries = try JSONValue.parse(Array(history.output.utf8)).member("entries")?.elements ?? []
        #expect(entries.allSatisfy { ($0.member("seconds")?.numeric ?? 9999) < 600 }, "\(history.output)")
        let times = entries.compactMap { $0.member("time")?.numeric }
        #expect(times.count == 3 && times[0] + 10 * 3600 < times[1], "\(times)")
    }

    private func move(_ seconds: Int) throws { try folder.write("moved", "\(seconds)") }

    /// Moves the wall clock of a program, and no other: a machine whose clock is set keeps its monotonic ones.
    private func shim() async throws -> BytePath {
        try folder.write(
            "shim.c",
            """
            #define _GNU_SOURCE
            #include <fcntl.h>
            #include <stdlib.h>
            #include <sys/syscall.h>
            #include <sys/time.h>
            #include <time.h>
            #include <unistd.h>
            static long moved(void) {
                char text[32] = {0};
                const char *name = getenv("WALL_CLOCK_MOVED");
                int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
                if (file < 0) return 0;
                if (read(file, text, sizeof text - 1) < 0) text[0] = 0;
                close(file);
                return atol(text);
            }
            int clock_gettime(clockid_t clock, struct timespec *now) {
                int code = syscall(SYS_clock_gettime, clock, now);
                if (code == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += moved();
                return code;
            }
            int gettimeofday(struct timeval *restrict into, void *restrict zone) {
                struct timespec now;
                clock_gettime(CLOCK_REALTIME, &now);
                if (into) { into->tv_sec = now.tv_sec; into->tv_usec = now.tv_nsec / 1000; }
                return 0;
            }
            time_t time(time_t *into) {
                struct timespec now;
                clock_gettime(CLOCK_REALTIME, &now);
                if (into) *into = now.tv_sec;
                return now.tv_sec;
            }
            """)
        let (library, source) = (folder("shim.so"), folder("shim.c"))
        let result = try await ProcessRunner.ofTests.run(
            Command(
                ["cc", "-shared", "-fPIC", "-o", library.shown, source.shown], environment: ["PATH": "/usr/bin:/bin"],
                folder: folder.path))
        try #require(result.succeeded, "\(String(decoding: result.output, as: UTF8.self))")
        return library
    }
}

/// The engine fails when users are to be led to the new set, and goes on failing: both sets are there.
private struct HalfSwitched {
    private let engine: FailingEngine
    private let place: StackWorkspace

    init(_ docker: DockerEngine, port: Int) async throws {
        engine = try FailingEngine(before: docker)
        place = try await StackWorkspace(docker, at: engine.address, port: port, strategy: "blue-green")
    }

    func check() async throws {
        try await place.serve("one")
        try await place.expect(0, "deploy", "--to", "test")
        try await place.serve("two")
        let client = try await PersistentClient(port: place.port)
        do {
            // A new set, the old one and the router: no change after these.
            try engine.fail(.refuses(4...1000))
            let outcome = try await place.expect(52, "deploy", "--to", "test")
            #expect(outcome.errors.contains("\n  web-blue: one:latest, 1 of 1 up"), "\(outcome)")
            #expect(outcome.errors.contains("\n  web-green: two:latest, 1 of 1 up"), "\(outcome)")
            #expect(try await place.answers() == place.all("one"))
            let status = try await place.expect(3, "status", "--env", "test")
            #expect(status.output.contains("blue serves all"), "\(status)")
            try engine.fail(nil)
            try await place.expect(0, "deploy", "--to", "test")
            #expect(try await place.answers() == place.all("two"))
            let mended = try await place.expect(0, "status", "--env", "test")
            #expect(!mended.output.contains("web-blue") || !mended.output.contains("web-green"), "\(mended)")
            // Where there is a whole again, there is a way back to the one before.
            try await place.expect(0, "rollback", "--env", "test")
            #expect(try await place.answers() == place.all("one"))
            try await place.expect(0, "status", "--env", "test")
            // What did not come up and does not want to end holds its port for a while; the next one gets it all the same.
            try await place.serve("stubborn")
            try await place.expect(50, "deploy", "--to", "test")
            try await place.serve("two")
            try await place.expect(0, "deploy", "--to", "test")
            #expect(try await place.answers() == place.all("two"))
        } catch {
            _ = try? await client.end()
            throw error
        }
        let (answers, bad) = try await client.end()
        #expect(bad == [] && Set(answers.keys) == ["one", "two"], "\(answers)")
    }
}

extension StackWorkspace {
    /// The program ends with `status`.
    @discardableResult
    func expect(
        _ status: Int32, _ arguments: String..., at location: SourceLocation = #_sourceLocation
    ) async throws -> Program.Outcome {
        let outcome = try await run(arguments)
        #expect(outcome.status == status, "\(arguments): \(outcome)", sourceLocation: location)
        return outcome
    }
}
