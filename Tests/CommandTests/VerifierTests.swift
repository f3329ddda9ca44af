import BuildEngine
import BuildGraph
import BuildTestSupport
import Foundation
import Testing

/// `[pact]`: lmsbuild's own verifier as a user meets it, with a real provider on the loopback device.
@Suite struct VerifierTests {
    private typealias Workspace = VerifierWorkspace

    // MARK: What is verified

    @Test(arguments: ["on", "off"])
    func verifiesEachPairOnce(sandbox: String) async throws {
        let workspace = try await Workspace()
        let first = try await workspace.run("--sandbox", sandbox)
        #expect(first.status == 0, "\(first.errors)")
        #expect(
            workspace.verified(first) == [
                "catalog:verify[lending] (2 of 2 interactions)", "catalog:verify[web] (2 of 2 interactions)",
            ])
        let second = try await workspace.run("--sandbox", sandbox)
        #expect(second.errors.hasPrefix("nothing to do"))
    }

    @Test(arguments: ["on", "off"])
    func aBrokenFieldFailsThePairThatReliesOnIt(sandbox: String) async throws {
        let workspace = try await Workspace(settings: #"{ "title": 7 }"#)
        try workspace.contract(
            "web", [Workspace.interaction("a book's number", "/books/1", body: #"{ "id": 1 }"#)])
        let outcome = try await workspace.run("-k", "--sandbox", sandbox)
        #expect(outcome.status == 3)
        #expect(workspace.verified(outcome) == ["catalog:verify[web] (1 of 1 interaction)"])
        for part in [
            "error[LMS702]: 'catalog:verify[lending]': 'catalog' does not do what 'lending' asks in 1 of 2 interactions",
            "consumer     lending, owned by lending-people@library.example", "provider     catalog",
            "interaction  a book that is there", "request      GET /books/1", "$.title", "- expected  ", "Emma",
            "+ actual    ", "7", "agree with lending-people@library.example", "  ok       a book that is not there",
        ] {
            #expect(outcome.errors.contains(part), "\(part)\n\(outcome.errors)")
        }
        // What was right stays known.
        try workspace.repository.write("catalog/settings.json", #"{ "title": 7 }"# + "\n")
        let again = try await workspace.run("-k", "--sandbox", sandbox)
        #expect(again.errors.contains("in 1 of 2 interactions"))
        let same = try await workspace.run("-k", "--sandbox", sandbox)
        #expect(same.errors.contains("in 1 of 1 interaction"))
    }

    @Test func anotherSpellingVerifiesNothing() async throws {
        let workspace = try await Workspace()
        _ = try await workspace.run()
        try workspace.repository.write(
            "lending/contract.json",
            """
            {"metadata":{"pactSpecification":{"version":"3.0.0"},"tool":"another"},
             "provider":{"name":"the catalogue"},"consumer":{"name":"loans"},"interactions":[
            \(Workspace.missing),
            {"response":{"body":{"title":"Emma","id":1},"status":200},
             "request":{"path":"/books/1","method":"get"},"description":"a book that is there"}]}
            """)
        let outcome = try await workspace.run()
        #expect(workspace.verified(outcome) == [])
        #expect(outcome.errors.hasPrefix("nothing to do"), "\(outcome.errors)")
    }

    @Test func whatIsNewIsVerifiedAlone() async throws {
        let workspace = try await Workspace()
        _ = try await workspace.run()
        let third = Workspace.interaction("the health", "/health")
        try workspace.contract("lending", [third, Workspace.book, Workspace.missing])
        let added = try await workspace.run()
        #expect(workspace.verified(added) == ["catalog:verify[lending] (1 of 3 interactions)"], "\(added.errors)")
        // Some are gone, and others have been verified for another consumer.
        try workspace.contract("lending", [Workspace.missing])
        try workspace.contract("web", [third, Workspace.book])
        let fewer = try await workspace.run()
        #expect(fewer.status == 0)
        #expect(workspace.verified(fewer) == [])
        // A changed provider has everything verified anew.
        try workspace.repository.write("catalog/settings.json", #"{ "unused": 1 }"#)
        let changed = try await workspace.run()
        #expect(
            workspace.verified(changed) == [
                "catalog:verify[lending] (1 of 1 interaction)", "catalog:verify[web] (2 of 2 interactions)",
            ])
        // Back again: all is known.
        try workspace.repository.write("catalog/settings.json", "{}")
        #expect(workspace.verified(try await workspace.run()) == [])
    }

    @Test func aKilledVerificationIsStillToDo() async throws {
        let workspace = try await Workspace("[pact health=/health answer=60s]", consumers: ["lending"])
        try workspace.contract(
            "lending", [Workspace.book, Workspace.interaction("what never comes", "/hang")])
        let running = try await workspace.startHanging()
        #expect(try await running.end(by: 9) == 128 + 9)
        try workspace.contract("lending", [Workspace.book])
        let outcome = try await workspace.run()
        #expect(workspace.verified(outcome) == ["catalog:verify[lending] (1 of 1 interaction)"], "\(outcome.errors)")
    }

    @Test func anInterruptedVerificationLeavesNoProviderBehind() async throws {
        let workspace = try await Workspace(consumers: ["lending"])
        try workspace.contract(
            "lending", [Workspace.book, Workspace.interaction("what never comes", "/hang")])
        let running = try await workspace.startHanging()
        let provider = try #require(workspace.provider)
        #expect(kill(provider, 0) == 0)
        #expect(try await running.end(by: 2) == 128 + 2)
        #expect(kill(provider, 0) == -1 && errno == ESRCH)
    }

    @Test(arguments: ["on", "off"])
    func theRulesTimeLimitHolds(sandbox: String) async throws {
        let workspace = try await Workspace("[timeout 3s] [pact health=/health]", consumers: ["lending"])
        try workspace.contract(
            "lending", [Workspace.book, Workspace.interaction("what never comes", "/hang")])
        let outcome = try await workspace.run("--sandbox", sandbox)
        #expect(outcome.errors.contains("error[LMS502]"), "\(outcome.errors)")
        if sandbox == "off" {
            #expect(outcome.errors.contains("the verification of 'catalog' was interrupted"))
            let provider = try #require(workspace.provider)
            #expect(kill(provider, 0) == -1 && errno == ESRCH)
        }
    }

    // MARK: What can go wrong

    @Test(arguments: [
        ("/hang", "GET /hang: there was no answer within 1s"),
        ("/half", "GET /half: the answer was not complete within 1s"),
        ("/garbage", "GET /garbage: the answer is no HTTP"),
        ("/close", "GET /close: it closed the connection without an answer"),
        ("/endless", "GET /endless: the answer's body is larger than 16 MiB"),
        ("/crash", "'catalog' ended while it was verified: exit status 3"),
    ])
    func badAnswersAreTold(path: String, message: String) async throws {
        let workspace = try await Workspace("[pact health=/health answer=1s]", consumers: ["lending"])
        try workspace.contract("lending", [Workspace.book, Workspace.interaction("what goes wrong", path)])
        let outcome = try await workspace.run()
        #expect(outcome.status == 3)
        #expect(outcome.errors.contains(message), "\(outcome.errors)")
        #expect(outcome.errors.contains("error[LMS702]"))
        #expect(outcome.errors.contains("  ok       a book that is there"))
        if path == "/crash" { #expect(outcome.errors.contains("    | Traceback: out of shelves")) }
    }

    @Test(arguments: [
        ("[pact]", #"{ "early": 4 }"#, "it ended before it was ready: exit status 4", "    | no shelves at all"),
        (
            "[pact wait=1s]", #"{ "deaf": true }"#, "it was not ready within 1s: nothing listens on port",
            "    | reading the shelves"
        ),
        (
            "[pact health=/health wait=1s]", #"{ "health": 503 }"#,
            "it was not ready within 1s: GET /health answered 503", "'catalog' did not start"
        ),
    ])
    func aProviderThatDoesNotStartIsTold(
        attributes: String, settings: String, message: String, output: String
    ) async throws {
        let workspace = try await Workspace(attributes, consumers: ["lending"], settings: settings)
        let outcome = try await workspace.run()
        #expect(outcome.status == 3)
        #expect(outcome.errors.contains(message), "\(outcome.errors)")
        #expect(outcome.errors.contains(output))
        #expect(outcome.errors.contains("what 'lending' asks of 'catalog' could not be verified"))
        // Nobody may take what the provider prints for what the verifier found.
        #expect(!outcome.errors.split(separator: "\n").contains { $0.hasPrefix("lmsbuild-verdicts") })
    }

    @Test func aBrokenContractIsShown() async throws {
        let workspace = try await Workspace(consumers: ["lending"])
        try workspace.repository.write(
            "lending/contract.json",
            """
            {
              "consumer": { "name": "lending" }, "provider": { "name": "catalog" },
              "interactions": [
                { "description": "a book", "response": { "status": 200 } }
              ],
              "metadata": { "pactSpecification": { "version": "3.0.0" } }
            }

            """)
        let outcome = try await workspace.run()
        #expect(outcome.status == 3)
        #expect(outcome.errors.contains("error[LMS701]: this is not a contract: "), "\(outcome.errors)")
        #expect(outcome.errors.contains("--> lending/contract.json:4:5"))
        #expect(outcome.errors.contains("4 |     { \"description\": \"a book\""))
    }

    @Test func contractsOfOtherKindsAreRefused() async throws {
        let workspace = try await Workspace(consumers: ["lending"])
        try workspace.repository.write("lending/contract.json", #"{ "openapi": "3.0.0", "paths": {} }"#)
        let outcome = try await workspace.run()
        #expect(outcome.status == 3)
        #expect(outcome.errors.contains("'../lending/contract.json' of 'lending' is no pact"), "\(outcome.errors)")
    }

    @Test func withoutCurlNothingIsStarted() async throws {
        let workspace = try await Workspace(consumers: ["lending"])
        let tools = try TemporaryFolder()
        let git = try #require(
            ProgramSearch(path: ProcessInfo.processInfo.environment["PATH"] ?? "").file(named: "git"))
        #expect(symlink(git, tools.path.appending("git").shown) == 0)
        let outcome = try await workspace.run("--sandbox", "off", path: tools.path.shown)
        #expect(outcome.status == 36)
        #expect(
            outcome.errors.contains(
                "error[LMS506]: 'curl', by which lmsbuild's verifier asks 'catalog', can't be found"))
        #expect(outcome.errors.contains("apt-get install curl"), "\(outcome.errors)")
        #expect(workspace.notes == [])
    }

    @Test func peopleAreToldThatTheSubcommandIsNotTheirs() async throws {
        let folder = try TemporaryFolder()
        let outcome = try await Program().run("verify-contracts", "x", in: folder.path)
        #expect(outcome.status == 2)
        #expect(outcome.errors.contains("a rule with [pact] runs it"))
    }

    // MARK: Requests

    @Test func requestsGoOutExactly() async throws {
        let workspace = try await Workspace("[pact health=/health parallel=3]", consumers: ["lending"])
        func echoed(_ method: String, _ target: String, _ headers: String, _ body: String) -> String {
            #"{ "method": "\#(method)", "target": "\#(target)", "headers": [\#(headers)], "body": "\#(body)" }"#
        }
        try workspace.contract(
            "lending",
            [
                Workspace.interaction(
                    "nothing but the path", "/echo/a%2Fb/../c", body: echoed("GET", "/echo/a%2Fb/../c", "", "")),
                Workspace.interaction(
                    "a query in its order", "/echo", body: echoed("GET", "/echo?b=2&a=1&a=x%20y", "", ""),
                    request: #", "query": { "b": ["2"], "a": ["1", "x y"] }"#),
                Workspace.interaction(
                    "headers", "/echo",
                    body: echoed("DELETE", "/echo", #""Accept: text/plain", "X-Empty: ", "X-One: 1""#, ""),
                    request: #", "headers": { "Accept": "text/plain", "X-Empty": "", "X-One": "1" }"#
                )
                .replacing("\"GET\"", with: "\"DELETE\"", maxReplacements: 1),
                Workspace.interaction(
                    "a text", "/echo", method: "PUT",
                    body: echoed(
                        "PUT", "/echo", #""Content-Length: 4", "Content-Type: text/plain""#, "w7xiZQ=="),
                    request: #", "headers": { "Content-Type": "text/plain" }, "body": "übe""#),
                Workspace.interaction(
                    "no body", "/echo", method: "POST", body: echoed("POST", "/echo", #""Content-Length: 0""#, "")),
            ])
        let outcome = try await workspace.run()
        #expect(outcome.status == 0, "\(outcome.errors)")
    }

    // MARK: States

    private static let kept = #"[{ "name": "a book", "params": { "id": 9, "title": "Ulysses" } }]"#

    @Test func statesAreSetByTheProvider() async throws {
        let workspace = try await Workspace("[pact states=/states]", consumers: ["lending"])
        try workspace.contract(
            "lending",
            [
                Workspace.interaction(
                    "the book", "/books/9", body: #"{ "id": 9, "title": "Ulysses" }"#, states: Self.kept),
                Workspace.interaction("nothing is left of it", "/books/9", status: 404),
            ])
        let outcome = try await workspace.run("--sandbox", "off")
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(workspace.notes == ["started", "setup a book for lending", "teardown a book for lending"])
    }

    @Test func valuesOfStatesReachTheRequest() async throws {
        let workspace = try await Workspace("[pact states=/states]", consumers: ["lending"])
        try workspace.contract(
            "lending",
            [
                Workspace.interaction(
                    "the book", "/books/1", body: #"{ "title": "Ulysses" }"#, states: Self.kept,
                    request:
                        #", "generators": { "path": { "type": "ProviderState", "expression": "/books/${id}" } }"#)
            ])
        let outcome = try await workspace.run()
        #expect(outcome.status == 0, "\(outcome.errors)")
    }

    @Test func aStateThatCannotBeSetIsTold() async throws {
        let workspace = try await Workspace(
            "[pact states=/states]", consumers: ["lending"], settings: #"{ "states": 500 }"#)
        try workspace.contract("lending", [Workspace.interaction("the book", "/books/9", states: Self.kept)])
        let outcome = try await workspace.run()
        #expect(outcome.status == 3)
        #expect(
            outcome.errors.contains(
                #"the state "a book" could not be set: POST /states answered 500: {"why": "no such"#),
            "\(outcome.errors)")
        #expect(outcome.errors.contains(#"state        a book {"id":9,"title":"Ulysses"}"#))
    }

    @Test func statesAreSetByACommand() async throws {
        let workspace = try await Workspace(
            "[pact] [states /usr/bin/python3 states.py]", consumers: ["lending"])
        try workspace.repository.write(
            "catalog/states.py",
            """
            import json, os, sys, urllib.request
            asked = sys.stdin.read()
            urllib.request.urlopen(urllib.request.Request(
                "http://127.0.0.1:" + os.environ["PORT"] + "/states", asked.encode(), method="POST"))
            if json.loads(asked)["state"] == "an unknown one":
                sys.exit("never heard of it")

            """)
        try workspace.contract(
            "lending",
            [
                Workspace.interaction(
                    "the book", "/books/9", body: #"{ "id": 9, "title": "Ulysses" }"#, states: Self.kept)
            ])
        let outcome = try await workspace.run()
        #expect(outcome.status == 0, "\(outcome.errors)")
        try workspace.contract(
            "lending", [Workspace.interaction("x", "/books/1", states: #"[{ "name": "an unknown one" }]"#)])
        let failed = try await workspace.run()
        #expect(failed.status == 3)
        #expect(
            failed.errors.contains("'/usr/bin/python3' failed: exit status 1: never heard of it"), "\(failed.errors)")
    }

    @Test func missingMeansOfStatesAreHinted() async throws {
        let workspace = try await Workspace(consumers: ["lending"])
        try workspace.contract(
            "lending", [Workspace.interaction("the book", "/books/9", states: Self.kept)])
        let outcome = try await workspace.run()
        #expect(outcome.status == 3)
        #expect(outcome.errors.contains("the rule says nothing of how provider states are set"))
    }

    // MARK: Messages

    private func message(_ description: String, queue: String = "books", states: String = "[]") -> String {
        """
        { "description": "\(description)", "providerStates": \(states),
              "contents": { "what": "\(description)" }, "metaData": { "queue": "\(queue)" } }
        """
    }

    @Test func messagesComeFromTheProvider() async throws {
        let workspace = try await Workspace("[pact messages=/messages]", consumers: ["lending"])
        try workspace.contract("lending", [], messages: [message("a book came"), message("a book left")])
        let outcome = try await workspace.run()
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(workspace.verified(outcome) == ["catalog:verify[lending] (2 of 2 interactions)"])
        try workspace.repository.write("catalog/settings.json", #"{ "queue": "elsewhere" }"#)
        let failed = try await workspace.run()
        #expect(failed.status == 3)
        #expect(failed.errors.contains("elsewhere"), "\(failed.errors)")
    }

    @Test func messagesComeFromTheRecipe() async throws {
        let workspace = try await Workspace(
            "[pact]",
            recipe: #"""
                test "$PACT_DESCRIPTION" != "a book burned" || { echo 'no fire here' >&2; exit 5; }
                printf '{"what": "%s", "states": %s}' "$PACT_DESCRIPTION" "$PACT_STATES"
                """#, consumers: ["lending"])
        func plain(_ description: String) -> String {
            #"{ "description": "\#(description)", "contents": { "what": "a book came" } }"#
        }
        try workspace.contract("lending", [], messages: [plain("a book came")])
        let outcome = try await workspace.run()
        #expect(outcome.status == 0, "\(outcome.errors)")
        try workspace.contract(
            "lending", [], messages: [plain("a book came"), plain("a book left"), plain("a book burned")])
        let failed = try await workspace.run()
        #expect(failed.status == 3)
        #expect(failed.errors.contains("in 2 of 2 interactions"), "\(failed.errors)")
        #expect(failed.errors.contains("the recipe gave no message: exit status 5: no fire here"))
        #expect(failed.errors.contains("$.what"))
    }

    @Test func theDocumentedQuestionsAreAsked() async throws {
        let page = try String(
            contentsOf: URL(filePath: #filePath).appending(path: "../../../docs/contracts.md").standardizedFileURL,
            encoding: .utf8)
        let shown = page.components(separatedBy: "```").filter { $0.hasPrefix("json\n") }
            .map { $0.dropFirst(5).trimmingCharacters(in: .newlines) }
        #expect(shown.count == 3)
        let workspace = try await Workspace("[pact states=/states messages=/messages]", consumers: ["lending"])
        try workspace.contract(
            "lending", [],
            messages: [message("a book was lent", states: #"[{ "name": "a book exists", "params": { "id": 7 } }]"#)])
        #expect(try await workspace.run("--sandbox", "off").status == 0)
        #expect(workspace.questions == shown.prefix(2) + [shown[0].replacing("setup", with: "teardown")])
        try workspace.contract(
            "lending", [Self.answered("a book is asked for", #"[{ "contents": { "content": { "id": 7 } } }]"#)],
            version: "4.0")
        #expect(try await workspace.run("--sandbox", "off").status == 0)
        #expect(workspace.questions.last == shown[2])
    }

    /// A message of version 4 that is answered by `responses`.
    private static func answered(_ description: String, _ responses: String, id: Int = 7) -> String {
        """
        { "type": "Synchronous/Messages", "description": "\(description)",
              "request": { "contents": { "contentType": "application/json", "content": { "id": \(id) } },
                           "metadata": { "queue": "questions" } },
              "response": \(responses) }
        """
    }

    private static func answer(_ title: String, more: String = "") -> String {
        #"{ "contents": { "contentType": "application/json", "content": { "id": 7, "title": "\#(title)" } }\#(more) }"#
    }

    @Test func messagesAreAnsweredByTheProvider() async throws {
        let workspace = try await Workspace("[pact messages=/messages]", consumers: ["lending"])
        let queue = #", "metadata": { "queue": "books" }"#
        let rules = #", "matchingRules": { "body": { "$.title": { "matchers": [{ "match": "type" }] } } }"#
        try workspace.contract(
            "lending",
            [
                Self.answered("a book is asked for", "[\(Self.answer("Emma", more: queue))]"),
                Self.answered(
                    "a book is asked for twice", "[\(Self.answer("Emma")), \(Self.answer("any", more: rules))]"),
                Self.answered("nobody answers", "[]"),
            ], version: "4.0")
        let outcome = try await workspace.run()
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(workspace.verified(outcome) == ["catalog:verify[lending] (3 of 3 interactions)"])
        try workspace.repository.write("catalog/settings.json", #"{ "title": "Persuasion" }"#)
        let failed = try await workspace.run("-v")
        #expect(failed.status == 3)
        #expect(failed.errors.contains("in 2 of 3 interactions"), "\(failed.errors)")
        #expect(failed.errors.contains("answer 1, body $.title"), "\(failed.errors)")
        #expect(!failed.errors.contains("answer 2"))
        try workspace.contract(
            "lending",
            [
                Self.answered(
                    "a book is asked for twice",
                    "[\(Array(repeating: Self.answer("Emma"), count: 3).joined(separator: ", "))]")
            ], version: "4.0")
        let few = try await workspace.run()
        #expect(few.status == 3)
        #expect(few.errors.contains("answer: another number of messages came"), "\(few.errors)")
    }

    @Test func messagesAreAnsweredByTheRecipe() async throws {
        let workspace = try await Workspace(
            "[pact]",
            recipe: #"""
                case "$PACT_METADATA" in *'"queue":"questions"'*) ;; *) exit 4;; esac
                exec sed 's/}/, "title": "Emma"}/'
                """#, consumers: ["lending"])
        try workspace.contract(
            "lending", [Self.answered("a book is asked for", "[\(Self.answer("Emma"))]")], version: "4.0")
        let outcome = try await workspace.run()
        #expect(outcome.status == 0, "\(outcome.errors)")
        try workspace.contract(
            "lending", [Self.answered("a book is asked for", "[\(Self.answer("Emma"))]", id: 8)], version: "4.0")
        let failed = try await workspace.run()
        #expect(failed.status == 3)
        #expect(failed.errors.contains("body $.id"), "\(failed.errors)")
    }

    // MARK: Pending

    @Test func whatWasNeverDoneMayFailUntilItIs() async throws {
        let workspace = try await Workspace("[pact health=/health] [pending]", consumers: ["lending"])
        let wanted = Workspace.interaction("another title", "/books/1", body: #"{ "title": "Ulysses" }"#)
        try workspace.contract("lending", [Workspace.missing, wanted])
        for (round, count) in ["2 of 2", "1 of 2"].enumerated() {
            let outcome = try await workspace.run()
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(workspace.verified(outcome) == ["catalog:verify[lending] (\(count) interactions)"], "\(round)")
            #expect(
                outcome.errors.contains(
                    /notice\[LMS703\]: 'catalog:verify\[lending\]': "another title" is pending since \d{4}-\d\d-\d\d: 'catalog' has never/
                ))
        }
        // Done once, it is binding.
        try workspace.repository.write("catalog/settings.json", #"{ "title": "Ulysses" }"#)
        let done = try await workspace.run()
        #expect(done.status == 0)
        #expect(!done.errors.contains("LMS703"))
        #expect(try await workspace.run().errors.hasPrefix("nothing to do"))
        try workspace.repository.write("catalog/settings.json", #"{ "title": "Persuasion" }"#)
        let failed = try await workspace.run()
        #expect(failed.status == 3)
        #expect(failed.errors.contains("error[LMS702]"))
    }

    // MARK: Batches

    @Test func aBatchStartsTheProviderOnce() async throws {
        let workspace = try await Workspace(
            "[pact health=/health] [batch]", consumers: ["lending", "readers", "web"], settings: #"{ "title": 7 }"#)
        try workspace.contract("web", [Workspace.interaction("nothing", "/books/5", status: 404)])
        try workspace.contract("readers", [Workspace.interaction("health", "/health")])
        let outcome = try await workspace.run("-k", "--sandbox", "off")
        #expect(outcome.status == 3)
        #expect(workspace.notes == ["started"])
        #expect(
            workspace.verified(outcome) == [
                "catalog:verify[readers] (1 of 1 interaction)", "catalog:verify[web] (1 of 1 interaction)",
            ], "\(outcome.errors)")
        #expect(
            outcome.errors.contains("'catalog:verify[lending]': 'catalog' does not do what 'lending' asks in 1 of 2"))
        #expect(!outcome.errors.contains("as 'web' relies on it"))
        let again = try await workspace.run("-k", "--sandbox", "off")
        #expect(again.errors.contains("in 1 of 1 interaction"), "\(again.errors)")
        #expect(workspace.notes == ["started", "started"])
    }
}
