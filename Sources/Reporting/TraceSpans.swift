// A run or a deployment as spans and as metrics of OpenTelemetry, in OTLP's JSON. Does not send them.
package import BuildEngine
import BuildGraph

/// What a trace tells beside times.
package struct TraceSubject: Sendable {
    /// The variable `project`, or the workspace's folder: the pipeline's name.
    package var project: String
    package var job = JobFacts([:])
    /// Of whoever sends.
    package var resource: [(name: String, value: String)] = []
    package var version: String
    package var parent: TelemetrySettings.Parent?

    package init(project: String, version: String) {
        self.project = project
        self.version = version
    }
}

/// A deployment, measured.
package struct DeploymentMeasures: Sendable {
    /// Of the ledger's entry.
    package let id: String
    package let environment: String
    /// The release's name.
    package let release: String
    /// `deployed`, `rolled-back`, `rollback-failed` or `partial`.
    package let end: String
    /// `deploy`, `rollback` or `fix`.
    package let action: String
    /// Seconds since 1970.
    package let time: Int
    package let seconds: Int

    package init(
        id: String, environment: String, release: String, end: String, action: String, during times: (at: Int, for: Int)
    ) {
        self.id = id
        self.environment = environment
        self.release = release
        self.end = end
        self.action = action
        (time, seconds) = (times.at, times.for)
    }

    var succeeded: Bool { end == "deployed" }
}

