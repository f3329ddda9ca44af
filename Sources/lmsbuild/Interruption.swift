// What happens on INT, TERM and HUP. Does not know what runs: it cancels the task it was given.
import BuildEngine
import Glibc
import Synchronization

/// The first signal cancels the run, the second kills its children at once.
final class Interruption: Sendable {
    static let shared = Interruption()

    private struct State {
        var received: Int32?
        var onFirst: (@Sendable (Int32) -> Void)?
        var onSecond: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    /// The signal that came, or nil.
    var received: Int32? { state.withLock { $0.received } }

    /// Takes the signals over; called before any other thread is made, so that all inherit the mask.
    func watch() {
        var set = sigset_t()
        sigemptyset(&set)
        for number in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&set, number) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
        signal(SIGPIPE, SIG_IGN)
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { _ in
                var set = sigset_t()
                sigemptyset(&set)
                for number in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&set, number) }
                var number: Int32 = 0
                while sigwait(&set, &number) == 0 { Interruption.shared.receive(number) }
                return nil
            }, nil)
    }

    /// Names what a signal does from now on; one that came already does it at once.
    func handle(first: @escaping @Sendable (Int32) -> Void, second: @escaping @Sendable () -> Void) {
        let waiting = state.withLock { state in
            state.onFirst = first
            state.onSecond = second
            return state.received
        }
        if let waiting { first(waiting) }
    }

    private func receive(_ number: Int32) {
        let action: (@Sendable () -> Void)? = state.withLock { state in
            defer { state.received = state.received ?? number }
            if state.received == nil {
                guard let first = state.onFirst else { return { Self.end(by: number) } }
                return { first(number) }
            }
            return state.onSecond
        }
        action?()
    }

    /// Ends the program by the signal that interrupted it, so that a shell sees what happened.
    func raiseAgain(_ code: BuildEngine.ExitCode) {
        guard let number = received, code.rawValue == 128 + number else { return }
        Self.end(by: number)
    }

    private static func end(by number: Int32) {
        signal(number, SIG_DFL)
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, number)
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
        kill(getpid(), number)
    }
}
