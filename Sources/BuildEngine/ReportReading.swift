// Reads the reports of an action that has run: which of its files they are, and where in the workspace lies what they name.
// Does not judge them.
import BuildGraph
import Buildfile

extension Engine {
    /// What the reports among `files` say of `action`, which is of `node`; nil where the rule has none. A report that
    /// cannot be read is a warning, unless a gate reads it: that is a failure of the gate. Of an action that has failed
    /// already, whatever can be read is taken.
    func reports(
        of node: Target, _ action: Action, _ files: [OutputFile], isFailed: Bool = false
    ) async throws -> ActionReports? {
        if node.attributes.reports.isEmpty, node.attributes.gates.isEmpty { return nil }
        var reading = ReportReading(
            action: action, folder: hashed.graph.components[node.component].folder, workspace: parts.workspace,
            store: parts.store)
        for file in files.sorted(by: { $0.path < $1.path }) where file.kind != .link {
            guard let kind = node.attributes.reportKind(of: file.path) else { continue }
            do throws(ReportError) {
                try await reading.take(kind, file, try await read(file))
            } catch {
                if isFailed { continue }
                let bytes = (try? await parts.store.read(file.digest)) ?? []
                emit(
                    .notice(
                        Diagnostic(
                            .badReport, .warning,
                            "a report of '\(node.label)' cannot be read: '\(file.path.shown)\(error.place(in: bytes))': \(error.message)",
                            hint:
                                "its tests or findings are not counted; see that the tool writes it whole, and in the form that [report \(kind)] names"
                        )))
            }
        }
        for gate in node.attributes.gates {
            do {
                try await measure(gate, of: node, files, &reading)
            } catch {
                if !isFailed { throw error }
            }
        }
        return reading.reports.isEmpty ? nil : reading.reports
    }

    private func read(_ file: OutputFile) async throws(ReportError) -> [UInt8] {
        do {
            return try await parts.store.read(file.digest)
        } catch {
            throw ReportError("it is gone from the store")
        }
    }

    private func measure(
        _ gate: TargetAttributes.Gate, of node: Target, _ files: [OutputFile], _ reading: inout ReportReading
    ) async throws {
        guard let metric = GateMetric(rawValue: gate.metric) else {
            throw ActionFailure.machine(.internalError, "'\(node.label)': '\(gate.metric)' cannot be measured")
        }
        guard let file = files.first(where: { $0.path == gate.file }) else {
            throw ActionFailure(
                kind: .missingOutput,
                diagnostic: Diagnostic(
                    .missingOutput,
                    "the gate of '\(node.label)' reads '\(gate.file.shown)', which the rule does not put out",
                    at: gate.span, hint: "name it after '->' in the rule's header"))
        }
        if reading.reports.scores.contains(where: { $0.metric == metric && $0.file == gate.file }) { return }
        let bytes = try await parts.store.read(file.digest)
        do throws(ReportError) {
            try await reading.take(
                metric, file, bytes, isReported: node.attributes.reportKind(of: file.path) == "sarif")
        } catch {
            throw ActionFailure(
                kind: .gate,
                diagnostic: Diagnostic(
                    .gateFailed,
                    "'\(node.label)': '\(gate.file.shown)\(error.place(in: bytes))': \(error.message)", at: gate.span))
        }
    }
}

extension TargetAttributes {
    /// `junit` or `sarif`, where a `[report]` of the rule names `path`.
    func reportKind(of path: BytePath) -> String? {
        reports.first { ReportPattern($0.glob).matches(path) }?.kind
    }

    func isReport(_ path: BytePath) -> Bool { reportKind(of: path) != nil }
}

extension TargetReport {
    /// What the reports of `result` say.
    mutating func take(_ result: ActionResult, of node: Target) {
        reports = result.reports
        if !node.isImage { outputSize = result.outputs.reduce(0) { $0 + Int(clamping: $1.digest.size) } }
        if !node.attributes.reports.isEmpty {
            reportFiles = result.outputs.filter { node.attributes.isReport($0.path) }
        }
    }
}

