// Hands a run's targets to those that work on them, and takes in how each ended. Does not know what the work is.
import BuildGraph
import Synchronization

/// Each worker takes a target, and when it has ended the next, without a detour through anybody else; one that finds
/// nothing to do waits until something may start or nothing can any more.
final class RunBoard: Sendable {
    /// A target to bring up to date, and what those that it takes in have put out.
    struct Work: Sendable {
        let target: Int
        let node: Target
        let given: [Int: TargetProduct]
    }

    private struct State: Sendable {
        var schedule: Schedule
        /// By target.
        var products: [TargetProduct?]
        var summary = RunSummary()
        var recorded: RecordedTimes
        var running = 0
        var waiting: [CheckedContinuation<Work?, Never>] = []
        var memories: [Engine.Memory] = []
    }

    private let hashed: HashedGraph
    private let plan: RunPlan
    private let keepsGoing: Bool
    private let slots: JobSlots
    private let emit: @Sendable (Event) -> Void
    private let state: Mutex<State>

    /// `emit` is called with one event at a time, in the order in which things happened.
    init(
        _ hashed: HashedGraph, _ plan: RunPlan, times: RecordedTimes, keepsGoing: Bool, slots: JobSlots,
        emit: @escaping @Sendable (Event) -> Void
    ) {
        self.hashed = hashed
        self.plan = plan
        self.keepsGoing = keepsGoing
        self.slots = slots
        self.emit = emit
        state = Mutex(
            State(
                schedule: Schedule(plan, times: times),
                products: Array(repeating: nil, count: plan.scope.targetCount), recorded: times))
    }

    /// Tells of all that is as the last run left it.
    func takeDone() {
        let (scope, plan, hashes) = (plan.scope, plan, hashed.hashes)
        let done = plan.done
        var cached = 0
        var saved = Duration.zero
        for target in done where !scope.isGroup(target) {
            cached += 1
            saved += plan.saved(target)
        }
        let told = UpToDateTargets(count: done.count, cached: cached, saved: saved) { number in
            let target = done[number]
            let isGroup = scope.isGroup(target)
            return TargetReport(
                label: scope.label(target), inputHash: hashes[target],
                outcome: isGroup ? .nothing : .cached(restored: false), duration: .zero,
                saved: isGroup ? .zero : plan.saved(target), output: [], image: nil, imageDigest: nil,
                isCheck: scope.isCheck(target))
        }
        state.withLock { state in
            state.summary.cached += cached
            state.summary.saved += saved
            emit(.targetsUpToDate(told))
        }
    }

    /// The first target of a worker; nil when there is nothing more to do for it.
    func first() async -> Work? { await next(nil) }

    /// Takes in how a worker's target ended, and gives it the next one; nil when there is nothing more to do for it.
    func next(after work: Work, _ ending: Engine.Ending) async -> Work? { await next((work, ending)) }

    private func next(_ ended: (work: Work, ending: Engine.Ending)?) async -> Work? {
        var woken: [(CheckedContinuation<Work?, Never>, Work?)] = []
        let (mine, isOver) = state.withLock { state in
            if let ended { take(ended.work, ended.ending, in: &state) }
            let mine = start(in: &state)
            woken = share(in: &state)
            return (mine, state.running == 0)
        }
        for (continuation, work) in woken { continuation.resume(returning: work) }
        if mine != nil || isOver { return mine }
        return await withCheckedContinuation { continuation in
            // What ended since then may have let something start.
            let answer: Work?? = state.withLock { state in
                if let work = start(in: &state) { return .some(work) }
                if state.running == 0 { return .some(nil) }
                state.waiting.append(continuation)
                return nil
            }
            if let answer { continuation.resume(returning: answer) }
        }
    }

    /// The next target, if one may start.
    private func start(in state: inout State) -> Work? {
        guard !Task.isCancelled, let target = state.schedule.next() else { return nil }
        state.running += 1
        var given: [Int: TargetProduct] = [:]
        let node = plan.scope[target]
        for needed in node.prerequisites {
            given[needed] = product(of: needed, in: &state)
            for producer in plan.scope.producers(behind: needed) where producer != needed {
                given[producer] = product(of: producer, in: &state)
            }
        }
        return Work(target: target, node: node, given: given)
    }

    private func product(of target: Int, in state: inout State) -> TargetProduct? {
        if let product = state.products[target] { return product }
        let product = plan.product(of: target)
        state.products[target] = product
        return product
    }

    /// Those who wait and need not any more, with what they get.
    private func share(in state: inout State) -> [(CheckedContinuation<Work?, Never>, Work?)] {
        var woken: [(CheckedContinuation<Work?, Never>, Work?)] = []
        while !state.waiting.isEmpty, let work = start(in: &state) { woken.append((state.waiting.removeLast(), work)) }
        if state.running == 0 {
            woken += state.waiting.map { ($0, nil) }
            state.waiting = []
        }
        return woken
    }

    private func take(_ work: Work, _ ending: Engine.Ending, in state: inout State) {
        let target = work.target
        state.running -= 1
        state.products[target] = ending.product
        if let memory = ending.memory { state.memories.append(memory) }
        count(ending, in: &state)
        var report = ending.report
        switch report.outcome {
        case .ran, .failed: report.waitedFor = producers(before: work.node)
        default: break
        }
        emit(.targetFinished(report))
        if ending.product != nil {
            state.schedule.complete(target)
        } else if case .notStarted = report.outcome {
            // What failed has seen to all others.
        } else {
            slots.failed()
            for skipped in state.schedule.fail(target, keepsGoing: keepsGoing) {
                skip(skipped, .skipped(because: work.node.label), in: &state)
            }
        }
    }

    private func producers(before node: Target) -> [Label] {
        let producers = Set(
            node.edges.filter { $0.kind != .tag }.flatMap { hashed.graph.producers(behind: $0.target) })
        return producers.map { hashed.graph.targets.label($0) }.sorted()
    }

    private func count(_ ending: Engine.Ending, in state: inout State) {
        state.summary.exitCode = state.summary.exitCode.combined(with: ending.code)
        switch ending.report.outcome {
        case .ran:
            state.summary.ran += 1
            state.recorded.record(ending.report.duration, for: ending.report.label)
        case .cached:
            state.summary.cached += 1
            state.summary.saved += ending.report.saved
        case .failed: state.summary.failed += 1
        case .skipped, .notStarted: state.summary.skipped += 1
        case .nothing: break
        }
    }

    private func skip(_ target: Int, _ outcome: TargetReport.Outcome, in state: inout State) {
        state.summary.skipped += 1
        let node = plan.scope[target]
        emit(
            .targetFinished(
                TargetReport(
                    label: node.label, inputHash: hashed.hashes[target],
                    outcome: outcome, duration: .zero, saved: .zero, output: [], image: nil, imageDigest: nil,
                    isCheck: node.isCheck)))
    }

    /// When no worker is left: reports what was never started, and gives the summary, the times to record and what is to be
    /// known at the next run.
    func close() -> (summary: RunSummary, recorded: RecordedTimes, memories: [Engine.Memory]) {
        state.withLock { state in
            let outcome: TargetReport.Outcome = Task.isCancelled ? .skipped(because: nil) : .notStarted
            for left in state.schedule.left() { skip(left, outcome, in: &state) }
            return (state.summary, state.recorded, state.memories)
        }
    }
}
