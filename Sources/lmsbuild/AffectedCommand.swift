import ArgumentParser
import BuildEngine
import BuildGraph
import Buildfile

struct AffectedCommand: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "affected",
        abstract: "What has changed since a revision: components, targets, or pairs to verify.")

    @OptionGroup var global: GlobalOptions
    @Option(help: "The revision to compare with; of a branch, its merge base with the head.")
    var base: String?
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
    @Option(help: "text or json.")
    var format = "text"
    @Option(help: .hidden) var since: String?
    @Option(help: .hidden) var shard: String?
    @Option(name: .customLong("if-unknown"), help: .hidden) var ifUnknown: String?
    @Argument(help: "NAME=VALUE sets a '?=' variable.")
    var words: [String] = []

    func perform() async throws -> BuildEngine.ExitCode {
        let (labels, overrides) = GlobalOptions.overrides(in: words)
        try refuseWhatIsLater()
        if let extra = labels.first {
            throw Refusal(
                Diagnostic(.badCommandLine, "'affected' takes no label, so '\(extra)' means nothing"), .wrongInput)
        }
        let kinds = ["service", "library"]
        if let kind, !kinds.contains(kind) {
            throw Refusal(
                Diagnostic(
                    .badCommandLine, "unknown kind '\(kind)'",
                    hint: nearestWord(to: kind, among: kinds).map { "did you mean '\($0)'?" } ?? "service or library"),
                .wrongInput)
        }
        guard let base else {
            throw Refusal(
                Diagnostic(
                    .badCommandLine, "'affected' needs '--base REF'",
                    hint: "for example '--base HEAD~1' or '--base main'"),
                .wrongInput)
        }
        let opened = try await Workspace.open(global, overrides: overrides)
        let comparison = try await Comparison(opened, base: base, head: head)
        Terminal.out(format == "json" ? json(comparison).text(pretty: true) + "\n" : text(comparison))
        return .done
    }

    private func refuseWhatIsLater() throws {
        if ["github", "gitlab"].contains(format) { throw Refusal(.later("--format \(format)"), .wrongInput) }
        if since != nil { throw Refusal(.later("--since"), .wrongInput) }
        if shard != nil { throw Refusal(.later("--shard"), .wrongInput) }
        if ifUnknown != nil { throw Refusal(.later("--if-unknown"), .wrongInput) }
        try checkFormat(format)
    }

    private func items(_ comparison: Comparison) -> [AffectedSet.Item] {
        let graph = comparison.affected.head.graph
        return comparison.affected.targets.filter { item in
            let target = graph.targets[item.target]
            return (stage == nil || target.label.stage == stage)
                && (kind == nil || graph.components[target.component].kind.rawValue == kind)
        }
    }

    private func pairs(_ comparison: Comparison) -> [AffectedSet.Pair] {
        let items = Set(items(comparison).map { comparison.affected.head.graph.targets[$0.target].label })
        return comparison.affected.contracts.filter {
            items.contains(Label(component: $0.provider, stage: "verify", consumer: $0.consumer))
        }
    }

    private func components(_ comparison: Comparison) -> [String] {
        Set(items(comparison).map { comparison.affected.head.graph.targets[$0.target].label.component }).sorted()
    }

    private func text(_ comparison: Comparison) -> String {
        if contracts { return pairs(comparison).map { "\($0.consumer) \($0.provider)\n" }.joined() }
        let graph = comparison.affected.head.graph
        if targets {
            return items(comparison).map { item in
                "\(graph.targets[item.target].label)\n" + (why ? item.why.map { "  \(line($0))\n" }.joined() : "")
            }.joined()
        }
        return components(comparison).map { name in
            guard why else { return name + "\n" }
            var seen: Set<Change> = []
            let changes = items(comparison).filter { graph.targets[$0.target].label.component == name }.flatMap(\.why)
            return name + "\n" + changes.filter { seen.insert($0).inserted }.map { "  \(line($0))\n" }.joined()
        }.joined()
    }

    private func line(_ change: Change) -> String {
        change.subject.isEmpty ? change.kind.rawValue : "\(change.kind.rawValue) \(change.subject.shown)"
    }

    private func json(_ comparison: Comparison) -> JSONValue {
        let graph = comparison.affected.head.graph
        return .object([
            ("schema", .number(1)), ("base", .string(comparison.base)),
            ("head", comparison.head.map { .string($0) } ?? .null),
            ("components", .array(components(comparison).map { .string($0) })),
            ("removed", .array(comparison.affected.removed.map { .string($0) })),
            (
                "targets",
                .array(
                    items(comparison).map { item in
                        let target = graph.targets[item.target]
                        return .object([
                            ("label", .string(target.label.description)),
                            ("kind", .string(graph.components[target.component].kind.rawValue)),
                            ("why", .array(item.why.map { json($0) })),
                        ])
                    })
            ),
            (
                "contracts",
                .array(
                    pairs(comparison).map {
                        .object([("consumer", .string($0.consumer)), ("provider", .string($0.provider))])
                    })
            ),
        ])
    }

    private func json(_ change: Change) -> JSONValue {
        let subject = JSONValue.string(change.subject.shown)
        return switch change.kind {
        case .new, .recipe, .rule: .object([("kind", .string(change.kind.rawValue))])
        case .input, .output: .object([("kind", .string(change.kind.rawValue)), ("path", subject)])
        case .prerequisite: .object([("kind", .string(change.kind.rawValue)), ("label", subject)])
        case .variable, .tool, .attribute: .object([("kind", .string(change.kind.rawValue)), ("name", subject)])
        }
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
