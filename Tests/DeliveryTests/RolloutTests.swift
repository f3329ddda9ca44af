import BuildEngine
import BuildGraph
import Synchronization
import Testing

@testable import Delivery

/// The state machine against an engine that misbehaves on cue: what it says is what runs, whatever happens.
@Suite struct RolloutTests {
    private func stack(_ images: [String: String]) -> StackFixture {
        StackFixture(services: images.mapValues { StackFixture.Service(image: $0, port: 1) })
    }

    private func rollout(_ engine: ScriptedEngine, ask: @escaping CheckAsker = { _ in nil }) -> Rollout {
        Rollout(engine: engine, ask: ask, tell: { _ in }, clock: SleepingClock())
    }

    @discardableResult
    private func deploy(
        _ engine: ScriptedEngine, _ images: [String: String], _ release: String, retries: Bool = false,
        checks: [RolloutCheck] = [], ask: @escaping CheckAsker = { _ in nil }
    ) async throws -> LedgerEntry {
        var plan = RolloutPlan(
            stack: stack(images).rendered, release: release, commit: "c-\(release)",
            origin: DeployOrigin(who: "t", why: "w", time: unixTime()))
        plan.checks = checks
        return try await rollout(engine, ask: ask).run(plan, retriesQuarantined: retries)
    }

    private func engine() -> ScriptedEngine {
        ScriptedEngine([
            "one": .good, "two": .good, "three": .good, "ends": .ends("exit status 1"), "never": .neverReady,
            "crash": .crashesAfter(3), "back": .takenBack, "paused": .paused,
        ])
    }

    private func drifts(_ engine: ScriptedEngine) async throws -> [Drift] {
        try await EnvironmentStatus(of: engine, project: "lms-test").drifts
    }

    @Test func whatComesUpIsDeployed() async throws {
        let engine = engine()
        let entry = try await deploy(engine, ["a": "one", "b": "one"], "r1")
        #expect(entry.end == .deployed)
        #expect(entry.running?.release == "r1")
        #expect(entry.commit == "c-r1")
        #expect(try await drifts(engine) == [])
    }

    @Test(arguments: ["ends", "never", "crash", "back", "paused"])
    func whatDoesNotComeUpTakesAllBack(image: String) async throws {
        let engine = engine()
        try await deploy(engine, ["a": "one", "b": "one", "c": "one"], "r1")
        let entry = try await deploy(engine, ["a": "two", "b": image, "c": "two"], "r2")
        #expect(entry.end == .rolledBack)
        #expect(entry.running?.release == "r1")
        #expect(entry.failed.keys.sorted() == ["b"])
        #expect(entry.quarantined == [image])
        #expect(engine.images == ["a": "one", "b": "one", "c": "one"])
        #expect(try await drifts(engine) == [])
    }

    @Test(arguments: ["ends", "never", "crash"])
    func aFirstDeployThatDoesNotComeUpLeavesNothing(image: String) async throws {
        let engine = engine()
        let entry = try await deploy(engine, ["a": "one", "b": image], "r1")
        #expect(entry.end == .rolledBack)
        #expect(entry.running == nil)
        #expect(engine.images == [:])
    }

    @Test func whatFailedIsNotTriedAgainUnasked() async throws {
        let engine = engine()
        try await deploy(engine, ["a": "one"], "r1")
        try await deploy(engine, ["a": "ends"], "r2")
        await #expect(throws: RolloutRefusal.self) { try await deploy(engine, ["a": "ends"], "r2") }
        // Twice in a row, and what is gone back to is still what ran before the first.
        let again = try await deploy(engine, ["a": "ends"], "r2", retries: true)
        #expect(again.end == .rolledBack)
        #expect(again.running?.release == "r1")
        #expect(engine.images == ["a": "one"])
        engine.state.withLock { $0.behaviours["ends"] = .good }
        #expect(try await deploy(engine, ["a": "ends"], "r2", retries: true).end == .deployed)
        #expect(try await deploy(engine, ["a": "one"], "r1").end == .deployed)
        #expect(try await deploy(engine, ["a": "ends"], "r2").end == .deployed)
    }