/// What tools' names of files mean.
struct ReportedPlaces {
    /// The recipe's.
    let folder: BytePath
    let workspace: BytePath

    /// The input that a tool calls `path`: below the recipe's folder or the workspace's root, or absolute, in the sandbox or
    /// outside of it. What is no input keeps its name.
    func resolved(_ path: BytePath, isInput: (BytePath) -> Bool) -> BytePath {
        var candidates: [BytePath] = []
        if path.isAbsolute {
            for root in [BytePath(SandboxStage.root), workspace] {
                if let rest = path.relative(to: root), !rest.isEmpty { candidates.append(rest) }
            }
        } else {
            candidates = [folder, .root].compactMap { BytePath.resolving(path.bytes, in: $0) }
        }
        return candidates.first(where: isInput) ?? candidates.first ?? path
    }
}

/// The reports of one action, taken in one after the other.
private struct ReportReading {
    let action: Action
    /// The recipe's.
    let folder: BytePath
    let workspace: BytePath
    let store: any ContentStore
    private let inputs: [BytePath: Digest]
    var reports = ActionReports()
    /// Of files that findings are in.
    private var lines: [BytePath: [[UInt8]]] = [:]

    init(action: Action, folder: BytePath, workspace: BytePath, store: any ContentStore) {
        self.action = action
        self.folder = folder
        self.workspace = workspace
        self.store = store
        inputs = Dictionary(action.inputs.map { ($0.path, $0.digest) }) { first, _ in first }
    }

    /// A `[report]` file.
    mutating func take(_ kind: String, _ file: OutputFile, _ bytes: [UInt8]) async throws(ReportError) {
        if kind == "junit" {
            let report = try JUnitReport(try ReportBytes(bytes).bytes)
            reports.tests = (reports.tests ?? TestTally()) + report.tally
            let room = max(0, ActionReports.kept - reports.failures.count)
            reports.failures += report.failures.prefix(room).map { failure in
                var failure = failure
                failure.file = failure.file.map(resolved)
                return failure
            }
        } else {
            let log = try SARIFReport(try ReportBytes(bytes).json())
            add(log.findings, suppressed: log.suppressed)
        }
    }

    /// A gate's file; its findings are not counted twice where a `[report]` names it, too.
    mutating func take(
        _ metric: GateMetric, _ file: OutputFile, _ bytes: [UInt8], isReported: Bool
    ) async throws(ReportError) {
        let measure = try GateMeasure(metric, bytes)
        var identities: [FindingIdentity] = []
        for finding in measure.findings {
            var finding = finding
            finding.file = finding.file.map(resolved)
            identities.append(FindingIdentity(finding, lineText: await lineText(of: finding)))
        }
        if metric == .lint, !isReported { add(measure.findings, suppressed: measure.suppressed) }
        reports.scores.append(
            GateScore(metric: metric, file: file.path, value: measure.value, identities: identities))
    }

    private mutating func add(_ findings: [Finding], suppressed: Int) {
        reports.findingCount = (reports.findingCount ?? 0) + findings.count
        reports.suppressed += suppressed
        let room = max(0, ActionReports.kept - reports.findings.count)
        reports.findings += findings.prefix(room).map { finding in
            var finding = finding
            finding.file = finding.file.map(resolved)
            return finding
        }
    }

    private func resolved(_ path: BytePath) -> BytePath {
        ReportedPlaces(folder: folder, workspace: workspace).resolved(path) { inputs[$0] != nil }
    }

    /// The line that a finding is in, without white space around it; nil where it is in no input.
    private mutating func lineText(of finding: Finding) async -> [UInt8]? {
        guard let file = finding.file, let number = finding.line else { return nil }
        if lines[file] == nil {
            var bytes: [UInt8] = []
            if let digest = inputs[file], digest.size <= ReportBytes.limit {
                bytes = (try? await store.read(digest)) ?? []
            }
            lines[file] = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { Array($0) }
        }
        guard let all = lines[file], number <= all.count else { return nil }
        let text = all[number - 1].drop { $0.isSpace }
        return Array(text.reversed().drop { $0.isSpace }.reversed())
    }
}
