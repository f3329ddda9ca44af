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
    /// Also where data changes beyond return, or has done so since.
    package var allowsIrreversible = false

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
    /// One of what runs and what is wanted cannot read the data of the other: by service, why.
    case irreversible([String: String])
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

    // MARK: Deploying

    /// Brings `plan` to run, or what ran before back. Throws `RolloutRefusal` and `EngineError` where nothing was changed,
    /// and `CancellationError` where it was interrupted: then the next one finds the record.
    package func run(_ plan: RolloutPlan, retriesQuarantined: Bool = false) async throws -> LedgerEntry {
        var ledger = try await DeployLedger(on: engine.shelf)
        if let entry = try await resume(ledger) { ledger = DeployLedger(entries: ledger.entries + [entry]) }
        let before = try await engine.observe(plan.stack.project)
        try refuseBusy(before)
        if !retriesQuarantined { try refuseQuarantined(plan.stack, ledger) }
        // Where the last one left a mixture, what came up as a whole before it is what to go back to.
        let previous = ledger.running ?? (before.services.isEmpty ? nil : ledger.lastWhole)
        if let missing = try await missingImages(plan.stack) {
            return try await conclude(
                plan, .rolledBack, running: previous, failed: missing, begun: plan.origin.time, id: newID(ledger),
                bad: [:])
        }
        if plan.needsWayBack, let previous, previous.stack != plan.stack.digest.hex,
            let old = try await stack(previous.stack),
            let missing = try await missingImages(old)
        {
            throw RolloutRefusal.noWayBack(missing)
        }
        let crossings = DataVersion.crossings(
            from: before, to: plan.stack, known: try await dataVersions(ledger),
            isThere: ledger.running?.stack == plan.stack.digest.hex)
        if !plan.allowsIrreversible, !crossings.isEmpty { throw RolloutRefusal.irreversible(crossings) }
        try await keep(plan.stack)
        let record = DeployRecord(
            id: newID(ledger), release: plan.release, stack: plan.stack.digest.hex, commit: plan.commit,
            previous: previous, origin: plan.origin, action: plan.action)
        try await write(record)
        return try await carryOut(plan, record, before)
    }

    /// Brings what a killed process began to an end: nil where there is nothing. Nothing of it being submitted, it is
    /// forgotten; all of it being submitted, it may still come up; else it is taken back.
    package func resume() async throws -> LedgerEntry? {
        try await resume(try await DeployLedger(on: engine.shelf))
    }

    private func resume(_ ledger: DeployLedger) async throws -> LedgerEntry? {
        for (name, bytes) in try await engine.shelf.list(.record).sorted(by: { $0.key < $1.key }) {
            guard let record = DeployRecord(reading: bytes), let stack = try await stack(record.stack),
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
        guard let old = try await stack(previous.stack) else { return false }
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
            try await engine.submit(plan.stack.guardingData(in: before), release: plan.release)
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
        let arrival = try await arrive(plan, before)
        if arrival.failed.isEmpty {
            return try await conclude(
                plan, .deployed, running: plan.wanted, failed: [:], begun: record.origin.time, id: record.id, bad: [:])
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
            try await conclude(
                plan, end, running: running, failed: failed, begun: record.origin.time, id: record.id, bad: bad)
        }
        do {
            guard let previous = record.previous else {
                try await engine.remove(plan.stack.project)
                return try await end(.rolledBack, nil, failed)
            }
            guard let old = try await stack(previous.stack) else {
                return try await end(
                    .partial, nil, failed.merging(["": "nothing says any more what ran before"]) { "\($0); \($1)" })
            }
            let before = try await engine.observe(plan.stack.project)
            let lost = DataVersion.losses(in: before, goingBackTo: old)
            if !lost.isEmpty {
                let stays = lost.mapValues { "not taken back: \($0)" }
                return try await end(.partial, nil, failed.merging(stays) { "\($0)\n\($1)" })
            }
            try await engine.prepare(old)
            try await engine.submit(old, release: previous.release)
            tell(.submitted(release: previous.release, isRollback: true))
            var back = RolloutPlan(stack: old, release: previous.release, commit: nil, origin: plan.origin)
            back.watch = .zero
            let arrival = try await arrive(back, before)
            if arrival.failed.isEmpty { return try await end(.rolledBack, previous, failed) }
            tell(.failed(arrival.failed))
            let all = failed.merging(arrival.failed) { "\($0); then back: \($1)" }
            return try await end(arrival.isAllDown ? .rollbackFailed : .partial, nil, all)
        } catch let error as EngineError {
            return try await end(.partial, nil, failed.merging(["": error.message]) { "\($0); \($1)" })
        }
    }

    // MARK: Waiting

    private struct Arrival {
        var failed: [String: String] = [:]
        /// None of the services that should have come is up.
        var isAllDown = false
    }

    /// Looks until every service is up and stays so, or one will not come, or time is over.
    private func arrive(_ plan: RolloutPlan, _ before: ObservedStack) async throws -> Arrival {
        let judge = RolloutJudge(before: before)
        let bound = plan.timeout ?? plan.stack.deadline
        var told: [String: Standing] = [:]
        let watch = Stopwatch(clock)
        var quiet: Stopwatch?
        var endedBefore: [String: Int] = [:]
        var isChecked = plan.checks.isEmpty
        let isUnchanged = plan.stack.services.allSatisfy { before.services[$0.name]?.specHash == $0.specHash.hex }
        while true {
            let now = try await look(plan.stack.project)
            var standings: [String: Standing] = [:]
            for service in plan.stack.services {
                var standing = judge.standing(of: service, in: now)
                // What came up and is down again has crashed: it is not waited for a second time.
                if quiet != nil, case .coming(let text) = standing { standing = .failing("was up, then: \(text)") }
                // Also where the engine has brought it up again between two looks.
                if let ended = endedBefore[service.name], let why = judge.ending(of: service, in: now, after: ended) {
                    standing = .failing("was up, then ended: \(why)")
                }
                standings[service.name] = standing
                if told[service.name] != standing { tell(.standing(service: service.name, standing)) }
                told[service.name] = standing
            }
            let bad = standings.filter { !$0.value.isUp && !$0.value.isOpen }
            if !bad.isEmpty { return await failure(bad, standings, now) }
            if standings.values.allSatisfy(\.isUp) {
                if !isChecked {
                    if let failed = try await failedCheck(plan.checks) {
                        return Arrival(failed: [failed.url: failed.reason], isAllDown: false)
                    }
                    isChecked = true
                }
                if isUnchanged { return Arrival() }
                if quiet == nil {
                    quiet = Stopwatch(clock)
                    for service in plan.stack.services { endedBefore[service.name] = judge.ended(service, now).count }
                    tell(.watching(plan.watch))
                }
                if let quiet, quiet.elapsed >= plan.watch { return Arrival() }
            }
            if watch.elapsed > bound {
                let late = standings.filter { !$0.value.isUp }
                    .mapValues { Standing.failing("not up after \(bound.components.seconds) s: \($0.reason)") }
                return await failure(late, standings, now)
            }
            try await clock.sleep(for: pause)
        }
    }

    private func failure(
        _ bad: [String: Standing], _ all: [String: Standing], _ now: ObservedStack
    ) async -> Arrival {
        var failed: [String: String] = [:]
        for (name, standing) in bad {
            var reason = standing.reason
            let task = now.services[name]?.tasks.last { $0.hasFailed } ?? now.services[name]?.tasks.last { !$0.isUp }
            if let task {
                let lines = await engine.lastLines(of: task)
                if !lines.isEmpty { reason += "\n" + lines.suffix(5).map { "    | \($0)" }.joined(separator: "\n") }
            }
            failed[name] = reason
        }
        return Arrival(failed: failed, isAllDown: !all.values.contains(where: \.isUp))
    }

    /// What is there, asked again for a while where the engine gives no answer: it may be restarting.
    private func look(_ project: String) async throws -> ObservedStack {
        let watch = Stopwatch(clock)
        while true {
            do {
                return try await engine.observe(project)
            } catch let error as EngineError where error.kind == .unreachable {
                if watch.elapsed > absence { throw error }
                try await clock.sleep(for: pause)
            }
        }
    }

    private func failedCheck(_ checks: [RolloutCheck]) async throws -> (url: String, reason: String)? {
        for check in checks {
            let watch = Stopwatch(clock)
            while let reason = await ask(check.url) {
                try Task.checkCancellation()
                tell(.check(check.url, .coming(reason)))
                if watch.elapsed > check.within {
                    return (check.url, "no good answer within \(check.within.components.seconds) s: \(reason)")
                }
                try await clock.sleep(for: pause)
            }
            tell(.check(check.url, .up))
        }
        return nil
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

    /// With which data the images have run that came up here.
    private func dataVersions(_ ledger: DeployLedger) async throws -> [DataVersion.Running: Int] {
        let kept = try await engine.shelf.list(.stack)
        let stacks = ledger.entries.filter { $0.end == .deployed }
            .compactMap { kept[$0.wanted.stack].flatMap { RenderedStack(recorded: $0) } }
        return DataVersion.known(from: stacks)
    }

    /// What `digest` names, from the shelf; nil where it is not there any more.
    private func stack(_ digest: String) async throws -> RenderedStack? {
        try await engine.shelf.list(.stack)[digest].flatMap { RenderedStack(recorded: $0) }
    }

    private func keep(_ stack: RenderedStack) async throws {
        let name = stack.digest.hex
        if try await self.stack(name) != nil { return }
        // One that cannot be read was left half-made by a killed process.
        try await engine.shelf.remove(.stack, name, ofBytes: [])
        try await engine.shelf.create(.stack, name, stack.recorded.bytes)
    }

    private func write(_ record: DeployRecord) async throws {
        try await engine.shelf.create(.record, record.id, Array(record.json.text(pretty: false).utf8))
    }

    /// Comes after all that is in the ledger: clocks of several machines do not say what was first.
    private func newID(_ ledger: DeployLedger) -> String {
        let number = (ledger.entries.last?.id.split(separator: "-").first.flatMap { Int($0) } ?? 0) + 1
        let tail = String(UInt32.random(in: 0...UInt32.max), radix: 16)
        return String(repeating: "0", count: max(0, 8 - "\(number)".utf8.count)) + "\(number)-"
            + String(repeating: "0", count: 8 - tail.utf8.count) + tail
    }

    /// Puts down what came of it, forgets the record, and takes away what nobody can go back to any more.
    private func conclude(
        _ plan: RolloutPlan, _ end: RolloutEnd, running: LedgerEntry.Running?, failed: [String: String], begun: Int,
        id: String, bad: [String: String]
    ) async throws -> LedgerEntry {
        let entry = LedgerEntry(
            id: id, action: plan.action, wanted: plan.wanted, running: running, end: end, origin: plan.origin,
            commit: plan.commit, seconds: max(0, unixTime() - begun), failed: failed,
            quarantined: Set(bad.values).sorted(),
            images: Dictionary(plan.stack.services.map { ($0.name, $0.image) }, uniquingKeysWith: { $1 }))
        try await engine.shelf.create(.ledger, id, Array(entry.json.text(pretty: false).utf8))
        for (name, bytes) in try await engine.shelf.list(.record) where name == id {
            try await engine.shelf.remove(.record, name, ofBytes: bytes)
        }
        if end == .deployed || end == .rolledBack { await tidy(plan.stack.project, running) }
        tell(.ended(entry))
        return entry
    }

    /// Never fails a deployment: what stays is taken away the next time.
    private func tidy(_ project: String, _ running: LedgerEntry.Running?) async {
        do {
            let shelf = engine.shelf
            let now = try await engine.observe(project)
            for (name, bytes) in try await shelf.list(.description) {
                try await shelf.remove(.description, name, ofBytes: bytes)
            }
            if let running {
                let all = JSONTree.object(
                    now.services.sorted { $0.key < $1.key }.map { ($0.key, $0.value.description) })
                try await shelf.create(.description, running.stack, all.bytes)
            }
            let kept = try await DeployLedger(on: shelf).kept(keptReleases).map(\.stack)
            var names = now.services.values.reduce(into: Set<String>()) { $0.formUnion($1.uses) }
            for (digest, bytes) in try await shelf.list(.stack) {
                guard kept.contains(digest), let stack = RenderedStack(recorded: bytes) else {
                    try await shelf.remove(.stack, digest, ofBytes: bytes)
                    continue
                }
                names.formUnion(stack.configs.map(\.engineName) + stack.secrets.map(\.engineName))
            }
            try await engine.collectGarbage(project, keeping: names)
        } catch {
            tell(.notice("what is not needed any more could not be taken away: \(error)"))
        }
    }
}

/// Time on a clock whose instants are not named here; a wall clock's jumps do not count.
struct Stopwatch: Sendable {
    private let read: @Sendable () -> Duration

    init(_ clock: any Clock<Duration>) {
        read = Self.reader(clock)
    }

    private static func reader<C: Clock>(_ clock: C) -> @Sendable () -> Duration where C.Duration == Duration {
        let start = clock.now
        return { start.duration(to: clock.now) }
    }

    var elapsed: Duration { read() }
}
