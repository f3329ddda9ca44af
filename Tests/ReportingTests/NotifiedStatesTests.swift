import BuildEngine
import BuildGraph
import BuildTestSupport
import Buildfile
import Testing

@testable import Reporting

/// Once per change of state, and to those who asked for it.
@Suite struct NotifiedStatesTests {
    private var origin: StateChange.Origin {
        var origin = StateChange.Origin(project: "shop", time: 1_800_000_000)
        origin.branch = "main"
        return origin
    }

    private func label(_ text: String) -> Label {
        let parts = text.split(separator: ":").map(String.init)
        return Label(component: parts[0], stage: parts[1])
    }

    private func report(_ text: String, _ outcome: TargetReport.Outcome) -> TargetReport {
        TargetReport(
            label: label(text), inputHash: InputHash(SHA256Value.of([])), outcome: outcome, duration: .seconds(1),
            saved: .zero, output: [], image: nil, imageDigest: nil, isCheck: false)
    }

    private func failure(_ kind: ActionFailure.Kind) -> TargetReport.Outcome {
        .failed(ActionFailure(kind: kind, diagnostic: Diagnostic(.actionFailed, .error, "it ended with status 1")))
    }

    /// What one run changes; `+` before a label: it fails by a gate.
    private func run(
        _ states: inout NotifiedStates, failing: [String], passing: [String] = [], on branch: String = "main",
        gone: Set<String> = []
    ) -> [StateChange] {
        var run = RunStates(watching: states.failing)
        for name in failing {
            run.receive(report(name.replacing("+", with: ""), failure(name.hasPrefix("+") ? .gate : .failed)))
        }
        for name in passing { run.receive(report(name, .cached(restored: false))) }
        var origin = origin
        origin.branch = branch
        return states.take(run, origin, owners: { ["team-" + $0] }, isThere: { !gone.contains($0) })
    }

    private func titles(_ changes: [StateChange]) -> [String] { changes.map(\.title) }

    @Test func aFailureIsToldOnceAndItsEndOnce() {
        var states = NotifiedStates()
        #expect(states.isIdle)
        #expect(run(&states, failing: [], passing: ["a:unit"]).isEmpty)
        #expect(titles(run(&states, failing: ["a:unit"])) == ["a:unit fails on main"])
        #expect(!states.isIdle)
        for _ in 0..<3 { #expect(run(&states, failing: ["a:unit"]).isEmpty) }
        // A run that does not look at it says nothing of it.
        #expect(run(&states, failing: [], passing: ["b:unit"]).isEmpty)
        #expect(titles(run(&states, failing: [], passing: ["a:unit"])) == ["a works again on main"])
        #expect(states.isIdle)
        #expect(run(&states, failing: [], passing: ["a:unit"]).isEmpty)
        #expect(titles(run(&states, failing: ["a:unit"])) == ["a:unit fails on main"])
    }

    @Test func aComponentWorksWhenNothingOfItFails() {
        var states = NotifiedStates()
        #expect(titles(run(&states, failing: ["a:unit", "a:lint"])) == ["2 targets fail on main"])
        #expect(run(&states, failing: ["a:lint"], passing: ["a:unit"]).isEmpty)
        let recovery = run(&states, failing: [], passing: ["a:lint", "a:unit"])
        #expect(titles(recovery) == ["a works again on main"])
        #expect(recovery.first?.items.first?.owners == ["team-a"])
    }

    @Test func whatFailedBeforeIsCountedWithWhatIsNew() {
        var states = NotifiedStates()
        _ = run(&states, failing: ["a:unit"])
        let change = run(&states, failing: ["a:unit", "b:unit"])
        #expect(titles(change) == ["b:unit fails on main"])
        #expect(change.first?.lines.last?.name == "1 more failed before, and still do")
    }

    @Test func eachBranchHasItsOwnState() {
        var states = NotifiedStates()
        _ = run(&states, failing: ["a:unit"])
        #expect(titles(run(&states, failing: ["a:unit"], on: "topic")) == ["a:unit fails on topic"])
        #expect(run(&states, failing: [], passing: ["a:unit"], on: "other").isEmpty)
        #expect(titles(run(&states, failing: [], passing: ["a:unit"])) == ["a works again on main"])
    }

    @Test func aTargetThatIsGoneIsForgottenWithoutAWord() {
        var states = NotifiedStates()
        _ = run(&states, failing: ["a:unit"])
        #expect(run(&states, failing: [], gone: ["a:unit"]).isEmpty)
        #expect(states.isIdle)
    }

    @Test func anInterruptedActionIsNoFailure() {
        var run = RunStates(watching: [])
        run.receive(report("a:unit", failure(.interrupted)))
        run.receive(report("b:unit", .skipped(because: label("a:unit"))))
        #expect(run.failed.isEmpty)
    }

    @Test func driftIsToldWhenItComesWhenItIsAnotherAndWhenItGoes() {
        var states = NotifiedStates()
        func look(_ services: [String]) -> [StateChange.Event] {
            states.take(
                drift: services.map { StateChange.Item(name: $0) }, in: "prod", origin, release: "4f2a"
            ).map(\.event)
        }
        #expect(look([]) == [])
        #expect(look(["web"]) == [.drift])
        #expect(look(["web"]) == [])
        #expect(look(["web", "db"]) == [.drift])
        #expect(look([]) == [.recovery])
        #expect(look([]) == [])
    }

    // MARK: Who wants it

    private func notification(_ body: String, kind: String = "slack") throws -> DeclaredNotification {
        let text = "environment prod\n    stack c.yml\nenvironment test\n    stack c.yml\nnotify \(kind)\n\(body)"
        return try #require(
            try DeclaredNotifications(of: MemoryFileSystem(["Buildfile": text]), ResolutionSettings()).notifications
                .first)
    }

