// The number that a gate looks at, read out of a report whose form is seen by its content. Does not know thresholds, targets
// or bases.

/// What a report says of a gate's metric.
package struct GateMeasure: Sendable {
    /// What is compared with the gate's number; always finite.
    package let value: Double
    /// For `lint` what is counted, otherwise empty.
    package let findings: [Finding]
    /// For `lint` how many findings the report itself calls suppressed.
    package let suppressed: Int

    /// Reads `bytes`. Throws for a report that is damaged, of a form not listed here, of a run that did not finish, or
    /// with nothing to count (a score of no mutants is no number); such a report never passes as a good one.
    ///
    /// - mutation: the mutation testing report schema, a JSON object with a `score` (percent), mutmut's `junitxml` and
    ///   `export-cicd-stats`, `cosmic-ray dump`.
    /// - coverage: coverage.py's JSON, Cobertura's XML, or LCOV; always a percentage of lines.
    /// - lint: SARIF 2.1.0, or a JSON array with an element for each finding.
    package init(_ metric: GateMetric, _ bytes: [UInt8]) throws(ReportError) {
        let report = try ReportBytes(bytes)
        var findings: [Finding] = []
        var suppressed = 0
        switch (metric, report.first) {
        case (.mutation, UInt8(ascii: "<")): value = try MutmutReport.tally(junit: bytes).score()
        case (.mutation, UInt8(ascii: "[")): value = try CosmicRayReport.tally(report).score()
        case (.mutation, _): value = try MutationReport.score(try report.json())
        case (.coverage, UInt8(ascii: "{")): value = try CoveragePyReport.percent(try report.json())
        case (.coverage, UInt8(ascii: "<")): value = try CoberturaReport.percent(bytes)
        case (.coverage, _): value = try LCOVReport.tally(report).percent()
        case (.lint, _):
            let tree = try report.json()
            if tree.elements != nil {
                findings = try FindingList.findings(tree)
            } else if tree.member("runs") != nil {
                let log = try SARIFReport(tree)
                (findings, suppressed) = (log.findings, log.suppressed)
            } else {
                throw ReportError("the report is neither SARIF nor a JSON array of findings", at: tree.range.lowerBound)
            }
            value = Double(findings.count)
        }
        self.findings = findings
        self.suppressed = suppressed
    }
}
