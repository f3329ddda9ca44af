// The one thread that serves all running programs. Does not know what they are or why they run.
import CLinux
import Glibc
import Synchronization

/// Waits in `poll` for the children's ends, their output and room in their input; never sleeps, never asks in turn.
///
/// Children are started on this thread too: a sandbox asks the kernel to end it with its parent, and for the kernel the
/// parent is the thread that started it, so that thread must outlive every child.
final class ChildLoop: Sendable {
    private struct Launch {
        let id: Int
        let command: Command
        let continuation: CheckedContinuation<CommandResult, any Error>
    }

    private struct State {
        var isRunning = false
        var isStopping = false
        var nextID = 0
        var queue: [Launch] = []
        var children: [Int: Child] = [:]
        /// Runs that were cancelled before they were queued.
        var cancelled: Set<Int> = []
        /// Long-lived programs that are served by their askers, but ended with all others.
        var companions: Set<pid_t> = []
    }

    /// A continuation with what it is told, to be resumed when the lock is free.
    private typealias Answer = () -> Void

    private let state = Mutex(State())
    private let wakeUp: (reading: Int32, writing: Int32)?
    private let grace: Duration
    private let drain: Duration

    init(grace: Duration, drain: Duration) {
        self.grace = grace
        self.drain = drain
        wakeUp = makePipe()
        if let wakeUp {
            _ = clinux_set_nonblocking(wakeUp.reading)
            _ = clinux_set_nonblocking(wakeUp.writing)
        }
    }

    deinit {
        if let wakeUp {
            close(wakeUp.reading)
            close(wakeUp.writing)
        }
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
                enqueue(Launch(id: id, command: command, continuation: continuation))
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
            for id in state.children.keys {
                state.children[id]?.stop(.termination, now: now, grace: grace)
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

    private func cancel(_ id: Int) {
        let now = SuspendingClock.now
        let queued = state.withLock { state -> Launch? in
            if state.children[id] != nil {
                state.children[id]?.stop(.cancellation, now: now, grace: grace)
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

    // MARK: The thread

    private func startThread() {
        var thread = pthread_t()
        let argument = Unmanaged.passRetained(self).toOpaque()
        let code = pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<ChildLoop>.fromOpaque(argument).takeRetainedValue().loop() }
                return nil
            }, argument)
        guard code != 0 else {
            pthread_detach(thread)
            return
        }
        Unmanaged<ChildLoop>.fromOpaque(argument).release()
        let queue = state.withLock { state in
            state.isRunning = false
            defer { state.queue = [] }
            return state.queue
        }
        for launch in queue {
            launch.continuation.resume(throwing: SpawnError(program: launch.command.arguments.first ?? "", errno: code))
        }
    }

    private func loop() {
        // Signals are for the program's other threads; a broken pipe is seen as EPIPE.
        var all = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, nil)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 16)
        defer { buffer.deallocate() }
        var polled: [pollfd] = []
        while true {
            var answers: [Answer] = []
            let wait = state.withLock { state -> Int32? in
                serve(&state, ready: polled, buffer: buffer, answers: &answers)
                polled = descriptors(of: state)
                if state.isStopping, state.children.isEmpty, state.queue.isEmpty {
                    state.isRunning = false
                    return nil
                }
                return milliseconds(until: state.children.values.compactMap(\.nextMoment).min())
            }
            for answer in answers { answer() }
            guard let wait else { return }
            if poll(&polled, nfds_t(polled.count), wait) <= 0 {
                for index in polled.indices { polled[index].revents = 0 }
            }
        }
    }

    private func descriptors(of state: State) -> [pollfd] {
        var polled = [pollfd(fd: wakeUp?.reading ?? -1, events: Int16(POLLIN), revents: 0)]
        for child in state.children.values {
            if !child.hasEnded { polled.append(pollfd(fd: child.pidDescriptor, events: Int16(POLLIN), revents: 0)) }
            if let feed = child.feed, feed.isOpen {
                polled.append(pollfd(fd: feed.descriptor, events: Int16(POLLOUT), revents: 0))
            }
            for capture in [child.output, child.errors].compactMap({ $0 }) where capture.isOpen {
                polled.append(pollfd(fd: capture.descriptor, events: Int16(POLLIN), revents: 0))
            }
        }
        return polled
    }

    private func milliseconds(until moment: SuspendingClock.Instant?) -> Int32 {
        guard let moment else { return -1 }
        let parts = SuspendingClock.now.duration(to: moment).components
        guard parts.seconds >= 0, parts.attoseconds >= 0 else { return 0 }
        // Rounded up, so as not to wake just before the moment.
        return Int32(min(3_600_000, parts.seconds * 1000 + parts.attoseconds / 1_000_000_000_000_000 + 1))
    }

