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

/// Two decimals at most, cut and not rounded: 79.999 must not look like the 80 it failed to reach.
package func shownNumber(_ value: Double) -> String {
    guard value.isFinite, value.magnitude < 1e12 else { return value.description }
    let hundredths = Int((value.magnitude * 100 + 1e-9).rounded(.down))
    var text = (value < 0 && hundredths > 0 ? "-" : "") + String(hundredths / 100)
    let (tens, ones) = (hundredths / 10 % 10, hundredths % 10)
    if ones > 0 { text += ".\(tens)\(ones)" } else if tens > 0 { text += ".\(tens)" }
    return text
}
