// `$NAME` and `${NAME…}` by the rules that compose-go has.
import Delivery
import Testing

struct InterpolationTests {
    private static let values = ["FOO": "first", "EMPTY": "", "NAME": "FOO", "foo_1": "small"]

    private func expand(_ text: String) throws -> String {
        try Interpolation(text) { Self.values[$0] }.text
    }

    @Test(arguments: [
        ("plain", "plain"), ("$FOO", "first"), ("${FOO}", "first"), ("a${FOO}b$FOO.c", "afirstbfirst.c"),
        ("$foo_1", "small"), ("$FOO-x", "first-x"), ("$$FOO", "$FOO"), ("$${FOO}", "${FOO}"), ("$$$FOO", "$first"),
        // Where it is unset, and where it is empty.
        ("${UNSET:-d}|${EMPTY:-d}|${FOO:-d}", "d|d|first"), ("${UNSET-d}|${EMPTY-d}|${FOO-d}", "d||first"),
        ("${UNSET:+a}|${EMPTY:+a}|${FOO:+a}", "||a"), ("${UNSET+a}|${EMPTY+a}|${FOO+a}", "|a|a"),
        ("${FOO:?no}|${FOO?no}|${EMPTY?no}", "first|first|"),
        // What follows the operator is a template of its own.
        ("${UNSET:-${FOO}}", "first"), ("${UNSET:-a${UNSET:-b${FOO}c}d}e", "abfirstcde"),
        ("${UNSET:-$FOO-$$x}", "first-$x"), ("${UNSET:-}", ""), ("${UNSET:-a:b-c?d}", "a:b-c?d"),
        ("${UNSET:-http://a/?b=c}", "http://a/?b=c"),
        // Dollars that begin nothing.
        ("$", "$"), ("a $ b", "a $ b"), ("$}", "$}"), ("$1", "$1"), ("100%$", "100%$"), ("${UNSET}", ""),
        ("$UNSET", ""),
    ])
    func whatComesOfIt(_ text: String, _ expected: String) throws {
        #expect(try expand(text) == expected)
    }

    @Test(arguments: [
        ("${", 0..<2), ("a ${", 2..<4), ("${}", 0..<3), ("${ foo}", 0..<7), ("${foo!}", 0..<7), ("${foo", 0..<5),
        ("${1a}", 0..<5), ("${foo:}", 0..<7), ("${foo:x}", 0..<8), ("${FOO ?}", 0..<8),
    ])
    func invalidTemplates(_ text: String, _ range: Range<Int>) {
        let mistake = #expect(throws: Interpolation.Mistake.self) { try expand(text) }
        #expect(mistake?.message.hasPrefix("invalid template '${") == true)
        #expect(mistake?.range == range)
    }

    @Test func whatIsDemanded() {
        let unset = #expect(throws: Interpolation.Mistake.self) { try expand("x ${UNSET:?set $NAME}") }
        #expect(unset?.message == "the required variable 'UNSET' is not set: set FOO")
        #expect(unset?.range == 2..<21)
        let empty = #expect(throws: Interpolation.Mistake.self) { try expand("${EMPTY:?}") }
        #expect(empty?.message == "the required variable 'EMPTY' is empty")
    }

    @Test func aDefaultThatIsNotNeededIsNotLookedAt() throws {
        #expect(try expand("${FOO:-${UNSET:?never}}") == "first")
        #expect(try expand("${UNSET:+${UNSET:?never}}") == "")
    }

    @Test func whatIsNotSetIsTold() throws {
        let result = try Interpolation("$A ${B} ${C:-$D} ${FOO:-$E}") { Self.values[$0] }
        #expect(result.unset.map(\.name) == ["A", "B", "D"])
        #expect(Interpolation.mentions(in: "$A ${C:-$D} $$E ${F?}").map(\.name) == ["A", "C", "D", "F"])
    }

    @Test func itCannotGrowWithoutEnd() {
        let large = String(repeating: "x", count: 1 << 19)
        #expect(throws: Interpolation.Mistake.self) { try Interpolation("$A$A$A") { _ in large } }
        let deep = String(repeating: "${A:-", count: 100) + String(repeating: "}", count: 100)
        #expect(throws: Interpolation.Mistake.self) { try expand(deep) }
    }
}
