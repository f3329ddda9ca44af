import Contracts
import Testing

@Suite struct MismatchTests {
    private func response(_ response: String) throws -> PactResponse {
        let pact = """
            {"consumer": {"name": "c"}, "provider": {"name": "p"}, "metadata": {"pactSpecification": {"version": "3.0.0"}},
             "interactions": [{"description": "d", "request": {}, "response": \(response)}]}
            """
        let document = try ContractDocument.read(Array(pact.utf8), name: "a.json")
        guard case .http(_, let response)? = document.interactions.first?.content.exchange else {
            throw ContractReadError("no response", at: 0)
        }
        return response
    }

    private func texts(_ expected: String, _ actual: PactResponse) throws -> [String] {
        PactMatching.response(expected: try response(expected), actual: actual).map(\.text)
    }

    @Test func saysWhatDiffersAndWhere() throws {
        let expected = """
            {"status": 201, "headers": {"Content-Type": "application/json", "X-Id": "1"},
             "body": {"id": 1, "list": [{"name": "a"}], "when": "2020-01-01"},
             "matchingRules": {"body": {"$.when": {"matchers": [{"match": "date", "format": "yyyy-MM-dd"}]}}}}
            """
        let actual = PactResponse(
            status: 200, headers: [("content-type", "application/json; charset=utf-8")],
            body: Array(#"{"id": "1", "list": [{"nom": "a"}], "when": "soon"}"#.utf8))
        #expect(
            try texts(expected, actual) == [
                "status: expected the status 201, but it is 200",
                "header X-Id: expected the header \"X-Id\", but it is missing",
                "body $.id: expected \"1\" to be equal to 1",
                "body $.list[0].name: expected a member \"name\", but it is missing",
                "body $.when: expected \"soon\" to be a date such as yyyy-MM-dd",
            ])
    }

    @Test func aBodyThatIsNoJSONIsAMismatch() throws {
        let actual = PactResponse(status: 200, headers: [("Content-Type", "application/json")], body: Array("{".utf8))
        #expect(
            try texts(#"{"headers": {"Content-Type": "application/json"}, "body": {}}"#, actual) == [
                "body $: the body is not JSON: ends too early at byte 1"
            ])
    }

    @Test func aPatternThatTakesForEverIsAMismatch() throws {
        let rule = #"{"body": {"$.a": {"matchers": [{"match": "regex", "regex": "(a+)+b"}]}}}"#
        let text = String(repeating: "a", count: 40)
        let found = try texts(
            #"{"body": {"a": "ab"}, "matchingRules": \#(rule)}"#,
            PactResponse(status: 200, body: Array(#"{"a": "\#(text)"}"#.utf8)))
        #expect(found == ["body $.a: the regular expression /(a+)+b/ can't be used: it takes too long on this text"])
    }

    @Test func equalBodiesHaveNoDifference() {
        let body = Array(#"{"a": 1}"#.utf8)
        #expect(!BodyDiff.lines(expected: body, actual: body).contains { !$0.hasPrefix("  ") })
    }

    @Test func differencesAreShownByLine() {
        let expected = Array(#"{"a": 1, "b": [1, 2], "c": "x"}"#.utf8)
        let actual = Array(#"{"c": "x", "b": [1, 3], "a": 1}"#.utf8)
        #expect(
            BodyDiff.lines(expected: expected, actual: actual) == [
                "  {", "    \"a\": 1,", "    \"b\": [", "      1,", "-     2", "+     3", "    ],", "    \"c\": \"x\"",
                "  }",
            ])
    }

    @Test func longStretchesShrink() {
        let numbers = (0..<40).map { String($0) }
        var others = numbers
        others[20] = "x"
        let lines = BodyDiff.lines(
            expected: Array(numbers.joined(separator: "\n").utf8), actual: Array(others.joined(separator: "\n").utf8))
        #expect(
            lines == [
                "  … 17 lines are the same", "  17", "  18", "  19", "- 20", "+ x", "  21", "  22", "  23",
                "  … 16 lines are the same",
            ])
    }
}
