// HTTP to this machine itself without a process for it. Does not know TLS, names of machines, proxies or files: whatever
// wants one of them is asked by the other way.
import BuildGraph
import Glibc
import Synchronization

/// Sends what goes to a numbered address of this machine, or to `localhost`, over a socket of its own: starting `curl` takes
/// longer than all else that is done to tell a collector there of a run. Everything else, and what nobody takes a connection
/// for, is sent by `other`, which also says why it cannot be.
package struct LoopbackExchange: HTTPExchange {
    private let other: any HTTPExchange

    /// `other` sends what does not stay on this machine.
    package init(otherwise other: any HTTPExchange) { self.other = other }

    package func send(_ request: HTTPRequest) async throws -> HTTPAnswer {
        guard let call = LoopbackCall(request) else { return try await other.send(request) }
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let failed = Threads.start { continuation.resume(returning: call.outcome()) }
                if failed != 0 { continuation.resume(returning: .untaken) }
            }
        } onCancel: {
            call.cancel()
        }
        try Task.checkCancellation()
        switch outcome {
        case .answered(let answer): return answer
        case .untaken: return try await other.send(request)
        case .failed(let failure): throw failure
        }
    }
}

/// One request and its answer, waited for where it is asked for.
private final class LoopbackCall: Sendable {
    enum Outcome: Sendable {
        case answered(HTTPAnswer)
        /// There is no connection: nothing was sent.
        case untaken
        case failed(HTTPFailure)
    }

    private let request: HTTPRequest
    private let bytes: [UInt8]
    private let place: sockaddr_in
    private let isCancelled = Atomic<Bool>(false)

    /// Beside the body: more headers than that nobody sends.
    private static let headerLimit = 1 << 20

    /// Nil for what is not to be sent so.
    init?(_ request: HTTPRequest) {
        guard request.socket == nil, request.target == nil, request.output == nil, request.method != "HEAD",
            HTTPText.isToken(request.method), let address = try? HTTPAddress(request.url), !address.isEncrypted,
            let place = Self.place(of: address)
        else { return nil }
        var body: [UInt8] = []
        switch request.body {
        case .none: break
        case .bytes(let bytes): body = bytes
        case .file: return nil
        }
        // 1.0: the answer comes in one piece, and the connection is closed behind it.
        var path = request.url.dropFirst(address.origin.utf8.count).prefix { $0 != "#" }
        if path.first != "/" { path = "/" + path }
        var head = "\(request.method) \(path) HTTP/1.0\r\nHost: \(address.origin.dropFirst("http://".count))\r\n"
        for (name, value) in request.headers where !HTTPText.same(name, "Content-Length") {
            guard HTTPText.isToken(name), !value.utf8.contains(where: { [0, 10, 13].contains($0) }) else { return nil }
            head += "\(name): \(value)\r\n"
        }
        if !body.isEmpty || ["POST", "PUT", "PATCH"].contains(request.method) {
            head += "Content-Length: \(body.count)\r\n"
        }
        bytes = Array((head + "\r\n").utf8) + body
        self.request = request
        self.place = place
    }

    private static func place(of address: HTTPAddress) -> sockaddr_in? {
        let host = address.host == "localhost" ? "127.0.0.1" : address.host
        let authority = address.origin.dropFirst("http://".count)
        let port = authority.dropFirst(address.host.utf8.count)
        guard HTTPAddress.isLoopback(host), port.isEmpty || port.first == ":",
            let number = port.isEmpty ? 80 : UInt16(port.dropFirst()), number > 0
        else { return nil }
        let parts = host.split(separator: ".").compactMap { UInt32($0) }
        guard parts.count == 4 else { return nil }
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_port = number.bigEndian
        place.sin_addr.s_addr = parts.reduce(0) { $0 << 8 | $1 }.bigEndian
        return place
    }

    func cancel() { isCancelled.store(true, ordering: .relaxed) }

