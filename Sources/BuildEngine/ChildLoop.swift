// The one thread that serves all running programs. Does not know what they are or why they run.
import BuildGraph
import CLinux
import Glibc
import Synchronization

/// Waits in `epoll` for the children's ends, their output and room in their input; never sleeps, never asks in turn, and
/// looks at no child but those that something happened to.
///
/// A sandbox asks the kernel to end it with its parent, and for the kernel the parent is the thread that started it. So
/// what asks for that is started on this thread, which outlives every child, and all else where it is asked for.
final class ChildLoop: Sendable {
    private struct Launch {
        let id: Int
        let command: Command
        let continuation: CheckedContinuation<CommandResult, any Error>
    }

    /// When to look at a child although nothing happens to it.
    private struct Alarm: Comparable {
        let moment: SuspendingClock.Instant
        let child: Int

        static func < (left: Alarm, right: Alarm) -> Bool { left.moment < right.moment }
    }

    private struct State {
        var isRunning = false
        var isStopping = false
        var nextID = 0
        var queue: [Launch] = []
        var children: [Int: Child] = [:]
        /// May hold alarms of children that have ended, or that have a later one.
        var alarms = Heap<Alarm>()
        /// Runs that were cancelled before they were queued.
        var cancelled: Set<Int> = []
        /// Long-lived programs that are served by their askers, but ended with all others.
        var companions: Set<pid_t> = []
    }

    /// A continuation with what it is told, to be resumed when the lock is free.
    private typealias Answer = () -> Void

    private let state = Mutex(State())
    private let events: EventSet
    private let wakeUp: (reading: Int32, writing: Int32)?
    private let grace: Duration
    private let drain: Duration

    init(grace: Duration, drain: Duration) {
        self.grace = grace
        self.drain = drain
        events = EventSet(descriptor: clinux_events_open())
        wakeUp = makePipe()
        if let wakeUp {
            _ = clinux_set_nonblocking(wakeUp.reading)
            _ = clinux_set_nonblocking(wakeUp.writing)
            _ = events.add(wakeUp.reading, EventKey.wakeUp)
        }
    }

    deinit {
        if let wakeUp {
            events.close(wakeUp.reading)
            close(wakeUp.writing)
        }
        if events.descriptor >= 0 { close(events.descriptor) }
    }

    // MARK: What other threads ask