    private func serve(
        _ state: inout State, ready: [pollfd], buffer: UnsafeMutableRawBufferPointer, answers: inout [Answer]
    ) {
        if let wakeUp { while read(wakeUp.reading, buffer.baseAddress, buffer.count) > 0 {} }
        let readable = Set(ready.lazy.filter { $0.revents != 0 }.map(\.fd))
        let now = SuspendingClock.now
        for id in Array(state.children.keys) {
            guard var child = state.children.removeValue(forKey: id) else { continue }
            serve(&child, readable: readable, now: now, buffer: buffer)
            guard let drainUntil = child.drainUntil, child.isSilent || drainUntil <= now else {
                state.children[id] = child
                continue
            }
            let result = child.finish(now: now)
            let continuation = child.continuation
            if child.stopCause == .cancellation {
                answers.append { continuation.resume(throwing: CancellationError()) }
            } else {
                answers.append { continuation.resume(returning: result) }
            }
        }
        let queue = state.queue
        state.queue = []
        for launch in queue {
            do {
                state.children[launch.id] = try start(launch)
            } catch {
                answers.append { launch.continuation.resume(throwing: error) }
            }
        }
    }

    private func serve(
        _ child: inout Child, readable: Set<Int32>, now: SuspendingClock.Instant, buffer: UnsafeMutableRawBufferPointer
    ) {
        if let feed = child.feed, readable.contains(feed.descriptor) { child.feed?.writeAvailable() }
        if child.output.isOpen, readable.contains(child.output.descriptor) { child.output.readAvailable(into: buffer) }
        if let errors = child.errors, errors.isOpen, readable.contains(errors.descriptor) {
            child.errors?.readAvailable(into: buffer)
        }
        if !child.hasEnded, readable.contains(child.pidDescriptor) {
            // What the program itself has written is in the pipe by now; only what it left behind may write more.
            child.drainUntil = now.advanced(by: drain)
            child.feed?.shut()
            child.output.readAvailable(into: buffer)
            child.errors?.readAvailable(into: buffer)
        }
        if let deadline = child.deadline, deadline <= now { child.stop(.timeout, now: now, grace: grace) }
        if let killAt = child.killAt, killAt <= now, !child.hasEnded {
            child.signal(SIGKILL)
            child.killAt = nil
        }
    }

    private func start(_ launch: Launch) throws(SpawnError) -> Child {
        let command = launch.command
        var opened: [Int32] = []
        var given: [Int32] = []
        defer { for descriptor in given { close(descriptor) } }
        func pipe() throws(SpawnError) -> (reading: Int32, writing: Int32) {
            guard let ends = makePipe() else { throw SpawnError(program: command.arguments.first ?? "", errno: errno) }
            return ends
        }
        do throws(SpawnError) {
            let output = try pipe()
            opened.append(output.reading)
            given.append(output.writing)
            var errors: (reading: Int32, writing: Int32)?
            if command.separateErrors {
                let ends = try pipe()
                opened.append(ends.reading)
                given.append(ends.writing)
                errors = ends
            }
            var input: (reading: Int32, writing: Int32)?
            if !command.input.isEmpty {
                let ends = try pipe()
                given.append(ends.reading)
                opened.append(ends.writing)
                input = ends
            }
            for descriptor in opened { _ = clinux_set_nonblocking(descriptor) }
            let started = SuspendingClock.now
            let pid = try command.spawn(
                SpawnStreams(input: input?.reading, output: output.writing, errors: errors?.writing ?? output.writing))
            let pidDescriptor = clinux_pidfd_open(pid)
            if pidDescriptor < 0 {
                let code = errno
                kill(-pid, SIGKILL)
                waitpid(pid, nil, 0)
                throw SpawnError(program: command.arguments.first ?? "", errno: code)
            }
            return Child(
                pid: pid, pidDescriptor: pidDescriptor, started: started, continuation: launch.continuation,
                feed: input.map { Feed(descriptor: $0.writing, bytes: command.input) },
                output: Capture(descriptor: output.reading, limit: command.outputLimit),
                errors: errors.map { Capture(descriptor: $0.reading, limit: command.outputLimit) },
                deadline: command.timeout.map { started.advanced(by: $0) })
        } catch {
            for descriptor in opened { close(descriptor) }
            throw error
        }
    }
}
