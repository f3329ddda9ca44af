import Glibc

/// A call of the system that failed, or a limit of ours that was reached.
enum SocketError: Error, Equatable {
    case failed(String, Int32)
    case timeout
    case unknownHost(String)

    var text: String {
        switch self {
        case .failed(let call, let code): "\(call): \(String(cString: strerror(code)))"
        case .timeout: "no answer in time"
        case .unknownHost(let host): "unknown host \(host)"
        }
    }
}

/// A moment on the monotonic clock after which nothing is waited for.
struct Deadline: Sendable {
    private let end: Int

    init(milliseconds: Int) { end = Deadline.now + milliseconds }

    /// Milliseconds that are left; 0 when none are.
    var left: Int { max(0, end - Deadline.now) }

    static var now: Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
    }
}

/// A stream socket that is closed when it is dropped. Every wait has a deadline.
struct Connection: ~Copyable {
    private let descriptor: Int32

    /// Takes over an open socket.
    init(descriptor: Int32) {
        self.descriptor = descriptor
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }

    deinit { close(descriptor) }

    /// Connects to the first address of `host` that answers.
    static func open(host: String, port: Int, deadline: Deadline) throws(SocketError) -> Connection {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &found) == 0 else { throw .unknownHost(host) }
        defer { freeaddrinfo(found) }
        var last = SocketError.unknownHost(host)
        var entry = found
        while let address = entry?.pointee {
            entry = address.ai_next
            let descriptor = socket(address.ai_family, address.ai_socktype, address.ai_protocol)
            guard descriptor >= 0 else { continue }
            let connection = Connection(descriptor: descriptor)
            do {
                try connection.finish(connect(descriptor, address.ai_addr, address.ai_addrlen), deadline)
                return connection
            } catch {
                last = error
            }
        }
        throw last
    }

    private func finish(_ status: Int32, _ deadline: Deadline) throws(SocketError) {
        if status == 0 { return }
        guard errno == EINPROGRESS else { throw .failed("connect", errno) }
        try wait(for: POLLOUT, deadline)
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size)
        guard code == 0 else { throw .failed("connect", code) }
    }

    private func wait(for events: Int32, _ deadline: Deadline) throws(SocketError) {
        var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        while true {
            let status = poll(&entry, 1, Int32(deadline.left))
            if status > 0 { return }
            if status == 0 { throw .timeout }
            guard errno == EINTR else { throw .failed("poll", errno) }
        }
    }

    /// Some bytes; none at the end of the stream.
    func read(deadline: Deadline) throws(SocketError) -> [UInt8] {
        while true {
            try wait(for: POLLIN, deadline)
            var code: Int32 = 0
            var count = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: 16 * 1024) { buffer, filled in
                count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
                code = errno
                filled = max(0, count)
            }
            if count >= 0 { return bytes }
            guard code == EAGAIN || code == EINTR else { throw .failed("recv", code) }
        }
    }

    func write(_ bytes: [UInt8], deadline: Deadline) throws(SocketError) {
        var sent = 0
        while sent < bytes.count {
            try wait(for: POLLOUT, deadline)
            let count = bytes.withUnsafeBytes {
                send(descriptor, $0.baseAddress?.advanced(by: sent), $0.count - sent, 0)
            }
            if count >= 0 {
                sent += count
            } else if errno != EAGAIN && errno != EINTR {
                throw .failed("send", errno)
            }
        }
    }

    /// Tells the peer that nothing more comes, and takes what it still sends, so that it can read our answer.
    func finishWriting(deadline: Deadline) {
        shutdown(descriptor, Int32(SHUT_WR))
        while let bytes = try? read(deadline: deadline), !bytes.isEmpty {}
    }
}

/// Runs `body` on a thread of its own; false when the system has none to give.
func startThread(_ body: @escaping @Sendable () -> Void) -> Bool {
    final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    let box = Unmanaged.passRetained(Body(body))
    var thread = pthread_t()
    let status = pthread_create(
        &thread, &attributes,
        { raw in
            if let raw { Unmanaged<Body>.fromOpaque(raw).takeRetainedValue().run() }
            return nil
        }, box.toOpaque())
    if status != 0 { box.release() }
    return status == 0
}
