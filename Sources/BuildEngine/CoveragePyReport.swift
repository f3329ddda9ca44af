// Line coverage in coverage.py's own JSON.

enum CoveragePyReport {
    /// `totals.percent_covered`, computed anew from the counts where branches are among it.
    static func percent(_ report: JSONTree) throws(ReportError) -> Double {
        let totals = report.member("totals")
        if let lines = totals?.member("covered_lines")?.whole, let all = totals?.member("num_statements")?.whole {
            guard lines >= 0, lines <= all else {
                throw ReportError("the report's line counts cannot be", at: totals?.range.lowerBound)
            }
            return try LineTally(found: all, hit: lines).percent()
        }
        guard let percent = totals?.member("percent_covered"), let value = percent.numeric else {
            throw ReportError(
                "the report has no number 'totals.percent_covered'", at: (totals ?? report).range.lowerBound)
        }
        return try LineTally.checked(value, at: percent.range.lowerBound)
    }
}
