import ArgumentParser
import BuildEngine
import BuildGraph
import Buildfile
import Delivery
import Glibc
import Reporting

/// What a run's command line asks for, as far as it needs no workspace to be understood.
struct RunRequest {
    let labels: [String]
    let overrides: [String: String]
    let sandbox: SandboxMode
    let driver: DriverChoice
    let style: ConsoleStyle
}

struct RunCommand: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration.frequent(
        "run", abstract: "Brings targets up to date: runs what no cache has, in parallel.")

    @OptionGroup var global: GlobalOptions
    @Option(
        name: [.customShort("j", allowingJoined: true), .long],
        help: "How many actions at once; by default the number of processors.")
    var jobs: Int?
    @Flag(name: .customShort("k"), help: "Keep going after a failure with what does not need it.")
    var keepGoing = false
    @Flag(name: .customShort("n"), help: "Print what would run, and run nothing.")
    var dryRun = false
    @Flag(name: .customShort("B"), help: "Run everything, whatever is cached.")
    var ignoreCache = false
    @Flag(name: .shortAndLong, help: "Show the output of what succeeds, too.")
    var verbose = false
    @Flag(name: .shortAndLong, help: "Show failures alone.")
    var quiet = false
    @Flag(name: .customLong("replay-logs"), help: "Show the stored output of what is cached.")
    var replayLogs = false
    @Option(
        help: ArgumentHelp("Only what is affected since this revision; in CI it is found without.", valueName: "base"))
    var affected: String?
    @Option(
        name: .customLong("if-unknown"),
        help: ArgumentHelp("Where that cannot be known: take all as affected, or fail.", valueName: "all|fail"))
    var ifUnknown = "fail"
    @Option(
        help: ArgumentHelp(
            "What gates against the base compare with; in CI it is found without.", valueName: "revision"))
    var base: String?
    @Option(
        name: .customLong("report-dir"),
        help: ArgumentHelp("Write summary.md, code-quality.json and files/ with all reports here.", valueName: "dir"))
    var reportFolder: String?
    @Flag(help: "Fetch what a shallow clone lacks of the base.")
    var deepen = false
    @Option(help: "auto, on or off.")
    var sandbox = "auto"
    @Option(help: "The container engine: auto, buildah, docker or podman.")
    var driver = "auto"
    @Option(help: "auto, tty, plain or none.")
    var progress = "auto"
    @Flag(name: .customLong("no-wait"), help: "Exit 9 at once where another run holds the workspace.")
    var noWait = false
    @Flag(help: "Refuse base images that Buildfile.lock does not pin.") var locked = false
    @Flag(
        name: .customLong("from-registry"),
        help: "What the registry has under an image's tag counts as built; the engine need not have it.")
    var fromRegistry = false
    @OptionGroup var registry: RegistryOptions
    @Flag(help: "Run again after each change of the workspace, until interrupted.") var watch = false
    @Flag(name: .customLong("rebuild-images"), help: .hidden) var rebuildsImages = false
    @Option(help: ArgumentHelp("Write a trace here that Perfetto and Chrome open.", valueName: "file"))
    var trace: String?
    @Option(help: ArgumentHelp("Write a summary in Markdown here.", valueName: "file")) var summary: String?
    @Argument(help: "Labels (the root Buildfile's default without any), and NAME=VALUE.")
    var words: [String] = []

    func perform() async throws -> BuildEngine.ExitCode {
        if watch, dryRun {
            throw Refusal(
                Diagnostic(
                    .badCommandLine, "'-n' and '--watch' exclude one another",
                    hint: "'run -n' tells what would run now"), .wrongInput)
        }
        let request = try understood()
        if watch { return try await WatchRun.untilInterrupted(self, request) }
        return try await once(try await Workspace.open(global, overrides: request.overrides), request).exitCode
    }

    /// The command line's words, understood; what is wrong with them is refused before anything is looked at.
    func understood() throws -> RunRequest {
        let (labels, overrides) = GlobalOptions.overrides(in: words)
        let request = RunRequest(
            labels: labels, overrides: overrides, sandbox: try choice(sandbox, "--sandbox"),
            driver: try choice(driver, "--driver"), style: try choice(progress, "--progress"))
        if let jobs, jobs < 1 {
            throw Refusal(Diagnostic(.badCommandLine, "'-j \(jobs)' runs nothing; at least 1"), .wrongInput)
        }
        return request
    }

    /// One run of what `opened` holds now. `knowing` is told its graph as soon as there is one.
    func once(
        _ opened: Workspace, _ request: RunRequest, knowing: (Graph) -> Void = { _ in }
    ) async throws -> RunSummary {
        let files = try await opened.workingTree()
        if verbose, let line = (files as? WorkingTree ?? (files as? CheckedOutTree)?.disk)?.scope?.line {
            Terminal.say(line)
        }
        let hashed = try opened.hashed(files)
        knowing(hashed.graph)
        var chosen = try selecting(hashed.graph, request.labels, everythingByDefault: false)
        if let affected {
            let base = try BaseRequest(
                base: affected == GlobalOptions.baseOfEvent ? nil : affected, since: nil, ifUnknown: ifUnknown,
                deepens: deepen)
            let comparison = try await Comparison(opened, base, head: nil, workspace: hashed)
            let names = Set(comparison.affected.targets.map { comparison.affected.head.graph.targets.label($0) })
            chosen = chosen.filter { names.contains(hashed.graph.targets[$0].label) }
        }
        let lock = try await WorkspaceLock.take(opened, waits: !noWait)
        defer { lock.release() }
        return try await run(opened, hashed, chosen, request)
    }

    private func choice<Value: RawRepresentable & CaseIterable>(
        _ text: String, _ option: String
    ) throws -> Value where Value.RawValue == String {
        if let value = Value(rawValue: text) { return value }
        let all = Value.allCases.map(\.rawValue)
        throw Refusal(
            Diagnostic(
                .badCommandLine, "unknown value '\(text)' for \(option)", hint: "one of \(all.joined(separator: ", "))"),
            .wrongInput)
    }

    private func run(
        _ opened: Workspace, _ hashed: HashedGraph, _ chosen: [Int], _ request: RunRequest
    ) async throws -> RunSummary {
        var options = RunOptions()
        options.jobs = jobs ?? max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        options.keepsGoing = keepGoing
        options.ignoresCache = ignoreCache
        options.replaysLogs = replayLogs
        let console = console(opened, request)
        let records = RunRecords(in: opened.state)
        let full = FullDisk()
        let outlets = RunOutlets(opened, asked: request.labels, try wantedReports(), logs: !dryRun, full: full)
        let told = RunTelling(opened, hashed, full: full)
        let tell: @Sendable (Event) -> Void = { event in
            console.receive(event)
            told.receive(event)
            outlets.receive(event)
        }
        let scope = RunScope(hashed.graph, chosen)
        let secrets = try await opened.secrets(of: scope, hashed.graph)
        let runs = try await Workspace.refusing { try await makeParts(opened, request, tell, secrets) }
        options.tellsReports = verbose || outlets.areWanted
        let times = RecordedTimes(at: opened.state.appending("times"))
        let engine = Engine(hashed, runs.parts, options, times: times) { tell(records.keeping($0, of: hashed)) }
        let refusals = engine.refusals(scope)
        if !refusals.isEmpty { throw Refusal(refusals, .wrongInput) }
        if locked {
            let unpinned = try hashed.graph.unpinnedBases(of: scope.order, .error)
            if !unpinned.isEmpty { throw Refusal(unpinned, .wrongInput) }
        }
        let plan = await engine.plan(scope)
        if dryRun {
            let now = TargetStates(hashed)
            Terminal.out(
                engine.dryRun(plan).map { label, why in
                    "\(label) \(why)\(records.differences(of: label, to: now))\n"
                }.joined())
            return RunSummary()
        }
        try await refusePointers(opened, hashed, plan, runs.cache)
        for warning in locked ? [] : try hashed.graph.unpinnedBases(of: plan.toRun, .warning) {
            tell(.notice(warning))
        }
        if plan.hasWork { try await Workspace.refusing { try await runs.recipes.prepare() } }
        let work = Task {
            let drawing = Task { await console.keepDrawing() }
            defer { drawing.cancel() }
            return await engine.run(plan, coldCache: runs.cache.isEmpty, isSandboxed: runs.recipes.isSandboxed)
        }
        Interruption.shared.handle(
            first: { number in
                tell(.interrupted(signal: number))
                work.cancel()
            }, second: { opened.commands.terminateAll(immediately: true) })
        var (summary, recorded) = await work.value
        if let number = Interruption.shared.received { summary.exitCode = .signal(number) }
        console.receive(.runFinished(summary))
        console.finish()
        await outlets.write(summary, runs.parts.store)
        // Who watches sees it.
        if !watch { await told.tell(summary) }
        full.tell()
        records.save()
        try? recorded.save(at: opened.state.appending("times"))
        try? opened.placed.save()
        return summary
    }

    private func wantedReports() throws -> WantedReports {
        let current = try WorkspaceSearch.currentFolder()
        let absolute = { (text: String) in BytePath(text).isAbsolute ? BytePath(text) : current.appending(text) }
        return WantedReports(
            folder: reportFolder.map(absolute), trace: trace.map(absolute), summary: summary.map(absolute))
    }

    private var namedByAffected: String? { affected == GlobalOptions.baseOfEvent ? nil : affected }

    private func console(_ opened: Workspace, _ request: RunRequest) -> Console {
        let look = request.style.look(isTerminal: isatty(STDERR_FILENO) == 1, environment: opened.environment)
        let renderer = DiagnosticRenderer(color: look.hasColour)
        return Console(
            state: ConsoleState(
                look: look, verbosity: quiet ? .quiet : verbose || replayLogs ? .verbose : .normal,
                render: { renderer.render($0) }))
    }

    /// A recipe must not read the text that stands for a large file.
    private func refusePointers(
        _ opened: Workspace, _ hashed: HashedGraph, _ plan: RunPlan, _ cache: LocalActionCache
    ) async throws {
        guard let files = hashed.graph.tree.files as? CheckedOutTree, !files.pointers.isEmpty else { return }
        let missing =
            ignoreCache
            ? await hashed.targetsWithoutResult(
                among: Set(plan.scope.order), in: cache, opened.verdicts) : Set(plan.toRun)
        var told: [Diagnostic] = []
        for target in missing.sorted() {
            let node = plan.scope[target]
            for index in node.files where files.pointers.contains(hashed.graph.tree.entries[index].path) {
                told.append(
                    Diagnostic(
                        .lfsPointer,
                        "'\(node.label)' takes in '\(hashed.graph.tree.entries[index].path.shown)', whose content is not here: it is a Git LFS pointer",
                        at: node.span, hint: "run 'git lfs pull'"))
            }
        }
        if !told.isEmpty { throw Refusal(told, .wrongInput) }
    }

    /// What a run works with, and those of its parts that are asked for more than the engine does.
    private struct Parts {
        let parts: EngineParts
        let cache: LocalActionCache
        let recipes: DeferredRunner
    }

    private func makeParts(
        _ opened: Workspace, _ request: RunRequest, _ tell: @escaping @Sendable (Event) -> Void,
        _ secrets: RunSecrets?
    ) async throws -> Parts {
        let path = opened.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
        let commands = opened.commands
        // Whoever insists on a sandbox is told at once that there is none.
        let insisted =
            request.sandbox == .on ? try await ResolvedSandbox.resolve(.on, commands: commands, path: path) : nil
        guard opened.makeState() else {
            throw StoreError.system("mkdir", opened.state, errno)
        }
        LocalActionRunner.sweep(opened.state)
        let store = try LocalContentStore.open(folder: opened.state.appending("store"))
        let cache = try LocalActionCache.open(folder: opened.state.appending("store"))
        let (workspace, state, placed) = (opened.workspace, opened.state, opened.placed)
        let mode = request.sandbox
        let recipes = DeferredRunner(
            resolve: {
                if let insisted { return insisted }
                return try await ResolvedSandbox.resolve(mode, commands: commands, path: path)
            },
            tell: { tell(.notice($0)) },
            make: { sandbox in
                LocalActionRunner(
                    workspace: workspace, state: state, store: store, commands: commands, sandbox: sandbox, path: path)
            })
        let drivers = DriverProvider(
            request.driver, runner: commands, environment: opened.environment, isRebuilding: rebuildsImages)
        let images = ImageActionRunner(
            store: store, drivers: drivers,
            staging: state.appending("tmp"), secrets: secrets?.build,
            registry: fromRegistry ? try opened.pushedDigests(registry) : nil)
        var parts = EngineParts(
            workspace: workspace, state: state, store: store, cache: cache, recipes: recipes, images: images,
            commands: commands, environment: opened.environment,
            placed: { path in PlacedFile(at: path, in: workspace, index: placed.index) },
            last: opened.isSlow(.run) ? nil : LastRun(at: state.appending("last"), workspace: workspace),
            verdicts: opened.verdicts,
            starter: ContainerStarter(drivers, runner: commands, environment: opened.environment),
            base: CommitBase(opened, cache: cache, named: base ?? namedByAffected, deepens: deepen))
        parts.secrets = secrets?.values ?? [:]
        return Parts(parts: parts, cache: cache, recipes: recipes)
    }
}

