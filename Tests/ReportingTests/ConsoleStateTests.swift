import BuildEngine
import BuildGraph
import Buildfile
import Reporting
import Testing

@Suite struct ConsoleStateTests {
    private func successfulRun(_ verbosity: Verbosity, _ look: ConsoleLook = ConsoleLook()) -> String {
        var run = Transcript(look, verbosity)
        run.start(targets: 4, estimate: .seconds(130))
        run.end("catalog:unit", .cached(restored: false), saved: 3.1)
        run.begin("catalog:build")
        run.end("catalog:build", .ran(.noResult), took: 1.25, output: "packing\n")
        run.begin("catalog:image")
        run.end("catalog:image", .ran(.lostImage), took: 14.2, image: "localhost:5000/lms/catalog")
        run.end("catalog:all", .nothing)
        run.tell(.notice(Diagnostic(.emptyGlob, .warning, "'x/**' matches nothing")))
        run.tell(.notice(Diagnostic(.machineFailure, .notice, "the cache is read-only")))
        run.finish(ran: 2, cached: 1, took: 14.2, saved: 63)
        return run.text
    }

    @Test func successOnAPlainConsole() {
        #expect(
            successfulRun(.normal) == """
                about 2m to go (from recorded times)
                ok      catalog:build            1.2s
                ok      catalog:image            14s
                image   localhost:5000/lms/catalog:3f0c12ab34cd  sha256:3f0c12ab34cd
                warning[LMS112]: 'x/**' matches nothing
                notice[LMS604]: the cache is read-only
                ran 2, cached 1, failed 0, skipped 0 in 14s (saved 1m03s)
                """)
    }

    @Test func verboseShowsWhatWasCachedAndTheOutputOfSuccess() {
        #expect(
            successfulRun(.verbose) == """
                cached  catalog:unit             (saved 3.1s)
                about 2m to go (from recorded times)
                ok      catalog:build            1.2s
                ──── catalog:build ─────────────────────────────────────────
                packing
                ────────────────────────────────────────────────────────────
                ok      catalog:image            14s
                image   localhost:5000/lms/catalog:3f0c12ab34cd  sha256:3f0c12ab34cd
                warning[LMS112]: 'x/**' matches nothing
                notice[LMS604]: the cache is read-only
                ran 2, cached 1, failed 0, skipped 0 in 14s (saved 1m03s)
                """)
    }

    @Test func quietSaysOnlyWhatIsWrong() {
        #expect(successfulRun(.quiet) == "warning[LMS112]: 'x/**' matches nothing")
    }

    @Test func noProgressKeepsNoticesAndTheSummary() {
        #expect(
            successfulRun(.normal, ConsoleLook(namesSuccesses: false)) == """
                warning[LMS112]: 'x/**' matches nothing
                notice[LMS604]: the cache is read-only
                ran 2, cached 1, failed 0, skipped 0 in 14s (saved 1m03s)
                """)
    }

    /// A screen reader spells rules out; words it reads.
    @Test func whatIsReadAloudHasNoRules() {
        var run = Transcript(ConsoleLook(isSpoken: true))
        run.end("größe:unit", Transcript.failure(exit: 1, output: "大きい\n", saying: "größe:unit failed"), took: 2)
        #expect(
            run.text == """
                FAILED  größe:unit  exit 1  2.0s
                output of größe:unit:
                大きい
                end of output of größe:unit
                error[LMS501]: größe:unit failed
                """)
    }

    @Test(arguments: [Verbosity.normal, .quiet])
    func failuresWithKeepGoing(verbosity: Verbosity) {
        var run = Transcript(ConsoleLook(), verbosity)
        run.start(targets: 5)
        run.begin("readers:unit")
        run.begin("lending:unit")
        run.end(
            "readers:unit", Transcript.failure(.timeout, exit: 143, saying: "readers:unit took longer than 10m"),
            took: 600)
        run.end(
            "lending:unit",
            Transcript.failure(exit: 1, output: "F.\r\nassert 1 == 2\r\n\r\nno newline", saying: "lending:unit failed"),
            took: 2)
        run.end("lending:image", .skipped(because: Transcript.label("lending:unit")))
        run.end("readers:image", .skipped(because: nil))
        run.finish(failed: 2, skipped: 2, took: 602, code: .checkFailed)
        #expect(
            run.text == """
                FAILED  readers:unit  timeout  10m00s
                error[LMS501]: readers:unit took longer than 10m
                FAILED  lending:unit  exit 1  2.0s
                ──── lending:unit ──────────────────────────────────────────
                F.
                assert 1 == 2

                no newline
                ────────────────────────────────────────────────────────────
                error[LMS501]: lending:unit failed
                skipped lending:image because lending:unit failed
                skipped readers:image because the run was interrupted
                failed:
                  lending:unit  exit 1
                  readers:unit  timeout
                ran 0, cached 0, failed 2, skipped 2 in 10m02s
                """)
    }

    @Test func nothingToDo() {
        var run = Transcript()
        run.start(targets: 42, estimate: .seconds(120))
        for number in 0..<42 { run.end("c\(number):build", .cached(restored: false), saved: 1.5) }
        run.finish(cached: 42, took: 0.0314, saved: 63)
        #expect(run.text == "nothing to do: 42 targets up to date in 31ms (saved 1m03s)")
        var empty = Transcript()
        empty.start(targets: 0, cold: true)
        empty.finish(took: 0.002)
        #expect(empty.text == "nothing to do in 2ms")
    }

    @Test func coldCacheIsSaidAtTheStart() {
        var run = Transcript()
        run.start(targets: 42, cold: true)
        run.begin("a:build")
        run.end("a:build", .ran(.noResult), took: 0.2)
        #expect(run.text == "cold cache: 42 targets to run\nok      a:build                  200ms")
    }

    @Test func anInterruptedRunSaysSo() {
        var run = Transcript()
        run.start(targets: 2)
        run.begin("a:build")
        run.tell(.interrupted(signal: 2))
        run.finish(skipped: 2, took: 1, code: .signal(2))
        #expect(
            run.text == """
                interrupted by signal 2: stopping 1 running; again to kill
                ran 0, cached 0, failed 0, skipped 2 in 1.0s
                """)
    }

    @Test func coloursOnlyWhereTheyWork() {
        var run = Transcript(ConsoleLook(hasColour: true))
        run.begin("a:build")
        run.end("a:build", .ran(.noResult), took: 1)
        #expect(run.text == "\u{1B}[32mok\u{1B}[0m      a:build                  1.0s")
    }

    @Test func outputCannotStartCommandsOfACIRunner() {
        var run = Transcript(ConsoleLook(isCI: true), .verbose)
        run.end("a:unit", .cached(restored: false), output: "::set-env name=A::b\n")
        #expect(run.lines.contains("\\::set-env name=A::b"))
    }

    @Test func theClosingLineNamesTheCode() {
        #expect(closingLine(.done) == nil)
        #expect(closingLine(.checkFailed) == "lmsbuild: exit 3: a check said no")
        #expect(closingLine(.signal(2)) == "lmsbuild: exit 130: ended by signal 2")
    }
}
