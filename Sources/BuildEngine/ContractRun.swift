// A contract's part in running its target: what is still to be verified, and what came of it.
import BuildGraph
import Buildfile

extension Engine {
    /// What `node` verifies, with the contracts that rules have put out by now.
    func openContract(_ work: RunBoard.Work, _ node: Target) async throws -> OpenContract? {
        guard let verdicts = parts.verdicts, !node.contracts.isEmpty else { return nil }
        var produced: [BytePath: [UInt8]] = [:]
        for product in work.given.values {
            for output in product.outputs where node.contracts.contains(output.path) {
                produced[output.path] = try await parts.store.read(output.digest)
            }
        }
        for (path, bytes) in produced { try refuse(bytes, path, node, verdicts) }
        for path in node.contracts where hashed.graph.tree.contains(path) {
            try refuse(try hashed.graph.tree.files.contents(of: path), path, node, verdicts)
        }
        return try hashed.openContract(of: work.target, node, verdicts) { produced[$0] }
    }

    private func refuse(
        _ bytes: [UInt8], _ path: BytePath, _ node: Target, _ verdicts: any ContractVerdicts
    ) throws(ActionFailure) {
        guard let mistake = verdicts.mistake(in: bytes, at: path.shown) else { return }
        throw ActionFailure(kind: .gate, diagnostic: mistake)
    }

    /// `action` with its contracts narrowed to the terms in `todo`, and which those are.
    func narrowed(
        _ action: Action, _ node: Target, to todo: Set<SHA256Value>?
    ) async throws -> (action: Action, contracts: Set<BytePath>) {
        guard let verdicts = parts.verdicts, let todo else { return (action, []) }
        var inputs = action.inputs
        for (place, input) in inputs.enumerated() where node.contracts.contains(input.path) {
            let isFile = hashed.graph.tree.contains(input.path)
            let whole =
                isFile
                ? try hashed.graph.tree.files.contents(of: input.path) : try await parts.store.read(input.digest)
            let digest = try await parts.store.write(verdicts.narrowed(whole, to: todo))
            inputs[place] = ActionInput(path: input.path, kind: .file, digest: digest)
        }
        let narrowed = Action(
            label: action.label, command: action.command, inputs: inputs, environment: action.environment,
            unhashedEnvironment: action.unhashedEnvironment, secretNames: action.secretNames,
            outputs: action.outputs, attributes: action.attributes)
        return (narrowed, Set(node.contracts))
    }

    /// Runs the verification and keeps what it says of each term of `todo`. A recipe that is no verifier of ours says the
    /// same of all. A run that was killed, or that the machine kept from its end, says nothing.
    func verified(
        _ contract: OpenContract?, _ todo: Set<SHA256Value>?, _ run: () async throws -> ActionResult
    ) async throws -> (ActionResult, allPassed: Bool) {
        guard let verdicts = parts.verdicts, let contract, let todo else { return (try await run(), true) }
        do {
            let result = try await run()
            guard let log = result.log, let found = verdicts.results(in: try await parts.store.read(log)) else {
                verdicts.keep(contract.verdicts { todo.contains($0) ? true : nil })
                return (result, true)
            }
            verdicts.keep(contract.verdicts { found.passed[$0] })
            let shown = ActionResult(
                exitCode: result.exitCode, outputs: result.outputs, imageDigest: nil,
                log: try await parts.store.write(found.log), duration: result.duration)
            return (shown, todo.allSatisfy { found.passed[$0] == true })
        } catch let failure as ActionFailure where failure.kind == .failed {
            guard let found = verdicts.results(in: failure.output) else {
                verdicts.keep(contract.verdicts { todo.contains($0) ? false : nil })
                throw failure
            }
            verdicts.keep(contract.verdicts { found.passed[$0] })
            throw ActionFailure(
                kind: failure.kind, diagnostic: failure.diagnostic, exitCode: failure.exitCode, output: found.log,
                duration: failure.duration)
        }
    }
}
