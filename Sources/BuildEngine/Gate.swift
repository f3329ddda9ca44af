// A number read out of another tool's report, and whether it is good enough. Does not know which target the report
// belongs to, how it was made, or where it is kept.
package import BuildGraph

/// What `[gate METRIC …]` looks at.
package enum GateMetric: String, Sendable, Hashable, CaseIterable {
    /// Percent of the mutants that were noticed.
    case mutation
    /// Percent of the lines that were run.
    case coverage
    /// How many findings there are.
    case lint
}

/// The OP of `[gate METRIC OP NUMBER FILE]`.
package enum GateComparison: String, Sendable, Hashable, CaseIterable {
    case atLeast = ">="
    case above = ">"
    case atMost = "<="
    case below = "<"
    case equal = "=="
    case unequal = "!="
}

/// One `[gate METRIC OP NUMBER FILE]`.
package struct GateCheck: Sendable, Hashable {
    package let metric: GateMetric
    package let comparison: GateComparison
    package let threshold: Double
    /// Relative to the workspace's root.
    package let file: BytePath

    package init(metric: GateMetric, comparison: GateComparison, threshold: Double, file: BytePath) {
        self.metric = metric
        self.comparison = comparison
        self.threshold = threshold
        self.file = file
    }

    /// Whether `value` lets the target pass; never for what is no number.
    package func verdict(_ value: Double) -> Bool {
        switch comparison {
        case .atLeast: value >= threshold
        case .above: value > threshold
        case .atMost: value <= threshold
        case .below: value < threshold
        case .equal: value == threshold
        case .unequal: !value.isNaN && value != threshold
        }
    }

    /// Why `value` was refused, for a diagnostic: `mutation is 71.42 in reports/mutation.json, the gate wants >= 80`.
    package func refusal(_ value: Double) -> String {
        "\(metric.rawValue) is \(shownNumber(value)) in \(file.shown), the gate wants "
            + "\(comparison.rawValue) \(shownNumber(threshold))"
    }
}

/// Why a report gives no number.
package struct GateError: Error, Sendable, Hashable {
    /// One line for people, without the file's name.
    package let message: String

    package init(_ message: String) {
        self.message = message
    }
}

/// The number that a report holds for `metric`. Throws for a report that is damaged, of a form not listed here,
/// or of a run that did not finish; such a report never passes as a good one.
///
/// - mutation: a JSON object whose `score` is a percentage, or the mutation testing report schema (`files`).
/// - coverage: coverage.py's JSON, Cobertura's XML, or LCOV; always a percentage of lines.
/// - lint: SARIF 2.1.0, or a JSON array with an element for each finding.
package func gateValue(_ metric: GateMetric, _ bytes: [UInt8]) throws(GateError) -> Double {
    // Some tools begin their reports with a byte order mark.
    let content = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes.dropFirst(3)) : bytes
    let first = content.first { $0 != 0x20 && $0 != 0x09 && $0 != 0x0A && $0 != 0x0D }
    guard let first else { throw GateError("the report is empty") }
    switch metric {
    case .mutation: return try mutationScore(try json(content))
    case .lint: return try lintFindings(try json(content))
    case .coverage:
        let percent =
            switch first {
            case UInt8(ascii: "{"): try coveragePyPercent(try json(content))
            case UInt8(ascii: "<"): try coberturaPercent(content)
            default: try lcovPercent(content)
            }
        return try percentage(percent, "line coverage")
    }
}

private func json(_ bytes: [UInt8]) throws(GateError) -> JSONValue {
    do {
        return try JSONValue.parse(bytes)
    } catch {
        throw GateError("the report is no JSON text: \(error.message)")
    }
}

private func percentage(_ value: Double, _ what: String) throws(GateError) -> Double {
    guard value >= 0, value <= 100 else { throw GateError("the report's \(what) is not between 0 and 100") }
    return value
}

// MARK: - Mutation

private func mutationScore(_ report: JSONValue) throws(GateError) -> Double {
    if let score = report.member("score") {
        guard let score = score.numeric else { throw GateError("the report's 'score' is no number") }
        return try percentage(score, "'score'")
    }
    guard let files = report.member("files")?.members else {
        throw GateError("the report holds neither a 'score' nor the 'files' of the mutation testing report schema")
    }
    var noticed = 0
    var missed = 0
    for (_, file) in files {
        guard let mutants = file.member("mutants")?.elements else {
            throw GateError("a file of the report has no 'mutants'")
        }
        for mutant in mutants {
            switch mutant.member("status")?.text {
            case "Killed", "Timeout": noticed += 1
            case "Survived", "NoCoverage": missed += 1
            case "CompileError", "RuntimeError", "Ignored": break
            case "Pending": throw GateError("the report has a mutant that was not tried: the run did not finish")
            case let status?: throw GateError("the report has a mutant of unknown status '\(BytePath(status).shown)'")
            case nil: throw GateError("the report has a mutant without a status")
            }
        }
    }
    if noticed + missed == 0 { throw GateError("the report has no mutant that counts") }
    return Double(noticed) / Double(noticed + missed) * 100
}

