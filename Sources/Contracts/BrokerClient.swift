// Speaks with a Pact Broker by its documented HTTP interface (HAL): puts pacts and results there, and gets those of a provider.
// Does not know workspaces, nor how HTTP is done. Credentials never get into a message.
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
    private let exchange: any HTTPExchange
    private let limit: Duration

    /// Nil where `url` is none of http or https, or holds credentials: those would be seen by others.
    package init?(
        url: String, credentials: Credentials, exchange: any HTTPExchange, limit: Duration = .seconds(30)
    ) {
        var url = url
        while url.hasSuffix("/") { url.removeLast() }
        guard let origin = (try? HTTPAddress(url))?.origin, !url.utf8.contains(UInt8(ascii: "?")) else { return nil }
        base = url
        self.origin = origin
        self.credentials = credentials
        self.exchange = exchange
        self.limit = limit
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
        guard let named = try? HTTPAddress(link), named.origin == origin else {
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

    private func send(_ method: String, _ url: String, _ body: [UInt8]? = nil) async throws -> HTTPAnswer {
        var request = HTTPRequest(
            method, url, headers: [("Accept", "application/hal+json, application/json")], limit: limit)
        request.bodyLimit = HTTPClient.bodyLimit
        if let header = credentials.header { request.headers.append(("Authorization", header)) }
        if let body {
            request.headers.append(("Content-Type", "application/json"))
            request.body = .bytes(body)
        }
        let answer: HTTPAnswer
        do {
            answer = try await exchange.send(request)
        } catch let failure as HTTPFailure {
            throw BrokerError(
                kind: .unavailable, message: "the broker at \(origin) gives no answer: \(masked(failure.message))")
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
}
