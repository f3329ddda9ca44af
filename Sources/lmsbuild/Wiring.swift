// The only place that picks implementations: real files, real git, real processes, local store and cache.
import BuildEngine
import BuildGraph
import Buildfile
import Contracts
import Delivery
import Glibc
import Synchronization

/// A workspace that was found, with what is needed to look at it.
struct Workspace: Sendable {
    /// Absolute.
    let workspace: BytePath
    let root: ResolutionSettings.RootBuildfile
    let repository: GitRepository?
    /// The workspace as seen from the top of the repository.
    let prefix: BytePath
    /// Remembers inputs.
    let index: FileIndex
    /// Remembers outputs, which no scan lists.
    let placed: OutputIndex
    let commands: ProcessRunner
    let environment: [String: String]
    let overrides: [String: String]
    /// One for the whole process.
    let verdictLog: VerdictLog
    /// What providers were verified for.
    let kept: KeptVerdicts
    /// One for the whole process.
    let contracts: RememberedContracts

    var state: BytePath { workspace.appending(".lmsbuild") }
    /// Whether nothing is kept of an earlier run.
    var isFirstLook: Bool { state.withCString { access($0, F_OK) } != 0 }
    var isCI: Bool { !(environment["CI"] ?? "").isEmpty && environment["CI"] != "false" }

    static func open(_ global: GlobalOptions, overrides: [String: String]) async throws -> Workspace {
        let environment = currentEnvironment()
        if let folder = global.folder, chdir(folder) != 0 {
            throw Refusal(
                Diagnostic(.badCommandLine, "cannot enter '\(folder)': \(String(cString: strerror(errno)))"),
                .wrongInput)
        }
        let commands = ProcessRunner()
        let current = try WorkspaceSearch.currentFolder()
        let repository = try await refusing {
            try await GitRepository.discover(
                from: current, runner: commands, believingMemos: !isSlow(.git, environment))
        }
        let found = try WorkspaceSearch(
            current: current, top: repository?.top, isBare: repository?.isBare ?? false
        ).find(buildfile: global.buildfile)
        let isCI = !(environment["CI"] ?? "").isEmpty && environment["CI"] != "false"
        let index = FileIndex(at: found.workspace.appending(".lmsbuild/index"), trustingFingerprints: !isCI)
        let placed = OutputIndex(at: found.workspace.appending(".lmsbuild/outputs"), trustingFingerprints: !isCI)
        show(index.notices)
        let verdictLog = VerdictLog(at: found.workspace.appending(".lmsbuild/verdicts"))
        return Workspace(
            workspace: found.workspace, root: found.root, repository: repository,
            prefix: repository.flatMap { found.workspace.relative(to: $0.top) } ?? .root, index: index, placed: placed,
            commands: commands, environment: environment, overrides: overrides,
            verdictLog: verdictLog, kept: KeptVerdicts(verdictLog, tell: { show([$0]) }),
            contracts: RememberedContracts(
                PactAwareContracts(), meaning: PactAwareContracts.meaning,
                at: found.workspace.appending(".lmsbuild/terms"), isTrusted: !isSlow(.snapshot, environment)))
    }

    static func currentEnvironment() -> [String: String] {
        var found: [String: String] = [:]
        var pointer = environ
        while let entry = pointer.pointee {
            let bytes = Array(
                UnsafeBufferPointer(
                    start: UnsafeRawPointer(entry).assumingMemoryBound(to: UInt8.self), count: strlen(entry)))
            if let place = bytes.firstIndex(of: UInt8(ascii: "=")) {
                found[String(decoding: bytes[..<place], as: UTF8.self)] = String(
                    decoding: bytes[(place + 1)...], as: UTF8.self)
            }
            pointer = pointer.advanced(by: 1)
        }
        return found
    }

    var verdicts: (any ContractVerdicts)? { kept }

    var settings: ResolutionSettings {
        ResolutionSettings(
            root: root, overrides: overrides, environment: environment, contracts: contracts)
    }

