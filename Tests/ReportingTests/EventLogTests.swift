import BuildEngine
import BuildGraph
import BuildTestSupport
import Buildfile
import Synchronization
import Testing

@testable import Reporting

/// What is written down of a run and read back: the same run, whatever became of the file's end.
@Suite struct EventLogTests {
    private static let id = "20261121-170306-3f2a"

    private func heading(_ id: String = Self.id) -> RunHeading {
        var heading = RunHeading(
            id: id, time: 1_795_280_586_123, program: "0.1.0", asked: ["a"], commit: String(repeating: "a", count: 40),
            branch: "main")
        heading.page = "https://ci.example/1"
        return heading
    }

    /// One of each kind, with everything that can be in it.
    private var everything: [Event] {
        var failed = ToldRun.report(
            "a:unit", ToldRun.failure("'a:unit' failed: exit status 1"), took: .milliseconds(12),
            output: "one\n\u{1B}[31mtwo\n")
        failed.waitedFor = [ToldRun.label("a:build"), ToldRun.label("b:verify[a]")]
        failed.changes = [Change(.input, BytePath("a/src/x.py")), Change(.recipe)]
        failed.outputSize = 12
        var reports = ActionReports()
        reports.tests = TestTally(passed: 3, failed: 1, errors: 1, skipped: 2)
        reports.failures = [
            TestFailure(
                suite: "s", name: "n", message: "m", detail: "d\ne", file: BytePath("a/t.py"), line: 3, isError: true)
        ]
        reports.findingCount = 2
        reports.findings = [Finding(rule: "F1", level: .error, message: "x", file: BytePath("a/y.py"), line: 9)]
        reports.scores = [GateScore(metric: .coverage, file: BytePath("c.xml"), value: 81.25)]
        failed.reports = reports
        return [
            ToldRun.started(4), ToldRun.begun("a:build"),
            .targetFinished(ToldRun.report("a:build", .ran(.noResult), took: .milliseconds(5))),
            .notice(Diagnostic(.inputChanged, .warning, "it changed", hint: "run again")),
            ToldRun.begun("a:unit"), .targetFinished(failed), .interrupted(signal: 2),
            .targetFinished(ToldRun.report("a:image", .skipped(because: ToldRun.label("a:unit")))),
            .targetFinished(ToldRun.report("b:unit", .notStarted)),
            .targetFinished(ToldRun.report("b:build", .cached(restored: true), saved: .seconds(2))),
            ToldRun.finished(ran: 1, cached: 1, failed: 1, took: .seconds(2), code: .checkFailed),
        ]
    }

    @Test func whatIsReadBackIsWhatWasWritten() throws {
        for event in everything {
            let recorded = RecordedEvent(at: .microseconds(1234), event)
            let text = try #require(recorded.json).text(pretty: false)
            guard case .event(let again)? = LogLine(Array(text.utf8)) else {
                Issue.record("not read back: \(text)")
                continue
            }
            #expect(again.json?.text(pretty: false) == text)
        }
        guard case .heading(let again)? = LogLine(Array(heading().json.text(pretty: false).utf8)) else {
            Issue.record("the heading is not read back")
            return
        }
        #expect(again == heading())
    }

    @Test func aLineOfALogIsTheTextOfItsDocument() throws {
        var odd = ToldRun.report("a:unit", .ran(.forced), output: "\"\\\u{7F}\t\r\u{1}é\n")
        odd.outputSize = 3
        for event in everything + [.targetFinished(odd)] {
            let recorded = RecordedEvent(at: .microseconds(1234), event)
            var line = Array("before\n".utf8)
            let hasLine = recorded.write(to: &line)
            #expect(hasLine)
            let text = try #require(recorded.json).text(pretty: false)
            #expect(String(decoding: line, as: UTF8.self) == "before\n\(text)\n")
            #expect(try JSONValue.parse(Array(text.utf8)) == recorded.json)
        }
        var line: [UInt8] = []
        let group = RecordedEvent(at: .zero, .targetFinished(ToldRun.report("a:all", .nothing)))
        let hasLine = group.write(to: &line)
        #expect(!hasLine && line.isEmpty && group.json == nil)
    }

    @Test func aFailureIsShownAgainWithItsLine() throws {
        let recorded = RecordedEvent(at: .zero, .targetFinished(ToldRun.report("a:unit", ToldRun.failure("no"))))
        let text = try #require(recorded.json).text(pretty: false)
        guard case .event(let again)? = LogLine(Array(text.utf8)), case .targetFinished(let report) = again.event,
            case .failed(let failure) = report.outcome
        else {
            Issue.record("not read back")
            return
        }
        let shown = DiagnosticRenderer(color: false).render(failure.diagnostic)
        #expect(shown.contains("Buildfile:2:5"), "\(shown)")
        #expect(shown.contains("    unit: src\n"), "\(shown)")
    }

