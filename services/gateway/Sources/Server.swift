import Glibc
import Synchronization

/// Accepts connections and answers one request on each, each on its own thread.
/// Bounds: the number of connections, the time for a request, its size. Does not know what is asked for.
final class Server: Sendable {
    static let connections = 64
    static let milliseconds = 10_000

    let port: Int
    private let listener: Int32
    private let active = Atomic<Int>(0)
    private let stopping = Atomic<Bool>(false)

    /// Listens at once; port 0 takes a free one.
    init(host: String, port: Int) throws(SocketError) {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        guard inet_pton(AF_INET, host, &address.sin_addr) == 1 else { throw .unknownHost(host) }
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard listener >= 0 else { throw .failed("socket", errno) }
        var yes: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                let bound = bind(listener, generic, size)
                return bound == 0 ? getsockname(listener, generic, &size) : bound
            }
        }
        guard status == 0, listen(listener, 128) == 0 else {
            let code = errno
            close(listener)
            throw .failed("port \(port)", code)
        }
        self.listener = listener
        self.port = Int(in_port_t(bigEndian: address.sin_port))
    }

    deinit { close(listener) }

    /// Accepts until `stop`.
    func run(_ handler: @escaping @Sendable (Request) -> Response) {
        while !stopping.load(ordering: .acquiring) {
            var entry = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
            guard poll(&entry, 1, 100) > 0 else { continue }
            let descriptor = accept(listener, nil, nil)
            guard descriptor >= 0 else { continue }
            let isFull = active.add(1, ordering: .acquiringAndReleasing).newValue > Server.connections
            let started = startThread { [self] in
                Server.serve(
                    descriptor,
                    isFull ? { _ in .problem(503, "busy", "too many requests at once; try again") } : handler)
                active.subtract(1, ordering: .acquiringAndReleasing)
            }
            if !started {
                close(descriptor)
                active.subtract(1, ordering: .acquiringAndReleasing)
            }
        }
    }

    /// Takes no new connection and waits for those that are open; false when some were still open at the end.
    func stop(milliseconds: Int) -> Bool {
        stopping.store(true, ordering: .releasing)
        let deadline = Deadline(milliseconds: milliseconds)
        while active.load(ordering: .acquiring) > 0 {
            guard deadline.left > 0 else { return false }
            usleep(10_000)
        }
        return true
    }

    private static func serve(_ descriptor: Int32, _ handler: (Request) -> Response) {
        let connection = Connection(descriptor: descriptor)
        let deadline = Deadline(milliseconds: milliseconds)
        var method = ""
        let response: Response
        do {
            guard let request = try receive(connection, deadline) else { return }
            method = request.method
            response = handler(request)
        } catch let error as MessageError {
            response = .problem(error.status, "bad-request", error.reason)
        } catch SocketError.timeout {
            response = .problem(408, "timeout", "the request did not arrive in time")
        } catch {
            return
        }
        let end = Deadline(milliseconds: milliseconds)
        guard (try? connection.write(response.encoded(withBody: method != "HEAD"), deadline: end)) != nil else {
            return
        }
        connection.finishWriting(deadline: Deadline(milliseconds: 500))
    }

    /// One whole request; nil when the client left without a word.
    private static func receive(_ connection: borrowing Connection, _ deadline: Deadline) throws -> Request? {
        var bytes: [UInt8] = []
        var end: Int?
        while end == nil {
            let more = try connection.read(deadline: deadline)
            if more.isEmpty {
                if bytes.isEmpty { return nil }
                throw MessageError(status: 400, reason: "the request ended early")
            }
            bytes += more
            end = Head.end(in: bytes)
            guard end ?? bytes.count <= Head.limit else {
                throw MessageError(status: 431, reason: "the head is too large")
            }
        }
        guard let end else { return nil }
        let head = try Head.parse(Array(bytes[..<end]))
        var request = try head.request()
        let length = try head.bodyLength() ?? 0
        var body = Array(bytes[end...])
        while body.count < length {
            let more = try connection.read(deadline: deadline)
            guard !more.isEmpty else { throw MessageError(status: 400, reason: "the body ended early") }
            body += more
        }
        request.body = Array(body.prefix(length))
        return request
    }
}
