// Speaks with an image registry by its HTTP interface (OCI Distribution 1.1, Docker Registry v2). Does not know workspaces,
// images' contents, nor how HTTP is done. Credentials never get into a message.
package import BuildEngine
package import BuildGraph

/// Why a registry did not do what it was asked for.
package struct RegistryError: Error, Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        /// It gives no answer, or fails.
        case unavailable
        /// 401 or 403.
        case unauthorized
        /// What it was asked for is not there.
        case missing
        /// It said no.
        case refused
        /// What it answered is not what registries answer, or bytes are not what their digest says.
        case misunderstood
    }

    /// For programs.
    package let kind: Kind
    /// For people: which registry, and what is wrong; on one line, without credentials.
    package let message: String
}

/// What registries are asked by.
package struct RegistrySettings: Sendable {
    /// `host[:port]`s that are asked by plain HTTP although they are not this machine.
    package var insecure: Set<String> = []
    /// How often a request is sent at most where the registry asks to wait, or the connection breaks.
    package var attempts = 4
    /// How long one request waits in all between its attempts.
    package var patience: Duration = .seconds(30)
    /// How long an answer may take, a file's way up or down aside.
    package var limit: Duration = .seconds(30)
    /// Waits; in tests it does not.
    package var pause: @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }

    /// All as it is by default.
    package init() {}
}

