// Env files by the rules that compose-go has, one test for each rule.
import BuildTestSupport
import Buildfile
import Delivery
import Testing

struct DotenvTests {
    private func read(_ text: String, _ outside: [String: String] = [:]) throws -> [String: String] {
        let lookup: (String) -> String? = { outside[$0] }
        return try Dotenv(SourceText(name: "a.env", text: text), lookup: lookup).values(lookup: lookup)
    }

    @Test(arguments: [
        ("\u{FEFF}A=1\n", ["A": "1"]),
        ("\n# said\n  \t# indented\nA=1\n\r\n", ["A": "1"]),
        ("export A=1\nexport\tB=2\nexportC=3\nexport_D=4\n", ["A": "1", "B": "2", "exportC": "3", "export_D": "4"]),
        ("A: 1\nB: x=y\nC=1:B\n", ["A": "1", "B": "x=y", "C": "1:B"]),
        ("A =1\n  B= 2\nC.d-e[0]=3\n", ["A": "1", "B": "2", "C.d-e[0]": "3"]),
        ("A=1\r\nB=2\r\n", ["A": "1", "B": "2"]),
        ("A=", ["A": ""]),
        ("A=1\nA=2\n", ["A": "2"]),
        ("1A=x\nB=2\n", ["B": "2"]),
    ])
    func names(_ text: String, _ expected: [String: String]) throws {
        #expect(try read(text) == expected)
    }

    @Test(arguments: [
        ("A=a b  c  \n", "a b  c"), ("A=a # said\n", "a"), ("A=a#b\n", "a#b"), ("A=a\t# b\n", "a\t# b"),
        ("A=a \"b\" 'c'\n", "a \"b\" 'c'"), ("A=a\\nb\n", "a\\nb"), ("A= # said\n", "# said"),
    ])
    func plainValues(_ text: String, _ expected: String) throws {
        #expect(try read(text) == ["A": expected])
    }

    @Test(arguments: [
        (#"A='a $B ${C} \n # d'"#, #"a $B ${C} \n # d"#), (#"A='it\'s'"#, "it's"), ("A='one\ntwo'\n", "one\ntwo"),
        (#"A='a\\b'"#, #"a\\b"#), ("A='' # said\n", ""),
    ])
    func valuesInSingleQuotes(_ text: String, _ expected: String) throws {
        #expect(try read(text) == ["A": expected])
    }

    @Test(arguments: [
        (#"A="a # b" # said"#, "a # b"), ("A=\"one\ntwo\"\n", "one\ntwo"), (#"A="say \"hi\"""#, #"say "hi""#),
        (#"A="\a\b\f\n\r\t\v\\""#, "\u{7}\u{8}\u{C}\n\r\t\u{B}\\"), (#"A="\c\x41\u0041\ ""#, #"\c\x41\u0041\ "#),
        (#"A="\0123 \0101""#, "S A"), (#"A="\01 \0777""#, #"\1 \777"#), (#"A="\$B $$B""#, "$B $B"),
        (#"A="it's""#, "it's"),
    ])
    func valuesInDoubleQuotes(_ text: String, _ expected: String) throws {
        #expect(try read(text) == ["A": expected])
    }

    @Test func whatFollowsAQuoteIsAStatementOfItsOwn() throws {
        #expect(try read("A=\"1\" B=2\nC='3'D=4\n") == ["A": "1", "B": "2", "C": "3", "D": "4"])
    }

    @Test func aBareNameComesFromOutside() throws {
        #expect(try read("A\nB\nC=${A}\nD", ["A": "1", "D": "4"]) == ["A": "1", "C": "1", "D": "4"])
    }

    @Test func whatIsOutsideWinsOverWhatStandsAbove() throws {
        let text = "A=file\nB=${A}-$C\nC=later\nD=\"$B${E:-e}\"\nF='$A'\n"
        #expect(
            try read(text, ["A": "outside"])
                == ["A": "file", "B": "outside-", "C": "later", "D": "outside-e", "F": "$A"])
        #expect(try read("A=$$x\n") == ["A": "$x"])
    }

    @Test func whatNobodySetsIsTold() throws {
        let file = try Dotenv(SourceText(name: "a.env", text: "A=$X\nB=1\n")) { _ in nil }
        #expect(file.entries.map(\.unset) == [["X"], []])
    }

    @Test(arguments: [
        ("A=1\nB ⟦C⟧=2\n".replacing("B ", with: "B⟦ ⟧").replacing("⟦C⟧", with: "C"), "a key cannot contain a space"),
        ("A=1\nB⟦$⟧C=2\n", "unexpected character '$' in a variable's name"),
        ("A=1\nB=⟦\"open⟧\nC=2\n", "this quoted value is not closed"),
        ("⟦=⟧value\n", "there is no name before this"),
        ("A=x ⟦${B!}⟧ y\n", "invalid template '${B!}'"),
        ("A=⟦\"x ${\"⟧\n", "invalid template '${'"),
        ("A=⟦${B:?needed}⟧\n", "the required variable 'B' is not set: needed"),
    ])
    func mistakes(_ marked: String, _ message: String) {
        let text = MarkedText(marked)
        let diagnostic = #expect(throws: Diagnostic.self) {
            try Dotenv(text.source(named: "a.env")) { _ in nil }
        }
        #expect(diagnostic?.message == message)
        #expect(diagnostic?.code == .badEnvFile)
        #expect(diagnostic?.span.map { $0.offset..<$0.offset + $0.length } == text.ranges.first)
    }
}
