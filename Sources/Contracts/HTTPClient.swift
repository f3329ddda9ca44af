// Sends one request to a provider on this machine and takes its answer in, by the program `curl`. Does not know contracts.
import BuildEngine
import BuildGraph

/// An answer as it came.
struct HTTPAnswer: Sendable {
    let status: Int
    let headers: [(name: String, value: String)]
    let body: [UInt8]

    var succeeded: Bool { (200..<300).contains(status) }

    /// The first value of the header called `name`, in small letters; nil where there is none.
    func header(_ name: String) -> String? { headers.first { $0.name.asciiLowercased == name }?.value }

    /// For messages: the status and the beginning of the body.
    var shown: String {
        let text = String(decoding: body.prefix(200), as: UTF8.self).trimmed
        return "\(status)" + (text.isEmpty ? "" : ": \(ReportText.line(text))")
    }
}

/// Why there is no answer, in a line for people.
struct HTTPFailure: Error {
    let message: String
    /// The provider may have ended.
    var isLost = false
}

/// Asks the provider that listens on `port` of 127.0.0.1. Sends what it is told and no header more but Host, and
/// Content-Length with a body; follows no redirect; takes no more than 16 MiB and waits no longer than `limit`.
struct HTTPClient: Sendable {
    static let bodyLimit = 16 << 20

    let commands: any CommandRunner
    /// The absolute path of `curl`.
    let program: String
    let port: Int
    let limit: Duration

    /// `target` is the path with its query, encoded.
    func send(
        _ method: String, _ target: String, headers: [(name: String, value: String)] = [], body: [UInt8] = [],
        limit: Duration? = nil
    ) async throws -> HTTPAnswer {
        var command = Command(
            try arguments(method, target, headers, body, limit ?? self.limit), environment: ["PATH": "/usr/bin:/bin"],
            folder: BytePath("/"))
        command.input = body
        command.separateErrors = true
        command.outputLimit = Self.bodyLimit + (1 << 20)
        command.timeout = (limit ?? self.limit) + .seconds(5)
        let result: CommandResult
        do {
            result = try await commands.run(command)
        } catch let error as SpawnError {
            throw HTTPFailure(message: "'\(error.program)' cannot be started (errno \(error.errno))")
        }
        guard result.succeeded else { throw failure(result, limit ?? self.limit) }
        guard let answer = HTTPAnswer(result.output) else {
            throw HTTPFailure(message: "the answer is no HTTP: \(ReportText.excerpt(result.output))")
        }
        if answer.body.count > Self.bodyLimit { throw Self.tooLarge }
        return answer
    }

    private static let tooLarge = HTTPFailure(message: "the answer's body is larger than \(bodyLimit >> 20) MiB")

    private func arguments(
        _ method: String, _ target: String, _ headers: [(name: String, value: String)], _ body: [UInt8],
        _ limit: Duration
    ) throws(HTTPFailure) -> [String] {
        guard Self.isToken(method) else { throw HTTPFailure(message: "\"\(method)\" is no HTTP method") }
        let milliseconds = max(
            1, limit.components.seconds * 1000 + limit.components.attoseconds / 1_000_000_000_000_000)
        var words = [
            program, "-q", "--silent", "--show-error", "--globoff", "--http1.1", "--noproxy", "*", "--path-as-is",
            "--include", "--max-filesize", "\(Self.bodyLimit)",
            "--max-time", "\(milliseconds / 1000).\(String(1000 + milliseconds % 1000).dropFirst())",
            "--request-target", target,
        ]
        // curl waits for a body that HEAD has not unless it knows that this is one.
        let isHead = method == "HEAD"
        words += isHead ? ["--head"] : ["--request", method]
        if !isHead, !body.isEmpty || ["POST", "PUT", "PATCH"].contains(method) {
            words += ["--data-binary", body.isEmpty ? "" : "@-"]
        }
        for header in headers where header.name.asciiLowercased != "content-length" {
            guard Self.isToken(header.name), !header.value.utf8.contains(where: { [0, 10, 13].contains($0) }) else {
                throw HTTPFailure(message: "\"\(ReportText.line(header.name))\" cannot be sent as a header")
            }
            words += ["--header", header.value.isEmpty ? header.name + ";" : "\(header.name): \(header.value)"]
        }
        for name in ["Accept", "User-Agent", "Content-Type", "Expect"]
        where !headers.contains(where: { $0.name.asciiLowercased == name.asciiLowercased }) {
            words += ["--header", name + ":"]
        }
        return words + ["http://127.0.0.1:\(port)/"]
    }

    private static func isToken(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { $0.isLetter || $0.isDigit || "!#$%&'*+-.^_`|~".utf8.contains($0) }
    }

    private func failure(_ result: CommandResult, _ limit: Duration) -> HTTPFailure {
        let said = ReportText.excerpt(result.errors)
        let seconds = "\(limit.components.seconds)s"
        switch result.ending {
        case .exited(7): return HTTPFailure(message: "it accepts no connections", isLost: true)
        case .exited(52): return HTTPFailure(message: "it closed the connection without an answer", isLost: true)
        case .exited(18), .exited(55), .exited(56):
            return HTTPFailure(
                message: "the connection broke before the whole answer was there (\(said))", isLost: true)
        case .exited(63): return Self.tooLarge
        case .exited(28), .timedOut:
            if result.output.count > Self.bodyLimit { return Self.tooLarge }
            return HTTPFailure(
                message: result.output.isEmpty
                    ? "there was no answer within \(seconds)"
                    : "the answer was not complete within \(seconds): \(result.output.count) bytes came")
        case .exited(1), .exited(8): return HTTPFailure(message: "the answer is no HTTP (\(said))", isLost: true)
        case .exited(let code): return HTTPFailure(message: "curl ended with status \(code): \(said)", isLost: true)
        case .signalled(let number): return HTTPFailure(message: "curl was ended by signal \(number)")
        }
    }
}

extension HTTPAnswer {
    /// What `curl --include` prints; nil where that is no answer. Interim answers (1xx) are passed over.
    init?(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while true {
            guard let first = Self.line(&rest) else { return nil }
            let words = first.split(separator: " ", maxSplits: 2)
            guard words.count >= 2, words[0].hasPrefix("HTTP/"), let status = Int(words[1]) else { return nil }
            var headers: [(name: String, value: String)] = []
            while let line = Self.line(&rest), !line.isEmpty {
                guard let colon = line.firstIndex(of: ":") else { continue }
                headers.append((String(line[..<colon]), String(line[line.index(after: colon)...]).trimmed))
            }
            if (100..<200).contains(status), status != 101 { continue }
            self.init(status: status, headers: headers, body: Array(rest))
            return
        }
    }

    /// Takes one line off, without its end.
    private static func line(_ bytes: inout ArraySlice<UInt8>) -> String? {
        guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
        var line = bytes[..<end]
        if line.last == UInt8(ascii: "\r") { line = line.dropLast() }
        bytes = bytes[(end + 1)...]
        return String(decoding: line, as: UTF8.self)
    }
}
