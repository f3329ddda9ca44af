// What a process left behind that was ended midway is brought to an end, forward or back. Does not begin anything.
import BuildEngine
import BuildGraph

extension Rollout {
    /// Brings what a killed process began to an end: nil where there is nothing. Nothing of it being submitted, it is
    /// forgotten; all of it being submitted, it may still come up; else it is taken back.
    ///
    /// Where it waited for a word, `said` is that word; it goes on then as `planned` completes its plan, with the checks and
    /// the strategy of its environment.
    package func resume(
        _ said: PromotionWord? = nil, planned: @Sendable (inout RolloutPlan) -> Void = { _ in }
    ) async throws -> LedgerEntry? {
        try await resume(try await DeployLedger(on: engine.shelf), said, planned: planned)
    }

    func resume(
        _ ledger: DeployLedger, _ said: PromotionWord? = nil,
        planned: (inout RolloutPlan) -> Void = { _ in }
    ) async throws -> LedgerEntry? {
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
            planned(&plan)
            var work = try await undertaking(plan, record, after: ledger)
            let now = try await engine.observe(stack.project)
            if try await isUntouched(now, work) {
                try await archive.forget(record)
                continue
            }
            work.hasMoved = true
            if let said, let entry = try await goOn(work, said, now) { return entry }
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

    /// What waited when its process was ended, as `said`; nil where it did not wait, or where what waited is not there any
    /// more as it was: then it is taken back as whatever is half-done.
    private func goOn(
        _ work: Undertaking, _ said: PromotionWord, _ now: ObservedStack
    ) async throws -> LedgerEntry? {
        guard let change = work.change, let wait = try await engine.shelf.wait(of: work.record.id) else {
            return nil
        }
        if said.kind == .abort { return try await goBack(work, said) }
        var stages = work.plan.stages(change, isBeside: false).drop { $0.number != wait.stage }
        guard var stage = stages.popFirst(), stage.promotion != nil, now.has(stage.stack) else {
            return nil
        }
        // The promotion is written down by name, as if it had been heard.
        do {
            try await engine.shelf.create(.word, wait.name, said.bytes)
        } catch let error as EngineError where error.kind == .conflict {}
        stage.promotion = nil
        tell(.said(said))
        return try await follow([stage] + stages, work, now)
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
}
