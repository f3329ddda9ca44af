import BuildEngine
import Contracts
import Testing

@Suite struct GeneratorTests {
    /// 2024-02-29 13:37:42 UTC.
    private static let now = 1_709_213_862

    private func request(_ request: String) throws -> PactRequest {
        let pact = """
            {"consumer": {"name": "c"}, "provider": {"name": "p"}, "metadata": {"pactSpecification": {"version": "4.0"}},
             "interactions": [{"description": "d", "type": "Synchronous/HTTP", "request": \(request), "response": {}}]}
            """
        let document = try ContractDocument.read(Array(pact.utf8), name: "a.json")
        guard case .http(let request, _)? = document.interactions.first?.content.exchange else {
            throw ContractReadError("no request", at: 0)
        }
        return request
    }

    private func run(_ text: String, seed: UInt64 = 1, states: String = "{}") throws -> PactRequest {
        let values = try JSONTree.parse(Array(states.utf8)).members ?? []
        var run = GeneratorRun(seed: seed, now: Self.now, states: values)
        return try run.request(try request(text))
    }

    private func body(_ example: String, _ generator: String, seed: UInt64 = 1, states: String = "{}") throws -> String
    {
        let text = """
            {"headers": {"Content-Type": ["application/json"]},
             "body": {"contentType": "application/json", "encoded": false, "content": {"a": \(example)}},
             "generators": {"body": {"$.a": \(generator)}}}
            """
        return String(decoding: try run(text, seed: seed, states: states).body.bytes, as: UTF8.self)
    }

    @Test(arguments: [
        (#"{"type": "ProviderState", "expression": "${id}"}"#, #"{"a":42}"#),
        (#"{"type": "ProviderState", "expression": "id"}"#, #"{"a":42}"#),
        (#"{"type": "ProviderState", "expression": "/o/${id}/${name}"}"#, #"{"a":"/o/42/x y"}"#),
        (#"{"type": "ProviderState", "expression": "${id}", "dataType": "STRING"}"#, #"{"a":"42"}"#),
        (#"{"type": "ProviderState", "expression": "${id}", "dataType": "DECIMAL"}"#, #"{"a":42.0}"#),
        (#"{"type": "ProviderState", "expression": "${flag}", "dataType": "BOOLEAN"}"#, #"{"a":true}"#),
        (#"{"type": "ProviderState", "expression": "${list}"}"#, #"{"a":[1,2]}"#),
        (#"{"type": "Date"}"#, #"{"a":"2024-02-29"}"#),
        (#"{"type": "Date", "expression": "tomorrow"}"#, #"{"a":"2024-03-01"}"#),
        (#"{"type": "Date", "expression": "+1 year"}"#, #"{"a":"2025-02-28"}"#),
        (#"{"type": "Date", "expression": "today + 2 weeks - 1 day", "format": "d.M.yy"}"#, #"{"a":"13.3.24"}"#),
        (#"{"type": "Date", "expression": "next monday", "format": "EEEE"}"#, #"{"a":"Monday"}"#),
        (#"{"type": "Time", "format": "HH:mm"}"#, #"{"a":"13:37"}"#),
        (#"{"type": "Time", "expression": "+ 12 hours", "format": "h a"}"#, #"{"a":"1 AM"}"#),
        (
            #"{"type": "DateTime", "expression": "tomorrow @ noon", "format": "yyyy-MM-dd'T'HH:mm:ssX"}"#,
            #"{"a":"2024-03-01T12:00:00Z"}"#
        ),
    ])
    func valuesThatAreKnown(_ generator: String, _ body: String) throws {
        let states = #"{"id": 42, "name": "x y", "flag": "true", "list": [1, 2]}"#
        #expect(try self.body("1", generator, states: states) == body)
    }

    @Test(arguments: [
        (#""x""#, #"{"type": "Uuid"}"#, #"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"#),
        (#""x""#, #"{"type": "Uuid", "format": "simple"}"#, "[0-9a-f]{32}"),
        (#""x""#, #"{"type": "Uuid", "format": "URN"}"#, "urn:uuid:[0-9a-f-]{36}"),
        (#""x""#, #"{"type": "RandomString", "size": 7}"#, "[A-Za-z0-9]{7}"),
        (#""x""#, #"{"type": "RandomHexadecimal", "digits": 5}"#, "[0-9a-f]{5}"),
        (#""1""#, #"{"type": "RandomInt", "min": 5, "max": 9}"#, "[5-9]"),
        (#""1""#, #"{"type": "RandomDecimal", "digits": 6}"#, "(?=.{7}$)[1-9][0-9]*\\\\.[0-9]*[1-9]"),
        (#""x""#, #"{"type": "Regex", "regex": "(a|b){2,4}-\\d+[^x]?"}"#, "[ab]{2,4}-\\\\d+[^x]?"),
    ])
    func randomValuesFit(_ example: String, _ generator: String, _ pattern: String) throws {
        for seed in 0..<20 as Range<UInt64> {
            let body = try body(example, generator, seed: seed)
            #expect(try self.body(example, generator, seed: seed) == body)
            let rules = #"{"body": {"$.a": {"matchers": [{"match": "regex", "regex": "\#(pattern)"}]}}}"#
            let expected = try request(
                #"{"body": {"contentType": "application/json", "content": {"a": ""}}, "matchingRules": \#(rules)}"#)
            let actual = PactRequest(method: "GET", path: "/", body: Array(body.utf8))
            #expect(PactMatching.request(expected: expected, actual: actual) == [])
        }
    }

    @Test func everyPartHasItsGenerators() throws {
        let sent = try run(
            """
            {"path": "/o/1", "query": {"q": ["1"]}, "headers": {"X-Id": ["1"]},
             "generators": {"path": {"type": "ProviderState", "expression": "/o/${id}"},
               "query": {"q": {"type": "ProviderState", "expression": "${id}"}},
               "header": {"x-id": {"type": "ProviderState", "expression": "${id}"}}}}
            """, states: #"{"id": 7}"#)
        #expect(sent.path == "/o/7")
        #expect(sent.queryText == "q=7")
        #expect(sent.headers.first?.values == ["7"])
    }

    @Test(arguments: [
        (#"{"type": "ProviderState", "expression": "${nobody}"}"#, "no provider state returned a value for \"nobody\""),
        (#"{"type": "RandomInt", "min": 2, "max": 1}"#, "RandomInt: min is greater than max"),
        (#"{"type": "Dice"}"#, "the generator \"Dice\" is not known"),
        (
            #"{"type": "Date", "expression": "some day"}"#,
            "the date can't be made from \"yyyy-MM-dd\" and \"some day\": \"some\" is not understood"
        ),
    ])
    func whatCannotBeMadeIsAnError(_ generator: String, _ message: String) throws {
        #expect { try body("1", generator) } throws: { ($0 as? GeneratorError)?.message == message }
    }
}
