// Sends requests by the program `curl`, one process each: the only place that knows its settings and exit statuses. Does not
// know what is asked or answered.
import BuildGraph
import Glibc

/// HTTP by `curl`. All that is said of a request goes to it by a pipe and, where a body is long or no text, by a file that
/// nobody else can read: other users see a command line.
///
/// A proxy that the environment names (`http_proxy`, `https_proxy`, `all_proxy`, `no_proxy`) is gone through, but never to
/// this machine itself or a unix socket. `.curlrc` is not read.
package struct CurlExchange: HTTPExchange {
    private let commands: any CommandRunner
    private let program: String
    private let environment: [String: String]

    /// `program` is the absolute path of `curl`; of `environment` only what names proxies, certificates and the folder of
    /// temporary files is taken.
    package init(commands: any CommandRunner, program: String, environment: [String: String] = [:]) {
        self.commands = commands
        self.program = program
        self.environment = environment
    }

    /// With the `curl` of the environment's `PATH`; nil where there is none.
    package init?(commands: any CommandRunner, environment: [String: String]) {
        guard let program = ProgramSearch(path: environment["PATH"] ?? "/usr/bin:/bin").file(named: "curl") else {
            return nil
        }
        self.init(commands: commands, program: program, environment: environment)
    }

    package func send(_ request: HTTPRequest) async throws -> HTTPAnswer {
        let body = try SentBody(request, folder: environment["TMPDIR"] ?? "")
        defer { body.remove() }
        var command = Command([program, "-q", "--config", "-"], environment: passedOn, folder: BytePath("/"))
        command.input = try CurlConfiguration(request, body).bytes
        command.separateErrors = true
        command.outputLimit = (request.output == nil ? request.bodyLimit : 0) + Self.headerLimit
        command.timeout = request.limit + .seconds(5)
        do {
            let result = try await run(command, request)
            let answer = try Self.answer(result, request)
            guard let output = request.output, !answer.succeeded else { return answer }
            let said = (try? Disk.contents(of: output)) ?? []
            Disk.remove(output)
            return HTTPAnswer(status: answer.status, headers: answer.headers, body: Array(said.prefix(64 << 10)))
        } catch {
            request.output.map(Disk.remove)
            throw error
        }
    }

    private static let headerLimit = 1 << 20

    private var passedOn: [String: String] { CurlSettings.passedOn(environment) }

    /// A body that goes to a file is no more than allowed either: where the server does not say how long it is, curl does not
    /// look.
    private func run(_ command: Command, _ request: HTTPRequest) async throws -> CommandResult {
        do {
            guard let output = request.output else { return try await commands.run(command) }
            return try await withThrowingTaskGroup(of: CommandResult?.self) { group in
                group.addTask { try await commands.run(command) }
                group.addTask {
                    while true {
                        try await Task.sleep(for: .milliseconds(200))
                        if let size = Disk.status(output)?.st_size, size > request.bodyLimit { return nil }
                    }
                }
                defer { group.cancelAll() }
                guard let first = try await group.next(), let result = first else { throw Self.tooLarge(request) }
                if let size = Disk.status(output)?.st_size, size > request.bodyLimit { throw Self.tooLarge(request) }
                return result
            }
        } catch let error as SpawnError {
            throw HTTPFailure(
                .noProgram, "'\(error.program)' cannot be started: \(String(cString: strerror(error.errno)))")
        }
    }

    // MARK: What it says

    private static func answer(_ result: CommandResult, _ request: HTTPRequest) throws(HTTPFailure) -> HTTPAnswer {
        guard result.succeeded else { throw failure(result, request) }
        guard let answer = HTTPAnswer(result.output) else {
            throw HTTPFailure(.notHTTP, "the answer is no HTTP: \(HTTPText.line(result.output))")
        }
        if answer.body.count > request.bodyLimit { throw tooLarge(request) }
        return answer
    }

    static func tooLarge(_ request: HTTPRequest) -> HTTPFailure {
        let limit = request.bodyLimit
        let shown = limit >= 1 << 20 ? "\(limit >> 20) MiB" : "\(limit) bytes"
        return HTTPFailure(.tooLarge, "the answer's body is larger than \(shown)")
    }

    private static func failure(_ result: CommandResult, _ request: HTTPRequest) -> HTTPFailure {
        let said = said(result.errors)
        switch result.ending {
        case .exited(7): return HTTPFailure(.refused, "it accepts no connections")
        case .exited(5), .exited(6), .exited(97): return HTTPFailure(.unreachable, said)
        case .exited(52): return HTTPFailure(.lost, "it closed the connection without an answer")
        case .exited(18), .exited(55), .exited(56):
            return HTTPFailure(.lost, "the connection broke before the whole answer was there (\(said))")
        case .exited(63): return tooLarge(request)
        case .exited(28), .timedOut: return late(result, request)
        case .exited(1), .exited(8): return HTTPFailure(.notHTTP, "the answer is no HTTP (\(said))")
        case .exited(35), .exited(51), .exited(53), .exited(54), .exited(58), .exited(59), .exited(60), .exited(66),
            .exited(77), .exited(82), .exited(83), .exited(90), .exited(91):
            return HTTPFailure(.tls, "it cannot be trusted: \(said)")
        case .exited(3), .exited(26): return HTTPFailure(.badRequest, "the request cannot be sent: \(said)")
        case .exited(23): return HTTPFailure(.badRequest, "the answer cannot be written: \(said)")
        case .exited(let code): return HTTPFailure(.lost, "curl ended with status \(code): \(said)")
        case .signalled(let number): return HTTPFailure(.noProgram, "curl was ended by signal \(number)")
        }
    }

    private static func late(_ result: CommandResult, _ request: HTTPRequest) -> HTTPFailure {
        if result.output.count > request.bodyLimit { return tooLarge(request) }
        return late(result.output.count, request)
    }

    /// The time was up when so many bytes had come.
    static func late(_ count: Int, _ request: HTTPRequest) -> HTTPFailure {
        let seconds = "\(request.limit.components.seconds)s"
        return HTTPFailure(
            .timeout,
            count == 0
                ? "there was no answer within \(seconds)"
                : "the answer was not complete within \(seconds): \(count) bytes came")
    }

    /// curl's last line, without its number.
    static func said(_ errors: [UInt8]) -> String {
        let line = errors.split(separator: UInt8(ascii: "\n")).last { $0.starts(with: "curl: ".utf8) }
        let text = HTTPText.line(Array(line ?? errors[...]), limit: 300)
        guard text.hasPrefix("curl: ("), let end = text.firstRange(of: ") ")?.upperBound else { return text }
        return String(text[end...])
    }
}