    /// Sends it and waits for the answer. On a thread that does nothing else.
    func outcome() -> Outcome {
        // Signals are for the program's other threads.
        var all = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, nil)
        let until = SuspendingClock.now + request.limit
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC | O_NONBLOCK, 0)
        guard descriptor >= 0 else { return .untaken }
        defer { close(descriptor) }
        guard connects(descriptor, until) else { return .untaken }
        do throws(HTTPFailure) {
            return .answered(try talk(descriptor, until))
        } catch {
            return .failed(error)
        }
    }

    private func connects(_ descriptor: Int32, _ until: SuspendingClock.Instant) -> Bool {
        let code = withUnsafePointer(to: place) { place in
            place.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if code == 0 { return true }
        guard errno == EINPROGRESS, wait(descriptor, Int16(POLLOUT), until) else { return false }
        var problem: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &problem, &size) == 0 && problem == 0
    }

    private func talk(_ descriptor: Int32, _ until: SuspendingClock.Instant) throws(HTTPFailure) -> HTTPAnswer {
        var sent = 0
        // Whoever has heard enough may answer and close before it has all of it.
        sending: while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(
                    descriptor, $0.baseAddress?.advanced(by: sent), $0.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count > 0 {
                sent += count
            } else if errno == EAGAIN {
                guard wait(descriptor, Int16(POLLOUT), until) else { throw late([]) }
            } else if errno != EINTR {
                break sending
            }
        }
        return try answer(descriptor, until)
    }

    private func answer(_ descriptor: Int32, _ until: SuspendingClock.Instant) throws(HTTPFailure) -> HTTPAnswer {
        var got: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        var size: Int?
        while true {
            let count = chunk.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                got += chunk[..<count]
                if size == nil { size = try Self.size(got, request) }
                if let size, got.count >= size { return try last(Array(got[..<size])) }
                if got.count > request.bodyLimit + Self.headerLimit { throw CurlExchange.tooLarge(request) }
            } else if count < 0, errno == EINTR {
                continue
            } else if count < 0, errno == EAGAIN {
                guard wait(descriptor, Int16(POLLIN), until) else { throw late(got) }
            } else {
                return try last(got)
            }
        }
    }

    /// What there is when nothing more comes.
    private func last(_ got: [UInt8]) throws(HTTPFailure) -> HTTPAnswer {
        if got.isEmpty { throw HTTPFailure(.lost, "it closed the connection without an answer") }
        guard got.firstRange(of: Array("\r\n\r\n".utf8)) != nil, let answer = HTTPAnswer(got) else {
            throw HTTPFailure(.notHTTP, "the answer is no HTTP: \(HTTPText.line(got))")
        }
        if let length = answer.header("Content-Length").flatMap({ Int($0) }), answer.body.count < length {
            throw HTTPFailure(.lost, "the connection broke before the whole answer was there")
        }
        if answer.body.count > request.bodyLimit { throw CurlExchange.tooLarge(request) }
        return answer
    }

    /// Bytes of the whole answer, where its headers are there and say so; as many as there can be where they do not.
    private static func size(_ got: [UInt8], _ request: HTTPRequest) throws(HTTPFailure) -> Int? {
        guard let head = got.firstRange(of: Array("\r\n\r\n".utf8)),
            let answer = HTTPAnswer(Array(got[..<head.upperBound]))
        else { return nil }
        guard let length = answer.header("Content-Length").flatMap({ Int($0) }), length >= 0 else { return .max }
        if length > request.bodyLimit { throw CurlExchange.tooLarge(request) }
        return head.upperBound + length
    }

    private func late(_ got: [UInt8]) -> HTTPFailure {
        CurlExchange.late(got.count, request)
    }

    /// False where the time is up or nobody waits any more.
    private func wait(_ descriptor: Int32, _ events: Int16, _ until: SuspendingClock.Instant) -> Bool {
        while !isCancelled.load(ordering: .relaxed) {
            let left = SuspendingClock.now.duration(to: until)
            if left <= .zero { return false }
            var polled = pollfd(fd: descriptor, events: events, revents: 0)
            let step = min(left, .milliseconds(100)).components.attoseconds / 1_000_000_000_000_000 + 1
            if poll(&polled, 1, Int32(step)) > 0 { return true }
        }
        return false
    }
}
