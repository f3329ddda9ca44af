// HTTP as its askers see it: a request, its answer, and why there is none. Does not know how it travels, nor what any server
// means by it.
package import BuildGraph

/// The body that a request takes along.
package enum HTTPBody: Sendable, Hashable {
    case none
    case bytes([UInt8])
    /// The plain file at this absolute path, which is not taken into memory.
    case file(BytePath)
}

/// One request (RFC 9110). What it says goes out and no header more but `Host`, and `Content-Length` with a body and with
/// POST, PUT and PATCH. No redirect is followed: the answer is the one of the server that was asked.
package struct HTTPRequest: Sendable {
    /// Such as `GET`.
    package var method: String
    /// `http://…` or `https://…`, encoded, without credentials; through a unix socket the host is any word.
    package var url: String
    /// As they go out, in their order. Values may be secret: nobody but the server sees them.
    package var headers: [(name: String, value: String)]
    /// What it takes along.
    package var body: HTTPBody = .none
    /// The path with its query exactly as the server gets it, where it is not to be taken from `url`.
    package var target: String?
    /// The absolute path of a unix socket to go through in place of the network.
    package var socket: BytePath?
    /// How long all of it may take.
    package var limit: Duration = .seconds(30)
    /// Bytes of the answer's body that are taken; a longer one is a failure of kind `.tooLarge`.
    package var bodyLimit = 16 << 20
    /// The absolute path of a file that is written with the answer's body, where the answer is a success (2xx); there must
    /// be no such file yet, and there is none after a failure.
    package var output: BytePath?
    /// False: the server's certificate is not looked at. For those who asked for that by name.
    package var checksCertificate = true

    /// A request with all else as it is by default.
    package init(
        _ method: String, _ url: String, headers: [(name: String, value: String)] = [], body: HTTPBody = .none,
        limit: Duration = .seconds(30)
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.limit = limit
    }
}

/// An answer as it came.
package struct HTTPAnswer: Sendable {
    /// 100 to 599; never an interim one but 101.
    package let status: Int
    /// In their order, names as they were written.
    package let headers: [(name: String, value: String)]
    /// Empty where it went to a file.
    package let body: [UInt8]

    /// An answer of these parts.
    package init(status: Int, headers: [(name: String, value: String)], body: [UInt8]) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// 200 to 299.
    package var succeeded: Bool { (200..<300).contains(status) }

    /// The first value of the header called `name`, whatever its case; nil where there is none.
    package func header(_ name: String) -> String? {
        headers.first { HTTPText.same($0.name, name) }?.value
    }

    /// For messages: the status and the beginning of the body, on one line.
    package var shown: String {
        let text = HTTPText.line(body)
        return "\(status)" + (text.isEmpty ? "" : ": \(text)")
    }
}

extension HTTPAnswer {
    /// Reads headers and body as they come over the wire, the body without its transfer encoding; nil where that is no answer.
    /// Interim answers (1xx) are passed over.
    package init?(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while true {
            guard let first = HTTPText.takeLine(&rest) else { return nil }
            let words = first.split(separator: " ", maxSplits: 2)
            guard words.count >= 2, words[0].hasPrefix("HTTP/"), let status = Int(words[1]) else { return nil }
            var headers: [(name: String, value: String)] = []
            while let line = HTTPText.takeLine(&rest), !line.isEmpty {
                guard let colon = line.firstIndex(of: ":") else { continue }
                headers.append((String(line[..<colon]), HTTPText.trimmed(String(line[line.index(after: colon)...]))))
            }
            if (100..<200).contains(status), status != 101 { continue }
            self.init(status: status, headers: headers, body: Array(rest))
            return
        }
    }
}

/// Why there is no answer.
package struct HTTPFailure: Error, Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        /// Nothing listens there.
        case refused
        /// The name of the machine, or the machine itself, cannot be found.
        case unreachable
        /// The time was up.
        case timeout
        /// The connection broke, or was closed without an answer.
        case lost
        /// The certificate, or the agreement on encryption.
        case tls
        /// The answer was larger than the request allows.
        case tooLarge
        /// What came is no HTTP.
        case notHTTP
        /// The request cannot be sent: a header, a method, a URL or a file.
        case badRequest
        /// The program that sends requests is missing or broken.
        case noProgram
    }

    /// What went wrong, for programs.
    package let kind: Kind
    /// What went wrong, for people, after the server's name: "it accepts no connections". On one line, without secrets.
    package let message: String

    /// A failure of that kind.
    package init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    /// Whether another try may do: nothing was wrong with the request.
    package var isPassing: Bool { [.refused, .unreachable, .timeout, .lost].contains(kind) }
}

/// Sends requests.
package protocol HTTPExchange: Sendable {
    /// Gives whatever the server answers, of any status. Throws `HTTPFailure` where there is no answer and
    /// `CancellationError` when cancelled.
    func send(_ request: HTTPRequest) async throws -> HTTPAnswer
}

/// Text on the wire and in messages.
enum HTTPText {
    static func same(_ one: String, _ other: String) -> Bool {
        one.utf8.count == other.utf8.count && zip(one.utf8, other.utf8).allSatisfy { lower($0) == lower($1) }
    }

    static func lower(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }

    /// RFC 9110, section 5.6.2.
    static func isToken(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0 | 0x20)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || "!#$%&'*+-.^_`|~".utf8.contains($0)
            }
    }

    /// Takes one line off, without its end.
    static func takeLine(_ bytes: inout ArraySlice<UInt8>) -> String? {
        guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
        var line = bytes[..<end]
        if line.last == UInt8(ascii: "\r") { line = line.dropLast() }
        bytes = bytes[(end + 1)...]
        return String(decoding: line, as: UTF8.self)
    }

    static func trimmed(_ text: String) -> String {
        let bytes = Array(text.utf8)
        guard let start = bytes.firstIndex(where: { !isSpace($0) }), let end = bytes.lastIndex(where: { !isSpace($0) })
        else { return "" }
        return String(decoding: bytes[start...end], as: UTF8.self)
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    /// The beginning of what others wrote, on one line, control characters as escapes.
    static func line(_ bytes: [UInt8], limit: Int = 200) -> String {
        var shown = ""
        for scalar in trimmed(String(decoding: bytes.prefix(limit), as: UTF8.self)).unicodeScalars {
            switch scalar.value {
            case 0x0A: shown += "\\n"
            case 0x0D: shown += "\\r"
            case 0x09: shown += "\\t"
            case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029: shown += "\\u{\(String(scalar.value, radix: 16))}"
            default: shown.unicodeScalars.append(scalar)
            }
        }
        return bytes.count > limit ? shown + "…" : shown
    }
}
