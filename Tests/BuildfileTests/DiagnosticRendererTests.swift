import BuildTestSupport
import Buildfile
import Testing

@Suite struct DiagnosticRendererTests {
    private func render(_ marked: String, color: Bool = false) -> String {
        let text = MarkedText(marked)
        let range = text.ranges.first ?? 0..<0
        let span = SourceSpan(text.source(), offset: range.lowerBound, length: range.count)
        return DiagnosticRenderer(color: color).render(Diagnostic(.badName, "bad", at: span))
    }

    @Test func showsPlaceLineNotesAndHint() {
        let other = MarkedText("service ⟦catalog⟧\n")
        let text = MarkedText("service lending\n    port = 1\n    uses ⟦catalg⟧\n")
        let declared = SourceSpan(other.source(named: "services/catalog/Buildfile"), offset: 8, length: 7)
        let span = SourceSpan(
            text.source(named: "services/lending/Buildfile"), offset: text.ranges[0].lowerBound, length: 6)
        let diagnostic = Diagnostic(
            .unknownComponent, "unknown component 'catalg'", at: span,
            notes: [Diagnostic.Note("declared here", at: declared), Diagnostic.Note("no place")],
            hint: "did you mean 'catalog'?")
        #expect(
            DiagnosticRenderer(color: false).render(diagnostic) == """
                error[LMS101]: unknown component 'catalg'
                  --> services/lending/Buildfile:3:10
                   |
                 3 |     uses catalg
                   |          ^^^^^^
                   = note: declared here: services/catalog/Buildfile:1:9
                   = note: no place
                   = help: did you mean 'catalog'?

                """)
    }

    @Test func withoutPlace() {
        let diagnostic = Diagnostic(.noBuildfile, .warning, "no Buildfile", hint: "run 'lmsbuild init'")
        #expect(
            DiagnosticRenderer(color: false).render(diagnostic) == """
                warning[LMS302]: no Buildfile
                   = help: run 'lmsbuild init'

                """)
    }

    @Test(arguments: [
        ("\ta\t⟦bc⟧ d", "     a   bc d", "         ^^"),
        ("é日 ⟦ü日⟧x", " é日 ü日x", "     ^^^"),
        ("a\u{1B}[0m\u{202E}⟦b⟧", #" a\x1B[0m\u{202E}b"#, "                 ^"),
        ("ab⟦cd\nef⟧", " abcd", "   ^^"),
        ("ab⟦⟧", " ab", "   ^"),
        ("⟦⟧", "", " ^"),
        ("a⟦b⟧\r\n", " ab", "  ^"),
    ])
    func caretsStandBelowTheWord(marked: String, line: String, carets: String) {
        #expect(render(marked).split(separator: "\n").suffix(2) == [" 1 |\(line)", "   |\(carets)"])
    }

    @Test func invalidBytesAreEscaped() {
        let source = SourceText(name: "B\u{7}", bytes: [0xE9, 0x20, 0xFF, 0x61])
        let text = DiagnosticRenderer(color: false).render(
            Diagnostic(.badName, "bad\n\u{1B}", at: SourceSpan(source, offset: 2, length: 2)))
        #expect(
            text == #"""
                error[LMS007]: bad\x0A\x1B
                  --> B\x07:1:3
                   |
                 1 | \xE9 \xFFa
                   |      ^^^^^

                """#)
    }

    @Test func longLinesAreCutAroundTheCaret() {
        let filler = String(repeating: "x", count: 5000)
        for marked in ["⟦word⟧ \(filler)", "\(filler) ⟦word⟧ \(filler)", "\(filler) ⟦word⟧", "⟦\(filler)⟧"] {
            let lines = render(marked).split(separator: "\n").suffix(2).map { Array($0) }
            #expect(lines[0].count <= 105)
            #expect(lines[1].count <= lines[0].count)
            let below = zip(lines[0], lines[1]).filter { $0.1 == "^" }.map { String($0.0) }.joined()
            #expect(below == "word" || below.allSatisfy { $0 == "x" })
        }
    }

    @Test func colourIsOnlyWhereAskedFor() {
        #expect(render("⟦a⟧", color: true).contains("\u{1B}[1;31m^\u{1B}[0m"))
        #expect(!render("⟦a⟧").contains("\u{1B}"))
    }

    @Test func listIsSortedAndHoldsNothingTwice() {
        let first = SourceText(name: "a", text: "x\ny\n")
        let second = SourceText(name: "b", text: "x\n")
        let diagnostics = [
            Diagnostic(.badName, "three", at: SourceSpan(second, offset: 0, length: 1)),
            Diagnostic(.badName, "two", at: SourceSpan(first, offset: 2, length: 1)),
            Diagnostic(.badName, "one", at: SourceSpan(first, offset: 0, length: 1)),
            Diagnostic(.badName, "two", at: SourceSpan(first, offset: 2, length: 1)),
        ]
        let text = DiagnosticRenderer(color: false).render(diagnostics)
        #expect(
            text.split(separator: "\n").filter { $0.hasPrefix("error") } == [
                "error[LMS007]: one", "error[LMS007]: two", "error[LMS007]: three",
            ])
        #expect(text.contains("^\n\nerror"))
        #expect(DiagnosticRenderer(color: false).render([]) == "")
    }

    @Test func linesAndColumns() {
        let source = SourceText(name: "a", text: "\u{FEFF}ab\r\n\nc")
        let places = [3, 4, 5, 6, 7, 8, 9, 99].map { SourceSpan(source, offset: $0, length: 0).lineAndColumn }
        #expect(places.prefix(7).map(\.line) == [1, 1, 1, 1, 2, 3, 3])
        #expect(places.prefix(6).map(\.column) == [1, 2, 3, 4, 1, 1])
        #expect(places[7].line == 3)
    }
}
