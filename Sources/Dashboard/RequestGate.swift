// Who may see the pages. Only what a request says is looked at; sockets and answers are others'. The threats are those of a
// server on one's own machine: other users' programs, pages of other sites in the same browser, names that are made to mean
// 127.0.0.1.

/// Lets through whoever has the token, by the names that this server has.
struct RequestGate: Sendable {
    /// What becomes of it.
    enum Answer: Sendable, Hashable {
        case pass
        /// The token was in the address: it goes into a cookie, and the address is asked for again without it.
        case takeToken(cookie: String, location: String)
        case refuse(status: Int, reason: String)
    }

    private let token: String
    private let port: Int

    /// `token` is 64 hex digits; the server listens on this port of 127.0.0.1.
    init(token: String, port: Int) {
        self.token = token
        self.port = port
    }

    private var names: [String] { ["127.0.0.1:\(port)", "localhost:\(port)", "[::1]:\(port)"] }
    /// Cookies are shared by all ports of a machine.
    private var cookieName: String { "lmsbuild-\(port)" }

    /// Whether the request is answered.
    func answer(_ request: HTTPAsked) -> Answer {
        guard request.method == "GET" || request.method == "HEAD" else {
            return .refuse(status: 405, reason: "these pages can only be read")
        }
        guard let host = request["host"]?.lowercased(), names.contains(host) else {
            return .refuse(status: 421, reason: "this server has another name")
        }
        if let origin = request["origin"], origin.lowercased() != "http://" + host {
            return .refuse(status: 403, reason: "another site asks")
        }
        if let site = request["sec-fetch-site"], !["none", "same-origin"].contains(site) {
            return .refuse(status: 403, reason: "another site asks")
        }
        guard request.target.utf8.first == UInt8(ascii: "/"), request.target.utf8.count < 4096 else {
            return .refuse(status: 400, reason: "no such address")
        }
        if let given = Self.token(in: request.target) {
            guard isToken(given) else { return .refuse(status: 401, reason: Self.wayIn) }
            let path = request.target.prefix { $0 != "?" }
            // Nothing but a path of this server's: `//host/` would be another server's.
            let location = path.hasPrefix("//") ? "/" : String(path)
            return .takeToken(
                cookie: "\(cookieName)=\(token); Path=/; HttpOnly; SameSite=Strict", location: location)
        }
        if let bearer = request["authorization"], bearer.hasPrefix("Bearer "), isToken(bearer.dropFirst(7)) {
            return .pass
        }
        let cookies = (request["cookie"] ?? "").split(separator: ";").map { $0.drop { $0 == " " } }
        for cookie in cookies where cookie.hasPrefix(cookieName + "=") {
            if isToken(cookie.dropFirst(cookieName.count + 1)) { return .pass }
        }
        return .refuse(status: 401, reason: Self.wayIn)
    }

    private static let wayIn = "open the address that 'lmsbuild serve' printed: it holds the token"

    private static func token(in target: String) -> Substring? {
        guard let question = target.firstIndex(of: "?") else { return nil }
        return target[target.index(after: question)...].split(separator: "&")
            .first { $0.hasPrefix("token=") }?.dropFirst(6)
    }

    /// In a time that does not tell how much of it is right.
    private func isToken(_ given: some StringProtocol) -> Bool {
        let wanted = Array(token.utf8)
        let bytes = Array(given.utf8)
        var difference = wanted.count ^ bytes.count
        for (place, byte) in bytes.enumerated() { difference |= Int(byte ^ wanted[place % wanted.count]) }
        return difference == 0
    }
}
