import BuildEngine
import BuildGraph
import Synchronization
import Testing

@testable import Delivery

/// Blue-green and canary against an engine that misbehaves on cue: whoever comes through the router is always led to a set
/// that is up, and what is said is what runs.
@Suite struct SetRolloutTests {
    /// What speaks against a new set.
    enum Trouble: String, CaseIterable, Sendable {
        case nothing, neverUp, ends, previewSaysNo, usersSayNo, judgeSaysNo, crashesWhileHeld
    }

    static let canary = RolloutStrategy.canary(
        .init(steps: [.init(percent: 10, duration: 1500), .init(percent: 50, duration: 1500)], judge: ["judge"]))
    static let strategies: [RolloutStrategy] = [.blueGreen(.init()), canary, .blueGreen(.init(keep: 600_000))]

    @Test func theFirstDeploymentHasOneSet() async throws {
        let place = RoutedPlace()
        let entry = try await place.deploy("one", "r1", .blueGreen(.init()))
        #expect(entry.end == .deployed)
        #expect(entry.set == .blue)
        #expect(place.images == ["router": "router", "db": "db", "web-blue": "one"])
        #expect(place.shares == [.blue: 100])
        #expect(try await place.drifts() == [])
    }

    @Test(arguments: strategies) func aGoodSetTakesOver(strategy: RolloutStrategy) async throws {
        let place = RoutedPlace()
        try await place.deploy("one", "r1", strategy)
        let entry = try await place.deploy("two", "r2", strategy)
        #expect(entry.end == .deployed)
        #expect(entry.set == .green)
        #expect(place.shares == [.green: 100])
        #expect(place.images["web-green"] == "two")
        let isKept = strategy == .blueGreen(.init(keep: 600_000))
        #expect(place.images["web-blue"] == (isKept ? "one" : nil))
        #expect(entry.kept?.running.release == (isKept ? "r1" : nil))
        #expect(place.violations == [])
        #expect(try await place.drifts() == [])
        // And back to the other colour.
        #expect(try await place.deploy("three", "r3", strategy).set == .blue)
        #expect(place.images["web-blue"] == "three")
        #expect(place.violations == [])
    }

