import BuildGraph
import BuildTestSupport
import Testing

@testable import BuildEngine

/// Reports as tools write them, from `Tests/BuildEngineTests/Reports`: pytest's, coverage.py's, ruff's, mutmut's and
/// cosmic-ray's are their own.
@Suite struct ReportFormsTests {
    private func bytes(_ name: String, source: String = #filePath) throws -> [UInt8] {
        Array(try readFile(BytePath(source).parent.appending("Reports/" + name).shown))
    }

    private func refusal(_ read: () throws -> Void) -> ReportError? {
        do {
            try read()
            return nil
        } catch {
            return error as? ReportError
        }
    }

    // MARK: JUnit

    @Test(arguments: [
        ("pytest.xml", TestTally(passed: 2, failed: 1, errors: 1, skipped: 1)),
        ("surefire.xml", TestTally(passed: 2, failed: 1, errors: 1, skipped: 1)),
        ("swift-test.xml", TestTally(passed: 2, failed: 1)),
        ("jest-junit.xml", TestTally(passed: 1, failed: 1, errors: 1, skipped: 1)),
        ("go-junit-report.xml", TestTally(passed: 1, failed: 1, errors: 1)),
        ("nested.xml", TestTally(passed: 2, failed: 1, errors: 1)),
    ])
    func everyDialectIsCounted(name: String, tally: TestTally) throws {
        let report = try JUnitReport(try bytes(name))
        #expect(report.tally == tally)
        #expect(report.failures.count == tally.failed + tally.errors)
    }

    @Test(arguments: [
        ("pytest.xml", "tests.test_money › test_limit[1]", "assert 1 == 2", "tests/test_money.py", 11),
        ("surefire.xml", "shop.CartTest › totals", "expected: <3> but was: <4>", "CartTest.java", 17),
        ("swift-test.xml", "CartTests.CartTests › testTotals", "no reason is given", "", 0),
        (
            "jest-junit.xml", "cart totals › cart totals",
            "Error: expect(received).toBe(expected) // Object.is equality", "src/cart.test.js", 9
        ),
        ("go-junit-report.xml", "shop/cart › TestTotals", "cart_test.go:8: total is 4, wanted 3", "cart_test.go", 8),
    ])
    func aFailureHasANameAMessageAndAPlace(
        name: String, title: String, message: String, file: String, line: Int
    ) throws {
        let failure = try #require(try JUnitReport(try bytes(name)).failures.first)
        #expect(failure.title == title)
        #expect(failure.message == message)
        #expect(failure.file?.shown ?? "" == file)
        #expect(failure.line ?? 0 == line)
    }

    @Test func aTracebackOfPythonsTellsThePlace() throws {
        let trace = """
            Traceback (most recent call last):
              File "/usr/lib/python3.11/unittest/mock.py", line 1, in patched
              File "/workspace/readers/tests/unit/test_api.py", line 32, in test_a
                self.ask("cat")
              File "/workspace/lib/http/routing.py", line 9, in answer
            AssertionError: 422 != 200
            """
        let text =
            "<testsuite><testcase classname='test_api.ApiTest' name='test_a'><failure message='m'>\(trace)</failure>"
            + "</testcase></testsuite>"
        let failure = try #require(try JUnitReport(Array(text.utf8)).failures.first)
        #expect(failure.file?.shown == "/workspace/readers/tests/unit/test_api.py")
        #expect(failure.line == 32)
    }

    @Test func anEnormousOutputIsReadAndDropped() throws {
        let noise = String(repeating: "0123456789abcdef\u{1}", count: 100_000)
        let text =
            "<testsuites><testsuite><testcase name='a'><failure message='m'>\(noise)</failure>"
            + "<system-out>\(noise)</system-out></testcase><system-err><![CDATA[\(noise)]]></system-err>"
            + "</testsuite></testsuites>"
        let report = try JUnitReport(Array(text.utf8))
        #expect(report.tally == TestTally(failed: 1))
        #expect(report.failures[0].detail.utf8.count < 3000)
    }

