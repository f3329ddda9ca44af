// Brings an environment from what runs to a release, or back. Does not know engines, releases' making or how it is told.
import BuildEngine
import BuildGraph

/// What happens while an environment is changed, for whoever shows it.
package enum RolloutEvent: Sendable {
    /// A deployment that somebody's process was ended in is brought to an end first.
    case resuming(DeployRecord)
    case submitted(release: String, isRollback: Bool)
    case standing(service: String, Standing)
    /// All are up; now it is seen whether they stay.
    case watching(Duration)
    case check(String, Standing)
    /// Not everything came up: by service, why.
    case failed([String: String])
    case ended(LedgerEntry)
    /// Something that does not stop it, in a line.
    case notice(String)
}

/// A question to what runs, asked when everything is up: `check URL within T`.
package struct RolloutCheck: Sendable, Hashable {
    package let url: String
    package let within: Duration

    package init(url: String, within: Duration) {
        self.url = url
        self.within = within
    }
}

/// Asks a URL once. Nil where it answers with a status below 400, else why not.
package typealias CheckAsker = @Sendable (String) async -> String?

/// What is to run.
package struct RolloutPlan: Sendable {
    package let stack: RenderedStack
    /// The release's name.
    package let release: String
    package let commit: String?
    package let origin: DeployOrigin
    package var action = "deploy"
    package var checks: [RolloutCheck] = []
    /// How long everything must stay up before it counts.
    package var watch: Duration = .seconds(5)
    /// Instead of the bound that health checks give.
    package var timeout: Duration?
    /// Refused where what runs now could not be gone back to.
    package var needsWayBack = true

    package init(stack: RenderedStack, release: String, commit: String?, origin: DeployOrigin) {
        self.stack = stack
        self.release = release
        self.commit = commit
        self.origin = origin
    }

    var wanted: LedgerEntry.Running { .init(release: release, stack: stack.digest.hex) }
}

/// Why nothing was begun.
package enum RolloutRefusal: Error, Sendable {
    /// These services are being changed by somebody else.
    case busy([String])
    /// Images that came to nothing before, by service.
    case quarantined([String: String])
    /// What runs now cannot be gone back to: by service, the image that is nowhere any more.
    case noWayBack([String: String])
}