/// What curl is told, in the form of its configuration files.
private struct CurlConfiguration {
    private var settings = CurlSettings()

    var bytes: [UInt8] { settings.bytes }

    init(_ request: HTTPRequest, _ body: SentBody) throws(HTTPFailure) {
        guard HTTPText.isToken(request.method) else {
            throw HTTPFailure(.badRequest, "\"\(HTTPText.line(Array(request.method.utf8)))\" is no HTTP method")
        }
        let url = try HTTPAddress(request.url)
        for flag in ["silent", "show-error", "globoff", "http1.1", "path-as-is", "suppress-connect-headers"] {
            settings.say(flag)
        }
        settings.say("url", request.url)
        // Data is not sent anywhere but to where it was meant for.
        settings.say("proto", "=http,https")
        let isLocal = url.isLoopback || request.socket != nil
        if isLocal {
            settings.say("noproxy", "*")
        } else {
            settings.say("connect-timeout", CurlSettings.seconds(min(request.limit, .seconds(15))))
        }
        if let socket = request.socket { settings.say("unix-socket", socket) }
        if let target = request.target { settings.say("request-target", target) }
        if !request.checksCertificate { settings.say("insecure") }
        settings.say("max-time", CurlSettings.seconds(request.limit))
        try say(request, body, url)
        try sayHeaders(request.headers)
    }

