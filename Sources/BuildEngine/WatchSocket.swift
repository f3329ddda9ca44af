// Unix sockets, between processes of one user, with an end to every wait. Does not know what is said.
package import BuildGraph
import CLinux
import Glibc

/// The folder that a watcher's socket lies in: its user's alone.
package struct WatchPlace: Sendable {
    /// Absolute.
    package let folder: BytePath

    /// `state` is the workspace's state folder.
    package init(in state: BytePath) {
        folder = state.appending("watch")
    }

    package var log: BytePath { folder.appending("log") }
    var lock: BytePath { folder.appending("lock") }
    var socket: BytePath { folder.appending("socket") }

    /// Makes the folder where it is not there. False where it is not this user's alone, or cannot be made.
    package func make() -> Bool {
        _ = folder.withCString { mkdir($0, 0o700) }
        return isPrivate
    }

    /// Whether the folder belongs to this user, and nobody else may enter it.
    package var isPrivate: Bool {
        guard let status = Disk.status(folder) else { return false }
        return status.isFolder && status.st_uid == geteuid() && status.st_mode & 0o077 == 0
    }

    /// Calls `body` with a name of the socket that is short however deep the folder lies: a socket's name has 107 bytes.
    /// Nil, and errno, where the folder cannot be opened.
    func withShortName<Result>(_ body: (String) -> Result) -> Result? {
        let descriptor = folder.withCString { clinux_open_folder(AT_FDCWD, $0) }
        guard descriptor >= 0 else { return nil }
        defer {
            let code = errno
            close(descriptor)
            errno = code
        }
        return body("/proc/self/fd/\(descriptor)/socket")
    }
}

/// One end of a connection, closed once.
struct WatchConnection: ~Copyable {
    private let descriptor: Int32
    /// The process at the other end.
    let process: pid_t

    /// Takes over `descriptor`, which never waits. Nil unless this user is at the other end, too.
    init?(owning descriptor: Int32) {
        var uid: UInt32 = 0
        var pid: Int32 = 0
        guard clinux_peer(descriptor, &uid, &pid) == 0, uid == geteuid() else {
            close(descriptor)
            return nil
        }
        self.descriptor = descriptor
        process = pid
    }

    deinit { close(descriptor) }

    /// False where not all of it could be sent before `end`.
    func send(_ bytes: [UInt8], until end: ContinuousClock.Instant) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count > 0 {
                sent += count
            } else if errno == EAGAIN {
                guard wait(Int16(POLLOUT), until: end) else { return false }
            } else if errno != EINTR {
                return false
            }
        }
        return true
    }

    /// What follows the start of a message; nil where it has not come whole before `end`, or is none.
    func receive(limit: Int, until end: ContinuousClock.Instant) -> [UInt8]? {
        guard let start = receive(exactly: WatchMessage.startSize, until: end),
            let length = WatchMessage.length(start, limit: limit)
        else { return nil }
        return receive(exactly: length, until: end)
    }

    /// What comes before the next newline; nil where that has not come before `end`, and for more than `limit` bytes.
    func receiveLine(limit: Int, until end: ContinuousClock.Instant) -> [UInt8]? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        while bytes.count <= limit {
            let count = buffer.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
            if count > 0 {
                bytes += buffer.prefix(count)
                if let last = bytes.lastIndex(of: 10) { return Array(bytes[..<last]) }
            } else if count < 0, errno == EAGAIN {
                guard wait(Int16(POLLIN), until: end) else { return nil }
            } else if count == 0 || errno != EINTR {
                return nil
            }
        }
        return nil
    }

    private func receive(exactly size: Int, until end: ContinuousClock.Instant) -> [UInt8]? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: min(size, 64 * 1024))
        while bytes.count < size {
            let count = buffer.withUnsafeMutableBytes {
                recv(descriptor, $0.baseAddress, min($0.count, size - bytes.count), 0)
            }
            if count > 0 {
                bytes += buffer.prefix(count)
            } else if count < 0, errno == EAGAIN {
                guard wait(Int16(POLLIN), until: end) else { return nil }
            } else if count == 0 || errno != EINTR {
                return nil
            }
        }
        return bytes
    }

    private func wait(_ events: Int16, until end: ContinuousClock.Instant) -> Bool {
        while true {
            let rest = ContinuousClock.now.duration(to: end)
            if rest <= .zero { return false }
            var waiting = pollfd(fd: descriptor, events: events, revents: 0)
            let count = poll(&waiting, 1, Int32(clamping: Int(rest / .milliseconds(1)) + 1))
            if count > 0 { return true }
            if count < 0, errno != EINTR { return false }
        }
    }
}