    @Test func usersAreMovedStepByStep() async throws {
        let place = RoutedPlace()
        try await place.deploy("one", "r1", Self.canary)
        place.heard.withLock { $0 = [] }
        try await place.deploy("two", "r2", Self.canary)
        #expect(
            place.steps == [
                .beside(new: .green, old: .blue), .moved(to: .green, percent: 10, for: .milliseconds(1500)),
                .moved(to: .green, percent: 50, for: .milliseconds(1500)), .moved(to: .green, percent: 100, for: .zero),
                .cleared(.blue),
            ])
        #expect(place.judged.withLock { $0.map { $0["LMSBUILD_PERCENT"] } } == ["10", "50"])
        #expect(place.judged.withLock { $0.last?["LMSBUILD_SET"] } == "green")
        #expect(place.judged.withLock { $0.last?["LMSBUILD_RELEASE"] } == "r2")
    }

    @Test(arguments: strategies, Trouble.allCases) func whatIsNotGoodIsTakenBack(
        strategy: RolloutStrategy, trouble: Trouble
    ) async throws {
        let isCanary = strategy == Self.canary
        if trouble == .nothing || (trouble == .judgeSaysNo || trouble == .crashesWhileHeld) && !isCanary { return }
        let place = RoutedPlace()
        try await place.deploy("one", "r1", strategy)
        place.trouble.withLock { $0 = trouble }
        let image = ["neverUp": "never", "ends": "ends", "crashesWhileHeld": "crash"][trouble.rawValue] ?? "two"
        let entry = try await place.deploy(image, "r2", strategy, database: "db2")
        #expect(entry.end == .rolledBack, "\(entry)")
        #expect(entry.running?.release == "r1")
        #expect(entry.set == .blue)
        #expect(entry.quarantined == [image])
        #expect(place.images == ["router": "router", "db": "db", "web-blue": "one"])
        #expect(place.shares == [.blue: 100])
        #expect(place.violations == [])
        let hasMoved = place.steps.contains { if case .moved = $0 { true } else { false } }
        #expect(hasMoved == [.usersSayNo, .judgeSaysNo, .crashesWhileHeld].contains(trouble))
        #expect(try await place.drifts() == [])
        await #expect(throws: RolloutRefusal.self) { try await place.deploy(image, "r2", strategy) }
        #expect(!entry.failed.isEmpty)
    }

    @Test func aKeptSetIsGoneBackToWithoutAStart() async throws {
        let place = RoutedPlace()
        let strategy = RolloutStrategy.blueGreen(.init(keep: 600_000))
        try await place.deploy("one", "r1", strategy)
        try await place.deploy("two", "r2", strategy)
        let started = place.versions
        let back = try await place.deploy("one", "r1", strategy, action: "rollback")
        #expect(back.end == .deployed)
        #expect(back.set == .blue)
        #expect(back.kept?.running.release == "r2")
        #expect(place.steps.last == .moved(to: .blue, percent: 100, for: .zero))
        #expect(place.versions.filter { $0.key != "router" } == started.filter { $0.key != "router" })
        #expect(place.violations == [])
        #expect(try await place.drifts() == [])
    }

    @Test func aSetThatIsKeptNoLongerGoesWithTheNextDeployment() async throws {
        let place = RoutedPlace()
        let strategy = RolloutStrategy.blueGreen(.init(keep: 600_000))
        try await place.deploy("one", "r1", strategy)
        let entry = try await place.deploy("two", "r2", strategy)
        // The same once more changes nothing.
        let versions = place.versions
        #expect(try await place.deploy("two", "r2", strategy).kept == entry.kept)
        #expect(place.versions == versions)
        #expect(place.images["web-blue"] == "one")
        let until = try #require(entry.kept?.until)
        place.engine.scripted.state.withLock { state in
            for (name, bytes) in state.documents[.ledger] ?? [:] {
                let text = String(decoding: bytes, as: UTF8.self).replacing("\"until\":\(until)", with: "\"until\":1")
                state.documents[.ledger]?[name] = Array(text.utf8)
            }
        }
        #expect(try await place.status().layout?.kept?.isOver == true)
        #expect(try await place.deploy("two", "r2", strategy).kept == nil)
        #expect(place.images == ["router": "router", "db": "db", "web-green": "two"])
        #expect(try await place.drifts() == [])
    }

    @Test func whereUsersWouldNoticeNothingNothingIsSwitched() async throws {
        let place = RoutedPlace()
        try await place.deploy("one", "r1", Self.canary)
        let entry = try await place.deploy("one", "r2", Self.canary, database: "db2")
        #expect(entry.set == .blue)
        #expect(place.images == ["router": "router", "db": "db2", "web-blue": "one"])
        #expect(place.steps == [])
    }

    @Test func allAtOnceStaysInItsSet() async throws {
        let place = RoutedPlace()
        try await place.deploy("one", "r1", .blueGreen(.init()))
        let entry = try await place.deploy("two", "r2", .rolling(.init()))
        #expect(entry.set == .blue)
        #expect(place.images["web-blue"] == "two")
        #expect(place.steps == [])
    }

    @Test func fromNoRouterAndBackToNone() async throws {
        let place = RoutedPlace()
        try await place.deploy("one", "r1", .rolling(.init()), isRouted: false)
        #expect(place.images == ["router": "router", "db": "db", "web": "one"])
        #expect(try await place.deploy("two", "r2", .blueGreen(.init())).set == .blue)
        #expect(place.images == ["router": "router", "db": "db", "web-blue": "two"])
        let bad = try await place.deploy("never", "r3", .rolling(.init()), isRouted: false)
        #expect(bad.end == .rolledBack)
        #expect(bad.set == .blue)
        #expect(place.images == ["router": "router", "db": "db", "web-blue": "two"])
        #expect(try await place.drifts() == [])
    }

    // MARK: At every step

    /// At every call in turn the process is killed. Then whoever comes next finds one set, and before that `status` never calls
    /// a mixture fine.
    @Test(arguments: strategies, [Trouble.nothing, .usersSayNo, .ends]) func killedAnywhereItIsBroughtToAnEnd(
        strategy: RolloutStrategy, trouble: Trouble
    ) async throws {
        try await atEveryStep(strategy, trouble, fault: Killed()) { place, step, entry in
            #expect(entry == nil, "step \(step)")
            if try await place.drifts().isEmpty {
                #expect(place.shares?.count == 1 && place.shares?.values.first == 100, "step \(step)")
            }
            if let entry = try await place.rollout.resume() {
                #expect(entry.end == .deployed || entry.end == .rolledBack, "step \(step): \(entry)")
            }
            #expect(try await place.drifts() == [], "step \(step)")
            #expect(try await place.engine.shelf.list(.record).isEmpty, "step \(step)")
        }
    }

    /// At every call in turn the engine says no. What is then said is true.
    @Test(arguments: strategies, [Trouble.nothing, .usersSayNo, .judgeSaysNo]) func refusedAnywhereWhatIsSaidIsTrue(
        strategy: RolloutStrategy, trouble: Trouble
    ) async throws {
        try await atEveryStep(strategy, trouble, fault: EngineError(.refused, "no")) { place, step, entry in
            guard let entry, entry.end != .partial else {
                if try await place.drifts().isEmpty { #expect(place.shares?.count == 1, "step \(step)") }
                return
            }
            #expect([RolloutEnd.deployed, .rolledBack].contains(entry.end), "step \(step)")
            #expect(try await place.drifts() == [], "step \(step): \(entry)")
        }
    }

    private func atEveryStep(
        _ strategy: RolloutStrategy, _ trouble: Trouble, fault: any Error,
        _ check: (RoutedPlace, Int, LedgerEntry?) async throws -> Void
    ) async throws {
        var faults = 0
        for step in 1...400 {
            let place = RoutedPlace()
            try await place.deploy("one", "r1", strategy)
            place.trouble.withLock { $0 = trouble }
            let calls = place.engine.scripted.state.withLock { state in
                state.faults[state.calls + step] = fault
                return state.calls
            }
            var entry: LedgerEntry?
            do {
                entry = try await place.deploy(trouble == .ends ? "ends" : "two", "r2", strategy)
                if place.engine.scripted.state.withLock({ $0.calls }) < calls + step { break }
            } catch is Killed {
            } catch is EngineError {}
            faults += 1
            // What is only tidied up does not end a deployment.
            if fault is Killed, entry != nil { continue }
            try await check(place, step, entry)
            let users = place.shares ?? [:]
            for (set, share) in users where share > 0 {
                #expect(place.images["web-\(set.rawValue)"] != nil, "step \(step): \(users) \(place.images)")
            }
            #expect(place.violations == [], "step \(step)")
        }
        #expect(faults > 30)
    }
}

