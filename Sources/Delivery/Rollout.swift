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

    private var archive: DeployArchive {
        DeployArchive(engine: engine, tell: tell, keptReleases: keptReleases)
    }

    /// A deployment that is written down.
    private struct Undertaking {
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
    private func undertaking(
        _ plan: RolloutPlan, _ record: DeployRecord, after ledger: DeployLedger
    ) async throws -> Undertaking {
        let before = ledger.layout ?? (record.previous == nil ? nil : ledger.lastWholeLayout)
        guard let set = record.set, plan.stack.routing != nil else {
            return Undertaking(plan: plan, record: record, before: before, target: plan.stack)
        }
        var change: SetChange?
        if let before, let own = before.set, own != set, let old = try await archive.stack(before.running.stack),
            old.routing != nil
        {
            let token = SHA256Value.of(Array("preview \(record.id) \(record.stack)".utf8)).hex.prefix(32)
            change = SetChange(old: (own, old), new: (set, plan.stack), token: String(token))
        }
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

    private func keptStill(_ record: DeployRecord, _ before: DeployedLayout?) -> DeployedLayout.Kept? {
        guard let before, before.running.stack == record.stack, let kept = before.kept, !kept.isOver else { return nil }
        return kept
    }

    private func carryOut(_ work: Undertaking, _ before: ObservedStack) async throws -> LedgerEntry {
        guard let change = work.change else {
            let stage = RolloutStage(
                stack: work.target, checks: work.plan.checks, watch: work.plan.watch, timeout: work.plan.timeout)
            return try await follow([stage], work, before)
        }
        let router = change.new.stack.routing?.router
        let isBeside = change.beside.services.allSatisfy {
            $0.name == router || before.services[$0.name]?.specHash == $0.specHash.hex
        }
        var stages = work.plan.stages(change, isBeside: isBeside)
        if let left = work.left, let stage = change.gathering(from: left, before) { stages.insert(stage, at: 0) }
        return try await follow(stages, work, before)
    }

    /// One stage after the other, and back where one does not come. `seen`: what there is before the first.
    private func follow(
        _ stages: [RolloutStage], _ work: Undertaking, _ seen: ObservedStack
    ) async throws -> LedgerEntry {
        var work = work
        var before: ObservedStack? = seen
        for stage in stages {
            let seen: ObservedStack
            do {
                if let before { seen = before } else { seen = try await wait.look(stage.stack.project) }
            } catch let error as EngineError {
                return try await conclude(work, .partial, running: nil, failed: ["": error.message])
            }
            before = nil
            if let step = stage.step { tell(.step(step)) }
            if case .moved = stage.step { work.hasMoved = true }
            do {
                try await engine.prepare(stage.stack)
                try await engine.submit(stage.stack.guardingData(in: seen), release: work.plan.release)
            } catch let error as EngineError {
                if case .cleared = stage.step { return try await leaveOld(work, error) }
                tell(.notice("the engine did not take all of it: \(error.message)"))
                return try await goBack(work, failed: ["": error.message], bad: [:])
            }
            tell(.submitted(release: work.plan.release, isRollback: false))
            if let entry = try await judge(stage, work, seen) { return entry }
        }
        return try await conclude(work, .deployed, running: reached(work))
    }

    /// What runs when all of `work` came up.
    private func reached(_ work: Undertaking) -> DeployedLayout {
        var kept = keptStill(work.record, work.before)
        if let change = work.change, work.record.keep > 0, let running = work.before?.running {
            kept = .init(set: change.old.set, running: running, until: unixTime() + work.record.keep)
        }
        return DeployedLayout(running: work.plan.wanted, set: work.record.set, kept: kept)
    }

    /// The new set serves, but the old one could not be taken away: that is no reason to go back.
    private func leaveOld(_ work: Undertaking, _ error: EngineError) async throws -> LedgerEntry {
        tell(.notice("the old set is still there: \(error.message)"))
        var layout = reached(work)
        if let change = work.change, let running = work.before?.running {
            let kept = DeployedLayout.Kept(set: change.old.set, running: running, until: unixTime())
            layout = DeployedLayout(running: layout.running, set: layout.set, kept: kept)
        }
        return try await conclude(work, .deployed, running: layout)
    }

    /// Waits for `stage`, which has been submitted, and goes back where it does not come. Nil: it came.
    private func judge(
        _ stage: RolloutStage, _ work: Undertaking, _ before: ObservedStack
    ) async throws -> LedgerEntry? {
        var arrival: Arrival
        do {
            arrival = try await wait.arrive(stage, before)
        } catch let error as EngineError {
            // It has been waited for long enough.
            return try await conclude(work, .partial, running: nil, failed: ["": error.message])
        }
        if arrival.failed.isEmpty, !stage.judge.isEmpty, let judgeStep {
            let name = stage.judge.joined(separator: " ")
            if let reason = try await judgeStep(stage.judge, facts(stage, work)) {
                arrival = Arrival(failed: ["judge": "\(name): \(reason)"])
            } else {
                tell(.check(name, .up))
            }
        }
        if arrival.failed.isEmpty { return nil }
        tell(.failed(arrival.failed))
        return try await goBack(
            work, failed: arrival.failed, bad: suspects(stage, work, before, arrival.failed))
    }

    /// By service: images that are new and did not come up. What is asked, and not an engine, speaks against all of a set.
    private func suspects(
        _ stage: RolloutStage, _ work: Undertaking, _ before: ObservedStack, _ failed: [String: String]
    ) -> [String: String] {
        let inSet = work.change?.newNames ?? []
        var bad: [String: String] = [:]
        for service in stage.stack.services where failed[service.name] != nil && !inSet.contains(service.name) {
            if before.services[service.name]?.image != service.image { bad[service.name] = service.image }
        }
        guard let change = work.change else { return bad }
        let isAsked = failed.keys.contains { name in !stage.stack.services.contains { $0.name == name } }
        for (name, image) in change.changedImages
        where isAsked || failed[change.new.set.name(of: name)] != nil {
            bad[name] = image
        }
        return bad
    }

    /// What a judging program is told.
    private func facts(_ stage: RolloutStage, _ work: Undertaking) -> [String: String] {
        var facts = [
            "LMSBUILD_ENVIRONMENT": work.plan.stack.environment, "LMSBUILD_RELEASE": work.plan.release,
            "LMSBUILD_PROJECT": work.plan.stack.project,
            "LMSBUILD_SECONDS": "\(stage.watch.components.seconds)",
        ]
        if case .moved(let set, let percent, _) = stage.step {
            facts["LMSBUILD_SET"] = set.rawValue
            facts["LMSBUILD_PERCENT"] = "\(percent)"
        }
        return facts
    }

    // MARK: What was begun

    /// Brings what a killed process began to an end: nil where there is nothing. Nothing of it being submitted, it is
    /// forgotten; all of it being submitted, it may still come up; else it is taken back.
    package func resume() async throws -> LedgerEntry? {
        try await resume(try await DeployLedger(on: engine.shelf))
    }

    private func resume(_ ledger: DeployLedger) async throws -> LedgerEntry? {
        for (name, bytes) in try await engine.shelf.list(.record).sorted(by: { $0.key < $1.key }) {
            guard let record = DeployRecord(reading: bytes), let stack = try await archive.stack(record.stack),
                !ledger.entries.contains(where: { $0.id == record.id })
            else {
                try await engine.shelf.remove(.record, name, ofBytes: bytes)
                continue
            }
            tell(.resuming(record))
            var plan = RolloutPlan(
                stack: stack, release: record.release, commit: record.commit, origin: record.origin)
            plan.action = record.action
            plan.keptFor = .seconds(record.keep)
            var work = try await undertaking(plan, record, after: ledger)
            let now = try await engine.observe(stack.project)
            if try await isUntouched(now, work) {
                try await engine.shelf.remove(.record, name, ofBytes: bytes)
                continue
            }
            work.hasMoved = true
            if now.isWhole(work.target) {
                let stage = RolloutStage(stack: work.target, watch: plan.watch)
                let entry = try await judge(stage, work, ObservedStack(services: []))
                if let entry { return entry }
                return try await conclude(work, .deployed, running: reached(work))
            }
            // All users had been led to the new set, whatever is left of the old one.
            if let change = work.change, now.has(work.target) {
                return try await follow(plan.ending(change), work, ObservedStack(services: []))
            }
            let failed = Dictionary(
                work.target.services.filter { now.services[$0.name]?.specHash != $0.specHash.hex }
                    .map { ($0.name, "not submitted when the deployment was ended") }, uniquingKeysWith: { $1 })
            return try await goBack(work, failed: failed, bad: [:])
        }
        return nil
    }

    /// Whether everything is as the release before had it.
    private func isUntouched(_ now: ObservedStack, _ work: Undertaking) async throws -> Bool {
        guard let before = work.before else { return now.services.isEmpty }
        guard let old = try await before.stack(archive.stack) else { return false }
        if before.running.stack == work.record.stack { return false }
        return now.services.count == old.services.count
            && old.services.allSatisfy { service in
                guard let there = now.services[service.name] else { return false }
                return there.specHash == service.specHash.hex
                    && there.labels[DeployLabel.release] != work.record.release
                    && there.update != .updating && there.update != .rollbackStarted
            }
    }

    // MARK: Going back

    /// The whole release goes back to what ran before it, or away where nothing did.
    private func goBack(
        _ work: Undertaking, failed: [String: String], bad: [String: String]
    ) async throws -> LedgerEntry {
        func end(_ end: RolloutEnd, _ running: DeployedLayout?, _ failed: [String: String]) async throws -> LedgerEntry
        {
            try await conclude(work, end, running: running, failed: failed, bad: bad)
        }
        let project = work.plan.stack.project
        do {
            _ = try await wait.look(project)
            guard let before = work.before else {
                try await engine.remove(project)
                return try await end(.rolledBack, nil, failed)
            }
            // A set that was kept is not brought back: its place was given to the one that did not come up.
            let layout = DeployedLayout(
                running: before.running, set: before.set, kept: work.change == nil ? before.kept : nil)
            guard let old = try await layout.stack(archive.stack) else {
                return try await end(
                    .partial, nil, failed.merging(["": "nothing says any more what ran before"]) { "\($0); \($1)" })
            }
            if let plain = try await archive.stack(before.running.stack) {
                let lost = DataVersion.losses(in: try await engine.observe(project), goingBackTo: plain)
                if !lost.isEmpty {
                    let stays = lost.mapValues { "not taken back: \($0)" }
                    return try await end(.partial, nil, failed.merging(stays) { "\($0)\n\($1)" })
                }
            }
            var stages = [RolloutStage(stack: old)]
            if let change = work.change, work.hasMoved {
                var back = RolloutStage(stack: change.back)
                back.bystanders = change.newNames
                back.step = .movedBack(to: change.old.set)
                stages.insert(back, at: 0)
            }
            tell(.submitted(release: before.running.release, isRollback: true))
            for stage in stages {
                if let step = stage.step { tell(.step(step)) }
                let seen = try await submitBack(stage, release: before.running.release)
                let arrival = try await wait.arrive(stage, seen)
                if arrival.failed.isEmpty { continue }
                tell(.failed(arrival.failed))
                let all = failed.merging(arrival.failed) { "\($0); then back: \($1)" }
                return try await end(arrival.isAllDown ? .rollbackFailed : .partial, nil, all)
            }
            return try await end(.rolledBack, layout, failed)
        } catch let error as EngineError {
            let all = failed.merging(["": error.message]) { "\($0); \($1)" }
            if let before = work.before, await isAsBefore(work) { return try await end(.rolledBack, before, all) }
            return try await end(.partial, nil, all)
        }
    }

    /// Whether the engine, though it failed, has all as it was.
    private func isAsBefore(_ work: Undertaking) async -> Bool {
        guard let old = work.old, let now = try? await engine.observe(old.project) else { return false }
        return now.isWhole(old) && now.areAllUp(old)
    }

    // MARK: Before and after

    /// Puts down what came of `work`.
    private func conclude(
        _ work: Undertaking, _ end: RolloutEnd, running: DeployedLayout?, failed: [String: String] = [:],
        bad: [String: String] = [:]
    ) async throws -> LedgerEntry {
        let plan = work.plan
        var entry = LedgerEntry(
            id: work.record.id, action: plan.action, wanted: plan.wanted, running: running?.running, end: end,
            origin: plan.origin, commit: plan.commit,
            seconds: work.begun.map { Int($0.elapsed.components.seconds) }
                ?? max(0, unixTime() - work.record.origin.time),
            failed: failed, quarantined: Set(bad.values).sorted(),
            images: Dictionary(plan.stack.services.map { ($0.name, $0.image) }, uniquingKeysWith: { $1 }))
        entry.set = running?.set
        entry.kept = running?.kept
        if end != .partial { return try await archive.conclude(entry, project: plan.stack.project) }
        var old = work.old
        if old == nil { old = try? await work.before?.stack(archive.stack) }
        do {
            _ = try await archive.conclude(entry, project: plan.stack.project)
        } catch is EngineError {
            // What was begun is still written down there: whoever comes next ends it.
            tell(.ended(entry))
        }
        tell(.left(await remains(of: work.target, before: old)))
        return entry
    }
}
