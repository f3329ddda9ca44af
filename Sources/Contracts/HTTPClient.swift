// Sends one request to a provider on this machine and takes its answer in. Does not know contracts, nor how HTTP is done.
import BuildEngine
import BuildGraph

/// Why there is nothing to compare with, in a line for people.
struct VerifierFailure: Error {
    let message: String
    /// The provider may have ended.
    var isLost = false
}

/// Asks the provider that listens on `port` of 127.0.0.1. Sends what it is told and no header more but Host, and
/// Content-Length with a body; follows no redirect; takes no more than 16 MiB and waits no longer than `limit`.
struct HTTPClient: Sendable {
    static let bodyLimit = 16 << 20

    let exchange: any HTTPExchange
    let port: Int
    let limit: Duration

    /// `target` is the path with its query, encoded.
    func send(
        _ method: String, _ target: String, headers: [(name: String, value: String)] = [], body: [UInt8] = [],
        limit: Duration? = nil
    ) async throws -> HTTPAnswer {
        var request = HTTPRequest(method, "http://127.0.0.1:\(port)/", headers: headers, limit: limit ?? self.limit)
        request.target = target
        request.bodyLimit = Self.bodyLimit
        if !body.isEmpty { request.body = .bytes(body) }
        do {
            return try await exchange.send(request)
        } catch let failure as HTTPFailure {
            throw VerifierFailure(message: failure.message, isLost: Self.mayHaveEnded(failure.kind))
        }
    }

    private static func mayHaveEnded(_ kind: HTTPFailure.Kind) -> Bool {
        switch kind {
        case .refused, .unreachable, .lost, .tls, .notHTTP: true
        case .timeout, .tooLarge, .badRequest, .noProgram: false
        }
    }
}
