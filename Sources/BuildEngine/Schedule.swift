// Which target may start next. Does not know what running one means.
import BuildGraph

/// The targets of a run that are left to start, those with the longest chain behind them first.
struct Schedule {
    private let graph: Graph
    private let chosen: Set<Int>
    private let times: RecordedTimes
    private var dependents: [Int: [Int]] = [:]
    private var missing: [Int: Int] = [:]
    /// Recorded time of a target and of the longest chain of those that need it.
    private var chain: [Int: Duration] = [:]
    private var ready: [Int] = []
    private var open: Set<Int>
    private var busyPools: Set<String> = []
    private var isStopped = false

    init(_ graph: Graph, _ chosen: Set<Int>, times: RecordedTimes) {
        self.graph = graph
        self.chosen = chosen
        self.times = times
        open = chosen
        for target in chosen {
            let needed = Set(graph.targets[target].edges.map(\.target))
            missing[target] = needed.count
            for prerequisite in needed { dependents[prerequisite, default: []].append(target) }
        }
        for target in graph.order.reversed() where chosen.contains(target) {
            let longest = (dependents[target] ?? []).map { chain[$0] ?? .zero }.max() ?? .zero
            // One millisecond for what was never run keeps long chains before short ones.
            chain[target] = longest + (times[graph.targets[target].label] ?? .milliseconds(1))
        }
        for target in chosen.sorted() where missing[target] == 0 { enqueue(target) }
    }

    private func isBefore(_ left: Int, _ right: Int) -> Bool {
        let (one, other) = (chain[left] ?? .zero, chain[right] ?? .zero)
        return one == other ? left < right : one > other
    }

    private mutating func enqueue(_ target: Int) {
        var low = 0
        var high = ready.count
        while low < high {
            let middle = (low + high) / 2
            // Sorted so that the next one is last.
            if isBefore(target, ready[middle]) { low = middle + 1 } else { high = middle }
        }
        ready.insert(target, at: low)
    }

    /// The next target to start, or nil while none may.
    mutating func next() -> Int? {
        guard !isStopped else { return nil }
        guard
            let place = ready.lastIndex(where: { target in
                graph.targets[target].attributes.pool.map { !busyPools.contains($0) } ?? true
            })
        else { return nil }
        let target = ready.remove(at: place)
        open.remove(target)
        if let pool = graph.targets[target].attributes.pool { busyPools.insert(pool) }
        return target
    }

    private mutating func leavePool(_ target: Int) {
        if let pool = graph.targets[target].attributes.pool { busyPools.remove(pool) }
    }

    mutating func complete(_ target: Int) {
        leavePool(target)
        for dependent in dependents[target] ?? [] {
            let left = (missing[dependent] ?? 1) - 1
            missing[dependent] = left
            if left == 0, open.contains(dependent) { enqueue(dependent) }
        }
    }

    /// Takes out what needs `target`, and gives it; without `keepsGoing` nothing more is started.
    mutating func fail(_ target: Int, keepsGoing: Bool) -> [Int] {
        leavePool(target)
        if !keepsGoing { isStopped = true }
        var skipped: Set<Int> = []
        var stack = dependents[target] ?? []
        while let next = stack.popLast() {
            if open.remove(next) != nil { skipped.insert(next) }
            stack.append(contentsOf: (dependents[next] ?? []).filter { !skipped.contains($0) })
        }
        return skipped.sorted()
    }

    /// What was never started.
    func left() -> [Int] { open.sorted() }

    /// Whether `target` reads what `other` put out.
    func reads(_ target: Int, _ other: Int) -> Bool {
        graph.targets[target].prerequisites.contains { $0 == other || graph.producers(behind: $0).contains(other) }
    }

    /// The time `toRun` takes at `jobs` from recorded times, or nil where one of them has none.
    func estimate(_ toRun: Set<Int>, jobs: Int) -> Duration? {
        guard !toRun.isEmpty else { return nil }
        var total = Duration.zero
        var ends: [Int: Duration] = [:]
        for target in graph.order where chosen.contains(target) {
            var start = Duration.zero
            for edge in graph.targets[target].edges { start = max(start, ends[edge.target] ?? .zero) }
            if toRun.contains(target), !graph.targets[target].isGroup {
                guard let time = times[graph.targets[target].label] else { return nil }
                total += time
                start += time
            }
            ends[target] = start
        }
        return max(ends.values.max() ?? .zero, total / max(1, jobs))
    }
}
