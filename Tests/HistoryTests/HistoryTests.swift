import BuildEngine
import BuildGraph
import BuildTestSupport
import Buildfile
import History
import Reporting
import Synchronization
import Testing

/// What the history tells of runs whose logs it has taken in, and what becomes of it when its file is not as it should be.
@Suite struct HistoryTests {
    private let folder: TemporaryFolder
    private let logs: EventLogs

    init() throws {
        folder = try TemporaryFolder()
        logs = EventLogs(in: folder.path)
    }

    private func id(_ number: Int) -> String {
        RunHeading.id(time: 1_795_280_000_000 + number * 60_000, number: number)
    }

    /// Writes the log of a run with `reports`.
    private func run(_ number: Int, _ reports: [TargetReport], ends: Bool = true) {
        let time = 1_795_280_000_000 + number * 60_000
        let log = EventLog(RunHeading(id: id(number), time: time, program: "0", branch: "main"), in: logs) {
            Issue.record("\($0)")
        }
        log.receive(ToldRun.started(reports.count))
        for report in reports { log.receive(.targetFinished(report)) }
        let ran = reports.count { if case .ran = $0.outcome { true } else { false } }
        let failed = reports.count { if case .failed = $0.outcome { true } else { false } }
        if ends {
            log.receive(
                ToldRun.finished(
                    ran: ran, cached: reports.count - ran - failed, failed: failed, took: .seconds(2),
                    code: failed == 0 ? .done : .actionFailed))
        }
    }

    private func history(rebuilding: Bool = false) throws -> History {
        try History(in: folder.path, rebuilding: rebuilding, warn: { Issue.record("\($0.message)") })
    }

    private func ran(_ label: String, inputs: String = "", took: Int = 1000) -> TargetReport {
        ToldRun.report(label, .ran(.noResult), inputs: inputs, took: .milliseconds(took))
    }

    private func tested(_ label: String, inputs: String, failing: [String]) -> TargetReport {
        var report = ToldRun.report(
            label, failing.isEmpty ? .ran(.noResult) : ToldRun.failure("no"), inputs: inputs, took: .seconds(1))
        report.reports = ActionReports()
        report.reports?.tests = TestTally(passed: 10 - failing.count, failed: failing.count)
        report.reports?.failures = failing.map { TestFailure(suite: "s", name: $0, message: "m") }
        return report
    }

