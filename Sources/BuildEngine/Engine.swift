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
        emit(
            .runStarted(
                RunStart(
                    targets: chosen.count, jobs: options.jobs,
                    estimate: hashed.graph.estimate(planned, of: chosen, at: options.jobs, times), coldCache: coldCache,
                    sandbox: isSandboxed)))
        let board = RunBoard(
            hashed, Schedule(hashed.graph, chosen, times: times), times: times, keepsGoing: options.keepsGoing,
            emit: emit)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<min(options.jobs, chosen.count) { group.addTask { await work(on: board) } }
        }
        let (counted, recorded) = board.close()
        var summary = counted
        summary.duration = ContinuousClock.now - start
        return (summary, recorded)
    }

    private func work(on board: RunBoard) async {
        var next = await board.first()
        while let work = next {
            let ending = await process(work.target, work.given)
            next = await board.next(after: work.target, ending)
        }
    }

    /// How processing a target ended: with a product, or with a failure.
    struct Ending: Sendable {
        let product: TargetProduct?
        let report: TargetReport
        let code: ExitCode
    }
}
