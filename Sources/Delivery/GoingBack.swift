// How a release that ran before is handed to the engine again, and what is said where that stops half-way. Does not decide
// whether anything goes back.
import BuildEngine
import BuildGraph

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
                service.update == .updating && service.tasks.contains { !$0.isWanted && $0.isUp }
            }
            if !isEnding || watch.elapsed > .milliseconds(grace) + .seconds(2) { return now }
            try await clock.sleep(for: pause)
        }
    }

    /// By service, what is there now: for whoever has to mend what stopped half-way. The engine is asked once.
    func remains(of wanted: RenderedStack, before old: RenderedStack?) async -> RolloutRemains {
        RolloutRemains(of: wanted, before: old, now: try? await engine.observe(wanted.project))
    }
}

/// What is there after a deployment that stopped half-way.
package struct RolloutRemains: Sendable, Hashable {
    /// False where the engine did not answer.
    package let isKnown: Bool
    /// By service, for people.
    package let services: [String: String]

    init(of wanted: RenderedStack, before old: RenderedStack?, now: ObservedStack?) {
        isKnown = now != nil
        let names = (wanted.services + (old?.services ?? [])).map(\.name) + (now?.services.keys.map(\.self) ?? [])
        services = Dictionary(
            Set(names).map { name in
                let new = wanted.services.first { $0.name == name }
                let before = old?.services.first { $0.name == name }
                return (name, now.map { Self.found($0.services[name], new, before) } ?? Self.guess(new, before))
            }, uniquingKeysWith: { $1 })
    }

    private static func found(
        _ there: ObservedService?, _ new: RenderedService?, _ before: RenderedService?
    ) -> String {
        guard let there else { return "not there" }
        let isNew = there.specHash == new?.specHash.hex
        let isOld = there.specHash == before?.specHash.hex
        let up = there.tasks.filter { $0.isCurrent && $0.isWanted && $0.isUp }.count
        let text = "\(there.image), \(up) of \(there.replicas) up"
        if isNew && isOld { return text + ", the same in both releases" }
        if isNew { return text + ", of the release that did not come up" }
        return isOld ? text + ", as before" : text
    }

    /// Where nobody can be asked.
    private static func guess(_ new: RenderedService?, _ before: RenderedService?) -> String {
        switch (before?.image, new?.image) {
        case (let old?, let new?): old == new ? old : "\(old) before, \(new) wanted"
        case (let old?, nil): "\(old) before, not wanted any more"
        case (nil, let new?): "not there before, \(new) wanted"
        case (nil, nil): "not known"
        }
    }
}

extension DeployEngine {
    /// Whether the engine takes an update back by itself where it fails.
    var undoesUpdates: Bool { name != "compose" }
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

extension ObservedStack {
    /// Whether nothing is on its way and everything of `stack` is up.
    func areAllUp(_ stack: RenderedStack) -> Bool {
        let judge = RolloutJudge(before: self)
        return stack.services.allSatisfy { judge.standing(of: $0, in: self).isUp }
    }
}

extension SetChange {
    /// All users come to the old set first, where `left`, which was to take over from it, has kept some of them: its place is what
    /// the new one gets. Nil where they all do.
    func gathering(from left: RenderedStack, _ now: ObservedStack) -> RolloutStage? {
        let shares = now.services.values.lazy.compactMap { DeployLabel.sharing(in: $0.labels) }.first
        guard left.routing != nil, shares != [old.set: 100] else { return nil }
        let before = SetChange(old: old, new: (new.set, left), token: token)
        var stage = RolloutStage(stack: before.back)
        stage.bystanders = newNames
        stage.step = .movedBack(to: old.set)
        return stage
    }
}
