import BuildEngine
import BuildGraph
import BuildTestSupport
import Testing

/// `lmsbuild run` with reports and gates, as a user meets them. The tools are `cp`: what they write lies beside the sources.
@Suite struct GateCommandTests {
    private let program = Program()

    private static let buildfile = """
        service app
            dir app
            [report sarif out/lint.sarif] [gate lint new == 0 out/lint.sarif]
            lint: src/** lint.sarif -> out/lint.sarif
                cp lint.sarif out/lint.sarif
            [gate coverage drop <= 0.5 out/c.json if-unknown=fail]
            coverage: c.json -> out/c.json
                cp c.json out/c.json
            [report junit out/*.xml]
            unit: unit.xml code
                cp unit.xml out/unit.xml; exit $(cat code)

        """

    private func repository() async throws -> TestRepository {
        let repository = try await TestRepository()
        try repository.write("Buildfile", Self.buildfile)
        try repository.write(".gitignore", "out/\n.lmsbuild/\n")
        try repository.write("app/src/a.py", "import os\n\nx = eval(y)\n")
        try repository.write("app/lint.sarif", sarif([("F401", 1)]))
        try repository.write("app/c.json", #"{"totals": {"covered_lines": 80, "num_statements": 100}}"#)
        try repository.write("app/unit.xml", Self.junit)
        try repository.write("app/code", "0")
        try await repository.commitAll()
        return repository
    }

    private func sarif(_ findings: [(rule: String, line: Int)]) -> String {
        let results = findings.map { rule, line in
            """
            {"ruleId": "\(rule)", "message": {"text": "found <it>"}, "locations": [{"physicalLocation":
            {"artifactLocation": {"uri": "src/a.py"}, "region": {"startLine": \(line)}}}]}
            """
        }
        return #"{"version": "2.1.0", "runs": [{"results": [\#(results.joined(separator: ","))]}]}"#
    }

    private static let junit = """
        <testsuite><testcase classname="tests.a" name="adds"/><testcase classname="tests.a" name="totals">
        <failure message="assert 3 == 4">tests/a.py:7: AssertionError</failure></testcase></testsuite>
        """

    @Test func aFindingThatTheBaseHasIsNotNew() async throws {
        let repository = try await repository()
        let first = try await program.run("run", "app:lint", "--base", "HEAD", in: repository.path)
        #expect(first.status == 0, "\(first.errors)")

        // The line has moved, and the finding with it.
        try repository.write("app/src/a.py", "# moved\n\nimport os\n\nx = eval(y)\n")
        try repository.write("app/lint.sarif", sarif([("F401", 3)]))
        let moved = try await program.run("run", "-v", "app:lint", "--base", "HEAD", in: repository.path)
        #expect(moved.status == 0, "\(moved.errors)")
        #expect(moved.errors.contains("1 finding"))

        try repository.write("app/lint.sarif", sarif([("F401", 3), ("S307", 5)]))
        for _ in 0..<2 {
            // Judged again, although the result is kept.
            let new = try await program.run("run", "app:lint", "--base", "HEAD", in: repository.path)
            #expect(new.status == 3, "\(new.errors)")
            #expect(new.errors.contains("1 finding in app/out/lint.sarif that the base"), "\(new.errors)")
            #expect(new.errors.contains("app/src/a.py:5: S307: found <it>"))
            #expect(!new.errors.contains("app/src/a.py:3: F401"))
        }
    }

    @Test func anUnknownBaseIsSaidAndJudgedByItsWord() async throws {
        let repository = try await repository()
        try repository.write("app/src/a.py", "import os\n")
        try repository.write("app/c.json", #"{"totals": {"covered_lines": 79, "num_statements": 100}}"#)
        let lint = try await program.run("run", "app:lint", "--base", "HEAD", in: repository.path)
        #expect(lint.status == 0, "\(lint.errors)")
        #expect(lint.errors.contains("notice[LMS512]"))
        #expect(lint.errors.contains("run 'lmsbuild run app:lint' there once"))
        // Kept now, and still not silently fine.
        #expect(try await program.run("run", "app:lint", in: repository.path).errors.contains("LMS512"))
        let coverage = try await program.run("run", "app:coverage", "--base", "HEAD", in: repository.path)
        #expect(coverage.status == 3)
        #expect(coverage.errors.contains("error[LMS512]"))

        // As the message says: once at the base.
        try repository.write("app/c.json", #"{"totals": {"covered_lines": 80, "num_statements": 100}}"#)
        _ = try await program.run("run", "app:coverage", "--base", "HEAD", in: repository.path)
        try repository.write("app/c.json", #"{"totals": {"covered_lines": 79, "num_statements": 100}}"#)
        let known = try await program.run("run", "app:coverage", "--base", "HEAD", in: repository.path)
        #expect(known.status == 3)
        #expect(
            known.errors.contains("coverage is 79 in app/out/c.json and was 80 at the base"), "\(known.errors)")
    }

    @Test func failedTestsAreNamedAndReportsGoWhereTheyBelong() async throws {
        let repository = try await repository()
        try repository.write("app/code", "1")
        try repository.write("summary.md", "of another step\n")
        let environment = [
            "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": repository.path.appending("summary.md").shown,
        ]
        let outcome = try await program.run(
            ["run", "-k", "app:unit", "app:lint", "--report-dir", "reports"], in: repository.path,
            environment: environment)
        #expect(outcome.status == 3)
        #expect(
            outcome.errors.contains("1 of 2 tests failed:\n  tests.a › totals  (app/tests/a.py:7)\n"),
            "\(outcome.errors)")
        #expect(
            outcome.errors.contains(
                "\n::error file=app/tests/a.py,line=7,title=app%3Aunit%3A tests.a › totals::assert 3 == 4"))
        #expect(outcome.errors.contains("\n::warning file=app/src/a.py,line=1,title=app%3Alint%3A F401::found <it>\n"))
        let summary = String(decoding: try readFile(repository.path.appending("summary.md").shown), as: UTF8.self)
        #expect(summary.hasPrefix("of another step\n## lmsbuild: a check said no\n"))
        #expect(summary.contains("found &lt;it&gt;"))
        let quality = try readFile(repository.path.appending("reports/code-quality.json").shown)
        #expect(
            try await DocumentCheck().problems(String(decoding: quality, as: UTF8.self), schema: "code-quality") == "")
        let copy = try readFile(repository.path.appending("reports/files/app.unit.1.xml").shown)
        #expect(String(decoding: copy, as: UTF8.self) == Self.junit)
    }