    @Test func manyTargetsThatWereUpToDateAreOneLine() throws {
        let folder = try TemporaryFolder()
        let logs = EventLogs(in: folder.path)
        let log = EventLog(heading(), in: logs) { Issue.record("\($0)") }
        log.receive(ToldRun.started(10_002))
        for number in 0..<10_001 {
            log.receive(
                .targetFinished(ToldRun.report("s\(number):build", .cached(restored: false), saved: .seconds(1))))
        }
        log.receive(ToldRun.finished(cached: 10_001))
        let lines = try #require(try EventLogs.lines(at: logs.path(of: Self.id))).read
        #expect(lines.count == 4)
        let picture = try #require(RunPicture(lines))
        #expect(picture.entries.count == 10_000)
        #expect(picture.unnamed == 1)
        #expect(picture.entries[7].report.saved == .seconds(1))
        #expect(picture.counts.cached == 10_001)
    }

    @Test func aLogThatIsCutOffTellsAllButItsLastLine() throws {
        let folder = try TemporaryFolder()
        let logs = EventLogs(in: folder.path)
        let log = EventLog(heading(), in: logs) { Issue.record("\($0)") }
        for event in everything { log.receive(event) }
        let path = logs.path(of: Self.id)
        let whole = try Disk.contents(of: path)
        let lines = whole.split(separator: UInt8(ascii: "\n"))
        #expect(lines.count == everything.count + 1)
        var complete = 0
        for length in stride(from: lines[0].count + 1, through: whole.count, by: 37) {
            try Disk.replace(path, with: Array(whole.prefix(length)))
            let (read, broken) = try #require(try EventLogs.lines(at: path))
            complete = whole.prefix(length).count { $0 == UInt8(ascii: "\n") }
            #expect(read.count == complete)
            // A line that was cut off is no broken one: that the end is not told is said anyway.
            #expect(broken == 0)
        }
        // Of the heading itself nothing is left: no log.
        try Disk.replace(path, with: Array(whole.prefix(20)))
        #expect(try EventLogs.lines(at: path) == nil)
    }

    @Test func anOutlineTellsHowARunBeganAndEnded() throws {
        let folder = try TemporaryFolder()
        let logs = EventLogs(in: folder.path)
        let log = EventLog(heading(), in: logs) { Issue.record("\($0)") }
        for event in everything.dropLast() { log.receive(event) }
        log.flush()
        #expect(logs.outline(of: Self.id)?.counts.ran == 1)
        #expect(logs.outline(of: Self.id)?.summary == nil)
        everything.last.map(log.receive)
        let outline = try #require(logs.outline(of: Self.id))
        #expect(outline.heading == heading())
        #expect(outline.entries.isEmpty)
        #expect(outline.sentence == logs.picture(of: Self.id)?.sentence)
        #expect(outline.summary?.exitCode == .checkFailed)
        #expect(logs.outline(of: "20261121-170306-0000") == nil)
    }

    @Test func aReaderFollowsALogThatGrows() throws {
        let folder = try TemporaryFolder()
        let logs = EventLogs(in: folder.path)
        let log = EventLog(heading(), in: logs) { Issue.record("\($0)") }
        log.receive(ToldRun.started(1))
        var reader = EventLogReader(at: logs.path(of: Self.id))
        #expect(try reader.next()?.count == 2)
        #expect(try reader.next()?.count == 0)
        log.receive(ToldRun.begun("a:build"))
        log.flush()
        #expect(try reader.next()?.count == 1)
    }

    /// Nobody asks for it, and nothing else happens.
    @Test(.timeLimit(.minutes(1))) func whatHappenedIsWrittenAMomentLater() async throws {
        let folder = try TemporaryFolder()
        let logs = EventLogs(in: folder.path)
        let log = EventLog(heading(), in: logs) { Issue.record("\($0)") }
        log.receive(ToldRun.started(1))
        for name in ["a:build", "b:build"] {
            var reader = EventLogReader(at: logs.path(of: Self.id))
            _ = try reader.next()
            log.receive(ToldRun.begun(name))
            var lines: [LogLine] = []
            while lines.isEmpty {
                try await Task.sleep(for: .milliseconds(5))
                lines = try #require(try reader.next())
            }
            #expect(lines.count == 1)
        }
    }

    @Test func linesOfManyThreadsAreWhole() async throws {
        let folder = try TemporaryFolder()
        let logs = EventLogs(in: folder.path)
        let log = EventLog(heading(), in: logs) { Issue.record("\($0)") }
        log.receive(ToldRun.started(4000))
        await withTaskGroup(of: Void.self) { group in
            for part in 0..<4 {
                group.addTask {
                    for number in 0..<1000 {
                        log.receive(.targetFinished(ToldRun.report("s\(part).\(number):build", .ran(.forced))))
                    }
                }
            }
        }
        log.receive(ToldRun.finished(ran: 4000))
        let (lines, broken) = try #require(try EventLogs.lines(at: logs.path(of: Self.id)))
        #expect(lines.count == 4003)
        #expect(broken == 0)
        // Each part's in the order in which they happened.
        let labels = try #require(RunPicture(lines)).entries.map(\.label.component)
        for part in 0..<4 {
            let own = labels.filter { $0.hasPrefix("s\(part).") }
            #expect(own == (0..<1000).map { "s\(part).\($0)" })
        }
    }