/// A stack with a router on a scripted engine.
final class RoutedPlace: Sendable {
    let engine: WatchedEngine
    let trouble = Mutex(SetRolloutTests.Trouble.nothing)
    let heard: Mutex<[RolloutStep]> = Mutex([])
    let judged: Mutex<[[String: String]]> = Mutex([])
    /// What a deployment has waited for, and what was said to it.
    let waiting: Mutex<[PromotionWait]> = Mutex([])
    let words: Mutex<[String]> = Mutex([])
    /// What others do when it begins to wait, or a step.
    let onWait: Mutex<(@Sendable (PromotionWait) -> Void)?> = Mutex(nil)
    let announce: Mutex<(@Sendable (PromotionWait) async throws -> Void)?> = Mutex(nil)
    let onStep: Mutex<(@Sendable (RolloutStep) -> Void)?> = Mutex(nil)

    init() {
        engine = WatchedEngine(
            ScriptedEngine([
                "one": .good, "two": .good, "three": .good, "db": .good, "db2": .good, "router": .good,
                "never": .neverReady, "ends": .ends("exit status 1"), "crash": .crashesAfter(9),
            ]))
    }

    var rollout: Rollout {
        var rollout = Rollout(
            engine: engine,
            ask: { _ in
                self.trouble.withLock { $0 } == .usersSayNo && (self.shares?[.green] ?? 0) > 0 ? "status 500" : nil
            },
            tell: { event in
                self.hear(event)
            }, clock: SleepingClock())
        rollout.announce = { wait in
            let hook = self.announce.withLock { $0 }
            await #expect(throws: Never.self) { try await hook?(wait) }
        }
        rollout.askPreview = { _, _ in
            switch self.trouble.withLock({ $0 }) {
            case .previewSaysNo: "status 500"
            case .usersSayNo where (self.shares?[.green] ?? 0) > 0: "status 500"
            default: nil
            }
        }
        rollout.judgeStep = { _, facts in
            self.judged.withLock { $0.append(facts) }
            return self.trouble.withLock { $0 } == .judgeSaysNo && facts["LMSBUILD_PERCENT"] == "50" ? "too slow" : nil
        }
        return rollout
    }

    private func hear(_ event: RolloutEvent) {
        switch event {
        case .step(let step):
            heard.withLock { $0.append(step) }
            onStep.withLock { $0 }?(step)
        case .waiting(let wait):
            waiting.withLock { $0.append(wait) }
            onWait.withLock { $0 }?(wait)
        case .said(let word): words.withLock { $0.append(word.shown) }
        default: break
        }
    }

    var waits: [PromotionWait] { waiting.withLock { $0 } }
    var told: [String] { words.withLock { $0 } }

    @discardableResult
    func deploy(
        _ image: String, _ release: String, _ strategy: RolloutStrategy, database: String = "db",
        action: String = "deploy", isRouted: Bool = true
    ) async throws -> LedgerEntry {
        let stack = StackFixture(services: [
            "web": .init(image: image, port: 1), "db": .init(image: database, port: 2),
            "router": .init(image: "router", port: 3),
        ]).rendered
        var plan = RolloutPlan(
            stack: isRouted ? stack.routed(Self.routing) : stack, release: release, commit: nil,
            origin: DeployOrigin(who: "t", why: "", time: unixTime()))
        plan.strategy = strategy
        plan.action = action
        plan.watch = .seconds(1)
        plan.checks = [RolloutCheck(url: "http://127.0.0.1:1/", within: .seconds(3))]
        return try await rollout.run(plan)
    }

