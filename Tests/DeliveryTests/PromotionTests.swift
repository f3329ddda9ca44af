import BuildEngine
import BuildGraph
import Synchronization
import Testing

@testable import Delivery

/// Steps that wait for somebody's word, against an engine that misbehaves on cue: what others say decides, once, and whatever
/// happens to the process that waits, users are led to a set that is up.
@Suite struct PromotionTests {
    static let canary = RolloutStrategy.canary(
        .init(
            steps: [
                .init(percent: 10, duration: 60_000, isUntilPromoted: true), .init(percent: 50, duration: 1500),
            ], judge: ["judge"]))
    static let blueGreen = RolloutStrategy.blueGreen(.init(promotion: 60_000))
    static let strategies = [blueGreen, canary]

    private func said(_ kind: PromotionWord.Kind, _ why: String = "") -> PromotionWord {
        PromotionWord(kind, by: DeployOrigin(who: "ada", why: why, time: 7))
    }

    /// One runs, and whoever waits for a word hears `word`; nil: nobody says anything.
    private func place(
        _ strategy: RolloutStrategy, hearing word: PromotionWord?,
        during more: @escaping @Sendable (RoutedPlace) -> Void = { _ in }
    ) async throws -> RoutedPlace {
        let place = RoutedPlace()
        try await place.deploy("one", "r1", strategy)
        place.onWait.withLock { hook in
            hook = { wait in
                more(place)
                if let word { place.write(.word, wait.name, word.bytes) }
            }
        }
        return place
    }

