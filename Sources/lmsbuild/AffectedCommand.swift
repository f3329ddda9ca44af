import ArgumentParser
import BuildEngine
import BuildGraph
import Buildfile
import Reporting

struct AffectedCommand: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration.frequent(
        "affected", abstract: "What has changed since a revision: components, targets, or pairs to verify.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var base: BaseOptions
    @Option(help: "The revision to look at; without it the working tree, uncommitted and untracked files included.")
    var head: String?
    @Flag(help: "Print labels of targets instead of components.")
    var targets = false
    @Option(help: "Only targets of this stage.")
    var stage: String?
    @Option(help: "Only components of this kind: service or library.")
    var kind: String?
    @Flag(help: "Print the consumer/provider pairs to verify.")
    var contracts = false
    @Flag(help: "Print what differs behind each line.")
    var why = false
    @Option(help: "text, json, github (a matrix) or gitlab (a child pipeline).")
    var format = "text"
    @Option(help: ArgumentHelp("Only this share of what is affected, balanced by recorded times.", valueName: "I/N"))
    var shard: String?
    @Option(help: "Recorded times to balance by, a file as '.lmsbuild/times'; in CI none without.")
    var times: String?
    @Option(name: .customLong("max-jobs"), help: "At most this many jobs in a matrix or child pipeline.")
    var maxJobs = GitHubMatrix.jobLimit
    @Option(help: "A file of the repository, with the hidden job '.lmsbuild', for the child pipeline to include.")
    var include: String?
    @Argument(help: "NAME=VALUE sets a '?=' variable.")
    var words: [String] = []

    func perform() async throws -> BuildEngine.ExitCode {
        let (labels, overrides) = GlobalOptions.overrides(in: words)
        try checkOptions(labels)
        let share = try shard.map { try Share($0) }
        let request = try base.request()
        let opened = try await Workspace.open(global, overrides: overrides)
        let comparison = try await Comparison(opened, request, head: head, namesOnly: true)
        try checkStage(comparison.affected.head.graph)
        var answer = AffectedAnswer(comparison, stage: stage, kind: kind, unit: unit, times: try recorded(opened))
        if let share {
            let plan = answer.keep(share)
            Terminal.say(
                "shard \(share.index) of \(share.count), plan \(plan.prefix(12)): every shard of a run must be of the same plan"
            )
        }
        switch format {
        case "json": Terminal.out(try answer.json().text(pretty: true) + "\n")
        case "github": Terminal.out(try github(answer) + "\n")
        case "gitlab":
            Terminal.out(GitLabPipeline.text(CIJob.merged(answer.jobs, limit: maxJobs), including: include))
        default: Terminal.out(try answer.text(why: why))
        }
        return .done
    }

    /// What is told line by line or job by job, and kept together in a share.
    private var unit: AffectedAnswer.Unit { contracts ? .pair : targets ? .target : .component }

    private func checkOptions(_ labels: [String]) throws {
        func refuse(_ message: String, _ hint: String?) -> Refusal {
            Refusal(Diagnostic(.badCommandLine, message, hint: hint), .wrongInput)
        }
        func near(_ word: String, _ all: [String]) -> String {
            nearestWord(to: word, among: all).map { "did you mean '\($0)'?" } ?? all.joined(separator: ", ")
        }
        if let extra = labels.first {
            throw refuse("'affected' takes no label, so '\(extra)' means nothing", nil)
        }
        if let kind, !["service", "library"].contains(kind) {
            throw refuse("unknown kind '\(kind)'", near(kind, ["service", "library"]))
        }
        let formats = ["text", "json", "github", "gitlab"]
        if !formats.contains(format) { throw refuse("unknown format '\(format)'", near(format, formats)) }
        if maxJobs < 1 || (format == "github" && maxJobs > GitHubMatrix.jobLimit) {
            throw refuse("'--max-jobs \(maxJobs)' is out of range", "1 to \(GitHubMatrix.jobLimit)")
        }
    }

    /// A stage that nothing has is a mistake: to print nothing for it would look like "nothing is affected".
    private func checkStage(_ graph: Graph) throws {
        guard let stage else { return }
        let known = Set(graph.targets.indices.map { graph.targets.label($0).stage })
        guard !known.contains(stage) else { return }
        throw Refusal(
            Diagnostic(
                .noMatch, "there is no stage '\(stage)'",
                hint: nearestWord(to: stage, among: known.sorted()).map { "did you mean '\($0)'?" }
                    ?? "there are: \(known.sorted().joined(separator: ", "))"), .noTarget)
    }

    /// Jobs of one CI run are on several machines, whose own records differ: they would cut differently, and a target
    /// could fall between the shares. So in CI only a file that all are given counts.
    private func recorded(_ opened: Workspace) throws -> RecordedTimes {
        guard let times else {
            return opened.isCI ? RecordedTimes() : RecordedTimes(at: opened.state.appending("times"))
        }
        guard fileContents(BytePath(times)) != nil else {
            throw Refusal(
                Diagnostic(.badCommandLine, "cannot read the recorded times '\(times)'"), .wrongInput)
        }
        return RecordedTimes(at: BytePath(times))
    }

    private func github(_ answer: AffectedAnswer) throws -> String {
        let jobs = CIJob.merged(answer.jobs, limit: maxJobs)
        let text = GitHubMatrix.value(jobs).text(pretty: false)
        if text.utf16.count <= GitHubMatrix.sizeLimit { return text }
        // A component's name runs all its targets; those that are not affected are in the cache.
        let shorter = jobs.map {
            CIJob(name: $0.name, components: [], targets: $0.components, pair: $0.pair, weight: $0.weight)
        }
        let short = GitHubMatrix.value(shorter).text(pretty: false)
        guard short.utf16.count <= GitHubMatrix.sizeLimit else {
            throw Refusal(
                Diagnostic(
                    .badCommandLine, "the matrix has \(short.utf16.count) characters; GitHub cuts it off at 1 MiB",
                    hint: "run 'lmsbuild affected --shard I/N --targets' in each of N jobs instead"), .wrongInput)
        }
        return short
    }
}

/// `I/N`.
struct Share {
    let index: Int
    let count: Int

    init(_ text: String) throws {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let index = Int(parts[0]), let count = Int(parts[1]), count >= 1, count <= 10_000,
            (1...count).contains(index)
        else {
            throw Refusal(
                Diagnostic(
                    .badCommandLine, "'--shard \(text)' is no share", hint: "I/N, such as 2/4: the second of four"),
                .wrongInput)
        }
        self.index = index
        self.count = count
    }
}

extension Diagnostic {
    static func later(_ what: String) -> Diagnostic {
        Diagnostic(.notBuiltYet, "'\(what)' is not built yet", hint: "'lmsbuild --help' lists what is")
    }
}

/// `text` or `json`.
func checkFormat(_ format: String) throws {
    guard format == "text" || format == "json" else {
        throw Refusal(
            Diagnostic(.badCommandLine, "unknown format '\(format)'", hint: "text or json"), .wrongInput)
    }
}