    static let routing = Routing(
        router: "router",
        routes: [.init(service: "web", listen: "127.0.0.1:18400", ports: [.blue: "18401", .green: "18402"])])

    var images: [String: String] { engine.scripted.images }
    var violations: [String] { engine.violations.withLock { $0 } }
    var steps: [RolloutStep] { heard.withLock { $0 } }
    var shares: [ServiceSet: Int]? { engine.scripted.state.withLock { WatchedEngine.shares($0.services) } }
    /// Counted up with each change of a service.
    var versions: [String: String] {
        engine.scripted.state.withLock { $0.services.mapValues { $0.stack.specHash.hex } }
    }

    func status() async throws -> EnvironmentStatus { try await EnvironmentStatus(of: engine, project: "lms-test") }
    func drifts() async throws -> [Drift] { try await status().drifts }
}

/// Sees to it that nobody who comes through the router is led to a set that is not up, and that no set goes while the router
/// may still lead somebody there.
final class WatchedEngine: DeployEngine {
    let scripted: ScriptedEngine
    let violations: Mutex<[String]> = Mutex([])
    /// What was replaced where it stood, with users on it: only a rolling deployment does so.
    let replaced: Mutex<[String]> = Mutex([])

    init(_ scripted: ScriptedEngine) { self.scripted = scripted }

    static func shares(_ services: [String: ScriptedEngine.Running]) -> [ServiceSet: Int]? {
        let labels = services["router"]?.stack.entry.at("deploy", "labels")?.texts ?? [:]
        return DeployLabel.sharing(in: labels)
    }

    func submit(_ stack: RenderedStack, release: String) async throws {
        let before = scripted.state.withLock { $0.services }
        try await scripted.submit(stack, release: release)
        let after = scripted.state.withLock { $0.services }
        guard let old = Self.shares(before), let new = Self.shares(after) else { return }
        var found: [String] = []
        for (set, share) in new where share > 0 && old[set] == nil {
            let there = before["web-\(set.rawValue)"]
            if there == nil || (there?.looks ?? 0) < 2 { found.append("users come to \(set) before it is up") }
            if there?.stack.specHash != after["web-\(set.rawValue)"]?.stack.specHash {
                found.append("\(set) is changed while users come to it")
            }
        }
        for (set, share) in old where share > 0 && after["web-\(set.rawValue)"] == nil {
            found.append("\(set) goes while users are led there")
        }
        violations.withLock { $0 += found }
        for set in ServiceSet.allCases where old[set] ?? 0 > 0 {
            let name = "web-\(set.rawValue)"
            if before[name]?.stack.specHash != after[name]?.stack.specHash, after[name] != nil {
                replaced.withLock { $0.append(name) }
            }
        }
    }

    var name: String { scripted.name }
    var undoesUpdates: Bool { scripted.undoesUpdates }
    var shelf: any Shelf { scripted.shelf }
    func observe(_ project: String) async throws -> ObservedStack {
        let seen = try await scripted.observe(project)
        // Labels of the description are the service's.
        return scripted.state.withLock { state in
            ObservedStack(
                services: seen.services.values.map { service in
                    var labels = service.labels
                    labels.merge(state.services[service.name]?.stack.entry.at("deploy", "labels")?.texts ?? [:]) { $1 }
                    return ObservedService(
                        name: service.name, version: service.version, image: service.image, labels: labels,
                        update: service.update, tasks: service.tasks, description: service.description)
                }, configs: configs.withLock { $0 })
        }
    }

    private let configs: Mutex<[String: String]> = Mutex([:])

    func hasImage(_ reference: String) async throws -> Bool { try await scripted.hasImage(reference) }
    func pinned(_ reference: String, digest: String?) async throws -> String? { reference }
    func prepare(_ stack: RenderedStack) async throws {
        try await scripted.prepare(stack)
        configs.withLock { configs in
            for config in stack.configs { configs[config.engineName] = SHA256Value.of(config.bytes).hex }
        }
    }
    func remove(_ project: String) async throws { try await scripted.remove(project) }
    func collectGarbage(_ project: String, keeping kept: Set<String>) async throws {
        try await scripted.collectGarbage(project, keeping: kept)
        configs.withLock { configs in configs = configs.filter { kept.contains($0.key) } }
    }
    func lastLines(of task: ObservedTask) async -> [String] { [] }
}
