// Engines of tests' own, deployed to by rollouts with short pauses.
import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Synchronization
import Testing

@testable import Delivery

/// Suites on real engines, one after the other: several engines on one machine get in each other's way, and each wants
/// its processors for itself.
@Suite(.serialized) enum RealEngineTests {}

/// What a rollout tells, kept for the message of an expectation that fails; and somebody who does something about it.
final class RolloutJournal: Sendable {
    private struct Page {
        var lines: [String] = []
        var reaction: (@Sendable (RolloutEvent) -> Void)?
    }

    private let page = Mutex(Page())

    func tell(_ event: RolloutEvent) {
        let reaction = page.withLock { page in
            page.lines.append("\(event)")
            return page.reaction
        }
        reaction?(event)
    }

    /// What was told since the last call.
    func take() -> String {
        page.withLock { page in
            defer { page.lines = [] }
            return page.lines.joined(separator: "\n")
        }
    }

    func onEvent(_ reaction: (@Sendable (RolloutEvent) -> Void)?) { page.withLock { $0.reaction = reaction } }
}

/// A project on a test's engine.
struct EnginePlace {
    let engine: any DeployEngine
    let project: String
    var rollout: Rollout
    var watch: Duration = .seconds(1)
    let journal = RolloutJournal()

    private init(_ engine: any DeployEngine, _ project: String) {
        self.engine = engine
        self.project = project
        rollout = Rollout(
            engine: engine, ask: { _ in nil }, tell: { [journal] in journal.tell($0) }, pause: .milliseconds(200))
    }

    private static func api(_ engine: DockerEngine) throws -> EngineAPI {
        EngineAPI(
            try #require(EngineAddress(engine.address)),
            exchange: CurlExchange(
                commands: ProcessRunner.ofTests, program: "/usr/bin/curl", environment: engine.environment))
    }

    /// What lmsbuild writes for `project`.
    static func files(_ engine: DockerEngine, _ project: String) -> BytePath { engine.folder("files-\(project)") }

    static func swarm(_ engine: DockerEngine, _ project: String = "lms-test") throws -> EnginePlace {
        try engine.folder.write("files-\(project)/.there", "")
        return EnginePlace(
            SwarmEngine(
                try api(engine), project: project, runner: ProcessRunner.ofTests, environment: engine.environment,
                files: files(engine, project)), project)
    }

    static func compose(_ engine: DockerEngine, _ project: String = "lms-test") throws -> EnginePlace {
        try engine.folder.write("files-\(project)/.there", "")
        return EnginePlace(
            ComposeEngine(
                try api(engine), .one, runner: ProcessRunner.ofTests, environment: engine.environment,
                files: files(engine, project)), project)
    }

    @discardableResult
    func deploy(_ stack: StackFixture, _ release: String, retries: Bool = false) async throws -> LedgerEntry {
        var plan = RolloutPlan(
            stack: stack.rendered, release: release, commit: nil,
            origin: DeployOrigin(who: "t", why: "", time: Int(time(nil))))
        plan.watch = watch
        _ = journal.take()
        return try await rollout.run(plan, retriesQuarantined: retries)
    }

    func drifts() async throws -> [Drift] { try await EnvironmentStatus(of: engine, project: project).drifts }

    func images() async throws -> [String: String] {
        try await engine.observe(project).services.mapValues(\.image)
    }

    func count(_ kind: ShelfKind) async throws -> Int { try await engine.shelf.list(kind).count }
}
