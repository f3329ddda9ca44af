// A contract's part in running its target: what is still to be verified, how it is, and what came of it.
import BuildGraph
import Buildfile
import Glibc

extension Engine {
    /// A run of an action that succeeded, as far as what comes after has to know it.
    struct Ran: Sendable {
        var result: ActionResult
        /// Inputs that were no longer what was hashed.
        var changed: [BytePath] = []
        /// Whether the result may be kept: a verification that let a failure pass is none.
        var allPassed = true
        /// How many terms were verified; nil where that was nobody's to tell.
        var terms: Int?
    }

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
        try await refuseDocuments(work, node, verdicts)
        return try hashed.openContract(of: work.target, node, verdicts) { produced[$0] }
    }

    /// What is compared has to be readable to its end, on both sides.
    private func refuseDocuments(
        _ work: RunBoard.Work, _ node: Target, _ verdicts: any ContractVerdicts
    ) async throws {
        if node.attributes.documents.isEmpty { return }
        var asked = node.contracts.map { (path: $0, kind: InterfaceKind?.none) }
        asked += node.attributes.documents.map { (path: $0.path, kind: $0.kind) }
        for (path, kind) in asked {
            let product = work.given.values.lazy.flatMap(\.outputs).first { $0.path == path }
            let bytes: [UInt8]
            if let product {
                bytes = try await parts.store.read(product.digest)
            } else if hashed.graph.tree.contains(path) {
                bytes = try hashed.graph.tree.files.contents(of: path)
            } else {
                continue
            }
            guard let mistake = verdicts.mistake(inInterface: bytes, at: path.shown, kind: kind) else { continue }
            throw ActionFailure(kind: .gate, diagnostic: mistake)
        }
    }

    func refuse(
        _ bytes: [UInt8], _ path: BytePath, _ node: Target, _ verdicts: any ContractVerdicts
    ) throws(ActionFailure) {
        guard let mistake = verdicts.mistake(in: bytes, at: path.shown) else { return }
        throw ActionFailure(kind: .gate, diagnostic: mistake)
    }

    /// The terms that a run of `node` verifies: those without a verdict, or all where everything is to run, or where only
    /// what the rule puts out is missing.
    func toVerify(_ contract: OpenContract, _ node: Target) -> Set<SHA256Value> {
        options.ignoresCache || node.attributes.uncached || contract.todo.isEmpty
            ? Set(contract.terms.map(\.digest)) : contract.todo
    }

    /// Those of `todo` that may fail: the provider has never done what they ask.
    func pending(_ contract: OpenContract, _ todo: Set<SHA256Value>, _ node: Target) -> Set<SHA256Value> {
        guard let verdicts = parts.verdicts, node.attributes.pending else { return [] }
        return todo.filter { !verdicts.wasEverSatisfied($0, by: contract.provider) }
    }

    /// `action` with its contracts narrowed to what `todo` says of each; `$contract` names `named` of them.
    func narrowed(
        _ action: Action, to todo: [BytePath: Set<SHA256Value>], named: [BytePath] = []
    ) async throws -> Action {
        guard let verdicts = parts.verdicts else { return action }
        var inputs = action.inputs
        for (place, input) in inputs.enumerated() {
            guard let terms = todo[input.path] else { continue }
            let isFile = hashed.graph.tree.contains(input.path)
            let whole =
                isFile
                ? try hashed.graph.tree.files.contents(of: input.path) : try await parts.store.read(input.digest)
            let digest = try await parts.store.write(verdicts.narrowed(whole, to: terms))
            inputs[place] = ActionInput(path: input.path, kind: .file, digest: digest)
        }
        var attributes = action.attributes
        attributes.copies = named
        return action.with(inputs: inputs, attributes: attributes)
    }

    // MARK: Verifying

    /// Verifies the terms in `todo` of what one consumer asks for.
    func verify(
        _ work: RunBoard.Work, _ node: Target, _ plan: RunPlan, _ action: Action, _ contract: OpenContract,
        _ todo: Set<SHA256Value>
    ) async throws -> Ran {
        if node.attributes.batch, let shared = try await inBatch(work, node, plan) { return shared }
        if node.attributes.hasOwnVerifier {
            let part = part(of: node, contract, todo)
            let outcome = await outcomes(of: action, [part], isTainted: work.isTainted)
            guard let outcome = outcome[node.label] else { throw CancellationError() }
            return try outcome.get()
        }
        return try await verifyByRecipe(action, node, contract, todo, isTainted: work.isTainted)
    }

    /// The recipe is the verifier, and says the same of all that it is given. What may fail is given by itself.
    private func verifyByRecipe(
        _ action: Action, _ node: Target, _ contract: OpenContract, _ todo: Set<SHA256Value>, isTainted: Bool
    ) async throws -> Ran {
        var pending = pending(contract, todo, node)
        var settled = todo.subtracting(pending)
        if !settled.isEmpty, action.environment["contract"] == nil, parts.recipes.readsWorkspace {
            // It asks for the file by its own name, and sees all of it.
            (settled, pending) = (todo, [])
        }
        var ran: Ran?
        if !settled.isEmpty { ran = try await verify(action, node, contract, only: settled, isTainted: isTainted) }
        if pending.isEmpty { return ran ?? Ran(result: .verified) }
        do {
            let second = try await verify(action, node, contract, only: pending, isTainted: isTainted)
            ran = ran ?? second
        } catch let failure as ActionFailure where failure.kind == .failed {
            tellPending(node, contract, pending)
            let log = try await parts.store.write(failure.output)
            ran =
                ran
                ?? Ran(
                    result: ActionResult(
                        exitCode: 0, outputs: [], imageDigest: nil, log: log, duration: failure.duration))
            ran?.allPassed = false
        }
        return ran ?? Ran(result: .verified)
    }

    private func verify(
        _ action: Action, _ node: Target, _ contract: OpenContract, only todo: Set<SHA256Value>, isTainted: Bool
    ) async throws -> Ran {
        let terms = Dictionary(node.contracts.map { ($0, todo) }) { first, _ in first }
        do {
            let narrowed = try await narrowed(action, to: terms, named: node.contracts)
            let ran = try await run(narrowed, contracts: Set(node.contracts))
            keep([(contract, { todo.contains($0) ? true : nil })], unless: isTainted || !ran.changed.isEmpty)
            return ran
        } catch let failure as ActionFailure where failure.kind == .failed {
            parts.verdicts?.keep(contract.failure(of: todo))
            throw failure
        }
    }

    /// A pass counts for the provider that the hash names, and not for one that changed while it was verified.
    func keep(
        _ found: [(contract: OpenContract, passed: (SHA256Value) -> Bool?)], unless isOther: Bool
    ) {
        for (contract, passed) in found {
            parts.verdicts?.keep(contract.verdicts(passed).filter { !isOther || $0.passed != true })
        }
    }

    /// Runs `action`, whose `contracts` are not the workspace's own.
    func run(_ action: Action, contracts: Set<BytePath>) async throws -> Ran {
        let (staged, changed) = try await stage(action)
        let result = try await parts.recipes.run(staged)
        return Ran(result: result, changed: changed + changedSince(staged).filter { !contracts.contains($0) })
    }

    // MARK: lmsbuild's own verifier

    /// One consumer's part in a run of the verifier.
    struct Part: Sendable {
        let node: Target
        let contract: OpenContract
        let todo: Set<SHA256Value>
        let pending: Set<SHA256Value>

        /// In the order in which the verifier tells of them.
        var terms: [SHA256Value] { todo.sorted() }
    }

    func part(of node: Target, _ contract: OpenContract, _ todo: Set<SHA256Value>) -> Part {
        Part(node: node, contract: contract, todo: todo, pending: pending(contract, todo, node))
    }

    /// Runs the verifier with `action`'s recipe as its provider, and keeps what it says of each term of `members`. Nothing is
    /// kept of a verifier that was killed, or that the machine kept from its end.
    func outcomes(
        of action: Action, _ members: [Part], isTainted: Bool
    ) async -> [Label: Result<Ran, any Error>] {
        func all(_ error: any Error) -> [Label: Result<Ran, any Error>] {
            Dictionary(members.map { ($0.node.label, .failure(error)) }) { first, _ in first }
        }
        do {
            var todo: [BytePath: Set<SHA256Value>] = [:]
            for member in members {
                for path in member.node.contracts { todo[path, default: []].formUnion(member.todo) }
            }
            let verifying = try await verifying(try await narrowed(action, to: todo), members)
            let ran: Ran
            do {
                ran = try await run(verifying, contracts: Set(todo.keys))
            } catch let failure as ActionFailure where failure.kind == .failed {
                guard let results = VerifierResults(log: failure.output) else { return all(failure) }
                return outcomes(members, results, failure, nil, isTainted: isTainted)
            }
            let log = if let digest = ran.result.log { try await parts.store.read(digest) } else { [UInt8]() }
            guard let results = VerifierResults(log: log) else {
                return all(
                    ActionFailure.machine(
                        .internalError, "'\(action.label)': the verifier ended without saying what it found"))
            }
            var logs: [Label: Digest] = [:]
            for member in members {
                logs[member.node.label] = try await parts.store.write(results.log(of: member.contract.consumer))
            }
            return outcomes(
                members, results, nil, (ran, logs), isTainted: isTainted || !ran.changed.isEmpty)
        } catch {
            return all(error)
        }
    }

    /// What the verifier's `results` mean for each of `members`; it ended with `failure`, or well.
    private func outcomes(
        _ members: [Part], _ results: VerifierResults, _ failure: ActionFailure?,
        _ success: (ran: Ran, logs: [Label: Digest])?, isTainted: Bool
    ) -> [Label: Result<Ran, any Error>] {
        var outcomes: [Label: Result<Ran, any Error>] = [:]
        for member in members {
            let label = member.node.label
            let found = results.part(of: member.contract.consumer)
            var marks: [SHA256Value: VerifierResults.Mark] = [:]
            if let found, found.marks.count == member.todo.count {
                for (term, mark) in zip(member.terms, found.marks) { marks[term] = mark }
            }
            func passed(_ term: SHA256Value) -> Bool? {
                switch marks[term] {
                case .passed: true
                case .failed, .pending: false
                case .unknown, nil: nil
                }
            }
            keep([(member.contract, passed)], unless: isTainted)
            tellPending(member.node, member.contract, Set(marks.filter { $0.value == .pending }.keys))
            let isRight = member.todo.allSatisfy { marks[$0] == .passed || member.pending.contains($0) }
            if isRight, results.trouble == nil {
                let ran = success?.ran
                outcomes[label] = .success(
                    Ran(
                        result: ActionResult(
                            exitCode: 0, outputs: ran?.result.outputs ?? [], imageDigest: nil,
                            log: success?.logs[label],
                            duration: ran?.result.duration ?? failure?.duration ?? .zero),
                        changed: ran?.changed ?? [],
                        allPassed: member.todo.allSatisfy { marks[$0] == .passed }, terms: member.todo.count))
            } else {
                outcomes[label] = .failure(
                    ActionFailure(
                        kind: .failed,
                        diagnostic: .contractFailed(member, results, owners: owners(of: member.contract.consumer)),
                        exitCode: failure?.exitCode ?? 1, output: results.log(of: member.contract.consumer),
                        duration: failure?.duration ?? success?.ran.result.duration ?? .zero))
            }
        }
        return outcomes
    }

    /// `action` with the verifier in place of the shell, which starts the provider, or the image that is the provider.
    private func verifying(_ action: Action, _ members: [Part]) async throws -> Action {
        guard let first = members.first else { return action }
        let search = ProgramSearch(path: parts.environment["PATH"] ?? "")
        if first.node.attributes.pact != nil, search.file(named: "curl") == nil {
            throw ActionFailure.machine(
                .toolMissing, "'curl', by which lmsbuild's verifier asks '\(first.contract.provider)', can't be found",
                hint: "apt-get install curl; PATH is \(parts.environment["PATH"] ?? "")")
        }
        guard let own = parts.verifier ?? OwnProgram.find(),
            let path = String(validating: own.path.bytes, as: UTF8.self),
            case .recipe(let shell, let script, let folder) = action.command
        else {
            throw ActionFailure.machine(
                .internalError, "'\(action.label)': lmsbuild does not know where its own program lies")
        }
        var request = VerifierRequest(provider: first.contract.provider)
        request.settings = first.node.attributes.pact ?? PactSettings()
        request.statesCommand = first.node.attributes.statesCommand
        request.hasProvider = first.node.attributes.pact != nil
        request.documents = first.node.attributes.documents.map { document in
            VerifierRequest.Document(kind: document.kind, path: document.path.walked(from: folder).shown)
        }
        request.contracts = members.map { member in
            var contract = VerifierRequest.Contract(consumer: member.contract.consumer)
            contract.owners = owners(of: member.contract.consumer)
            contract.paths = member.node.contracts.map { $0.walked(from: folder).shown }
            contract.terms = member.terms
            contract.pending = member.pending
            return contract
        }
        request.recipe = shell
        var attributes = action.attributes
        var unhashed = action.unhashedEnvironment
        if let image = hashed.graph.providerImage(of: first.node) {
            guard let starter = parts.starter else {
                throw ActionFailure.machine(.internalError, "'\(action.label)': nobody knows how to start an image")
            }
            let start = try await starter.start(of: hashed.reference(of: image))
            (request.recipe, request.removal) = (start.run, start.remove)
            unhashed.merge(start.environment) { $1 }
            attributes.asksEngine = true
        }
        attributes.programs = [own.path] + own.libraries
        return action.with(
            command: .recipe(
                interpreter: [path, VerifierRequest.command] + request.arguments, script: script, folder: folder),
            unhashedEnvironment: unhashed, attributes: attributes)
    }

    private func owners(of consumer: String) -> [String] {
        hashed.graph.components.first { $0.name == consumer }?.owners ?? []
    }

    /// Says of each of `terms`, which failed and may, since when it is known.
    private func tellPending(_ node: Target, _ contract: OpenContract, _ terms: Set<SHA256Value>) {
        for term in contract.terms where terms.contains(term.digest) {
            let since = parts.verdicts?.firstAsked(term.digest, of: contract.provider).map {
                " since \(UTCTime(seconds: Int($0)).date)"
            }
            emit(
                .notice(
                    Diagnostic(
                        .contractPending, .notice,
                        "'\(node.label)': \"\(term.name)\" is pending\(since ?? ""): '\(contract.provider)' has never done what '\(contract.consumer)' asks",
                        hint: "it is verified again in each run; the first success makes it binding")))
        }
    }
}