    /// The files as they are now, uncommitted and untracked ones included.
    func workingTree(objects: GitObjects? = nil) async throws -> any FileSystem {
        do {
            let source = await changeSource()
            guard let repository else {
                let tree = try look(WorkingTreeOptions(root: workspace), source)
                Self.show(tree.notices)
                return tree
            }
            let memo = isSlow(.git) ? nil : state.appending("git")
            let (tree, answers) = try await Self.refusing {
                try await repository.seen(
                    root: workspace, memo: memo, isGuessing: !Self.isSwitchedOff(.git, environment)
                ) { options in
                    let tree = try look(options, source)
                    // Not before: a folder that something was just put into is not believed.
                    if memo != nil { makeState() }
                    return tree
                }
            }
            Self.show(tree.notices)
            let checkedOut = try await Self.refusing {
                try await repository.checkedOut(
                    tree, prefix: prefix, objects: objects ?? self.objects(of: repository), answers: answers,
                    conversions: conversions(answers))
            }
            return checkedOut.isPlain ? tree : checkedOut
        } catch let refusal as Refusal {
            throw refusal
        } catch let error as FileSystemError {
            throw Refusal(.unreadable(error), .machine)
        }
    }

    /// The graph of the files as they are now and the files of the commit `id`, both named by git's object ids, so that nothing is
    /// read that git knows to be the same; nil where that cannot be told.
    func graph(
        besides id: String, _ repository: GitRepository, objects: GitObjects
    ) async throws -> (graph: Graph, commit: NearbyCommit)? {
        if isSlow(.ids) { return nil }
        let staging = Task { try await repository.staging(id, prefix: prefix) }
        let seen: (tree: WorkingTree, files: any FileSystem)? = try await Self.refusing {
            guard let answers = try await repository.quickAnswers(root: workspace, commit: id) else { return nil }
            let tree = try look(answers.options, nil)
            let checkedOut = try await repository.checkedOut(
                tree, prefix: prefix, objects: objects, answers: answers, conversions: conversions(answers))
            return (tree, checkedOut.isPlain ? tree : checkedOut)
        }
        guard let (tree, files) = seen else {
            _ = await staging.result
            return nil
        }
        func named() async throws -> (files: NamedTree, commit: NearbyCommit)? {
            try await Self.refusing {
                try await staging.value?.named(files, root: workspace, objects: objects)
            }
        }
        // The graph is made of what files there are and of what some of them say; their names are found meanwhile.
        async let names = named()
        let resolved = Result { () throws(Refusal) in try resolution(of: files) }
        guard let found = try await names else { return nil }
        Self.show(tree.notices)
        return (try graph(of: try resolved.get()).placed(in: found.files), found.commit)
    }

    /// What is known of files that git may convert; nil for asking of each.
    private func conversions(_ answers: GitAnswers) -> ConversionMemo? {
        isSlow(.attributes) ? nil : answers.conversions(keptIn: state.appending("forms"))
    }

    private func look(
        _ options: WorkingTreeOptions, _ source: (any ChangeSource)?
    ) throws(FileSystemError) -> WorkingTree {
        isSlow(.index)
            ? try WorkingTree.scan(options, index: index)
            : try WorkingTree.look(options, index: index, StateFiles(in: state), watchedBy: source)
    }

    /// Who may have watched the workspace since the last look; nil where nobody is to be asked.
    private func changeSource() async -> (any ChangeSource)? {
        if isSlow(.watch) || isSlow(.index) { return nil }
        let watcher = WatcherClient(in: state)
        if watcher.mayRun { return watcher }
        if environment["WATCHMAN_SOCK"] != nil { return WatchmanClient(environment) { nil } }
        // To ask where Watchman is costs more than to look at few files.
        let files = StateFiles(in: state)
        guard files.baseSize > 1 << 20, let program = WatchmanClient.program(environment) else { return nil }
        var socket: String?
        if !WatchmanClient.isKnown(files) {
            var command = Command(
                [program, "get-sockname", "--no-spawn"], environment: environment, folder: workspace)
            command.separateErrors = true
            command.timeout = .milliseconds(500)
            let result = try? await commands.run(command)
            socket = result.flatMap { WatchmanClient.socket(in: $0.output) }
        }
        return WatchmanClient(environment) { [socket] in socket }
    }