extension RunRecords {
    /// `event`, and what has changed since where an action ran, which is kept for the next time.
    fileprivate func keeping(_ event: Event, of hashed: HashedGraph) -> Event {
        guard case .targetFinished(var report) = event else { return event }
        let succeeded: Bool
        switch report.outcome {
        case .ran: succeeded = true
        case .failed(let failure) where failure.exitCode != nil: succeeded = false
        default: return event
        }
        guard let index = hashed.graph.index(of: report.label) else { return event }
        report.changes = keep(index, of: hashed, succeeded: succeeded)
        return .targetFinished(report)
    }

    /// `; differs from the run of … in: …`, or nothing where that is not known or nothing differs.
    fileprivate func differences(of label: Label, to head: TargetStates) -> String {
        guard let record = last(label), let old = record.state.manifests[label.description],
            let new = try? head.manifest(label)
        else { return "" }
        let changes = BuildGraph.differences(old, new).map(\.line)
        if changes.isEmpty { return "" }
        let rest = changes.count > 3 ? " and \(changes.count - 3) more" : ""
        return "; differs from the run of \(UTCTime(seconds: record.time).text) in: "
            + changes.prefix(3).joined(separator: ", ") + rest
    }
}

extension LookScope {
    /// What a look that somebody watched for has to say of itself; nil where nobody watches.
    fileprivate var line: String? {
        if let few { return "looked at \(few) files and folders: the watcher knows of no others" }
        return doubt.map { "everything was looked at, although somebody watches: \($0)" }
    }
}