    @Test func linesThatCannotBeReadAreToldOnce() throws {
        for number in 1...3 { run(number, [ran("a:build"), ran("b:build")]) }
        let warnings = Mutex<[String]>([])
        func take() throws -> History {
            try History(in: folder.path, warn: { diagnostic in warnings.withLock { $0.append(diagnostic.message) } })
        }
        let heading = try Disk.contents(of: logs.path(of: id(1))).split(separator: UInt8(ascii: "\n"))
        // The end of a run that is still there, between two broken lines.
        var lines = heading.map(Array.init)
        lines[1] = Array("\u{0}\u{0}".utf8)
        lines.insert(Array(#"{"event":"ended""#.utf8), at: 3)
        try Disk.replace(
            logs.path(of: id(1)), with: Array(lines.joined(separator: [UInt8(ascii: "\n")])) + [UInt8(ascii: "\n")])
        let runs = try take().runs(last: 9)
        #expect(runs.map(\.ran) == [2, 2, 2])
        _ = try take()
        #expect(warnings.withLock { $0 } == ["2 lines of the log of the run \(id(1)) could not be read"])
    }

    @Test func runsAreListedNewestFirst() throws {
        run(1, [ran("a:build")])
        run(2, [ToldRun.report("a:build", .cached(restored: false), saved: .seconds(1))])
        run(3, [ToldRun.report("a:build", ToldRun.failure("no"))], ends: false)
        let runs = try history().runs(last: 10)
        #expect(runs.map(\.id) == [id(3), id(2), id(1)])
        #expect(runs.map(\.exit) == [nil, 0, 0])
        #expect(runs[1].cached == 1)
        #expect(runs[0].failed == 1)
        #expect(runs[0].branch == "main")
        let days = try history().days(last: 10)
        #expect(days.map(\.runs) == [3])
        #expect(days[0].hitRate == 1.0 / 3)
        #expect(try history().runs(last: 1).count == 1)
    }

    @Test func aRunThatWentOnIsTakenInAgain() throws {
        run(1, [ran("a:build")], ends: false)
        let history = try history()
        #expect(try history.runs(last: 10).map(\.hasEnded) == [false])
        Disk.remove(logs.path(of: id(1)))
        run(1, [ran("a:build")])
        try history.takeIn()
        #expect(try history.runs(last: 10).map(\.hasEnded) == [true])
        #expect(try history.durations(last: 10, most: 10).slowest.map(\.runs) == [1])
    }

    @Test func aTestThatFailedAndPassedWithTheSameInputsIsFlaky() throws {
        run(1, [tested("a:unit", inputs: "1", failing: ["x"]), tested("b:unit", inputs: "1", failing: ["y"])])
        run(2, [tested("a:unit", inputs: "1", failing: []), tested("b:unit", inputs: "2", failing: [])])
        run(3, [tested("a:unit", inputs: "1", failing: ["x", "z"])])
        let flaky = try history().flaky(last: 10, most: 10)
        // b was mended: its inputs are others.
        #expect(
            flaky.map { "\($0.label) \($0.test ?? "") \($0.failed)/\($0.runs)" } == [
                "a:unit s › x 2/3", "a:unit s › z 1/3",
            ])
        #expect(flaky.first?.last == id(3))
    }

    @Test func aTargetWithoutTestsIsFlakyAsAWhole() throws {
        run(
            1,
            [
                ToldRun.report("a:unit", ToldRun.failure("no"), inputs: "1"),
                ToldRun.report("b:unit", ToldRun.failure("no", kind: .machine), inputs: "1"),
            ])
        run(2, [ran("a:unit", inputs: "1"), ran("b:unit", inputs: "1")])
        let flaky = try history().flaky(last: 10, most: 10)
        // What the machine did to b is no fault of its.
        #expect(flaky.map { "\($0.label) \($0.test ?? "-") \($0.failed)/\($0.runs)" } == ["a:unit - 1/2"])
    }

    @Test func streaksEndWithASuccess() throws {
        let failed = ToldRun.report("a:unit", ToldRun.failure("no"), inputs: "1")
        run(1, [failed, ToldRun.report("b:unit", ToldRun.failure("no"))])
        run(2, [ran("a:unit", inputs: "2")])
        run(3, [failed])
        run(4, [failed, ran("b:unit")])
        let failing = try history().failing(last: 10, most: 10)
        #expect(failing.map { "\($0.label) \($0.runs) \($0.since)" } == ["a:unit 2 \(id(3))"])
    }

    @Test func whatBecameSlowerIsTold() throws {
        for number in 0..<12 {
            run(number, [ran("a:build", took: number < 9 ? 1000 : 2500), ran("b:build", took: 100)])
        }
        let (slowest, slowed) = try history().durations(last: 100, most: 10)
        #expect(slowest.map(\.label) == ["a:build", "b:build"])
        #expect(slowest[0].median == .seconds(1))
        #expect(slowest[0].longest == .milliseconds(2500))
        #expect(slowed.map { "\($0.label) \($0.since)" } == ["a:build \(id(9))"])
        #expect(slowed.first?.before == .seconds(1))
        #expect(slowed.first?.now == .milliseconds(2500))
    }

    @Test func aCauseIsFollowedToItsRoot() throws {
        var lib = ran("lib:build")
        lib.changes = [Change(.input, BytePath("lib/x.py"))]
        var app = ran("app:build")
        app.changes = [Change(.prerequisite, BytePath("lib:build"))]
        var unit = ran("app:unit")
        unit.changes = [Change(.prerequisite, BytePath("app:build")), Change(.variable, BytePath("flags"))]
        var image = ran("app:image")
        image.changes = [Change(.prerequisite, BytePath("other:build"))]
        run(1, [lib, app, unit, image])
        run(2, [lib])
        let causes = try history().invalidations(last: 10, most: 10)
        #expect(
            causes.map { "\($0.kind) \($0.subject) \($0.targets) \($0.runs)" } == [
                "input lib/x.py 4 2", "prerequisite other:build 1 1", "variable flags 1 1",
            ])
        let targets = try history().invalidated(last: 10, most: 1)
        #expect(targets.map { "\($0.label) \($0.runs) \($0.mostOften)" } == ["lib:build 2 input lib/x.py"])
    }

