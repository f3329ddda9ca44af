import BuildEngine
import BuildGraph
import Reporting
import Testing

@Suite struct StatusBlockTests {
    private var run: Transcript {
        var run = Transcript()
        run.start(targets: 42, estimate: .seconds(30))
        run.begin("catalog:build", at: 0)
        run.begin("lending:mutation", at: 5.5)
        run.begin("a:image", at: 16)
        run.end("x:unit", .cached(restored: false))
        run.end("y:unit", Transcript.failure(exit: 1, saying: "no"))
        return run
    }

    private func lines(_ run: Transcript, width: Int, height: Int = 8, at seconds: Double = 17.25) -> [String] {
        StatusBlock(width: width, height: height).lines(of: run.state, at: Transcript.epoch + .seconds(seconds))
    }

    @Test func longestRunningComesFirst() {
        #expect(
            lines(run, width: 80) == [
                "  catalog:build     17s", "  lending:mutation  11s", "  a:image           1.2s",
                "[2/42] 1 cached, 1 failed, about 12s left",
            ])
    }

    @Test func namesGiveWayBeforeTimes() {
        #expect(
            lines(run, width: 18) == [
                "  catalog:b…  17s", "  lending:m…  11s", "  a:image     1.2s", "[2/42] 1 cached, …",
            ])
    }

    @Test func neverMoreLinesThanAsked() {
        #expect(
            lines(run, width: 80, height: 3)
                == ["  catalog:build  17s", "  and 2 more", "[2/42] 1 cached, 1 failed, about 12s left"])
        #expect(lines(run, width: 80, height: 2).count == 2)
        #expect(lines(run, width: 80, height: 1) == ["[2/42] 1 cached, 1 failed, about 12s left"])
    }

    @Test func anOverrunEstimateIsNotShown() {
        #expect(lines(run, width: 80, at: 29.5).last == "[2/42] 1 cached, 1 failed")
    }

    @Test func wideAndCombiningCharactersAreMeasured() {
        var run = Transcript()
        run.start(targets: 3)
        run.begin("漢字漢字:b", at: 0)
        run.begin("cafe\u{301}:b", at: 1)
        #expect(lines(run, width: 80, at: 2) == ["  漢字漢字:b  2.0s", "  cafe\u{301}:b      1.0s", "[0/3]"])
        #expect(lines(run, width: 14, at: 2) == ["  漢…:b   2.0s", "  cafe\u{301}:b  1.0s", "[0/3]"])
    }

    @Test func narrowTerminalsAreRespected() {
        for width in 1...20 {
            for line in lines(run, width: width) { #expect(line.count <= width) }
        }
    }

    @Test func nothingIsDrawnBeforeAndAfter() {
        #expect(lines(Transcript(), width: 80).isEmpty)
        var over = run
        over.finish(took: 1)
        #expect(lines(over, width: 80).isEmpty)
    }
}
