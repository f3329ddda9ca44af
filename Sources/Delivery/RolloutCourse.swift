// A rollout that is written down, from its first stage to its end. Does not know how it goes back.
import BuildEngine
import BuildGraph

extension Rollout {
    /// Does what is written down.
    func carryOut(_ work: Undertaking, _ before: ObservedStack) async throws -> LedgerEntry {
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
    func follow(
        _ stages: [RolloutStage], _ work: Undertaking, _ seen: ObservedStack
    ) async throws -> LedgerEntry {
        var work = work
        var before: ObservedStack? = seen
        for stage in stages.map({ listening($0, work) }) {
            let seen: ObservedStack
            do {
                if let before { seen = before } else { seen = try await wait.look(stage.stack.project) }
            } catch let error as EngineError {
                return try await conclude(work, .partial, running: nil, failed: ["": error.message])
            }
            before = nil
            if stage.isSwitch, let entry = try await closed(work) { return entry }
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

    /// Whoever aborts after this is told that it is too late. Where somebody has before, or the engine does not take it, all
    /// goes back.
    private func closed(_ work: Undertaking) async throws -> LedgerEntry? {
        let word: PromotionWord?
        do {
            word = try await ear(of: work).close()
        } catch let error as EngineError {
            return try await goBack(work, failed: ["": error.message], bad: [:])
        }
        guard let word else { return nil }
        return try await goBack(work, word)
    }

    private func ear(of work: Undertaking) -> PromotionEar {
        PromotionEar(shelf: engine.shelf, record: work.record, announce: announce, tell: tell)
    }

    /// Until all are led to the new set others have a say.
    private func listening(_ stage: RolloutStage, _ work: Undertaking) -> RolloutStage {
        guard let change = work.change, !stage.isSwitch else { return stage }
        var percent = 0
        switch stage.step {
        case .moved(_, let share, _): percent = share
        case .beside: break
        case .movedBack, .cleared, nil: return stage
        }
        var result = stage
        result.ear = ear(of: work)
        result.wait = PromotionWait(
            record: work.record.id, release: work.plan.release, set: change.new.set, percent: percent,
            stage: stage.number, since: 0, until: 0, who: work.plan.origin.who, preview: change.token)
        return result
    }

    /// What runs when all of `work` came up.
    func reached(_ work: Undertaking) -> DeployedLayout {
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
    func judge(
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
            if let reason = try await judgeStep(stage.judge, facts(stage, work, arrival.held)) {
                arrival = Arrival(failed: ["judge": "\(name): \(reason)"])
            } else {
                tell(.check(name, .up))
            }
        }
        if arrival.failed.isEmpty { return nil }
        tell(.failed(arrival.failed))
        let bad = arrival.speaksAgainstImages ? suspects(stage, work, before, arrival.failed) : [:]
        return try await goBack(work, failed: arrival.failed, bad: bad)
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
    private func facts(_ stage: RolloutStage, _ work: Undertaking, _ held: Duration) -> [String: String] {
        var facts = [
            "LMSBUILD_ENVIRONMENT": work.plan.stack.environment, "LMSBUILD_RELEASE": work.plan.release,
            "LMSBUILD_PROJECT": work.plan.stack.project,
            "LMSBUILD_SECONDS": "\(max(held, stage.watch).components.seconds)",
        ]
        if case .moved(let set, let percent, _) = stage.step {
            facts["LMSBUILD_SET"] = set.rawValue
            facts["LMSBUILD_PERCENT"] = "\(percent)"
        }
        return facts
    }

    /// Puts down what came of `work`.
    func conclude(
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
        if end != .partial {
            entry.promoted = try await archive.promotions(of: work.record)
            return try await archive.conclude(entry, project: plan.stack.project)
        }
        var old = work.old
        if old == nil { old = try? await work.before?.stack(archive.stack) }
        do {
            entry.promoted = try await archive.promotions(of: work.record)
            _ = try await archive.conclude(entry, project: plan.stack.project)
        } catch is EngineError {
            // What was begun is still written down there: whoever comes next ends it.
            tell(.ended(entry))
        }
        tell(.left(await remains(of: work.target, before: old)))
        return entry
    }
}

extension RolloutStage {
    /// From here on all are led to the new set.
    var isSwitch: Bool {
        if case .moved(_, 100, _) = step { return true }
        return false
    }
}
