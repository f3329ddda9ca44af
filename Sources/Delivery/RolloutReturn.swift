// A rollout that did not come up goes back. Does not judge why.
import BuildEngine
import BuildGraph

extension Rollout {
    /// Somebody aborted it.
    func goBack(_ work: Undertaking, _ word: PromotionWord) async throws -> LedgerEntry {
        let failed = Arrival(word).failed
        tell(.failed(failed))
        return try await goBack(work, failed: failed, bad: work.change?.changedImages ?? [:])
    }

    /// The whole release goes back to what ran before it, or away where nothing did.
    func goBack(
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
}

extension Rollout {
    /// Hands `stage` over, as it was before, and gives what was there before that. Waits first until nothing is ending any more:
    /// an engine whose update is broken into brings the old one up while what it replaced still holds its ports. One
    /// failure of the engine is put up with, where it is there again in time.
    func submitBack(_ stage: RolloutStage, release: String) async throws -> ObservedStack {
        let seen = try await settled(stage.stack)
        do {
            try await submitToStay(stage.stack, release)
        } catch is EngineError {
            _ = try await settled(stage.stack)
            try await submitToStay(stage.stack, release)
        }
        return seen
    }

    private func submitToStay(_ stack: RenderedStack, _ release: String) async throws {
        try await engine.prepare(stack)
        try await engine.submit(engine.undoesUpdates ? stack.toStay : stack, release: release)
    }

    /// What there is when nothing ends any more that something else has taken the place of, or that takes too long.
    private func settled(_ stack: RenderedStack) async throws -> ObservedStack {
        let grace = stack.services.map(\.timing.stopGrace).max() ?? 0
        let watch = Stopwatch(clock)
        while true {
            let now = try await wait.look(stack.project)
            let isEnding = now.services.values.contains { service in
                service.update == .updating && service.tasks.contains(where: \.isEnding)
            }
            if !isEnding || watch.elapsed > .milliseconds(grace) + .seconds(2) { return now }
            try await clock.sleep(for: pause)
        }
    }

}

extension RenderedStack {
    /// The same for an engine that must not undo it: what came before it is what failed.
    var toStay: RenderedStack {
        RenderedStack(
            project: project, environment: environment, services: services.map(\.toStay), configs: configs,
            secrets: secrets, rest: rest, digest: digest, routing: routing)
    }
}

extension RenderedService {
    fileprivate var toStay: RenderedService {
        guard let deploy = entry.member("deploy"), let update = deploy.member("update_config"),
            update.member("failure_action")?.text == "rollback"
        else { return self }
        let staying = deploy.setting("update_config", update.setting("failure_action", .string("continue")))
        return RenderedService(
            name: name, component: component, image: image, replicas: replicas, isGlobal: isGlobal,
            entry: entry.setting("deploy", staying), specHash: specHash, configNames: configNames,
            secretNames: secretNames, environment: environment, timing: timing)
    }
}
