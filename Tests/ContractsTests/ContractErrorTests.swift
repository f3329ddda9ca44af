import Contracts
import Testing

/// What is wrong with a file, where, and what should stand there.
@Suite struct ContractErrorTests {
    private func error(_ text: String, _ name: String) -> String? {
        let bytes = Array(text.utf8)
        do throws(ContractReadError) {
            _ = try ContractDocument.read(bytes, name: name)
            return nil
        } catch {
            return error.text(name: name, bytes: bytes)
        }
    }

    private static let head = #"{"consumer": {"name": "c"}, "provider": {"name": "p"}, "#

    @Test(arguments: [
        ("", "a.json:1:1: this is not JSON: ends too early (expected the rest of a JSON value)"),
        (
            "{\n \"a\": tru\n}",
            "a.json:2:10: this is not JSON: unexpected character (expected a JSON value, or what closes the one before)"
        ),
        ("{\"a\": 1, \"a\": 2}", "a.json:1:10: this is not JSON: member given twice (expected each member once)"),
        (
            "\(head)\"metadata\": {}}",
            "a.json:1:1: the pact has no interactions (expected \"interactions\": […] or \"messages\": […])"
        ),
        ("\(head)\"interactions\": {}}", "a.json:1:72: interactions is no array (expected […])"),
        ("\(head)\"interactions\": [\n1]}", "a.json:2:1: interaction 1 is no object (expected {…})"),
        (
            "\(head)\"interactions\": [\n {}]}",
            "a.json:2:2: interaction 1 has no description (expected \"description\": \"…\")"
        ),
        (
            "\(head)\"interactions\": [\n {\"description\": \"d\", \"response\": {}}]}",
            "a.json:2:2: interaction 1 has no request (expected \"request\": {…})"
        ),
        (
            "\(head)\"interactions\": [\n {\"description\": \"d\", \"request\": {}, \"response\": 7}]}",
            "a.json:2:50: interaction 1's response is no object (expected {…})"
        ),
        (
            "\(head)\"interactions\": [\n {\"description\": \"d\", \"type\": \"X\"}]}",
            "a.json:2:31: interaction 1 is of a type that is not known (expected Synchronous/HTTP, Asynchronous/Messages or Synchronous/Messages)"
        ),
        (
            "\(head)\"interactions\": [{\"description\": \"d\", \"request\": {},\n\"response\": {\"status\": 999}}]}",
            "a.json:2:24: the status is no HTTP status (expected a whole number from 100 to 599)"
        ),
        (
            "\(head)\"interactions\": [{\"description\": \"d\", \"response\": {}, \"request\": {\n\"matchingRules\": {\"body\": {\"$[\": {}}}}}]}",
            "a.json:2:28: \"$[\" is no path (expected a path such as $.items[*]['a name'])"
        ),
        (
            "\(head)\"interactions\": [{\"description\": \"d\", \"response\": {}, \"request\": {\n\"matchingRules\": []}}]}",
            "a.json:2:18: matchingRules is no object (expected {…})"
        ),
        (
            "{\"openapi\": \"2.0\", \"paths\": {}}",
            "a.json:1:13: this version of OpenAPI is not supported (expected \"openapi\": \"3.…\")"
        ),
        (
            "{\"openapi\": \"3.0.0\"}",
            "a.json:1:1: the document describes nothing (expected paths, webhooks or components)"
        ),
    ])
    func brokenJSON(_ text: String, _ message: String) {
        #expect(error(text, "a.json") == message)
    }

    @Test(arguments: [
        ("a: 1\n\tb: 2\n", "a.yaml:2:1: a tab can't indent YAML (expected spaces)"),
        ("a: *x\n", "a.yaml:1:4: there is no anchor &x above (expected the name of one)"),
        ("a: !!str 1\n", "a.yaml:1:4: tags (!name) are not supported"),
        ("<<: 1\n", "a.yaml:1:1: << takes mappings alone (expected *name or [*name, *other])"),
        ("a: 1\na: 2\n", "a.yaml:2:1: \"a\" stands there twice (expected each key once)"),
        ("a:\n   b: 1\n  c: 2\n", "a.yaml:3:3: this is indented like nothing above (expected 0 spaces)"),
        ("a: [1, 2\n", "a.yaml:1:4: this is not closed"),
        ("a: \"x\n", "a.yaml:1:4: this text is not closed (expected \")"),
        ("a: b: c\n", "a.yaml:1:4: a key can't stand here (expected the text in quotes)"),
        ("a: 1\n---\nb: 2\n", "a.yaml:2:1: there is more than one document in this text"),
        ("? a\n: b\n", "a.yaml:1:1: keys after ? are not supported (expected key: value)"),
    ])
    func brokenYAML(_ text: String, _ message: String) {
        #expect(error(text, "a.yaml") == message)
    }

    @Test(arguments: [
        ("message A {\n", "a.proto:1:11: this { is not closed (expected })"),
        ("message A { int32 a = 1 }\n", "a.proto:1:25: a declaration is not closed (expected ;)"),
        ("syntax = \"proto3;\n", "a.proto:1:10: this text is not closed (expected \")"),
        ("/* x", "a.proto:1:1: this comment is not closed (expected */)"),
        ("}\n", "a.proto:1:1: there is a } without {"),
    ])
    func brokenProto(_ text: String, _ message: String) {
        #expect(error(text, "a.proto") == message)
    }

    @Test func otherBytesAreOpaque() throws {
        for text in ["hello", "", "\u{0}\u{1}", "<a/>"] {
            #expect(try ContractDocument.read(Array(text.utf8), name: "a.bin").kind == .opaque)
        }
        #expect(try ContractDocument.read([0xFF, 0xFE], name: "a").kind == .opaque)
    }
}
