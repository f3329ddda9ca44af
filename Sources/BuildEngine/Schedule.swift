// Which target may start next. Does not know what running one means, nor what a target is.
import BuildGraph

/// The targets of a run that are left to start, those with the longest chain behind them first. A target is the index
/// of a list; all work for one that ends is for those that need it and the logarithm of those that wait.
struct Schedule {
    /// A target whose prerequisites are done. Orders first what has the longest chain, of equals the lower index.
    private struct Ready: Comparable {
        let chain: Duration
        let target: Int

        static func < (left: Ready, right: Ready) -> Bool {
            left.chain == right.chain ? left.target < right.target : left.chain > right.chain
        }
    }

    private struct Pool {
        var isBusy = false
        /// Those that came up while another one ran.
        var parked = Heap<Ready>()
    }

    /// By target, of all there are: how many prerequisites are not done yet.
    private var missing: [Int]
    /// By target: recorded time of it and of the longest chain of those that need it.
    private var chains: [Duration]
    private var isOpen: [Bool]
    /// By target: the index of its pool, or -1.
    private var poolOf: [Int]
    /// Those that need target `t` are `dependents[starts[t]..<starts[t + 1]]`.
    private var starts: [Int]
    private var dependents: [Int]

    private var pools: [Pool] = []
    private var ready = Heap<Ready>()
    private var isStopped = false

    /// `order` names the targets of the run, each once and after those that it `needs`, which are in it too; all are below
    /// `count`. `time` is nil for what was never run.
    init<Needs: Sequence>(
        count: Int, order: [Int], needs: (Int) -> Needs, pool: (Int) -> String?, time: (Int) -> Duration?
    ) where Needs.Element == Int {
        missing = Array(repeating: 0, count: count)
        chains = Array(repeating: .zero, count: count)
        isOpen = Array(repeating: false, count: count)
        poolOf = Array(repeating: -1, count: count)
        starts = Array(repeating: 0, count: count + 1)
        // Whatever names a target twice needs it once.
        var lastSeenBy = Array(repeating: -1, count: count)
        var pairs: [(needed: Int, target: Int)] = []
        var poolNames: [String: Int] = [:]
        for target in order {
            isOpen[target] = true
            for needed in needs(target) where lastSeenBy[needed] != target {
                lastSeenBy[needed] = target
                missing[target] += 1
                starts[needed + 1] += 1
                pairs.append((needed, target))
            }
            guard let name = pool(target) else { continue }
            if poolNames[name] == nil {
                poolNames[name] = pools.count
                pools.append(Pool())
            }
            poolOf[target] = poolNames[name] ?? -1
        }
        for target in 0..<count { starts[target + 1] += starts[target] }
        var ends = starts
        dependents = Array(repeating: 0, count: pairs.count)
        for (needed, target) in pairs {
            dependents[ends[needed]] = target
            ends[needed] += 1
        }
        for target in order.reversed() {
            var longest = Duration.zero
            for place in starts[target]..<starts[target + 1] { longest = max(longest, chains[dependents[place]]) }
            // One millisecond for what was never run keeps long chains before short ones.
            chains[target] = longest + (time(target) ?? .milliseconds(1))
        }
        for target in order where missing[target] == 0 { enqueue(target) }
    }

    /// Of what `plan` leaves open.
    init(_ plan: RunPlan, times: RecordedTimes) {
        let scope = plan.scope
        self.init(
            count: scope.targetCount, order: plan.open,
            needs: { scope[$0].edges.lazy.map(\.target).filter { !plan.isDone[$0] } },
            pool: { scope[$0].attributes.pool }, time: { times[scope[$0].label] })
    }

    private mutating func enqueue(_ target: Int) {
        ready.insert(Ready(chain: chains[target], target: target))
    }

    /// The next target to start, or nil while none may.
    mutating func next() -> Int? {
        guard !isStopped else { return nil }
        while let next = ready.popFirst() {
            let pool = poolOf[next.target]
            if pool >= 0 {
                if pools[pool].isBusy {
                    pools[pool].parked.insert(next)
                    continue
                }
                pools[pool].isBusy = true
            }
            isOpen[next.target] = false
            return next.target
        }
        return nil
    }

    private mutating func leavePool(_ target: Int) {
        let pool = poolOf[target]
        guard pool >= 0 else { return }
        pools[pool].isBusy = false
        // One is enough: the next that ends lets the next one in.
        if let waiting = pools[pool].parked.popFirst() { ready.insert(waiting) }
    }

    mutating func complete(_ target: Int) {
        leavePool(target)
        for place in starts[target]..<starts[target + 1] {
            let dependent = dependents[place]
            missing[dependent] -= 1
            if missing[dependent] == 0, isOpen[dependent] { enqueue(dependent) }
        }
    }

    /// Takes out what needs `target`, and gives it, sorted; without `keepsGoing` nothing more is started.
    mutating func fail(_ target: Int, keepsGoing: Bool) -> [Int] {
        leavePool(target)
        if !keepsGoing { isStopped = true }
        var skipped: [Int] = []
        var stack = [target]
        while let next = stack.popLast() {
            for place in starts[next]..<starts[next + 1] where isOpen[dependents[place]] {
                isOpen[dependents[place]] = false
                skipped.append(dependents[place])
                stack.append(dependents[place])
            }
        }
        return skipped.sorted()
    }

    /// What was never started, sorted.
    func left() -> [Int] { isOpen.indices.filter { isOpen[$0] } }
}

extension RunPlan {
    /// The time that what has to run takes at `jobs` by recorded times, or nil where one of them has none, and where nothing
    /// has to.
    func estimate(at jobs: Int, _ times: RecordedTimes) -> Duration? {
        guard hasWork else { return nil }
        var total = Duration.zero
        var ends = Array(repeating: Duration.zero, count: scope.targetCount)
        var last = Duration.zero
        for target in open {
            let node = scope[target]
            var end = Duration.zero
            for edge in node.edges { end = max(end, ends[edge.target]) }
            if isToRun[target], !node.isGroup {
                guard let time = times[node.label] else { return nil }
                total += time
                end += time
            }
            ends[target] = end
            last = max(last, end)
        }
        return max(last, total / max(1, jobs))
    }
}
