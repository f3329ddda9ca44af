import ArgumentParser
import BuildEngine
import BuildGraph
import Buildfile
import Glibc
import Reporting

struct GraphCommand: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "graph", abstract: "The graph as text, as a picture, or for programs.")

    private static let formats = ["text", "dot", "mermaid", "json", "svg", "html"]
    /// Pictures of more targets than a screen holds are of components, unless targets are asked for.
    static let readableTargets = 150

    @OptionGroup var global: GlobalOptions
    @OptionGroup var base: BaseOptions
    @Option(help: "text, dot, mermaid, json, svg or html.") var format = "text"
    @Option(help: "Only what these targets need, and they.") var from: [String] = []
    @Option(help: "Only what needs these targets, and they.") var to: [String] = []
    @Option(help: "Only targets of this stage.") var stage: String?
    @Flag(help: "A node for each component.") var components = false
    @Flag(help: "A node for each target, however many.") var targets = false
    @Flag(help: "Mark what has a cached result.") var cached = false
    @Flag(name: .customLong("all-edges"), help: "Draw edges that a longer way implies, too.") var allEdges = false
    @Option(name: .shortAndLong, help: "Write to this file.") var output: String?
    @Argument(help: "Labels (everything without any), and NAME=VALUE.") var words: [String] = []

    func perform() async throws -> BuildEngine.ExitCode {
        guard Self.formats.contains(format) else {
            throw Refusal(
                Diagnostic(
                    .badCommandLine, "unknown format '\(format)'",
                    hint: nearestWord(to: format, among: Self.formats).map { "did you mean '\($0)'?" }
                        ?? Self.formats.joined(separator: ", ")), .wrongInput)
        }
        if components, targets {
            throw Refusal(
                Diagnostic(.badCommandLine, "'--components' and '--targets' are two graphs", hint: "give one"),
                .wrongInput)
        }
        let (labels, overrides) = GlobalOptions.overrides(in: words)
        let opened = try await Workspace.open(global, overrides: overrides)
        var affected: Set<Int>?
        let hashed: HashedGraph
        if base.base != nil || base.since != nil {
            let comparison = try await Comparison(opened, try base.request(), head: nil)
            hashed = comparison.affected.head
            affected = Set(comparison.affected.targets)
        } else {
            hashed = try opened.hashed(try await opened.workingTree())
        }
        let chosen = try choose(hashed.graph, labels)
        var missing: Set<Int>?
        if cached {
            missing = await hashed.targetsWithoutResult(
                among: hashed.graph.closure(of: chosen), in: try opened.actionCache(), opened.verdicts)
        }
        let pictured = GraphPictured(graph: hashed.graph, chosen: chosen, affected: affected, missing: missing)
        try write(rendered(pictured))
        return .done
    }

    private func choose(_ graph: Graph, _ labels: [String]) throws -> Set<Int> {
        var chosen = Set(try selecting(graph, labels, everythingByDefault: true))
        let kinds: Set<Edge.Kind> = [.input, .contract, .gate, .tag]
        if !from.isEmpty {
            let start = try selecting(graph, from, everythingByDefault: true)
            chosen.formIntersection(graph.dependencies(of: start, over: kinds, direct: false).union(start))
        }
        if !to.isEmpty {
            let goal = try selecting(graph, to, everythingByDefault: true)
            chosen.formIntersection(graph.dependents(of: goal, over: kinds, direct: false).union(goal))
        }
        if let stage {
            let known = Set(graph.targets.map(\.label.stage))
            guard known.contains(stage) else {
                throw Refusal(
                    Diagnostic(
                        .noMatch, "there is no stage '\(stage)'",
                        hint: nearestWord(to: stage, among: known.sorted()).map { "did you mean '\($0)'?" }), .noTarget)
            }
            chosen = chosen.filter { graph.targets[$0].label.stage == stage }
        }
        return chosen
    }

    private func rendered(_ pictured: GraphPictured) -> String {
        let isDrawn = ["svg", "html", "mermaid"].contains(format)
        let isLarge = isDrawn && pictured.chosen.count > Self.readableTargets
        let picture = components || (isLarge && !targets) ? pictured.components : pictured.targets
        if isLarge, !components, !targets {
            Terminal.say(
                "\(pictured.chosen.count) targets are too many to read: a node for each component; '--targets' draws them all"
            )
        }
        let drawn = isDrawn && !allEdges ? picture.reduced() : picture
        return switch format {
        case "dot": drawn.dot
        case "mermaid": drawn.mermaid
        case "json": drawn.json.text(pretty: true) + "\n"
        case "svg": GraphSVG.document(drawn)
        case "html": GraphPage.document(drawn)
        default: drawn.text
        }
    }

    private func write(_ text: String) throws {
        guard let output else {
            Terminal.out(text)
            return
        }
        try writeFile(output, Array(text.utf8))
    }
}

