// One target from its key to its product: look up, restore, or run and keep.
import BuildGraph
import Buildfile

extension Engine {
    func process(_ work: RunBoard.Work, _ plan: RunPlan) async -> Ending {
        let (target, node, products) = (work.target, work.node, work.given)
        if node.isGroup { return nothing(target, node, products) }
        if let ending = vouched(work, node, plan) { return ending }
        var ending = await taken(work, node, plan)
        if ending.memory == nil, plan.candidates[target] >= 0 { ending.memory = .doubtful(plan.candidates[target]) }
        return ending
    }

    /// As the last run left it, with the same inputs: then it has not to be looked at any further.
    private func vouched(_ work: RunBoard.Work, _ node: Target, _ plan: RunPlan) -> Ending? {
        let place = plan.candidates[work.target]
        guard place >= 0, let last = plan.last, !work.given.values.contains(where: \.isTainted),
            given(work, node, plan) == last.given(place), last.isInPlace(place)
        else { return nil }
        let report = report(work.target, node, .cached(restored: false), .zero, saved: last.duration(place))
        return Ending(product: RunPlan.product(last, place), report: report, code: .done)
    }

    private func given(_ work: RunBoard.Work, _ node: Target, _ plan: RunPlan) -> Fingerprint {
        RunPlan.given(plan.scope.producers(of: node).map { work.given[$0]?.name })
    }

    private func taken(_ work: RunBoard.Work, _ node: Target, _ plan: RunPlan) async -> Ending {
        let (target, products) = (work.target, work.given)
        let start = ContinuousClock.now
        var known: Action?
        do {
            known = try hashed.action(
                of: target, node, plan.scope, products: products, environment: parts.environment(of: node))
            guard let action = known else { return nothing(target, node, products) }
            let key = hashed.key(of: target, node, plan.scope) { products[$0]?.name }
            let isTainted = products.values.contains(where: \.isTainted)
            let planned = plan.found[target].flatMap { $0.key == key ? $0.result : nil }
            var ending: Ending
            let result: ActionResult
            let placement: Placement
            let contract = try await openContract(work, node)
            let isShared = node.attributes.batch ? await batches.hasVerified(node.label, of: node.component) : false
            switch isShared ? .miss(.noResult) : await lookUp(action, node, key, planned, contract) {
            case .hit(let found, let placed):
                (result, placement) = (found, placed)
                // What it was verified for is known under this provider's hash, too.
                if let contract, !contract.todo.isEmpty, !isTainted {
                    parts.verdicts?.keep(contract.verdicts { _ in true })
                }
                ending = await cached(target, node, found, placed, isTainted: isTainted, start)
            case .miss(let reason):
                let ran = try await execute(work, node, plan, action, key, reason, contract, isTainted: isTainted)
                guard let kept = ran.kept else {
                    try await judgeAgainstBase(node, ran.ending.report)
                    return ran.ending
                }
                (ending, result, placement) = (ran.ending, kept, ran.placement)
            }
            // What is kept holds for these inputs; what it is compared with may be another one each time.
            try await judgeAgainstBase(node, ending.report)
            if let product = ending.product, !product.isTainted, parts.last != nil, !node.isImage,
                let witnesses = witnesses(of: action, result, placement)
            {
                ending.memory = .learned(
                    VouchedTarget(
                        hash: hashed.hashes[target], given: given(work, node, plan), name: product.name,
                        duration: result.duration, witnesses: witnesses))
            }
            return ending
        } catch let failure as ActionFailure {
            return await failed(target, node, failure, known)
        } catch is CancellationError {
            return interrupted(target, node)
        } catch is JobSlots.Closed {
            if Task.isCancelled { return interrupted(target, node) }
            return Ending(product: nil, report: report(target, node, .notStarted, .zero), code: .done)
        } catch let error as FileSystemError {
            return await failed(target, node, .unreadable(error), known)
        } catch let error as StoreError {
            return await failed(target, node, .store(error, node.label), known)
        } catch {
            return await failed(target, node, .machine(.internalError, "'\(node.label)': \(error)"), known)
        }
    }

    // MARK: Looking up

    private enum Found {
        case hit(ActionResult, Placement)
        case miss(Reason)
    }

