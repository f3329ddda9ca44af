import BuildEngine
import BuildGraph
import Buildfile
import Testing

@testable import Reporting

/// What reports tell, on the console, as GitHub's annotations, as Markdown and for GitLab; names and messages are hostile.
@Suite struct ReportOutletsTests {
    private static let hostile = "a`b|c</details><script>\n::error::no%0A\u{1B}[31m\u{202E}#[x](y)"

    private func reports(failures: Int, findings: Int = 0) -> ActionReports {
        var reports = ActionReports()
        reports.tests = TestTally(passed: 4, failed: failures)
        reports.failures = (0..<failures).map { number in
            TestFailure(
                suite: "cart", name: "adds \(number)", message: "assert \(number)", detail: "line one\nline two",
                file: BytePath("tests/a,b.py"), line: 3)
        }
        if findings > 0 {
            reports.findingCount = findings
            reports.findings = (0..<findings).map {
                Finding(
                    rule: "F401", level: .warning, message: "unused \($0)", file: BytePath("src/a.py"), line: $0 + 1)
            }
        }
        return reports
    }

    private func report(_ reports: ActionReports?, kind: ActionFailure.Kind = .failed) -> TargetReport {
        let failure = ActionFailure(
            kind: kind, diagnostic: Diagnostic(.actionFailed, "'cart:unit' failed: exit status 1"), exitCode: 1)
        var report = TargetReport(
            label: Label(component: "cart", stage: "unit"), inputHash: InputHash(SHA256Value.of([])),
            outcome: .failed(failure), duration: .seconds(2), saved: .zero, output: [], image: nil, imageDigest: nil,
            isCheck: true)
        report.reports = reports
        return report
    }

    // MARK: Console

