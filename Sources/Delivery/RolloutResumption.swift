// What a process left behind that was ended midway is brought to an end, forward or back. Does not begin anything.
import BuildEngine
import BuildGraph

extension Rollout {
    /// Brings what a killed process began to an end: nil where there is nothing. Nothing of it being submitted, it is
    /// forgotten; all of it being submitted, it may still come up; else it is taken back.
    package func resume() async throws -> LedgerEntry? {
        try await resume(try await DeployLedger(on: engine.shelf))
    }

    func resume(_ ledger: DeployLedger) async throws -> LedgerEntry? {
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
}
