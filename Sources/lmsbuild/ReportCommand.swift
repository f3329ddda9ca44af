import ArgumentParser
import BuildEngine
import BuildGraph
import Buildfile
import Glibc
import Reporting

/// Shows a run that was written down, in whatever form is asked for; runs and judges nothing.
struct ReportCommand: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Shows a run again: on the console, as a page, as Markdown, as a trace, as JSON.")

    enum Format: String, CaseIterable {
        case text, json, html, markdown, trace
    }

    @OptionGroup var global: GlobalOptions
    @Option(help: "text, json, html, markdown or trace.") var format = "text"
    @Option(name: .shortAndLong, help: ArgumentHelp("Write to this file.", valueName: "file")) var output: String?
    @Flag(name: .shortAndLong, help: "Show what was cached and the output of what succeeded, too.") var verbose = false
    @Flag(help: "List the runs that are kept, newest first.") var list = false
    @Argument(
        help: ArgumentHelp(
            "A run's id or its first digits, '~N' for the Nth before the last, or a log's file; the last run without.",
            valueName: "run"))
    var run: String?

    func perform() async throws -> BuildEngine.ExitCode {
        guard let format = Format(rawValue: format) else {
            throw Refusal(
                Diagnostic(
                    .badCommandLine, "unknown format '\(format)'",
                    hint: "one of \(Format.allCases.map(\.rawValue).joined(separator: ", "))"), .wrongInput)
        }
        let opened = try await Workspace.open(global, overrides: [:])
        let logs = EventLogs(in: opened.state)
        if list {
            let lines = Self.listing(logs)
            if lines.isEmpty { Terminal.say(RunHistory.nothing) }
            return try show(lines, opened)
        }
        let (lines, broken) = try Self.lines(of: run, logs)
        guard let picture = RunPicture(lines) else { return .done }
        if broken > 0 { Terminal.say("\(EventLogs.unreadable(broken, in: "this run's log"))") }
        switch format {
        case .text: return try show(redrawn(lines, opened), opened)
        case .json: return try show(Array((RunDocument.document(picture).text(pretty: true) + "\n").utf8), opened)
        case .html: return try show(Array(RunPage.document(picture).utf8), opened)
        case .markdown: return try show(Array(MarkdownSummary(picture).text(picture.counts).utf8), opened)
        case .trace: return try show(RunTrace.document(picture), opened)
        }
    }

    private func show(_ bytes: [UInt8], _ opened: Workspace) throws -> BuildEngine.ExitCode {
        guard let output else {
            Terminal.out(bytes)
            return .done
        }
        let path = try WorkspaceSearch.currentFolder().appending(output)
        do {
            try Disk.replace(output.hasPrefix("/") ? BytePath(output) : path, with: bytes)
        } catch {
            throw Refusal(
                Diagnostic(.machineFailure, "'\(BytePath(output).shown)' cannot be written: \(error.text)"), .machine)
        }
        return .done
    }

    private func redrawn(_ lines: [LogLine], _ opened: Workspace) -> [UInt8] {
        let isTerminal = output == nil && isatty(STDOUT_FILENO) == 1
        var look = ConsoleStyle.auto.look(isTerminal: isTerminal, environment: opened.environment)
        look.isLive = false
        let renderer = DiagnosticRenderer(color: look.hasColour)
        var state = ConsoleState(look: look, verbosity: verbose ? .verbose : .normal, render: { renderer.render($0) })
        if isTerminal { state.width = Console.width(of: STDOUT_FILENO) }
        return RedrawnRun.lines(lines, state).flatMap { $0.bytes + [UInt8(ascii: "\n")] }
    }

    /// `ID  TIME  SENTENCE  VERDICT`, a line each.
    private static func listing(_ logs: EventLogs) -> [UInt8] {
        logs.ids.reversed().compactMap { logs.outline(of: $0) }.flatMap { picture in
            let time = UTCTime(seconds: picture.heading.time / 1000).shown
            return Array("\(picture.heading.id)  \(time)  \(picture.sentence)  \(picture.verdict)\n".utf8)
        }
    }

    // MARK: Finding it

    /// The log's lines that `name` means.
    private static func lines(of name: String?, _ logs: EventLogs) throws -> (read: [LogLine], broken: Int) {
        let path = try path(of: name, logs)
        do {
            if let lines = try EventLogs.lines(at: path) { return lines }
        } catch {
            throw Refusal(
                Diagnostic(.badCommandLine, "'\(path.shown)' cannot be read: \(error.text)"), .wrongInput)
        }
        throw Refusal(
            Diagnostic(
                .badCommandLine, "'\(path.shown)' is no log of a run that this version reads",
                hint: "a log's first line has the event 'run' and a 'schema' of at most \(EventForm.version)"),
            .wrongInput)
    }

    private static func path(of name: String?, _ logs: EventLogs) throws -> BytePath {
        if let name, name.contains("/") || name.hasSuffix(".jsonl") {
            let path = BytePath(name)
            return path.isAbsolute ? path : try WorkspaceSearch.currentFolder().appending(path)
        }
        let ids = logs.ids
        guard let last = ids.last else {
            throw Refusal(
                Diagnostic(.badCommandLine, "no run is written down here yet", hint: "'lmsbuild run' writes one"),
                .wrongInput)
        }
        guard let name else {
            // A run on a full disk leaves a log that tells nothing.
            let shown = ids.last { logs.outline(of: $0) != nil } ?? last
            if shown != last { Terminal.say("the log of the run \(last) cannot be read; the one before it is shown") }
            return logs.path(of: shown)
        }
        if name.hasPrefix("~"), let back = Int(name.dropFirst()), back >= 0, back < ids.count {
            return logs.path(of: ids[ids.count - 1 - back])
        }
        let found = ids.filter { $0 == name || $0.hasPrefix(name) || $0.hasSuffix("-" + name) }
        if found.count == 1 { return logs.path(of: found[0]) }
        throw Refusal(
            Diagnostic(
                .badCommandLine,
                found.isEmpty
                    ? "no run '\(BytePath(name).shown)' is kept"
                    : "'\(BytePath(name).shown)' names \(found.count) runs",
                hint: "'lmsbuild report --list' names them; the last \(EventLogs.most) are kept"), .wrongInput)
    }
}