    private mutating func say(_ request: HTTPRequest, _ body: SentBody, _ url: HTTPAddress) throws(HTTPFailure) {
        // curl waits for a body that HEAD has not unless it knows that this is one, and takes the length that it names for one.
        if request.method == "HEAD" {
            settings.say("include")
            return settings.say("head")
        }
        settings.say("request", request.method)
        settings.say("max-filesize", "\(request.bodyLimit)")
        if let output = request.output {
            if Disk.status(output) != nil { throw HTTPFailure(.badRequest, "'\(output.shown)' is there already") }
            settings.say("output", output)
            settings.say("dump-header", "-")
        } else {
            settings.say("include")
        }
        switch body.form {
        case .none: if ["POST", "PUT", "PATCH"].contains(request.method) { settings.say("data-raw", "") }
        case .text(let text): settings.say("data-raw", BytePath(bytes: text))
        case .file(let path):
            // curl takes the file's name into a URL that ends so.
            if url.endsWithSlash {
                settings.say("data-binary", BytePath(bytes: Array("@".utf8) + path.bytes))
            } else {
                settings.say("upload-file", path)
            }
        }
    }

    private mutating func sayHeaders(_ headers: [(name: String, value: String)]) throws(HTTPFailure) {
        for header in headers where !HTTPText.same(header.name, "Content-Length") {
            guard HTTPText.isToken(header.name), !header.value.utf8.contains(where: { [0, 10, 13].contains($0) }) else {
                throw HTTPFailure(
                    .badRequest, "\"\(HTTPText.line(Array(header.name.utf8)))\" cannot be sent as a header")
            }
            settings.say("header", header.value.isEmpty ? header.name + ";" : "\(header.name): \(header.value)")
        }
        // What curl would add of its own.
        for name in ["Accept", "User-Agent", "Content-Type", "Expect"]
        where !headers.contains(where: { HTTPText.same($0.name, name) }) {
            settings.say("header", name + ":")
        }
    }
}

/// A body in the form in which curl gets it.
private struct SentBody {
    enum Form {
        case none
        case text([UInt8])
        case file(BytePath)
    }

    let form: Form
    private let isOurs: Bool

    /// What is longer than this, or no text, goes through a file of its own.
    private static let textLimit = 32 << 10

    init(_ request: HTTPRequest, folder: String) throws(HTTPFailure) {
        switch request.body {
        case .none: (form, isOurs) = (.none, false)
        case .bytes(let bytes) where bytes.isEmpty: (form, isOurs) = (.none, false)
        case .bytes(let bytes) where bytes.count <= Self.textLimit && !bytes.contains(0):
            (form, isOurs) = (.text(bytes), false)
        case .bytes(let bytes):
            (form, isOurs) = (.file(try PrivateFile(bytes, in: folder.hasPrefix("/") ? folder : "/tmp").path), true)
        case .file(let path): (form, isOurs) = (.file(path), false)
        }
    }

    func remove() {
        if isOurs, case .file(let path) = form { Disk.remove(path) }
    }
}

/// Where a URL leads.
package struct HTTPAddress: Sendable, Hashable {
    /// In small letters, without a port; IPv6 without brackets.
    package let host: String
    /// True for `https`.
    package let isEncrypted: Bool
    /// `scheme://host:port`, in small letters.
    package let origin: String
    let endsWithSlash: Bool

    /// Throws `HTTPFailure` of kind `.badRequest` where `url` is none of http or https, holds credentials, or has bytes that
    /// have to be encoded.
    package init(_ url: String) throws(HTTPFailure) {
        let small = String(decoding: url.utf8.map(HTTPText.lower), as: UTF8.self)
        guard let scheme = ["http://", "https://"].first(where: { small.hasPrefix($0) }),
            url.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") })
        else { throw HTTPFailure(.badRequest, "this is no URL of http or https") }
        let rest = small.dropFirst(scheme.count)
        let authority = rest.prefix { !"/?#".contains($0) }
        if authority.contains("@") { throw HTTPFailure(.badRequest, "credentials may not stand in a URL") }
        let name = authority.first == "[" ? authority.dropFirst().prefix { $0 != "]" } : authority.prefix { $0 != ":" }
        if name.isEmpty { throw HTTPFailure(.badRequest, "the URL names no machine") }
        host = String(name)
        isEncrypted = scheme == "https://"
        origin = scheme + authority
        let path = rest.dropFirst(authority.count).prefix { !"?#".contains($0) }
        endsWithSlash = path.isEmpty || path.hasSuffix("/")
    }

    /// Whether this machine itself is meant.
    package var isLoopback: Bool { Self.isLoopback(host) }

    /// Whether `host`, in small letters, names this machine itself: `localhost`, 127.0.0.0/8 or ::1.
    package static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" || host == "::1" || host.hasSuffix(".localhost") { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}
