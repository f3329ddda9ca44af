// The Docker Engine's HTTP interface (version 1.41), as far as deployments ask it and make small changes. Does not know
// stacks, releases or how long to wait.
package import BuildEngine
package import BuildGraph
import Buildfile

/// Why an engine did not do what it was asked.
package struct EngineError: Error, Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        /// It gives no answer: not there, or being restarted.
        case unreachable
        /// It answers, but the registry that it has to ask does not.
        case registrySilent
        /// Nothing has that name.
        case missing
        /// Something else has that name, is in use, or has changed meanwhile.
        case conflict
        /// It said no.
        case refused
    }

    package let kind: Kind
    /// In a line, the engine's own words.
    package let message: String

    package init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    /// The same without what `mask` takes out.
    func masked(by mask: SecretMask) -> EngineError { EngineError(kind, mask.masked(message)) }
}

/// Where an engine listens.
package struct EngineAddress: Sendable, Hashable {
    package let socket: BytePath?
    /// Without a final `/`.
    package let url: String
    /// As `DOCKER_HOST` would say it.
    package let shown: String

    /// Nil for what is neither `unix://PATH` nor `tcp://HOST:PORT`.
    package init?(_ host: String) {
        shown = host
        if host.hasPrefix("unix://") {
            socket = BytePath(String(host.dropFirst(7)))
            url = "http://engine"
        } else if host.hasPrefix("tcp://") {
            socket = nil
            url = "http://" + host.dropFirst(6)
        } else {
            return nil
        }
    }
}

extension EngineAddress {
    /// What `docker` itself would talk to: DOCKER_HOST, else its current context, else the usual socket.
    package static func current(runner: any CommandRunner, environment: [String: String]) async -> String {
        if let host = environment["DOCKER_HOST"], !host.isEmpty { return host }
        let program = EngineProgram("docker", runner: runner, environment: environment)
        let asked = try? await program.run(
            ["docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"], timeout: .seconds(20))
        let line = asked.flatMap { $0.succeeded ? EngineProgram.lastLine($0.output) : nil }
        return line ?? "unix:///var/run/docker.sock"
    }
}

/// Asks one engine.
package struct EngineAPI: Sendable {
    package let address: EngineAddress
    private let exchange: any HTTPExchange

    package init(_ address: EngineAddress, exchange: any HTTPExchange) {
        self.address = address
        self.exchange = exchange
    }

    /// What is at `path` (with its query). Throws `EngineError`.
    package func get(_ path: String) async throws -> JSONTree {
        try Self.tree(try await send("GET", path, nil))
    }

    /// The bytes at `path`, as they are.
    package func bytes(_ path: String) async throws -> [UInt8] {
        try await send("GET", path, nil)
    }

    /// Sends `body` to `path`.
    @discardableResult
    package func post(_ path: String, _ body: JSONValue?) async throws -> JSONTree {
        let answer = try await send("POST", path, body)
        return answer.isEmpty ? JSONTree(.null) : try Self.tree(answer)
    }

    /// Removes what is at `path`. False where nothing was.
    @discardableResult
    package func delete(_ path: String) async throws -> Bool {
        do {
            _ = try await send("DELETE", path, nil)
            return true
        } catch let error as EngineError where error.kind == .missing {
            return false
        }
    }

    /// `filters=` for a list's query, encoded.
    package static func filter(_ name: String, _ value: String) -> String {
        let text = JSONValue.object([(name, .array([.string(value)]))]).text(pretty: false)
        return "filters=" + percentEncoded(text)
    }

    /// As a part of a path or query.
    package static func percentEncoded(_ text: String) -> String {
        var out = ""
        for byte in text.utf8 {
            let isPlain =
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (0x41...0x5A).contains(byte)
                || (0x30...0x39).contains(byte) || "-._~".utf8.contains(byte)
            if isPlain {
                out.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                out += "%" + (digits.utf8.count == 1 ? "0" : "") + digits
            }
        }
        return out
    }

    private func send(_ method: String, _ path: String, _ body: JSONValue?) async throws -> [UInt8] {
        var request = HTTPRequest(method, address.url + "/v1.41" + path)
        request.socket = address.socket
        if let body {
            request.headers = [("Content-Type", "application/json")]
            request.body = .bytes(Array(body.text(pretty: false).utf8))
        }
        let answer: HTTPAnswer
        do {
            answer = try await exchange.send(request)
        } catch let failure as HTTPFailure {
            throw EngineError(.unreachable, "the engine at \(address.shown) does not answer: \(failure.message)")
        }
        if answer.succeeded { return answer.body }
        let said = (try? JSONTree.parse(answer.body))?.member("message")?.text ?? answer.shown
        let kind: EngineError.Kind =
            switch answer.status {
            case 404: .missing
            case 409: .conflict
            // 503: also an engine that has come back and does not know its swarm yet.
            case 502, 503, 504: .unreachable
            default: said.contains("out of sequence") ? .conflict : .refused
            }
        throw EngineError(kind, said)
    }

    private static func tree(_ bytes: [UInt8]) throws -> JSONTree {
        do {
            return try JSONTree.parse(bytes)
        } catch {
            throw EngineError(.refused, "the engine's answer is no JSON: \(error.message)")
        }
    }
}

extension JSONTree {
    /// An object of texts.
    var texts: [String: String] {
        var found: [String: String] = [:]
        for member in members ?? [] { found[member.name] = member.value.text }
        return found
    }
}