/// OTLP (opentelemetry-proto, JSON encoding: ids in hex, 64-bit numbers as text, enums as numbers) with the semantic
/// conventions for CI/CD, VCS and deployments.
package struct TraceSpans: Sendable {
    private let subject: TraceSubject
    private let traceID: String
    private let rootID: String

    /// A new trace, or a part of the caller's.
    package init(_ subject: TraceSubject) {
        self.subject = subject
        traceID = subject.parent?.trace ?? Self.hex(16)
        rootID = Self.hex(8)
    }

    /// `00-TRACE-SPAN-01`: what a tool that goes on from here would get.
    package var traceParent: String { "00-\(traceID)-\(rootID)-01" }

    // MARK: Traces

    /// The body of a request to `/v1/traces`.
    package func traces(of run: RunMeasures, _ summary: RunSummary) -> JSONValue {
        let end = max(run.start + summary.duration.nanoseconds, run.targets.map(\.end).max() ?? 0, run.start)
        let start = min(run.start, run.targets.map(\.start).min() ?? run.start)
        var attributes =
            shared("RUN") + [
                text("cicd.pipeline.result", Self.result(summary.exitCode)),
                number("lmsbuild.targets.ran", summary.ran), number("lmsbuild.targets.cached", summary.cached),
                number("lmsbuild.targets.failed", summary.failed), number("lmsbuild.targets.skipped", summary.skipped),
            ]
        if run.leftOut > 0 { attributes.append(number("lmsbuild.targets.without_span", run.leftOut)) }
        if summary.exitCode != .done { attributes.append(text("error.type", Self.error(summary.exitCode))) }
        var spans = [
            root("RUN \(subject.project)", from: start, to: end, attributes, hasFailed: summary.exitCode != .done)
        ]
        spans += run.targets.map { span(of: $0) }
        return envelope(spans)
    }

    /// The body of a request to `/v1/traces`.
    package func traces(of deployment: DeploymentMeasures) -> JSONValue {
        var attributes =
            shared("SYNC") + [
                text("cicd.pipeline.result", deployment.succeeded ? "success" : "failure"),
                text("deployment.id", deployment.id), text("deployment.environment.name", deployment.environment),
                text("deployment.name", deployment.release),
                text("deployment.status", deployment.succeeded ? "succeeded" : "failed"),
                text("lmsbuild.deployment.action", deployment.action),
            ]
        if !deployment.succeeded { attributes.append(text("error.type", deployment.end)) }
        let start = deployment.time * 1_000_000_000
        return envelope([
            root(
                "SYNC \(deployment.environment)", from: start, to: start + deployment.seconds * 1_000_000_000,
                attributes, hasFailed: !deployment.succeeded)
        ])
    }

    private func shared(_ action: String) -> [JSONValue] {
        var attributes = [
            text("cicd.pipeline.name", subject.project), text("cicd.pipeline.action.name", action),
            text("cicd.pipeline.run.id", subject.job.run ?? traceID),
        ]
        func add(_ name: String, _ value: String?) { if let value { attributes.append(text(name, value)) } }
        add("cicd.pipeline.run.url.full", subject.job.link)
        add("vcs.repository.url.full", subject.job.repository)
        add("vcs.ref.head.name", subject.job.branch)
        add("vcs.ref.head.revision", subject.job.commit)
        return attributes
    }

    private func root(
        _ name: String, from start: Int, to end: Int, _ attributes: [JSONValue], hasFailed: Bool
    ) -> JSONValue {
        // 2: SERVER, as the conventions have it for runs.
        span((name, 2), id: rootID, parent: subject.parent?.span, (start, end), attributes, hasFailed)
    }

    private func span(of target: RunMeasures.Target) -> JSONValue {
        let result =
            switch target.outcome {
            case .ran: "success"
            case .failed where target.error == "timeout": "timeout"
            case .failed where ["machine", "unavailable"].contains(target.error): "error"
            case .failed: "failure"
            case .cached, .skipped: "skip"
            }
        var attributes = [
            text("cicd.pipeline.task.name", target.label.description),
            text("cicd.pipeline.task.run.id", target.inputHash.hex), text("cicd.pipeline.task.run.result", result),
            text("lmsbuild.outcome", target.outcome.rawValue), text("lmsbuild.component", target.label.component),
        ]
        if let type = Self.type(target.label.stage) { attributes.append(text("cicd.pipeline.task.type", type)) }
        if let link = subject.job.link { attributes.append(text("cicd.pipeline.task.run.url.full", link)) }
        if let error = target.error { attributes.append(text("error.type", error)) }
        if let digest = target.imageDigest { attributes.append(text("oci.manifest.digest", digest)) }
        // 1: INTERNAL.
        return span(
            (target.label.description, 1), id: Self.hex(8), parent: rootID, (target.start, target.end), attributes,
            target.outcome == .failed)
    }

    private func span(
        _ what: (name: String, kind: Int), id: String, parent: String?, _ times: (start: Int, end: Int),
        _ attributes: [JSONValue], _ hasFailed: Bool
    ) -> JSONValue {
        var members: [(String, JSONValue)] = [("traceId", .string(traceID)), ("spanId", .string(id))]
        if let parent { members.append(("parentSpanId", .string(parent))) }
        members += [
            ("name", .string(what.name)), ("kind", .number(what.kind)),
            ("startTimeUnixNano", .string("\(times.start)")), ("endTimeUnixNano", .string("\(times.end)")),
            ("attributes", .array(attributes)),
        ]
        // What went well has no status: only whoever operates it may call it OK.
        if hasFailed { members.append(("status", .object([("code", .number(2))]))) }
        return .object(members)
    }

    private func envelope(_ spans: [JSONValue]) -> JSONValue {
        .object([
            (
                "resourceSpans",
                .array([
                    .object([
                        ("resource", resource),
                        ("scopeSpans", .array([.object([("scope", scope), ("spans", .array(spans))])])),
                    ])
                ])
            )
        ])
    }

    // MARK: Metrics

    /// The body of a request to `/v1/metrics`: the duration of this run, and an error where there was one.
    package func metrics(of run: RunMeasures, _ summary: RunSummary) -> JSONValue {
        let end = run.start + summary.duration.nanoseconds
        var metrics = [
            duration(
                summary.duration.fraction, run.start, end,
                [
                    text("cicd.pipeline.name", subject.project), text("cicd.pipeline.run.state", "executing"),
                    text("cicd.pipeline.result", Self.result(summary.exitCode)),
                ])
        ]
        if summary.exitCode != .done {
            metrics.append(
                errors(
                    run.start, end,
                    [text("cicd.pipeline.name", subject.project), text("error.type", Self.error(summary.exitCode))]))
        }
        return metricsEnvelope(metrics)
    }

    private static let bounds: [Double] = [1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600]

    private func duration(_ seconds: Double, _ start: Int, _ end: Int, _ attributes: [JSONValue]) -> JSONValue {
        let bucket = Self.bounds.firstIndex { seconds <= $0 } ?? Self.bounds.count
        let point = JSONValue.object([
            ("startTimeUnixNano", .string("\(start)")), ("timeUnixNano", .string("\(end)")), ("count", .string("1")),
            ("sum", .double(seconds)), ("attributes", .array(attributes)),
            ("bucketCounts", .array((0...Self.bounds.count).map { .string($0 == bucket ? "1" : "0") })),
            ("explicitBounds", .array(Self.bounds.map { .double($0) })),
        ])
        // 1: DELTA, since nobody is there between two runs to count on.
        return .object([
            ("name", .string("cicd.pipeline.run.duration")), ("unit", .string("s")),
            ("description", .string("Duration of a pipeline run grouped by pipeline, state and result.")),
            ("histogram", .object([("aggregationTemporality", .number(1)), ("dataPoints", .array([point]))])),
        ])
    }

    private func errors(_ start: Int, _ end: Int, _ attributes: [JSONValue]) -> JSONValue {
        let point = JSONValue.object([
            ("startTimeUnixNano", .string("\(start)")), ("timeUnixNano", .string("\(end)")), ("asInt", .string("1")),
            ("attributes", .array(attributes)),
        ])
        return .object([
            ("name", .string("cicd.pipeline.run.errors")), ("unit", .string("{error}")),
            ("description", .string("The number of errors encountered in pipeline runs.")),
            (
                "sum",
                .object([
                    ("aggregationTemporality", .number(1)), ("isMonotonic", .bool(true)),
                    ("dataPoints", .array([point])),
                ])
            ),
        ])
    }

    private func metricsEnvelope(_ metrics: [JSONValue]) -> JSONValue {
        .object([
            (
                "resourceMetrics",
                .array([
                    .object([
                        ("resource", resource),
                        ("scopeMetrics", .array([.object([("scope", scope), ("metrics", .array(metrics))])])),
                    ])
                ])
            )
        ])
    }

    // MARK: Words

    private var resource: JSONValue {
        .object([("attributes", .array(subject.resource.map { text($0.name, $0.value) }))])
    }

    private var scope: JSONValue {
        .object([("name", .string("lmsbuild")), ("version", .string(subject.version))])
    }

    private func text(_ name: String, _ value: String) -> JSONValue {
        .object([("key", .string(name)), ("value", .object([("stringValue", .string(value))]))])
    }

    private func number(_ name: String, _ value: Int) -> JSONValue {
        .object([("key", .string(name)), ("value", .object([("intValue", .string("\(value)"))]))])
    }

    private static func result(_ code: ExitCode) -> String {
        switch code {
        case .done: "success"
        case .actionFailed, .checkFailed: "failure"
        default: code.rawValue > 128 ? "cancellation" : "error"
        }
    }

    private static func error(_ code: ExitCode) -> String {
        switch code {
        case .actionFailed: "action_failed"
        case .checkFailed: "check_failed"
        case .unavailable: "unavailable"
        case .machine: "machine"
        default: "exit_\(code.rawValue)"
        }
    }

    /// The conventions' words for what a stage does; nil where its name does not tell.
    private static func type(_ stage: String) -> String? {
        switch stage {
        case "build", "image", "generate": "build"
        case "unit", "mutation", "lint", "verify", "coverage", "test", "e2e", "integration": "test"
        default: nil
        }
    }

    private static func hex(_ count: Int) -> String {
        var generator = SystemRandomNumberGenerator()
        var bytes = (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        // All zeros mean "none".
        if bytes.allSatisfy({ $0 == 0 }) { bytes[0] = 1 }
        return bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
