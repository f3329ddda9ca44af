// HTTP/1.1 on 127.0.0.1, as much of it as pages that are only read need: GET and HEAD, no body, one request a connection. Knows
// sockets and the form of a request; does not know pages, nor who may see them. Whoever sends nothing, too much, or does
// not read is dropped, and keeps nobody else waiting.
import BuildGraph
import Glibc
import Synchronization

/// A request as it came: RFC 9112, sections 3 and 5.
struct HTTPAsked: Sendable, Hashable {
    let method: String
    /// As it was sent, with its query.
    let target: String
    /// In the order sent, names in lower case.
    let headers: [Header]

    struct Header: Sendable, Hashable {
        let name: String
        let value: String
    }

    /// The whole head of a request, from its first byte to the empty line. Nil for what is none, and for what could be read in two
    /// ways: a header continued on another line, a name with a space, two hosts, a body.
    init?(_ bytes: [UInt8]) {
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        var lines = text.split(separator: "\r\n", omittingEmptySubsequences: true)[...]
        guard let first = lines.popFirst() else { return nil }
        let words = first.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, words[2] == "HTTP/1.1" || words[2] == "HTTP/1.0",
            words[0].utf8.allSatisfy({ (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }),
            words[1].utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { return nil }
        method = String(words[0])
        target = String(words[1])
        var headers: [Header] = []
        for line in lines {
            guard let colon = line.firstIndex(of: ":"), line.utf8.allSatisfy({ $0 >= 0x20 || $0 == 0x09 }) else {
                return nil
            }
            let name = line[..<colon]
            guard !name.isEmpty, name.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
            let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            headers.append(Header(name: name.lowercased(), value: String(value)))
        }
        let known = Set(["host", "content-length", "transfer-encoding"])
        let counts = Dictionary(grouping: headers.filter { known.contains($0.name) }, by: \.name)
        guard counts["host"]?.count == 1, counts["transfer-encoding"] == nil,
            counts["content-length"].map({ $0.count == 1 && $0[0].value == "0" }) ?? true
        else { return nil }
        self.headers = headers
    }

    /// The first value of the header `name`, which is in lower case.
    subscript(name: String) -> String? { headers.first { $0.name == name }?.value }
}

/// An answer: a head, and a body that is there or comes bit by bit.
struct HTTPReply: Sendable {
    enum Body: Sendable {
        case whole([UInt8])
        /// Asked again and again for what comes next: an empty array where there is nothing new, nil at the end.
        case parts(@Sendable () -> [UInt8]?)
    }

    let status: Int
    let headers: [(name: String, value: String)]
    let body: Body

    private static let phrases = [
        200: "OK", 303: "See Other", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
        405: "Method Not Allowed", 421: "Misdirected Request", 431: "Request Header Fields Too Large",
        503: "Service Unavailable",
    ]

    var head: [UInt8] {
        var text = "HTTP/1.1 \(status) \(Self.phrases[status] ?? "Error")\r\n"
        for header in headers {
            // Nothing that is put in here holds one; if it did, it would end the head.
            let value = header.value.filter { $0 != "\r" && $0 != "\n" && $0 != "\r\n" }
            text += "\(header.name): \(value)\r\n"
        }
        if case .whole(let bytes) = body { text += "Content-Length: \(bytes.count)\r\n" }
        return Array((text + "Connection: close\r\n\r\n").utf8)
    }
}

/// A port of this machine's own address.
package struct PortTaken: Error, Sendable {
    package let port: Int
    package let errno: Int32
}

/// Listens, and answers each connection on a thread of its own.
final class LoopbackListener: Sendable {
    /// Connections at once; further ones wait to be accepted.
    static let mostConnections = 96
    /// Bytes of a request's head.
    static let mostBytes = 16 * 1024

    private let descriptor: Int32
    let port: Int
    private let connections = Mutex(0)

