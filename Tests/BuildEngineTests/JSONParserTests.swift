import BuildEngine
import Testing

@Suite struct JSONParserTests {
    private func parse(_ text: String) throws(JSONError) -> JSONValue { try JSONValue.parse(Array(text.utf8)) }

    @Test(arguments: [
        ("null", JSONValue.null), (" \t\r\n true ", .bool(true)), ("0", .number(0)), ("-1", .number(-1)),
        ("9223372036854775807", .number(.max)), ("9223372036854775808", .double(9_223_372_036_854_775_808)),
        ("1.0", .double(1)), ("1e2", .double(100)), ("1E+2", .double(100)), ("-0", .double(-0.0)),
        ("1.5e-3", .double(0.0015)),
        (#""\ud83d\ude00""#, .string("😀")), (#""\u0000\/\b\f""#, .string("\u{0}/\u{8}\u{C}")), (#""é""#, .string("é")),
        ("[]", .array([])), ("[ ]", .array([])), ("{ }", .object([])), (#"{"":0}"#, .object([("", .number(0))])),
        ("[1,[2]]", .array([.number(1), .array([.number(2)])])),
    ])
    func readsWhatTheSpecificationAllows(text: String, value: JSONValue) throws {
        #expect(try parse(text) == value)
    }

    @Test(arguments: [
        ("", JSONError.Kind.unexpectedEnd, 0), (" ", .unexpectedEnd, 1), ("tru", .unexpectedEnd, 3),
        ("trve", .unexpectedByte, 2), ("[1,]", .unexpectedByte, 3), (#"{"a":1,}"#, .unexpectedByte, 7),
        ("{a:1}", .unexpectedByte, 1), ("[1 2]", .unexpectedByte, 3), ("1 2", .unexpectedByte, 2),
        ("01", .unexpectedByte, 1),
        ("+1", .unexpectedByte, 0), (".5", .unexpectedByte, 0), ("1.", .unexpectedEnd, 2), ("1.e1", .badNumber, 2),
        ("1e", .unexpectedEnd, 2), ("-", .unexpectedEnd, 1), ("-a", .badNumber, 1), ("1e999", .badNumber, 0),
        ("0x10", .unexpectedByte, 1), ("NaN", .unexpectedByte, 0), ("\"a\nb\"", .controlCharacter, 2),
        (#""\x41""#, .badEscape, 1), (#""\ud800""#, .badEscape, 1), (#""\ude00""#, .badEscape, 1),
        (#""\ud800\u0041""#, .badEscape, 1), (#""\u12g4""#, .badEscape, 5), ("'a'", .unexpectedByte, 0),
        ("// c\n1", .unexpectedByte, 0), (#"{"a":1,"a":2}"#, .duplicateName, 7), ("\u{FEFF}1", .unexpectedByte, 0),
        ("[1]]", .unexpectedByte, 3),
    ])
    func refusesWhatItDoesNot(text: String, kind: JSONError.Kind, offset: Int) {
        #expect(throws: JSONError(kind, at: offset)) { try parse(text) }
    }

    /// Members are looked at one by one where there are few, and by a table where there are many.
    @Test(arguments: [2, 23, 24, 25, 26, 100]) func noMemberIsGivenTwiceHoweverManyThereAre(count: Int) throws {
        let members = (0..<count).map { "\"é\($0)\":\($0)" }
        let whole = try JSONValue.parse(Array("{\(members.joined(separator: ","))}".utf8))
        #expect(whole.member("é\(count - 1)")?.numeric == Double(count - 1))
        // Another normal form of the same name is another name.
        _ = try JSONValue.parse(Array("{\(members.joined(separator: ",")),\"e\u{301}0\":1}".utf8))
        for again in Set([0, count / 2, count - 1]) {
            let text = "{\(members.joined(separator: ",")),"
            #expect(throws: JSONError(.duplicateName, at: text.utf8.count)) {
                try JSONValue.parse(Array("\(text)\"\\u00e9\(again)\":1}".utf8))
            }
        }
    }

    @Test func refusesBytesThatAreNotUTF8() {
        #expect(throws: JSONError(.notUTF8, at: 0)) { try JSONValue.parse([0x22, 0xFF, 0x22]) }
    }

    @Test func everyPrefixOfADocumentIsRefused() throws {
        let document = Array(#"{"a": [1, -2.5e3, true, false, null, "x\u00e9\\"], "b": {"c": {}}}"#.utf8)
        _ = try JSONValue.parse(document)
        for length in 0..<document.count {
            #expect(throws: JSONError.self) { try JSONValue.parse(Array(document.prefix(length))) }
        }
    }

    @Test func depthAndSizeAreBounded() throws {
        let nested = { (depth: Int) in
            [UInt8](repeating: UInt8(ascii: "["), count: depth) + [UInt8](repeating: UInt8(ascii: "]"), count: depth)
        }
        _ = try JSONValue.parse(nested(64))
        #expect(throws: JSONError(.tooDeep, at: 64)) { try JSONValue.parse(nested(65)) }
        #expect(throws: JSONError(.tooDeep, at: 64)) {
            try JSONValue.parse([UInt8](repeating: UInt8(ascii: "["), count: 1_000_000))
        }
        #expect(throws: JSONError(.tooLarge, at: 9)) { try JSONValue.parse(nested(5), limit: 9) }
    }

    @Test(arguments: [true, false])
    func whatIsWrittenReadsBackTheSame(pretty: Bool) throws {
        let value = JSONValue.object([
            (
                "numbers",
                .array([
                    .number(.min), .double(0.1), .double(1e300), .double(.leastNonzeroMagnitude), .double(1),
                    .double(-0.0),
                ])
            ),
            ("text", .string("\u{0}\u{1F}\"\\\u{7F}\u{2028}é\u{301}😀")),
            ("deep", .array([.array([.object([("x", .null), ("y", .bool(false))])])])),
        ])
        #expect(try parse(value.text(pretty: pretty)) == value)
    }
}
