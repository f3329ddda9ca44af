// Speaks with a Pact Broker by its documented HTTP interface (HAL): puts pacts and results there, and gets those of a provider.
// Uses the program `curl`; does not know workspaces. Credentials go through a pipe, never into a command line or a message.
package import BuildEngine
import BuildGraph

/// Why the broker did not do what it was asked for.
package struct BrokerError: Error, Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        /// It gives no answer, or none that is its.
        case unavailable
        /// 401 or 403.
        case unauthorized
        /// It holds something else under that version.
        case conflict
        /// Nothing is there.
        case missing
        /// It said no.
        case refused
        /// What it answered is not what brokers answer.
        case misunderstood
    }

    package let kind: Kind
    /// In a line, without credentials.
    package let message: String
}

/// A broker at a URL.
package struct BrokerClient: Sendable {
    /// How a program shows who it is.
    package enum Credentials: Sendable, Hashable {
        case none
        case token(String)
        case password(user: String, String)

        /// `PACT_BROKER_TOKEN`, or else `PACT_BROKER_USERNAME` and `PACT_BROKER_PASSWORD`.
        package init(environment: [String: String]) {
            if let token = environment["PACT_BROKER_TOKEN"], !token.isEmpty {
                self = .token(token)
            } else if let user = environment["PACT_BROKER_USERNAME"], !user.isEmpty {
                self = .password(user: user, environment["PACT_BROKER_PASSWORD"] ?? "")
            } else {
                self = .none
            }
        }

        /// The header's value.
        fileprivate var header: String? {
            switch self {
            case .none: nil
            case .token(let token): "Bearer \(token)"
            case .password(let user, let password):
                "Basic \(Base64.encode(Array("\(user):\(password)".utf8)))"
            }
        }
    }

    private let base: String
    private let origin: String
    private let credentials: Credentials
    private let commands: any CommandRunner
    private let program: String
    private let limit: Duration

    /// Nil where `url` is none of http or https, or holds credentials: those would be seen by others.
    package init?(
        url: String, credentials: Credentials, commands: any CommandRunner, program: String,
        limit: Duration = .seconds(30)
    ) {
        var url = url
        while url.hasSuffix("/") { url.removeLast() }
        guard let origin = Self.origin(of: url), !url.utf8.contains(UInt8(ascii: "?")) else { return nil }
        base = url
        self.origin = origin
        self.credentials = credentials
        self.commands = commands
        self.program = program
        self.limit = limit
    }

    /// `scheme://host:port` of a URL that may be asked.
    private static func origin(of url: String) -> String? {
        let small = url.asciiLowercased
        guard let scheme = ["http://", "https://"].first(where: { small.hasPrefix($0) }) else { return nil }
        let rest = url.utf8.dropFirst(scheme.utf8.count)
        let host = rest.prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
        guard !host.isEmpty, !host.contains(UInt8(ascii: "@")),
            url.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") })
        else { return nil }
        return scheme + String(decoding: host, as: UTF8.self).asciiLowercased
    }

    // MARK: Questions

    /// Puts a consumer's pact there. True where it was new.
    package func publish(
        _ pact: [UInt8], consumer: String, provider: String, version: String
    ) async throws -> Bool {
        let answer = try await send(
            "PUT", base + Self.path("pacts", "provider", provider, "consumer", consumer, "version", version), pact)
        return answer.status == 201
    }

    /// The pacts that `provider` is to be verified against, by consumer, as they lie there.
    package func pacts(of provider: String) async throws -> [(consumer: String, bytes: [UInt8])] {
        let links = try await links(of: provider)
        var pacts: [(consumer: String, bytes: [UInt8])] = []
        for link in links {
            let answer = try await send("GET", try own(link))
            guard let consumer = (try? ContractDocument.read(answer.body, name: "pact.json"))?.consumer else {
                throw BrokerError(kind: .misunderstood, message: "what the broker calls a pact is none")
            }
            pacts.append((consumer, answer.body))
        }
        return pacts
    }

    private func links(of provider: String) async throws -> [String] {
        let selectors = #"{"consumerVersionSelectors":[{"mainBranch":true},{"deployedOrReleased":true}]}"#
        do {
            let found = try await tree(
                "POST", base + Self.path("pacts", "provider", provider, "for-verification"), Array(selectors.utf8))
            let pacts = found.member("_embedded")?.member("pacts")?.elements ?? []
            return pacts.compactMap { $0.member("_links")?.member("self")?.member("href")?.text }
        } catch let error as BrokerError {
            guard error.kind == .missing else { throw error }
        }
        // Older ones know only the latest of each.
        let found = try await tree("GET", base + Self.path("pacts", "provider", provider, "latest"))
        let list = found.member("_links")?.member("pb:pacts") ?? found.member("_links")?.member("pacts")
        return (list?.elements ?? []).compactMap { $0.member("href")?.text }
    }

    /// Puts down what became of verifying the latest pact of a pair. False where the pact there is not `pact`: then
    /// nothing is said of it.
    package func publishResult(
        _ passed: Bool, of pact: ContractDocument, consumer: String, provider: String, version: String
    ) async throws -> Bool {
        let answer = try await send(
            "GET", base + Self.path("pacts", "provider", provider, "consumer", consumer, "latest"))
        guard let there = try? ContractDocument.read(answer.body, name: "pact.json"),
            let tree = try? JSONTree.parse(answer.body)
        else { throw BrokerError(kind: .misunderstood, message: "the broker's answer is no pact") }
        guard there.digest == pact.digest else { return false }
        let link = tree.member("_links")?.member("pb:publish-verification-results")?.member("href")?.text
        guard let link else {
            throw BrokerError(kind: .misunderstood, message: "the broker takes no verification results")
        }
        let result = JSONValue.object([
            ("success", .bool(passed)), ("providerApplicationVersion", .string(version)),
            ("verifiedBy", .object([("implementation", .string("lmsbuild"))])),
        ])
        _ = try await send("POST", try own(link), Array(result.text(pretty: false).utf8))
        return true
    }

    // MARK: Asking

    /// A link of the broker's; credentials go nowhere else.
    private func own(_ link: String) throws(BrokerError) -> String {
        if link.hasPrefix("/"), !link.hasPrefix("//") { return origin + link }
        guard Self.origin(of: link) == origin else {
            throw BrokerError(
                kind: .misunderstood, message: "the broker names a link on another machine: \(ReportText.line(link))")
        }
        return link
    }

    private static func path(_ parts: String...) -> String { parts.map { "/" + escaped($0) }.joined() }

    /// As one part of a URL's path.
    package static func escaped(_ text: String) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if byte.isLetter || byte.isDigit || "-_".utf8.contains(byte)
                || (byte == 0x2E && text != "." && text != "..")
            {
                bytes.append(byte)
            } else {
                bytes += "%".utf8
                let digits = Array("0123456789ABCDEF".utf8)
                bytes += [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func tree(_ method: String, _ url: String, _ body: [UInt8]? = nil) async throws -> JSONTree {
        let answer = try await send(method, url, body)
        guard let tree = try? JSONTree.parse(answer.body) else {
            throw BrokerError(kind: .misunderstood, message: "the broker's answer is no JSON: \(answer.shown)")
        }
        return tree
    }

    /// Everything goes to curl by its standard input: others can see a command line.
    private func send(_ method: String, _ url: String, _ body: [UInt8]? = nil) async throws -> HTTPAnswer {
        let seconds = max(1, limit.components.seconds)
        var command = Command(
            [
                program, "-q", "--config", "-", "--silent", "--show-error", "--globoff", "--include", "--path-as-is",
                "--http1.1", "--max-filesize", "\(HTTPClient.bodyLimit)", "--max-time", "\(seconds)",
            ], environment: ["PATH": "/usr/bin:/bin"], folder: BytePath("/"))
        var lines = ["request = \"\(method)\"", "url = \"\(url)\"", "header = \"Expect:\""]
        lines.append("header = \"Accept: application/hal+json, application/json\"")
        if let header = credentials.header { lines.append("header = \(Self.quoted("Authorization: \(header)"))") }
        if let body {
            lines.append("header = \"Content-Type: application/json\"")
            lines.append("data-raw = \(Self.quoted(String(decoding: body, as: UTF8.self)))")
        }
        command.input = Array(lines.joined(separator: "\n").utf8) + [UInt8(ascii: "\n")]
        command.separateErrors = true
        command.outputLimit = HTTPClient.bodyLimit + (1 << 20)
        command.timeout = limit + .seconds(5)
        let result: CommandResult
        do {
            result = try await commands.run(command)
        } catch {
            throw BrokerError(kind: .unavailable, message: "the broker was not asked: \(error)")
        }
        guard result.succeeded, let answer = HTTPAnswer(result.output) else {
            let said = result.succeeded ? "its answer is no HTTP" : ReportText.tail(result.errors)
            throw BrokerError(kind: .unavailable, message: "the broker at \(origin) gives no answer: \(masked(said))")
        }
        if answer.succeeded { return answer }
        throw refusal(answer, method, url)
    }

    private func refusal(_ answer: HTTPAnswer, _ method: String, _ url: String) -> BrokerError {
        let shown = masked(answer.shown)
        switch answer.status {
        case 401, 403:
            return BrokerError(
                kind: .unauthorized,
                message: credentials == .none
                    ? "the broker at \(origin) wants credentials (\(answer.status))"
                    : "the broker at \(origin) does not take these credentials (\(answer.status))")
        case 404, 405:
            return BrokerError(kind: .missing, message: "the broker at \(origin) has no \(url.dropFirst(base.count))")
        case 409: return BrokerError(kind: .conflict, message: "the broker holds something else: \(shown)")
        case 500...: return BrokerError(kind: .unavailable, message: "the broker at \(origin) fails: \(shown)")
        default: return BrokerError(kind: .refused, message: "the broker at \(origin) says no: \(shown)")
        }
    }

    /// What a broker says may repeat what it was told.
    private func masked(_ text: String) -> String {
        let secrets: [String]
        switch credentials {
        case .none: secrets = []
        case .token(let token): secrets = [token]
        case .password(_, let password): secrets = [password, credentials.header ?? ""]
        }
        return secrets.filter { !$0.isEmpty }.reduce(text) { $0.holds($1) ? "(hidden)" : $0 }
    }

    /// As curl's configuration has texts.
    private static func quoted(_ text: String) -> String {
        var bytes: [UInt8] = [UInt8(ascii: "\"")]
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case 0x0A: bytes += Array("\\n".utf8)
            case 0x0D: bytes += Array("\\r".utf8)
            case 0x09: bytes += Array("\\t".utf8)
            default: bytes.append(byte)
            }
        }
        return String(decoding: bytes + [UInt8(ascii: "\"")], as: UTF8.self)
    }
}