    /// Port 0 takes one that is free. Throws where the port cannot be had.
    init(port wanted: Int) throws(PortTaken) {
        let made = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard made >= 0 else { throw PortTaken(port: wanted, errno: errno) }
        var on: Int32 = 1
        setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(clamping: wanted)).bigEndian
        address.sin_addr = in_addr(s_addr: in_addr_t(0x7F00_0001).bigEndian)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isOpen = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(made, generic, length) == 0 && listen(made, 64) == 0 && getsockname(made, generic, &length) == 0
            }
        }
        guard isOpen else {
            let code = errno
            close(made)
            throw PortTaken(port: wanted, errno: code)
        }
        descriptor = made
        port = Int(UInt16(bigEndian: address.sin_port))
    }

    deinit { close(descriptor) }

    /// Answers until `stop` says so, which is asked several times a second. Returns then; connections that are open end by themselves.
    func serve(until stop: @escaping @Sendable () -> Bool, _ answer: @escaping @Sendable (HTTPAsked) async -> HTTPReply)
        async
    {
        await withCheckedContinuation { continuation in
            let failed = Threads.start { [self] in
                accept(until: stop, answer)
                continuation.resume()
            }
            if failed != 0 { continuation.resume() }
        }
    }

    private func accept(until stop: () -> Bool, _ answer: @escaping @Sendable (HTTPAsked) async -> HTTPReply) {
        while !stop() {
            guard connections.withLock({ $0 < Self.mostConnections }) else {
                usleep(50_000)
                continue
            }
            var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&waiting, 1, 200) > 0 else { continue }
            let client = Glibc.accept(descriptor, nil, nil)
            guard client >= 0 else { continue }
            _ = fcntl(client, F_SETFD, FD_CLOEXEC)
            connections.withLock { $0 += 1 }
            let failed = Threads.start { [self] in read(client, answer) }
            if failed != 0 { drop(client) }
        }
    }

    private func drop(_ client: Int32) {
        close(client)
        connections.withLock { $0 -= 1 }
    }

    private func read(_ client: Int32, _ answer: @escaping @Sendable (HTTPAsked) async -> HTTPReply) {
        var limit = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let end = ContinuousClock.now + .seconds(10)
        var bytes: [UInt8] = []
        var isWhole = false
        while !isWhole, bytes.count < Self.mostBytes {
            let left = (end - .now) / .milliseconds(1)
            var waiting = pollfd(fd: client, events: Int16(POLLIN), revents: 0)
            guard left > 0, poll(&waiting, 1, Int32(left)) > 0 else { return drop(client) }
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = recv(client, &buffer, buffer.count, 0)
            guard count > 0 else { return drop(client) }
            bytes += buffer[..<count]
            isWhole = bytes.count >= 4 && Self.endsHead(bytes, from: bytes.count - count)
        }
        guard isWhole, let asked = HTTPAsked(bytes) else {
            write(Self.plain(isWhole ? 400 : 431), to: client, isHead: false)
            return drop(client)
        }
        Task {
            let reply = await answer(asked)
            let failed = Threads.start { [self] in
                write(reply, to: client, isHead: asked.method == "HEAD")
                drop(client)
            }
            if failed != 0 { drop(client) }
        }
    }

    /// Whether the empty line is there; nothing may stand behind it.
    private static func endsHead(_ bytes: [UInt8], from start: Int) -> Bool { bytes.suffix(4) == [13, 10, 13, 10] }

    static func plain(_ status: Int, _ text: String = "this is no request that is answered here") -> HTTPReply {
        HTTPReply(
            status: status, headers: [("Content-Type", "text/plain; charset=utf-8")],
            body: .whole(Array((text + "\n").utf8)))
    }

    private func write(_ reply: HTTPReply, to client: Int32, isHead: Bool) {
        guard send(reply.head, to: client), !isHead else { return }
        switch reply.body {
        case .whole(let bytes): _ = send(bytes, to: client)
        case .parts(let next):
            while true {
                let start = ContinuousClock.now
                guard let bytes = next() else { break }
                let took = ContinuousClock.now - start
                guard bytes.isEmpty || send(bytes, to: client) else { return }
                // A client that goes away ends the wait.
                var waiting = pollfd(fd: client, events: Int16(POLLIN), revents: 0)
                if poll(&waiting, 1, Self.wait(after: took)) != 0 { return }
            }
        }
        shutdown(client, Int32(SHUT_WR))
    }

    /// Milliseconds until a part is made again that took so long to make: often enough to be seen as it happens, and at most a
    /// twentieth of a processor, which runs need more than whoever watches them.
    static func wait(after took: Duration) -> Int32 {
        Int32(clamping: Int64(min(max(.milliseconds(500), took * 19), .seconds(5)) / .milliseconds(1)))
    }

    /// False where the client does not take it within the time limit of the socket.
    private func send(_ bytes: [UInt8], to client: Int32) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }
}
