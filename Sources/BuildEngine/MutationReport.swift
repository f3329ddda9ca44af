// How many mutants of a program its tests noticed: the mutation testing report schema (Stryker, Infection, mutant; versions 1
// and 2), and a bare score. Does not know who made the mutants, nor what number is good enough.
import BuildGraph

/// How many mutants were noticed, how many were not, and how many say nothing.
struct MutationTally: Sendable, Hashable {
    /// Killed, or its tests took too long.
    var detected = 0
    /// Survived, or no test runs its code.
    var undetected = 0
    /// Could not be built or run, or was left out on purpose.
    var ignored = 0

    /// Detected / (detected + undetected) × 100. Throws where there is none to count: that is no number, and proves
    /// nothing.
    func score() throws(ReportError) -> Double {
        guard detected + undetected > 0 else {
            throw ReportError(
                ignored == 0
                    ? "the report has no mutant, so there is no score"
                    : "none of the report's \(ignored) mutants counts, so there is no score")
        }
        return Double(detected) / Double(detected + undetected) * 100
    }
}

enum MutationReport {
    /// A report of the mutation testing report schema, or an object with a `score`, or mutmut's statistics.
    static func score(_ report: JSONTree) throws(ReportError) -> Double {
        if let score = report.member("score") {
            guard let value = score.numeric else {
                throw ReportError("the report's 'score' is no number", at: score.range.lowerBound)
            }
            guard (0...100).contains(value) else {
                throw ReportError("the report's 'score' is not between 0 and 100", at: score.range.lowerBound)
            }
            return value
        }
        if report.member("killed") != nil { return try MutmutReport.tally(statistics: report).score() }
        guard let files = report.member("files")?.members else {
            throw ReportError(
                "the report holds neither a 'score' nor the 'files' of the mutation testing report schema",
                at: report.range.lowerBound)
        }
        if let version = report.member("schemaVersion"), let text = version.text {
            let major = text.split(separator: ".").first
            guard major == "1" || major == "2" else {
                throw ReportError(
                    "the report's 'schemaVersion' is '\(BytePath(text).shown)'; 1 and 2 are known",
                    at: version.range.lowerBound)
            }
        }
        var tally = MutationTally()
        for file in files {
            for mutant in try file.value.list("mutants", of: "a file of the report") {
                try add(mutant, to: &tally)
            }
        }
        return try tally.score()
    }

    private static func add(_ mutant: JSONTree, to tally: inout MutationTally) throws(ReportError) {
        let status = mutant.member("status")
        switch status?.text {
        case "Killed", "Timeout": tally.detected += 1
        case "Survived", "NoCoverage": tally.undetected += 1
        case "CompileError", "RuntimeError", "Ignored": tally.ignored += 1
        case "Pending":
            throw ReportError(
                "the report has a mutant that was not tried: the run did not finish",
                at: status?.range.lowerBound)
        case let word?:
            throw ReportError(
                "the report has a mutant of unknown status '\(BytePath(word).shown)'", at: status?.range.lowerBound)
        case nil: throw ReportError("the report has a mutant without a status", at: mutant.range.lowerBound)
        }
    }
}
