import BuildEngine
import Testing

@Suite struct JSONValueTests {
    @Test func membersKeepTheirOrder() {
        let value = JSONValue.object([
            ("schema", .number(1)), ("b", .array([.bool(true), .null])), ("a", .double(0.5)),
        ])
        #expect(value.text(pretty: false) == #"{"schema":1,"b":[true,null],"a":0.5}"#)
    }

    @Test func prettyTextIsIndentedByTwo() {
        let value = JSONValue.object([("a", .array([.number(1), .object([])])), ("b", .array([]))])
        #expect(
            value.text(pretty: true) == """
                {
                  "a": [
                    1,
                    {}
                  ],
                  "b": []
                }
                """)
    }

    @Test func everyControlCharacterIsEscaped() {
        #expect(
            JSONValue.string("\"\\/\n\r\t\u{8}\u{1F}\u{7F}é€😀").text(pretty: false)
                == #""\"\\/\n\r\t\u0008\u001f\u007fé€😀""#)
    }

    @Test func whatIsNotFiniteIsNull() {
        #expect(JSONValue.array([.double(.nan), .double(.infinity)]).text(pretty: false) == "[null,null]")
    }

    @Test func namesInTwoNormalFormsAreTwoNames() throws {
        let value = try JSONValue.parse(Array(#"{"caf\u00e9": 1, "cafe\u0301": 2}"#.utf8))
        #expect(value.member("caf\u{E9}") == .number(1))
        #expect(value.member("cafe\u{301}") == .number(2))
        #expect(JSONValue.string("caf\u{E9}") != JSONValue.string("cafe\u{301}"))
    }
}
