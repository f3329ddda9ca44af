// A long-lived program that is asked and answers. Does not know the protocol that is spoken.
import CLinux
import Glibc
import Synchronization

/// Blocks its caller. While it waits for room in the program's input it takes in the program's output, so that two
/// full pipes never wait for each other.
final class CompanionPipe: CommandPipe {
    private struct State {
        var input: Int32
        var output: Int32
        var pid: pid_t
        /// Once there is no program any more.
        var ending = CommandResult.Ending.exited(0)
        var buffer: [UInt8] = []
        /// Bytes at the front of `buffer` that were handed out.
        var taken = 0
        /// What one read fills.
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)

        var rest: ArraySlice<UInt8> { buffer[taken...] }

        func newline(from start: Int) -> Int? {
            buffer.withUnsafeBytes { bytes in
                guard let base = bytes.baseAddress, start < bytes.count,
                    let found = memchr(base.advanced(by: start), 10, bytes.count - start)
                else { return nil }
                return UnsafeRawPointer(found) - base
            }
        }
    }

    private let state: Mutex<State>
    private let loop: ChildLoop
    private let program: String

    init(_ command: Command, loop: ChildLoop) throws {
        program = command.arguments.first ?? ""
        self.loop = loop
        // A socket, for a write to it can be told not to raise SIGPIPE.
        var sockets: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0, &sockets) == 0 else {
            throw SpawnError(program: program, errno: errno)
        }
        guard let output = makePipe() else {
            let code = errno
            for descriptor in sockets { Glibc.close(descriptor) }
            throw SpawnError(program: program, errno: code)
        }
        defer {
            Glibc.close(sockets[1])
            Glibc.close(output.writing)
        }
        do {
            let pid = try command.spawn(SpawnStreams(input: sockets[1], output: output.writing, errors: nil))
            _ = clinux_set_nonblocking(sockets[0])
            _ = clinux_set_nonblocking(output.reading)
            state = Mutex(State(input: sockets[0], output: output.reading, pid: pid))
            loop.add(companion: pid)
        } catch {
            Glibc.close(sockets[0])
            Glibc.close(output.reading)
            throw error
        }
        if !command.input.isEmpty {
            do {
                try write(command.input)
            } catch {
                close()
                throw error
            }
        }
    }

    deinit { close() }

    func write(_ bytes: [UInt8]) throws {
        try state.withLock { state in
            var offset = 0
            while offset < bytes.count {
                let count = bytes.withUnsafeBytes {
                    send(
                        state.input, $0.baseAddress?.advanced(by: offset), $0.count - offset,
                        Int32(MSG_NOSIGNAL))
                }
                if count > 0 {
                    offset += count
                } else if errno == EAGAIN {
                    var polled = [pollfd(fd: state.input, events: Int16(POLLOUT), revents: 0)]
                    if state.output >= 0 {
                        polled.append(pollfd(fd: state.output, events: Int16(POLLIN), revents: 0))
                    }
                    _ = poll(&polled, nfds_t(polled.count), -1)
                    _ = try fill(&state)
                } else if errno != EINTR {
                    throw SpawnError(program: program, errno: errno)
                }
            }
        }
    }

    func readLine() throws -> [UInt8]? {
        try state.withLock { state in
            var searched = 0
            while true {
                if let end = state.newline(from: state.taken + searched) {
                    let line = Array(state.buffer[state.taken..<end])
                    state.taken = end + 1
                    return line
                }
                searched = state.rest.count
                if try !wait(&state) {
                    let last = Array(state.rest)
                    state.taken = state.buffer.count
                    return last.isEmpty ? nil : last
                }
            }
        }
    }

    func read(_ count: Int) throws -> [UInt8] {
        try state.withLock { state in
            while state.rest.count < count, try wait(&state) {}
            let bytes = Array(state.rest.prefix(count))
            state.taken += bytes.count
            return bytes
        }
    }

    func close() { _ = finish() }

    func finish() -> CommandResult.Ending {
        state.withLock { state in
            guard state.pid > 0 else { return state.ending }
            Glibc.close(state.input)
            if state.output >= 0 { Glibc.close(state.output) }
            state.ending = end(state.pid)
            state.pid = 0
            state.input = -1
            state.output = -1
            return state.ending
        }
    }

    /// Waits for the program, whose streams are closed, to end; one that does not is ended.
    private func end(_ pid: pid_t) -> CommandResult.Ending {
        let descriptor = clinux_pidfd_open(pid)
        for signal in [SIGTERM, SIGKILL] where descriptor >= 0 {
            var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            var ready = poll(&polled, 1, 5000)
            while ready < 0, errno == EINTR { ready = poll(&polled, 1, 5000) }
            if ready > 0 { break }
            kill(-pid, signal)
        }
        if descriptor >= 0 { Glibc.close(descriptor) }
        loop.remove(companion: pid)
        kill(-pid, SIGKILL)
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        return clinux_signaled(status) != 0
            ? .signalled(clinux_term_signal(status)) : .exited(clinux_exit_code(status))
    }

    /// Waits for output; false at its end.
    private func wait(_ state: inout State) throws -> Bool {
        while state.output >= 0 {
            var polled = pollfd(fd: state.output, events: Int16(POLLIN), revents: 0)
            _ = poll(&polled, 1, -1)
            if try fill(&state) { return true }
        }
        return false
    }

    /// Takes in what is there without waiting; true where that was something.
    private func fill(_ state: inout State) throws -> Bool {
        guard state.output >= 0 else { return false }
        if state.taken > 1 << 16 {
            state.buffer.removeFirst(state.taken)
            state.taken = 0
        }
        let output = state.output
        let count = state.chunk.withUnsafeMutableBytes { Glibc.read(output, $0.baseAddress, $0.count) }
        let code = errno
        if count > 0 { state.chunk.withUnsafeBytes { state.buffer.append(contentsOf: $0[..<count]) } }
        if count > 0 { return true }
        if count < 0, code == EAGAIN || code == EINTR { return false }
        Glibc.close(state.output)
        state.output = -1
        if count < 0 { throw SpawnError(program: program, errno: code) }
        return false
    }
}
