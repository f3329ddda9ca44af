// One target from its key to its product: look up, restore, or run and keep.
package import BuildGraph
import Buildfile

extension Engine {
    func process(_ target: Int, _ products: [Int: TargetProduct]) async -> Ending {
        let node = hashed.graph.targets[target]
        if node.isGroup { return nothing(target, products) }
        let start = ContinuousClock.now
        do {
            guard let action = try hashed.action(of: target, products: products, environment: parts.environment) else {
                return nothing(target, products)
            }
            let key = hashed.key(of: target, products: products)
            let isTainted = products.values.contains(where: \.isTainted)
            let found = await lookUp(action, key)
            switch found {
            case .hit(let result, let restored):
                return await cached(target, result, restored: restored, isTainted: isTainted, start)
            case .miss(let reason):
                return try await execute(target, action, key, reason, isTainted: isTainted)
            }
        } catch let failure as ActionFailure {
            return failed(target, failure)
        } catch is CancellationError {
            return interrupted(target)
        } catch let error as FileSystemError {
            return failed(target, .unreadable(error))
        } catch let error as StoreError {
            return failed(target, .store(error, node.label))
        } catch {
            return failed(target, ActionFailure.machine(.internalError, "'\(node.label)': \(error)"))
        }
    }

    // MARK: Looking up

    private enum Found {
        case hit(ActionResult, restored: Bool)
        case miss(Reason)
    }

    private func lookUp(_ action: Action, _ key: ActionKey) async -> Found {
        if options.ignoresCache { return .miss(.forced) }
        if hashed.graph.index(of: action.label).map({ hashed.graph.targets[$0].attributes.uncached }) == true {
            return .miss(.uncached)
        }
        guard let result = await parts.cache.result(for: key) else { return .miss(.noResult) }
        if case .image = action.command {
            return await parts.images.isPresent(action, result) ? .hit(result, restored: false) : .miss(.lostImage)
        }
        for output in result.outputs {
            if await parts.store.contains(output.digest) { continue }
            // The blob is gone, but the file that was made from it may still be in its place.
            let path = parts.workspace.appending(output.path)
            guard output.kind != .link, (try? await parts.store.writeFile(at: path, expecting: output.digest)) != nil
            else { return .miss(.lostOutputs) }
        }
        do {
            return .hit(result, restored: try await place(result.outputs, of: action))
        } catch {
            return .miss(.lostOutputs)
        }
    }

    /// Puts outputs in place that are not there as they should be. True when one had to be.
    func place(_ outputs: [OutputFile], of action: Action) async throws -> Bool {
        var restored = false
        for output in outputs {
            if let now = parts.placed(output.path), now.kind == output.kind, now.digest == output.digest { continue }
            restored = true
            let path = parts.workspace.appending(output.path)
            if output.kind == .link {
                try Disk.placeLink(try await parts.store.read(output.digest), at: path)
            } else {
                try await parts.store.place(output.digest, at: path, executable: output.kind == .executable)
            }
        }
        let made = Set(outputs.map(\.path))
        for folder in action.outputs where folder.isFolder {
            try Disk.removeStrays(in: parts.workspace, below: folder.path, except: made)
        }
        return restored
    }

    /// The targets that will have to run as far as can be told before anything has: those without a result, and those
    /// that take in what these put out.
    func plan(_ chosen: Set<Int>) async -> Set<Int> {
        if options.ignoresCache { return chosen.filter { !hashed.graph.targets[$0].isGroup } }
        return await hashed.targetsWithoutResult(among: chosen, in: parts.cache)
    }

    /// What a run would run, in order, and why, as far as that can be told beforehand.
    package func dryRun(_ selected: [Int]) async -> [(label: Label, why: String)] {
        let chosen = hashed.graph.closure(of: selected)
        let toRun = await plan(chosen)
        return hashed.graph.order.filter(toRun.contains).map { target in
            let node = hashed.graph.targets[target]
            let cause = node.prerequisites.flatMap { hashed.graph.producers(behind: $0) }.first(where: toRun.contains)
            let why =
                options.ignoresCache
                ? "the cache is ignored"
                : node.attributes.uncached
                    ? "it is never cached"
                    : cause.map { "it takes in what '\(hashed.graph.targets[$0].label)' puts out" }
                        ?? "no result is stored for its inputs"
            return (node.label, why)
        }
    }

    // MARK: Running

    private func execute(
        _ target: Int, _ action: Action, _ key: ActionKey, _ reason: Reason, isTainted: Bool
    ) async throws -> Ending {
        let node = hashed.graph.targets[target]
        for tool in node.tools {
            if let problem = await tools.problem(tool) {
                throw ActionFailure(
                    kind: .machine,
                    diagnostic: Diagnostic(
                        problem.code, "'\(node.label)': \(problem.message)", at: node.span, hint: problem.hint))
            }
        }
        var (staged, changed) = try await stage(action)
        if case .image = staged.command, isTainted || !changed.isEmpty {
            throw ActionFailure.changedInputs(node, changed)
        }
        emit(.targetStarted(node.label, at: .now))
        let runner = if case .image = staged.command { parts.images } else { parts.recipes }
        let start = ContinuousClock.now
        let result = try await runner.run(staged)
        changed += changedSince(staged)
        try await checkGates(node, result)
        _ = try await place(result.outputs, of: staged)
        if !changed.isEmpty { emit(.notice(.changedInputs(node, changed))) }
        let taints = isTainted || !changed.isEmpty
        if !taints, !node.attributes.uncached {
            do {
                try await parts.cache.store(result, for: key)
            } catch {
                emit(
                    .notice(
                        Diagnostic(
                            .storeUnusable, .warning, "the result of '\(node.label)' could not be kept: \(error)")))
            }
        }
        let log: [UInt8] = if let digest = result.log { (try? await parts.store.read(digest)) ?? [] } else { [] }
        return Ending(
            product: TargetProduct(outputs: result.outputs, imageDigest: result.imageDigest, isTainted: taints),
            report: report(target, .ran(reason), ContinuousClock.now - start, output: log, result.imageDigest),
            code: .done)
    }