    /// Reads the repository's blobs, and remembers their digests.
    func objects(of repository: GitRepository) -> GitObjects {
        repository.objects(memo: makeState() ? state.appending("objects") : nil, trustingMemo: !isCI)
    }

    /// The graph of `files` with its hashes from the last run's, with its warnings shown; nil where it has to be resolved.
    func remembered(_ files: any FileSystem) throws -> HashedGraph? {
        do throws(FileSystemError) {
            guard !isSlow(.snapshot), let tree = files as? WorkingTree,
                let hashed = try tree.hashed(StateFiles(in: state), settings)
            else { return nil }
            Self.show(hashed.graph.warnings)
            return hashed
        } catch {
            throw Refusal(.unreadable(error), .machine)
        }
    }

    /// The graph of `files`, from the last run's where that tells. Shows warnings; throws as `graph`.
    func knownGraph(_ files: any FileSystem, mistakes code: BuildEngine.ExitCode = .wrongInput) throws -> Graph {
        try remembered(files)?.graph ?? graph(files, mistakes: code)
    }

    /// The graph of `files` with its hashes. Shows warnings; throws mistakes as exit 2, unreadable files as exit 36.
    func hashed(_ files: any FileSystem) throws -> HashedGraph {
        if let hashed = try remembered(files) {
            keep(hashed, files)
            return hashed
        }
        let hashed = try hashed(try graph(files))
        keep(hashed, files)
        return hashed
    }

    /// The graph with its hashes, of files that are not kept.
    func hashed(_ graph: Graph) throws -> HashedGraph {
        do throws(FileSystemError) {
            return try HashedGraph(graph)
        } catch {
            throw Refusal(.unreadable(error), .machine)
        }
    }

    func graph(_ files: any FileSystem, mistakes code: BuildEngine.ExitCode = .wrongInput) throws -> Graph {
        try graph(of: try resolution(of: files), mistakes: code)
    }

    private func resolution(of files: any FileSystem) throws(Refusal) -> Resolution {
        do {
            return try resolve(files, settings)
        } catch {
            throw Refusal(.unreadable(error), .machine)
        }
    }

    private func graph(
        of resolution: Resolution, mistakes code: BuildEngine.ExitCode = .wrongInput
    ) throws -> Graph {
        guard let graph = resolution.graph else {
            let isSpecial = resolution.diagnostics.allSatisfy { $0.severity != .error || $0.code == .specialFile }
            throw Refusal(resolution.diagnostics, isSpecial && code == .wrongInput ? .machine : code)
        }
        Self.show(resolution.diagnostics)
        return graph
    }

    /// What was learned about files is worth keeping, and losing it is no failure.
    private func keep(_ hashed: HashedGraph, _ seen: any FileSystem) {
        guard let tree = seen as? WorkingTree ?? (seen as? CheckedOutTree)?.disk, makeState() else { return }
        let files = StateFiles(in: state)
        if isSlow(.index) {
            try? index.save(present: tree.entries)
        } else if isSlow(.snapshot) || seen is CheckedOutTree {
            _ = try? tree.save(files)
        } else {
            try? tree.save(hashed, files, settings)
        }
    }

    /// Ways of finding an answer sooner that `LMSBUILD_SLOW` (a comma-separated list, or `all`) switches off: the answer is
    /// the same without them, and tests see to it.
    enum FastPath: String {
        /// Comparing the workspace with what it was at the last run, in place of looking at all of it.
        case index
        /// Taking the graph from the last run where nothing that decides it has changed.
        case snapshot
        /// Taking what the last run left as up to date where nothing of it has changed since.
        case run
        /// Telling what is the same as in a commit by the object ids in git's index.
        case ids
        /// Taking git's answers from the last run where nothing that git makes them from has changed.
        case git
        /// Taking what git stores of a file from when it was looked at before, and its attributes where nothing that they
        /// come from has changed.
        case attributes
        /// Looking only at what somebody who has watched since the last look says may have changed.
        case watch
        /// Sending what stays on this machine without `curl`.
        case loopback
    }

    func isSlow(_ path: FastPath) -> Bool { Self.isSlow(path, environment) }