    func run(_ command: Command) async throws -> CommandResult {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        defer { state.withLock { _ = $0.cancelled.remove(id) } }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let launch = Launch(id: id, command: command, continuation: continuation)
                if command.mayEndWithItsStarter { enqueue(launch) } else { startHere(launch) }
            }
        } onCancel: {
            cancel(id)
        }
    }

    /// Ends the thread as soon as nothing runs.
    func stop() {
        state.withLock { $0.isStopping = true }
        wake()
    }

    func terminateAll(immediately: Bool) {
        let now = SuspendingClock.now
        state.withLock { state in
            for id in Array(state.children.keys) {
                stop(id, .termination, now: now, in: &state)
                if immediately { state.children[id]?.signal(SIGKILL) }
            }
            for pid in state.companions { kill(-pid, immediately ? SIGKILL : SIGTERM) }
        }
        wake()
    }

    func add(companion pid: pid_t) { state.withLock { _ = $0.companions.insert(pid) } }
    /// Must be called before the program is reaped, when its id is still its own.
    func remove(companion pid: pid_t) { state.withLock { _ = $0.companions.remove(pid) } }

    private func enqueue(_ launch: Launch) {
        let (isCancelled, mustStart) = state.withLock { state in
            if state.cancelled.contains(launch.id) { return (true, false) }
            state.queue.append(launch)
            let mustStart = !state.isRunning
            state.isRunning = true
            return (false, mustStart)
        }
        if isCancelled { return launch.continuation.resume(throwing: CancellationError()) }
        if mustStart { startThread() }
        wake()
    }

    /// Starts the program on the caller's thread. The loop hears of it when something happens to it.
    private func startHere(_ launch: Launch) {
        if state.withLock({ $0.cancelled.contains(launch.id) }) {
            return launch.continuation.resume(throwing: CancellationError())
        }
        do {
            let child = try Child(launch.command, launch.continuation)
            let (mustStart, mustWake) = try state.withLock { state throws(SpawnError) in
                let nearest = state.alarms.first
                try adopt(child, launch.id, in: &state)
                // It may have been asked for while the program was being started.
                if state.cancelled.contains(launch.id) {
                    stop(launch.id, .cancellation, now: SuspendingClock.now, in: &state)
                }
                let mustStart = !state.isRunning
                state.isRunning = true
                return (mustStart, state.alarms.first != nearest)
            }
            if mustStart { startThread() }
            if mustWake { wake() }
        } catch {
            launch.continuation.resume(throwing: error)
        }
    }

    private func cancel(_ id: Int) {
        let now = SuspendingClock.now
        let queued = state.withLock { state -> Launch? in
            if state.children[id] != nil {
                stop(id, .cancellation, now: now, in: &state)
                return nil
            }
            if let index = state.queue.firstIndex(where: { $0.id == id }) { return state.queue.remove(at: index) }
            state.cancelled.insert(id)
            return nil
        }
        queued?.continuation.resume(throwing: CancellationError())
        wake()
    }

    private func wake() {
        guard let wakeUp else { return }
        var byte: UInt8 = 1
        // A full pipe wakes as well as one byte more would.
        _ = write(wakeUp.writing, &byte, 1)
    }

    // MARK: Children

    /// From here on the loop serves the child. Where the kernel refuses to watch it, it is ended and this throws.
    private func adopt(_ child: Child, _ id: Int, in state: inout State) throws(SpawnError) {
        var isWatched = events.add(child.pidDescriptor, EventKey(id, .end).raw)
        isWatched = isWatched && events.add(child.output.descriptor, EventKey(id, .output).raw)
        if let errors = child.errors {
            isWatched = isWatched && events.add(errors.descriptor, EventKey(id, .errors).raw)
        }
        if let feed = child.feed {
            isWatched = isWatched && events.add(feed.descriptor, forWriting: true, EventKey(id, .input).raw)
        }
        guard isWatched else {
            let code = errno
            var child = child
            _ = child.finish(now: SuspendingClock.now, events)
            throw SpawnError(program: child.program, errno: code)
        }
        state.children[id] = child
        setAlarm(id, in: &state)
    }

    private func stop(_ id: Int, _ cause: Child.StopCause, now: SuspendingClock.Instant, in state: inout State) {
        state.children[id]?.stop(cause, now: now, grace: grace)
        setAlarm(id, in: &state)
    }

    private func setAlarm(_ id: Int, in state: inout State) {
        guard let moment = state.children[id]?.nextMoment else { return }
        state.alarms.insert(Alarm(moment: moment, child: id))
    }

    // MARK: The thread

    private func startThread() {
        let code = Threads.start { [self] in loop() }
        if code == 0 { return }
        let refused = state.withLock { state in
            state.isRunning = false
            let started = state.children.map { id, child in
                var child = child
                _ = child.finish(now: SuspendingClock.now, events)
                return (child.continuation, child.program)
            }
            let queued = state.queue.map { ($0.continuation, $0.command.arguments.first ?? "") }
            state.children = [:]
            state.queue = []
            return started + queued
        }
        for (continuation, program) in refused {
            continuation.resume(throwing: SpawnError(program: program, errno: code))
        }
    }

    private func loop() {
        // Signals are for the program's other threads; a broken pipe is seen as EPIPE.
        var all = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, nil)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 16)
        defer { buffer.deallocate() }
        var ready: [UInt64] = []
        while true {
            var answers: [Answer] = []
            let wait = state.withLock { state -> Int32? in
                for key in ready { serve(key, in: &state, buffer, &answers) }
                ring(&state, buffer, &answers)
                startQueued(&state, &answers)
                if state.isStopping, state.children.isEmpty, state.queue.isEmpty {
                    state.isRunning = false
                    return nil
                }
                return milliseconds(until: state.alarms.first?.moment)
            }
            for answer in answers { answer() }
            // What a program printed is its asker's, and not to be kept until the next one ends.
            answers = []
            guard let wait else { return }
            ready = events.wait(wait)
        }
    }

    private func milliseconds(until moment: SuspendingClock.Instant?) -> Int32 {
        guard let moment else { return -1 }
        let parts = SuspendingClock.now.duration(to: moment).components
        guard parts.seconds >= 0, parts.attoseconds >= 0 else { return 0 }
        // Rounded up, so as not to wake just before the moment.
        return Int32(min(3_600_000, parts.seconds * 1000 + parts.attoseconds / 1_000_000_000_000_000 + 1))
    }

    private func serve(
        _ key: UInt64, in state: inout State, _ buffer: UnsafeMutableRawBufferPointer, _ answers: inout [Answer]
    ) {
        guard let key = EventKey(key) else {
            if let wakeUp { while read(wakeUp.reading, buffer.baseAddress, buffer.count) > 0 {} }
            return
        }
        guard var child = state.children.removeValue(forKey: key.child) else { return }
        let now = SuspendingClock.now
        switch key.source {
        case .input: child.feed?.writeAvailable(events)
        case .output: child.output.readAvailable(into: buffer, events)
        case .errors: child.errors?.readAvailable(into: buffer, events)
        case .end where child.hasEnded: break
        case .end:
            // What the program itself has written is in the pipe by now; only what it left behind may write more.
            child.drainUntil = now.advanced(by: drain)
            child.feed?.shut(events)
            child.output.readAvailable(into: buffer, events)
            child.errors?.readAvailable(into: buffer, events)
            // Closed at once where all is said; otherwise it would be readable all the time.
            if !child.isSilent { clinux_events_remove(events.descriptor, child.pidDescriptor) }
        }
        settle(child, key.child, now: now, in: &state, &answers)
        if key.source == .end { setAlarm(key.child, in: &state) }
    }

    /// Puts the child back, or gives its result where it is over.
    private func settle(
        _ child: Child, _ id: Int, now: SuspendingClock.Instant, in state: inout State, _ answers: inout [Answer]
    ) {
        var child = child
        guard let drainUntil = child.drainUntil, child.isSilent || drainUntil <= now else {
            state.children[id] = child
            return
        }
        let result = child.finish(now: now, events)
        let continuation = child.continuation
        if child.stopCause == .cancellation {
            answers.append { continuation.resume(throwing: CancellationError()) }
        } else {
            answers.append { continuation.resume(returning: result) }
        }
    }

    /// Looks at those whose moment has come.
    private func ring(_ state: inout State, _ buffer: UnsafeMutableRawBufferPointer, _ answers: inout [Answer]) {
        guard !state.alarms.isEmpty else { return }
        let now = SuspendingClock.now
        while let alarm = state.alarms.first, alarm.moment <= now || state.children[alarm.child] == nil {
            _ = state.alarms.popFirst()
            guard var child = state.children.removeValue(forKey: alarm.child) else { continue }
            if let deadline = child.deadline, deadline <= now { child.stop(.timeout, now: now, grace: grace) }
            if let killAt = child.killAt, killAt <= now, !child.hasEnded {
                child.signal(SIGKILL)
                child.killAt = nil
            }
            settle(child, alarm.child, now: now, in: &state, &answers)
            setAlarm(alarm.child, in: &state)
        }
    }

    private func startQueued(_ state: inout State, _ answers: inout [Answer]) {
        let queue = state.queue
        state.queue = []
        for launch in queue {
            do {
                try adopt(Child(launch.command, launch.continuation), launch.id, in: &state)
            } catch {
                answers.append { launch.continuation.resume(throwing: error) }
            }
        }
    }
}
