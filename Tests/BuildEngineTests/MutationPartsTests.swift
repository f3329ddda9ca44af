import BuildGraph
import Testing

@testable import BuildEngine

@Suite struct MutationPartsTests {
    private func merged(_ own: String, _ base: String, _ wanted: Set<String>) throws -> String {
        let bytes = try MutationParts(Array(own.utf8)).adding(try MutationParts(Array(base.utf8))) {
            wanted.contains($0)
        }
        // Whatever comes out has to be read like any other report.
        _ = try GateMeasure(.mutation, bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func theSchemasFilesStandInOneOrder() throws {
        let own = #"{"files" : {"b": {"mutants": [{"status": "Killed"}]}}, "config": 1}"#
        let base =
            #"{"files": {"c": {"mutants": []}, "a" : {"mutants":[{"status":"Survived"}]}, "b": {"mutants": []}}}"#
        #expect(
            try merged(own, base, ["a", "b"])
                == #"{"files" : {"a" : {"mutants":[{"status":"Survived"}]},"b": {"mutants": [{"status": "Killed"}]}}, "config": 1}"#
        )
        #expect(try merged(own, base, []) == own)
    }

    @Test func mutmutsTestsStayAsTheyWereWritten() throws {
        let own = """
            <testsuites><testsuite name="mutmut" tests="1">
            <testcase name="Mutant #1" file="b.py" line="3"/>
            </testsuite></testsuites>
            """
        let base = """
            <testsuites><testsuite name="mutmut"><testcase name="Mutant #2" file="a.py"><failure message="bad_survived"
            ><![CDATA[</testcase>]]></failure></testcase><testcase name="Mutant #9" file="c.py"/></testsuite></testsuites>
            """
        let text = try merged(own, base, ["a.py"])
        #expect(text.contains("<![CDATA[</testcase>]]></failure></testcase>\n</testsuite>"))
        #expect(!text.contains("#9"))
        #expect(try GateMeasure(.mutation, Array(text.utf8)).value == 50)
    }

    @Test func cosmicRaysLinesOfBothVersionsAreTold() throws {
        func line(_ item: String, _ outcome: String) -> String {
            #"[{"job_id": "1", \#(item)}, {"worker_outcome": "normal", "test_outcome": "\#(outcome)"}]"#
        }
        let own = line(#""module_path": "b.py""#, "killed")
        let base =
            line(#""mutations": [{"module_path": "a.py"}]"#, "survived") + "\n"
            + line(#""module_path": "c.py""#, "killed") + "\n"
        let text = try merged(own, base, ["a.py"])
        #expect(text == own + "\n" + line(#""mutations": [{"module_path": "a.py"}]"#, "survived") + "\n")
    }

    @Test func formsDoNotMix() throws {
        let schema = #"{"files": {}}"#
        let cosmicRay = #"[{"job_id": "1", "module_path": "b"}, null]"#
        #expect(throws: ReportError("the report has another form than the base's")) {
            try MutationParts(Array(schema.utf8)).adding(try MutationParts(Array(cosmicRay.utf8))) { _ in true }
        }
        #expect(throws: ReportError.self) { try MutationParts(Array(#"{"score": 90}"#.utf8)) }
    }
}
