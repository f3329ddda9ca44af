// Recipes' runner, made when the first recipe runs: finding out whether this machine has a sandbox means starting a program.
import BuildEngine
import BuildGraph
import Buildfile
import Synchronization

/// Makes its runner once, when it is first needed; an error of that is every later action's, too.
actor DeferredRunner: ActionRunner {
    private let make: @Sendable (ResolvedSandbox) -> LocalActionRunner
    private let resolve: @Sendable () async throws -> ResolvedSandbox
    private let tell: @Sendable (Diagnostic) -> Void
    private var making: Task<LocalActionRunner, any Error>?
    private nonisolated let sandbox = Mutex<ResolvedSandbox?>(nil)

    /// `tell` is told once, where there is to be a sandbox and the machine has none.
    init(
        resolve: @escaping @Sendable () async throws -> ResolvedSandbox,
        tell: @escaping @Sendable (Diagnostic) -> Void,
        make: @escaping @Sendable (ResolvedSandbox) -> LocalActionRunner
    ) {
        self.resolve = resolve
        self.tell = tell
        self.make = make
    }

    /// Throws where there must be a sandbox and none is to be had.
    func prepare() async throws { _ = try await runner() }

    private func runner() async throws -> LocalActionRunner {
        let task =
            making
            ?? Task {
                let found = try await resolve()
                sandbox.withLock { $0 = found }
                if let notice = found.notice { tell(notice) }
                return make(found)
            }
        making = task
        return try await task.value
    }

    nonisolated var isSandboxed: Bool { sandbox.withLock { $0?.isActive ?? false } }

    /// Asked after an action ran.
    nonisolated var readsWorkspace: Bool { !isSandboxed }

    nonisolated func run(_ action: Action) async throws -> ActionResult { try await runner().run(action) }

    nonisolated func isPresent(_ action: Action, _ result: ActionResult) async -> Bool { true }
}