// MARK: - Lint

private func lintFindings(_ report: JSONValue) throws(GateError) -> Double {
    if let findings = report.elements { return Double(findings.count) }
    guard let runs = report.member("runs")?.elements else {
        throw GateError("the report is neither SARIF nor a JSON array of findings")
    }
    var count = 0
    for run in runs {
        // SARIF 2.1.0, 3.14.23: a run that did not get as far as looking has no results, or null.
        guard let results = run.member("results")?.elements else {
            throw GateError("a run of the report has no 'results': the tool did not finish")
        }
        count += results.count
    }
    if runs.isEmpty { throw GateError("the report has no run") }
    return Double(count)
}

// MARK: - Coverage

private func coveragePyPercent(_ report: JSONValue) throws(GateError) -> Double {
    guard let percent = report.member("totals")?.member("percent_covered")?.numeric else {
        throw GateError("the report has no number 'totals.percent_covered'")
    }
    return percent
}

private func coberturaPercent(_ bytes: [UInt8]) throws(GateError) -> Double {
    guard let attributes = XMLRootTag(bytes, named: "coverage") else {
        throw GateError("the report is no Cobertura XML: its root is not 'coverage'")
    }
    guard let text = attributes["line-rate"], let rate = Double(text), rate >= 0, rate <= 1 else {
        throw GateError("the report's 'line-rate' is missing or not between 0 and 1")
    }
    return rate * 100
}

private func lcovPercent(_ bytes: [UInt8]) throws(GateError) -> Double {
    var found = 0
    var hit = 0
    // A record that gives no LF and LH is counted line by line.
    var record = (found: Int?.none, hit: Int?.none, lines: 0, hitLines: 0)
    var isOpen = false
    for var line in bytes.split(separator: UInt8(ascii: "\n")) {
        if line.last == UInt8(ascii: "\r") { line = line.dropLast() }
        let text = String(decoding: line, as: UTF8.self)
        if text.hasPrefix("SF:") {
            if isOpen { throw GateError("the report has a record without an end") }
            isOpen = true
            record = (nil, nil, 0, 0)
        } else if text.hasPrefix("LF:") {
            record.found = try count(text.dropFirst(3))
        } else if text.hasPrefix("LH:") {
            record.hit = try count(text.dropFirst(3))
        } else if text.hasPrefix("DA:") {
            let fields = text.dropFirst(3).split(separator: ",", omittingEmptySubsequences: false)
            guard fields.count >= 2 else { throw GateError("the report has a 'DA' line without a count") }
            record.lines += 1
            record.hitLines += try count(fields[1]) > 0 ? 1 : 0
        } else if text == "end_of_record" {
            if !isOpen { throw GateError("the report has the end of a record that did not begin") }
            isOpen = false
            found += record.found ?? record.lines
            hit += record.hit ?? record.hitLines
        }
    }
    if isOpen { throw GateError("the report ends within a record") }
    if found == 0 { throw GateError("the report names no line: it is not coverage.py's JSON, Cobertura or LCOV") }
    return Double(hit) / Double(found) * 100
}

private func count(_ text: some StringProtocol) throws(GateError) -> Int {
    guard let value = Int(text), value >= 0, value < 1 << 40 else {
        throw GateError("the report has a count that is no number")
    }
    return value
}

/// Two decimals at most, cut and not rounded: 79.999 must not look like the 80 it failed to reach.
private func shownNumber(_ value: Double) -> String {
    guard value.isFinite, value.magnitude < 1e12 else { return value.description }
    let hundredths = Int((value.magnitude * 100 + 1e-9).rounded(.down))
    var text = (value < 0 && hundredths > 0 ? "-" : "") + String(hundredths / 100)
    let (tens, ones) = (hundredths / 10 % 10, hundredths % 10)
    if ones > 0 { text += ".\(tens)\(ones)" } else if tens > 0 { text += ".\(tens)" }
    return text
}
