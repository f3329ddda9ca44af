import BuildEngine
import Testing

@Suite struct JSONTreeTests {
    private func parse(_ text: String) throws(JSONError) -> JSONTree { try JSONTree.parse(Array(text.utf8)) }

    @Test(arguments: ["1", "1.0", "1.00", "-0", "1e2", "1E+2", "123456789012345678901234567890", "1e999"])
    func numbersKeepTheirSpelling(_ number: String) throws {
        #expect(try parse("[\(number)]").text(pretty: false) == "[\(number)]")
    }

    @Test func everyValueKnowsItsPlace() throws {
        let text = #" {"a": [1, "x"], "b": {}} "#
        let tree = try parse(text)
        func spelled(_ tree: JSONTree?) -> String? {
            tree.map { String(decoding: Array(text.utf8)[$0.range], as: UTF8.self) }
        }
        #expect(spelled(tree) == #"{"a": [1, "x"], "b": {}}"#)
        #expect(spelled(tree.member("a")?.elements?.last) == #""x""#)
        #expect(tree.members?.map(\.offset) == [2, 17])
    }

    @Test func whatIsNoJSONIsRefusedAsElsewhere() {
        #expect(throws: JSONError(.duplicateName, at: 7)) { try parse(#"{"a":1,"a":2}"#) }
        #expect(throws: JSONError(.badNumber, at: 2)) { try parse("1.e1") }
        #expect(throws: JSONError(.tooDeep, at: 200)) { try parse(String(repeating: "[", count: 300)) }
        #expect(throws: JSONError(.notUTF8, at: 0)) { try JSONTree.parse([0x22, 0xFF, 0x22]) }
    }

    @Test func oneMoreRoundTripChangesNothing() throws {
        let text = #"{"z":[1.50,{"ä":null}],"a":"\n"}"#
        #expect(try parse(text).text(pretty: false) == text)
        #expect(try parse(parse(text).text(pretty: true)).text(pretty: false) == text)
    }
}
