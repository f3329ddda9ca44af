import BuildGraph
import Contracts
import Testing

/// What counts in a digest and what does not.
@Suite struct DigestTests {
    private func pact(_ interaction: String, version: String = "3.0.0", more: String = "") -> String {
        """
        {"consumer": {"name": "c"}, "provider": {"name": "p"}, "interactions": [\(interaction)]\(more),
         "metadata": {"pactSpecification": {"version": "\(version)"}}}
        """
    }

    private func digests(_ pact: String) throws -> [Digest] {
        try ContractDocument.read(Array(pact.utf8), name: "a.json").interactions.map(\.digest)
    }

    private static let request = #""request": {"method": "GET", "path": "/a"}"#

    @Test(arguments: [
        // Spelling.
        (#"{"description":"d","request":{"path":"/a","method":"GET"},"response":{"status":200}}"#),
        (#"{"response": {"status": 200}, "request": {"method": "GET", "path": "/a"}, "description": "d"}"#),
        (#"{"description": "\u0064", "request": {"method": "GET", "path": "\/a"}, "response": {"status": 200}}"#),
        // Defaults.
        (#"{"description": "d", "request": {"path": "/a"}, "response": {}}"#),
        (#"{"description": "d", "request": {"method": "get", "path": "/a"}, "response": {"status": 200}}"#),
        (#"{"description": "d", "request": {"path": "/a", "matchingRules": {}, "headers": {}}, "response": {}}"#),
        (#"{"description": "d", "request": {"path": "/a", "matchingRules": {"body": {}}}, "response": {}}"#),
        (#"{"description": "d", "request": {"path": "/a", "query": "", "generators": {}}, "response": {}}"#),
        (#"{"description": "d", "request": {"path": "/a", "query": {}}, "response": {"headers": null}}"#),
        (#"{"description": "d", "providerStates": [], "request": {"path": "/a"}, "response": {}}"#),
        (#"{"description": "d", "providerState": "", "request": {"path": "/a"}, "response": {}}"#),
        // What is only for people and tools.
        (#"{"description": "d", "key": "k", "pending": true, "request": {"path": "/a"}, "response": {}}"#),
        (#"{"description": "d", "comments": {"text": ["x"]}, "request": {"path": "/a"}, "response": {}}"#),
        (#"{"description": "d", "_id": "7", "request": {"path": "/a"}, "response": {}}"#),
    ])
    func theseAreTheSame(_ interaction: String) throws {
        let plain = #"{"description": "d", \#(Self.request), "response": {"status": 200}}"#
        #expect(try digests(pact(interaction)) == digests(pact(plain)))
    }

    @Test(arguments: [
        (#"{"description": "e", "request": {"path": "/a"}, "response": {}}"#),
        (#"{"description": "d", "request": {"path": "/b"}, "response": {}}"#),
        (#"{"description": "d", "request": {"path": "/a", "method": "POST"}, "response": {}}"#),
        (#"{"description": "d", "request": {"path": "/a"}, "response": {"status": 201}}"#),
        (#"{"description": "d", "request": {"path": "/a", "query": "a="}, "response": {}}"#),
        (#"{"description": "d", "request": {"path": "/a", "headers": {"a": "b"}}, "response": {}}"#),
        (#"{"description": "d", "providerState": "s", "request": {"path": "/a"}, "response": {}}"#),
        (#"{"description": "d", "request": {"path": "/a"}, "response": {"body": null}}"#),
        (#"{"description": "d", "request": {"path": "/a"}, "response": {"body": ""}}"#),
        (#"{"description": "d", "request": {"path": "/a"}, "response": {"body": {"a": 1}}}"#),
        (#"{"description": "d", "request": {"path": "/a"}, "response": {"body": {"a": 1.0}}}"#),
        (#"{"description": "d", "request": {"path": "/a"}, "response": {"body": {"a": "1"}}}"#),
        (#"{"description": "d", "pluginConfiguration": {"x": {}}, "request": {"path": "/a"}, "response": {}}"#),
        (#"{"description": "d", "request": {"path": "/a"}, "response": {"matchingRules": {"body": {"$.a": {"matchers": [{"match": "type"}]}}}}}"#),
        (#"{"description": "d", "request": {"path": "/a"}, "response": {"matchingRules": {"body": {"$.a": {"matchers": [{"match": "type", "min": 1}]}}}}}"#),
        (#"{"description": "d", "request": {"path": "/a"}, "response": {"matchingRules": {"body": {"$.b": {"matchers": [{"match": "type"}]}}}}}"#),
        (#"{"description": "d", "request": {"path": "/a"}, "response": {"generators": {"body": {"$.a": {"type": "Uuid"}}}}}"#),
    ])
    func theseAreOthers(_ interaction: String) throws {
        let plain = #"{"description": "d", \#(Self.request), "response": {"status": 200}}"#
        #expect(try digests(pact(interaction)) != digests(pact(plain)))
    }

    @Test(arguments: [
        // Rules in version 2's form and by category.
        (
            #"{"$.body.a": {"match": "type"}, "$.headers.X": {"match": "regex", "regex": "a"}}"#,
            #"{"header": {"x": {"matchers": [{"regex": "a"}]}}, "body": {"$['a']": {"combine": "AND", "matchers": [{"match": "type"}]}}}"#
        ),
        // How rules combine does not count where there is one.
        (
            #"{"body": {"$.a": {"matchers": [{"match": "type"}]}}}"#,
            #"{"body": {"$.a": {"combine": "OR", "matchers": [{"match": "type"}]}}}"#
        ),
        (
            #"{"body": {"$.a": {"matchers": [{"match": "date"}]}}}"#,
            #"{"body": {"$.a": {"matchers": [{"match": "date", "format": "yyyy-MM-dd"}]}}}"#
        ),
    ])
    func rulesThatMeanTheSame(_ left: String, _ right: String) throws {
        func whole(_ rules: String) -> String {
            pact(#"{"description": "d", "request": {}, "response": {"matchingRules": \#(rules)}}"#)
        }
        #expect(try digests(whole(left)) == digests(whole(right)))
    }

    @Test func bodiesThatMeanTheSame() throws {
        func whole(_ body: String) -> String {
            let headers = #""headers": {"Content-Type": "application/json"}"#
            return pact(#"{"description": "d", "request": {}, "response": {\#(headers), "body": \#(body)}}"#)
        }
        #expect(try digests(whole(#"{"a": 1.0, "b": [2]}"#)) == digests(whole(#"{"b":[2],"a":1.00}"#)))
        #expect(try digests(whole(#"{"a": 1}"#)) == digests(whole(#""{\"a\": 1}""#)))
        #expect(try digests(whole("[1, 2]")) != digests(whole("[2, 1]")))
        #expect(
            try digests(whole("[12345678901234567890123]")) != digests(whole("[12345678901234567890124]")))
    }

    @Test func placeNamesAndMetadataDoNotCount() throws {
        let one = #"{"description": "1", "request": {}, "response": {}}"#
        let two = #"{"description": "2", "request": {}, "response": {}}"#
        let left = try ContractDocument.read(Array(pact("\(one), \(two)").utf8), name: "a.json")
        let other = pact("\(two), \(one), \(two)", version: "3.0").replacing("\"c\"", with: "\"x\"")
            .replacing("\"metadata\": {", with: "\"metadata\": {\"tool\": 1, ")
        let right = try ContractDocument.read(Array(other.utf8), name: "b.json")
        #expect(left.digest == right.digest)
        #expect(right.interactions.map(\.description).sorted() == ["1", "2"])
        let third = try ContractDocument.read(Array(pact("\(one), \(two)", version: "4.0").utf8), name: "a.json")
        #expect(left.digest != third.digest)
    }

    @Test func messagesAndInteractionsAreBothRead() throws {
        let message = #", "messages": [{"description": "m", "contents": {"a": 1}}]"#
        let document = try ContractDocument.read(
            Array(pact(#"{"description": "d", "request": {}, "response": {}}"#, more: message).utf8), name: "a.json")
        #expect(Set(document.interactions.map(\.kind)) == [.http, .asynchronousMessage])
        let kept = try #require(document.interactions.first { $0.kind == .asynchronousMessage })
        let narrowed = try ContractDocument.read(document.narrowed(to: [kept.digest]), name: "a.json")
        #expect(narrowed.interactions.map(\.digest) == [kept.digest])
        #expect(try ContractDocument.read(document.narrowed(to: []), name: "a.json").interactions.isEmpty)
    }
}
