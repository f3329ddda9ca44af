import ArgumentParser
import BuildEngine
import BuildGraph
import Buildfile

struct ExplainCommand: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Why a target would run, or why its hash differs; or what a diagnostic's code means.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var base: BaseOptions
    @Option(help: "The revision to look at; without it the working tree.")
    var head: String?
    @Flag(help: "Tell every cause, and whole texts.")
    var all = false
    @Option(help: "text or json.")
    var format = "text"
    @Argument(help: "Labels, or a code such as LMS101; and NAME=VALUE.")
    var words: [String]

    func perform() async throws -> BuildEngine.ExitCode {
        try checkFormat(format)
        let (labels, overrides) = GlobalOptions.overrides(in: words)
        if labels.count == 1, let page = try page(labels[0]) {
            Terminal.out(page)
            return .done
        }
        guard !labels.isEmpty else {
            throw Refusal(Diagnostic(.badCommandLine, "'explain' needs a label or a code"), .wrongInput)
        }
        let opened = try await Workspace.open(global, overrides: overrides)
        let request = try base.request()
        let told: [ExplainedTarget]
        let against: Against
        switch request.origin {
        case .event where CIEvent.detect(environment: opened.environment, read: { _ in nil }) == nil, .cache:
            if head != nil, base.since == nil {
                throw Refusal(
                    Diagnostic(
                        .badCommandLine, "'--head' without '--base' means nothing here",
                        hint: "add '--base REF'; without either, 'explain' looks at the last run"), .wrongInput)
            }
            (told, against) = try await Self.lastRuns(opened, labels)
        default:
            (told, against) = try await compared(opened, request, labels)
        }
        let answer = Explanations(targets: told, against: against, all: all)
        Terminal.out(format == "json" ? answer.json.text(pretty: true) + "\n" : answer.text)
        return .done
    }

    /// The page of a code; nil for what looks like a label.
    private func page(_ word: String) throws -> String? {
        let code = word.uppercased()
        if let page = errorPages[code] { return page }
        guard code.hasPrefix("LMS"), code.dropFirst(3).allSatisfy(\.isNumber), code.utf8.count > 3 else { return nil }
        throw Refusal(
            Diagnostic(
                .badCommandLine, "there is no code '\(word)'",
                hint: nearestWord(to: code, among: errorPages.keys.sorted()).map { "did you mean '\($0)'?" }),
            .wrongInput)
    }

    // MARK: Against another state

    private func compared(
        _ opened: Workspace, _ request: BaseRequest, _ labels: [String]
    ) async throws -> ([ExplainedTarget], Against) {
        let comparison = try await Comparison(opened, request, head: head)
        let hashed = comparison.affected.head
        let before = comparison.before
        let after = TargetStates(hashed)
        let told = try selecting(hashed.graph, labels, everythingByDefault: true).map { index in
            let label = hashed.graph.targets[index].label
            let found = try Self.reading { () throws(FileSystemError) in try causes(of: label, from: before, to: after)
            }
            let standing: ExplainedTarget.Standing =
                found.isEmpty ? .same : before.hash(label) == nil ? .new : .differs
            return ExplainedTarget(label: label, standing: standing, causes: found)
        }
        return (told, Against(comparison))
    }

    // MARK: Against the last run

    /// The targets that `labels` name, each with what differs from its last run here.
    static func lastRuns(_ opened: Workspace, _ labels: [String]) async throws -> ([ExplainedTarget], Against) {
        let hashed = try opened.hashed(try await opened.workingTree())
        let graph = hashed.graph
        let chosen = try selecting(graph, labels, everythingByDefault: true)
        let cache = try opened.actionCache()
        let missing = await hashed.targetsWithoutResult(
            among: graph.closure(of: chosen), in: cache, opened.verdicts)
        let records = RunRecords(in: opened.state)
        let told = try chosen.map { index in
            let label = graph.targets[index].label
            let record = records.last(label)
            let before = TargetStates(
                hash: { records.states.hash($0) },
                manifest: { label throws(FileSystemError) in try records.states.manifest(label) })
            var found: [Cause] = []
            if record != nil {
                found = try reading { () throws(FileSystemError) in
                    try causes(of: label, from: before, to: TargetStates(hashed))
                }
            }
            return ExplainedTarget(
                label: label,
                standing: standing(index, graph, isMissing: missing.contains(index), record, found),
                causes: found, lastRun: record?.time)
        }
        return (told, Against(head: hashed))
    }

    private static func standing(
        _ index: Int, _ graph: Graph, isMissing: Bool, _ record: RunRecord?, _ found: [Cause]
    ) -> ExplainedTarget.Standing {
        let node = graph.targets[index]
        if node.isGroup { return .group }
        if !isMissing { return .cached }
        if node.attributes.uncached { return .uncached }
        guard let record else { return .neverRun }
        if !found.isEmpty { return .differs }
        return record.succeeded ? .evicted : .failed
    }

    private static func reading<Result>(_ body: () throws(FileSystemError) -> Result) throws -> Result {
        do throws(FileSystemError) {
            return try body()
        } catch {
            throw Refusal(.unreadable(error), .machine)
        }
    }
}

/// One target and why it is as it is.
struct ExplainedTarget {
    enum Standing: String {
        /// The hashes are equal, or a result is cached.
        case same, cached
        /// The hashes differ; the causes tell why.
        case differs
        /// Not there at the base.
        case new
        /// No result, and never run here.
        case neverRun = "never-run"
        /// No result although its inputs are those of its last run: that failed, or the result is gone.
        case failed, evicted
        /// `[uncached]`.
        case uncached
        /// Only a name for others.
        case group
    }

    let label: Label
    let standing: Standing
    let causes: [Cause]
    /// Seconds since 1970.
    var lastRun: Int?
}

/// What targets are explained against.
struct Against {
    /// A commit or a record; nil for the last run.
    let name: String?
    let base: String?
    let headCommit: String?
    let head: HashedGraph
    /// Nil where only a record is at hand.
    let old: HashedGraph?

    init(_ comparison: Comparison) {
        name = comparison.since ?? comparison.base.map { String($0.prefix(12)) } ?? "nothing"
        base = comparison.base
        headCommit = comparison.head
        head = comparison.affected.head
        old = comparison.old
    }

    init(head: HashedGraph) {
        self.head = head
        (name, base, headCommit, old) = (nil, nil, nil, nil)
    }
}
