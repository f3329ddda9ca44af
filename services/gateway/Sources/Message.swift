/// HTTP/1.1 requests and responses as bytes. This file does not know a socket.
struct Header: Equatable, Sendable {
    let name: String
    let value: String
}

struct Request: Equatable, Sendable {
    var method: String
    /// The path and the query as they were sent.
    var target: String
    var headers: [Header] = []
    var body: [UInt8] = []

    func header(_ name: String) -> String? { headers.value(of: name) }

    var path: String { String(target.prefix { $0 != "?" }) }

    /// The bytes to send; one request a connection.
    func encoded(host: String) -> [UInt8] {
        var head = "\(method) \(target) HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n"
        for header in headers { head += "\(header.name): \(header.value)\r\n" }
        if !body.isEmpty || method == "POST" || method == "PUT" || method == "PATCH" {
            head += "Content-Length: \(body.count)\r\n"
        }
        return Array((head + "\r\n").utf8) + body
    }
}

struct Response: Equatable, Sendable {
    var status: Int
    var headers: [Header] = []
    var body: [UInt8] = []

    init(status: Int, headers: [Header] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    init(status: Int, _ json: JSON) {
        self.init(
            status: status, headers: [Header(name: "Content-Type", value: "application/json")],
            body: Array(json.encoded.utf8))
    }

    static func problem(_ status: Int, _ code: String, _ message: String) -> Response {
        Response(status: status, .object(["error": .string(code), "message": .string(message)]))
    }

    func header(_ name: String) -> String? { headers.value(of: name) }

    func encoded(withBody: Bool = true) -> [UInt8] {
        var head = "HTTP/1.1 \(status) \(Response.reason(status))\r\nConnection: close\r\n"
        for header in headers { head += "\(header.name): \(header.value)\r\n" }
        head += "Content-Length: \(body.count)\r\n\r\n"
        return Array(head.utf8) + (withBody ? body : [])
    }

    private static func reason(_ status: Int) -> String {
        switch status {
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 400: "Bad Request"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 413: "Content Too Large"
        case 415: "Unsupported Media Type"
        case 422: "Unprocessable Content"
        case 503: "Service Unavailable"
        default: status < 400 ? "OK" : "Error"
        }
    }
}

extension [Header] {
    fileprivate func value(of name: String) -> String? {
        first { $0.name.lowercased() == name.lowercased() }?.value
    }
}

/// A message that cannot be read; `status` is the answer it deserves.
struct MessageError: Error, Equatable {
    let status: Int
    let reason: String
}

/// The head of a message: its first line's words and its headers.
struct Head: Equatable {
    static let limit = 16 * 1024
    static let bodyLimit = 1024 * 1024

    let words: [String]
    let headers: [Header]

    /// Where the head ends (after its empty line); nil while it is not complete.
    static func end(in bytes: [UInt8]) -> Int? {
        guard bytes.count >= 4 else { return nil }
        for place in 3..<bytes.count where bytes[place] == 0x0A {
            if bytes[place - 1] == 0x0D && bytes[place - 2] == 0x0A && bytes[place - 3] == 0x0D { return place + 1 }
        }
        return nil
    }

    /// Reads a head; `bytes` ends with its empty line.
    static func parse(_ bytes: [UInt8]) throws(MessageError) -> Head {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw bad("the head is not UTF-8") }
        var lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            String(String.UnicodeScalarView(line.last == "\r" ? line.dropLast() : line))
        }
        lines.removeAll { $0.isEmpty }
        guard let first = lines.first else { throw bad("the first line is missing") }
        var headers: [Header] = []
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":"), colon != line.startIndex else {
                throw bad("a header has no name")
            }
            let name = String(line[..<colon])
            guard name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "-_.!#$%&'*+^`|~".contains($0)) })
            else {
                throw bad("a header's name is not valid")
            }
            let value = String(line[line.index(after: colon)...]).trimmed
            guard !value.unicodeScalars.contains(where: { $0.value < 0x20 && $0 != "\t" }) else {
                throw bad("a header's value is not valid")
            }
            headers.append(Header(name: name, value: value))
        }
        return Head(words: first.split(separator: " ", maxSplits: 2).map(String.init), headers: headers)
    }

    /// The length of the body that follows; nil where the sender did not say.
    func bodyLength(limit: Int = Head.bodyLimit) throws(MessageError) -> Int? {
        guard headers.value(of: "Transfer-Encoding") == nil else {
            throw MessageError(status: 411, reason: "a body needs a Content-Length")
        }
        let given = headers.filter { $0.name.lowercased() == "content-length" }
        guard let first = given.first else { return nil }
        guard given.count == 1, first.value.allSatisfy({ $0.isASCII && $0.isNumber }), let length = Int(first.value)
        else {
            throw Head.bad("the Content-Length is not a number")
        }
        guard length <= limit else { throw MessageError(status: 413, reason: "a body has at most \(limit) bytes") }
        return length
    }

    /// The request that this head starts, without its body.
    func request() throws(MessageError) -> Request {
        guard words.count == 3, words[2] == "HTTP/1.1" || words[2] == "HTTP/1.0" else {
            throw Head.bad("the first line is no HTTP/1.1 request")
        }
        guard words[1].hasPrefix("/"), words[1].utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw Head.bad("the address is not valid")
        }
        return Request(method: words[0], target: words[1], headers: headers)
    }

    private static func bad(_ reason: String) -> MessageError { MessageError(status: 400, reason: reason) }
}

extension String {
    /// Without spaces and tabs at either end.
    var trimmed: String {
        let end = reversed().drop { $0 == " " || $0 == "\t" }.reversed()
        return String(end.drop { $0 == " " || $0 == "\t" })
    }
}

/// One query value or path part, percent-encoded: all but RFC 3986's unreserved characters.
func percentEncoded(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF")
    var out = ""
    for byte in text.utf8 {
        let character = Character(Unicode.Scalar(byte))
        if byte < 0x80 && (character.isLetter || character.isNumber || "-._~".contains(character)) {
            out.append(character)
        } else {
            out += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
        }
    }
    return out
}
