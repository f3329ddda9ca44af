// Questions that the graph answers without a hash: deps, rdeps, path.
import ArgumentParser
import BuildEngine
import BuildGraph
import Buildfile
import Reporting

/// What `deps` and `rdeps` have in common.
struct NeighbourOptions: ParsableArguments {
    @Flag(help: "Only the next ones, not theirs.") var direct = false
    @Flag(help: "Over gates, too, which are order only.") var gates = false
    @Option(help: "Only targets of this stage.") var stage: String?
    @Option(help: "text or json.") var format = "text"
    @Argument(help: "Labels, and NAME=VALUE.") var words: [String]
}

struct DepsCommand: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration.frequent(
        "deps", abstract: "What targets need: all that makes their hash differ when it does.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var options: NeighbourOptions

    func perform() async throws -> BuildEngine.ExitCode {
        try await options.tell(global) { $0.dependencies(of: $1, over: $2, direct: $3) }
    }
}

struct RdepsCommand: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration.frequent(
        "rdeps", abstract: "What needs targets: all whose hash differs when theirs does.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var options: NeighbourOptions

    func perform() async throws -> BuildEngine.ExitCode {
        try await options.tell(global) { $0.dependents(of: $1, over: $2, direct: $3) }
    }
}

extension NeighbourOptions {
    fileprivate func tell(
        _ global: GlobalOptions, _ ask: (Graph, [Int], Set<Edge.Kind>, Bool) -> Set<Int>
    ) async throws -> BuildEngine.ExitCode {
        try checkFormat(format)
        let (labels, overrides) = GlobalOptions.overrides(in: words)
        guard !labels.isEmpty else { throw Refusal(Diagnostic(.badCommandLine, "a label is missing"), .wrongInput) }
        let opened = try await Workspace.open(global, overrides: overrides)
        let graph = try opened.knownGraph(try await opened.workingTree())
        let start = try selecting(graph, labels, everythingByDefault: true)
        let found = ask(graph, start, gates ? [.input, .contract, .tag, .gate] : [.input, .contract, .tag], direct)
            .subtracting(start)
            .sorted()
            .map { graph.targets[$0].label }.filter { stage == nil || $0.stage == stage }
        if format == "json" {
            let document = JSONValue.object([
                ("schema", .number(1)), ("of", .array(start.map { .string(graph.targets[$0].label.description) })),
                ("targets", .array(found.map { .string($0.description) })),
            ])
            Terminal.out(document.text(pretty: true) + "\n")
        } else {
            Terminal.out(found.map { "\($0)\n" }.joined())
        }
        return .done
    }
}

struct PathCommand: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "path", abstract: "A shortest way by which one target needs another.")

    @OptionGroup var global: GlobalOptions
    @Flag(help: "Over gates, too, which are order only.") var gates = false
    @Option(help: "text or json.") var format = "text"
    @Argument(help: "The label that needs, the label that is needed, and NAME=VALUE.") var words: [String]

    func perform() async throws -> BuildEngine.ExitCode {
        try checkFormat(format)
        let (labels, overrides) = GlobalOptions.overrides(in: words)
        guard labels.count == 2 else {
            throw Refusal(
                Diagnostic(
                    .badCommandLine, "'path' needs two labels, and got \(labels.count)", hint: "lmsbuild path A B"),
                .wrongInput)
        }
        let opened = try await Workspace.open(global, overrides: overrides)
        let graph = try opened.knownGraph(try await opened.workingTree())
        let start = Set(try selecting(graph, [labels[0]], everythingByDefault: true))
        let goal = Set(try selecting(graph, [labels[1]], everythingByDefault: true))
        let kinds: Set<Edge.Kind> = gates ? [.input, .contract, .tag, .gate] : [.input, .contract, .tag]
        let way = graph.path(from: start, to: goal, over: kinds)
        if format == "json" {
            Terminal.out(json(way, graph, start, goal).text(pretty: true) + "\n")
        } else if let way {
            Terminal.out(text(way, graph, start, goal))
        }
        if way != nil { return .done }
        let further = gates || graph.path(from: start, to: goal, over: [.input, .contract, .tag, .gate]) == nil
        Terminal.say(
            "'\(labels[0])' does not need '\(labels[1])'" + (further ? "" : ", except over a gate: '--gates' shows it"))
        return .checkFailed
    }

    private func text(_ way: [Graph.Step], _ graph: Graph, _ start: Set<Int>, _ goal: Set<Int>) -> String {
        if way.isEmpty {
            return start.intersection(goal).min().map { "\(graph.targets[$0].label)\n" } ?? ""
        }
        return way.map { step in
            let place = step.edge.span.lineAndColumn
            let kind = step.edge.kind.shown == .input ? "needs" : step.edge.kind.shown.rawValue
            return "\(graph.targets[step.target].label) \(kind) \(graph.targets[step.edge.target].label)"
                + " (\(step.edge.span.source.name):\(place.line):\(place.column))\n"
        }.joined()
    }

    private func json(_ way: [Graph.Step]?, _ graph: Graph, _ start: Set<Int>, _ goal: Set<Int>) -> JSONValue {
        let steps = way?.map { step -> JSONValue in
            let place = step.edge.span.lineAndColumn
            return .object([
                ("from", .string(graph.targets[step.target].label.description)),
                ("to", .string(graph.targets[step.edge.target].label.description)),
                ("kind", .string(step.edge.kind.shown.rawValue)), ("file", .string(step.edge.span.source.name)),
                ("line", .number(place.line)), ("column", .number(place.column)),
            ])
        }
        return .object([("schema", .number(1)), ("path", steps.map { .array($0) } ?? .null)])
    }
}
