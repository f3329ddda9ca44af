// How a registry is shown who we are: by a password, or by a token that its service gives for what is to be done. Does not know what
// is asked of the registry.
import BuildEngine
import BuildGraph

extension RegistryClient {
    /// Sends it with what the registry wants to be shown. That goes to the registry alone, not to where it leads.
    func authorized(
        _ request: HTTPRequest, _ scopes: [String], throwsFailures: Bool
    ) async throws -> HTTPAnswer {
        guard (try? HTTPAddress(request.url))?.origin == (try? HTTPAddress(origin))?.origin else {
            return try await patiently(request, throwsFailures: throwsFailures)
        }
        let shown = try await authorization(scopes, after: nil)
        let answer = try await patiently(request.with(shown), throwsFailures: throwsFailures)
        guard answer.status == 401, let challenge = RegistryChallenge(headers: answer.headers) else { return answer }
        self.challenge = challenge
        // A token may have become too old meanwhile.
        tokens[scopes.joined(separator: " ")] = nil
        guard let again = try await authorization(scopes, after: answer),
            again != shown || shown?.hasPrefix("Bearer") == true
        else { return answer }
        return try await patiently(request.with(again), throwsFailures: throwsFailures)
    }

    /// The header's value; nil where nothing is wanted or there is nothing to show.
    private func authorization(_ scopes: [String], after refused: HTTPAnswer?) async throws -> String? {
        guard let challenge else { return nil }
        let credential = await credentials.credential(for: host)
        switch challenge {
        case .basic:
            guard case .password(let user, let password) = credential else { return nil }
            return Self.basic(user, password)
        case .bearer(let realm, let service, _):
            let key = scopes.joined(separator: " ")
            if let token = tokens[key] { return "Bearer " + token }
            let token = try await token(realm, service, scopes, credential)
            tokens[key] = token
            return "Bearer " + token
        }
    }

    private static func basic(_ user: String, _ password: String) -> String {
        "Basic " + Base64.encode(Array("\(user):\(password)".utf8))
    }

    private func token(
        _ realm: String, _ service: String?, _ scopes: [String], _ credential: RegistryCredential?
    ) async throws -> String {
        // Credentials go over the network encrypted, or stay on this machine, or the user has named the registry.
        guard let place = try? HTTPAddress(realm), place.isEncrypted || place.isLoopback || origin.hasPrefix("http://")
        else {
            throw error(.misunderstood, "it names a token service that would be told credentials unencrypted")
        }
        var fields = scopes.map { ("scope", $0) }
        if let service { fields.append(("service", service)) }
        var request: HTTPRequest
        if case .identityToken(let token) = credential {
            fields += [("grant_type", "refresh_token"), ("client_id", "lmsbuild"), ("refresh_token", token)]
            // One field, scopes separated by spaces (RFC 6749).
            fields = fields.filter { $0.0 != "scope" } + [("scope", scopes.joined(separator: " "))]
            request = HTTPRequest(
                "POST", realm, headers: [("Content-Type", "application/x-www-form-urlencoded")],
                body: .bytes(Array(Self.form(fields).utf8)), limit: settings.limit)
        } else {
            request = HTTPRequest(
                "GET", realm + (realm.contains("?") ? "&" : "?") + Self.form(fields), limit: settings.limit)
            if case .password(let user, let password) = credential {
                request.headers.append(("Authorization", Self.basic(user, password)))
            }
        }
        let answer = try await patiently(request, throwsFailures: false)
        guard answer.succeeded, let json = try? JSONValue.parse(answer.body),
            let token = json.member("token")?.text ?? json.member("access_token")?.text,
            token.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else {
            if [400, 401, 403].contains(answer.status) { throw unauthorized(credential != nil, answer.status) }
            throw error(.misunderstood, "its token service gives no token (\(answer.status))")
        }
        return token
    }

    private static func form(_ fields: [(String, String)]) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        return fields.map { name, value in
            var bytes: [UInt8] = []
            for byte in value.utf8 {
                if (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) || "-._~".utf8.contains(byte) {
                    bytes.append(byte)
                } else {
                    bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
                }
            }
            return name + "=" + String(decoding: bytes, as: UTF8.self)
        }.joined(separator: "&")
    }
}

extension HTTPRequest {
    fileprivate func with(_ authorization: String?) -> HTTPRequest {
        guard let authorization else { return self }
        var copy = self
        copy.headers.append(("Authorization", authorization))
        return copy
    }
}