extension Diagnostic {
    fileprivate static func contractFailed(
        _ member: Engine.Part, _ results: VerifierResults, owners: [String]
    ) -> Diagnostic {
        let (consumer, provider) = (member.contract.consumer, member.contract.provider)
        let found = results.part(of: consumer)
        let failed = found?.marks.count { $0 == .failed } ?? 0
        let unknown = found?.marks.count { $0 == .unknown } ?? member.todo.count
        var what =
            failed == 0
            ? "what '\(consumer)' asks of '\(provider)' could not be verified"
            : "'\(provider)' does not do what '\(consumer)' asks in \(failed) of \(member.todo.count) \(member.todo.count == 1 ? "interaction" : "interactions")"
        if failed > 0, unknown > 0 { what += ", and \(unknown) could not be verified" }
        var notes = (found?.failures ?? []).map { Note($0) }
        if let trouble = results.trouble { notes.insert(Note(trouble), at: 0) }
        let whose = owners.isEmpty ? "'\(consumer)'" : "\(owners.joined(separator: ", ")), who own '\(consumer)',"
        return Diagnostic(
            .contractFailed, "'\(member.node.label)': \(what)", at: member.node.span, notes: notes,
            hint: "restore what the contract says, or agree with \(whose) on a new one")
    }
}

extension RunBoard.Work {
    /// Something that it takes in is not what its hash names.
    var isTainted: Bool { given.values.contains(where: \.isTainted) }
}