    @Test(arguments: strategies) func whatIsPromotedGoesOn(strategy: RolloutStrategy) async throws {
        let word = said(.promote, "looks good")
        let place = try await place(strategy, hearing: word)
        let entry = try await place.deploy("two", "r2", strategy)
        #expect(entry.end == .deployed, "\(entry)")
        #expect(place.images["web-green"] == "two")
        #expect(place.shares == [.green: 100])
        #expect(entry.promoted == [word.origin])
        // As it is written down, too.
        #expect(LedgerEntry(reading: Array(entry.json.text(pretty: false).utf8)) == entry)
        let wait = try #require(place.waits.first)
        #expect(place.waits.count == 1)
        #expect(wait.percent == (strategy == Self.canary ? 10 : 0))
        #expect(wait.until - wait.since == 60)
        #expect(wait.release == "r2" && wait.set == .green && wait.who == "t")
        #expect(place.told == ["promoted by ada: looks good"])
        #expect(
            place.judged.withLock { $0.map { $0["LMSBUILD_PERCENT"] } }
                == (strategy == Self.canary ? ["10", "50"] : []))
        #expect(place.violations == [])
        #expect(try await place.leftovers() == [])
        #expect(try await place.drifts() == [])
    }

    @Test(arguments: strategies) func whatIsAbortedGoesBack(strategy: RolloutStrategy) async throws {
        let place = try await place(strategy, hearing: said(.abort, "too slow"))
        let entry = try await place.deploy("two", "r2", strategy, database: "db2")
        #expect(entry.end == .rolledBack)
        #expect(entry.failed == ["promotion": "aborted by ada: too slow"])
        // Somebody has seen it, and does not want it.
        #expect(entry.quarantined == ["two"])
        #expect(entry.promoted == [])
        #expect(place.images == ["router": "router", "db": "db", "web-blue": "one"])
        #expect(place.shares == [.blue: 100])
        #expect(place.judged.withLock { $0.isEmpty })
        #expect(place.violations == [])
        #expect(try await place.leftovers() == [])
        #expect(try await place.drifts() == [])
    }

    @Test(arguments: strategies) func whatNobodyPromotesInTimeGoesBack(strategy: RolloutStrategy) async throws {
        let place = try await place(strategy, hearing: nil)
        let entry = try await place.deploy("two", "r2", strategy)
        #expect(entry.end == .rolledBack)
        #expect(entry.failed == ["promotion": "nobody promoted it in time"])
        // Nobody has said that it is bad.
        #expect(entry.quarantined == [])
        #expect(place.shares == [.blue: 100])
        #expect(place.violations == [])
        #expect(try await place.leftovers() == [])
        place.onWait.withLock { $0 = { place.write(.word, $0.name, PromotionWord(.promote, by: entry.origin).bytes) } }
        #expect(try await place.deploy("two", "r2", strategy).end == .deployed)
    }

    @Test(arguments: strategies) func whatGoesDownWhileItWaitsGoesBack(strategy: RolloutStrategy) async throws {
        let place = try await place(strategy, hearing: nil) { place in
            place.engine.scripted.state.withLock { $0.behaviours["two"] = .crashesAfter(1) }
        }
        let entry = try await place.deploy("two", "r2", strategy)
        #expect(entry.end == .rolledBack)
        #expect(entry.failed["web-green"]?.contains("was up, then") == true, "\(entry.failed)")
        #expect(entry.quarantined == ["two"])
        #expect(place.violations == [])
    }

    @Test(arguments: strategies) func whoseChecksFailWhileItWaitsGoesBack(strategy: RolloutStrategy) async throws {
        let place = try await place(strategy, hearing: nil) { $0.trouble.withLock { $0 = .previewSaysNo } }
        let entry = try await place.deploy("two", "r2", strategy)
        #expect(entry.end == .rolledBack)
        #expect(entry.failed["http://127.0.0.1:1/"]?.contains("status 500") == true, "\(entry.failed)")
        #expect(place.violations == [])
    }

    @Test func theWayBackWaitsForNobody() async throws {
        let strategy = RolloutStrategy.blueGreen(.init(keep: 600_000, promotion: 60_000))
        let place = try await place(strategy, hearing: said(.promote))
        try await place.deploy("two", "r2", strategy)
        let back = try await place.deploy("one", "r1", strategy, action: "rollback")
        #expect(back.end == .deployed)
        #expect(place.waits.count == 1)
        #expect(place.shares == [.blue: 100])
        // Forward again to the set that is kept: nobody has promoted it this time.
        let again = try await place.deploy("two", "r2", strategy)
        #expect(again.end == .deployed)
        #expect(place.waits.count == 2)
        #expect(try await place.drifts() == [])
    }

    // MARK: Without waiting

    @Test func anyStepBeforeTheSwitchCanBeAborted() async throws {
        for strategy in [RolloutStrategy.blueGreen(.init()), SetRolloutTests.canary] {
            let place = RoutedPlace()
            try await place.deploy("one", "r1", strategy)
            let word = said(.abort)
            place.onStep.withLock { hook in
                hook = { step in
                    guard step == place.lastBeforeSwitch(strategy), let record = place.records.keys.first else {
                        return
                    }
                    place.write(.word, record, word.bytes)
                }
            }
            let entry = try await place.deploy("two", "r2", strategy)
            #expect(entry.end == .rolledBack, "\(entry)")
            #expect(entry.failed == ["promotion": "aborted by ada"])
            #expect(entry.quarantined == ["two"])
            #expect(place.shares == [.blue: 100])
            #expect(place.violations == [])
            #expect(try await place.leftovers() == [])
        }
    }

    @Test func afterTheSwitchItIsTooLate() async throws {
        let place = RoutedPlace()
        try await place.deploy("one", "r1", Self.canary)
        let answer: Mutex<PromotionWord?> = Mutex(nil)
        place.onWait.withLock { $0 = { place.write(.word, $0.name, PromotionWord(.promote, by: place.origin).bytes) } }
        place.onStep.withLock { hook in
            hook = { step in
                guard case .moved(_, 100, _) = step, let record = place.records.keys.first else { return }
                answer.withLock { $0 = place.document(.word, record).flatMap { PromotionWord(reading: $0) } }
            }
        }
        #expect(try await place.deploy("two", "r2", Self.canary).end == .deployed)
        // Whoever aborts now finds the name taken, and is told.
        #expect(answer.withLock { $0?.kind } == .switched)
    }

    // MARK: From another process

    @Test(arguments: strategies) func statusTellsThatItWaits(strategy: RolloutStrategy) async throws {
        let place = RoutedPlace()
        try await place.deploy("one", "r1", strategy)
        let task = Mutex<Result<EnvironmentStatus, any Error>?>(nil)
        let own = LockHolder.own(who: "t", now: unixTime(), bound: .seconds(60))
        let lock = try await DeployLock.take(place.engine.shelf, as: own).get()
        place.announce.withLock { hook in
            hook = { wait in
                let status = try await place.status()
                task.withLock { $0 = .success(status) }
                let open = try #require(status.open)
                #expect(open.changesSets)
                // The first word counts.
                #expect(try await open.say(PromotionWord(.promote, by: place.origin), on: place.engine.shelf) == nil)
                let second = try await open.say(PromotionWord(.abort, by: place.origin), on: place.engine.shelf)
                #expect(second?.kind == .promote)
                #expect(try await !open.isHeard(on: place.engine.shelf))
                #expect(open.wait == wait)
            }
        }
        #expect(try await place.deploy("two", "r2", strategy).end == .deployed)
        let status = try #require(try task.withLock { try $0?.get() })
        #expect(status.open?.holder == own)
        #expect(status.open?.wait?.release == "r2")
        // What waits is as it should be.
        #expect(status.drifts == [])
        #expect(status.running?.wanted.release == "r1")
        #expect(status.shares == (strategy == Self.canary ? [.blue: 90, .green: 10] : [.blue: 100]))
        await lock.release()
        #expect(try await place.status().open == nil)
    }

    @Test func aDeploymentThatIsUnderWayIsNotCalledEnded() async throws {
        let place = RoutedPlace()
        try await place.deploy("one", "r1", Self.blueGreen)
        await #expect(throws: Killed.self) { try await self.endedWaiting(place, Self.blueGreen) }
        #expect(try await place.status().drifts.contains { $0.kind == .unfinished && $0.found == nil })
        let own = LockHolder.own(who: "t", now: unixTime(), bound: .seconds(60))
        _ = try await DeployLock.take(place.engine.shelf, as: own).get()
        place.engine.scripted.state.withLock { $0.documents[.waiting] = nil }
        #expect(try await place.status().drifts.contains { $0.kind == .unfinished && $0.found == "under way" })
    }

    // MARK: Killed

    /// The process is killed at the second call after it began to wait.
    private func endedWaiting(_ place: RoutedPlace, _ strategy: RolloutStrategy) async throws {
        place.onWait.withLock { hook in
            hook = { _ in place.engine.scripted.state.withLock { $0.faults[$0.calls + 2] = Killed() } }
        }
        try await place.deploy("two", "r2", strategy, database: "db2")
    }

    @Test(arguments: strategies) func killedWhileItWaitedItIsTakenBack(strategy: RolloutStrategy) async throws {
        let place = RoutedPlace()
        try await place.deploy("one", "r1", strategy)
        await #expect(throws: Killed.self) { try await self.endedWaiting(place, strategy) }
        #expect(try await place.status().open?.wait != nil)
        #expect(try await !place.drifts().isEmpty)
        let entry = try #require(try await place.rollout.resume())
        #expect(entry.end == .rolledBack)
        #expect(place.images == ["router": "router", "db": "db", "web-blue": "one"])
        #expect(place.violations == [])
        #expect(try await place.drifts() == [])
        #expect(try await place.leftovers() == [])
    }

    @Test(arguments: strategies) func killedWhileItWaitedItCanStillBePromoted(strategy: RolloutStrategy) async throws {
        let place = RoutedPlace()
        try await place.deploy("one", "r1", strategy)
        await #expect(throws: Killed.self) { try await self.endedWaiting(place, strategy) }
        let entry = try #require(
            try await place.rollout.resume(said(.promote)) { plan in
                plan.strategy = strategy
                plan.checks = [RolloutCheck(url: "http://127.0.0.1:1/", within: .seconds(3))]
            })
        #expect(entry.end == .deployed, "\(entry)")
        #expect(entry.promoted.map(\.who) == ["ada"])
        #expect(place.images == ["router": "router", "db": "db2", "web-green": "two"])
        // What comes after the step that waited is not left out.
        #expect(
            place.judged.withLock { $0.map { $0["LMSBUILD_PERCENT"] } }
                == (strategy == Self.canary ? ["10", "50"] : []))
        #expect(place.violations == [])
        #expect(try await place.drifts() == [])
        #expect(try await place.leftovers() == [])
    }

    @Test(arguments: strategies) func killedWhileItWaitedItCanBeAborted(strategy: RolloutStrategy) async throws {
        let place = RoutedPlace()
        try await place.deploy("one", "r1", strategy)
        await #expect(throws: Killed.self) { try await self.endedWaiting(place, strategy) }
        let entry = try #require(try await place.rollout.resume(said(.abort, "no")))
        #expect(entry.end == .rolledBack)
        #expect(entry.failed == ["promotion": "aborted by ada: no"])
        #expect(entry.quarantined == ["two"])
        #expect(try await place.drifts() == [])
        #expect(try await place.leftovers() == [])
    }

    @Test func whatWaitedIsNotPromotedWhereItIsNotThereAnyMore() async throws {
        let place = RoutedPlace()
        try await place.deploy("one", "r1", Self.canary)
        await #expect(throws: Killed.self) { try await self.endedWaiting(place, Self.canary) }
        // By hand.
        place.engine.scripted.state.withLock { $0.services["web-green"] = nil }
        let entry = try await place.rollout.resume(said(.promote)) { $0.strategy = Self.canary }
        #expect(entry?.end == .rolledBack)
        #expect(place.shares == [.blue: 100])
        #expect(try await place.drifts() == [])
    }

    /// At every call in turn the process is killed, while somebody promotes what waits. Whoever comes next finds one set.
    @Test(arguments: strategies) func killedAnywhereItIsBroughtToAnEnd(strategy: RolloutStrategy) async throws {
        var kills = 0
        for step in 1...400 {
            let place = try await place(strategy, hearing: said(.promote))
            let calls = place.engine.scripted.state.withLock { state in
                state.faults[state.calls + step] = Killed()
                return state.calls
            }
            do {
                try await place.deploy("two", "r2", strategy)
                if place.engine.scripted.state.withLock({ $0.calls }) < calls + step { break }
                continue
            } catch is Killed {}
            kills += 1
            if try await place.drifts().isEmpty { #expect(place.shares?.values.first == 100, "step \(step)") }
            if let entry = try await place.rollout.resume() {
                #expect(entry.end == .deployed || entry.end == .rolledBack, "step \(step): \(entry)")
            }
            #expect(try await place.drifts() == [], "step \(step)")
            #expect(place.shares?.count == 1, "step \(step)")
            #expect(place.violations == [], "step \(step)")
            #expect(try await place.engine.shelf.list(.record).isEmpty, "step \(step)")
        }
        #expect(kills > 30)
    }

    @Test func anEngineThatDoesNotAnswerHasSaidNothing() async throws {
        let place = try await place(Self.canary, hearing: said(.promote)) { place in
            place.engine.scripted.state.withLock { $0.absence = ($0.calls + 1)..<($0.calls + 20) }
        }
        let entry = try await place.deploy("two", "r2", Self.canary)
        #expect(entry.end == .deployed, "\(entry)")
        #expect(entry.promoted.map(\.who) == ["ada"])
    }
}

extension RoutedPlace {
    var origin: DeployOrigin { DeployOrigin(who: "ada", why: "", time: 7) }
    var records: [String: [UInt8]] { engine.scripted.state.withLock { $0.documents[.record] ?? [:] } }

    func write(_ kind: ShelfKind, _ name: String, _ bytes: [UInt8]) {
        engine.scripted.state.withLock { $0.documents[kind, default: [:]][name] = bytes }
    }

    func document(_ kind: ShelfKind, _ name: String) -> [UInt8]? {
        engine.scripted.state.withLock { $0.documents[kind]?[name] }
    }

    /// What nobody needs after a deployment.
    func leftovers() async throws -> [String] {
        var names: [String] = []
        for kind in [ShelfKind.waiting, .word, .record] { names += try await engine.shelf.list(kind).keys }
        return names
    }

    func lastBeforeSwitch(_ strategy: RolloutStrategy) -> RolloutStep {
        if case .canary(let canary) = strategy, let step = canary.steps.last {
            return .moved(to: .green, percent: step.percent, for: .milliseconds(step.duration))
        }
        return .beside(new: .green, old: .blue)
    }
}