    // MARK: The file

    private func warned() throws -> (messages: [String], runs: Int) {
        let messages = Mutex<[String]>([])
        let history = try History(
            in: folder.path, warn: { diagnostic in messages.withLock { $0.append(diagnostic.message) } })
        let runs = try history.runs(last: 10).count
        return (messages.withLock { $0 }, runs)
    }

    @Test func aDamagedFileIsMovedAsideAndMadeAnew() throws {
        run(1, [ran("a:build")])
        for damage in ["no database at all, and long enough to be read as one", ""] {
            _ = try? history()
            var bytes = try Disk.contents(of: folder("history.sqlite"))
            // Either another file, or pages that make no sense.
            bytes =
                damage.isEmpty
                ? Array(bytes.prefix(4096)) + Array(repeating: 0xA5, count: max(0, bytes.count - 4096))
                : Array(damage.utf8)
            for ending in ["-wal", "-shm"] { Disk.remove(folder("history.sqlite" + ending)) }
            try Disk.replace(folder("history.sqlite"), with: bytes)
            let (messages, runs) = try warned()
            #expect(runs == 1)
            #expect(messages.count == 1, "\(messages)")
            #expect(messages.first?.contains("history.sqlite.damaged") == true)
            #expect(try warned().messages.isEmpty)
            #expect(try Disk.contents(of: folder("history.sqlite.damaged")) == bytes)
        }
    }

    @Test func aLaterVersionsFileIsMovedAside() throws {
        run(1, [ran("a:build")])
        _ = try history()
        var bytes = try Disk.contents(of: folder("history.sqlite"))
        bytes[63] = 99
        for ending in ["-wal", "-shm"] { Disk.remove(folder("history.sqlite" + ending)) }
        try Disk.replace(folder("history.sqlite"), with: bytes)
        let (messages, runs) = try warned()
        #expect(runs == 1)
        #expect(messages.count == 1, "\(messages)")
        #expect(messages.first?.contains("it is of version 99") == true)
        #expect(try warned().messages.isEmpty)
    }

    @Test func whereNothingCanBeWrittenTheLogsAreTold() throws {
        run(1, [ran("a:build")])
        // A folder cannot be opened as a database, whoever asks.
        try folder.write("history.sqlite/in the way", "")
        let (messages, runs) = try warned()
        #expect(runs == 1)
        #expect(messages.count == 1, "\(messages)")
        #expect(messages.first?.contains("cannot be written") == true)
    }

    @Test func rebuildingKeepsWhatLogsTell() throws {
        run(1, [ran("a:build")])
        run(2, [ran("a:build")])
        #expect(try history().runs(last: 10).count == 2)
        Disk.remove(logs.path(of: id(1)))
        #expect(try history().runs(last: 10).count == 2)
        #expect(try history(rebuilding: true).runs(last: 10).map(\.id) == [id(2)])
    }

    @Test func severalAtOnceTakeEachRunInOnce() async throws {
        for number in 0..<20 { run(number, [ran("a:build")]) }
        let state = folder.path
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    let history = try History(in: state, warn: { Issue.record("\($0.message)") })
                    return try history.runs(last: 100).count
                }
            }
            for try await count in group { #expect(count == 20) }
        }
        #expect(try history().durations(last: 100, most: 1).slowest.first?.runs == 20)
    }
}
