import BuildEngine
import BuildGraph
import BuildTestSupport
import Synchronization
import Testing

/// What goes to this machine itself goes and comes as by `curl`, without it; all else is left to it.
@Suite struct LoopbackExchangeTests {
    /// Stands for `curl`: notes that it was asked.
    private final class Other: HTTPExchange {
        let asked = Mutex<[String]>([])

        func send(_ request: HTTPRequest) async throws -> HTTPAnswer {
            asked.withLock { $0.append(request.url) }
            return HTTPAnswer(status: 299, headers: [], body: [])
        }
    }

    private let other = Other()
    private var exchange: LoopbackExchange { LoopbackExchange(otherwise: other) }
    private var othersAsked: [String] { other.asked.withLock { $0 } }

    @Test(arguments: [
        [], Array("{\"a\": \"b\\n\"}\r\n\t".utf8), [0, 1, 2, 255, 0], [UInt8](repeating: 0x22, count: 3_000_000),
    ])
    func aBodyArrivesAsItIs(body: [UInt8]) async throws {
        let server = try ScriptedServer(Self.mirror)
        for path in ["/a?b=c", "/a/", "/", "", "?x"] {
            for base in [server.url, "http://localhost:" + server.address.dropFirst("127.0.0.1:".count)] {
                let answer = try await exchange.send(
                    HTTPRequest(
                        "POST", base + path, headers: [("X-Odd", "a\"b\\c"), ("X-Empty", ""), ("content-length", "1")],
                        body: .bytes(body)))
                #expect(answer.status == 200)
                #expect(answer.body == body)
                #expect(answer.header("x-METHOD") == "POST")
                #expect(answer.header("x-path") == (path.hasPrefix("/") ? path : "/" + path))
                #expect(answer.header("x-names") == "Host,X-Odd,X-Empty,Content-Length")
                #expect(answer.header("x-odd") == "a\"b\\c")
                #expect(answer.header("x-host") == String(base.dropFirst("http://".count)))
            }
        }
        let got = try await exchange.send(HTTPRequest("GET", server.url + "/status/404"))
        #expect(got.status == 404 && got.header("x-names") == "Host")
        #expect(othersAsked.isEmpty)
    }

    @Test func anAnswerWithoutItsLengthEndsWithTheConnection() async throws {
        let server = try ScriptedServer(Self.mirror)
        let answer = try await exchange.send(HTTPRequest("GET", server.url + "/unsaid"))
        #expect(answer.status == 200 && answer.body == Array("all of it".utf8))
    }

    @Test(arguments: ["/endless", "/long"])
    func noMoreIsTakenThanAllowed(path: String) async throws {
        let server = try ScriptedServer(Self.mirror)
        var request = HTTPRequest("GET", server.url + path)
        request.bodyLimit = 1 << 20
        await #expect(throws: HTTPFailure(.tooLarge, "the answer's body is larger than 1 MiB")) {
            try await exchange.send(request)
        }
    }

    @Test func whatBreaksOffIsNoAnswer() async throws {
        let server = try ScriptedServer(Self.mirror)
        await #expect(throws: HTTPFailure(.lost, "it closed the connection without an answer")) {
            try await exchange.send(HTTPRequest("GET", server.url + "/nothing"))
        }
        await #expect(throws: HTTPFailure(.lost, "the connection broke before the whole answer was there")) {
            try await exchange.send(HTTPRequest("GET", server.url + "/cut"))
        }
        await #expect(throws: HTTPFailure(.notHTTP, "the answer is no HTTP: hello")) {
            try await exchange.send(HTTPRequest("GET", server.url + "/odd"))
        }
        // It was sent: nobody sends it again.
        #expect(othersAsked.isEmpty)
    }

    @Test func whoIsSilentIsNotWaitedForLonger() async throws {
        let server = try ScriptedServer(Self.mirror)
        await #expect(throws: HTTPFailure(.timeout, "there was no answer within 1s")) {
            try await exchange.send(HTTPRequest("GET", server.url + "/silent", limit: .seconds(1)))
        }
        #expect(othersAsked.isEmpty)
    }

    @Test func whoWaitsNoMoreIsToldSo() async throws {
        let server = try ScriptedServer(Self.mirror)
        let (exchange, url) = (exchange, server.url + "/silent")
        let task = Task { try await exchange.send(HTTPRequest("GET", url)) }
        while server.requests.isEmpty { await Task.yield() }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func whereNothingListensTheOtherSaysSo() async throws {
        let server = try ScriptedServer(Self.mirror)
        server.end()
        #expect(try await exchange.send(HTTPRequest("GET", server.url + "/")).status == 299)
        #expect(othersAsked == [server.url + "/"])
    }

    @Test func whatIsMoreThanThatIsTheOthers() async throws {
        let server = try ScriptedServer(Self.mirror)
        let folder = try TemporaryFolder()
        try folder.write("body", "x")
        var requests = [
            "https://127.0.0.1:1/", "http://example.org/", "http://[::1]:1/", "http://127.0.0.1.example.org/",
            "http://user@127.0.0.1/", "http://127.0.0.1:99999/", "http://127.0.0.1:x/", "ftp://127.0.0.1/",
        ].map { HTTPRequest("GET", $0) }
        requests += [HTTPRequest("HEAD", server.url), HTTPRequest("G T", server.url)]
        requests.append(HTTPRequest("PUT", server.url, body: .file(folder("body"))))
        requests.append(HTTPRequest("GET", server.url, headers: [("A", "x\r\nB: y")]))
        requests.append(HTTPRequest("GET", server.url, headers: [("A B", "x")]))
        var request = HTTPRequest("GET", server.url)
        request.output = folder("down")
        requests.append(request)
        request = HTTPRequest("GET", server.url)
        request.target = "*"
        requests.append(request)
        for request in requests { #expect(try await exchange.send(request).status == 299) }
        #expect(othersAsked == requests.map(\.url))
        #expect(server.requests.isEmpty)
    }

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
            if self.path == "/silent":
                self.rfile.read(1)
                return
            if self.path == "/nothing":
                self.close_connection = True
                return
            if self.path == "/odd":
                self.wfile.write(b"hello")
                self.close_connection = True
                return
            if self.path in ("/unsaid", "/cut"):
                self.send_response(200)
                if self.path == "/cut":
                    self.send_header("Content-Length", "100")
                self.end_headers()
                self.wfile.write(b"all of it")
                self.close_connection = True
                return
            status = int(self.path[8:]) if self.path.startswith("/status/") else 200
            self.send_response(status)
            self.send_header("X-Method", self.command)
            self.send_header("X-Path", self.path)
            self.send_header("X-Names", ",".join(self.headers.keys()))
            self.send_header("X-Odd", self.headers.get("X-Odd", ""))
            self.send_header("X-Host", self.headers.get("Host", ""))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        """#
}
