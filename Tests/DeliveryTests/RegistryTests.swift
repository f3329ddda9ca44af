import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Synchronization
import Testing

@testable import Delivery

/// The registry client, against a real registry and against one that fails on cue.
@Suite struct RegistryTests {
    private let folder: TemporaryFolder
    private let exchange = CurlExchange(commands: ProcessRunner.ofTests, program: "/usr/bin/curl")

    init() throws { folder = try TemporaryFolder() }

    private func client(
        _ address: String, _ environment: [String: String] = [:], _ settings: RegistrySettings = RegistrySettings()
    ) -> RegistryClient {
        RegistryClient(
            host: address, exchange: exchange,
            credentials: RegistryCredentials(environment: environment, commands: ProcessRunner.ofTests),
            settings: settings)
    }

    /// Settings by which nobody waits, and how long would have been waited.
    private func impatient(_ waits: Waits) -> RegistrySettings {
        var settings = RegistrySettings()
        settings.pause = { length in waits.add(length) }
        return settings
    }

    private func blob(_ text: String) throws -> (digest: String, path: BytePath, size: Int) {
        let bytes = Array(text.utf8)
        try folder.write("blob-\(bytes.count)", bytes: bytes)
        return ("sha256:" + SHA256Value.of(bytes).hex, folder("blob-\(bytes.count)"), bytes.count)
    }

    private static let type = "application/vnd.oci.image.manifest.v1+json"

    private func manifest(_ blob: (digest: String, path: BytePath, size: Int)) -> [UInt8] {
        Array(
            """
            {"schemaVersion": 2, "mediaType": "\(Self.type)", "config": {"mediaType": \
            "application/vnd.oci.image.config.v1+json", "digest": "\(blob.digest)", "size": \(blob.size)}, "layers": []}
            """.utf8)
    }

    // MARK: A real one