    /// `planned` is what the cache had for `key` when the run was planned.
    private func lookUp(
        _ action: Action, _ node: Target, _ key: ActionKey, _ planned: ActionResult?, _ contract: OpenContract?
    ) async -> Found {
        if options.ignoresCache { return .miss(.forced) }
        if node.attributes.uncached { return .miss(.uncached) }
        var known = planned
        if known == nil { known = await parts.cache.result(for: key) }
        if known == nil, let contract, contract.todo.isEmpty, node.outputs.isEmpty { known = .verified }
        guard let result = known else { return .miss(.noResult) }
        if case .image = action.command {
            if !action.secretNames.isEmpty, !(await parts.images.hasSameSecrets(action)) {
                return .miss(.changedSecret)
            }
            return await parts.images.isPresent(action, result) ? .hit(result, Placement()) : .miss(.lostImage)
        }
        for output in result.outputs {
            if await parts.store.contains(output.digest) { continue }
            // The blob is gone, but the file that was made from it may still be in its place.
            let path = parts.workspace.appending(output.path)
            guard output.kind != .link, (try? await parts.store.writeFile(at: path, expecting: output.digest)) != nil
            else { return .miss(.lostOutputs) }
        }
        do {
            return .hit(result, try await place(result.outputs, of: action))
        } catch {
            return .miss(.lostOutputs)
        }
    }

    /// How outputs came to be in their places.
    struct Placement {
        /// One had to be put there.
        var restored = false
        /// Each output that was there, where a later change is sure to show.
        var witnesses: [OutputWitness] = []
    }

    /// Puts outputs in place that are not there as they should be.
    private func place(_ outputs: [OutputFile], of action: Action) async throws -> Placement {
        var placement = Placement()
        for output in outputs {
            if let now = parts.placed(output.path), now.kind == output.kind, now.digest == output.digest {
                if let status = now.status {
                    placement.witnesses.append(
                        OutputWitness(path: output.path, kind: output.kind, digest: output.digest, status: status))
                }
                continue
            }
            placement.restored = true
            let path = parts.workspace.appending(output.path)
            if output.kind == .link {
                try Disk.placeLink(try await parts.store.read(output.digest), at: path)
            } else {
                try await parts.store.place(output.digest, at: path, executable: output.kind == .executable)
            }
        }
        if action.outputs.contains(where: \.isFolder) {
            let made = Set(outputs.map(\.path))
            for folder in action.outputs where folder.isFolder {
                try Disk.removeStrays(in: parts.workspace, below: folder.path, except: made)
            }
        }
        return placement
    }

    /// By what can be seen later that all outputs are in place and nothing is beside them; nil where that might not show.
    private func witnesses(
        of action: Action, _ result: ActionResult, _ placement: Placement
    ) -> [OutputWitness]? {
        guard placement.witnesses.count == result.outputs.count else { return nil }
        var witnesses = placement.witnesses
        let folders = action.outputs.filter(\.isFolder)
        if folders.isEmpty { return witnesses }
        let made = Set(result.outputs.map(\.path))
        for folder in folders {
            let seen = Disk.folders(in: parts.workspace, below: folder.path, holdingOnly: made)
            guard let seen else { return nil }
            witnesses += seen.map { OutputWitness(folder: $0.path, status: $0.status) }
        }
        return witnesses
    }

    // MARK: Running

