import BuildEngine
import BuildGraph
import BuildTestSupport
import Buildfile
import Testing

@testable import Reporting

/// What is drawn of a run: its slots, its longest chain, and pages on which everything from outside is text.
@Suite struct RunPictureTests {
    private static let hostile = "</script><img src=x onerror=alert(1)>\"'&\u{1B}]0;x\u{7}\u{202E}"

    private var heading: RunHeading {
        RunHeading(id: "20261121-170306-3f2a", time: 1_795_280_586_123, program: "0.1.0")
    }

    private func ended(_ label: String, _ from: Int, _ to: Int, after: [String] = []) -> [RecordedEvent] {
        var report = ToldRun.report(label, .ran(.noResult), took: .milliseconds(to - from))
        report.waitedFor = after.map(ToldRun.label)
        return [
            RecordedEvent(at: .milliseconds(from), ToldRun.begun(label)),
            RecordedEvent(at: .milliseconds(to), .targetFinished(report)),
        ]
    }

    private func picture(_ events: [RecordedEvent]) -> RunPicture {
        var picture = RunPicture(heading)
        for event in events.sorted(by: { $0.at < $1.at }) { picture.apply(event) }
        return picture
    }

    /// `a` and `b` at once, `c` after `a`, `d` after both; `d` waits for `b`, which took longest.
    private var diamond: RunPicture {
        picture(
            ended("a:build", 0, 10) + ended("b:build", 1, 50) + ended("c:build", 11, 30, after: ["a:build"])
                + ended("d:build", 51, 60, after: ["b:build", "c:build"]))
    }

    @Test func theCriticalPathIsTheLongestChain() {
        #expect(diamond.criticalPath.map { "\($0.label)" } == ["b:build", "d:build"])
        #expect(picture([]).criticalPath.isEmpty)
        // What names itself, or was not there, cannot make it endless.
        let odd = picture(ended("a:build", 0, 10, after: ["a:build", "z:build"]))
        #expect(odd.criticalPath.map { "\($0.label)" } == ["a:build"])
    }

    @Test func eachActionHasASlotOfItsOwn() {
        let slots = Dictionary(uniqueKeysWithValues: diamond.entries.map { ("\($0.label)", $0.slot) })
        #expect(slots == ["a:build": 0, "b:build": 1, "c:build": 0, "d:build": 0])
        #expect(diamond.slots == 2)
    }

    @Test func aRunThatGoesOnIsCountedByWhatHasEnded() {
        var going = diamond
        going.apply(RecordedEvent(at: .milliseconds(70), ToldRun.begun("e:build")))
        #expect(going.counts.ran == 4)
        #expect(going.running.map { "\($0.label)" } == ["e:build"])
        #expect(going.verdict == "not ended")
        #expect(RunPage.document(going).contains("<rect class=\"running"))
    }

    @Test func aHostileRunIsTextOnThePage() {
        var failed = ToldRun.report(
            "a:" + Self.hostile, ToldRun.failure(Self.hostile), output: Self.hostile + "\u{0}\n::error::x")
        failed.reports = ActionReports()
        failed.reports?.tests = TestTally(failed: 1)
        failed.reports?.failures = [TestFailure(suite: Self.hostile, name: Self.hostile, message: Self.hostile)]
        failed.changes = [Change(.input, BytePath(Self.hostile))]
        var named = RunHeading(
            id: "20261121-170306-3f2a", time: 0, program: Self.hostile, asked: [Self.hostile], commit: Self.hostile,
            branch: Self.hostile)
        named.page = "javascript:alert(1)"
        var picture = RunPicture(named)
        picture.apply(RecordedEvent(at: .zero, ToldRun.begun("a:" + Self.hostile)))
        picture.apply(RecordedEvent(at: .seconds(60), .targetFinished(failed)))
        picture.apply(RecordedEvent(at: .seconds(60), .notice(Diagnostic(.badReport, .warning, Self.hostile))))
        let page = RunPage.document(picture)
        for piece in [
            "<img", "<script", "</script", "onerror=alert(1)>", "\u{1B}", "\u{7}", "\u{202E}", "\u{0}", "javascript:",
        ] {
            #expect(!page.contains(piece), "\(piece)")
        }
        #expect(page.contains("&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;"))
        #expect(page.contains("content=\"default-src 'none'"))
        let markdown = MarkdownSummary(picture).text(picture.counts)
        #expect(!markdown.contains("<img"))
        #expect(!markdown.contains("\u{1B}"))
    }

    @Test func theSummaryOfARunThatWasKilledDoesNotSayDone() {
        let events = [RecordedEvent(at: .zero, ToldRun.begun("a:build"))]
        let killed = picture(events)
        #expect(MarkdownSummary(killed).text(killed.counts).hasPrefix("## lmsbuild: not ended\n"))
        let ended = picture(events + [RecordedEvent(at: .zero, ToldRun.finished())])
        #expect(MarkdownSummary(ended).text(ended.counts).hasPrefix("## lmsbuild: done\n"))
    }

    @Test func thePageNamesWhatRanAndWhy() {
        var ran = ToldRun.report("a:build", .ran(.noResult), took: .milliseconds(10))
        ran.changes = [Change(.input, BytePath("a/src/x.py"))]
        let page = RunPage.document(
            picture([
                RecordedEvent(at: .zero, ToldRun.begun("a:build")),
                RecordedEvent(at: .seconds(1), .targetFinished(ran)),
                RecordedEvent(
                    at: .seconds(1),
                    .targetFinished(ToldRun.report("b:build", .cached(restored: true), saved: .seconds(3)))),
                RecordedEvent(at: .seconds(1), ToldRun.finished(ran: 1, cached: 1, took: .seconds(1))),
            ]))
        #expect(page.contains("changed: input a/src/x.py"))
        #expect(page.contains("outputs put back from the cache"))
        #expect(page.contains("<summary>1 cached</summary>"))
        #expect(page.contains("Critical path"))
    }

    @Test func theTraceHasASliceForEachAction() throws {
        let trace = try JSONValue.parse(RunTrace.document(diamond))
        let events = try #require(trace.member("traceEvents")?.elements)
        let slices = events.filter { $0.member("ph")?.text == "X" }
        #expect(slices.map { $0.member("name")?.text } == ["a:build", "c:build", "b:build", "d:build"])
        #expect(slices[1].member("ts")?.numeric == 11_000)
        #expect(slices[1].member("dur")?.numeric == 19_000)
        #expect(slices[2].member("tid")?.numeric == 2)
    }
}
