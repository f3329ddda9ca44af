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
        var ids = (SpanIDs(), SpanIDs())
        traceID = subject.parent?.trace ?? ids.0.next() + ids.1.next()
        rootID = ids.0.next()
    }

    /// `00-TRACE-SPAN-01`: what a tool that goes on from here would get.
    package var traceParent: String { "00-\(traceID)-\(rootID)-01" }

    // MARK: Traces

    /// The body of a request to `/v1/traces`.
    package func traces(of run: RunMeasures, _ summary: RunSummary) -> [UInt8] {
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
        let root = root(
            "RUN \(subject.project)", from: start, to: end, attributes, hasFailed: summary.exitCode != .done)
        return envelope(of: run.targets.count + 1) { stream in
            stream.value(root)
            var ids = SpanIDs()
            for target in run.targets { write(target, id: ids.next(), to: &stream) }
        }
    }

    /// The body of a request to `/v1/traces`.
    package func traces(of deployment: DeploymentMeasures) -> [UInt8] {
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
        let root = root(
            "SYNC \(deployment.environment)", from: start, to: start + deployment.seconds * 1_000_000_000, attributes,
            hasFailed: !deployment.succeeded)
        return envelope(of: 1) { $0.value(root) }
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
        var members: [(String, JSONValue)] = [("traceId", .string(traceID)), ("spanId", .string(rootID))]
        if let parent = subject.parent?.span { members.append(("parentSpanId", .string(parent))) }
        members += [
            // 2: SERVER, as the conventions have it for runs.
            ("name", .string(name)), ("kind", .number(2)), ("startTimeUnixNano", .string("\(start)")),
            ("endTimeUnixNano", .string("\(end)")), ("attributes", .array(attributes)),
        ]
        // What went well has no status: only whoever operates it may call it OK.
        if hasFailed { members.append(("status", .object([("code", .number(2))]))) }
        return .object(members)
    }

    /// A target's span. There are thousands of them, so none becomes a value first.
    private func write(_ target: RunMeasures.Target, id: String, to stream: inout JSONStream) {
        let name = target.label.description
        stream.object { span in
            span.text("traceId", traceID)
            span.text("spanId", id)
            span.text("parentSpanId", rootID)
            span.text("name", name)
            // 1: INTERNAL.
            span.number("kind", 1)
            span.text("startTimeUnixNano", String(target.start))
            span.text("endTimeUnixNano", String(target.end))
            span.name("attributes")
            span.array { attributes in
                func add(_ name: String, _ value: String?) {
                    guard let value else { return }
                    attributes.object { attribute in
                        attribute.text("key", name)
                        attribute.name("value")
                        attribute.object { $0.text("stringValue", value) }
                    }
                }
                add("cicd.pipeline.task.name", name)
                add("cicd.pipeline.task.run.id", target.inputHash.hex)
                add("cicd.pipeline.task.run.result", Self.result(target))
                add("lmsbuild.outcome", target.outcome.rawValue)
                add("lmsbuild.component", target.label.component)
                add("cicd.pipeline.task.type", Self.type(target.label.stage))
                add("cicd.pipeline.task.run.url.full", subject.job.link)
                add("error.type", target.error)
                add("oci.manifest.digest", target.imageDigest)
            }
            if target.outcome == .failed {
                span.name("status")
                span.object { $0.number("code", 2) }
            }
        }
    }

    private static func result(_ target: RunMeasures.Target) -> String {
        switch target.outcome {
        case .ran: "success"
        case .failed where target.error == "timeout": "timeout"
        case .failed where ["machine", "unavailable"].contains(target.error): "error"
        case .failed: "failure"
        case .cached, .skipped: "skip"
        }
    }

    /// What is around so many spans; `spans` adds them.
    private func envelope(of count: Int, _ spans: (inout JSONStream) -> Void) -> [UInt8] {
        var stream = JSONStream(reserving: 2048 + 768 * count)
        stream.object { body in
            body.name("resourceSpans")
            body.array { sources in
                sources.object { source in
                    source.name("resource")
                    source.value(resource)
                    source.name("scopeSpans")
                    source.array { scopes in
                        scopes.object { part in
                            part.name("scope")
                            part.value(scope)
                            part.name("spans")
                            part.array(spans)
                        }
                    }
                }
            }
        }
        return stream.bytes
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
}

/// Ids of spans: no two alike, and from the start on unlike those of others. They are no secret, so the system is asked for one
/// number and not for a thousand; what follows is SplitMix64, which gives each number once.
private struct SpanIDs {
    private var state: UInt64

    init() {
        var generator = SystemRandomNumberGenerator()
        state = generator.next()
    }

    /// 16 hex digits, not all zeros, which would mean "none".
    mutating func next() -> String {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        mixed ^= mixed >> 31
        if mixed == 0 { return next() }
        let digits = String(mixed, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}
