import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

/// Who is told of what a run changes, by real servers on 127.0.0.1: one that keeps Slack's documented limits, one of the
/// user's own, and a mail server.
@Suite struct NotificationTests {
    private let program = Program()

    /// Refuses what Slack refuses, in its words; `self.state["answer"]` is what else to do.
    static let slack = #"""
        import json, time
        LOG = "LOGFILE"
        def check(body):
            try: message = json.loads(body)
            except ValueError: return "invalid_payload"
            if set(message) - {"text", "blocks"}: return "invalid_payload"
            if not message.get("text"): return "no_text"
            if len(message["blocks"]) > 50: return "invalid_blocks"
            for block in message["blocks"]:
                texts = [block["text"]] if block["type"] == "section" else block["elements"]
                if block["type"] not in ("section", "context") or not 1 <= len(texts) <= 10: return "invalid_blocks"
                for text in texts:
                    if text["type"] != "mrkdwn" or not 1 <= len(text["text"]) <= 3000: return "invalid_blocks"
                    if "<!" in text["text"]: return "a mention"
            return None
        def answer(self, body):
            try: mode = open(LOG + ".mode").read()
            except FileNotFoundError: mode = ""
            if mode == "slow": time.sleep(60)
            status, text, headers = 200, "ok", []
            problem = check(body) if self.path == "/services/T0/B0/verysecretpath" else "no_service"
            if mode == "busy": status, text, headers = 429, "rate_limited " + self.path, [("Retry-After", "0")]
            elif problem: status, text = 404 if problem == "no_service" else 400, problem
            else:
                with open(LOG, "a") as file: file.write(json.dumps({"body": json.loads(body)}) + "\n")
            self.send_response(status)
            for name, value in headers: self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())
        """#

    /// Keeps each request's headers and body.
    private static let hook = #"""
        import json
        def answer(self, body):
            with open("LOGFILE", "a") as file:
                file.write(json.dumps({"headers": {k.lower(): v for k, v in self.headers.items()}, "body": body.decode()}) + "\n")
            self.send_response(204)
            self.end_headers()
        """#

    private struct Place {
        let folder: TemporaryFolder
        let server: ScriptedServer
        let environment: [String: String]

        var path: BytePath { folder.path.appending("work") }

        /// What the server took, by `text`.
        var taken: [JSONValue] {
            let text = (try? readFile(folder("log").shown)) ?? []
            return text.split(separator: 10).compactMap { try? JSONValue.parse(Array($0)) }
        }

        var titles: [String] { taken.compactMap { $0.member("body")?.member("text")?.text } }

        func write(_ name: String, _ text: String) throws { try folder.write("work/" + name, text) }
        func mode(_ mode: String) throws { try folder.write("log.mode", mode) }

        /// Lets what was put off be due, as if time had passed.
        func wait() throws {
            let file = path.appending(".lmsbuild/notified").shown
            let text = String(decoding: try readFile(file), as: UTF8.self)
            let waited = text.replacing(#/"pauses":\{[^}]*\}/#, with: "\"pauses\":{}")
            try folder.write("work/.lmsbuild/notified", waited, mode: 0o600)
        }
    }

    private static let targets = """

        service app
            dir app
            owners payments
            unit: code
                exit $(cat code)
        service other
            dir other
            unit: code
                exit $(cat code)

        """

    private func place(_ script: String, _ block: String, environment: [String: String] = [:]) throws -> Place {
        let folder = try TemporaryFolder()
        let server = try ScriptedServer(script.replacing("LOGFILE", with: folder("log").shown))
        let url = server.url + "/services/T0/B0/verysecretpath"
        let place = Place(
            folder: folder, server: server,
            environment: ["URL": url, "USER": "ada"].merging(environment) { $1 })
        try place.write("Buildfile", "project = shop\n" + block + Self.targets)
        try place.write("app/code", "0")
        try place.write("other/code", "0")
        return place
    }

    private func run(_ place: Place, _ words: String...) async throws -> Program.Outcome {
        try await program.run(
            ["run", "--sandbox", "off", "-k"] + words, in: place.path, environment: place.environment)
    }

    @Test func aFailureAndItsEndAreToldOnceEach() async throws {
        let place = try place(Self.slack, "notify slack\n    url URL\n")
        #expect(try await run(place).status == 0)
        try place.write("app/code", "1")
        for _ in 0..<3 {
            let failed = try await run(place)
            #expect(failed.status == 3)
            #expect(!failed.errors.contains("LMS620"), "\(failed.errors)")
        }
        #expect(place.titles == ["shop: app:unit fails"])
        try place.write("app/code", "0")
        for _ in 0..<2 { #expect(try await run(place).status == 0) }
        #expect(place.titles == ["shop: app:unit fails", "shop: app works again"])
        #expect(
            place.server.requests == ["POST /services/T0/B0/verysecretpath", "POST /services/T0/B0/verysecretpath"])
    }

    @Test(arguments: ["dead", "busy", "slow", "gone"])
    func aSideThatDoesNotTakeItIsToldLaterOnce(fault: String) async throws {
        let place = try place(Self.slack, "notify slack ops\n    url URL\n")
        var environment = place.environment
        if fault == "dead" { environment["URL"] = "http://127.0.0.1:1/services/T0/B0/verysecretpath" }
        if fault == "gone" { environment["URL"] = (environment["URL"] ?? "") + "-of-before" }
        if ["busy", "slow"].contains(fault) { try place.mode(fault) }
        try place.write("app/code", "1")
        let words = ["run", "--sandbox", "off"]
        let failed = try await program.run(words, in: place.path, environment: environment)
        #expect(failed.status == 3)
        #expect(failed.errors.components(of: "warning[LMS620]") == 1, "\(failed.errors)")
        #expect(failed.errors.contains("'ops' was not told: "))
        #expect(!failed.errors.contains("secretpath") && !failed.errors.contains("T0/B0"), "\(failed.errors)")
        #expect(place.titles.isEmpty)

        try place.mode("")
        try place.wait()
        for _ in 0..<2 {
            let again = try await run(place)
            #expect(again.status == 3)
            #expect(!again.errors.contains("LMS620"), "\(again.errors)")
        }
        #expect(place.titles == ["shop: app:unit fails"])
    }

    @Test func aSideThatAsksToWaitIsLeftAlone() async throws {
        let place = try place(
            Self.slack.replacing(#"("Retry-After", "0")"#, with: #"("Retry-After", "3600")"#),
            "notify slack ops\n    url URL\n")
        try place.mode("busy")
        try place.write("app/code", "1")
        _ = try await run(place)
        try place.mode("")
        try place.write("other/code", "1")
        let second = try await run(place)
        #expect(second.errors.contains("nothing is sent to it for a while"), "\(second.errors)")
        #expect(place.server.requests.count == 1)
        #expect(
            try await program.run("notify", in: place.path, environment: place.environment).output
                .hasSuffix("secrets URL; 2 to be sent\n"))
    }

    @Test func withoutItsSecretNobodyIsToldAndCIIsWarned() async throws {
        let place = try place(Self.slack, "notify slack\n    url MISSING\n")
        try place.write("app/code", "1")
        let local = try await run(place)
        #expect(local.status == 3)
        #expect(!local.errors.contains("LMS620"))
        try place.write("other/code", "1")
        let ci = try await program.run(
            ["run", "--sandbox", "off", "-k"], in: place.path,
            environment: place.environment.merging(["CI": "true"]) { $1 })
        #expect(ci.errors.contains("warning[LMS620]: 'slack' was not told: the variable MISSING is not set"))
    }

    /// The target is not in the sandbox: what it fills is the state's own folder.
    @Test func aFullDiskChangesNothingButTheMemory() async throws {
        let place = try place(Self.slack, "notify slack\n    url URL\n")
        #expect(try await run(place).status == 0)
        try place.write("app/code", "1")
        // Nothing can take the place of a folder, as nothing can be written where there is no room.
        let file = place.path.appending(".lmsbuild/notified").shown
        #expect(mkdir(file, 0o755) == 0)
        #expect(mkdir(file + "/in", 0o755) == 0)
        let failed = try await run(place)
        #expect(failed.status == 3)
        #expect(failed.errors.components(of: "warning[LMS620]") == 1, "\(failed.errors)")
        #expect(place.titles == ["shop: app:unit fails"])
    }

    // MARK: Webhooks

    @Test func aWebhookGetsWhatIsDocumentedAndSigned() async throws {
        let place = try place(
            Self.hook,
            "variable KEY: text secret from file key.txt\nnotify webhook audit\n    url URL\n    key KEY\n    owners payments\n",
            environment: ["GITHUB_ACTIONS": "true", "GITHUB_REF_NAME": "main", "GITHUB_ACTOR": "grace"])
        try place.write("key.txt", "a shared key\n")
        try place.write("app/code", "1")
        try place.write("other/code", "1")
        _ = try await run(place)
        let request = try #require(place.taken.first)
        #expect(place.taken.count == 1)
        let body = try #require(request.member("body")?.text)
        #expect(try await DocumentCheck().problems(body, schema: "notification") == "")
        let json = try JSONValue.parse(Array(body.utf8))
        #expect(json.member("title")?.text == "app:unit fails on main")
        #expect(json.member("by")?.text == "grace")
        // Of the owner's alone.
        #expect(json.member("items")?.elements?.compactMap { $0.member("name")?.text } == ["app:unit"])

        let headers = try #require(request.member("headers"))
        #expect(headers.member("x-lmsbuild-event")?.text == "failure")
        #expect(headers.member("x-lmsbuild-delivery")?.text == json.member("id")?.text)
        let signature = try #require(headers.member("x-lmsbuild-signature")?.text)
        let match = try #require(try #/t=(\d+),v1=([0-9a-f]{64})/#.wholeMatch(in: signature))
        try place.write("signed", "\(match.1)." + body)
        let openssl = try await ProcessRunner.ofTests.run(
            Command(
                ["openssl", "dgst", "-sha256", "-hmac", "a shared key", "signed"],
                environment: ["PATH": "/usr/bin:/bin"], folder: place.path))
        #expect(String(decoding: openssl.output, as: UTF8.self).hasSuffix("= \(match.2)\n"))
    }

    // MARK: Mail

    private static func mail(_ server: MailServer) -> String {
        """
        notify email ops
            to ops@shop.example dev@shop.example
            from lmsbuild@shop.example
            server \(server.url)
            user ada
            password MAIL_PASSWORD

        """
    }

    @Test(arguments: [MailServer.Security.starttls, .tls])
    func aLetterArrivesEncryptedByWhoMayLogIn(security: MailServer.Security) async throws {
        let mail = try await MailServer(security)
        let place = try place(
            Self.hook, Self.mail(mail),
            environment: ["MAIL_PASSWORD": "pass word \"1\"", "CURL_CA_BUNDLE": mail.certificate])
        try place.write("app/code", "1")
        let failed = try await run(place)
        #expect(!failed.errors.contains("LMS620"), "\(failed.errors)")
        let letter = try #require(mail.letters.first)
        #expect(mail.letters.count == 1)
        #expect(letter.member("tls") == .bool(true))
        #expect(letter.member("user")?.text == "ada")
        #expect(letter.member("from")?.text == "lmsbuild@shop.example")
        #expect(letter.member("to")?.elements?.compactMap(\.text) == ["ops@shop.example", "dev@shop.example"])
        #expect(letter.member("subject")?.text == "[shop] app:unit fails")
        #expect(letter.member("text")?.text?.contains("  app:unit: ") == true)
        #expect(letter.member("html")?.text?.contains("<code>app:unit</code>") == true)
    }

    @Test func aWrongPasswordIsSaidWithoutItAndTheLetterGoesLater() async throws {
        let mail = try await MailServer(.tls)
        let place = try place(
            Self.hook, Self.mail(mail),
            environment: ["MAIL_PASSWORD": "hunter2-hidden", "CURL_CA_BUNDLE": mail.certificate])
        try place.write("app/code", "1")
        let failed = try await run(place)
        #expect(failed.status == 3)
        #expect(failed.errors.contains("'ops' was not told: it does not let 'ada' log in: 535"), "\(failed.errors)")
        #expect(failed.errors.components(of: "warning[LMS620]") == 1)
        #expect(!failed.errors.contains("hunter2"))
        try place.wait()
        var environment = place.environment
        environment["MAIL_PASSWORD"] = "pass word \"1\""
        for _ in 0..<2 {
            _ = try await program.run(["run", "--sandbox", "off"], in: place.path, environment: environment)
        }
        #expect(mail.letters.count == 1)
    }

    @Test func noPasswordGoesOutInTheClearNorToAStranger() async throws {
        let plain = try await MailServer(.plain)
        let place = try place(Self.hook, Self.mail(plain), environment: ["MAIL_PASSWORD": "pass word \"1\""])
        let test = try await program.run("notify", "test", in: place.path, environment: place.environment)
        #expect(test.status == 34)
        #expect(test.output.contains("ops: not sent: it offers no TLS"), "\(test.output)")
        let strange = try await MailServer(.tls)
        let other = try self.place(Self.hook, Self.mail(strange), environment: ["MAIL_PASSWORD": "pass word \"1\""])
        let refused = try await program.run("notify", "test", in: other.path, environment: other.environment)
        #expect(refused.output.contains("ops: not sent: it cannot be trusted"), "\(refused.output)")
        #expect(plain.letters.isEmpty && strange.letters.isEmpty)
    }

    @Test func aDeadMailServerIsNamedAsSuch() async throws {
        let mail = try await MailServer(.tls)
        mail.end()
        let place = try place(Self.hook, Self.mail(mail), environment: ["MAIL_PASSWORD": "pass word \"1\""])
        try place.write("app/code", "1")
        let failed = try await run(place)
        #expect(failed.status == 3)
        #expect(failed.errors.components(of: "warning[LMS620]") == 1)
        #expect(failed.errors.contains("'ops' was not told: it accepts no connections"), "\(failed.errors)")
    }

    // MARK: The command

    @Test func theTestSaysWhatTheOtherSideAnswers() async throws {
        let place = try place(
            Self.slack,
            "notify slack ops\n    url URL\nnotify slack gone\n    url GONE\nnotify slack none\n    url NONE\n",
            environment: ["GONE": "http://127.0.0.1:1/x"])
        func test(_ words: String...) async throws -> Program.Outcome {
            try await program.run(["notify", "test"] + words, in: place.path, environment: place.environment)
        }
        let good = try await test("ops")
        #expect(good.status == 0)
        #expect(good.output == "ops: it answers 200: ok\n")
        #expect(place.titles == ["shop: a test message: nothing has happened"])
        let bad = try await test("gone")
        #expect(bad.status == 34)
        #expect(bad.output == "gone: not sent: it accepts no connections\n")
        let missing = try await test("none")
        #expect(missing.status == 2)
        #expect(missing.output == "none: not sent: the variable NONE is not set\n")
        let unknown = try await test("opps")
        #expect(unknown.status == 4)
        #expect(unknown.errors.contains("did you mean 'ops'?"))
        let preview = try await test("--dry-run", "ops")
        #expect(preview.status == 0)
        #expect(try JSONValue.parse(Array(preview.output.utf8)).member("blocks")?.elements?.isEmpty == false)
        #expect(place.titles.count == 1)
    }

    @Test func theListIsForScriptsToo() async throws {
        let place = try place(Self.slack, "notify slack ops\n    url URL\n    on failure gate\n    owners payments\n")
        let text = try await program.run("notify", in: place.path, environment: place.environment)
        #expect(text.output == "ops (slack): failure gate; owners payments; secrets URL\n")
        let json = try await program.run("notify", "--format", "json", in: place.path, environment: place.environment)
        #expect(try await DocumentCheck().problems(json.output, schema: "notify") == "")
    }
}

extension String {
    /// How often `text` is in it.
    fileprivate func components(of text: String) -> Int { ranges(of: text).count }
}
