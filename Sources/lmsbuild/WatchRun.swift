// Runs again and again, after each change. The watch says when; what there is to do, each run finds out for itself as
// if it were the only one.
import BuildEngine
import BuildGraph
import Buildfile
import Glibc

/// `run --watch`: ends by a signal, or by what makes watching impossible.
struct WatchRun {
    private var command: RunCommand
    private let request: RunRequest
    /// As the last run that came so far found it.
    private var opened: Workspace
    private var watch: FolderWatch
    /// The watch does not know all that it should: a new one is needed before anything is looked at.
    private var needsNewWatch = false
    /// Of the last run that had a graph.
    private var own = OwnPaths()
    private var repeated = RepeatedChanges()

    /// Runs until a signal ends it, and gives that signal's exit status. What keeps the first run from looking at the
    /// workspace is thrown; what is wrong with it later is shown and waits to be mended.
    static func untilInterrupted(_ command: RunCommand, _ request: RunRequest) async throws -> BuildEngine.ExitCode {
        do {
            var run = try await WatchRun(command, request)
            return try await run.repeatedly()
        } catch let error as Unwatchable {
            throw Refusal(error.diagnostic, .machine)
        }
    }

    /// Opens the workspace and watches it, before any of its files is looked at.
    private init(_ command: RunCommand, _ request: RunRequest) async throws {
        let opened = try await Workspace.open(command.global, overrides: request.overrides)
        watch = try await Self.watch(opened, command.global.buildfile)
        self.opened = opened
        self.request = request
        self.command = command
        // The folder may go and come again, as where another branch is checked out: it is entered anew each time.
        self.command.global.folder = String(validating: try WorkspaceSearch.currentFolder().bytes, as: UTF8.self)
    }

    private mutating func repeatedly() async throws -> BuildEngine.ExitCode {
        while true {
            do {
                var known: OwnPaths?
                let code = try await command.once(opened, request) { known = OwnPaths($0) }
                own = known ?? own
                if let number = Interruption.shared.received { return code.combined(with: .signal(number)) }
            } catch let refusal as Refusal where refusal.code != .locked {
                if let number = Interruption.shared.received { return .signal(number) }
                Workspace.show(refusal.diagnostics)
            }
            Interruption.shared.release()
            var isOpen = false
            while !isOpen {
                let changes = try waited()
                needsNewWatch = needsNewWatch || changes.changesRules
                say("changed: \(changes.text)")
                isOpen = try await reopen()
            }
        }
    }

    /// Opens the workspace as it is now, and sees that all of it is watched before it is looked at. False where it
    /// cannot be opened, which is shown.
    private mutating func reopen() async throws -> Bool {
        do {
            let now = try await Workspace.open(command.global, overrides: request.overrides)
            let isElsewhere = now.workspace != opened.workspace || now.repository?.top != opened.repository?.top
            if needsNewWatch || isElsewhere { watch = try await Self.watch(now, command.global.buildfile) }
            needsNewWatch = false
            opened = now
            return true
        } catch let refusal as Refusal {
            Workspace.show(refusal.diagnostics)
            return false
        }
    }

    /// Waits for the next reason to run. What changed during the run is one already.
    private mutating func waited() throws -> FolderChanges {
        do {
            let earlier = try watch.collect(except: own)
            repeated.take(earlier.paths)
            if let notice = repeated.notice { Workspace.show([notice]) }
            if earlier.isEmpty || repeated.isLasting {
                let count = watch.folderCount
                say("watching \(count) folder\(count == 1 ? "" : "s"); Ctrl-C ends it")
            }
            return try watch.next(
                after: earlier, patience: repeated.isLasting ? RepeatedChanges.patience : .milliseconds(100),
                except: own)
        } catch {
            throw Unwatchable(error: error)
        }
    }

    private func say(_ line: String) {
        if !command.quiet { Terminal.say(line) }
    }

    private static func watch(_ opened: Workspace, _ buildfile: String?) async throws -> FolderWatch {
        var options = WorkingTreeOptions(root: opened.workspace)
        var further: [BytePath] = []
        if let repository = opened.repository {
            (options, further) = try await Workspace.refusing {
                let options = try await repository.workingTreeOptions(root: opened.workspace)
                return (options, try await repository.decidingFiles(options))
            }
        }
        if let buildfile {
            let file = BytePath(buildfile)
            further.append(file.isAbsolute ? file : try WorkspaceSearch.currentFolder().appending(file))
        }
        do {
            return try FolderWatch(options, further: further)
        } catch {
            throw Unwatchable(error: error)
        }
    }
}

/// The kernel does not let us watch.
private struct Unwatchable: Error {
    let error: FileSystemError

    var diagnostic: Diagnostic {
        switch (error.operation, error.errno) {
        case (FolderWatch.watching, ENOSPC):
            Diagnostic(
                .machineFailure,
                "cannot watch '\(error.path.shown)': this user's inotify watches are used up, and each folder takes one",
                hint: "raise the limit: sysctl fs.inotify.max_user_watches=1048576; or have git ignore what is no input"
            )
        case (FolderWatch.starting, EMFILE):
            Diagnostic(
                .machineFailure,
                "cannot watch: this user's inotify instances are used up, or this process's open files",
                hint: "raise the limit: sysctl fs.inotify.max_user_instances=1024; or see 'ulimit -n'")
        default:
            Diagnostic(
                .machineFailure, "cannot \(error.operation) '\(error.path.shown)': \(errnoText(error.errno))",
                hint: "run without '--watch'")
        }
    }
}

/// Tells whether runs change what they take in, which would make them follow one another for ever.
struct RepeatedChanges {
    /// How long such runs wait for a change of another kind.
    static let patience = Duration.seconds(5)
    private static let limit = 3

    /// What has changed during each of the last `count` runs.
    private var paths: [BytePath] = []
    private var count = 0

    /// Takes in what changed during a run.
    mutating func take(_ changed: [BytePath]) {
        let still = Set(changed)
        let kept = paths.filter(still.contains)
        count = changed.isEmpty ? 0 : kept.isEmpty ? 1 : count + 1
        paths = kept.isEmpty ? changed : kept
    }

    var isLasting: Bool { count >= Self.limit }

    /// Said once, not after each run.
    var notice: Diagnostic? {
        guard count == Self.limit, let path = paths.first else { return nil }
        return Diagnostic(
            .inputChanged, .notice,
            "'\(path.shown)' changed during each of the last \(count) runs: a recipe may write to it, without a sandbox",
            hint: "declare it as an output, or have git ignore it; until then runs wait 5 s for one another")
    }
}

extension FolderChanges {
    /// The first path and how many more there are.
    var text: String {
        guard !isEverything, let first = paths.first else {
            return "possibly everything, for the kernel did not tell all"
        }
        return paths.count == 1 ? "'\(first.shown)'" : "'\(first.shown)' and \(paths.count - 1) more"
    }
}
