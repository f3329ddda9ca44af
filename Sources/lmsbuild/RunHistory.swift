// The history of runs as commands ask for it, and how runs come into it. What cannot be kept costs the history, and nothing of
// a run.
import BuildEngine
import BuildGraph
import Buildfile
import Glibc
import History
import Reporting

enum RunHistory {
    // MARK: Behind runs

    /// Sees to it that logs do not become too many. A run does not wait for the history: a process of its own takes them in
    /// once in some fifty runs. CI keeps no history, and where that process does not do its work the logs go all the same.
    static func makeRoom(_ logs: EventLogs, _ opened: Workspace) {
        guard logs.isFull() else { return }
        if opened.isCI || logs.isFull(most: 2 * EventLogs.most, bytes: 2 * EventLogs.mostBytes) { return logs.prune() }
        _ = try? DetachedProcess(
            again: ["history", "--take-in"], in: opened.workspace, log: opened.state.appending("history.log"))
    }

    /// What that process does.
    static func takeIn(_ opened: Workspace) -> BuildEngine.ExitCode {
        _ = nice(19)
        // Whoever started it waits until this is closed.
        Terminal.out(".")
        close(STDOUT_FILENO)
        _ = try? History(in: opened.state, warn: { Workspace.show([$0]) })
        EventLogs(in: opened.state).prune()
        return .done
    }

    // MARK: For commands

    /// What is said where nothing can be listed.
    static let nothing = "no run is written down here yet; 'lmsbuild run' writes one"

    /// The history with all runs that are written down; nil where none can be, as nothing has run here. Makes no folder for
    /// whoever only asks.
    static func open(_ opened: Workspace, rebuilding: Bool = false) throws -> History? {
        if !Disk.isFolder(opened.state) { return nil }
        return try refusing { try History(in: opened.state, rebuilding: rebuilding, warn: { Workspace.show([$0]) }) }
    }

    /// Turns what the database refuses into exit 36.
    static func refusing<Answer>(_ body: () throws -> Answer) throws -> Answer {
        do {
            return try body()
        } catch let error as DatabaseError {
            throw Refusal(
                Diagnostic(
                    .machineFailure, "the history cannot be read: \(error.message)",
                    hint: "'lmsbuild history --rebuild' makes it anew from the logs of the runs that are kept"),
                .machine)
        }
    }

    /// Prints the last runs, newest first.
    static func show(_ history: History?, last: Int, isJSON: Bool) throws -> BuildEngine.ExitCode {
        let runs = try refusing { try history?.runs(last: max(0, last)) } ?? []
        if isJSON {
            let json = JSONValue.object([("schema", .number(1)), ("runs", .array(runs.map(\.json)))])
            Terminal.out(json.text(pretty: true) + "\n")
            return .done
        }
        if runs.isEmpty { Terminal.say(nothing) }
        for run in runs { Terminal.out(BytePath(run.line).shown + "\n") }
        return .done
    }
}

extension RunRow {
    fileprivate var line: String {
        let ended = exit.map { $0 == 0 ? "ok" : "exit \($0)" } ?? "not ended"
        var line = "\(id)  \(UTCTime(seconds: time / 1000).shown)  \(ended)  "
        line += "ran \(ran), cached \(cached), failed \(failed), skipped \(skipped) in \(duration.shown)"
        if saved > .zero { line += " (saved \(saved.shown))" }
        if let branch { line += "  on \(branch)" }
        if let commit { line += "  at \(commit.prefix(12))" }
        return asked.isEmpty ? line : line + "  \(asked)"
    }

    fileprivate var json: JSONValue {
        .object([
            ("id", .string(id)), ("time", .number(time)),
            ("asked", .array(asked.split(separator: " ").map { .string(String($0)) })),
            ("commit", commit.map(JSONValue.string) ?? .null), ("branch", branch.map(JSONValue.string) ?? .null),
            ("ended", .bool(hasEnded)), ("ran", .number(ran)), ("cached", .number(cached)), ("failed", .number(failed)),
            ("skipped", .number(skipped)), ("duration", .number(duration.microseconds)),
            ("saved", .number(saved.microseconds)), ("exit", exit.map(JSONValue.number) ?? .null),
        ])
    }
}
