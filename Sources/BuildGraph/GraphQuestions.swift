// Questions to a graph that need no hashes: what needs what, and by which way.

extension Graph {
    /// What `start` needs, itself not included unless some of it needs other of it: over edges of `kinds`, one step or
    /// all the way.
    package func dependencies(
        of start: some Sequence<Int>, over kinds: Set<Edge.Kind>, direct: Bool
    ) -> Set<Int> {
        reached(from: start, direct: direct) { target in
            targets[target].edges.filter { kinds.contains($0.kind) }.map(\.target)
        }
    }

    /// What needs any of `start`, as `dependencies` the other way round.
    package func dependents(
        of start: some Sequence<Int>, over kinds: Set<Edge.Kind>, direct: Bool
    ) -> Set<Int> {
        var above = [[Int]](repeating: [], count: targets.count)
        for (index, target) in targets.enumerated() {
            for edge in target.edges where kinds.contains(edge.kind) { above[edge.target].append(index) }
        }
        return reached(from: start, direct: direct) { above[$0] }
    }

    private func reached(from start: some Sequence<Int>, direct: Bool, _ next: (Int) -> [Int]) -> Set<Int> {
        var found: Set<Int> = []
        var open = Array(start)
        while let target = open.popLast() {
            for following in next(target) where found.insert(following).inserted && !direct { open.append(following) }
        }
        return found
    }

    /// One step of a way: a target, and its edge that leads on.
    package struct Step: Sendable {
        package let target: Int
        package let edge: Edge
    }

    /// A shortest way along edges of `kinds` from one of `start` to one of `goal`: its steps, none where a target is in
    /// both; nil where there is none. Of several the first by label.
    package func path(from start: Set<Int>, to goal: Set<Int>, over kinds: Set<Edge.Kind>) -> [Step]? {
        var steps: [Int: Step] = [:]
        var reached = start
        var open = start.sorted()
        while !open.isEmpty {
            if let end = open.first(where: goal.contains) {
                var way: [Step] = []
                var place = end
                while let step = steps[place] {
                    way.append(step)
                    place = step.target
                }
                return way.reversed()
            }
            var next: [Int] = []
            for target in open {
                for edge in targets[target].edges where kinds.contains(edge.kind) {
                    guard reached.insert(edge.target).inserted else { continue }
                    steps[edge.target] = Step(target: target, edge: edge)
                    next.append(edge.target)
                }
            }
            open = next.sorted()
        }
        return nil
    }
}

/// The edges of a directed graph without circles that no longer way stands for: the same reachability with the fewest
/// edges (Aho, Garey and Ullman, 1972). `edges[n]` are the nodes that `n` leads to. Edges of a circle are all kept.
package func transitiveReduction(_ edges: [[Int]]) -> [[Int]] {
    var order: [Int] = []
    var state = [UInt8](repeating: 0, count: edges.count)
    for root in edges.indices where state[root] == 0 {
        var stack = [(node: root, next: 0)]
        state[root] = 1
        while let top = stack.last {
            guard top.next < edges[top.node].count else {
                state[top.node] = 2
                order.append(top.node)
                stack.removeLast()
                continue
            }
            stack[stack.count - 1].next += 1
            let following = edges[top.node][top.next]
            if state[following] == 1 { return edges }
            if state[following] == 0 {
                state[following] = 1
                stack.append((following, 0))
            }
        }
    }
    let words = (edges.count + 63) / 64
    var reachable = [[UInt64]](repeating: [], count: edges.count)
    var reduced = [[Int]](repeating: [], count: edges.count)
    var rank = [Int](repeating: 0, count: edges.count)
    for (place, node) in order.enumerated() { rank[node] = place }
    for node in order {
        var below = [UInt64](repeating: 0, count: words)
        // Those that come last in the order reach the others, never the other way round.
        for following in Set(edges[node]).sorted(by: { rank[$0] > rank[$1] }) {
            if below[following / 64] & (1 << UInt64(following % 64)) != 0 { continue }
            reduced[node].append(following)
            for word in 0..<words { below[word] |= reachable[following][word] }
            below[following / 64] |= 1 << UInt64(following % 64)
        }
        reachable[node] = below
        reduced[node].sort()
    }
    return reduced
}
