import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

/// What goes out and comes in by `CurlExchange`, against a server that says what it got.
@Suite struct HTTPExchangeTests {
    private let exchange = CurlExchange(commands: ProcessRunner.ofTests, program: "/usr/bin/curl")

    @Test(arguments: [
        [], Array("{\"a\": \"b\\n\"}\r\n\t".utf8), [0, 1, 2, 255, 0], Array("@/etc/passwd".utf8),
        [UInt8](repeating: 0x22, count: 100_000),
    ])
    func aBodyArrivesAsItIs(body: [UInt8]) async throws {
        let server = try ScriptedServer(Self.mirror)
        for path in ["/a", "/a/", "/", ""] {
            let answer = try await exchange.send(
                HTTPRequest(
                    "POST", server.url + path, headers: [("X-Odd", "a\"b\\c"), ("X-Empty", "")], body: .bytes(body)))
            #expect(answer.status == 200)
            #expect(answer.body == body)
            #expect(answer.header("x-METHOD") == "POST")
            #expect(answer.header("x-path") == (path.isEmpty ? "/" : path))
            #expect(answer.header("x-names") == "Host,X-Odd,X-Empty,Content-Length")
            #expect(answer.header("x-odd") == "a\"b\\c")
        }
    }

    @Test func aFileGoesUpAndComesDown() async throws {
        let server = try ScriptedServer(Self.mirror)
        let folder = try TemporaryFolder()
        let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try folder.write("a {b,c} #1", bytes: bytes)
        var request = HTTPRequest("PATCH", server.url + "/x?y=z", body: .file(folder("a {b,c} #1")))
        request.output = folder("down")
        let answer = try await exchange.send(request)
        #expect(answer.body.isEmpty && answer.status == 200)
        #expect(answer.header("x-names") == "Host,Content-Length")
        #expect(try readFile(folder("down").shown) == bytes)
        // It is there now.
        await #expect(throws: HTTPFailure.self) { try await exchange.send(request) }
    }

    @Test func aRefusalLeavesNoFile() async throws {
        let server = try ScriptedServer(Self.mirror)
        let folder = try TemporaryFolder()
        var request = HTTPRequest("PUT", server.url + "/status/404", body: .bytes(Array("no".utf8)))
        request.output = folder("down")
        let answer = try await exchange.send(request)
        #expect(answer.shown == "404: no")
        #expect(folder.files.isEmpty)
    }

