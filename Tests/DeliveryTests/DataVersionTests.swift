import BuildEngine
import BuildGraph
import Synchronization
import Testing

@testable import Delivery

/// Data that cannot be taken back, against an engine that misbehaves on cue.
@Suite struct DataVersionTests {
    private let engine = ScriptedEngine([
        "one": .good, "two": .good, "ends": .ends("exit status 1"), "back": .takenBack,
    ])

    /// One service with its image and the version of its data, beside one that never changes.
    @discardableResult
    private func deploy(
        _ image: String, data: Int?, _ release: String, allows: Bool = false
    ) async throws -> LedgerEntry {
        var stack = StackFixture(services: ["a": .init(image: image, port: 1), "b": .init(image: "one", port: 2)])
        if let data { stack.services["a"]?.labels = [DataVersion.label: "\(data)"] }
        var plan = RolloutPlan(
            stack: stack.rendered, release: release, commit: nil,
            origin: DeployOrigin(who: "t", why: "", time: unixTime()))
        plan.allowsIrreversible = allows
        let rollout = Rollout(engine: engine, ask: { _ in nil }, tell: { _ in }, clock: SleepingClock())
        return try await rollout.run(plan, retriesQuarantined: true)
    }

    private func refusal(_ body: () async throws -> LedgerEntry) async throws -> [String: String]? {
        do {
            _ = try await body()
            return nil
        } catch RolloutRefusal.irreversible(let services) {
            return services
        }
    }

    @Test func aFirstDeployHasNoDataToLose() async throws {
        #expect(try await deploy("one", data: 3, "r1").end == .deployed)
        #expect(try await deploy("two", data: 3, "r2").end == .deployed)
        #expect(try await deploy("one", data: 3, "r1").end == .deployed)
    }

    @Test func forwardAndBackNeedPermission() async throws {
        try await deploy("one", data: nil, "r1")
        let forward = try await refusal { try await deploy("two", data: 1, "r2") }
        #expect(forward?.keys.sorted() == ["a"])
        #expect(forward?["a"]?.contains("no way back") == true)
        #expect(engine.images == ["a": "one", "b": "one"])
        #expect(try await deploy("two", data: 1, "r2", allows: true).end == .deployed)
        let back = try await refusal { try await deploy("one", data: nil, "r1") }
        #expect(back?["a"]?.contains("made for version 0, cannot read") == true)
        // The stack at hand says what the image it names does not know of.
        #expect(try await refusal { try await deploy("one", data: 1, "r1") }?.keys.sorted() == ["a"])
        #expect(engine.images == ["a": "two", "b": "one"])
        #expect(try await deploy("one", data: nil, "r1", allows: true).end == .deployed)
        #expect(engine.images == ["a": "one", "b": "one"])
    }

    /// Somebody put a container there by hand, without the label: what should run is brought back all the same.
    @Test func aLabelThatIsGoneIsNoOlderData() async throws {
        try await deploy("one", data: 1, "r1")
        engine.state.withLock { state in
            let byHand = StackFixture(services: ["a": .init(image: "two", port: 1)]).rendered.services[0]
            state.services["a"]?.stack = byHand
        }
        #expect(try await deploy("one", data: 1, "r1").end == .deployed)
        #expect(engine.images == ["a": "one", "b": "one"])
    }

    /// Neither by lmsbuild nor by the engine itself.
    @Test(arguments: ["ends", "back"]) func whatFailsIsNotTakenBack(image: String) async throws {
        try await deploy("one", data: nil, "r1")
        let entry = try await deploy(image, data: 1, "r2", allows: true)
        #expect(entry.end == .partial)
        #expect(entry.running == nil)
        #expect(entry.failed["a"]?.contains("not taken back") == true)
        #expect(engine.images == ["a": image, "b": "one"])
        #expect(try await !EnvironmentStatus(of: engine, project: "lms-test").drifts.isEmpty)
        // What mends it needs no permission.
        #expect(try await deploy("two", data: 1, "r3").end == .deployed)
        #expect(try await EnvironmentStatus(of: engine, project: "lms-test").drifts == [])
    }

    /// Where nothing of it was handed over, no data has changed.
    @Test func whatWasNotHandedOverIsTakenBack() async throws {
        try await deploy("one", data: nil, "r1")
        engine.state.withLock { $0.taken = 0 }
        let entry = try await deploy("two", data: 1, "r2", allows: true)
        #expect(entry.end == .rolledBack)
        #expect(entry.running?.release == "r1")
    }

    /// Nor by whoever finds that somebody was killed there.
    @Test func killedItIsNotTakenBackEither() async throws {
        try await deploy("one", data: nil, "r1")
        engine.state.withLock { state in
            state.taken = 1
            state.isLastSubmission = true
        }
        await #expect(throws: Killed.self) { try await deploy("two", data: 1, "r2", allows: true) }
        engine.state.withLock { $0.faults = [:] }
        let rollout = Rollout(engine: engine, ask: { _ in nil }, tell: { _ in }, clock: SleepingClock())
        let entry = try await rollout.resume()
        #expect(entry?.end == .deployed || entry?.end == .partial, "\(String(describing: entry))")
        #expect(engine.images["a"] == "two")
    }

    /// After a mixture, what came up before it is what to go back to: never nothing at all.
    @Test func afterAMixtureTheLastWholeReleaseIsGoneBackTo() async throws {
        try await deploy("one", data: nil, "r1")
        engine.state.withLock { $0.behaviours["one"] = .ends("no database") }
        #expect(try await deploy("ends", data: nil, "r2").end == .rollbackFailed)
        engine.state.withLock { $0.behaviours["one"] = .good }
        let entry = try await deploy("ends", data: nil, "r3")
        #expect(entry.end == .rolledBack, "\(entry)")
        #expect(entry.running?.release == "r1")
        #expect(engine.images == ["a": "one", "b": "one"])
    }

    @Test func whatIsNoNumberIsNoVersion() {
        var stack = StackFixture(services: ["a": .init(image: "one", port: 1)])
        for (text, version) in [("2", 2), ("two", nil), ("-1", nil), ("", nil)] as [(String, Int?)] {
            stack.services["a"]?.labels = [DataVersion.label: text]
            #expect(stack.rendered.services.first?.dataVersion == version)
            #expect(stack.rendered.services.first?.dataLabel == text)
        }
    }
}
