// One running program as the event loop sees it. Does not know the loop, other children, or what the output means.
import CLinux
import Glibc

/// The bytes of one output stream, up to a limit; the rest is counted.
struct Capture {
    private(set) var descriptor: Int32
    private var bytes: [UInt8] = []
    private let limit: Int
    private var cut = 0

    init(descriptor: Int32, limit: Int) {
        self.descriptor = descriptor
        self.limit = max(0, limit)
    }

    var isOpen: Bool { descriptor >= 0 }

    /// Reads what is there, at most about a mebibyte so that no stream starves the others; closes at the end.
    mutating func readAvailable(into buffer: UnsafeMutableRawBufferPointer, _ events: EventSet) {
        for _ in 0..<16 where isOpen {
            let count = read(descriptor, buffer.baseAddress, buffer.count)
            if count > 0 {
                let kept = min(count, limit - bytes.count)
                bytes.append(contentsOf: buffer.prefix(kept))
                cut += count - kept
            } else if count < 0, errno == EINTR {
                continue
            } else if count < 0, errno == EAGAIN {
                return
            } else {
                shut(events)
            }
        }
    }

    mutating func shut(_ events: EventSet) {
        if isOpen { events.close(descriptor) }
        descriptor = -1
    }

    /// What was kept, and a line that tells of what was not.
    var text: [UInt8] {
        guard cut > 0 else { return bytes }
        let newline = bytes.isEmpty || bytes.last == UInt8(ascii: "\n") ? "" : "\n"
        return bytes + Array("\(newline)[output cut: \(cut) bytes more]\n".utf8)
    }
}

/// Bytes on their way to a program's standard input.
struct Feed {
    private(set) var descriptor: Int32
    private let bytes: [UInt8]
    private var offset = 0

    init(descriptor: Int32, bytes: [UInt8]) {
        self.descriptor = descriptor
        self.bytes = bytes
    }

    var isOpen: Bool { descriptor >= 0 }

    /// Writes what the pipe takes; closes after the last byte, and where nobody reads any more.
    mutating func writeAvailable(_ events: EventSet) {
        while isOpen, offset < bytes.count {
            let count = bytes.withUnsafeBytes {
                write(descriptor, $0.baseAddress?.advanced(by: offset), $0.count - offset)
            }
            if count > 0 {
                offset += count
            } else if errno == EAGAIN {
                return
            } else if errno != EINTR {
                shut(events)
            }
        }
        shut(events)
    }

    mutating func shut(_ events: EventSet) {
        if isOpen { events.close(descriptor) }
        descriptor = -1
    }
}

struct Child {
    enum StopCause {
        case timeout, cancellation, termination
    }

    /// For messages.
    let program: String
    let pid: pid_t
    /// Readable once the program has ended; it stays a zombie, so that its group's id is not given away, until reaped.
    let pidDescriptor: Int32
    let started: SuspendingClock.Instant
    let continuation: CheckedContinuation<CommandResult, any Error>
    var feed: Feed?
    var output: Capture
    var errors: Capture?
    /// When the timeout strikes.
    var deadline: SuspendingClock.Instant?
    /// When a program that was asked to end is ended.
    var killAt: SuspendingClock.Instant?
    /// How long output is still read although the program has ended.
    var drainUntil: SuspendingClock.Instant?
    var stopCause: StopCause?

    var hasEnded: Bool { drainUntil != nil }
    var isSilent: Bool { !output.isOpen && errors?.isOpen != true }

    /// The next moment at which the clock alone makes something happen.
    var nextMoment: SuspendingClock.Instant? {
        if let drainUntil { return drainUntil }
        guard stopCause == nil, let deadline else { return killAt }
        return killAt.map { min($0, deadline) } ?? deadline
    }

    func signal(_ number: Int32) { kill(-pid, number) }

    /// Asks the program to end, once; `grace` later it is ended.
    mutating func stop(_ cause: StopCause, now: SuspendingClock.Instant, grace: Duration) {
        guard stopCause == nil, !hasEnded else { return }
        stopCause = cause
        killAt = now.advanced(by: grace)
        signal(SIGTERM)
    }

    /// Ends what is left of the group, reaps the program and closes everything.
    mutating func finish(now: SuspendingClock.Instant, _ events: EventSet) -> CommandResult {
        signal(SIGKILL)
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        events.close(pidDescriptor)
        feed?.shut(events)
        output.shut(events)
        errors?.shut(events)
        let ending: CommandResult.Ending =
            stopCause == .timeout
            ? .timedOut
            : clinux_signaled(status) != 0
                ? .signalled(clinux_term_signal(status)) : .exited(clinux_exit_code(status))
        return CommandResult(
            ending: ending, output: output.text, errors: errors?.text ?? [], duration: started.duration(to: now))
    }
}

extension Child {
    /// Starts the program.
    init(
        _ command: Command, _ continuation: CheckedContinuation<CommandResult, any Error>
    ) throws(SpawnError) {
        let program = command.arguments.first ?? ""
        var opened: [Int32] = []
        var given: [Int32] = []
        defer { for descriptor in given { close(descriptor) } }
        func pipe() throws(SpawnError) -> (reading: Int32, writing: Int32) {
            guard let ends = makePipe() else { throw SpawnError(program: program, errno: errno) }
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
            let running = try command.start(
                SpawnStreams(input: input?.reading, output: output.writing, errors: errors?.writing ?? output.writing))
            self.init(
                program: program, pid: running.pid, pidDescriptor: running.pidDescriptor, started: started,
                continuation: continuation,
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