    @Test(arguments: [
        ("<testsuite>\n  <testcase name='a'>\n</testsuite>", ":3:1", "<testcase> is not closed"),
        ("<testsuite", ":1:11", "found the end of the text"), ("<html/>", ":1:2", "<html> is no JUnit report"),
        ("<testsuite name='&xxe;'/>", ":1:18", "this entity is not known"), ("", "", "the report is empty"),
    ])
    func aDamagedReportSaysWhere(text: String, place: String, words: String) {
        let bytes = Array(text.utf8)
        let error = refusal { _ = try JUnitReport(try ReportBytes(bytes).bytes) }
        #expect(error?.place(in: bytes) == place)
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "nothing")")
    }

    @Test func nestingAndAttributesAreBounded() {
        let deep = String(repeating: "<testsuite>", count: 100_000)
        #expect(refusal { _ = try JUnitReport(Array(deep.utf8)) }?.message.contains("100 deep") == true)
        let wide = "<testsuite " + (0..<2000).map { "a\($0)='' " }.joined() + "/>"
        #expect(refusal { _ = try JUnitReport(Array(wide.utf8)) }?.message.contains("1000 attributes") == true)
    }

    // MARK: Findings

    @Test func sarifLevelsComeFromResultsRulesAndTheDefault() throws {
        let measure = try GateMeasure(.lint, try bytes("rules.sarif"))
        #expect(
            measure.findings.map { "\($0.level.name) \($0.shown)" } == [
                "note /workspace/shop/src/a.py:3: note-rule: 1 of 2",
                "error src/third file.py: error-rule/case: bad very",
                "warning unknown-rule: a warning by default", "error error-rule: not really",
            ])
        #expect(measure.value == 4)
        #expect(measure.suppressed == 1)
        #expect(measure.findings[1].fingerprint == "primaryLocationLineHash=39fa2ee980eb94b0:1")
    }

    @Test func ruffsFormsTellTheSame() throws {
        for name in ["ruff.sarif", "ruff.json"] {
            let measure = try GateMeasure(.lint, try bytes(name))
            #expect(
                measure.findings.map(\.shown) == ["/workspace/shop/src/money.py:1: F401: `os` imported but unused"])
            #expect(measure.findings.map(\.level) == [.error])
        }
    }

    @Test(arguments: [
        (#"{"version": "2.1.0", "runs": [{"results": null}]}"#, ":1:31", "the tool did not finish"),
        (#"{"runs": [{"results": [], "invocations": [{"executionSuccessful": false}]}]}"#, ":1:43", "the tool failed"),
        (#"{"runs": [{"results": [{"level": "fatal"}]}]}"#, ":1:34", "unknown level 'fatal'"),
        (#"{"version": "1.0.0", "runs": []}"#, ":1:13", "no SARIF 2.1.0"), (#"{"runs": []"#, ":1:12", "ends too early"),
    ])
    func aSARIFLogThatProvesNothingIsRefused(text: String, place: String, words: String) {
        let bytes = Array(text.utf8)
        let error = refusal { _ = try GateMeasure(.lint, bytes) }
        #expect(error?.place(in: bytes) == place)
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "nothing")")
    }

    // MARK: Scores

    @Test(arguments: [
        (GateMetric.mutation, "stryker1.json", 50.0), (.mutation, "stryker2.json", 66.666),
        (.mutation, "mutmut2.xml", 80), (.mutation, "mutmut3.json", 80), (.mutation, "cosmic-ray.jsonl", 86.363),
        (.coverage, "cobertura.xml", 91.304), (.coverage, "coverage.lcov", 91.304),
    ])
    func everyFormGivesItsNumber(metric: GateMetric, name: String, value: Double) throws {
        let measured = try GateMeasure(metric, try bytes(name)).value
        #expect(abs(measured - value) < 0.001, "\(measured)")
    }

    @Test func whatWasNotTriedNeverCounts() throws {
        func message(_ text: String) -> String? {
            refusal { _ = try GateMeasure(.mutation, Array(text.utf8)) }?.message
        }
        let line = #"[{"job_id": "1", "mutations": []}, null]"#
        #expect(message(line)?.contains("the run did not finish") == true)
        #expect(message(#"{"killed": 3, "survived": 0, "total": 5}"#)?.contains("the run did not finish") == true)
        #expect(
            message(#"{"killed": 0, "survived": 0, "total": 0}"#) == "the report has no mutant, so there is no score")
        #expect(
            message(#"{"killed": 0, "skipped": 2, "total": 2}"#)
                == "none of the report's 2 mutants counts, so there is no score")
        let pytest = String(decoding: try bytes("pytest.xml"), as: UTF8.self)
        #expect(message(pytest)?.contains("is no mutant of mutmut's") == true)
        let untested =
            "<testsuite><testcase name='Mutant #1'><error message='untested'/></testcase></testsuite>"
        #expect(message(untested)?.contains("not tried") == true)
        #expect(message(#"{"schemaVersion": "3", "files": {}}"#)?.contains("1 and 2 are known") == true)
    }

    // MARK: Kept

    @Test func whatReportsSayIsKeptWithTheResult() throws {
        var reports = ActionReports()
        reports.tests = TestTally(passed: 3, failed: 1, skipped: 2)
        reports.failures = try JUnitReport(try bytes("pytest.xml")).failures
        reports.findingCount = 7
        reports.suppressed = 1
        reports.findings = [Finding(rule: "r", level: .note, message: "m", file: BytePath("a"), line: 3)]
        let finding = Finding(rule: "r", message: "m", fingerprint: "f")
        reports.scores = [
            GateScore(metric: .mutation, file: BytePath("m.json"), value: 81.25),
            GateScore(
                metric: .lint, file: BytePath("l"), value: 7,
                identities: [FindingIdentity(finding, lineText: [1]), FindingIdentity(finding, lineText: nil)]),
        ]
        let key = ActionKey(Digest.of([1]))
        var result = ActionResult(exitCode: 0, outputs: [], imageDigest: nil, log: nil, duration: .seconds(1))
        #expect(ActionRecord.decode(ActionRecord.encode(result, for: key), for: key) == result)
        result.reports = reports
        #expect(ActionRecord.decode(ActionRecord.encode(result, for: key), for: key) == result)
        #expect(reports.summary == "6 tests, 1 failed, 2 skipped; 7 findings (1 suppressed); mutation 81.25")
    }

    // MARK: Findings known again

    @Test func movedLinesAreNotNewAndCopiesAre() {
        func identity(_ rule: String, _ line: String?, _ fingerprint: String? = nil, file: String = "a")
            -> FindingIdentity
        {
            FindingIdentity(
                Finding(rule: rule, message: "m", file: BytePath(file), fingerprint: fingerprint),
                lineText: line.map { Array($0.utf8) })
        }
        let base = [identity("r", "x = 1"), identity("s", "y", "one"), identity("t", nil)]
        #expect(FindingIdentity.new(in: base, since: base) == [])
        // The tool's fingerprint holds where the line does not, in another file, too.
        #expect(FindingIdentity.new(in: [identity("s", "other", "one", file: "b")], since: base) == [])
        #expect(FindingIdentity.new(in: [identity("r", "x = 1"), identity("r", "x = 1")], since: base) == [1])
        #expect(FindingIdentity.new(in: [identity("r", "x = 1", file: "b")], since: base) == [0])
        #expect(FindingIdentity.new(in: [identity("r", "x = 2"), identity("t", nil)], since: base) == [0])
        #expect(FindingIdentity.new(in: [identity("s", "y", "two")], since: base) == [])
    }
}
