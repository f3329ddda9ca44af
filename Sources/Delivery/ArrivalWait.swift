// Waits until what was submitted is up and stays so, or will not come. Does not submit, go back or write anything down.
import BuildEngine
import BuildGraph

/// What came of waiting.
struct Arrival {
    /// By service, or the address of a check: why it is not up. Empty: all are.
    var failed: [String: String] = [:]
    /// None of the services that should have come is up.
    var isAllDown = false
    /// Whether what failed speaks against the images, so that they are not tried again unasked.
    var speaksAgainstImages = true
    /// For how long it has been up.
    var held: Duration = .zero
}

/// What is done to those who ask, on the way from one set to the other.
package enum RolloutStep: Sendable, Hashable {
    /// The new set is brought up, and nobody comes to it yet.
    case beside(new: ServiceSet, old: ServiceSet)
    /// So many percent go to the set, for so long before the next step.
    case moved(to: ServiceSet, percent: Int, for: Duration)
    /// All go to the set again that they came from.
    case movedBack(to: ServiceSet)
    /// The set that nobody comes to any more is taken away.
    case cleared(ServiceSet)
}

/// Something to wait for.
struct RolloutStage {
    let stack: RenderedStack
    var checks: [RolloutCheck] = []
    /// How long everything must stay up before it counts.
    var watch: Duration = .zero
    /// Instead of the bound that health checks give.
    var timeout: Duration?
    /// Nil where no set is changed for another.
    var step: RolloutStep?
    /// With it checks reach the set that others do not reach yet.
    var preview: String?
    /// Checks are asked while everything is watched, and not once before.
    var asksThroughout = false
    /// A program that judges at the end; empty: none does.
    var judge: [String] = []
    /// Services whose fate does not matter any more.
    var bystanders: Set<String> = []
    /// Its place among all stages of its change, the same whichever are left out.
    var number = 0
    /// Somebody has to say within so long that it goes on; nil: it goes on by itself.
    var promotion: Duration?
    /// Hears what others say to the deployment; nil: nobody is listened to.
    var ear: PromotionEar?
    /// What is told to them while it waits; nil where it does not.
    var wait: PromotionWait?

    init(
        stack: RenderedStack, checks: [RolloutCheck] = [], watch: Duration = .zero, timeout: Duration? = nil
    ) {
        self.stack = stack
        self.checks = checks
        self.watch = watch
        self.timeout = timeout
    }

    var awaited: [RenderedService] { stack.services.filter { !bystanders.contains($0.name) } }
}

/// Looks at an engine again and again.
struct ArrivalWait {
    let engine: any DeployEngine
    let ask: CheckAsker
    let askPreview: PreviewAsker?
    let tell: @Sendable (RolloutEvent) -> Void
    let clock: any Clock<Duration>
    /// Between two looks.
    let pause: Duration
    /// How long an engine may give no answer before it counts as gone.
    let absence: Duration

    /// Between two rounds of checks while something is watched.
    private static let checkPause: Duration = .seconds(2)

    /// Looks until every service is up and stays so, or one will not come, or time is over.
    func arrive(_ stage: RolloutStage, _ before: ObservedStack) async throws -> Arrival {
        let judge = RolloutJudge(before: before)
        let awaited = stage.awaited
        let bound = stage.timeout ?? stage.stack.deadline
        var told: [String: Standing] = [:]
        let watch = Stopwatch(clock)
        var quiet: Stopwatch?
        var asked: Stopwatch?
        var endedBefore: [String: Int] = [:]
        var asking: Stopwatch?
        let isUnchanged = awaited.allSatisfy { before.services[$0.name]?.specHash == $0.specHash.hex }
        while true {
            let now = try await look(stage.stack.project)
            if let word = try await stage.ear?.abort() { return Arrival(word) }
            var standings: [String: Standing] = [:]
            for service in awaited {
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
                let isDue = asked.map { stage.asksThroughout && $0.elapsed >= Self.checkPause } ?? true
                if isDue, !stage.checks.isEmpty {
                    if let failed = try await failedCheck(stage, tells: asked == nil) {
                        return Arrival(failed: [failed.url: failed.reason], isAllDown: false)
                    }
                    asked = Stopwatch(clock)
                }
                if isUnchanged, stage.promotion == nil { return Arrival() }
                if quiet == nil {
                    quiet = Stopwatch(clock)
                    for service in awaited { endedBefore[service.name] = judge.ended(service, now).count }
                    tell(.watching(stage.watch))
                }
                if let quiet, quiet.elapsed >= stage.watch {
                    if let arrival = try await promotion(stage, &asking) {
                        return arrival.held(for: quiet.elapsed)
                    }
                }
            }
            if quiet == nil, watch.elapsed > bound {
                let late = standings.filter { !$0.value.isUp }
                    .mapValues { Standing.failing("not up after \(bound.components.seconds) s: \($0.reason)") }
                return await failure(late, standings, now)
            }
            // People take their time.
            try await clock.sleep(for: asking == nil ? pause : max(pause, Self.checkPause))
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

    /// What is there, asked again for a while where the engine gives no answer, or one that tells nothing: it may be restarting,
    /// or choosing a leader.
    func look(_ project: String) async throws -> ObservedStack {
        let watch = Stopwatch(clock)
        while true {
            do {
                return try await engine.observe(project)
            } catch let error as EngineError {
                if watch.elapsed > absence { throw error }
                try await clock.sleep(for: pause)
            }
        }
    }

    /// `tells`: good answers are told too.
    private func failedCheck(_ stage: RolloutStage, tells: Bool) async throws -> (url: String, reason: String)? {
        for check in stage.checks {
            let watch = Stopwatch(clock)
            while let reason = await answer(check.url, stage.preview) {
                try Task.checkCancellation()
                tell(.check(check.url, .coming(reason)))
                if watch.elapsed > check.within {
                    return (check.url, "no good answer within \(check.within.components.seconds) s: \(reason)")
                }
                try await clock.sleep(for: pause)
            }
            if tells { tell(.check(check.url, .up)) }
        }
        return nil
    }

    private func answer(_ url: String, _ preview: String?) async -> String? {
        if let preview, let askPreview { return await askPreview(url, (RouterRoutes.header, preview)) }
        return await ask(url)
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