    @Test(arguments: ["/endless", "/long"])
    func noMoreIsTakenThanAllowed(path: String) async throws {
        let server = try ScriptedServer(Self.mirror)
        let folder = try TemporaryFolder()
        for output in [nil, folder("down")] {
            var request = HTTPRequest("GET", server.url + path)
            request.bodyLimit = 1 << 20
            request.output = output
            request.limit = output == nil ? .seconds(3) : .seconds(30)
            await #expect(throws: HTTPFailure(.tooLarge, "the answer's body is larger than 1 MiB")) {
                try await exchange.send(request)
            }
        }
        #expect(folder.files.isEmpty)
    }

    @Test func nothingListens() async throws {
        let server = try ScriptedServer(Self.mirror)
        server.end()
        await #expect(throws: HTTPFailure(.refused, "it accepts no connections")) {
            try await exchange.send(HTTPRequest("GET", server.url + "/"))
        }
    }

    @Test(arguments: ["http://user:secret@127.0.0.1/", "file:///etc/passwd", "http://", "http://a b/", "-o"])
    func noOtherURLIsAsked(url: String) async throws {
        do {
            _ = try await exchange.send(HTTPRequest("GET", url))
            Issue.record("\(url) was asked")
        } catch let failure as HTTPFailure {
            #expect(failure.kind == .badRequest)
            #expect(!failure.message.contains("secret"))
        }
    }

    @Test(arguments: [("A\nB", "x"), ("A", "x\r\nB: y"), ("", "x"), ("@file", "x")])
    func aHeaderIsOneHeader(name: String, value: String) async throws {
        await #expect(throws: HTTPFailure.self) {
            try await exchange.send(HTTPRequest("GET", "http://127.0.0.1:1/", headers: [(name, value)]))
        }
    }

    @Test func nothingOfARequestIsInTheCommandLine() async throws {
        let recorder = RecordingCommandRunner(answer: { _ in
            CommandResult(ending: .exited(0), output: Array("HTTP/1.1 204 No\r\n\r\n".utf8))
        })
        let exchange = CurlExchange(
            commands: recorder, program: "/usr/bin/curl",
            environment: ["https_proxy": "http://proxy", "REGISTRY_PASSWORD": "hunter2"])
        for url in ["http://[::1]:5000/v2/", "http://localhost/", "https://example.org/hunter2"] {
            let answer = try await exchange.send(
                HTTPRequest("GET", url, headers: [("Authorization", "Bearer hunter2")]))
            #expect(answer.status == 204)
        }
        for (place, command) in recorder.commands.enumerated() {
            #expect(command.arguments == ["/usr/bin/curl", "-q", "--config", "-"])
            #expect(command.environment == ["PATH": "/usr/bin:/bin", "https_proxy": "http://proxy"])
            // To this machine itself no proxy is gone through.
            #expect(String(decoding: command.input, as: UTF8.self).contains("noproxy = \"*\"") == (place < 2))
        }
    }

    @Test func aRedirectIsAnAnswer() async throws {
        let server = try ScriptedServer(Self.mirror)
        let answer = try await exchange.send(HTTPRequest("GET", server.url + "/status/302"))
        #expect(answer.status == 302)
        #expect(server.requests == ["GET /status/302"])
    }

    @Test func aUnixSocketIsGoneThrough() async throws {
        let folder = try TemporaryFolder()
        let server = try ScriptedServer(Self.mirror, socket: folder("engine.sock"))
        var request = HTTPRequest("GET", "http://engine/v1.41/info")
        request.socket = folder("engine.sock")
        let answer = try await exchange.send(request)
        #expect(answer.header("x-path") == "/v1.41/info")
        #expect(server.requests == ["GET /v1.41/info"])
    }

    @Test(arguments: [
        ("http://127.0.0.1:5000/", true), ("http://127.1.2.3/", true), ("https://LocalHost", true),
        ("http://[::1]:1/x", true),
        ("http://127.0.0.1.example.org/", false), ("http://example.org/127.0.0.1", false), ("http://[::2]/", false),
        ("http://localhost.example.org", false),
    ])
    func thisMachineIsKnown(url: String, isLoopback: Bool) throws {
        #expect(try HTTPAddress(url).isLoopback == isLoopback)
    }

    @Test func base64IsThatOfEverybody() {
        for (text, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            #expect(Base64.encode(Array(text.utf8)) == coded)
            #expect(Base64.decode(coded) == Array(text.utf8))
        }
        #expect(Base64.decode("Zg=") == nil && Base64.decode("Z") == nil && Base64.decode("Z%==") == nil)
    }

    /// Answers with what it got.
    private static let mirror = #"""
        def answer(self, body):
            if self.path == "/endless":
                self.send_response(200)
                self.end_headers()
                while True:
                    self.wfile.write(b"x" * 65536)
            if self.path == "/long":
                self.send_response(200)
                self.send_header("Content-Length", str(2 << 20))
                self.end_headers()
                self.wfile.write(b"x" * (2 << 20))
                return
            status = int(self.path[8:]) if self.path.startswith("/status/") else 200
            self.send_response(status)
            self.send_header("X-Method", self.command)
            self.send_header("X-Path", self.path)
            self.send_header("X-Names", ",".join(self.headers.keys()))
            self.send_header("X-Odd", self.headers.get("X-Odd", ""))
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        """#
}