    @Test func aCachedTargetTellsTheSame() async throws {
        let repository = try await repository()
        let first = try await program.run("run", "app:unit", in: repository.path)
        #expect(first.status == 0)
        #expect(first.errors.contains("2 tests, 1 failed"))
        let again = try await program.run("run", "-v", "app:unit", in: repository.path)
        #expect(again.errors.contains("cached  app:unit"))
        #expect(again.errors.contains("2 tests, 1 failed"))
    }

    @Test func aBrokenReportIsAWarningAndFailsAGate() async throws {
        let repository = try await repository()
        try repository.write("app/unit.xml", "<testsuite>\n<testcase></testsuite>")
        let unit = try await program.run("run", "app:unit", in: repository.path)
        #expect(unit.status == 0)
        #expect(unit.errors.contains("warning[LMS511]"))
        #expect(unit.errors.contains("'app/out/unit.xml:2:11'"), "\(unit.errors)")
        try repository.write("app/c.json", "{\n  \"totals\": }")
        let coverage = try await program.run("run", "app:coverage", in: repository.path)
        #expect(coverage.status == 3)
        #expect(coverage.errors.contains("'app/out/c.json:2:13'"), "\(coverage.errors)")
    }

    @Test func aSummaryThatCannotBeWrittenChangesNothing() async throws {
        let repository = try await repository()
        let outcome = try await program.run(
            "run", "app:unit", in: repository.path, environment: ["GITHUB_STEP_SUMMARY": "/nonexistent/file"])
        #expect(outcome.status == 0)
        #expect(outcome.errors.contains("the step's summary cannot be written"))
    }
}
