// A graph as people and programs look at it: nodes with marks, edges of several kinds. Decides nothing.
package import BuildEngine
import BuildGraph

/// Nodes and edges to show. Edges go from what needs to what is needed.
package struct GraphPicture: Sendable {
    package struct Node: Sendable {
        /// A label, or a component's name.
        package let name: String
        package let component: String
        /// `service` or `library`.
        package let kind: String
        /// Nil where the node is a component.
        package let stage: String?
        /// Nil where nothing was compared.
        package var isAffected: Bool?
        /// Whether a result is kept; nil where that was not looked up or cannot be told.
        package var isCached: Bool?

        package init(
            name: String, component: String, kind: String, stage: String?, isAffected: Bool? = nil,
            isCached: Bool? = nil
        ) {
            self.name = name
            self.component = component
            self.kind = kind
            self.stage = stage
            self.isAffected = isAffected
            self.isCached = isCached
        }
    }

    package struct Edge: Sendable, Hashable {
        package enum Kind: String, Sendable, Hashable, CaseIterable {
            /// Takes in; order only; takes the tag; is a run-time consumer of.
            case input, gate, tag, consumes
        }

        /// Indices into `nodes`.
        package let from: Int
        package let to: Int
        package let kind: Kind
        /// Where a Buildfile says so.
        package let file: String?
        package let line: Int?

        package init(from: Int, to: Int, kind: Kind, file: String? = nil, line: Int? = nil) {
            self.from = from
            self.to = to
            self.kind = kind
            self.file = file
            self.line = line
        }
    }

    /// Sorted by name.
    package let nodes: [Node]
    package let edges: [Edge]
    /// How many edges were left out because a longer way stands for them.
    package let impliedEdges: Int

    package init(nodes: [Node], edges: [Edge], impliedEdges: Int = 0) {
        self.nodes = nodes
        self.edges = edges
        self.impliedEdges = impliedEdges
    }

    /// Without the edges that a longer way stands for: what is taken in by a way of things taken in, an order by any way.
    package func reduced() -> GraphPicture {
        func kept(_ kinds: Set<Edge.Kind>) -> [Set<Int>] {
            var below = [[Int]](repeating: [], count: nodes.count)
            for edge in edges where kinds.contains(edge.kind) { below[edge.from].append(edge.to) }
            return transitiveReduction(below).map { Set($0) }
        }
        let taken = kept([.input, .tag])
        let ordered = kept([.input, .tag, .gate])
        let left = edges.filter { edge in
            switch edge.kind {
            case .input, .tag: taken[edge.from].contains(edge.to)
            case .gate: ordered[edge.from].contains(edge.to)
            case .consumes: true
            }
        }
        return GraphPicture(nodes: nodes, edges: left, impliedEdges: edges.count - left.count)
    }

    // MARK: Forms

    /// Each node on a line of its own with its marks, below it what it needs.
    package var text: String {
        var below = [[Edge]](repeating: [], count: nodes.count)
        for edge in edges { below[edge.from].append(edge) }
        return nodes.enumerated().map { index, node in
            let marks = [node.isAffected == true ? "affected" : nil, node.isCached == true ? "cached" : nil]
            let line = ([node.name] + marks.compactMap { $0 }).joined(separator: " ")
            return line + "\n" + below[index].map { "  \($0.kind.rawValue) \(nodes[$0.to].name)\n" }.joined()
        }.joined()
    }

    /// Graphviz's language.
    package var dot: String {
        var text = "digraph lmsbuild {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n"
        for node in nodes {
            var attributes: [String] = []
            if node.kind == "service" { attributes.append("style=\"rounded\"") }
            if node.isAffected == true { attributes = ["style=\"filled,bold\"", "fillcolor=\"#ffd9a0\""] }
            if node.isCached == true { attributes.append("tooltip=\"cached\"") }
            let list = attributes.isEmpty ? "" : " [\(attributes.joined(separator: ", "))]"
            text += "  \(Self.quoted(node.name))\(list);\n"
        }
        for edge in edges {
            let style =
                switch edge.kind {
                case .input: ""
                case .gate: " [style=dashed]"
                case .tag: " [label=\"tag\"]"
                case .consumes: " [style=dotted]"
                }
            text += "  \(Self.quoted(nodes[edge.from].name)) -> \(Self.quoted(nodes[edge.to].name))\(style);\n"
        }
        return text + "}\n"
    }

    private static func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }

    /// Mermaid's flowchart, for pages that render it.
    package var mermaid: String {
        var text = "flowchart LR\n"
        for (index, node) in nodes.enumerated() {
            let name = node.name.replacing("&", with: "&amp;").replacing("\"", with: "&quot;").replacing(
                "<", with: "&lt;")
            text += node.kind == "service" ? "  n\(index)(\"\(name)\")\n" : "  n\(index)[\"\(name)\"]\n"
        }
        for edge in edges {
            let arrow =
                switch edge.kind {
                case .input: "-->"
                case .gate: "-.->"
                case .tag: "-- tag -->"
                case .consumes: "-. consumes .->"
                }
            text += "  n\(edge.from) \(arrow) n\(edge.to)\n"
        }
        let affected = nodes.indices.filter { nodes[$0].isAffected == true }
        if !affected.isEmpty {
            text += "  classDef affected fill:#ffd9a0,stroke:#b35900,stroke-width:3px,color:#000\n"
            text += "  class \(affected.map { "n\($0)" }.joined(separator: ",")) affected\n"
        }
        return text
    }

    package var json: JSONValue {
        func mark(_ value: Bool?) -> JSONValue { value.map { .bool($0) } ?? .null }
        return .object([
            ("schema", .number(1)),
            (
                "nodes",
                .array(
                    nodes.map { node in
                        .object([
                            ("name", .string(node.name)), ("component", .string(node.component)),
                            ("kind", .string(node.kind)), ("stage", node.stage.map { .string($0) } ?? .null),
                            ("affected", mark(node.isAffected)), ("cached", mark(node.isCached)),
                        ])
                    })
            ),
            (
                "edges",
                .array(
                    edges.map { edge in
                        .object([
                            ("from", .string(nodes[edge.from].name)), ("to", .string(nodes[edge.to].name)),
                            ("kind", .string(edge.kind.rawValue)), ("file", edge.file.map { .string($0) } ?? .null),
                            ("line", edge.line.map { .number($0) } ?? .null),
                        ])
                    })
            ),
        ])
    }
}
