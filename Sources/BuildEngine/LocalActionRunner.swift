// Runs recipes on this machine. Does not know keys, caches, the graph, or where outputs end up.
package import BuildGraph
import Buildfile
import Glibc

/// Runs an action's recipe, in the sandbox where there is one (`docs/sandbox.md` tells what it sees there) and in the
/// workspace itself otherwise, and stores what it puts out. Outputs are not put in place: that is the caller's.
package struct LocalActionRunner: ActionRunner {
    let workspace: BytePath
    let state: BytePath
    let store: LocalContentStore
    let commands: any CommandRunner
    let sandbox: ResolvedSandbox
    /// The PATH of recipes, lmsbuild's own.
    let path: String
    let desks: WorkspaceDesks

    /// `workspace` and `state` are absolute.
    package init(
        workspace: BytePath, state: BytePath, store: LocalContentStore, commands: any CommandRunner,
        sandbox: ResolvedSandbox, path: String
    ) {
        self.workspace = workspace
        self.state = state
        self.store = store
        self.commands = commands
        self.sandbox = sandbox
        self.path = path
        desks = WorkspaceDesks(state.appending("tmp"))
    }

    /// Removes what is kept from one action to the next; it goes with the last copy of the runner at the latest.
    package func tidy() { desks.clear() }

    package var readsWorkspace: Bool { !sandbox.isActive }

    package func isPresent(_ action: Action, _ result: ActionResult) async -> Bool { true }

    package func run(_ action: Action) async throws -> ActionResult {
        guard case .recipe(let interpreter, let script, let folder) = action.command else {
            throw ActionFailure.machine(.internalError, "'\(action.label)' is no recipe")
        }
        let recipe = Recipe(interpreter: interpreter, script: script, folder: folder)
        try checkInterpreter(recipe, action.label)
        var triesLeft = action.attributes.retries
        while true {
            do {
                return try await attempt(action, recipe)
            } catch let failure as ActionFailure {
                let isWorthARetry = [.failed, .timeout, .missingOutput].contains(failure.kind)
                guard isWorthARetry, triesLeft > 0 else { throw failure }
                triesLeft -= 1
            } catch let error as StoreError {
                throw ActionFailure.store(error, action.label)
            }
        }
    }

    /// Removes what runs of lmsbuild that are no more have left in `state`.
    package static func sweep(_ state: BytePath) {
        let folder = state.appending("tmp")
        for name in (try? Disk.names(in: folder)) ?? [] {
            let digits = name.bytes.prefix { $0 != UInt8(ascii: "-") }
            guard let pid = pid_t(String(decoding: digits, as: UTF8.self)), pid > 0 else { continue }
            if kill(pid, 0) != 0, errno == ESRCH { Disk.remove(folder.appending(name)) }
        }
    }

    struct Recipe {
        let interpreter: [String]
        let script: String
        let folder: BytePath
    }

    private func attempt(_ action: Action, _ recipe: Recipe) async throws -> ActionResult {
        guard let program = sandbox.program, !action.attributes.asksEngine else {
            return try await runInWorkspace(action, recipe)
        }
        let temporary = state.appending("tmp").appending(Disk.uniqueName())
        try Disk.makeFolders(temporary, mode: 0o700)
        defer { Disk.remove(temporary) }
        return try await runSandboxed(action, recipe, in: temporary, program: program)
    }

    private func checkInterpreter(_ recipe: Recipe, _ label: Label) throws {
        guard let name = recipe.interpreter.first else {
            throw ActionFailure.machine(.internalError, "'\(label)' has no interpreter")
        }
        let isThere =
            name.utf8.contains(UInt8(ascii: "/"))
            ? access(name, X_OK) == 0 || !name.hasPrefix("/") : ProgramSearch(path: path).file(named: name) != nil
        if !isThere {
            throw ActionFailure.machine(
                .toolMissing, "'\(name)', the shell of '\(label)', can't be found",
                hint: "install it, or name another with 'shell'; PATH is \(path)")
        }
    }

    // MARK: In the sandbox

    private func runSandboxed(
        _ action: Action, _ recipe: Recipe, in folder: BytePath, program: String
    ) async throws -> ActionResult {
        let name = SHA256Value.of(Array(action.label.description.utf8)).hex
        let layout = ActionLayout(action)
        let stage = SandboxStage(folder: folder, layout: layout, keepFolder: state.appending("keep/" + name))
        try stage.build(action, script: recipe.script, work: recipe.folder, store: store)
        let home = BytePath(getenv("HOME").map { String(cString: $0) } ?? "")
        let system = SandboxSystem(hidden: [workspace, state, store.folder], path: path, home: home)
        guard let binds = stage.arguments(work: recipe.folder, home: home) else {
            throw ActionFailure.machine(
                .outputUnusable, "a folder that '\(action.label)' works in has a name that is not UTF-8",
                hint: "rename it, or --sandbox off")
        }
        var command = Command(
            [program] + sandbox.isolation(network: action.attributes.network)
                + system.arguments(network: action.attributes.network) + system.showing(action.attributes.programs)
                + binds + ["--"] + recipe.interpreter
                + [SandboxStage.recipe],
            environment: environment(of: action, home: "/tmp/home", temporary: "/tmp"), folder: BytePath("/"))
        command.timeout = action.attributes.timeout
        var collector = OutputCollector(label: action.label, store: store) { stage.place(of: $0) }
        collector.mask = mask(of: action)
        let ended = try await finish(command, action) { try collector.reports(layout) }
        let outputs = try collector.outputs(action.outputs)
        try refuseUndeclared(action, stage, collector)
        return try result(of: ended, outputs + collector.reports(layout))
    }

    /// Throws where the action's writable folders hold anything new or changed that it does not declare.
    private func refuseUndeclared(_ action: Action, _ stage: SandboxStage, _ collector: OutputCollector) throws {
        let layout = stage.layout
        if layout.writable.isEmpty { return }
        let inputs = Dictionary(action.inputs.map { ($0.path, $0) }) { first, _ in first }
        var undeclared: [BytePath] = []
        var changed: [BytePath] = []
        for (index, root) in layout.writable.enumerated() {
            for file in collector.walk(stage.out(index), as: root) {
                if layout.isOutput(file.path) || layout.isReport(file.path) || layout.isKept(file.path) { continue }
                if let input = inputs[file.path] {
                    if try !isUnchanged(file, input) { changed.append(file.path) }
                } else if !ActionLayout.isPythonCache(file.path) {
                    undeclared.append(file.path)
                }
            }
        }
        if !undeclared.isEmpty || !changed.isEmpty {
            throw ActionFailure.undeclared(undeclared, changed: changed, action.label)
        }
    }

    private func isUnchanged(_ file: OutputCollector.Found, _ input: ActionInput) throws -> Bool {
        if file.status.isLink {
            let text = try Disk.linkText(file.place)
            return input.kind == .link && Digest.of(text) == input.digest
        }
        guard file.status.isFile, Int(file.status.st_size) == input.digest.size else { return false }
        guard file.status.isExecutable == (input.kind == .executable) else { return false }
        if file.status.st_mtim.tv_sec == Disk.fixedSeconds, file.status.st_mtim.tv_nsec == 0 { return true }
        return Digest.of(try Disk.contents(of: file.place)) == input.digest
    }

    // MARK: The command

    func environment(of action: Action, home: String, temporary: String) -> [String: String] {
        ["PATH": path, "HOME": home, "TMPDIR": temporary, "LANG": "C.UTF-8"]
            .merging(action.environment) { $1 }.merging(action.unhashedEnvironment) { $1 }
    }

    /// What takes the action's secrets out of what it says.
    func mask(of action: Action) -> SecretMask {
        SecretMask(values: action.secretNames.compactMap { action.unhashedEnvironment[$0] })
    }

    /// A command that ended with status 0.
    struct Ended {
        let log: [UInt8]
        let duration: Duration
    }

    /// As below; a failure of the command itself is thrown with what it has reported.
    func finish(
        _ command: Command, _ action: Action, reports: () throws -> [OutputFile]
    ) async throws -> Ended {
        do {
            return try await finish(command, action)
        } catch var failure as ActionFailure where failure.kind == .failed || failure.kind == .timeout {
            // What cannot be collected would only hide why it failed.
            failure.reports = (try? reports()) ?? []
            throw failure
        }
    }

    /// Runs the command; whatever is not a success is thrown, with its output masked.
    private func finish(_ command: Command, _ action: Action) async throws -> Ended {
        let result: CommandResult
        do {
            result = try await commands.run(command)
        } catch let error as SpawnError {
            throw ActionFailure.machine(
                .toolMissing,
                "'\(action.label)' can't be started: \(error.program): \(ActionFailure.systemMessage(error.errno))",
                hint: "PATH is \(path)")
        }
        try Task.checkCancellation()
        let output = mask(of: action).masked(result.output)
        switch result.ending {
        case .exited(0): return Ended(log: output, duration: result.duration)
        case .timedOut:
            throw ActionFailure.timeout(
                action.label, limit: command.timeout ?? .zero, output: output, duration: result.duration)
        case .exited(let code): throw failure(action, code, output, result.duration)
        case .signalled(let signal): throw failure(action, 128 + signal, output, result.duration)
        }
    }

    private func failure(_ action: Action, _ code: Int32, _ output: [UInt8], _ duration: Duration) -> ActionFailure {
        if sandbox.isActive, code == 1, output.starts(with: "bwrap: ".utf8), output.split(separator: 10).count == 1 {
            // Nothing of the recipe's own was printed: it was never started.
            return .machine(
                .sandboxUnavailable,
                "the sandbox of '\(action.label)' can't be set up: \(BytePath(bytes: output.dropLast()).shown)",
                hint: "see what lmsbuild doctor says, or --sandbox off to run without", duration: duration)
        }
        var hint: String?
        let text = String(decoding: output.suffix(64 * 1024), as: UTF8.self)
        if sandbox.isActive, text.contains("Read-only file system") {
            hint = "the sandbox lets a recipe write only where its declared outputs are: declare it after '->'"
        } else if sandbox.isActive, text.contains("No such file or directory") {
            hint = "the sandbox shows only declared inputs: is the file named before '->'?"
        } else if code == 127 {
            hint = "a command was not found; PATH is \(path)"
        }
        let what =
            code > 128 && code < 128 + 65
            ? "ended by signal \(code - 128) (\(String(cString: strsignal(code - 128))))" : "exit status \(code)"
        return ActionFailure(
            kind: .failed,
            diagnostic: Diagnostic(.actionFailed, .error, "'\(action.label)' failed: \(what)", hint: hint),
            exitCode: code, output: output, duration: duration)
    }

    func result(of ended: Ended, _ outputs: [OutputFile]) throws -> ActionResult {
        let unique = Dictionary(outputs.map { ($0.path, $0) }) { first, _ in first }
        return ActionResult(
            exitCode: 0, outputs: unique.values.sorted { $0.path < $1.path }, imageDigest: nil,
            log: ended.log.isEmpty ? nil : try store.write(ended.log), duration: ended.duration)
    }
}
