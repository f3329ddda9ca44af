// What happens on INT, TERM and HUP. Does not know what runs: it cancels the task it was given.
import BuildEngine
import BuildGraph
import CLinux
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
    private let reader = Mutex<Int32>(-1)

    /// The signal that came, or nil.
    var received: Int32? { state.withLock { $0.received } }

    /// Takes the signals over. A mask would not do: the main thread waits with every signal let through.
    func watch() {
        signal(SIGPIPE, SIG_IGN)
        let descriptor = clinux_signal_pipe()
        guard descriptor >= 0 else { return }
        reader.withLock { $0 = descriptor }
        Threads.start { [self] in readSignals() }
    }

    private func readSignals() {
        let descriptor = reader.withLock { $0 }
        var number: UInt8 = 0
        while true {
            let count = read(descriptor, &number, 1)
            if count == 1 { receive(Int32(number)) } else if count == 0 || errno != EINTR { return }
        }
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

    /// Undoes `handle`: a signal ends the program at once, one that came already as well.
    func release() {
        let waiting = state.withLock { state in
            state.onFirst = nil
            state.onSecond = nil
            return state.received
        }
        if let waiting { Self.end(by: waiting) }
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
        kill(getpid(), number)
    }
}
