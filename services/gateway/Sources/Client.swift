/// Where a service is.
struct Upstream: Equatable, Sendable {
    let name: String
    let host: String
    let port: Int

    /// From `http://host[:port]`; nil for anything else.
    init?(name: String, url: String) {
        guard url.hasPrefix("http://") else { return nil }
        var rest = url.dropFirst("http://".count)
        if rest.last == "/" { rest = rest.dropLast() }
        let parts = rest.split(separator: ":", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let host = parts.first, !host.isEmpty,
            host.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "." || $0 == "_") })
        else { return nil }
        let port = parts.count == 2 ? Int(parts[1]) : 80
        guard let port, (1...65535).contains(port) else { return nil }
        self.name = name
        self.host = String(host)
        self.port = port
    }
}

/// An upstream that did not answer, or not in a way that can be passed on.
struct Unavailable: Error {
    let service: String
    let reason: String
}

/// Sends one request on a connection of its own.
enum Client {
    static let milliseconds = 5_000
    static let answerLimit = 4 * 1024 * 1024

    static func send(_ request: Request, to upstream: Upstream) throws(Unavailable) -> Response {
        let deadline = Deadline(milliseconds: milliseconds)
        do {
            let connection = try Connection.open(host: upstream.host, port: upstream.port, deadline: deadline)
            try connection.write(request.encoded(host: "\(upstream.host):\(upstream.port)"), deadline: deadline)
            var bytes: [UInt8] = []
            while true {
                let more = try connection.read(deadline: deadline)
                if more.isEmpty { break }
                bytes += more
                guard bytes.count <= answerLimit else {
                    throw MessageError(status: 502, reason: "the answer is too large")
                }
            }
            return try response(bytes)
        } catch let error as SocketError {
            throw Unavailable(service: upstream.name, reason: error.text)
        } catch let error as MessageError {
            throw Unavailable(service: upstream.name, reason: error.reason)
        } catch {
            throw Unavailable(service: upstream.name, reason: "\(error)")
        }
    }

    /// Reads a whole response, up to the end of its connection.
    static func response(_ bytes: [UInt8]) throws(MessageError) -> Response {
        guard let end = Head.end(in: bytes) else { throw MessageError(status: 502, reason: "the answer has no head") }
        let head = try Head.parse(Array(bytes[..<end]))
        guard head.words.count >= 2, head.words[0].hasPrefix("HTTP/1."), let status = Int(head.words[1]),
            (200...599).contains(status)
        else { throw MessageError(status: 502, reason: "the answer has no status") }
        let body = Array(bytes[end...])
        if let length = try head.bodyLength(limit: answerLimit), length != body.count {
            throw MessageError(status: 502, reason: "the answer ended early")
        }
        return Response(status: status, headers: head.headers, body: body)
    }
}
