import ArgumentParser
import BuildEngine
import BuildGraph
import Buildfile
import Reporting

struct ReplayCommand: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "What each commit of the history would have run, beside everything and beside a rule of thumb.")

    @OptionGroup var global: GlobalOptions
    @Option(help: "The newest N commits of the first-parent line.") var last: Int?
    @Option(help: "Only targets of this stage.") var stage: String?
    @Option(help: "Only components of this kind: service or library.") var kind: String?
    @Option(
        help: ArgumentHelp(
            "What a stage or a label takes, such as image=90s; without it recorded times count.",
            valueName: "STAGE=DURATION"))
    var time: [String] = []
    @Option(help: "text, json or svg.") var format = "text"
    @Option(name: .shortAndLong, help: "Write to this file.") var output: String?
    @Argument(help: "A..B: the commits of B that A has not; and NAME=VALUE.") var words: [String] = []

    func perform() async throws -> BuildEngine.ExitCode {
        let (ranges, overrides) = GlobalOptions.overrides(in: words)
        try checkOptions(ranges)
        let given = try GivenTimes(time)
        let opened = try await Workspace.open(global, overrides: overrides)
        guard let repository = opened.repository else {
            throw Refusal(Diagnostic(.badRevision, "there is no git repository here, so no history"), .wrongInput)
        }
        let report = try await report(opened, repository, ranges.first, given)
        let text =
            switch format {
            case "json": report.json.text(pretty: true) + "\n"
            case "svg": report.svg
            default: report.table
            }
        if let output { try writeFile(output, Array(text.utf8)) } else { Terminal.out(text) }
        return .done
    }

    private func checkOptions(_ ranges: [String]) throws {
        func refuse(_ message: String, _ hint: String?) -> Refusal {
            Refusal(Diagnostic(.badCommandLine, message, hint: hint), .wrongInput)
        }
        if !["text", "json", "svg"].contains(format) {
            throw refuse("unknown format '\(format)'", "text, json or svg")
        }
        if let kind, !["service", "library"].contains(kind) {
            throw refuse("unknown kind '\(kind)'", "service or library")
        }
        if let last, last < 1 { throw refuse("'--last \(last)' is no number of commits", "at least 1") }
        if ranges.count > 1 || (last != nil && !ranges.isEmpty) {
            throw refuse("'replay' takes one range", "'--last N', or 'A..B'")
        }
        if let range = ranges.first, range.components(around: "..") == nil {
            throw refuse("'\(range)' is no range of commits", "A..B, such as v1.0..main")
        }
    }

    private func report(
        _ opened: Workspace, _ repository: GitRepository, _ range: String?, _ given: GivenTimes
    ) async throws -> ReplayReport {
        let commits = try await Workspace.refusing {
            try await repository.firstParentLine(try await self.range(range, repository), prefix: opened.prefix)
        }
        let (base, isCutOff) = try await Workspace.refusing {
            try await Self.base(of: commits.first, opened, repository)
        }
        let stage = stage
        let kind = kind
        var replayed: [ReplayedCommit] = []
        do throws(FileSystemError) {
            var replay = try Replay(
                base, opened.settings,
                counting: { graph, index in
                    let target = graph.targets[index]
                    return (stage == nil || target.label.stage == stage)
                        && (kind == nil || graph.components[target.component].kind.rawValue == kind)
                })
            // Where the clone ends, git shows a commit's whole tree as its change.
            for commit in isCutOff ? commits.dropFirst()[...] : commits[...] {
                replayed.append(try replay.next(commit))
            }
        } catch {
            throw Refusal(.unreadable(error), .machine)
        }
        if let problem = replayed.last?.problem {
            Workspace.show([
                Diagnostic(
                    problem.code, .notice, "the newest commit has no graph: \(problem.message)", at: problem.span,
                    notes: problem.notes, hint: problem.hint)
            ])
        }
        let recorded = RecordedTimes(at: opened.state.appending("times"))
        return ReplayReport(replayed, isCutOff: isCutOff) { given[$0] ?? recorded[$0] }
    }

    private func range(_ text: String?, _ repository: GitRepository) async throws -> GitRepository.HistoryRange {
        guard let text, let (from, to) = text.components(around: "..") else { return .last(last ?? 100) }
        return .between(
            from: try await repository.resolve(from), to: try await repository.resolve(to.isEmpty ? "HEAD" : to))
    }

    /// The tree before the first commit: its parent's, an empty one for the first of all, or the first commit's own
    /// where the clone ends there.
    private static func base(
        of first: HistoryCommit?, _ opened: Workspace, _ repository: GitRepository
    ) async throws -> (GitTree, isCutOff: Bool) {
        guard let first else { return (try await repository.emptyTree(), false) }
        func tree(_ commit: String) async throws -> GitTree {
            try await repository.tree(at: commit, prefix: opened.prefix, naming: .objectID)
        }
        if let parent = first.parents.first { return (try await tree(parent), false) }
        if try await repository.parents(of: first.id).isEmpty { return (try await repository.emptyTree(), false) }
        return (try await tree(first.id), true)
    }
}

/// `--time` options.
struct GivenTimes: Sendable {
    private var byLabel: [String: Duration] = [:]
    private var byStage: [String: Duration] = [:]

    init(_ options: [String]) throws {
        for option in options {
            guard let (name, text) = option.components(around: "="), !name.isEmpty, let time = parseDuration(text)
            else {
                throw Refusal(
                    Diagnostic(
                        .badCommandLine, "'--time \(option)' gives no time",
                        hint: "such as image=90s or catalog:unit=2m"),
                    .wrongInput)
            }
            if name.contains(":") { byLabel[name] = time } else { byStage[name] = time }
        }
    }

    subscript(label: Label) -> Duration? { byLabel[label.description] ?? byStage[label.stage] }
}

extension String {
    /// What stands before and after the first `mark`.
    fileprivate func components(around mark: String) -> (String, String)? {
        firstRange(of: mark).map { (String(self[..<$0.lowerBound]), String(self[$0.upperBound...])) }
    }
}