    /// Sees that the store holds every input. A file that is no longer what was hashed is taken as it is now; its path
    /// is in `changed`.
    private func stage(_ action: Action) async throws -> (Action, changed: [BytePath]) {
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
        let staged = Action(
            label: action.label, command: action.command, inputs: inputs, environment: action.environment,
            unhashedEnvironment: action.unhashedEnvironment, secretNames: action.secretNames,
            outputs: action.outputs, attributes: action.attributes)
        return (staged, changed)
    }

    /// Inputs that are no longer what was hashed, after a recipe that ran in the workspace itself.
    private func changedSince(_ action: Action) -> [BytePath] {
        guard parts.recipes.readsWorkspace, case .recipe = action.command else { return [] }
        return action.inputs.filter { input in
            input.kind.isContent && input.kind != .submodule
                && parts.placed(input.path).map { $0.digest != input.digest } ?? true
        }.map(\.path)
    }

    private func checkGates(_ node: Target, _ result: ActionResult) async throws {
        for gate in node.attributes.gates {
            guard let metric = GateMetric(rawValue: gate.metric),
                let comparison = GateComparison(rawValue: gate.comparison)
            else {
                throw ActionFailure.machine(
                    .internalError, "'\(node.label)': the gate '\(gate.metric) \(gate.comparison)' cannot be evaluated")
            }
            let check = GateCheck(metric: metric, comparison: comparison, threshold: gate.threshold, file: gate.file)
            guard let output = result.outputs.first(where: { $0.path == gate.file }) else {
                throw ActionFailure(
                    kind: .missingOutput,
                    diagnostic: Diagnostic(
                        .missingOutput,
                        "the gate of '\(node.label)' reads '\(gate.file.shown)', which the rule does not put out",
                        at: gate.span, hint: "name it after '->' in the rule's header"))
            }
            let bytes = try await parts.store.read(output.digest)
            do {
                let value = try gateValue(metric, bytes)
                if check.verdict(value) { continue }
                throw ActionFailure(
                    kind: .gate,
                    diagnostic: Diagnostic(.gateFailed, "'\(node.label)': \(check.refusal(value))", at: gate.span),
                    exitCode: 0, output: await log(result), duration: result.duration)
            } catch let error as GateError {
                throw ActionFailure(
                    kind: .gate,
                    diagnostic: Diagnostic(
                        .gateFailed, "'\(node.label)': '\(gate.file.shown)': \(error.message)", at: gate.span))
            }
        }
    }

    private func log(_ result: ActionResult) async -> [UInt8] {
        guard let digest = result.log else { return [] }
        return (try? await parts.store.read(digest)) ?? []
    }

    // MARK: Endings

    private func report(
        _ target: Int, _ outcome: TargetReport.Outcome, _ duration: Duration, saved: Duration = .zero,
        output: [UInt8] = [], _ imageDigest: String? = nil
    ) -> TargetReport {
        let node = hashed.graph.targets[target]
        return TargetReport(
            label: node.label, inputHash: hashed.hashes[target], outcome: outcome, duration: duration, saved: saved,
            output: output, image: node.isImage ? hashed.reference(of: target) : nil, imageDigest: imageDigest,
            isCheck: node.isCheck)
    }

    private func nothing(_ target: Int, _ products: [Int: TargetProduct]) -> Ending {
        Ending(
            product: TargetProduct(
                outputs: [], imageDigest: nil, isTainted: products.values.contains(where: \.isTainted)),
            report: report(target, .nothing, .zero), code: .done)
    }

    private func cached(
        _ target: Int, _ result: ActionResult, restored: Bool, isTainted: Bool, _ start: ContinuousClock.Instant
    ) async -> Ending {
        let output = options.replaysLogs ? await log(result) : []
        return Ending(
            product: TargetProduct(outputs: result.outputs, imageDigest: result.imageDigest, isTainted: isTainted),
            report: report(
                target, .cached(restored: restored), ContinuousClock.now - start, saved: result.duration,
                output: output, result.imageDigest),
            code: .done)
    }

    private func failed(_ target: Int, _ failure: ActionFailure) -> Ending {
        let code: ExitCode =
            switch failure.kind {
            case .failed: hashed.graph.targets[target].isCheck ? .checkFailed : .actionFailed
            case .timeout, .outOfMemory, .missingOutput, .undeclaredOutput: .actionFailed
            case .gate: .checkFailed
            case .machine: .machine
            case .unavailable: .unavailable
            case .interrupted: .done
            }
        return Ending(
            product: nil, report: report(target, .failed(failure), failure.duration, output: failure.output), code: code
        )
    }

    private func interrupted(_ target: Int) -> Ending {
        Ending(product: nil, report: report(target, .skipped(because: nil), .zero), code: .done)
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
