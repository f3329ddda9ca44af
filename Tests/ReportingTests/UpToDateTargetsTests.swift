import BuildEngine
import BuildGraph
import BuildTestSupport
import Testing

@testable import Reporting

/// Thousands of targets on which nothing was to do come as one event: whoever reads along makes of it what one for each of them
/// came to.
@Suite struct UpToDateTargetsTests {
    private static let id = "20261121-170306-3f2a"

    private func reports(_ count: Int) -> [TargetReport] {
        (0..<count).map { number in
            number % 5000 == 7
                ? ToldRun.report("s\(number):all", .nothing)
                : ToldRun.report("s\(number):build", .cached(restored: false), saved: .milliseconds(number))
        }
    }

    private func asOne(_ reports: [TargetReport]) -> Event {
        let cached = reports.filter { if case .nothing = $0.outcome { false } else { true } }
        return .targetsUpToDate(
            UpToDateTargets(
                count: reports.count, cached: cached.count, saved: cached.reduce(.zero) { $0 + $1.saved }
            ) { reports[$0] })
    }

    private func run(_ told: [Event]) -> [Event] {
        [ToldRun.started(told.count)] + told + [
            .targetFinished(ToldRun.report("t:build", .ran(.noResult), took: .seconds(1))), ToldRun.finished(ran: 1),
        ]
    }

    @Test(arguments: [Verbosity.quiet, .normal, .verbose])
    func theConsoleSaysTheSame(_ verbosity: Verbosity) {
        let reports = reports(20)
        var single = Transcript(ConsoleLook(), verbosity)
        for event in run(reports.map { .targetFinished($0) }) { single.tell(event) }
        var many = Transcript(ConsoleLook(), verbosity)
        for event in run([asOne(reports)]) { many.tell(event) }
        #expect(many.lines == single.lines)
        #expect(many.state.done == 21 && single.state.done == 21)
        #expect(many.state.cached == 19 && single.state.cached == 19)
        #expect(many.lines.contains { $0.contains("s11:build") } == (verbosity == .verbose))
    }

    /// More than a log names, with groups before and among those.
    @Test(arguments: [20, 10_050])
    func theLogIsTheSame(_ count: Int) throws {
        let reports = reports(count)
        let folder = try TemporaryFolder()
        let began = ContinuousClock.now
        func lines(_ events: [Event], _ name: String) throws -> [UInt8] {
            let logs = EventLogs(in: folder(name))
            let heading = RunHeading(
                id: Self.id, time: 1_795_280_586_123, program: "0.1.0", asked: [], commit: nil, branch: nil)
            let log = EventLog(heading, in: logs, now: { began }) { Issue.record("\($0)") }
            for event in events { log.receive(event) }
            return try readFile(logs.path(of: Self.id).shown)
        }
        let single = try lines(run(reports.map { .targetFinished($0) }), "single")
        let many = try lines([ToldRun.started(count)] + run([asOne(reports)]).dropFirst(), "many")
        let told = many.split(separator: UInt8(ascii: "\n")).compactMap { LogLine($0) }
        #expect(told.count == 5)
        #expect(many.split(separator: 10).dropFirst(2) == single.split(separator: 10).dropFirst(2))
        let picture = try #require(RunPicture(told))
        #expect(picture.entries.count + picture.unnamed == count - (count > 20 ? 3 : 1) + 1)
        #expect(picture.entries[9].report.saved == .milliseconds(10))
        // The line that is written without a detour is the text of its document.
        let recorded = RecordedEvent(at: .zero, asOne(reports))
        let text = try #require(recorded.json).text(pretty: false)
        #expect(many.split(separator: 10).dropFirst(2).first.map { String(decoding: $0, as: UTF8.self) } == text)
    }

    @Test func picturesMeasuresAndStatesAreTheSame() {
        let reports = reports(30)
        typealias Folded = (
            entries: [String], stages: [String: RunMeasures.Stage], counts: String, succeeded: Set<String>
        )
        func fold(_ events: [Event]) -> Folded {
            var picture = RunPicture(
                RunHeading(id: Self.id, time: 0, program: "0.1.0", asked: [], commit: nil, branch: nil))
            var measures = RunMeasures()
            var states = RunStates(watching: ["s3:build", "s4:unit", "s7:all"])
            for event in events {
                picture.apply(RecordedEvent(at: .seconds(1), event))
                measures.receive(event)
                switch event {
                case .targetFinished(let report): states.receive(report)
                case .targetsUpToDate(let targets): states.receive(targets)
                default: break
                }
            }
            return (
                picture.entries.map { "\($0.label) \($0.report.saved) \($0.end)" },
                measures.stages,
                "\(measures.targets.map(\.label)) \(picture.counts)", states.succeeded
            )
        }
        let single = fold(reports.map { .targetFinished($0) })
        let many = fold([asOne(reports)])
        #expect(many == single)
        #expect(many.entries.count == 29)
        #expect(many.succeeded == ["s3:build", "s7:all"])
    }
}
