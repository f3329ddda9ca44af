import Testing

@testable import Dashboard

/// Who is let in. A request here is what a browser, or somebody who is none, would send.
@Suite struct RequestGateTests {
    private static let token = String(repeating: "0123456789abcdef", count: 4)
    private let gate = RequestGate(token: Self.token, port: 8440)

    private func answer(_ target: String = "/", method: String = "GET", _ headers: String...) -> RequestGate.Answer? {
        let text = (["\(method) \(target) HTTP/1.1"] + headers).joined(separator: "\r\n") + "\r\n\r\n"
        return HTTPAsked(Array(text.utf8)).map { gate.answer($0) }
    }

    private func status(_ answer: RequestGate.Answer?) -> Int? {
        switch answer {
        case .refuse(let status, _): status
        case .pass: 200
        case .takeToken: 303
        case nil: 400
        }
    }

    private static let host = "Host: 127.0.0.1:8440"
    private static let cookie = "Cookie: a=b; lmsbuild-8440=\(token)"

    @Test func theTokenGoesFromTheAddressIntoACookie() {
        #expect(
            answer("/?token=\(Self.token)", Self.host)
                == .takeToken(
                    cookie: "lmsbuild-8440=\(Self.token); Path=/; HttpOnly; SameSite=Strict", location: "/"))
        #expect(answer("/runs.html", Self.host, Self.cookie) == .pass)
        #expect(answer("/", "Host: localhost:8440", "Origin: http://localhost:8440", Self.cookie) == .pass)
        #expect(answer("/", "Host: [::1]:8440", "Authorization: Bearer \(Self.token)") == .pass)
        #expect(answer("/", Self.host, "Sec-Fetch-Site: same-origin", Self.cookie) == .pass)
        // A link never leads to another server.
        #expect(
            answer("//evil.example/?token=\(Self.token)", Self.host)
                == .takeToken(
                    cookie: "lmsbuild-8440=\(Self.token); Path=/; HttpOnly; SameSite=Strict", location: "/"))
    }

    /// Twenty ways in that are none: another site's page, a name that was made to mean 127.0.0.1, no token or a wrong one, a
    /// request that changes something, a request that can be read in two ways.
    @Test func twentyProbesAreRefused() {
        let wrong = String(Self.token.dropLast()) + "0"
        let probes: [(Int, RequestGate.Answer?)] = [
            (421, answer("/", "Host: evil.example", Self.cookie)),
            (421, answer("/", "Host: evil.example:8440", Self.cookie)),
            (421, answer("/", "Host: 127.0.0.1", Self.cookie)),
            (421, answer("/", "Host: 127.0.0.1.evil.example:8440", Self.cookie)),
            (421, answer("/", "Host: 0.0.0.0:8440", Self.cookie)),
            (421, answer("/?token=\(Self.token)", "Host: rebound.example:8440")),
            (400, answer("/", Self.cookie)),
            (400, answer("/", Self.host, "Host: evil.example", Self.cookie)),
            (403, answer("/", Self.host, "Origin: http://evil.example", Self.cookie)),
            (403, answer("/", Self.host, "Origin: null", Self.cookie)),
            (403, answer("/", Self.host, "Origin: https://127.0.0.1:8440", Self.cookie)),
            (403, answer("/", Self.host, "Origin: http://127.0.0.1:1234", Self.cookie)),
            (403, answer("/", Self.host, "Sec-Fetch-Site: cross-site", Self.cookie)),
            (403, answer("/", Self.host, "Sec-Fetch-Site: same-site", Self.cookie)),
            (401, answer("/", Self.host)),
            (401, answer("/?token=\(wrong)", Self.host)),
            (401, answer("/?token=", Self.host, Self.cookie)),
            (401, answer("/", Self.host, "Cookie: lmsbuild-8441=\(Self.token)")),
            (401, answer("/", Self.host, "Cookie: lmsbuild-8440=\(wrong)")),
            (405, answer("/", method: "POST", Self.host, Self.cookie)),
            (405, answer("/", method: "DELETE", Self.host, Self.cookie)),
            (400, answer("/", method: "GET", Self.host, "Content-Length: 5", Self.cookie)),
            (400, answer("/", method: "GET", Self.host, "Transfer-Encoding: chunked", Self.cookie)),
            (400, answer("http://127.0.0.1:8440/", Self.host, Self.cookie)),
            (400, answer("/", "Host : 127.0.0.1:8440", Self.cookie)),
        ]
        for (place, probe) in probes.enumerated() {
            #expect(status(probe.1) == probe.0, "probe \(place): \(String(describing: probe.1))")
        }
    }
}