    @Test func aLogThatIsLetGoIsWritten() throws {
        let folder = try TemporaryFolder()
        let logs = EventLogs(in: folder.path)
        var log: EventLog? = EventLog(heading(), in: logs) { Issue.record("\($0)") }
        log?.receive(ToldRun.started(1))
        log?.receive(ToldRun.begun("a:build"))
        log = nil
        #expect(try EventLogs.lines(at: logs.path(of: Self.id))?.read.count == 3)
    }

    @Test func brokenLinesAreCounted() throws {
        let folder = try TemporaryFolder()
        let logs = EventLogs(in: folder.path)
        let log = EventLog(heading(), in: logs) { Issue.record("\($0)") }
        for event in everything { log.receive(event) }
        let path = logs.path(of: Self.id)
        var lines = try Disk.contents(of: path).split(separator: UInt8(ascii: "\n")).map(Array.init)
        let count = lines.count
        // What a later version tells of is not broken, and an empty line is none.
        lines.insert(Array(#"{"event":"weather","sun":true}"#.utf8), at: 3)
        for junk in ["\u{0}\u{0}", #"{"event":"ended","at":1}"#, #"{"event":"beg"#] {
            lines.insert(Array(junk.utf8), at: 2)
        }
        lines.insert([], at: 2)
        try Disk.replace(path, with: Array(lines.joined(separator: [UInt8(ascii: "\n")])) + [UInt8(ascii: "\n")])
        let read = try #require(try EventLogs.lines(at: path))
        #expect(read.broken == 3)
        #expect(read.read.count == count + 1)
        let picture = try #require(logs.picture(of: Self.id))
        #expect(picture.broken == 3)
        #expect(picture.summary?.exitCode == .checkFailed)
    }

    @Test func whatALaterVersionWroteIsLeftAlone() throws {
        let folder = try TemporaryFolder()
        try folder.write("log", #"{"event":"run","schema":2,"id":"x","time":1}"# + "\n" + #"{"event":"new"}"# + "\n")
        #expect(try EventLogs.lines(at: folder("log")) == nil)
        for junk in [
            "", "{}", "[]", "{\"event\":1}", "{\"event\":\"ended\",\"at\":1}", "\u{0}",
            "{\"event\":\"begun\",\"at\":\"x\"}",
        ] {
            #expect(LogLine(Array(junk.utf8)) == nil, "\(junk)")
        }
    }

    @Test func whatCannotBeWrittenIsOneWarning() throws {
        let folder = try TemporaryFolder()
        // A file where the folder should be.
        try folder.write("events", "")
        let warnings = Mutex<[String]>([])
        let log = EventLog(heading(), in: EventLogs(in: folder.path)) { diagnostic in
            warnings.withLock { $0.append(diagnostic.message) }
        }
        for event in everything { log.receive(event) }
        let told = warnings.withLock { $0 }
        #expect(told.count == 1)
        #expect(told.first?.contains("cannot be written down") == true)
    }

    @Test func longOutputKeepsItsEnd() throws {
        let output = String(repeating: "x", count: 20_000) + "the end"
        let recorded = RecordedEvent(at: .zero, .targetFinished(ToldRun.report("a:b", .ran(.forced), output: output)))
        guard case .event(let again)? = LogLine(Array(try #require(recorded.json).text(pretty: false).utf8)),
            case .targetFinished(let report) = again.event
        else {
            Issue.record("not read back")
            return
        }
        let text = String(decoding: report.output, as: UTF8.self)
        #expect(text.hasSuffix("the end"))
        #expect(text.hasPrefix("[the first 11815 bytes are left out]\n"))
    }

    @Test func theOldestLogsGo() throws {
        let folder = try TemporaryFolder()
        let logs = EventLogs(in: folder.path)
        for number in 0..<9 { try folder.write("events/20261121-17030\(number)-0000.jsonl", "0123456789") }
        try folder.write("events/note", "")
        #expect(!logs.isFull(most: 9, bytes: 1000))
        #expect(logs.isFull(most: 8, bytes: 1000))
        logs.prune(most: 8, bytes: 1000)
        #expect(logs.ids.count == 6)
        #expect(logs.ids.first == "20261121-170303-0000")
        logs.prune(most: 8, bytes: 44)
        #expect(logs.ids == ["20261121-170306-0000", "20261121-170307-0000", "20261121-170308-0000"])
        logs.prune(most: 8, bytes: 1)
        #expect(logs.ids == ["20261121-170308-0000"])
        #expect(folder.files.contains("events/note"))
    }

    @Test(arguments: [
        "../../etc/passwd", "20261121-170306-3F2A", "20261121-170306", "20261121-170306-3f2a/", "",
        "２0261121-170306-3f2a",
    ])
    func onlyAnIDIsOne(_ text: String) {
        #expect(!RunHeading.isID(text))
    }

    @Test func anIDTellsTheTime() {
        #expect(RunHeading.id(time: 1_795_280_586_123, number: 0x3f2a) == "20261121-170306-3f2a")
        #expect(RunHeading.isID(RunHeading.id(time: 0, number: 1)))
    }
}
