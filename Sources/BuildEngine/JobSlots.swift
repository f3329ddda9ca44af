// How many actions run at once. Does not know what they are.
import Synchronization

/// Lets so many run at once, in the order in which they came, until one has failed.
///
/// There is one worker more than there are jobs: while what an action has left is stored and told by the worker that ran it,
/// the next one runs already, and no processor waits.
final class JobSlots: Sendable {
    /// Thrown to those who come after the last one that may run, and to those who wait then.
    struct Closed: Error {}

    private struct State {
        var free: Int
        var isClosed = false
        var waiting: [CheckedContinuation<Bool, Never>] = []
    }

    private let state: Mutex<State>
    private let keepsGoing: Bool

    /// Without `keepsGoing` nothing is let in after a failure.
    init(_ jobs: Int, keepsGoing: Bool) {
        state = Mutex(State(free: max(1, jobs)))
        self.keepsGoing = keepsGoing
    }

    /// Calls `body`; gives how long it had to wait, too. Throws `Closed`, and what `body` throws, which is a failure.
    func use<Result>(_ body: () async throws -> Result) async throws -> (result: Result, waited: Duration) {
        let start = ContinuousClock.now
        guard await enter() else { throw Closed() }
        defer { leave() }
        let waited = ContinuousClock.now - start
        do {
            return (try await body(), waited)
        } catch {
            // Before anybody is let in instead.
            failed()
            throw error
        }
    }

    /// Tells of a failure, wherever it came up.
    func failed() {
        if keepsGoing { return }
        let waiting = state.withLock { state in
            state.isClosed = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume(returning: false) }
    }

    /// For another run.
    func reopen() { state.withLock { $0.isClosed = false } }

    private static func answer(_ state: inout State) -> Bool? {
        if state.isClosed { return false }
        guard state.free > 0 else { return nil }
        state.free -= 1
        return true
    }

    private func enter() async -> Bool {
        if let answer = state.withLock({ Self.answer(&$0) }) { return answer }
        return await withCheckedContinuation { continuation in
            let answer = state.withLock { state in
                let answer = Self.answer(&state)
                if answer == nil { state.waiting.append(continuation) }
                return answer
            }
            if let answer { continuation.resume(returning: answer) }
        }
    }

    private func leave() {
        let next = state.withLock { state -> CheckedContinuation<Bool, Never>? in
            if state.waiting.isEmpty {
                state.free += 1
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?.resume(returning: true)
    }
}
