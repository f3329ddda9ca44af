package import BuildEngine
package import BuildGraph

/// Runs nothing: gives each action the result its closure says, and lets a test hold actions until it resumes them.
package actor FakeActionRunner: ActionRunner {
    private let answer: @Sendable (Action) async throws -> ActionResult
    private var held: Set<Label> = []
    private var waiting: [Label: CheckedContinuation<Void, Never>] = [:]
    private var watchers: [(label: Label, continuation: CheckedContinuation<Void, Never>)] = []
    private var absent: Set<Label> = []

    /// Labels in the order in which their actions were started.
    package private(set) var started: [Label] = []
    /// Labels in the order in which they ended, however they did.
    package private(set) var finished: [Label] = []
    /// Most actions that ran at the same time.
    package private(set) var peak = 0

    package init(
        answer: @escaping @Sendable (Action) async throws -> ActionResult = { _ in
            ActionResult(exitCode: 0, outputs: [], imageDigest: nil, log: nil, duration: .zero)
        }
    ) {
        self.answer = answer
    }

    /// From now on actions of this label wait for `resume`, or for their task to be cancelled.
    package func hold(_ label: Label) { held.insert(label) }

    package func resume(_ label: Label) {
        held.remove(label)
        waiting.removeValue(forKey: label)?.resume()
    }

    /// Returns as soon as an action of this label has been started.
    package func waitForStart(of label: Label) async {
        if started.contains(label) { return }
        await withCheckedContinuation { watchers.append((label, $0)) }
    }

    /// From now on `isPresent` says no for this label.
    package func forget(_ label: Label) { absent.insert(label) }

    package func run(_ action: Action) async throws -> ActionResult {
        let label = action.label
        started.append(label)
        peak = max(peak, started.count - finished.count)
        for watcher in watchers where watcher.label == label { watcher.continuation.resume() }
        watchers.removeAll { $0.label == label }
        defer { finished.append(label) }
        if held.contains(label) {
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    if Task.isCancelled { continuation.resume() } else { waiting[label] = continuation }
                }
            } onCancel: {
                Task { await self.resume(label) }
            }
            try Task.checkCancellation()
        }
        return try await answer(action)
    }

    package func isPresent(_ action: Action, _ result: ActionResult) async -> Bool { !absent.contains(action.label) }
}