    @Test func theFailureBlockNamesTestsAndIsBounded() {
        var state = ConsoleState(look: ConsoleLook(), render: { $0.message })
        let few = state.apply(.targetFinished(report(reports(failures: 2)))).map(\.text)
        #expect(
            few == [
                "FAILED  cart:unit  exit 1  2.0s", "2 of 6 tests failed:",
                "  cart › adds 0  (tests/a,b.py:3)", "      assert 0", "  cart › adds 1  (tests/a,b.py:3)",
                "      assert 1", "'cart:unit' failed: exit status 1",
            ])
        let many = state.apply(.targetFinished(report(reports(failures: 30)))).map(\.text)
        #expect(many.count == 24)
        #expect(many.dropLast().last == "  and 20 more")
        let gate = state.apply(.targetFinished(report(reports(failures: 0, findings: 12), kind: .gate))).map(\.text)
        #expect(gate[1] == "12 findings:")
        #expect(gate[2] == "  warning: src/a.py:1: F401: unused 0")
        #expect(gate[12] == "  and 2 more")
    }

    @Test func aHostileMessageIsTextOnTheConsole() {
        var hostile = ActionReports()
        hostile.tests = TestTally(failed: 1)
        hostile.failures = [TestFailure(suite: "", name: Self.hostile, message: "::stop-commands::x\u{1B}[2J")]
        var look = ConsoleLook()
        look.isCI = true
        var state = ConsoleState(look: look, render: { $0.message })
        let text = state.apply(.targetFinished(report(hostile))).map(\.text).joined(separator: "\n")
        #expect(!text.contains("\u{1B}"))
        #expect(!text.contains("\u{202E}"))
        #expect(!text.split(separator: "\n").contains { $0.drop { $0 == " " }.hasPrefix("::") })
    }

    @Test func aCachedTargetTellsWhatItToldWhenItRan() {
        var cached = report(reports(failures: 0))
        cached = TargetReport(
            label: cached.label, inputHash: cached.inputHash, outcome: .cached(restored: false), duration: .zero,
            saved: .seconds(2), output: [], image: nil, imageDigest: nil, isCheck: true)
        cached.reports = reports(failures: 0)
        var state = ConsoleState(look: ConsoleLook(), verbosity: .verbose, render: { $0.message })
        #expect(
            state.apply(.targetFinished(cached)).map(\.text) == [
                "cached  cart:unit                (saved 2.0s)  4 tests"
            ])
    }

    // MARK: GitHub

    @Test func annotationsAreAtMostTenOfALevel() {
        var annotations = GitHubAnnotations()
        annotations.receive(report(reports(failures: 12, findings: 3)))
        #expect(annotations.lines.count == 13)
        #expect(
            annotations.lines[0]
                == "::error file=tests/a%2Cb.py,line=3,title=cart%3Aunit%3A cart › adds 0::assert 0%0Aline one%0Aline two"
        )
        #expect(annotations.lines[9].hasSuffix("%0A(and 2 more, which GitHub would not show)"))
        #expect(annotations.lines[10] == "::warning file=src/a.py,line=1,title=cart%3Aunit%3A F401::unused 0")
    }

    @Test func aHostileNameCannotBeginACommand() {
        var hostile = ActionReports()
        hostile.failures = [
            TestFailure(suite: Self.hostile, name: Self.hostile, message: Self.hostile, file: BytePath(Self.hostile))
        ]
        var annotations = GitHubAnnotations()
        annotations.receive(report(hostile))
        let line = annotations.lines[0]
        #expect(annotations.lines.count == 1)
        #expect(!line.contains("\n") && !line.contains("\r") && !line.contains("\u{1B}") && !line.contains("\u{202E}"))
        #expect(line.contains("no%250A"))
        // What ends the properties is the command's own.
        #expect(line.dropFirst(2).prefix { $0 != ":" }.hasPrefix("error file="))
    }

    @Test func aFailureWithoutReportsPointsAtTheRule() {
        var annotations = GitHubAnnotations()
        annotations.receive(report(nil))
        #expect(annotations.lines == ["::error title=cart%3Aunit::'cart:unit' failed: exit status 1"])
    }

    // MARK: Markdown and GitLab

    @Test func theSummaryEscapesWhatItShows() {
        var hostile = reports(failures: 1)
        hostile.failures[0].name = Self.hostile
        hostile.failures[0].message = Self.hostile
        var summary = MarkdownSummary()
        summary.receive(report(hostile))
        var totals = RunSummary()
        totals.failed = 1
        totals.exitCode = .checkFailed
        let text = summary.text(totals)
        #expect(text.hasPrefix("## lmsbuild: a check said no\n\nran 0, cached 0, failed 1, skipped 0 in "))
        #expect(text.contains("| cart:unit | failed | 2.0s | 5 tests, 1 failed |"))
        #expect(text.contains("- **cart › a\\`b\\|c&lt;/details&gt;&lt;script&gt; ::error::no%0A"))
        #expect(!text.contains("<script") && !text.contains("[x](y)"))
    }

    /// Servers show places from the repository's root, wherever the workspace lies in it.
    @Test func filesAreNamedFromTheRepositorysRoot() {
        var annotations = GitHubAnnotations(below: BytePath("sub/services"))
        annotations.receive(report(reports(failures: 0, findings: 1)))
        #expect(annotations.lines.first?.hasPrefix("::warning file=sub/services/src/a.py,line=1,") == true)
        var quality = CodeQuality(below: BytePath("sub/services"))
        quality.receive(report(reports(failures: 0, findings: 1)))
        #expect(
            quality.json.elements?.first?.member("location")?.member("path")?.text == "sub/services/src/a.py")
    }

    @Test func equalFindingsHaveFingerprintsOfTheirOwn() throws {
        var reports = reports(failures: 0, findings: 1)
        reports.findings = [reports.findings[0], reports.findings[0], Finding(rule: "x", message: "in no file")]
        var quality = CodeQuality()
        quality.receive(report(reports))
        let elements = try #require(quality.json.elements)
        #expect(elements.count == 2)
        #expect(Set(elements.compactMap { $0.member("fingerprint")?.text }).count == 2)
        #expect(elements[0].member("location")?.member("path")?.text == "src/a.py")
    }
}
