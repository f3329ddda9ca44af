// Brings targets up to date: looks results up, runs what has none, in parallel, longest chain first.
package import BuildGraph
package import Buildfile

/// What `run` was asked for.
package struct RunOptions: Sendable {
    package var jobs = 1
    package var keepsGoing = false
    /// `-B`: runs everything, whatever is cached.
    package var ignoresCache = false
    /// Prints the stored output of what is cached.
    package var replaysLogs = false
    /// Somebody wants to be told what the reports of targets say whose results are in the cache.
    package var tellsReports = false

    package init() {}
}

/// Everything an engine works with. Absolute paths.
package struct EngineParts: Sendable {
    package let workspace: BytePath
    package let state: BytePath
    package let store: any ContentStore
    package let cache: any ActionCache
    package let recipes: any ActionRunner
    package let images: any ActionRunner
    package let commands: any CommandRunner
    package let environment: [String: String]
    /// The values of secrets that say where they are, by name; others are in the environment.
    package var secrets: [String: String] = [:]
    /// What a declared output in the workspace is now, or nil where it is not there or is no file.
    package let placed: @Sendable (BytePath) -> PlacedFile?
    /// What the last run left, where that may be believed.
    package let last: LastRun?
    /// Nil: every contract is verified whole, whenever its target runs.
    package let verdicts: (any ContractVerdicts)?
    /// The program whose subcommand `VerifierRequest.command` verifies pacts; nil: this one.
    package let verifier: OwnProgram?
    /// Nil: no image can be started.
    package let starter: (any ImageStarter)?
    /// What gates compare with; nil: nobody knows of a base.
    package let base: (any GateBase)?

    package init(
        workspace: BytePath, state: BytePath, store: any ContentStore, cache: any ActionCache,
        recipes: any ActionRunner, images: any ActionRunner, commands: any CommandRunner,
        environment: [String: String], placed: @escaping @Sendable (BytePath) -> PlacedFile?, last: LastRun? = nil,
        verdicts: (any ContractVerdicts)? = nil, verifier: OwnProgram? = nil,
        starter: (any ImageStarter)? = nil, base: (any GateBase)? = nil
    ) {
        self.workspace = workspace
        self.state = state
        self.store = store
        self.cache = cache
        self.recipes = recipes
        self.images = images
        self.commands = commands
        self.environment = environment
        self.placed = placed
        self.last = last
        self.verdicts = verdicts
        self.verifier = verifier
        self.starter = starter
        self.base = base
    }

    /// What an action of `node` may take its variables from: secrets only for who names them.
    func environment(of node: Target) -> [String: String] {
        if node.secrets.isEmpty || secrets.isEmpty { return environment }
        return environment.merging(secrets.filter { node.secrets.contains($0.key) }) { $1 }
    }
}

/// Runs a plan. Does not know where events go, nor which implementations its parts are.
package struct Engine: Sendable {
    let hashed: HashedGraph
    let parts: EngineParts
    let options: RunOptions
    let tools: ToolCheck
    let batches = ContractBatches()
    let slots: JobSlots
    let emit: @Sendable (Event) -> Void
    private let times: RecordedTimes

    package init(
        _ hashed: HashedGraph, _ parts: EngineParts, _ options: RunOptions, times: RecordedTimes,
        emit: @escaping @Sendable (Event) -> Void
    ) {
        self.hashed = hashed
        self.parts = parts
        self.options = options
        slots = JobSlots(options.jobs, keepsGoing: options.keepsGoing)
        self.times = times
        self.emit = emit
        tools = ToolCheck(commands: parts.commands, path: parts.environment["PATH"] ?? "")
    }

    /// What is wrong before anything may run: secrets that recipes name and the environment lacks.
    package func refusals(_ scope: RunScope) -> [Diagnostic] {
        scope.order.filter(scope.takesSecrets).sorted().flatMap { target in
            let node = scope[target]
            let known = parts.environment(of: node)
            return node.secrets.filter { (known[$0] ?? "").isEmpty }.map { name in
                Diagnostic(
                    .missingSecret, "'\(node.label)' needs the secret '\(name)', which is not set", at: node.span,
                    hint: "set \(name) in the environment of lmsbuild")
            }
        }
    }

    /// Plans and runs `selected` and all they need.
    package func run(
        _ selected: [Int], coldCache: @autoclosure () -> Bool, isSandboxed: Bool
    ) async -> (RunSummary, RecordedTimes) {
        let plan = await plan(scope(selected))
        return await run(plan, coldCache: coldCache(), isSandboxed: isSandboxed)
    }

    /// Runs `plan`. Gives the summary and the times to record. Cancelling the task ends children and starts nothing new.
    /// `coldCache` is asked for only where the last run left nothing.
    package func run(
        _ plan: RunPlan, coldCache: @autoclosure () -> Bool, isSandboxed: Bool
    ) async -> (RunSummary, RecordedTimes) {
        let start = ContinuousClock.now
        emit(
            .runStarted(
                RunStart(
                    targets: plan.scope.order.count, jobs: options.jobs,
                    estimate: plan.estimate(at: options.jobs, times), coldCache: plan.doneCount == 0 && coldCache(),
                    sandbox: isSandboxed)))
        slots.reopen()
        let board = RunBoard(hashed, plan, times: times, keepsGoing: options.keepsGoing, slots: slots, emit: emit)
        if plan.doneCount > 0 { board.takeDone() }
        let open = plan.scope.order.count - plan.doneCount
        await withTaskGroup(of: Void.self) { group in
            // Of several jobs none waits for what is done after another.
            let workers = options.jobs > 1 ? options.jobs + 1 : 1
            for _ in 0..<min(workers, open) { group.addTask { await work(on: board, plan) } }
        }
        let ended = board.close()
        remember(ended.memories)
        var summary = ended.summary
        summary.duration = plan.duration + (ContinuousClock.now - start)
        return (summary, ended.recorded)
    }

    private func work(on board: RunBoard, _ plan: RunPlan) async {
        var next = await board.first()
        while let work = next {
            let ending = await process(work, plan)
            next = await board.next(after: work, ending)
        }
    }

    /// Losing what it would have vouched for costs time alone.
    private func remember(_ memories: [Memory]) {
        guard let last = parts.last else { return }
        var learned: [VouchedTarget] = []
        var forgotten: Set<Int> = []
        for memory in memories {
            switch memory {
            case .learned(let target): learned.append(target)
            case .doubtful(let place): forgotten.insert(place)
            }
        }
        if learned.isEmpty, forgotten.isEmpty { return }
        let current = Set(hashed.hashes)
        try? last.save(learned: learned, forgotten: forgotten, isCurrent: current.contains)
    }

    /// What is to be known of a target at the next run.
    enum Memory: Sendable {
        case learned(VouchedTarget)
        /// It was not as its entry at this place said, or did not succeed.
        case doubtful(Int)
    }

    /// How processing a target ended: with a product, or with a failure.
    struct Ending: Sendable {
        let product: TargetProduct?
        let report: TargetReport
        let code: ExitCode
        var memory: Memory?
    }
}