    @Test(arguments: [
        ("    on failure\n", ["a:unit", "b:lint"]), ("    on gate\n", ["b:lint"]), ("    on recovery\n", []),
        ("    owners team-b\n", ["b:lint"]), ("    owners nobody\n", []), ("", ["a:unit", "b:lint"]),
        ("    branches main release/*\n", ["a:unit", "b:lint"]), ("    branches release/*\n", []),
        ("    environments prod\n", ["a:unit", "b:lint"]),
    ])
    func aFailureGoesToWhoAskedForIt(body: String, expected: [String]) throws {
        var states = NotifiedStates()
        let change = try #require(run(&states, failing: ["a:unit", "+b:lint"]).first)
        let wanted = change.wanted(by: try notification(body))
        #expect(wanted?.items.map(\.name) ?? [] == expected)
        // What a reader sees is what they asked for.
        if expected == ["b:lint"] { #expect(wanted?.title == "a gate of b:lint says no on main") }
    }

    @Test(arguments: [
        ("", true), ("    on deploy\n", true), ("    on rollback\n", false), ("    environments prod\n", true),
        ("    environments test\n", false), ("    branches none\n", true), ("    owners team-web\n", true),
        ("    owners team-db\n", false),
    ])
    func aDeploymentGoesToWhoAskedForIt(body: String, expected: Bool) throws {
        var change = StateChange(.deploy, origin, items: [.init(name: "web", owners: ["team-web"])])
        change.environment = "prod"
        change.release = "4f2a"
        #expect((change.wanted(by: try notification(body)) != nil) == expected)
    }

    // MARK: The outbox

    @Test func theOutboxIsBoundedAndPatient() throws {
        var states = NotifiedStates()
        let change = StateChange(.test, origin)
        states.post(change, to: "ops", now: 1000)
        #expect(states.due("ops", now: 1000).map(\.change) == [change])
        states.postpone(change.id, "ops", after: nil, now: 1000)
        #expect(states.due("ops", now: 1029).isEmpty)
        #expect(states.due("ops", now: 1030).count == 1)
        states.postpone(change.id, "ops", after: 500, now: 1030)
        #expect(states.due("ops", now: 1529).isEmpty)
        #expect(states.due("ops", now: 1530).count == 1)
        states.settle(change.id, "ops")
        #expect(states.outbox.isEmpty)

        for _ in 0..<150 { states.post(StateChange(.test, origin), to: "ops", now: 2000) }
        states.post(StateChange(.test, origin), to: "gone", now: 2000)
        #expect(states.tidy(["ops"], now: 2000) == 50)
        #expect(states.outbox.count == NotifiedStates.mostWaiting)
        #expect(states.tidy(["ops"], now: 2000 + NotifiedStates.longestWait + 1) == NotifiedStates.mostWaiting)
    }

    @Test func whatIsKeptIsReadAsItWas() throws {
        var states = NotifiedStates()
        _ = run(&states, failing: ["a:unit", "+b:lint"])
        _ = states.take(drift: [.init(name: "web")], in: "prod", origin, release: nil)
        var change = StateChange(
            .rollback, origin, items: [.init(name: "web", isGate: true, message: "m", owners: ["o"])])
        change.environment = "prod"
        change.outcome = "partial"
        states.post(change, to: "ops", now: 5)
        states.postpone(change.id, "ops", after: 60, now: 7)
        let bytes = Array(states.json.text(pretty: false).utf8)
        #expect(NotifiedStates(reading: bytes) == states)
        // A file that was cut off is as good as none.
        for end in stride(from: 0, to: bytes.count, by: 7) {
            #expect(NotifiedStates(reading: Array(bytes[..<end])) == NotifiedStates())
        }
    }
}
