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
    private var own: OwnPaths
    private var during = RepeatedChanges()
    private var after = RepeatedChanges()

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
        own = OwnPaths(further: Self.talk(below: opened.workspace))
        self.opened = opened
        self.request = request
        self.command = command
        // The folder may go and come again, as where another branch is checked out: it is entered anew each time.
        self.command.global.folder = String(validating: try WorkspaceSearch.currentFolder().bytes, as: UTF8.self)
    }

    private mutating func repeatedly() async throws -> BuildEngine.ExitCode {
        while true {
            var hadNothingToDo = false
            var graph: Graph?
            do {
                let summary = try await command.once(opened, request) { graph = $0 }
                hadNothingToDo = summary.ran + summary.failed + summary.skipped == 0
                // It may have come when the run had summed up.
                if let number = Interruption.shared.received { return .signal(number) }
            } catch let refusal as Refusal where refusal.code != .locked {
                Workspace.show(refusal.diagnostics)
            }
            Interruption.shared.release()
            if let graph { own = OwnPaths(graph, further: Self.talk(below: opened.workspace)) }
            var isOpen = false
            while !isOpen {
                let changes = try waited(hadNothingToDo: hadNothingToDo)
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
    private mutating func waited(hadNothingToDo: Bool) throws -> FolderChanges {
        do {
            let earlier = try watch.collect(except: own)
            during.take(earlier.paths)
            let slow = during.lasting + after.lasting
            for notice in [during.notice("during"), after.notice("after")] {
                if let notice { Workspace.show([notice]) }
            }
            if earlier.isEmpty || !slow.isEmpty {
                let count = watch.folderCount
                say("watching \(count) folder\(count == 1 ? "" : "s"); Ctrl-C ends it")
            }
            let start = ContinuousClock.now
            let changes = try watch.next(after: earlier, slow: Set(slow), except: own)
            let isAnswer = start.duration(to: .now) < .seconds(slow.isEmpty ? 1 : 6)
            after.take(hadNothingToDo && isAnswer ? changes.paths : [])
            return changes
        } catch {
            throw Unwatchable(error: error)
        }
    }

    /// The files that what we say goes to: to answer a change of theirs would change them again.
    private static func talk(below workspace: BytePath) -> [BytePath] {
        [STDOUT_FILENO, STDERR_FILENO].compactMap { descriptor in
            guard let path = realpath("/proc/self/fd/\(descriptor)", nil) else { return nil }
            defer { free(path) }
            return BytePath(String(cString: path)).relative(to: workspace)
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
struct Unwatchable: Error {
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
                hint: "do without watching: runs need none")
        }
    }
}

/// Paths that change with each run, so that runs would follow one another for ever: a recipe writes to what it takes in,
/// or something writes to a file whenever a run ends, such as the `tee` that our own words go through.
struct RepeatedChanges {
    private static let limit = 3

    /// What has changed with each of the last `count` runs.
    private var paths: [BytePath] = []
    private var count = 0

    /// Takes in what changed with a run.
    mutating func take(_ changed: [BytePath]) {
        let still = Set(changed)
        let kept = paths.filter(still.contains)
        count = changed.isEmpty ? 0 : kept.isEmpty ? 1 : count + 1
        paths = kept.isEmpty ? changed : kept
    }

    var lasting: [BytePath] { count >= Self.limit ? paths : [] }

    /// Said once, not after each run. `when` is what the changes came: `during` or `after` runs.
    func notice(_ when: String) -> Diagnostic? {
        guard count == Self.limit, let path = paths.first else { return nil }
        return Diagnostic(
            .inputChanged, .notice,
            "'\(path.shown)' changed \(when) each of the last \(count) runs: something that runs may write to it",
            hint: "have git ignore it, or declare it as an output; until then its changes are looked at after 5 s")
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