    /// `kept` is the result where the cache has it now.
    private func execute(
        _ work: RunBoard.Work, _ node: Target, _ plan: RunPlan, _ action: Action, _ key: ActionKey, _ reason: Reason,
        _ contract: OpenContract?, isTainted: Bool
    ) async throws -> (ending: Ending, kept: ActionResult?, placement: Placement) {
        let target = work.target
        for tool in node.tools {
            if let problem = await tools.problem(tool) {
                throw ActionFailure(
                    kind: .machine,
                    diagnostic: Diagnostic(
                        problem.code, "'\(node.label)': \(problem.message)", at: node.span, hint: problem.hint))
            }
        }
        let todo = contract.map { toVerify($0, node) }
        let start = ContinuousClock.now
        let (ran, waited): (Ran, Duration)
        if let contract, let todo {
            (ran, waited) = try await inSlot(node, action) {
                try await verify(work, node, plan, action, contract, todo)
            }
        } else {
            let takeover = try await takeover(of: node, target)
            let (staged, changed) = try await stage(takeover.map { $0.narrowing(action) } ?? action)
            if case .image = staged.command, isTainted || !changed.isEmpty {
                throw ActionFailure.changedInputs(node, changed)
            }
            (ran, waited) = try await inSlot(node, action) {
                let runner = if case .image = staged.command { parts.images } else { parts.recipes }
                let result = try await taking(takeover, into: try await runner.run(staged), of: node)
                return Ran(result: result, changed: changed + changedSince(staged))
            }
        }
        let (result, changed) = (ran.result, ran.changed)
        let placement = try await place(result.outputs, of: action)
        if !changed.isEmpty { emit(.notice(.changedInputs(node, changed))) }
        let taints = isTainted || !changed.isEmpty
        var kept: ActionResult?
        if !taints, ran.allPassed, !node.attributes.uncached {
            do {
                try await parts.cache.store(result, for: key)
                kept = result
            } catch {
                emit(
                    .notice(
                        Diagnostic(
                            .storeUnusable, .warning, "the result of '\(node.label)' could not be kept: \(error)")))
            }
        }
        let log: [UInt8] =
            if let digest = result.log, digest.size > 0 { (try? await parts.store.read(digest)) ?? [] } else { [] }
        var report = report(
            target, node, .ran(reason), ContinuousClock.now - start - waited, output: log, result.imageDigest,
            verified: todo.map { (ran.terms ?? $0.count, contract?.terms.count ?? 0) })
        report.take(result, of: node)
        let ending = Ending(
            product: TargetProduct(outputs: result.outputs, imageDigest: result.imageDigest, isTainted: taints),
            report: report, code: .done)
        return (ending, kept, placement)
    }

    /// Runs `body` as one of as many actions as there are jobs, and judges what came of it; with how long it had to wait.
    private func inSlot(
        _ node: Target, _ action: Action, _ body: () async throws -> Ran
    ) async throws -> (Ran, Duration) {
        try await slots.use {
            emit(.targetStarted(node.label, at: .now))
            var ran = try await body()
            ran.result = try await judged(ran.result, of: node, action)
            return ran
        }
    }

    /// Sees that the store holds every input. A file that is no longer what was hashed is taken as it is now; its path
    /// is in `changed`.
    func stage(_ action: Action) async throws -> (Action, changed: [BytePath]) {
        var inputs: [ActionInput] = []
        var changed: [BytePath] = []
        for input in action.inputs {
            if input.kind == .submodule { continue }
            if await parts.store.contains(input.digest) {
                inputs.append(input)
                continue
            }
            if input.kind == .link {
                let digest = try await parts.store.write(try hashed.graph.tree.files.contents(of: input.path))
                inputs.append(ActionInput(path: input.path, kind: input.kind, digest: digest))
                continue
            }
            let path = parts.workspace.appending(input.path)
            // What a sparse checkout left out comes from where the tree has it.
            if Disk.status(path) == nil, let bytes = try? hashed.graph.tree.files.contents(of: input.path),
                Digest.of(bytes) == input.digest
            {
                _ = try await parts.store.write(bytes)
                inputs.append(input)
                continue
            }
            do {
                _ = try await parts.store.writeFile(at: path, expecting: input.digest)
                inputs.append(input)
            } catch StoreError.changed {
                let digest = try await parts.store.writeFile(at: path, expecting: nil)
                inputs.append(ActionInput(path: input.path, kind: input.kind, digest: digest))
                changed.append(input.path)
            }
        }
        if case .image(let request) = action.command, !(await parts.store.contains(request.dockerfile.digest)) {
            _ = try await parts.store.writeFile(
                at: parts.workspace.appending(request.dockerfile.path), expecting: request.dockerfile.digest)
        }
        return (action.with(inputs: inputs), changed)
    }