    @Test func aRollbackThatFailsTooIsNotRepeated() async throws {
        let engine = engine()
        try await deploy(engine, ["a": "one"], "r1")
        engine.state.withLock { $0.behaviours["one"] = .ends("no database") }
        let entry = try await deploy(engine, ["a": "ends"], "r2")
        #expect(entry.end == .rollbackFailed)
        #expect(entry.running == nil)
        #expect(entry.failed["a"]?.contains("exit status 1") == true)
        #expect(entry.failed["a"]?.contains("no database") == true)
        #expect(engine.state.withLock { $0.log.filter { $0 == "submit" }.count } == 3)
        #expect(try await !drifts(engine).isEmpty)
    }

    @Test func someBackAndSomeNotIsPartial() async throws {
        let engine = engine()
        try await deploy(engine, ["a": "one", "b": "three"], "r1")
        engine.state.withLock { $0.behaviours["three"] = .ends("no database") }
        let entry = try await deploy(engine, ["a": "ends", "b": "two"], "r2")
        #expect(entry.end == .partial)
        #expect(entry.running == nil)
    }

    @Test func anEngineThatFailsHalfWayTakesAllBack() async throws {
        let engine = engine()
        let services = ["a", "b", "c", "d", "e"]
        try await deploy(engine, Dictionary(uniqueKeysWithValues: services.map { ($0, "one") }), "r1")
        engine.state.withLock { $0.taken = 3 }
        let entry = try await deploy(engine, Dictionary(uniqueKeysWithValues: services.map { ($0, "two") }), "r2")
        #expect(entry.end == .rolledBack)
        #expect(Set(engine.images.values) == ["one"])
        #expect(entry.failed[""]?.contains("connection reset") == true)
    }

    @Test func anEngineThatIsAwayForAWhileIsWaitedFor() async throws {
        let engine = engine()
        try await deploy(engine, ["a": "one"], "r1")
        engine.state.withLock { $0.absence = ($0.calls + 14)..<($0.calls + 30) }
        let entry = try await deploy(engine, ["a": "two"], "r2")
        #expect(entry.end == .deployed)
        #expect(engine.state.withLock { $0.calls > $0.absence.upperBound })
    }

    @Test func anImageThatIsNowhereChangesNothing() async throws {
        let engine = engine()
        try await deploy(engine, ["a": "one"], "r1")
        let entry = try await deploy(engine, ["a": "gone"], "r2")
        #expect(entry.end == .rolledBack)
        #expect(entry.quarantined == [])
        #expect(engine.images == ["a": "one"])
        #expect(engine.state.withLock { $0.log.filter { $0 == "submit" }.count } == 1)
    }

    @Test func withoutAWayBackNothingIsBegun() async throws {
        let engine = engine()
        try await deploy(engine, ["a": "one"], "r1")
        engine.state.withLock { _ = $0.images.remove("one") }
        await #expect(throws: RolloutRefusal.self) { try await deploy(engine, ["a": "two"], "r2") }
        #expect(engine.images == ["a": "one"])
    }

    @Test func aCheckThatFailsTakesAllBack() async throws {
        let engine = engine()
        try await deploy(engine, ["a": "one"], "r1")
        let check = RolloutCheck(url: "http://127.0.0.1:1/", within: .seconds(3))
        let entry = try await deploy(engine, ["a": "two"], "r2", checks: [check], ask: { _ in "503" })
        #expect(entry.end == .rolledBack)
        #expect(entry.failed["http://127.0.0.1:1/"]?.contains("503") == true)
        #expect(engine.images == ["a": "one"])
        #expect(try await deploy(engine, ["a": "two"], "r2", checks: [check]).end == .deployed)
    }

    @Test func goingBackIsToTheLatestOtherThatCameUp() async throws {
        let engine = engine()
        try await deploy(engine, ["a": "one"], "r1")
        try await deploy(engine, ["a": "two"], "r2")
        try await deploy(engine, ["a": "ends"], "r3")
        let ledger = try await DeployLedger(on: engine.shelf)
        #expect(ledger.running?.release == "r2")
        #expect(ledger.beforeRunning?.release == "r1")
        #expect(ledger.entries.map(\.end) == [.deployed, .deployed, .rolledBack])
    }