    private static func isSlow(_ path: FastPath, _ environment: [String: String]) -> Bool {
        let isCI = !(environment["CI"] ?? "").isEmpty && environment["CI"] != "false"
        // Where others may have written it (a restored cache) no stored hash is believed: it could be chosen to be any.
        if [.snapshot, .run, .git, .watch].contains(path), isCI { return true }
        return isSwitchedOff(path, environment)
    }

    private static func isSwitchedOff(_ path: FastPath, _ environment: [String: String]) -> Bool {
        (environment["LMSBUILD_SLOW"] ?? "").split(separator: ",").contains { $0 == "all" || $0 == path.rawValue }
    }

    /// Makes the state folder, which git ignores by its own `.gitignore`. False where it cannot be made.
    @discardableResult
    func makeState() -> Bool {
        if repository?.isBare == true { return false }
        let made = state.withCString { mkdir($0, 0o755) }
        guard made == 0 || errno == EEXIST else { return false }
        let ignore = state.appending(".gitignore")
        if ignore.withCString({ access($0, F_OK) }) != 0 {
            ignore.withCString { path in
                guard let file = fopen(path, "w") else { return }
                fputs("*\n", file)
                fclose(file)
            }
        }
        return true
    }

    /// The results that are kept in the workspace.
    func actionCache() throws -> LocalActionCache {
        guard makeState() else { throw Refusal(.unusableStore(.system("mkdir", state, errno)), .machine) }
        do {
            return try LocalActionCache.open(folder: state.appending("store"))
        } catch {
            throw Refusal(.unusableStore(error), .machine)
        }
    }

    /// Runs `body`, turning what the engine throws into a refusal with its exit status.
    static func refusing<Result>(
        _ body: () async throws -> Result
    ) async throws -> Result {
        do {
            return try await body()
        } catch let diagnostic as Diagnostic {
            throw Refusal(diagnostic, diagnostic.code == .gitUnavailable ? .machine : .wrongInput)
        } catch let failure as ActionFailure {
            throw Refusal(failure.diagnostic, failure.kind == .unavailable ? .unavailable : .machine)
        } catch let error as FileSystemError {
            throw Refusal(.unreadable(error), .machine)
        } catch let error as StoreError {
            throw Refusal(.unusableStore(error), .machine)
        }
    }

    static func show(_ diagnostics: [Diagnostic]) {
        if diagnostics.isEmpty { return }
        Terminal.say(DiagnosticRenderer(color: Terminal.hasColour).render(diagnostics))
    }
}

/// The index of outputs, opened when the first is asked for: a run with nothing to do asks for none.
final class OutputIndex: Sendable {
    private let file: BytePath
    private let trustsFingerprints: Bool
    private let opened = Mutex<FileIndex?>(nil)

    init(at file: BytePath, trustingFingerprints: Bool) {
        self.file = file
        trustsFingerprints = trustingFingerprints
    }

    var index: FileIndex {
        opened.withLock { opened in
            if let opened { return opened }
            let index = FileIndex(at: file, trustingFingerprints: trustsFingerprints)
            Workspace.show(index.notices)
            opened = index
            return index
        }
    }

    func save() throws(FileSystemError) {
        guard let index = opened.withLock({ $0 }) else { return }
        try index.save()
    }
}

extension Diagnostic {
    static func unreadable(_ error: FileSystemError) -> Diagnostic {
        if error.isChange {
            return Diagnostic(
                .fileChanged, "'\(error.path.shown)' changed while it was hashed",
                hint: "run again when what writes to it has ended, or have git ignore it")
        }
        return Diagnostic(
            .unreadableFile, "cannot \(error.operation) '\(error.path.shown)': \(errnoText(error.errno))",
            hint: "correct its permissions, or have git ignore it; what cannot be read is never taken as empty")
    }

    static func unusableStore(_ error: StoreError) -> Diagnostic {
        if case .system(let operation, let path, let code) = error {
            return Diagnostic(
                .storeUnusable, "the store cannot be used: \(operation) '\(path.shown)': \(errnoText(code))",
                hint: "correct the folder's permissions, or free space")
        }
        return Diagnostic(.storeDamaged, "the store is damaged: \(error)")
    }
}

func errnoText(_ code: Int32) -> String { String(cString: strerror(code)) }
