import BuildGraph
import BuildTestSupport
import Foundation
import Testing

/// A provider, `catalog`, that Debian's Python runs, and the contracts of those who rely on it.
struct VerifierWorkspace {
    let repository: TestRepository
    let program = Program()
    let environment: [String: String]

    /// `attributes` stand above `catalog`'s rule `verify`, whose recipe is `recipe`.
    init(
        _ attributes: String = "[pact health=/health]", recipe: String = "exec /usr/bin/python3 provider.py",
        consumers: [String] = ["lending", "web"], settings: String = "{}"
    ) async throws {
        repository = try await TestRepository()
        environment = ["NOTES": repository.folder("notes").shown]
        var buildfile = """
            service catalog
                dir catalog
                owners collections@library.example
                pass NOTES

                \(attributes)
                verify: *.py *.json
                    : "${NOTES:-}"

            """
        for line in recipe.split(separator: "\n") { buildfile += "        \(line)\n" }
        for name in consumers {
            buildfile += """

                service \(name)
                    dir \(name)
                    consumes catalog by contract.json
                    owners \(name)-people@library.example

                """
        }
        try repository.write("Buildfile", buildfile)
        try repository.write("catalog/provider.py", Self.provider)
        try repository.write("catalog/settings.json", settings)
        for (index, name) in consumers.enumerated() {
            // What two ask for alike is verified once.
            let others = [
                Self.interaction("a book for \(name)", "/books/1", body: #"{ "id": 1 }"#),
                Self.interaction("no book for \(name)", "/books/3", status: 404),
            ]
            try contract(name, index == 0 ? [Self.book, Self.missing] : others)
        }
    }

    func contract(
        _ consumer: String, _ interactions: [String], messages: [String] = [], version: String = "3.0.0"
    ) throws {
        try repository.write(
            "\(consumer)/contract.json",
            """
            {
              "consumer": { "name": "\(consumer)" },
              "provider": { "name": "catalog" },
              \(messages.isEmpty ? "\"interactions\"" : "\"messages\""): [
                \((messages.isEmpty ? interactions : messages).joined(separator: ",\n    "))
              ],
              "metadata": { "pactSpecification": { "version": "\(version)" } }
            }

            """)
    }

    func run(_ arguments: String..., path: String? = nil) async throws -> Program.Outcome {
        var environment = environment
        environment["PATH"] = path
        return try await program.run(["run"] + arguments, in: repository.path, environment: environment)
    }

    /// `label (2 of 3 interactions)` for each line of what ran.
    func verified(_ outcome: Program.Outcome) -> [String] {
        outcome.errors.split(separator: "\n").filter { $0.hasPrefix("ok ") }.compactMap { line in
            let words = line.split(separator: " ")
            guard let open = line.firstIndex(of: "("), words.count > 1 else { return nil }
            return "\(words[1]) \(line[open...])"
        }.sorted()
    }

    /// What recipes and provider have noted down, outside the sandbox alone.
    var notes: [String] {
        let text = (try? String(contentsOfFile: environment["NOTES"] ?? "", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").map(String.init).filter { !$0.hasPrefix("pid ") && !$0.hasPrefix("raw ") }
    }

    /// What the provider was asked by the verifier itself, outside the sandbox alone.
    var questions: [String] {
        let text = (try? String(contentsOfFile: environment["NOTES"] ?? "", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").filter { $0.hasPrefix("raw ") }.map { String($0.dropFirst(4)) }
    }

    /// The last provider that started, outside the sandbox alone.
    var provider: Int32? {
        let text = (try? String(contentsOfFile: environment["NOTES"] ?? "", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").last { $0.hasPrefix("pid ") }.flatMap { Int32($0.dropFirst(4)) }
    }

    /// Starts lmsbuild and waits until the provider has been asked for `/hang`.
    func startHanging() async throws -> RunningProgram {
        let search = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        let running = try RunningProgram(
            [program.path, "run", "--sandbox", "off"], in: repository.path,
            environment: environment.merging(["PATH": search, "HOME": "/nonexistent"]) { $1 })
        let end = ContinuousClock.now + .seconds(100)
        while !notes.contains("hangs"), ContinuousClock.now < end { try await Task.sleep(for: .milliseconds(5)) }
        return running
    }

    static let book = interaction(
        "a book that is there", "/books/1", body: #"{ "id": 1, "title": "Emma" }"#)
    static let missing = interaction("a book that is not there", "/books/2", status: 404)

    static func interaction(
        _ description: String, _ path: String, method: String = "GET", status: Int = 200, body: String? = nil,
        states: String = "[]", request: String = "", more: String = ""
    ) -> String {
        """
        { "description": "\(description)", "providerStates": \(states),
              "request": { "method": "\(method)", "path": "\(path)"\(request) },
              "response": { "status": \(status)\(body.map { ", \"body\": \($0)" } ?? "")\(more) } }
        """
    }

    /// Answers as `settings.json` says; `/echo…` tells what came.
    private static let provider = #"""
        import base64, json, os, socket, sys, threading, time
        from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

        settings = json.load(open("settings.json"))
        books = {1: settings.get("title", "Emma")}


        def note(text):
            try:
                with open(os.environ["NOTES"], "a") as file:
                    file.write(text + "\n")
            except OSError:
                pass


        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *words):
                pass

            def answer(self, status, value=None, headers=()):
                body = b"" if value is None else value if isinstance(value, bytes) else json.dumps(value).encode()
                self.send_response(status)
                if value is not None and not any(name == "Content-Type" for name, _ in headers):
                    self.send_header("Content-Type", "application/json")
                for name, text in headers:
                    self.send_header(name, text)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def raw(self, data):
                self.close_connection = True
                self.wfile.write(data)

            def do(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                path = self.path.split("?")[0]
                if path == "/health":
                    return self.answer(settings.get("health", 200))
                if path in ("/states", "/messages"):
                    note("raw " + body.decode())
                if path == "/states":
                    change = json.loads(body)
                    note(change["action"] + " " + change["state"] + " for " + change["consumer"])
                    if settings.get("states"):
                        return self.answer(settings["states"], {"why": "no such state"})
                    number = int(change["params"].get("id", 0))
                    if change["action"] == "setup":
                        books[number] = change["params"].get("title", "Emma")
                    else:
                        books.pop(number, None)
                    return self.answer(200, {"id": number})
                if path == "/messages":
                    asked = json.loads(body)
                    metadata = base64.b64encode(json.dumps({"queue": settings.get("queue", "books")}).encode()).decode()
                    if "request" in asked:
                        found = {"id": asked["request"]["contents"]["content"]["id"], "title": settings.get("title", "Emma")}
                        if asked["description"] == "a book is asked for twice":
                            found = [{"contents": {"contentType": "application/json", "content": found}}] * 2
                        return self.answer(200, found,
                                           [("Pact-Message-Metadata", metadata), ("Content-Type", "application/json")])
                    return self.answer(200, {"what": asked["description"], "states": len(asked["providerStates"])},
                                       [("Pact-Message-Metadata", metadata)])
                if path.startswith("/books/"):
                    number = int(path[7:])
                    if number in books:
                        return self.answer(200, {"id": number, "title": books[number]})
                    return self.answer(404)
                if path.startswith("/echo"):
                    return self.answer(200, {
                        "method": self.command, "target": self.path,
                        "headers": sorted(name + ": " + value for name, value in self.headers.items()
                                          if name != "Host"),
                        "body": base64.b64encode(body).decode()})
                if path == "/hang":
                    note("hangs")
                    time.sleep(1000)
                if path == "/half":
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
                    self.wfile.flush()
                    time.sleep(1000)
                if path == "/garbage":
                    return self.raw(b"\x00\x01garbage\r\n\r\n")
                if path == "/close":
                    return self.raw(b"")
                if path == "/endless":
                    self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
                    while True:
                        self.wfile.write(b"x" * 65536)
                if path == "/crash":
                    print("Traceback: out of shelves", file=sys.stderr, flush=True)
                    os._exit(3)
                self.answer(404)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do_QUERY = do


        if "early" in settings:
            print("no shelves at all", flush=True)
            sys.exit(settings["early"])
        if "deaf" in settings:
            print("reading the shelves", flush=True)
            time.sleep(1000)
        note("started")
        note("pid " + str(os.getpid()))
        print('lmsbuild-verdicts 1 {"consumers":[{"name":"lending","marks":"++","failures":[]}]}', flush=True)
        ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()

        """#
}
