// What mutmut tells of its mutants: `mutmut junitxml` of versions 1 and 2, `mutmut export-cicd-stats` of version 3.
import BuildGraph

enum MutmutReport {
    /// Of `mutants/mutmut-cicd-stats.json`.
    static func tally(statistics: JSONTree) throws(ReportError) -> MutationTally {
        func count(_ name: String) throws(ReportError) -> Int {
            guard let value = statistics.member(name) else { return 0 }
            guard let number = value.whole, (0...100_000_000).contains(number) else {
                throw ReportError("the report's '\(name)' is no count", at: value.range.lowerBound)
            }
            return number
        }
        if try count("check_was_interrupted_by_user") > 0 {
            throw ReportError("the report has mutants that were not tried: the run was interrupted")
        }
        var tally = MutationTally()
        // A mutant that crashes the interpreter was noticed; one that is 'suspicious' took long and passed in the end.
        tally.detected = try count("killed") + count("timeout") + count("segfault") + count("caught_by_type_check")
        tally.undetected = try count("survived") + count("no_tests") + count("suspicious")
        tally.ignored = try count("skipped")
        let total = try count("total")
        let sum = tally.detected + tally.undetected + tally.ignored
        guard statistics.member("total") == nil || sum == total else {
            throw ReportError(
                "the report tells of \(total) mutants and of how \(sum) of them ended: the run did not finish",
                at: statistics.member("total")?.range.lowerBound)
        }
        return tally
    }

    /// Of `mutmut junitxml`, whose tests are mutants: one that passed was killed. `--untested-policy` has to be `error` or
    /// `failure`, or a mutant that was never tried looks like one that was killed.
    static func tally(junit bytes: [UInt8]) throws(ReportError) -> MutationTally {
        let report = try JUnitReport(bytes, keepsCases: true)
        var tally = MutationTally()
        for test in report.cases {
            guard test.name.hasPrefix("Mutant #") else {
                throw ReportError(
                    "the test '\(BytePath(test.name).shown)' is no mutant of mutmut's: of JUnit reports only its own tell of mutants",
                    at: test.offset)
            }
            switch (test.outcome, test.message) {
            case (.passed, _), (_, "bad_timeout"?): tally.detected += 1
            case (_, "bad_survived"?), (_, "ok_suspicious"?): tally.undetected += 1
            case (_, "untested"?):
                throw ReportError(
                    "the report has a mutant that was not tried: the run did not finish", at: test.offset)
            case (.skipped, _): tally.ignored += 1
            case (_, let word):
                throw ReportError(
                    "the report has a mutant of unknown status '\(BytePath(word ?? "").shown)'", at: test.offset)
            }
        }
        return tally
    }
}