/// The state machine. The environment must be held (`DeployLock`) all the while.
///
/// What it means to do is on the shelf before anything is changed, so that whoever comes after a killed process finishes
/// or takes back what it began. A release counts as a whole: where one service does not come up, all go back.
package struct Rollout: Sendable {
    let engine: any DeployEngine
    let ask: CheckAsker
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

    private var wait: ArrivalWait {
        ArrivalWait(engine: engine, ask: ask, tell: tell, clock: clock, pause: pause, absence: absence)
    }

    private var archive: DeployArchive {
        DeployArchive(engine: engine, tell: tell, keptReleases: keptReleases)
    }

    // MARK: Deploying

    /// Brings `plan` to run, or what ran before back. Throws `RolloutRefusal` and `EngineError` where nothing was changed,
    /// and `CancellationError` where it was interrupted: then the next one finds the record.
    package func run(_ plan: RolloutPlan, retriesQuarantined: Bool = false) async throws -> LedgerEntry {
        var ledger = try await DeployLedger(on: engine.shelf)
        if let entry = try await resume(ledger) { ledger = DeployLedger(entries: ledger.entries + [entry]) }
        let before = try await engine.observe(plan.stack.project)
        try refuseBusy(before)
        if !retriesQuarantined { try refuseQuarantined(plan.stack, ledger) }
        let previous = ledger.running
        if let missing = try await missingImages(plan.stack) {
            return try await conclude(
                plan, record(plan, after: ledger), .rolledBack, running: previous, failed: missing)
        }
        if plan.needsWayBack, let previous, previous.stack != plan.stack.digest.hex,
            let old = try await archive.stack(previous.stack),
            let missing = try await missingImages(old)
        {
            throw RolloutRefusal.noWayBack(missing)
        }
        try await archive.keep(plan.stack)
        let record = record(plan, after: ledger)
        try await archive.write(record)
        return try await carryOut(plan, record, before)
    }

    private func record(_ plan: RolloutPlan, after ledger: DeployLedger) -> DeployRecord {
        DeployRecord(
            id: archive.newID(after: ledger), release: plan.release, stack: plan.stack.digest.hex,
            commit: plan.commit, previous: ledger.running, origin: plan.origin, action: plan.action)
    }

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
            let now = try await engine.observe(stack.project)
            if try await isUntouched(now, record, stack) {
                try await engine.shelf.remove(.record, name, ofBytes: bytes)
                continue
            }
            let isWhole =
                stack.services.allSatisfy { now.services[$0.name]?.specHash == $0.specHash.hex }
                && now.services.count == stack.services.count
            if isWhole {
                return try await judge(plan, record, ObservedStack(services: []))
            }
            let failed = Dictionary(
                stack.services.filter { now.services[$0.name]?.specHash != $0.specHash.hex }
                    .map { ($0.name, "not submitted when the deployment was ended") }, uniquingKeysWith: { $1 })
            return try await goBack(plan, record, failed: failed, bad: [:])
        }
        return nil
    }

    /// Whether everything is as the release before had it.
    private func isUntouched(
        _ now: ObservedStack, _ record: DeployRecord, _ wanted: RenderedStack
    ) async throws -> Bool {
        guard let previous = record.previous else { return now.services.isEmpty }
        guard let old = try await archive.stack(previous.stack) else { return false }
        if old.digest == wanted.digest { return false }
        return now.services.count == old.services.count
            && old.services.allSatisfy { service in
                guard let there = now.services[service.name] else { return false }
                return there.specHash == service.specHash.hex && there.labels[DeployLabel.release] != record.release
                    && there.update != .updating && there.update != .rollbackStarted
            }
    }

    private func carryOut(
        _ plan: RolloutPlan, _ record: DeployRecord, _ before: ObservedStack
    ) async throws -> LedgerEntry {
        do {
            try await engine.prepare(plan.stack)
            try await engine.submit(plan.stack, release: plan.release)
        } catch let error as EngineError {
            return try await goBack(plan, record, failed: ["": error.message], bad: [:])
        }
        tell(.submitted(release: plan.release, isRollback: false))
        return try await judge(plan, record, before)
    }

    /// Waits for `plan`, which has been submitted, and goes back where it does not come.
    private func judge(
        _ plan: RolloutPlan, _ record: DeployRecord, _ before: ObservedStack
    ) async throws -> LedgerEntry {
        let stage = RolloutStage(
            stack: plan.stack, checks: plan.checks, watch: plan.watch, timeout: plan.timeout)
        let arrival = try await wait.arrive(stage, before)
        if arrival.failed.isEmpty {
            return try await conclude(plan, record, .deployed, running: plan.wanted)
        }
        tell(.failed(arrival.failed))
        let changed = plan.stack.services.filter { service in
            arrival.failed[service.name] != nil && before.services[service.name]?.image != service.image
        }
        let bad = Dictionary(changed.map { ($0.name, $0.image) }, uniquingKeysWith: { $1 })
        return try await goBack(plan, record, failed: arrival.failed, bad: bad)
    }

    // MARK: Going back

    /// The whole release goes back to what ran before it, or away where nothing did.
    private func goBack(
        _ plan: RolloutPlan, _ record: DeployRecord, failed: [String: String], bad: [String: String]
    ) async throws -> LedgerEntry {
        func end(_ end: RolloutEnd, _ running: LedgerEntry.Running?, _ failed: [String: String]) async throws
            -> LedgerEntry
        {
            try await conclude(plan, record, end, running: running, failed: failed, bad: bad)
        }
        do {
            guard let previous = record.previous else {
                try await engine.remove(plan.stack.project)
                return try await end(.rolledBack, nil, failed)
            }
            guard let old = try await archive.stack(previous.stack) else {
                return try await end(
                    .partial, nil, failed.merging(["": "nothing says any more what ran before"]) { "\($0); \($1)" })
            }
            let before = try await engine.observe(plan.stack.project)
            try await engine.prepare(old)
            try await engine.submit(old, release: previous.release)
            tell(.submitted(release: previous.release, isRollback: true))
            let arrival = try await wait.arrive(RolloutStage(stack: old), before)
            if arrival.failed.isEmpty { return try await end(.rolledBack, previous, failed) }
            tell(.failed(arrival.failed))
            let all = failed.merging(arrival.failed) { "\($0); then back: \($1)" }
            return try await end(arrival.isAllDown ? .rollbackFailed : .partial, nil, all)
        } catch let error as EngineError {
            return try await end(.partial, nil, failed.merging(["": error.message]) { "\($0); \($1)" })
        }
    }

    // MARK: Before and after

    private func refuseBusy(_ now: ObservedStack) throws {
        let busy = now.services.values.filter { $0.update == .updating || $0.update == .rollbackStarted }
        if !busy.isEmpty { throw RolloutRefusal.busy(busy.map(\.name).sorted()) }
    }

    private func refuseQuarantined(_ stack: RenderedStack, _ ledger: DeployLedger) throws {
        let bad = ledger.quarantined
        let hit = stack.services.filter { bad.contains($0.image) }
        if hit.isEmpty { return }
        throw RolloutRefusal.quarantined(
            Dictionary(hit.map { ($0.name, $0.image) }, uniquingKeysWith: { $1 }))
    }

    private func missingImages(_ stack: RenderedStack) async throws -> [String: String]? {
        var missing: [String: String] = [:]
        for service in stack.services where try await !engine.hasImage(service.image) {
            missing[service.name] = "its image \(service.image) is neither in the engine nor in its registry"
        }
        return missing.isEmpty ? nil : missing
    }

    /// Puts down what came of `plan`.
    private func conclude(
        _ plan: RolloutPlan, _ record: DeployRecord, _ end: RolloutEnd, running: LedgerEntry.Running?,
        failed: [String: String] = [:], bad: [String: String] = [:]
    ) async throws -> LedgerEntry {
        let entry = LedgerEntry(
            id: record.id, action: plan.action, wanted: plan.wanted, running: running, end: end, origin: plan.origin,
            commit: plan.commit, seconds: max(0, unixTime() - record.origin.time), failed: failed,
            quarantined: Set(bad.values).sorted(),
            images: Dictionary(plan.stack.services.map { ($0.name, $0.image) }, uniquingKeysWith: { $1 }))
        return try await archive.conclude(entry, project: plan.stack.project)
    }
}
