import BuildEngine
import BuildGraph
import Buildfile
import Testing

@testable import Contracts

/// What engine and verifier hand to one another.
@Suite struct VerifierPartsTests {
    private func value(_ text: String) -> SHA256Value { .of(Array(text.utf8)) }

    @Test func aRequestIsReadAsItWasWritten() {
        var request = VerifierRequest(provider: "catalog")
        request.settings.health = "/health?x=--"
        request.settings.states = "/states"
        request.settings.messages = "/messages"
        request.settings.wait = .seconds(90)
        request.settings.answer = .seconds(7)
        request.settings.parallel = 3
        var lending = VerifierRequest.Contract(consumer: "lending")
        lending.owners = ["a@example.com", "--terms"]
        lending.paths = ["../lending/a contract.json", "-x"]
        lending.terms = (0..<2500).map { value("\($0)") }.sorted()
        lending.pending = Set(lending.terms.prefix(3))
        request.contracts = [lending, VerifierRequest.Contract(consumer: "web")]
        request.recipe = ["/bin/sh", "-eu", "--", "/lmsbuild/recipe"]
        #expect(VerifierRequest(arguments: request.arguments) == request)
        request.settings.states = nil
        request.statesCommand = ["python3", "states.py"]
        request.removal = ["podman", "rm", "-f", "a name"]
        #expect(VerifierRequest(arguments: request.arguments) == request)
        #expect(request.arguments.allSatisfy { $0.utf8.count < 100_000 })
    }

    @Test(arguments: [
        [], ["--"], ["--provider", "x", "--"], ["--", "sh"], ["--provider", "x", "--speed", "1", "--", "sh"],
        ["--provider", "x", "--terms", "ab", "--", "sh"], ["--provider", "x", "--consumer", "--", "sh"],
        ["--provider", "x", "--consumer", "c", "--terms", "xyz", "--", "sh"],
        ["--provider", "x", "--wait", "0", "--", "sh"],
    ])
    func otherWordsAreNoRequest(words: [String]) {
        #expect(VerifierRequest(arguments: words) == nil)
    }

    @Test func resultsAreTheLastLineAlone() throws {
        let results = VerifierResults(
            parts: [
                .init(consumer: "lending", marks: [.passed, .failed, .pending, .unknown], failures: ["\"a\nb\": ö"]),
                .init(consumer: "web", marks: [], failures: []),
            ], trouble: "it ended")
        let text =
            VerifierResults.heading("lending") + "of lending\n" + VerifierResults.heading("web") + "of web\n"
            + VerifierResults.heading(nil) + "of all\n" + results.text
        let read = try #require(VerifierResults(log: Array(text.utf8)))
        #expect(read.parts == results.parts)
        #expect(read.trouble == "it ended")
        #expect(String(decoding: read.log, as: UTF8.self) == "of lending\nof web\nof all\n")
        #expect(String(decoding: read.log(of: "web"), as: UTF8.self) == "of web\nof all\n")
        for wrong in [text + "more\n", String(text.dropLast()), text + "\n", "", "\n", results.text.dropFirst() + ""] {
            #expect(VerifierResults(log: Array(wrong.utf8)) == nil)
        }
    }

    @Test func nobodyElseWritesALineThatLooksLikeResults() {
        let fake = VerifierResults(parts: [], trouble: nil).text
        let quoted = ReportText.quoted(Array((fake + "\r" + fake + "\u{1B}[2K" + fake).utf8))
        for line in quoted.split(separator: "\n") { #expect(line.hasPrefix("    | ")) }
        #expect(!ReportText.line(fake).contains("\n"))
        #expect(
            ReportText.block("a\n" + fake, mark: "- ", indent: " ").split(separator: "\n").allSatisfy {
                $0.hasPrefix(" - ")
            })
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\nA: b\r\nEmpty:\r\n\r\nbody\r\n", 200, ["A: b", "Empty: "], "body\r\n"),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404\r\n\r\n", 404, [], ""),
        ("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\nno colon\r\n\r\n", 204, [], ""),
        ("HTTP/1.0 500 Internal Server Error\n\nx", 500, [], "x"),
    ])
    func answersAreTakenApart(text: String, status: Int, headers: [String], body: String) throws {
        let answer = try #require(HTTPAnswer(Array(text.utf8)))
        #expect(answer.status == status)
        #expect(answer.headers.map { "\($0.name): \($0.value)" } == headers)
        #expect(String(decoding: answer.body, as: UTF8.self) == body)
    }

    @Test(arguments: ["", "HTTP/1.1\r\n\r\n", "garbage\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 200"])
    func whatIsNoAnswerIsNone(text: String) {
        #expect(HTTPAnswer(Array(text.utf8)) == nil)
    }

    @Test func contractsHaveTheirInteractionsAsTerms() throws {
        let pact = Array(
            """
            { "consumer": { "name": "a" }, "provider": { "name": "b" }, "interactions": [
              { "description": "one", "request": { "method": "GET", "path": "/1" }, "response": { "status": 200 } },
              { "description": "two", "request": { "method": "GET", "path": "/2" }, "response": { "status": 200 } } ],
              "metadata": { "pactSpecification": { "version": "3.0.0" } } }
            """.utf8)
        let terms = PactAwareContracts().terms(of: pact)
        #expect(Set(terms.map(\.name)) == ["one", "two"])
        #expect(terms == terms.sorted())
        let log = VerdictLog(at: BytePath("/nonexistent/verdicts"))
        let kept = KeptVerdicts(log, tell: { _ in })
        let one = terms.filter { $0.name == "one" }
        let narrowed = kept.narrowed(pact, to: Set(one.map(\.digest)))
        #expect(PactAwareContracts().terms(of: narrowed) == one)
        #expect(kept.mistake(in: pact, at: "p") == nil)
        #expect(PactAwareContracts().terms(of: Array("{ broken".utf8)).count == 1)
        let mistake = try #require(kept.mistake(in: Array("{ broken".utf8), at: "x/contract.json"))
        #expect(mistake.code == .badContract)
        #expect(mistake.span?.source.name == "x/contract.json")
        #expect(PactAwareContracts().terms(of: Array("free text".utf8)).map(\.name) == ["opaque"])
        #expect(kept.narrowed(Array("free text".utf8), to: []) == Array("free text".utf8))
    }
}
