import BuildEngine
import BuildGraph
import Buildfile
import Reporting
import Testing

/// On a narrow terminal nothing of the console's own wraps, and what matters stays in sight.
@Suite struct FittedLinesTests {
    private func run(_ width: Int?, look: ConsoleLook = ConsoleLook()) -> Transcript {
        var run = Transcript(look)
        run.state.width = width
        run.start(targets: 5, estimate: .seconds(130))
        run.begin("catalog:build")
        run.end("catalog:build", .ran(.noResult), took: 1.25)
        run.end("a-component-with-a-very-long-name:integration", .ran(.noResult), took: 14.2)
        run.end("catalog:image", .ran(.noResult), took: 3, image: "localhost:5000/lms/catalog")
        run.end(
            "c:unit",
            Transcript.failure(exit: 1, output: "a line of a tool that is longer than forty columns\n", saying: "no"),
            took: 2)
        run.end("another-component-with-a-long-name:unit", Transcript.failure(exit: 1, saying: "no"), took: 2)
        run.end("d:unit", .skipped(because: Transcript.label("another-component-with-a-long-name:unit")))
        run.finish(ran: 3, failed: 2, skipped: 1, took: 63, saved: 130, code: .checkFailed)
        return run
    }

    /// Without the tool's own output and diagnostics, which stay as they are.
    private func own(_ run: Transcript) -> [String] {
        run.text.split(separator: "\n").map(String.init).filter {
            !$0.hasPrefix("a line of a tool") && !$0.hasPrefix("error[")
        }
    }

    @Test func atFortyColumnsNothingWraps() {
        #expect(
            run(40).text == """
                about 2m to go (from recorded times)
                ok      catalog:build            1.2s
                ok      a-component-wi…:integration  14s
                ok      catalog:image            3.0s
                image   localhost:5000/lms/catalog:3f0c…
                FAILED  c:unit  exit 1  2.0s
                ──── c:unit ────────────────────────────
                a line of a tool that is longer than forty columns
                ────────────────────────────────────────
                error[LMS501]: no
                FAILED  another-comp…:unit  exit 1  2.0s
                error[LMS501]: no
                skipped d:unit because another-componen…
                failed:
                  another-component-with-a…:unit  exit 1
                  c:unit                          exit 1
                ran 3, cached 0, failed 2, skipped 1 in
                  1m03s (saved 2m10s)
                """)
    }

    @Test(arguments: [12, 20, 30, 39, 41, 59, 60, 61, 79])
    func noLineIsLongerThanTheTerminal(width: Int) {
        for look in [ConsoleLook(), ConsoleLook(isSpoken: true)] {
            for line in own(run(width, look: look)) where !line.contains("output of") {
                #expect(line.displayWidth <= width, "\(line)")
            }
        }
        // Times are in sight where there is room for them.
        if width >= 30 { #expect(run(width).text.contains("  14s")) }
    }

    /// Words are not torn; what points into a file stays where it points.
    @Test func diagnosticsAreBrokenBetweenWords() {
        var run = Transcript()
        run.state = ConsoleState(look: ConsoleLook(hasColour: true)) { _ in
            """
            \u{1B}[1;33mwarning[LMS112]\u{1B}[0m: 'a/long/pattern/**' of this target matches nothing
              --> services/with/a/long/path/Buildfile:12:60
               |
            12 |     pack: lending-of-books-and-journals:build in
               |           ^^^^
               = \u{1B}[1mhelp\u{1B}[0m: name a file that is there, or write '?' after it

            """
        }
        run.state.width = 40
        run.tell(.notice(Diagnostic(.emptyGlob, .warning, "x")))
        let plain = run.text.replacing(/\u{1B}\[[0-9;]*m/, with: "")
        #expect(
            plain == """
                warning[LMS112]: 'a/long/pattern/**' of
                  this target matches nothing
                  --> services/with/a/long/path/Buildfile:12:60
                   |
                12 |     pack: lending-of-books-and-journals:build in
                   |           ^^^^
                   = help: name a file that is there, or
                     write '?' after it
                """)
        #expect(run.text.contains("\u{1B}[1mhelp\u{1B}[0m"))
    }

    @Test func wideTerminalsAndFilesShowAllOfIt() {
        #expect(run(200).text == run(nil).text)
        #expect(run(nil).text.contains("a-component-with-a-very-long-name:integration  14s"))
    }

    @Test func coloursTakeNoColumns() {
        let plain = run(40)
        let coloured = run(40, look: ConsoleLook(hasColour: true))
        let text = coloured.text.replacing(/\u{1B}\[[0-9;]*m/, with: "")
        #expect(coloured.text != text)
        #expect(text == plain.text)
    }
}
