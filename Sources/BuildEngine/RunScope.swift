// The targets that a run is about. Does not know what is up to date.
package import BuildGraph

/// Chosen targets and all that their edges reach, each made once: a graph that lies on the disk makes a target anew whenever it
/// is asked for it.
package struct RunScope: Sendable {
    /// Every target after those its edges name.
    package let order: [Int]
    /// By target, of all there are: its place in `nodes`, or -1.
    private let places: [Int32]
    private let nodes: [Target]
    /// Of each of `nodes`.
    private let natures: [Nature]
    /// Of each of `nodes`: what it names, in the order of its edges.
    private let prerequisites: [[Int]]
    /// By group: what stands behind it.
    private let groups: [Int: [Int]]

    package init(_ graph: Graph, _ selected: some Sequence<Int>) {
        var places = [Int32](repeating: -1, count: graph.targets.count)
        var nodes: [Target] = []
        var natures: [Nature] = []
        var prerequisites: [[Int]] = []
        var open = Array(selected)
        while !open.isEmpty {
            // Each once.
            var next: [Int] = []
            for target in open where places[target] < 0 {
                places[target] = Int32(nodes.count + next.count)
                next.append(target)
            }
            open = []
            let first = nodes.count
            if nodes.isEmpty { nodes = graph.targets.made(next) } else { nodes += graph.targets.made(next) }
            natures.reserveCapacity(nodes.count)
            prerequisites.reserveCapacity(nodes.count)
            for place in first..<nodes.count {
                let node = nodes[place]
                for edge in node.edges where places[edge.target] < 0 { open.append(edge.target) }
                natures.append(Nature(node))
                prerequisites.append(node.prerequisites)
            }
        }
        self.natures = natures
        self.prerequisites = prerequisites
        order = graph.order.filter { places[$0] >= 0 }
        var groups: [Int: [Int]] = [:]
        for target in order where natures[Int(places[target])].isGroup {
            groups[target] = prerequisites[Int(places[target])].flatMap { groups[$0] ?? [$0] }
        }
        self.places = places
        self.nodes = nodes
        self.groups = groups
    }

    /// Of all targets of the graph.
    var targetCount: Int { places.count }

    package func contains(_ target: Int) -> Bool { places[target] >= 0 }

    /// A target is large, and a copy of each of ten thousand takes longer than what is asked for.
    private struct Nature: Sendable {
        let isGroup: Bool
        let isCheck: Bool
        let isUnvouched: Bool

        init(_ node: Target) {
            isGroup = node.isGroup
            isCheck = node.isCheck
            isUnvouched =
                node.isGroup || node.isImage || node.attributes.uncached
                || node.attributes.gates.contains(where: \.isAgainstBase)
        }
    }

    func isGroup(_ target: Int) -> Bool { natures[Int(places[target])].isGroup }
    func isCheck(_ target: Int) -> Bool { natures[Int(places[target])].isCheck }
    func label(_ target: Int) -> Label { nodes[Int(places[target])].label }

    /// Whether no last run can vouch for it: what it is, only others know, or it is never kept, or it is judged anew each time.
    func isUnvouched(_ target: Int) -> Bool { natures[Int(places[target])].isUnvouched }

    /// Whether `body` holds for every target that it needs.
    func needs(_ target: Int, all body: (Int) -> Bool) -> Bool {
        nodes[Int(places[target])].edges.allSatisfy { body($0.target) }
    }

    /// As for a target itself.
    func producers(of target: Int) -> [Int] { producers(ofNamed: prerequisites[Int(places[target])]) }

    /// One of those in `order`.
    package subscript(target: Int) -> Target { nodes[Int(places[target])] }

    /// The outputs that `target` hands to those who name it: its own, or a group's prerequisites'.
    func producers(behind target: Int) -> [Int] { groups[target] ?? [target] }

    /// Whose outputs `node` takes in, each once, sorted.
    func producers(of node: Target) -> [Int] { producers(ofNamed: node.prerequisites) }

    private func producers(ofNamed named: [Int]) -> [Int] {
        switch named.count {
        case 0: return []
        case 1 where groups[named[0]] == nil: return named
        default: return Set(named.flatMap { producers(behind: $0) }).sorted()
        }
    }
}
