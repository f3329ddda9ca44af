// The metrics of a workspace in Prometheus' text form, and what has to be kept for them between runs. Does not write or push
// them. Every name here is documented in docs/monitoring/README.md, and stays.
package import BuildEngine
import BuildGraph

/// Series by metric: totals of all runs and deployments here, and what the last one of each was like.
package struct MeasureBook: Sendable, Equatable {
    /// One metric.
    struct Metric {
        let name: String
        let help: String
        let isCounter: Bool
    }

    /// A label's name and value.
    typealias Label = (name: String, value: String)

    static let metrics: [Metric] = [
        Metric(name: "lmsbuild_runs_total", help: "Runs by result.", isCounter: true),
        Metric(name: "lmsbuild_run_seconds_total", help: "Time that runs took.", isCounter: true),
        Metric(name: "lmsbuild_targets_total", help: "Targets of runs by outcome.", isCounter: true),
        Metric(name: "lmsbuild_saved_seconds_total", help: "Time that the cache saved.", isCounter: true),
        Metric(name: "lmsbuild_last_run_timestamp_seconds", help: "When the last run ended.", isCounter: false),
        Metric(name: "lmsbuild_last_run_duration_seconds", help: "How long the last run took.", isCounter: false),
        Metric(
            name: "lmsbuild_last_run_success", help: "1 where the last run ended well, else 0.", isCounter: false),
        Metric(name: "lmsbuild_last_run_exit_code", help: "The exit status of the last run.", isCounter: false),
        Metric(
            name: "lmsbuild_last_run_targets", help: "Targets of the last run by stage and outcome.", isCounter: false),
        Metric(
            name: "lmsbuild_last_run_stage_duration_seconds",
            help: "Time that a stage's targets took in the last run, added up.", isCounter: false),
        Metric(name: "lmsbuild_last_run_tests", help: "Tests that the last run reports, by result.", isCounter: false),
        Metric(
            name: "lmsbuild_last_run_findings", help: "Findings that the last run reports.", isCounter: false),
        Metric(
            name: "lmsbuild_deployments_total", help: "Deployments by environment and end.", isCounter: true),
        Metric(
            name: "lmsbuild_last_deployment_timestamp_seconds", help: "When the last deployment ended.",
            isCounter: false),
        Metric(
            name: "lmsbuild_last_deployment_duration_seconds", help: "How long the last deployment took.",
            isCounter: false),
        Metric(
            name: "lmsbuild_last_deployment_success",
            help: "1 where the last deployment came up, 0 where it did not.", isCounter: false),
        Metric(
            name: "lmsbuild_drifts", help: "How much of what runs is not what was deployed, at the last look.",
            isCounter: false),
    ]

    /// Stages beyond it are counted as `other`: labels must stay few.
    static let mostStages = 50

    /// By metric and rendered labels.
    private var series: [String: [String: Double]] = [:]
    /// By what is sent to: nothing is sent before that second.
    package private(set) var pauses: [String: Int] = [:]

    package init() {}

    // MARK: Taking in

    /// A run that ended at `time`, in seconds since 1970.
    package mutating func take(_ run: RunMeasures, _ summary: RunSummary, project: String, time: Int) {
        let base: [Label] = [("project", project)]
        let result = summary.exitCode == .done ? "success" : summary.exitCode.rawValue > 128 ? "interrupted" : "failure"
        add("lmsbuild_runs_total", base + [("result", result)], 1)
        add("lmsbuild_run_seconds_total", base, summary.duration.fraction)
        add("lmsbuild_saved_seconds_total", base, summary.saved.fraction)
        for (outcome, count) in [
            ("ran", summary.ran), ("cached", summary.cached), ("failed", summary.failed), ("skipped", summary.skipped),
        ] {
            add("lmsbuild_targets_total", base + [("outcome", outcome)], Double(count))
        }
        for name in series.keys where name.hasPrefix("lmsbuild_last_run_") { drop(name, base) }
        set("lmsbuild_last_run_timestamp_seconds", base, Double(time))
        set("lmsbuild_last_run_duration_seconds", base, summary.duration.fraction)
        set("lmsbuild_last_run_success", base, summary.exitCode == .done ? 1 : 0)
        set("lmsbuild_last_run_exit_code", base, Double(summary.exitCode.rawValue))
        for (number, (name, stage)) in run.stages.sorted(by: { $0.key < $1.key }).enumerated() {
            let labels = base + [("stage", number < Self.mostStages ? name : "other")]
            for (outcome, count) in stage.targets {
                add("lmsbuild_last_run_targets", labels + [("outcome", outcome.rawValue)], Double(count))
            }
            add("lmsbuild_last_run_stage_duration_seconds", labels, stage.time.fraction)
        }
        if run.hasTests {
            for (result, count) in [
                ("passed", run.tests.passed), ("failed", run.tests.failed), ("error", run.tests.errors),
                ("skipped", run.tests.skipped),
            ] {
                set("lmsbuild_last_run_tests", base + [("result", result)], Double(count))
            }
        }
        if let findings = run.findings { set("lmsbuild_last_run_findings", base, Double(findings)) }
    }

    /// A deployment that has come to its end.
    package mutating func take(_ deployment: DeploymentMeasures, project: String) {
        let base: [Label] = [("project", project), ("environment", deployment.environment)]
        add("lmsbuild_deployments_total", base + [("end", deployment.end)], 1)
        set("lmsbuild_last_deployment_timestamp_seconds", base, Double(deployment.time + deployment.seconds))
        set("lmsbuild_last_deployment_duration_seconds", base, Double(deployment.seconds))
        set("lmsbuild_last_deployment_success", base, deployment.succeeded ? 1 : 0)
    }

    /// What a look at an environment found.
    package mutating func take(drifts: Int, in environment: String, project: String) {
        set("lmsbuild_drifts", [("project", project), ("environment", environment)], Double(drifts))
    }

    private mutating func add(_ name: String, _ labels: [Label], _ value: Double) {
        series[name, default: [:]][Self.rendered(labels), default: 0] += value
    }

    private mutating func set(_ name: String, _ labels: [Label], _ value: Double) {
        series[name, default: [:]][Self.rendered(labels)] = value
    }

    /// Forgets the series that begin with `labels`.
    private mutating func drop(_ name: String, _ labels: [Label]) {
        let start = String(Self.rendered(labels).dropLast())
        series[name] = series[name]?.filter { !($0.key == start + "}" || $0.key.hasPrefix(start + ",")) }
    }

    // MARK: Pauses

    /// Nothing is sent to `name` for so many seconds.
    package mutating func pause(_ name: String, until time: Int) { pauses[name] = time }

    /// Whether something may be sent to `name`.
    package func mayBeAsked(_ name: String, now: Int) -> Bool {
        guard let until = pauses[name] else { return true }
        // A clock that was set back keeps nothing waiting.
        return until <= now || until - now > 3600
    }

    // MARK: Text

    /// Everything in the text form, version 0.0.4, with a final newline.
    package var text: String {
        var text = ""
        for metric in Self.metrics {
            guard let values = series[metric.name], !values.isEmpty else { continue }
            text +=
                "# HELP \(metric.name) \(metric.help)\n# TYPE \(metric.name) \(metric.isCounter ? "counter" : "gauge")\n"
            for (labels, value) in values.sorted(by: { $0.key < $1.key }) {
                text += "\(metric.name)\(labels) \(Self.shown(value))\n"
            }
        }
        return text
    }

    private static func shown(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : value.description
    }

    private static func rendered(_ labels: [Label]) -> String {
        "{" + labels.map { "\($0.name)=\"\(escaped($0.value))\"" }.joined(separator: ",") + "}"
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }

    // MARK: As a file

    /// For the file; read back by `init(reading:)`.
    package var json: JSONValue {
        .object([
            ("schema", .number(1)),
            ("pauses", .object(pauses.sorted { $0.key < $1.key }.map { ($0.key, .number($0.value)) })),
            (
                "series",
                .object(
                    series.sorted { $0.key < $1.key }.map { name, values in
                        (name, .object(values.sorted { $0.key < $1.key }.map { ($0.key, .double($0.value)) }))
                    })
            ),
        ])
    }

    /// Reads what `json` wrote. From what is damaged or another version nothing is taken: counters begin anew, which
    /// Prometheus takes for a restart.
    package init(reading bytes: [UInt8]) {
        guard let tree = try? JSONValue.parse(bytes, limit: 4 << 20), tree.member("schema") == .number(1) else {
            return
        }
        let known = Set(Self.metrics.map(\.name))
        for (name, values) in tree.member("series")?.members ?? [] where known.contains(name) {
            for (labels, value) in values.members ?? [] where Self.isRendered(labels) {
                if let number = value.numeric, number.isFinite { series[name, default: [:]][labels] = number }
            }
        }
        for (name, time) in tree.member("pauses")?.members ?? [] { pauses[name] = time.numeric.map { Int($0) } }
    }

    /// Whether the text is one that `rendered` may have made: what is not would spoil the whole file.
    private static func isRendered(_ text: String) -> Bool {
        text.hasPrefix("{") && text.hasSuffix("\"}") && !text.utf8.contains(10)
    }
}
