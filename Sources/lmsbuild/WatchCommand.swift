// `lmsbuild watch`: keeps what changes in a workspace, so that runs need not look at all of it. The watching itself is
// BuildEngine's; this starts it, ends it, and says how it is.
import ArgumentParser
import BuildEngine
import BuildGraph
import Buildfile
import Glibc

struct WatchCommand: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Keeps what changes in the workspace, so that runs need not look at all of it.")

    @OptionGroup var global: GlobalOptions
    @Flag(help: "Watch on in the background; returns when everything is watched.") var background = false
    @Flag(help: "End the one in the background.") var stop = false
    @Flag(help: "Say whether one watches.") var status = false
    @Option(
        help: ArgumentHelp("End after this long without a question and a change (90s, 10m, 3h).", valueName: "duration")
    )
    var idle = "3h"
    /// The one in the background itself: its folder is the workspace's.
    @Flag(help: .hidden) var detached = false

    func perform() async throws -> BuildEngine.ExitCode {
        if [background, stop, status].count(where: { $0 }) > 1 {
            throw Refusal(
                Diagnostic(.badCommandLine, "'--background', '--stop' and '--status' exclude one another"), .wrongInput)
        }
        guard let patience = parseDuration(idle), patience > .zero else {
            throw Refusal(
                Diagnostic(.badCommandLine, "'--idle \(idle)' is no duration", hint: "such as 90s, 10m or 3h"),
                .wrongInput)
        }
        if detached { return serveDetached(try WorkspaceSearch.currentFolder(), patience) }
        let opened = try await Workspace.open(global, overrides: [:])
        let client = WatcherClient(in: opened.state, patience: .seconds(5))
        if status {
            let text = client.status()
            Terminal.out((text ?? "nobody watches") + "\n")
            return .done
        }
        if stop { return try ended(client) }
        guard opened.makeState() else {
            throw Refusal(.unusableStore(.system("mkdir", opened.state, errno)), .machine)
        }
        return background ? try start(opened) : try serve(opened.workspace, opened.state, patience)
    }

    private func ended(_ client: WatcherClient) throws -> BuildEngine.ExitCode {
        switch client.stop() {
        case true: Terminal.say("the watcher has ended")
        case false: Terminal.say("nobody watches")
        case nil:
            throw Refusal(Diagnostic(.machineFailure, "the watcher does not end"), .machine)
        }
        return .done
    }

    // MARK: In the foreground

    private func serve(_ root: BytePath, _ state: BytePath, _ patience: Duration) throws -> BuildEngine.ExitCode {
        do {
            let server = try WatchServer(root: root, state: state, idle: patience) { _ in }
            try server.start()
            Terminal.say("\(Self.line(server)); Ctrl-C ends it")
            Terminal.say(Self.line(server.serve()))
            return .done
        } catch {
            return try Self.answer(error)
        }
    }

    private static func line(_ server: WatchServer) -> String {
        if let trouble = server.trouble { return "watching, though \(trouble)" }
        return "watching \(server.folderCount) folder\(server.folderCount == 1 ? "" : "s")"
    }

    private static func line(_ ending: WatchServer.Ending) -> String {
        switch ending {
        case .stopped: "told to end"
        case .idle: "nobody asked and nothing changed: ended"
        case .gone: "the workspace or its '.lmsbuild' is gone: ended"
        }
    }

    private static func answer(_ failure: WatchServer.Failure) throws -> BuildEngine.ExitCode {
        switch failure {
        case .runsAlready(let process):
            Terminal.say("process \(process.map(String.init) ?? "?") watches this workspace already")
            return .done
        case .system(let operation, let path, let code):
            let error = FileSystemError(operation, path, errno: code)
            throw Refusal(Unwatchable(error: error).diagnostic, .machine)
        }
    }

    // MARK: In the background

    private func start(_ opened: Workspace) throws -> BuildEngine.ExitCode {
        let place = WatchPlace(in: opened.state)
        guard place.make() else {
            let code = errno
            throw Refusal(.unusableStore(.system("use the private folder", place.folder, code)), .machine)
        }
        if let process = WatchLock.holder(place) { return try Self.answer(.runsAlready(process)) }
        do {
            let child = try DetachedProcess(
                again: ["watch", "--detached", "--idle", idle], in: opened.workspace, log: place.log)
            let said = String(decoding: child.said, as: UTF8.self)
            if said.hasPrefix(Self.ready) {
                Terminal.say(String(said.dropFirst(Self.ready.count)))
                return .done
            }
            if child.status == 0 { return try Self.answer(.runsAlready(WatchLock.holder(place))) }
            if said.isEmpty {
                throw Refusal(
                    Diagnostic(
                        .machineFailure, "the watcher ended before it watched", hint: "see '\(place.log.shown)'"),
                    .machine)
            }
            Terminal.say(said)
            return .machine
        } catch let failure as DetachedProcess.Failure {
            switch failure {
            case .system(let operation, let code):
                throw Refusal(
                    Diagnostic(.machineFailure, "cannot \(operation): \(errnoText(code))"), .machine)
            }
        }
    }

    private static let ready = "ready\n"

    /// Says on standard output whether it watches, closes that, and watches.
    private func serveDetached(_ root: BytePath, _ patience: Duration) -> BuildEngine.ExitCode {
        do {
            // A workspace that is to be unmounted or renamed is not held.
            let server = try WatchServer(root: root, state: root.appending(".lmsbuild"), idle: patience, say: Self.log)
            try server.start()
            chdir("/")
            Terminal.out(Self.ready + Self.line(server) + " in the background\n")
            dup2(STDERR_FILENO, STDOUT_FILENO)
            Self.log(Self.line(server.serve()))
            return .done
        } catch {
            do {
                return try Self.answer(error)
            } catch let refusal as Refusal {
                Terminal.out(DiagnosticRenderer(color: false).render(refusal.diagnostics))
            } catch {
                Terminal.out("\(error)\n")
            }
            return .machine
        }
    }

    private static let mostLog: off_t = 64 * 1024

    /// Keeps the log short: what was said long ago helps nobody.
    private static func log(_ line: String) {
        var status = stat()
        if fstat(STDERR_FILENO, &status) == 0, status.st_size > mostLog { ftruncate(STDERR_FILENO, 0) }
        Terminal.say("\(FileStatus.now / 1_000_000_000) \(getpid()) \(line)")
    }
}
