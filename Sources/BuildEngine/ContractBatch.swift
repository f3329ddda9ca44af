// Several consumers' contracts verified in one start of their provider. Does not know how one is verified.
import BuildGraph
import Buildfile

/// What came of the batches of a run, by the component that is verified.
actor ContractBatches {
    typealias Outcomes = [Label: Result<Engine.Ran, any Error>]

    private var tasks: [Int: Task<Outcomes, Never>] = [:]

    /// The first to ask runs the batch, the others wait for it.
    func outcomes(of component: Int, _ make: @escaping @Sendable () async -> Outcomes) -> Task<Outcomes, Never> {
        if let task = tasks[component] { return task }
        let task = Task { await make() }
        tasks[component] = task
        return task
    }

    /// Whether `label` was verified in the batch of `component`: its verdicts are known by then, and still it ran.
    func hasVerified(_ label: Label, of component: Int) async -> Bool {
        guard let task = tasks[component] else { return false }
        return await task.value[label] != nil
    }
}

extension Engine {
    /// What the batch of `node`'s rule says of it; nil where it has no part in one, and is verified by itself.
    func inBatch(_ work: RunBoard.Work, _ node: Target, _ plan: RunPlan) async throws -> Ran? {
        guard isForBatch(node, work.target, plan) else { return nil }
        let task = await batches.outcomes(of: node.component) { await batch(work, node, plan) }
        let outcomes = await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            task.cancel()
        }
        try Task.checkCancellation()
        return try outcomes[node.label]?.get()
    }

    /// What a rule puts out is each consumer's own, and a contract that a rule puts out may not be there yet.
    private func isForBatch(_ node: Target, _ target: Int, _ plan: RunPlan) -> Bool {
        plan.isToRun[target] && node.attributes.batch && node.label.stage == "verify" && node.outputs.isEmpty
            && node.attributes.reports.isEmpty && !node.edges.contains { $0.kind == .contract }
    }

    /// Verifies all instances of `node`'s rule that have something to verify, those alone that stay single excepted.
    private func batch(_ work: RunBoard.Work, _ node: Target, _ plan: RunPlan) async -> ContractBatches.Outcomes {
        guard let verdicts = parts.verdicts else { return [:] }
        var members: [Part] = []
        var inputs: [BytePath: ActionInput] = [:]
        var own: Action?
        for target in plan.toRun.sorted() {
            let other = plan.scope[target]
            guard other.component == node.component, isForBatch(other, target, plan),
                let contract = try? hashed.openContract(of: target, other, verdicts),
                isReadable(other, verdicts),
                let action = try? hashed.action(
                    of: target, other, plan.scope, products: work.given, environment: parts.environment(of: other))
            else { continue }
            let member = part(of: other, contract, toVerify(contract, other))
            // A recipe that verifies says the same of all: what may fail must not be among it.
            if !other.attributes.hasOwnVerifier, !member.pending.isEmpty { continue }
            members.append(member)
            for input in action.inputs { inputs[input.path] = input }
            if target == work.target { own = action }
        }
        guard members.count > 1, let own else { return [:] }
        let action = own.with(inputs: inputs.values.sorted { $0.path < $1.path })
        if node.attributes.hasOwnVerifier { return await outcomes(of: action, members, isTainted: work.isTainted) }
        return await byRecipe(action, members, isTainted: work.isTainted)
    }

    private func isReadable(_ node: Target, _ verdicts: any ContractVerdicts) -> Bool {
        node.contracts.allSatisfy { path in
            guard let bytes = try? hashed.graph.tree.files.contents(of: path) else { return false }
            return verdicts.mistake(in: bytes, at: path.shown) == nil
        }
    }

    /// `$contract` and `$consumer` name all of them. Where that fails nobody knows who did, and each is verified by itself.
    private func byRecipe(
        _ action: Action, _ members: [Part], isTainted: Bool
    ) async -> ContractBatches.Outcomes {
        let folder = hashed.graph.components[members[0].node.component].folder
        var todo: [BytePath: Set<SHA256Value>] = [:]
        for member in members {
            for path in member.node.contracts { todo[path, default: []].formUnion(member.todo) }
        }
        var environment = action.environment
        if environment["consumer"] != nil {
            environment["consumer"] = members.map(\.contract.consumer).joined(separator: " ")
        }
        if environment["contract"] != nil {
            environment["contract"] = todo.keys.sorted().map { $0.walked(from: folder).shown }.joined(separator: " ")
        }
        do {
            let narrowed = try await narrowed(
                action.with(environment: environment), to: todo, named: todo.keys.sorted())
            let ran = try await run(narrowed, contracts: Set(todo.keys))
            for member in members {
                keep(
                    [(member.contract, { member.todo.contains($0) ? true : nil })],
                    unless: isTainted || !ran.changed.isEmpty)
            }
            return Dictionary(
                members.map { member in
                    var own = ran
                    own.terms = member.todo.count
                    return (member.node.label, .success(own))
                }
            ) { first, _ in first }
        } catch let failure as ActionFailure where failure.kind == .failed {
            return [:]
        } catch {
            return Dictionary(members.map { ($0.node.label, .failure(error)) }) { first, _ in first }
        }
    }
}
