// Whether what was measured is good enough: against numbers when a target has run, against the base each time. Does not know
// how a report is read, nor where a base is found.
package import BuildGraph
import Buildfile

/// What the same target measured at the commit that a change begins at.
package protocol GateBase: Sendable {
    /// The reports of `label` there.
    func reports(of label: Label) async -> GateBaseAnswer
    /// The whole result of `label` there, with what its hash covered.
    func recorded(_ label: Label) async -> GateBaseRecord
}

/// What is known of a target at the base.
package enum GateBaseAnswer: Sendable {
    /// `base` names the commit, for people.
    case known(ActionReports, base: String)
    /// Why not, and how to get it.
    case unknown(reason: String, hint: String)
}

/// As `GateBaseAnswer`, with what the target was made of.
package enum GateBaseRecord: Sendable {
    case known(ActionResult, manifest: [ManifestField], base: String)
    case unknown(reason: String, hint: String)
}

extension Engine {
    /// `result` with what its reports say. Throws where a gate that needs no base refuses it.
    func judged(_ result: ActionResult, of node: Target, _ action: Action) async throws -> ActionResult {
        var result = result
        do {
            result.reports = try await reports(of: node, action, result.outputs)
            for gate in node.attributes.gates where !gate.isAgainstBase {
                let check = try check(gate, of: node)
                guard let score = score(gate, result.reports) else { continue }
                if !check.verdict(score.value) {
                    throw refusal("'\(node.label)': \(check.refusal(score.value))", gate)
                }
            }
        } catch let failure as ActionFailure {
            let told = ActionFailure(
                kind: failure.kind, diagnostic: failure.diagnostic, exitCode: failure.exitCode,
                output: await log(result), duration: result.duration)
            throw told.with(reports: result.outputs)
        }
        return result
    }

    /// Throws where a gate against the base refuses what `report` tells of. A base that is not known is told of, and refuses
    /// only where the gate says so.
    func judgeAgainstBase(_ node: Target, _ report: TargetReport) async throws {
        do {
            try await compareWithBase(node, report)
        } catch let failure as ActionFailure {
            // It took its time all the same.
            var slow = failure
            slow.duration = report.duration
            throw slow
        }
    }

    private func compareWithBase(_ node: Target, _ report: TargetReport) async throws {
        let gates = node.attributes.gates.filter(\.isAgainstBase)
        if gates.isEmpty { return }
        let answer =
            await parts.base?.reports(of: node.label)
            ?? .unknown(reason: "there is no base to compare with", hint: "name one with --base")
        for gate in gates {
            let check = try check(gate, of: node)
            guard let head = score(gate, report.reports) else {
                throw refusal("'\(node.label)': its result tells nothing of '\(gate.file.shown)'", gate)
            }
            var unknown: (reason: String, hint: String)?
            switch answer {
            case .unknown(let reason, let hint): unknown = (reason, hint)
            case .known(let reports, let base):
                guard let old = score(gate, reports) else {
                    unknown = (
                        "its result at the base \(base) tells nothing of '\(gate.file.shown)'",
                        "it will once the base has a gate on this file, too"
                    )
                    break
                }
                if let failure = refusal(check, gate, node, head: head, base: old, named: base, report) {
                    throw failure
                }
            }
            if let unknown { try tellUnknown(unknown, gate, node) }
        }
    }

    private func tellUnknown(
        _ unknown: (reason: String, hint: String), _ gate: TargetAttributes.Gate, _ node: Target
    ) throws {
        let what = "'\(node.label)': '\(gate.metric) \(gate.subject)' cannot be told: \(unknown.reason)"
        if gate.failsIfUnknown {
            throw ActionFailure(
                kind: .gate, diagnostic: Diagnostic(.unknownGateBase, what, at: gate.span, hint: unknown.hint),
                exitCode: 0)
        }
        emit(
            .notice(
                Diagnostic(
                    .unknownGateBase, .notice, what + "; it passes unjudged", at: gate.span, hint: unknown.hint)))
    }

    private func refusal(
        _ check: GateCheck, _ gate: TargetAttributes.Gate, _ node: Target, head: GateScore, base: GateScore,
        named name: String, _ report: TargetReport
    ) -> ActionFailure? {
        let wanted = "the gate wants \(check.comparison.rawValue) \(shownNumber(check.threshold))"
        if gate.subject == "drop" {
            let drop = base.value - head.value
            if check.verdict(drop) { return nil }
            return refusal(
                "'\(node.label)': \(gate.metric) is \(shownNumber(head.value)) in \(gate.file.shown) and was \(shownNumber(base.value)) at the base \(name): a drop of \(shownNumber(drop)), \(wanted)",
                gate)
        }
        let new = FindingIdentity.new(in: head.identities, since: base.identities)
        if check.verdict(Double(new.count)) { return nil }
        let findings = report.reports?.findings ?? []
        // Other reports of the rule may hold findings, too; only where this is the one do places agree.
        let isOnly = report.reports?.findingCount == head.identities.count
        let shown = isOnly ? new.filter { $0 < findings.count }.prefix(10).map { findings[$0].shown } : []
        var failure = refusal(
            "'\(node.label)': \(new.count) \(new.count == 1 ? "finding" : "findings") in \(gate.file.shown) that the base \(name) does not have, \(wanted)",
            gate, notes: shown)
        failure.reports = report.reportFiles
        return failure
    }

    private func refusal(_ message: String, _ gate: TargetAttributes.Gate, notes: [String] = []) -> ActionFailure {
        ActionFailure(
            kind: .gate,
            diagnostic: Diagnostic(
                .gateFailed, .error, message, at: gate.span, notes: notes.map { Diagnostic.Note($0) }), exitCode: 0)
    }

    private func check(_ gate: TargetAttributes.Gate, of node: Target) throws -> GateCheck {
        guard let metric = GateMetric(rawValue: gate.metric),
            let comparison = GateComparison(rawValue: gate.comparison)
        else {
            throw ActionFailure.machine(
                .internalError, "'\(node.label)': the gate '\(gate.metric) \(gate.comparison)' cannot be evaluated")
        }
        return GateCheck(metric: metric, comparison: comparison, threshold: gate.threshold, file: gate.file)
    }

    private func score(_ gate: TargetAttributes.Gate, _ reports: ActionReports?) -> GateScore? {
        reports?.scores.first { $0.metric.rawValue == gate.metric && $0.file == gate.file }
    }
}

extension Finding {
    /// `src/a.py:3: F401: 'os' imported but unused`.
    package var shown: String {
        let place = file.map { $0.shown + (line.map { ":\($0)" } ?? "") + ": " } ?? ""
        return place + (rule.isEmpty ? "" : BytePath(rule).shown + ": ") + BytePath(message).shown
    }
}

extension ActionFailure {
    fileprivate func with(reports: [OutputFile]) -> ActionFailure {
        var failure = self
        failure.reports = reports
        return failure
    }
}

extension HashedGraph {
    /// The result that `cache` has of `target`; nil where it has none, or none can be told before others have run.
    package func knownResult(
        of target: Int, in cache: any ActionCache, _ verdicts: (any ContractVerdicts)?
    ) async -> ActionResult? {
        var plan = RunPlan(RunScope(graph, [target]), nil)
        await plan.lookUp(self, in: cache, verdicts)
        return plan.found[target]?.result
    }
}
