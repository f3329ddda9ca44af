import BuildEngine
import BuildGraph
import Testing

@Suite struct GateTests {
    private func value(_ metric: GateMetric, _ text: String) throws -> Double {
        try GateMeasure(metric, Array(text.utf8)).value
    }

    private func refusal(_ metric: GateMetric, _ text: String) -> String? {
        do {
            _ = try GateMeasure(metric, Array(text.utf8))
            return nil
        } catch {
            return error.message
        }
    }

    @Test func mutationReadsAScoreOrCountsMutants() throws {
        #expect(try value(.mutation, #"{"score": 81.5, "files": {}}"#) == 81.5)
        #expect(try value(.mutation, "\u{FEFF}{\"score\": 80}") == 80)
        let mutants = [
            "Killed", "Timeout", "Killed", "Survived", "NoCoverage", "Ignored", "CompileError", "RuntimeError",
        ]
        let list = mutants.map { #"{"status": "\#($0)"}"# }.joined(separator: ",")
        #expect(try value(.mutation, #"{"files": {"a.py": {"mutants": [\#(list)]}, "b.py": {"mutants": []}}}"#) == 60)
    }

    @Test func aMutationReportThatProvesNothingIsRefused() {
        #expect(refusal(.mutation, "") == "the report is empty")
        #expect(refusal(.mutation, #"{"score": 80"#) == "the report is no JSON text: ends too early")
        #expect(refusal(.mutation, #"{"score": "80"}"#) == "the report's 'score' is no number")
        #expect(refusal(.mutation, #"{"score": 101}"#) == "the report's 'score' is not between 0 and 100")
        #expect(refusal(.mutation, #"{"files": {}}"#) == "the report has no mutant, so there is no score")
        #expect(refusal(.mutation, "{}")?.hasPrefix("the report holds neither") == true)
        #expect(refusal(.mutation, "[]")?.hasPrefix("the line is no work item of 'cosmic-ray dump'") == true)
        #expect(
            refusal(.mutation, #"{"files": {"a": {"mutants": [{"status": "Pending"}]}}}"#)
                == "the report has a mutant that was not tried: the run did not finish")
        #expect(
            refusal(.mutation, #"{"files": {"a": {"mutants": [{"status": "new\u001b"}]}}}"#)
                == #"the report has a mutant of unknown status 'new\x1b'"#)
    }

    @Test func coverageReadsCoveragePy() throws {
        #expect(try value(.coverage, #"{"totals": {"percent_covered": 87.25}}"#) == 87.25)
        #expect(refusal(.coverage, #"{"totals": {}}"#) == "the report has no number 'totals.percent_covered'")
    }

    @Test func coverageReadsCobertura() throws {
        let report = """
            <?xml version="1.0"?>
            <!-- <coverage line-rate="0.1"> -->
            <!DOCTYPE coverage SYSTEM "http://example.org/coverage>.dtd" [ <!ENTITY a "]>"> ]>
            <coverage branch-rate="0.5"
                      line-rate = '0.75' version="x>y"><packages line-rate="0.2"/></coverage>
            """
        #expect(try value(.coverage, report) == 75)
        #expect(try value(.coverage, "<coverage line-rate=\"1\"/>") == 100)
        for wrong in [
            "<report line-rate=\"1\"/>", "<coverage line-rate=\"1\"", "<coverage line-rate=1>",
            "<!-- <coverage line-rate='1'>", "<coverage line-rate='1' line-rate='0'>", "<", "<coverage line-rate='1'>",
        ] {
            #expect(refusal(.coverage, wrong) != nil, "\(wrong)")
        }
        for wrong in ["<coverage line-rate='75'/>", "<coverage line-rate='nan'/>"] {
            #expect(refusal(.coverage, wrong)?.contains("'line-rate' is not between 0 and 1") == true)
        }
        #expect(refusal(.coverage, "<report/>") == "<report> is no Cobertura report (expected <coverage>)")
        let counted = "<coverage lines-valid='3' lines-covered='2' line-rate='0.67'/>"
        #expect(abs(try value(.coverage, counted) - 66.6667) < 0.001)
        #expect(
            refusal(.coverage, "<coverage lines-valid='0' lines-covered='0' line-rate='1'/>")?.contains("no line")
                == true)
        let lines =
            "<coverage><classes><class><lines><line number='1' hits='2'/><line number='2' hits='0'/></lines></class></classes></coverage>"
        #expect(try value(.coverage, lines) == 50)
    }

    @Test func coverageReadsLCOVWithAndWithoutTotals() throws {
        let report =
            "TN:\r\nSF:a.c\r\nDA:1,5\r\nLF:4\r\nLH:3\r\nend_of_record\nSF:b.c\nDA:1,0\nDA:2,1,x\nDA:3,0\nDA:4,0\nend_of_record\n"
        #expect(try value(.coverage, report) == 50)
        #expect(refusal(.coverage, "SF:a.c\nLF:4\nLH:4\n") == "the report ends within a record")
        #expect(refusal(.coverage, "SF:a.c\nLF:x\nend_of_record\n") == "the report has a count that is no number")
        #expect(refusal(.coverage, "SF:a\nLF:1\nLH:2\nend_of_record\n")?.contains("not between") == true)
        #expect(refusal(.coverage, "all good\n")?.hasPrefix("the report names no line") == true)
    }

    @Test func lintCountsFindings() throws {
        #expect(try value(.lint, "[]") == 0)
        #expect(try value(.lint, #"[{"a": 1}, {}]"#) == 2)
        #expect(try value(.lint, #"{"version": "2.1.0", "runs": [{"results": [{}, {}]}, {"results": []}]}"#) == 2)
        #expect(
            refusal(.lint, #"{"runs": [{"results": null}]}"#)
                == "a run of the report has no 'results': the tool did not finish")
        #expect(refusal(.lint, #"{"runs": []}"#) == "the report has no run")
        #expect(refusal(.lint, #"{"errors": 0}"#) == "the report is neither SARIF nor a JSON array of findings")
    }

    @Test func comparisonsDecide() throws {
        let verdicts = GateComparison.allCases.map { comparison in
            let check = GateCheck(metric: .lint, comparison: comparison, threshold: 5, file: BytePath("a"))
            return [4.0, 5, 6, .nan].map(check.verdict)
        }
        #expect(
            verdicts == [
                [false, true, true, false], [false, false, true, false], [true, true, false, false],
                [true, false, false, false], [false, true, false, false],
                [true, false, true, false],
            ])
        #expect(GateComparison.allCases.map(\.rawValue) == [">=", ">", "<=", "<", "==", "!="])
    }

    @Test func aRefusalNeverRoundsUpToTheThreshold() {
        let check = GateCheck(metric: .mutation, comparison: .atLeast, threshold: 80, file: BytePath("r.json"))
        #expect(check.refusal(79.999) == "mutation is 79.99 in r.json, the gate wants >= 80")
        #expect(check.refusal(72.5) == "mutation is 72.5 in r.json, the gate wants >= 80")
        #expect(check.refusal(2.05) == "mutation is 2.05 in r.json, the gate wants >= 80")
    }
}