/// One registry.
package actor RegistryClient {
    /// `host[:port]`, as images' names have it.
    package nonisolated let host: String
    /// Where it is asked: this machine itself by plain HTTP, others by HTTPS unless the settings name them.
    nonisolated let origin: String
    nonisolated let settings: RegistrySettings
    let exchange: any HTTPExchange
    let credentials: RegistryCredentials
    var challenge: RegistryChallenge?
    var tokens: [String: String] = [:]

    /// The four kinds of manifests: a registry hides what it is not asked for.
    package static let manifestTypes = [
        "application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    ]

    /// A registry by its name in images' names.
    package init(
        host: String, exchange: any HTTPExchange, credentials: RegistryCredentials,
        settings: RegistrySettings = RegistrySettings()
    ) {
        self.host = host
        self.exchange = exchange
        self.credentials = credentials
        self.settings = settings
        let address = host == ImageReference.dockerHub ? "registry-1.docker.io" : host
        let isPlain = settings.insecure.contains(host) || (try? HTTPAddress("http://" + host))?.isLoopback == true
        origin = (isPlain ? "http://" : "https://") + address
    }

    // MARK: Manifests

    /// The digest of what stands under a tag or digest, by one HEAD; nil where nothing does.
    package func digest(of version: String, in repository: String) async throws -> String? {
        let answer = try await send("HEAD", "manifests/" + version, of: repository, headers: Self.acceptManifests)
        if answer.status == 404 { return nil }
        guard answer.succeeded else { throw refusal(answer, "\(repository):\(version)") }
        if let digest = answer.header("docker-content-digest"), ImageReference.isDigest(digest) { return digest }
        // Not every registry says so: then the manifest itself tells.
        return try await manifest(version, in: repository)?.digest
    }

    /// A manifest as it was put there.
    package struct Manifest: Sendable, Hashable {
        /// `sha256:…` of the bytes.
        package let digest: String
        /// Its media type.
        package let type: String
        package let bytes: [UInt8]
    }

    /// The manifest under a tag or digest; nil where there is none. Throws `.misunderstood` where its bytes are not what the
    /// digest that was asked for says.
    package func manifest(_ version: String, in repository: String) async throws -> Manifest? {
        let answer = try await send("GET", "manifests/" + version, of: repository, headers: Self.acceptManifests)
        if answer.status == 404 { return nil }
        guard answer.succeeded else { throw refusal(answer, "\(repository):\(version)") }
        let digest = "sha256:" + SHA256Value.of(answer.body).hex
        if version.contains(":"), version != digest {
            throw error(.misunderstood, "it gives a manifest of \(repository) that is \(digest), not \(version)")
        }
        return Manifest(digest: digest, type: answer.header("content-type") ?? "", bytes: answer.body)
    }

    /// Puts a manifest under a tag or its digest, and gives its digest. What it names must be there already.
    @discardableResult
    package func put(
        _ bytes: [UInt8], type: String, as version: String, in repository: String
    ) async throws -> String {
        try await putManifest(bytes, type: type, as: version, in: repository).digest
    }

    /// The same, and whether the registry says that it keeps what refers to the manifest's subject (`OCI-Subject`).
    func putManifest(
        _ bytes: [UInt8], type: String, as version: String, in repository: String
    ) async throws -> (digest: String, keepsReferrers: Bool) {
        let digest = "sha256:" + SHA256Value.of(bytes).hex
        let answer = try await send(
            "PUT", "manifests/" + version, of: repository, headers: [("Content-Type", type)], body: .bytes(bytes))
        guard answer.succeeded else { throw refusal(answer, "\(repository):\(version)") }
        if let said = answer.header("docker-content-digest"), said != digest {
            throw error(.misunderstood, "it took the manifest \(digest) of \(repository) for \(said)")
        }
        return (digest, answer.header("oci-subject") != nil)
    }

    /// The index of what refers to a manifest, as the registry itself keeps it; nil where it does not (distribution-spec 1.1,
    /// "Listing Referrers").
    func referrers(of digest: String, in repository: String) async throws -> [UInt8]? {
        let answer = try await send("GET", "referrers/" + digest, of: repository, headers: Self.acceptManifests)
        // Registries of before 1.1 know no such path, and some say so in other words.
        if [400, 404, 405].contains(answer.status) { return nil }
        guard answer.succeeded else { throw refusal(answer, "\(repository)@\(digest)") }
        return answer.body
    }

    /// The tags of a repository, sorted; empty where there is no such repository.
    package func tags(of repository: String) async throws -> [String] {
        var found: [String] = []
        var path: String? = "tags/list"
        // A list that leads back to itself ends.
        for _ in 0..<1000 {
            guard let asked = path else { break }
            let answer = try await send("GET", asked, of: repository)
            if answer.status == 404 { return [] }
            guard answer.succeeded, let list = try? JSONValue.parse(answer.body) else {
                throw refusal(answer, repository)
            }
            found += (list.member("tags")?.elements ?? []).compactMap(\.text)
            path = answer.header("link").flatMap { Self.next($0, repository) }
        }
        return Set(found).sorted()
    }

    /// `</v2/NAME/tags/list?last=x&n=100>; rel="next"`.
    private static func next(_ link: String, _ repository: String) -> String? {
        guard link.contains("rel=\"next\""), let start = link.firstRange(of: "/v2/\(repository)/")?.upperBound,
            let end = link[start...].firstIndex(of: ">")
        else { return nil }
        return String(link[start..<end])
    }

    // MARK: Blobs

    /// Whether a blob is there, by one HEAD.
    package func hasBlob(_ digest: String, in repository: String) async throws -> Bool {
        let answer = try await send("HEAD", "blobs/" + digest, of: repository)
        if answer.status == 404 { return false }
        // Some lead to where their blobs lie.
        guard answer.succeeded || (300..<400).contains(answer.status) else { throw refusal(answer, repository) }
        return true
    }

    /// How a blob got there.
    package enum BlobWay: Sendable, Hashable {
        case uploaded
        /// Taken from another repository of the registry.
        case mounted
    }

    /// Puts the file at the absolute `path` there, whose digest the caller knows, from `other` repository where that has it.
    /// A connection that breaks is tried again; what a broken upload left counts for nothing.
    package func put(
        blob digest: String, from path: BytePath, size: Int, in repository: String, mountingFrom other: String? = nil
    ) async throws -> BlobWay {
        try await put(blob: digest, .file(path), size: size, in: repository, mountingFrom: other)
    }

    /// The same of what a body is.
    func put(
        blob digest: String, _ body: HTTPBody, size: Int, in repository: String, mountingFrom other: String? = nil
    ) async throws -> BlobWay {
        var waited = Duration.zero
        for attempt in 1... {
            do {
                return try await putOnce(digest, body, size, repository, other)
            } catch let failure as HTTPFailure {
                guard failure.isPassing, failure.kind != .refused, attempt < settings.attempts else {
                    throw unavailable(failure)
                }
                try await wait(attempt, nil, &waited)
            }
        }
        throw error(.unavailable, "it takes no blob of \(repository)")
    }

    private func putOnce(
        _ digest: String, _ body: HTTPBody, _ size: Int, _ repository: String, _ other: String?
    ) async throws -> BlobWay {
        let query = other.map { "?mount=\(digest)&from=\($0)" } ?? ""
        let started = try await send(
            "POST", "blobs/uploads/" + query, of: repository, alsoReading: other, throwsFailures: true)
        if started.status == 201 { return .mounted }
        guard started.status == 202, let location = started.header("location") else {
            throw refusal(started, repository)
        }
        let place = try absolute(location)
        var request = HTTPRequest(
            "PUT", place + (place.contains("?") ? "&" : "?") + "digest=" + digest,
            headers: [("Content-Type", "application/octet-stream")], body: body)
        // At least 100 KiB in a second.
        request.limit = settings.limit + .seconds(size / (100 << 10))
        let answer = try await authorized(request, scopes(repository, other), throwsFailures: true)
        guard answer.status == 201 || answer.status == 204 else { throw refusal(answer, repository) }
        if let said = answer.header("docker-content-digest"), said != digest {
            throw error(.misunderstood, "it took the blob \(digest) of \(repository) for \(said)")
        }
        return .uploaded
    }

    /// Gets a small blob. Throws `.missing`, and `.misunderstood` where its bytes are not what the digest says.
    package func blob(_ digest: String, in repository: String, limit: Int = 16 << 20) async throws -> [UInt8] {
        var answer = try await send("GET", "blobs/" + digest, of: repository, bodyLimit: limit)
        if (300..<400).contains(answer.status), let location = answer.header("location") {
            // Where a registry's blobs lie nobody is told who we are.
            var request = HTTPRequest("GET", try absolute(location), limit: settings.limit)
            request.bodyLimit = limit
            answer = try await patiently(request, throwsFailures: false)
        }
        guard answer.succeeded else { throw refusal(answer, "\(repository)@\(digest)") }
        let found = "sha256:" + SHA256Value.of(answer.body).hex
        guard found == digest else {
            throw error(.misunderstood, "it gives a blob of \(repository) that is \(found), not \(digest)")
        }
        return answer.body
    }

    // MARK: Asking

    private static let acceptManifests = [(name: "Accept", value: manifestTypes.joined(separator: ", "))]

    private func send(
        _ method: String, _ path: String, of repository: String, headers: [(name: String, value: String)] = [],
        body: HTTPBody = .none, alsoReading other: String? = nil, bodyLimit: Int = 16 << 20,
        throwsFailures: Bool = false
    ) async throws -> HTTPAnswer {
        var request = HTTPRequest(
            method, "\(origin)/v2/\(repository)/\(path)", headers: headers, body: body, limit: settings.limit)
        request.bodyLimit = bodyLimit
        return try await authorized(
            request, scopes(repository, other, writes: !["GET", "HEAD"].contains(method)),
            throwsFailures: throwsFailures)
    }

    private func scopes(_ repository: String, _ other: String?, writes: Bool = true) -> [String] {
        ["repository:\(repository):" + (writes ? "pull,push" : "pull")]
            + (other.map { ["repository:\($0):pull"] } ?? [])
    }

    /// A `Location`, which may be relative to the registry.
    private func absolute(_ location: String) throws -> String {
        if location.hasPrefix("/"), !location.hasPrefix("//") { return origin + location }
        guard let place = try? HTTPAddress(location), place.isEncrypted || origin.hasPrefix("http://") else {
            throw error(.misunderstood, "it leads to a place that would be reached unencrypted")
        }
        return location
    }

    // MARK: Patience

    /// Sends it again where the registry asks for that, or where the connection breaks and asking twice does no harm.
    func patiently(_ request: HTTPRequest, throwsFailures: Bool) async throws -> HTTPAnswer {
        var waited = Duration.zero
        var request = request
        request.headers.append(("User-Agent", "lmsbuild"))
        for attempt in 1... {
            do {
                let answer = try await exchange.send(request)
                guard [429, 502, 503, 504].contains(answer.status), attempt < settings.attempts else { return answer }
                guard try await wait(attempt, answer.header("retry-after"), &waited) else { return answer }
            } catch let failure as HTTPFailure {
                if throwsFailures { throw failure }
                guard failure.isPassing, failure.kind != .refused, attempt < settings.attempts else {
                    throw unavailable(failure)
                }
                guard try await wait(attempt, nil, &waited) else { throw unavailable(failure) }
            }
        }
        throw error(.unavailable, "it gives no answer")
    }

    /// As long as the registry says (whole seconds; a date counts as nothing said), else a little longer each time. False
    /// where that would be too long.
    @discardableResult
    private func wait(_ attempt: Int, _ said: String?, _ waited: inout Duration) async throws -> Bool {
        let wanted = said.flatMap { Int($0) }.map { Duration.seconds(max(0, min($0, 3600))) }
        let length = wanted ?? .milliseconds(200 << min(attempt, 6))
        guard waited + length <= settings.patience else { return false }
        waited += length
        try await settings.pause(length)
        return true
    }

    // MARK: What is wrong

    func error(_ kind: RegistryError.Kind, _ what: String) -> RegistryError {
        RegistryError(kind: kind, message: "the registry \(host): \(what)")
    }

    private func unavailable(_ failure: HTTPFailure) -> RegistryError { error(.unavailable, failure.message) }

    func unauthorized(_ hadCredentials: Bool, _ status: Int) -> RegistryError {
        error(
            .unauthorized,
            hadCredentials ? "it does not take these credentials (\(status))" : "it wants credentials (\(status))")
    }

    private func refusal(_ answer: HTTPAnswer, _ what: String) -> RegistryError {
        switch answer.status {
        case 401, 403: return error(.unauthorized, "it does not let us at '\(what)' (\(answer.status))")
        case 404: return error(.missing, "it has no '\(what)'")
        case 429, 500...: return error(.unavailable, "it fails: \(Self.said(answer))")
        default: return error(.refused, "it says no to '\(what)': \(Self.said(answer))")
        }
    }

    /// The registry's own words, where it has any.
    private static func said(_ answer: HTTPAnswer) -> String {
        guard let first = (try? JSONValue.parse(answer.body))?.member("errors")?.elements?.first,
            let code = first.member("code")?.text
        else { return answer.shown }
        let message = first.member("message")?.text.map { ": " + $0 } ?? ""
        return "\(answer.status) " + String(BytePath(code + message).shown.prefix(300))
    }
}