/// Replaces what is at `path` with these bytes. Throws a refusal with exit 36.
func writeFile(_ path: String, _ bytes: [UInt8]) throws {
    guard let file = fopen(path, "w") else {
        throw Refusal(
            Diagnostic(.unreadableFile, "cannot write '\(path)': \(errnoText(errno))"), .machine)
    }
    let written = bytes.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) }
    let closed = fclose(file)
    guard written == bytes.count, closed == 0 else {
        throw Refusal(
            Diagnostic(.unreadableFile, "cannot write '\(path)': \(errnoText(errno))", hint: "free space on its disk"),
            .machine)
    }
}

/// A graph on its way to a picture.
struct GraphPictured {
    let graph: Graph
    let chosen: Set<Int>
    /// Nil where nothing was compared.
    let affected: Set<Int>?
    /// Without a result; nil where that was not looked up.
    let missing: Set<Int>?

    var targets: GraphPicture {
        let order = chosen.sorted()
        let places = Dictionary(order.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        let nodes = order.map { index in
            let target = graph.targets[index]
            return GraphPicture.Node(
                name: target.label.description, component: target.label.component,
                kind: graph.components[target.component].kind.rawValue, stage: target.label.stage,
                isAffected: affected.map { $0.contains(index) },
                isCached: missing.map { !$0.contains(index) && !target.isGroup })
        }
        var edges: [GraphPicture.Edge] = []
        for index in order {
            for edge in graph.targets[index].edges {
                guard let from = places[index], let to = places[edge.target] else { continue }
                edges.append(
                    GraphPicture.Edge(
                        from: from, to: to, kind: edge.kind.shown, file: edge.span.source.name,
                        line: edge.span.lineAndColumn.line))
            }
        }
        return GraphPicture(nodes: nodes, edges: Self.sorted(edges))
    }

    var components: GraphPicture {
        let order = Set(chosen.map { graph.targets[$0].component }).sorted()
        let places = Dictionary(order.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        let byName = Dictionary(
            graph.components.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
        let nodes = order.map { index in
            let component = graph.components[index]
            let own = chosen.filter { graph.targets[$0].component == index }
            return GraphPicture.Node(
                name: component.name, component: component.name, kind: component.kind.rawValue, stage: nil,
                isAffected: affected.map { !$0.isDisjoint(with: own) },
                isCached: missing.map { $0.isDisjoint(with: own) })
        }
        var found: [[Int]: GraphPicture.Edge] = [:]
        func add(_ from: Int, _ to: Int, _ kind: GraphPicture.Edge.Kind, _ span: SourceSpan) {
            guard from != to, let first = places[from], let second = places[to] else { return }
            let rank = GraphPicture.Edge.Kind.allCases.firstIndex(of: kind) ?? 0
            let key = kind == .consumes ? [first, second, 1] : [first, second, 0]
            if let known = found[key], GraphPicture.Edge.Kind.allCases.firstIndex(of: known.kind) ?? 0 <= rank {
                return
            }
            found[key] = GraphPicture.Edge(
                from: first, to: second, kind: kind, file: span.source.name, line: span.lineAndColumn.line)
        }
        for index in chosen.sorted() {
            let target = graph.targets[index]
            for edge in target.edges {
                add(target.component, graph.targets[edge.target].component, edge.kind.shown, edge.span)
            }
        }
        for index in order {
            for consumption in graph.components[index].consumes {
                if let provider = byName[consumption.provider] { add(index, provider, .consumes, consumption.span) }
            }
        }
        return GraphPicture(nodes: nodes, edges: Self.sorted(Array(found.values)))
    }

    private static func sorted(_ edges: [GraphPicture.Edge]) -> [GraphPicture.Edge] {
        edges.sorted {
            ($0.from, $0.to, $0.kind.rawValue, $0.line ?? 0) < ($1.from, $1.to, $1.kind.rawValue, $1.line ?? 0)
        }
    }
}

extension Edge.Kind {
    var shown: GraphPicture.Edge.Kind {
        switch self {
        case .input, .contract: .input
        case .gate: .gate
        case .tag: .tag
        }
    }
}
