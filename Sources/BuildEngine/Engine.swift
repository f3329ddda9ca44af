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
    /// What a declared output in the workspace is now, or nil where it is not there or is no file.
    package let placed: @Sendable (BytePath) -> PlacedFile?

    package init(
        workspace: BytePath, state: BytePath, store: any ContentStore, cache: any ActionCache,
        recipes: any ActionRunner, images: any ActionRunner, commands: any CommandRunner,
        environment: [String: String], placed: @escaping @Sendable (BytePath) -> PlacedFile?
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
    }
}

/// Runs a plan. Does not know where events go, nor which implementations its parts are.
package struct Engine: Sendable {
    let hashed: HashedGraph
    let parts: EngineParts
    let options: RunOptions
    let tools: ToolCheck
    let emit: @Sendable (Event) -> Void
    private let times: RecordedTimes

    package init(
        _ hashed: HashedGraph, _ parts: EngineParts, _ options: RunOptions, times: RecordedTimes,
        emit: @escaping @Sendable (Event) -> Void
    ) {
        self.hashed = hashed
        self.parts = parts
        self.options = options
        self.times = times
        self.emit = emit
        tools = ToolCheck(commands: parts.commands, path: parts.environment["PATH"] ?? "")
    }

    /// What is wrong before anything may run: secrets that recipes name and the environment lacks.
    package func refusals(_ selected: [Int]) -> [Diagnostic] {
        hashed.graph.closure(of: selected).sorted().flatMap { index in
            hashed.graph.targets[index].secrets.filter { (parts.environment[$0] ?? "").isEmpty }.map { name in
                Diagnostic(
                    .missingSecret,
                    "'\(hashed.graph.targets[index].label)' needs the secret '\(name)', which is not set",
                    at: hashed.graph.targets[index].span, hint: "set \(name) in the environment of lmsbuild")
            }
        }
    }

    /// Runs `selected` and all they need. Gives the summary and the times to record. Cancelling the task ends children
    /// and starts nothing new.
    package func run(_ selected: [Int], coldCache: Bool, isSandboxed: Bool) async -> (RunSummary, RecordedTimes) {
        let start = ContinuousClock.now
        let chosen = hashed.graph.closure(of: selected)
        let planned = await plan(chosen)
        var schedule = Schedule(hashed.graph, chosen, times: times)
        emit(
            .runStarted(
                RunStart(
                    targets: chosen.count, jobs: options.jobs,
                    estimate: schedule.estimate(planned, jobs: options.jobs), coldCache: coldCache,
                    sandbox: isSandboxed)))
        var summary = RunSummary()
        var recorded = times
        var products: [Int: TargetProduct] = [:]
        await withTaskGroup(of: (Int, Ending).self) { group in
            var running = 0
            while true {
                while running < options.jobs, !Task.isCancelled, let next = schedule.next() {
                    let given = products.filter { schedule.reads(next, $0.key) }
                    group.addTask { (next, await process(next, given)) }
                    running += 1
                }
                guard let (target, ending) = await group.next() else { break }
                running -= 1
                products[target] = ending.product
                finish(target, ending, &summary, &recorded)
                if ending.product == nil {
                    for skipped in schedule.fail(target, keepsGoing: options.keepsGoing) {
                        skip(skipped, .skipped(because: hashed.graph.targets[target].label), &summary)
                    }
                } else {
                    schedule.complete(target)
                }
            }
        }
        for left in schedule.left() { skip(left, Task.isCancelled ? .skipped(because: nil) : .notStarted, &summary) }
        summary.duration = ContinuousClock.now - start
        return (summary, recorded)
    }

    /// How processing a target ended: with a product, or with a failure.
    struct Ending: Sendable {
        let product: TargetProduct?
        let report: TargetReport
        let code: ExitCode
    }

    private func finish(
        _ target: Int, _ ending: Ending, _ summary: inout RunSummary, _ recorded: inout RecordedTimes
    ) {
        summary.exitCode = summary.exitCode.combined(with: ending.code)
        switch ending.report.outcome {
        case .ran:
            summary.ran += 1
            recorded.record(ending.report.duration, for: ending.report.label)
        case .cached:
            summary.cached += 1
            summary.saved += ending.report.saved
        case .failed: summary.failed += 1
        case .skipped, .notStarted: summary.skipped += 1
        case .nothing: break
        }
        emit(.targetFinished(ending.report))
    }

    private func skip(_ target: Int, _ outcome: TargetReport.Outcome, _ summary: inout RunSummary) {
        summary.skipped += 1
        let node = hashed.graph.targets[target]
        emit(
            .targetFinished(
                TargetReport(
                    label: node.label, inputHash: hashed.hashes[target],
                    outcome: outcome, duration: .zero, saved: .zero, output: [], image: nil, imageDigest: nil,
                    isCheck: node.isCheck)))
    }
}