    @Test(.enabled(if: RegistryServer.isInstalled))
    func aRealRegistryKeepsWhatItIsGiven() async throws {
        let server = try await RegistryServer()
        let client = client(server.address)
        let blob = try blob("{}")
        #expect(try await client.digest(of: "v1", in: "lms/a") == nil)
        #expect(try await client.tags(of: "lms/a") == [])
        #expect(try await !client.hasBlob(blob.digest, in: "lms/a"))
        #expect(try await client.put(blob: blob.digest, from: blob.path, size: blob.size, in: "lms/a") == .uploaded)
        #expect(try await client.hasBlob(blob.digest, in: "lms/a"))
        #expect(
            try await client.put(
                blob: blob.digest, from: blob.path, size: blob.size, in: "lms/b", mountingFrom: "lms/a") == .mounted)
        let bytes = manifest(blob)
        let digest = try await client.put(bytes, type: Self.type, as: "v1", in: "lms/b")
        #expect(try await client.digest(of: "v1", in: "lms/b") == digest)
        #expect(try await client.manifest(digest, in: "lms/b")?.bytes == bytes)
        #expect(try await client.manifest("v1", in: "lms/b")?.type == Self.type)
        #expect(try await client.tags(of: "lms/b") == ["v1"])
        #expect(try await client.blob(blob.digest, in: "lms/b") == Array("{}".utf8))
        try await server.end()
        await #expect(throws: RegistryError.self) { try await client.digest(of: "v1", in: "lms/b") }
    }

    // MARK: Credentials

    private static let tokens = #"""
        if self.path.startswith("/token"):
            told = self.headers.get("Authorization", "")
            user = base64.b64decode(told[6:]).decode() if told.startswith("Basic ") else ""
            if user != "ada:s3cret:x":
                return self.say(401)
            scopes = parse_qs(urlsplit(self.path).query)["scope"]
            return self.say(200, {}, json.dumps({"token": "T" + str(len(scopes))}).encode())
        if not self.headers.get("Authorization", "").startswith("Bearer T"):
            realm = f'http://{self.headers["Host"]}/token'
            return self.say(401, {"WWW-Authenticate": f'Bearer realm="{realm}",service="it, there",scope="x"'})
        return False
        """#

    private func docker(_ text: String, _ name: String = "docker/config.json") throws -> [String: String] {
        try folder.write(name, text)
        return ["DOCKER_CONFIG": folder("docker").shown, "PATH": folder.path.shown + ":/usr/bin:/bin"]
    }

    private static let auth = Base64.encode(Array("ada:s3cret:x".utf8))

    @Test func aTokenIsFetchedOnceForAScope() async throws {
        let server = try ScriptedServer(RegistryScript.answering(faults: Self.tokens))
        let client = client(
            server.address, try docker(#"{"auths": {"https://\#(server.address)/v1/": {"auth": "\#(Self.auth)"}}}"#))
        for _ in 0..<3 { #expect(try await client.digest(of: "v1", in: "a") == nil) }
        let blob = try blob("x")
        #expect(
            try await client.put(blob: blob.digest, from: blob.path, size: 1, in: "a", mountingFrom: "b") == .uploaded)
        let asked = server.requests.filter { $0.contains("token") }
        #expect(
            asked == [
                "GET /token?scope=repository%3Aa%3Apull&service=it%2C%20there",
                "GET /token?scope=repository%3Aa%3Apull%2Cpush&scope=repository%3Ab%3Apull&service=it%2C%20there",
            ])
        #expect(server.requests.count == 4 + asked.count + 2)
    }

    @Test func wrongAndNoCredentialsAreToldApart() async throws {
        let server = try ScriptedServer(RegistryScript.answering(faults: Self.tokens))
        let wrong = Base64.encode(Array("ada:hunter2".utf8))
        for (text, words) in [
            (#"{"auths": {"\#(server.address)": {"auth": "\#(wrong)"}}}"#, "it does not take these credentials (401)"),
            ("{}", "it wants credentials (401)"),
        ] {
            let client = client(server.address, try docker(text))
            let error = await #expect(throws: RegistryError.self) { try await client.digest(of: "v1", in: "a") }
            #expect(error?.kind == .unauthorized)
            #expect(error?.message == "the registry \(server.address): \(words)")
        }
    }

    /// `auths`, a helper for all, a helper for the registry, podman's file.
    @Test(arguments: ["auths", "credsStore", "credHelpers", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR"])
    func credentialsAreFoundWhereTheyAreKept(place: String) async throws {
        let server = try ScriptedServer(
            RegistryScript.answering(
                faults: #"""
                    if self.headers.get("Authorization") == "Basic \#(Self.auth)":
                        return False
                    return self.say(401, {"WWW-Authenticate": 'Basic realm="x"'})
                    """#))
        try folder.write(
            "docker-credential-odd",
            "#!/bin/sh\n[ \"$1\" = get ] && [ \"$(cat)\" = \(server.address) ] && "
                + "echo '{\"ServerURL\":\"x\",\"Username\":\"ada\",\"Secret\":\"s3cret:x\"}'\n", mode: 0o755)
        let auths = #"{"auths": {"\#(server.address)": {"auth": "\#(Self.auth)"}}}"#
        var environment = try docker("{}")
        switch place {
        case "auths": environment = try docker(auths)
        case "credsStore": environment = try docker(#"{"auths": {"\#(server.address)": {}}, "credsStore": "odd"}"#)
        case "credHelpers": environment = try docker(#"{"credHelpers": {"\#(server.address)": "odd"}}"#)
        case "REGISTRY_AUTH_FILE":
            try folder.write("auth.json", auths)
            environment[place] = folder("auth.json").shown
        default:
            try folder.write("containers/auth.json", auths)
            environment[place] = folder.path.shown
        }
        #expect(try await client(server.address, environment).digest(of: "v1", in: "a") == nil)
        #expect(server.requests.count == 2)
    }

    @Test func whereARegistryLeadsNobodyIsToldWhoWeAre() async throws {
        let elsewhere = try ScriptedServer(
            """
            def answer(self, body):
                text = b"{}" if self.headers.get("Authorization") is None else b"told"
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)
            """)
        let server = try ScriptedServer(
            RegistryScript.answering(
                faults: Self.tokens.replacing("return False", with: "") + """

                    return self.say(307, {"Location": "\(elsewhere.url)/blob"})
                    """))
        let client = client(
            server.address, try docker(#"{"auths": {"\#(server.address)": {"auth": "\#(Self.auth)"}}}"#))
        #expect(try await client.blob(blob("{}").digest, in: "a") == Array("{}".utf8))
        #expect(elsewhere.requests == ["GET /blob"])
    }

    // MARK: Faults

    @Test(arguments: [("2", [Duration.seconds(2)]), ("Wed, 21 Oct 2026 07:28:00 GMT", [.milliseconds(400)])])
    func aRegistryThatAsksToWaitIsWaitedFor(said: String, waited: [Duration]) async throws {
        let server = try ScriptedServer(
            RegistryScript.answering(faults: #"return n == 1 and self.say(429, {"Retry-After": "\#(said)"})"#))
        let waits = Waits()
        #expect(try await client(server.address, [:], impatient(waits)).digest(of: "v1", in: "a") == nil)
        #expect(waits.all == waited)
        #expect(server.requests.count == 2)
    }

    @Test(arguments: ["31", "99999999999"])
    func nobodyWaitsForLong(said: String) async throws {
        let server = try ScriptedServer(
            RegistryScript.answering(faults: #"return self.say(503, {"Retry-After": "\#(said)"})"#))
        let waits = Waits()
        let client = client(server.address, [:], impatient(waits))
        let error = await #expect(throws: RegistryError.self) { try await client.digest(of: "v1", in: "a") }
        #expect(error?.kind == .unavailable)
        #expect(waits.all == [])
        #expect(server.requests.count == 1)
    }

    @Test func anUploadThatBreaksIsSentAgain() async throws {
        let server = try ScriptedServer(
            RegistryScript.answering(
                faults: #"return self.command == "PUT" and n == 2 and self.reset()"#))
        let blob = try blob(String(repeating: "x", count: 3_000_000))
        let client = client(server.address, [:], impatient(Waits()))
        #expect(try await client.put(blob: blob.digest, from: blob.path, size: blob.size, in: "a") == .uploaded)
        #expect(try await client.hasBlob(blob.digest, in: "a"))
        #expect(server.requests.filter { $0.hasPrefix("PUT") }.count == 2)
    }

    @Test func otherBytesThanTheDigestSaysAreNotTaken() async throws {
        let server = try ScriptedServer(
            RegistryScript.answering(faults: #"return self.command == "GET" and self.say(200, {}, b"{ }")"#))
        let client = client(server.address)
        let digest = try blob("{}").digest
        let error = await #expect(throws: RegistryError.self) { try await client.manifest(digest, in: "a") }
        #expect(error?.kind == .misunderstood)
        #expect(error?.message.contains(digest) == true)
        await #expect(throws: RegistryError.self) { try await client.blob(digest, in: "a") }
    }

    @Test func whatTheRegistrySaysIsShown() async throws {
        let server = try ScriptedServer(RegistryScript.answering())
        let blob = try blob("{}")
        let wrong = "sha256:" + String(repeating: "0", count: 64)
        let client = client(server.address)
        let error = await #expect(throws: RegistryError.self) {
            try await client.put(blob: wrong, from: blob.path, size: 2, in: "a")
        }
        #expect(
            error?.message == "the registry \(server.address): it says no to 'a': 400 DIGEST_INVALID: no")
    }

    // MARK: Names

    @Test(
        arguments: [
            ("debian", "docker.io", "library/debian", nil, nil),
            ("debian:12", "docker.io", "library/debian", "12", nil),
            ("me/app", "docker.io", "me/app", nil, nil), ("localhost/lms/a:1", "localhost", "lms/a", "1", nil),
            ("127.0.0.1:5000/a", "127.0.0.1:5000", "a", nil, nil),
            ("quay.io/a/b.c__d:V1", "quay.io", "a/b.c__d", "V1", nil),
        ] as [(String, String, String, String?, String?)])
    func namesAreTakenApart(text: String, host: String, path: String, tag: String?, digest: String?) throws {
        let name = try #require(ImageReference(text))
        #expect(name.host == host && name.repository == path && name.tag == tag && name.digest == digest)
    }

    @Test(arguments: ["", "A", "a:", "a@sha256:1", "a b", "quay.io/", "a//b", "../a", "a?b=c", "a/../b", "x.y/a:t@"])
    func otherTextIsNoName(text: String) { #expect(ImageReference(text) == nil) }

    @Test func onlyThisMachineIsAskedInThePlain() async {
        var settings = RegistrySettings()
        settings.insecure = ["old.example.org:5000"]
        for (host, origin) in [
            ("127.0.0.1:5000", "http://127.0.0.1:5000"), ("localhost:5000", "http://localhost:5000"),
            ("docker.io", "https://registry-1.docker.io"), ("ghcr.io", "https://ghcr.io"),
            ("127.0.0.1.example.org", "https://127.0.0.1.example.org"),
            ("old.example.org:5000", "http://old.example.org:5000"), ("old.example.org", "https://old.example.org"),
        ] { #expect(client(host, [:], settings).origin == origin) }
    }
}

private final class Waits: Sendable {
    private let lengths = Mutex<[Duration]>([])
    var all: [Duration] { lengths.withLock { $0 } }
    func add(_ length: Duration) { lengths.withLock { $0.append(length) } }
}
