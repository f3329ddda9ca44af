import BuildEngine
import BuildGraph
import Glibc
import Reporting
import Synchronization
import Testing

@Suite struct ConsoleTests {
    /// A console on a pipe, and a clock that stands still until it is told otherwise.
    private final class Bench: Sendable {
        let console: Console
        private let ends: (read: Int32, write: Int32)

        init(isLive: Bool) throws {
            var ends: [Int32] = [0, 0]
            try #require(pipe(&ends) == 0)
            self.ends = (ends[0], ends[1])
            let clock = Clock()
            self.clock = clock
            console = Console(
                descriptor: ends[1], state: Transcript(ConsoleLook(isLive: isLive)).state, now: { clock.now })
        }

        private let clock: Clock

        func wait(_ milliseconds: Int) { clock.time.withLock { $0 += .milliseconds(milliseconds) } }

        /// What was written since, after which the pipe is closed.
        func written() -> String {
            close(ends.write)
            var bytes = [UInt8](repeating: 0, count: 65536)
            let count = read(ends.read, &bytes, bytes.count)
            close(ends.read)
            return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
        }
    }

    private final class Clock: Sendable {
        let time = Mutex(Transcript.epoch)
        var now: ContinuousClock.Instant { time.withLock { $0 } }
    }

    private func start(_ targets: Int) -> Event {
        .runStarted(RunStart(targets: targets, jobs: 1, estimate: nil, coldCache: false, sandbox: true))
    }

    private func ran(_ label: String) -> Event {
        .targetFinished(
            TargetReport(
                label: Transcript.label(label), inputHash: Transcript.hash, outcome: .ran(.noResult),
                duration: .seconds(1),
                saved: .zero, output: [], image: nil, imageDigest: nil, isCheck: false))
    }

    @Test func theBlockIsTakenAwayBeforeLinesThatStay() throws {
        let bench = try Bench(isLive: true)
        bench.console.receive(start(2))
        bench.wait(100)
        bench.console.receive(.targetStarted(Transcript.label("a:build"), at: Transcript.epoch))
        bench.wait(50)
        bench.console.refresh()
        bench.console.receive(ran("a:build"))
        bench.wait(50)
        bench.console.refresh()
        bench.console.receive(.runFinished(RunSummary()))
        bench.console.finish()
        #expect(
            bench.written()
                == "  a:build  100ms\n[0/2]\n" + "\r\u{1B}[2A\u{1B}[J" + "ok      a:build                  1.0s\n"
                + "[1/2]\n" + "\r\u{1B}[1A\u{1B}[J" + "nothing to do in 0ms\n")
    }

    /// Lines that come faster than the block is drawn do not take it away.
    @Test func theBlockStaysBelowEachLine() throws {
        let bench = try Bench(isLive: true)
        bench.console.receive(start(3))
        bench.wait(100)
        bench.console.refresh()
        for name in ["a:build", "b:build"] {
            bench.wait(1)
            bench.console.receive(ran(name))
        }
        #expect(
            bench.written()
                == "[0/3]\n\r\u{1B}[1A\u{1B}[Jok      a:build                  1.0s\n[1/3]\n"
                + "\r\u{1B}[1A\u{1B}[Jok      b:build                  1.0s\n[2/3]\n")
    }

    @Test func anInterruptedConsoleLeavesNoBlock() throws {
        let bench = try Bench(isLive: true)
        bench.console.receive(start(2))
        bench.wait(100)
        bench.console.refresh()
        bench.console.finish()
        bench.console.finish()
        bench.wait(100)
        bench.console.refresh()
        #expect(bench.written() == "[0/2]\n\r\u{1B}[1A\u{1B}[J")
    }

    @Test func atMostTenDrawingsASecond() throws {
        let bench = try Bench(isLive: true)
        bench.console.receive(start(2))
        for _ in 0..<1000 {
            bench.wait(1)
            bench.console.refresh()
        }
        #expect(bench.written().split(separator: "[0/2]").count == 11 - 1)
    }

    @Test func aPlainConsoleWritesNoControls() async throws {
        let bench = try Bench(isLive: false)
        await bench.console.keepDrawing()
        bench.console.receive(start(1))
        bench.wait(1000)
        bench.console.receive(ran("a:build"))
        bench.console.refresh()
        bench.console.finish()
        #expect(bench.written() == "ok      a:build                  1.0s\n")
    }
}