    /// Inputs that are no longer what was hashed, after a recipe that ran in the workspace itself.
    func changedSince(_ action: Action) -> [BytePath] {
        guard parts.recipes.readsWorkspace || action.attributes.asksEngine, case .recipe = action.command else {
            return []
        }
        let files = hashed.graph.tree.files
        let disk = files as? WorkingTree ?? (files as? CheckedOutTree)?.disk
        return action.inputs.filter { input in
            input.kind.isContent && input.kind != .submodule && disk?.isAsLookedAt(input.path) != true
                && parts.placed(input.path).map { $0.digest != input.digest } ?? true
        }.map(\.path)
    }

    func log(_ result: ActionResult) async -> [UInt8] {
        guard let digest = result.log else { return [] }
        return (try? await parts.store.read(digest)) ?? []
    }

    // MARK: Endings

    private func report(
        _ target: Int, _ node: Target, _ outcome: TargetReport.Outcome, _ duration: Duration, saved: Duration = .zero,
        output: [UInt8] = [], _ imageDigest: String? = nil, verified: (terms: Int, of: Int)? = nil
    ) -> TargetReport {
        TargetReport(
            label: node.label, inputHash: hashed.hashes[target], outcome: outcome, duration: duration, saved: saved,
            output: output, image: node.isImage ? hashed.reference(of: target) : nil, imageDigest: imageDigest,
            isCheck: node.isCheck, verified: verified)
    }

    private func nothing(_ target: Int, _ node: Target, _ products: [Int: TargetProduct]) -> Ending {
        Ending(
            product: TargetProduct(
                outputs: [], imageDigest: nil, isTainted: products.values.contains(where: \.isTainted)),
            report: report(target, node, .nothing, .zero), code: .done)
    }

    private func cached(
        _ target: Int, _ node: Target, _ result: ActionResult, _ placement: Placement, isTainted: Bool,
        _ start: ContinuousClock.Instant
    ) async -> Ending {
        let output = options.replaysLogs ? await log(result) : []
        var report = report(
            target, node, .cached(restored: placement.restored), ContinuousClock.now - start,
            saved: result.duration, output: output, result.imageDigest)
        report.take(result, of: node)
        return Ending(
            product: TargetProduct(outputs: result.outputs, imageDigest: result.imageDigest, isTainted: isTainted),
            report: report, code: .done)
    }

    /// `action` is what failed, where it came to that.
    private func failed(
        _ target: Int, _ node: Target, _ failure: ActionFailure, _ action: Action?
    ) async -> Ending {
        let code: ExitCode =
            switch failure.kind {
            case .failed: node.isCheck ? .checkFailed : .actionFailed
            case .timeout, .outOfMemory, .missingOutput, .undeclaredOutput: .actionFailed
            case .gate: .checkFailed
            case .machine: .machine
            case .unavailable: .unavailable
            case .interrupted: .done
            }
        var report = report(target, node, .failed(failure), failure.duration, output: failure.output)
        if let action, !failure.reports.isEmpty {
            report.reports = try? await reports(of: node, action, failure.reports, isFailed: true)
            report.reportFiles = failure.reports.filter { node.attributes.isReport($0.path) }
        }
        return Ending(product: nil, report: report, code: code)
    }

    private func interrupted(_ target: Int, _ node: Target) -> Ending {
        Ending(product: nil, report: report(target, node, .skipped(because: nil), .zero), code: .done)
    }
}

extension ActionFailure {
    static func unreadable(_ error: FileSystemError) -> ActionFailure {
        .machine(
            .unreadableFile, "cannot \(error.operation) '\(error.path.shown)': \(systemMessage(error.errno))",
            hint: systemHint(error.errno))
    }

    static func changedInputs(_ node: Target, _ changed: [BytePath]) -> ActionFailure {
        ActionFailure(kind: .machine, diagnostic: .changedInputs(node, changed, severity: .error))
    }
}

extension Diagnostic {
    static func changedInputs(_ node: Target, _ changed: [BytePath], severity: Severity = .warning) -> Diagnostic {
        let files = changed.prefix(3).map { "'\($0.shown)'" }.joined(separator: ", ")
        return Diagnostic(
            .inputChanged, severity,
            "'\(node.label)' did not get what was hashed: \(files.isEmpty ? "a prerequisite's input" : files) changed during the run",
            hint: "the result is not kept; run again")
    }
}
