// Brings an environment from what runs to a release, or back. Does not know engines, releases' making or how it is told.
import BuildEngine
import BuildGraph

/// The state machine. The environment must be held (`DeployLock`) all the while.
///
/// What it means to do is on the shelf before anything is changed, so that whoever comes after a killed process finishes
/// or takes back what it began. A release counts as a whole: where one service does not come up, all go back. Where users come
/// through a router, a new set comes up beside the old one, and the way from one to the other is a series of stacks
/// (`SetChange`), each of which is submitted and waited for like any other.
package struct Rollout: Sendable {
    let engine: any DeployEngine
    let ask: CheckAsker
    /// Asks the set that others do not reach yet; nil: as `ask` does.
    package var askPreview: PreviewAsker?
    /// Runs the program that judges a step; nil: every step is good.
    package var judgeStep: StepJudge?
    /// Tells people that a deployment waits for their word.
    package var announce: @Sendable (PromotionWait) async -> Void = { _ in }
    let tell: @Sendable (RolloutEvent) -> Void
    let clock: any Clock<Duration>
    /// Between two looks.
    let pause: Duration
    /// How long an engine may give no answer before it counts as gone.
    let absence: Duration
    /// So many releases that came up can be gone back to: their stacks, configs and secrets stay.
    package var keptReleases = 10

    package init(
        engine: any DeployEngine, ask: @escaping CheckAsker, tell: @escaping @Sendable (RolloutEvent) -> Void,
        clock: any Clock<Duration> = ContinuousClock(), pause: Duration = .milliseconds(500),
        absence: Duration = .seconds(30)
    ) {
        self.engine = engine
        self.ask = ask
        self.tell = tell
        self.clock = clock
        self.pause = pause
        self.absence = absence
    }

    var wait: ArrivalWait {
        ArrivalWait(
            engine: engine, ask: ask, askPreview: askPreview, tell: tell, clock: clock, pause: pause,
            absence: absence)
    }

    var archive: DeployArchive {
        DeployArchive(engine: engine, tell: tell, keptReleases: keptReleases)
    }

    /// A deployment that is written down.
    struct Undertaking {
        let plan: RolloutPlan
        let record: DeployRecord
        /// What ran by the last word before it.
        let before: DeployedLayout?
        /// From one set to the other; nil: everything is changed where it stands.
        var change: SetChange?
        /// What is there in the end; a kept set comes on top.
        let target: RenderedStack
        /// Something of what users ask may have gone to the new set.
        var hasMoved = false
        /// Since it began; nil where another process began it.
        var begun: Stopwatch?
        /// The stack of the one before, where that was left half-way between two sets.
        var left: RenderedStack?
        /// What `before` means to an engine, for when that cannot be asked any more; nil also where it was not looked up.
        var old: RenderedStack?
    }

    // MARK: Deploying

    /// Brings `plan` to run, or what ran before back. Throws `RolloutRefusal` and `EngineError` where nothing was changed,
    /// and `CancellationError` where it was interrupted: then the next one finds the record.
    package func run(_ plan: RolloutPlan, retriesQuarantined: Bool = false) async throws -> LedgerEntry {
        let begun = Stopwatch(clock)
        var ledger = try await DeployLedger(on: engine.shelf)
        if let entry = try await resume(ledger) { ledger = DeployLedger(entries: ledger.entries + [entry]) }
        let before = try await engine.observe(plan.stack.project)
        try refuseBusy(before)
        if !retriesQuarantined { try refuseQuarantined(plan.stack, ledger) }
        // Where the last one left a mixture, what came up as a whole before it is what to go back to.
        let previous = ledger.running ?? (before.services.isEmpty ? nil : ledger.lastWhole)
        if let missing = try await missingImages(plan.stack) {
            let record = try await newRecord(plan, after: ledger, from: previous)
            let target = record.set.map { plan.stack.alone(in: $0) } ?? plan.stack
            return try await conclude(
                Undertaking(plan: plan, record: record, before: ledger.layout, target: target),
                ledger.halfWay == nil ? .rolledBack : .partial, running: ledger.layout, failed: missing)
        }
        let old: RenderedStack? = if let previous { try await archive.stack(previous.stack) } else { nil }
        if plan.needsWayBack, let previous, previous.stack != plan.stack.digest.hex, let old,
            let missing = try await missingImages(old, isWayBack: true)
        {
            throw RolloutRefusal.noWayBack(missing)
        }
        let crossings = DataVersion.crossings(
            from: before, to: plan.stack, known: try await dataVersions(ledger),
            isThere: ledger.running?.stack == plan.stack.digest.hex)
        if !plan.allowsIrreversible, !crossings.isEmpty { throw RolloutRefusal.irreversible(crossings) }
        try await archive.keep(plan.stack)
        let record = try await newRecord(plan, after: ledger, from: previous)
        var work = try await undertaking(plan, record, after: ledger)
        work.begun = begun
        work.old = try await work.before?.stack { digest in
            try await digest == previous?.stack ? old : archive.stack(digest)
        }
        try await archive.write(record)
        return try await carryOut(work, before)
    }

    /// What would be there in the end, on the engine.
    package func target(of plan: RolloutPlan) async throws -> RenderedStack {
        let ledger = try await DeployLedger(on: engine.shelf)
        return try await undertaking(
            plan, try await newRecord(plan, after: ledger, from: ledger.running), after: ledger
        ).target
    }

    /// `previous` is what to go back to.
    private func newRecord(
        _ plan: RolloutPlan, after ledger: DeployLedger, from previous: LedgerEntry.Running?
    ) async throws -> DeployRecord {
        // Where the last one stopped half-way, users are best off in the set that came up as a whole.
        let layout = ledger.layout ?? (previous == nil ? nil : ledger.lastWholeLayout)
        var set = plan.stack.routing == nil ? nil : layout?.set ?? .blue
        // A set is changed for the other only where users would notice.
        if plan.changesSets, let old = layout?.set, let running = layout?.running,
            running.stack != plan.stack.digest.hex, let stack = try await archive.stack(running.stack),
            !plan.stack.hasSameRoutedServices(as: stack)
        {
            set = old.other
        }
        return DeployRecord(
            id: archive.newID(after: ledger), release: plan.release, stack: plan.stack.digest.hex,
            commit: plan.commit, previous: previous, origin: plan.origin, action: plan.action, set: set,
            keep: Int(plan.keep.components.seconds))
    }

    /// What `record` means, on top of what `ledger` tells.
    func undertaking(
        _ plan: RolloutPlan, _ record: DeployRecord, after ledger: DeployLedger
    ) async throws -> Undertaking {
        let before = ledger.layout ?? (record.previous == nil ? nil : ledger.lastWholeLayout)
        guard let set = record.set, plan.stack.routing != nil else {
            return Undertaking(plan: plan, record: record, before: before, target: plan.stack)
        }
        let change = try await SetChange(record, plan.stack, from: before, archive.stack)
        // The very same once more leaves a kept set alone, until its time is over.
        if change == nil, let before, let kept = keptStill(record, before) {
            let layout = DeployedLayout(running: plan.wanted, set: set, kept: kept)
            if let target = try await layout.stack(archive.stack) {
                return Undertaking(plan: plan, record: record, before: before, target: target)
            }
        }
        var work = Undertaking(
            plan: plan, record: record, before: before, change: change, target: plan.stack.alone(in: set))
        if change != nil, ledger.layout == nil { work.left = try await archive.stackLeft(by: ledger) }
        return work
    }

    func keptStill(_ record: DeployRecord, _ before: DeployedLayout?) -> DeployedLayout.Kept? {
        guard let before, before.running.stack == record.stack, let kept = before.kept, !kept.isOver else { return nil }
        return kept
    }
}
