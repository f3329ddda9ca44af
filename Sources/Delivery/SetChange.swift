// From one set to the other, as a series of stacks: what blue-green and canary are. Does not submit or judge anything.
import BuildEngine
import BuildGraph

/// A release in one set that is to take over from one in the other.
struct SetChange {
    let old: (set: ServiceSet, stack: RenderedStack)
    let new: (set: ServiceSet, stack: RenderedStack)
    /// Whoever sends it reaches the new set before others do.
    let token: String

    init(
        old: (set: ServiceSet, stack: RenderedStack), new: (set: ServiceSet, stack: RenderedStack),
        token: String
    ) {
        (self.old, self.new, self.token) = (old, new, token)
    }

    /// What the deployment `record` of `stack` does to users who are led to what ran `before` it; nil where it changes no set
    /// for another.
    init?(
        _ record: DeployRecord, _ stack: RenderedStack, from before: DeployedLayout?,
        _ find: (String) async throws -> RenderedStack?
    ) async throws {
        guard let set = record.set, stack.routing != nil, let before, let own = before.set, own != set,
            let old = try await find(before.running.stack), old.routing != nil
        else { return nil }
        let token = SHA256Value.of(Array("preview \(record.id) \(record.stack)".utf8)).hex.prefix(32)
        self.init(old: (own, old), new: (set, stack), token: String(token))
    }

    private var sets: [ServiceSet: RenderedStack] { [old.set: old.stack, new.set: new.stack] }

    /// The new set runs, and nobody comes to it unasked. What is not routed is new already.
    var beside: RenderedStack {
        new.stack.laidOut(
            SetLayout(sets: sets, shares: [old.set: 100], preview: .init(set: new.set, token: token)))
    }

    /// `percent` of what users ask goes to the new set.
    func sharing(_ percent: Int) -> RenderedStack {
        if percent >= 100 { return switched }
        return new.stack.laidOut(
            SetLayout(
                sets: sets, shares: [old.set: 100 - percent, new.set: percent],
                preview: .init(set: new.set, token: token)))
    }

    /// All goes to the new set; the old one is still there.
    var switched: RenderedStack { new.stack.laidOut(SetLayout(sets: sets, shares: [new.set: 100])) }

    /// The old set is gone.
    var alone: RenderedStack { new.stack.alone(in: new.set) }

    /// All goes to the old set again; the new one is still there, for those whom it is answering.
    var back: RenderedStack { old.stack.laidOut(SetLayout(sets: sets, shares: [old.set: 100])) }

    /// What is there while a deployment waits.
    func stack(of wait: PromotionWait) -> RenderedStack {
        wait.percent == 0 ? beside : sharing(wait.percent)
    }

    /// What engines call the new set's services.
    var newNames: Set<String> {
        Set((new.stack.routing?.routes ?? []).map { new.set.name(of: $0.service) })
    }

    /// By service: images of the new set that the old one does not have.
    var changedImages: [String: String] {
        var changed: [String: String] = [:]
        for route in new.stack.routing?.routes ?? [] {
            guard let image = new.stack.services.first(where: { $0.name == route.service })?.image else { continue }
            if old.stack.services.first(where: { $0.name == route.service })?.image != image {
                changed[route.service] = image
            }
        }
        return changed
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

extension RenderedStack {
    /// Whether what is behind the router is the same in both, so that nothing has to be switched.
    func hasSameRoutedServices(as other: RenderedStack) -> Bool {
        guard let routing, routing == other.routing else { return false }
        return routing.routes.allSatisfy { route in
            services.first { $0.name == route.service }?.specHash
                == other.services.first { $0.name == route.service }?.specHash
        }
    }
}

extension RolloutPlan {
    /// What comes after another on the way to `change`'s end; the last one is not there where the old set is kept.
    /// `isBeside`: the new set is up already, with all around it.
    func stages(_ change: SetChange, isBeside: Bool) -> [RolloutStage] {
        // A way back is gone at once.
        let isCareful = action == "deploy"
        var stages: [RolloutStage] = []
        var stage = RolloutStage(stack: change.beside, checks: checks, watch: watch, timeout: timeout)
        stage.step = .beside(new: change.new.set, old: change.old.set)
        stage.preview = change.token
        if case .blueGreen(let words) = strategy, let limit = words.promotion, isCareful {
            stage.promotion = .milliseconds(limit)
            stage.asksThroughout = true
        }
        if !isBeside || stage.promotion != nil { stages.append(stage) }
        if case .canary(let canary) = strategy, isCareful {
            stages += canary.steps.enumerated().map { number, step in
                var stage = sharing(step, change)
                stage.judge = canary.judge
                stage.number = number + 1
                return stage
            }
        }
        return stages + ending(change)
    }

    private func sharing(_ step: RolloutStrategy.Canary.Step, _ change: SetChange) -> RolloutStage {
        let time = Duration.milliseconds(step.duration)
        var stage = RolloutStage(
            stack: change.sharing(step.percent), checks: checks,
            watch: step.isUntilPromoted ? watch : time,
            timeout: timeout)
        stage.step = .moved(
            to: change.new.set, percent: step.percent, for: step.isUntilPromoted ? .zero : time)
        stage.preview = change.token
        stage.asksThroughout = true
        if step.isUntilPromoted { stage.promotion = time }
        return stage
    }

    /// The switch, and what comes after it.
    func ending(_ change: SetChange) -> [RolloutStage] {
        var stage = RolloutStage(stack: change.switched, checks: checks, watch: watch, timeout: timeout)
        stage.step = .moved(to: change.new.set, percent: 100, for: .zero)
        return [stage] + (keep > .zero ? [] : [cleared(change)])
    }

    /// The old set is taken away.
    func cleared(_ change: SetChange) -> RolloutStage {
        var stage = RolloutStage(stack: change.alone, timeout: timeout)
        stage.step = .cleared(change.old.set)
        return stage
    }

    /// How long the old set is kept after the switch.
    var keep: Duration {
        if let keptFor { return keptFor }
        if case .blueGreen(let words) = strategy { return .milliseconds(words.keep) }
        return .zero
    }

    /// How long its steps take, besides what engines take.
    package var holding: Duration {
        switch strategy {
        case .rolling: .zero
        case .blueGreen(let words): .milliseconds(words.promotion ?? 0)
        case .canary(let canary): canary.steps.reduce(.zero) { $0 + .milliseconds($1.duration) }
        }
    }
}