    // MARK: Killed

    /// At each call in turn; then whoever comes next finds one release, and before that `status` never calls a mixture
    /// fine.
    @Test(arguments: [["a": "two", "b": "two"], ["a": "two", "b": "ends"]])
    func killedAnywhereItIsBroughtToAnEnd(images: [String: String]) async throws {
        var wasKilled = 0
        for step in 1...200 {
            let engine = engine()
            try await deploy(engine, ["a": "one", "b": "one"], "r1")
            let calls = engine.state.withLock { state in
                state.faults[state.calls + step] = Killed()
                return state.calls
            }
            do {
                try await deploy(engine, images, "r2")
                // What is only tidied up does not end a deployment.
                if engine.state.withLock({ $0.calls }) < calls + step { break }
            } catch is Killed {
                wasKilled += 1
            }
            let running = Set(engine.images.values)
            if try await drifts(engine).isEmpty { #expect(running.count == 1, "step \(step)") }
            let entry = try await rollout(engine).resume()
            let ledger = try await DeployLedger(on: engine.shelf)
            #expect(Set(engine.images.values).count == 1, "step \(step): \(engine.images)")
            #expect(try await drifts(engine) == [], "step \(step)")
            #expect(ledger.running?.release == (engine.images["a"] == "one" ? "r1" : "r2"), "step \(step)")
            if let entry { #expect(entry.end == .deployed || entry.end == .rolledBack, "step \(step)") }
            #expect(try await engine.shelf.list(.record).isEmpty, "step \(step)")
        }
        #expect(wasKilled > 15)
    }

    @Test func killedHalfWayThroughASubmissionAllGoesBack() async throws {
        let engine = engine()
        try await deploy(engine, ["a": "one", "b": "one"], "r1")
        engine.state.withLock { state in
            state.taken = 1
            state.isLastSubmission = true
        }
        await #expect(throws: Killed.self) { try await deploy(engine, ["a": "two", "b": "two"], "r2") }
        engine.state.withLock { $0.faults = [:] }
        #expect(try await !drifts(engine).isEmpty)
        let entry = try await rollout(engine).resume()
        #expect(entry?.end == .rolledBack)
        #expect(engine.images == ["a": "one", "b": "one"])
    }

    // MARK: Held

    @Test func ofTwoOnlyOneHoldsIt() async throws {
        let engine = engine()
        let now = unixTime()
        let own = LockHolder.own(who: "me", now: now, bound: .seconds(60))
        let first = try await DeployLock.take(engine.shelf, as: own)
        guard case .success(let lock) = first else {
            Issue.record("not given")
            return
        }
        guard case .failure(let held) = try await DeployLock.take(engine.shelf, as: own) else {
            Issue.record("given twice")
            return
        }
        #expect(held.holder?.who == "me")
        await lock.release()
        guard case .success = try await DeployLock.take(engine.shelf, as: own) else {
            Issue.record("not given back")
            return
        }
    }

    @Test func aHolderThatIsGoneIsPutAside() async throws {
        let engine = engine()
        let now = unixTime()
        let own = LockHolder.own(who: "me", now: now, bound: .seconds(60))
        // A process number that is in use by nobody who began then.
        let dead = own.json.text(pretty: false).replacing("\"begun\":\(own.begun)", with: "\"begun\":1")
        try await engine.shelf.create(.lock, "held", Array(dead.utf8))
        guard case .success = try await DeployLock.take(engine.shelf, as: own) else {
            Issue.record("a dead holder keeps it")
            return
        }
        let elsewhere = own.json.text(pretty: false).replacing(own.host, with: String(repeating: "0", count: 64))
        let later = LockHolder.own(who: "later", now: now + 61, bound: .seconds(60))
        engine.state.withLock { $0.documents[.lock] = ["held": Array(elsewhere.utf8)] }
        guard case .failure = try await DeployLock.take(engine.shelf, as: own) else {
            Issue.record("taken from somebody at work")
            return
        }
        guard case .success = try await DeployLock.take(engine.shelf, as: later) else {
            Issue.record("kept for ever")
            return
        }
    }
}
