import BuildTestSupport
import Testing

@testable import BuildEngine

/// A run's targets as plain lists. Edges may name a target twice, and targets that are not in the run are in no list.
private struct Plan {
    var count = 0
    /// Prerequisites first.
    var order: [Int] = []
    var needs: [[Int]] = []
    var pools: [String?] = []
    var times: [Duration?] = []

    var schedule: Schedule {
        Schedule(count: count, order: order, needs: { needs[$0] }, pool: { pools[$0] }, time: { times[$0] })
    }

    static func random(_ random: inout SeededGenerator) -> Plan {
        var plan = Plan()
        plan.count = Int.random(in: 1...60, using: &random)
        plan.needs = Array(repeating: [], count: plan.count)
        for target in (0..<plan.count).shuffled(using: &random) where Int.random(in: 0..<5, using: &random) > 0 {
            for _ in 0..<Int.random(in: 0...3, using: &random) {
                if let needed = plan.order.randomElement(using: &random) { plan.needs[target].append(needed) }
            }
            plan.order.append(target)
        }
        for _ in 0..<plan.count {
            plan.pools.append(["one", "two", nil, nil, nil].randomElement(using: &random) ?? nil)
            let time = Int.random(in: 0...9, using: &random)
            plan.times.append(time == 0 ? nil : .milliseconds(10 * (time / 3)))
        }
        return plan
    }
}

/// The same by looking at everything each time.
private struct PlainSchedule {
    let plan: Plan
    var waiting: Set<Int>
    var done: Set<Int> = []
    var busy: Set<String> = []
    var isStopped = false

    init(_ plan: Plan) {
        self.plan = plan
        waiting = Set(plan.order)
    }

    func chain(_ target: Int) -> Duration {
        let behind = plan.order.filter { plan.needs[$0].contains(target) }.map(chain).max() ?? .zero
        return behind + (plan.times[target] ?? .milliseconds(1))
    }

    mutating func next(_ chains: [Int: Duration]) -> Int? {
        if isStopped { return nil }
        let ready = waiting.filter { target in
            plan.needs[target].allSatisfy(done.contains) && plan.pools[target].map { !busy.contains($0) } ?? true
        }
        let best = ready.min { left, right in
            let (one, other) = (chains[left] ?? .zero, chains[right] ?? .zero)
            return one == other ? left < right : one > other
        }
        guard let best else { return nil }
        waiting.remove(best)
        if let pool = plan.pools[best] { busy.insert(pool) }
        return best
    }

    mutating func complete(_ target: Int) {
        done.insert(target)
        if let pool = plan.pools[target] { busy.remove(pool) }
    }

    mutating func fail(_ target: Int, keepsGoing: Bool) -> [Int] {
        if let pool = plan.pools[target] { busy.remove(pool) }
        if !keepsGoing { isStopped = true }
        var lost: Set<Int> = [target]
        for other in plan.order where !lost.isDisjoint(with: plan.needs[other]) { lost.insert(other) }
        let skipped = lost.intersection(waiting)
        waiting.subtract(skipped)
        return skipped.sorted()
    }
}

@Suite struct ScheduleTests {
    /// Random graphs, endings in random order, failures now and then: each step as a look at everything would have it.
    @Test(arguments: 0..<150) func startsWhatAPlainLookWouldStart(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let plan = Plan.random(&random)
        var schedule = plan.schedule
        var plain = PlainSchedule(plan)
        let chains = Dictionary(uniqueKeysWithValues: plan.order.map { ($0, plain.chain($0)) })
        let jobs = Int.random(in: 1...6, using: &random)
        let keepsGoing = Bool.random(using: &random)
        var running: [Int] = []
        while true {
            while running.count < jobs {
                let next = schedule.next()
                #expect(next == plain.next(chains))
                guard let next else { break }
                running.append(next)
            }
            guard let place = running.indices.randomElement(using: &random) else { break }
            let ended = running.remove(at: place)
            if Int.random(in: 0..<12, using: &random) == 0 {
                let skipped = schedule.fail(ended, keepsGoing: keepsGoing)
                #expect(skipped == plain.fail(ended, keepsGoing: keepsGoing))
            } else {
                schedule.complete(ended)
                plain.complete(ended)
            }
        }
        #expect(schedule.left() == plain.waiting.sorted())
    }

    /// 100,000 targets in chains of 100 with links between them, on 8 jobs: each runs once, after what it needs.
    @Test func plansManyTargetsCompletely() {
        let count = 100_000
        var random = SeededGenerator(seed: 1)
        let needs = (0..<count).map { target -> [Int] in
            var needed = target % 100 == 0 ? [] : [target - 1]
            if target > 0 { needed.append(Int.random(in: max(0, target - 5000)..<target, using: &random)) }
            return needed
        }
        var schedule = Schedule(
            count: count, order: Array(0..<count), needs: { needs[$0] },
            pool: { $0 % 1000 == 7 ? "narrow" : nil }, time: { .milliseconds($0 % 13) })
        var isDone = Array(repeating: false, count: count)
        var running: [Int] = []
        var ended = 0
        var startedEarly = 0
        while true {
            while running.count < 8, let next = schedule.next() {
                if !needs[next].allSatisfy({ isDone[$0] }) { startedEarly += 1 }
                running.append(next)
            }
            if running.isEmpty { break }
            let target = running.removeFirst()
            isDone[target] = true
            ended += 1
            schedule.complete(target)
        }
        #expect(ended == count)
        #expect(startedEarly == 0)
        #expect(schedule.left().isEmpty)
    }

    @Test func theLongestChainGoesFirstAndOfEqualsTheFirstInTheGraph() {
        var plan = Plan()
        plan.count = 5
        plan.order = [0, 1, 2, 3, 4]
        plan.needs = [[], [], [], [1], [2]]
        plan.pools = Array(repeating: nil, count: 5)
        plan.times = [.seconds(4), .seconds(1), .seconds(1), .seconds(5), .seconds(3)]
        var schedule = plan.schedule
        #expect([schedule.next(), schedule.next(), schedule.next(), schedule.next()] == [1, 0, 2, nil])
        schedule.complete(2)
        schedule.complete(1)
        #expect([schedule.next(), schedule.next(), schedule.next()] == [3, 4, nil])
    }
}
