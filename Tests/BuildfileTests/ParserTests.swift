import BuildTestSupport
import Buildfile
import Testing

@Suite struct ParserTests {
    /// A word means the same however it is written, so quick ways to read plain ones must agree with the slow way.
    @Test func quotesChangeNoWord() {
        var random = SeededGenerator(seed: 9)
        let pieces = ["a", "$x", "#b", ":", "|", "->", "é", "/*", "x=1", "]", "[z]", "!"]
        for _ in 0..<300 {
            let words = (0..<Int.random(in: 1..<5, using: &random)).map { _ in
                "w"
                    + (0..<Int.random(in: 0..<4, using: &random)).map { _ in pieces.randomElement(using: &random) ?? ""
                    }
                    .joined()
            }
            let quoted = words.map { "\"\($0)\"" }
            for (before, after) in [("    owners ", ""), ("    [platform ", "]\n    a: b"), ("    v = ", "")] {
                // In brackets an unpaired one ends the word.
                if before.contains("["), words.contains(where: { $0.contains("]") || $0.contains("[") }) { continue }
                // A value in one pair of quotes is what stands in them.
                let isValue = before.contains("=")
                let plain = parse("service s\n\(before)\(words.joined(separator: " "))\(after)\n")
                let slow = parse(
                    "service s\n\(before)"
                        + (isValue ? "\"\(words.joined(separator: " "))\"" : quoted.joined(separator: " "))
                        + "\(after)\n")
                #expect(outline(plain) == outline(slow))
            }
        }
    }

    @Test func aBadByteIsFoundWhereverItStands() {
        for place in 0..<40 {
            for (bad, isMistake) in [(UInt8(0xFF), true), (0, true), (0x7F, false)] {
                var bytes = [UInt8](repeating: UInt8(ascii: "#"), count: 40)
                bytes[place] = bad
                let found = parseBuildfile(SourceText(name: "Buildfile", bytes: bytes)).diagnostics
                    .filter { $0.code == .badEncoding }
                #expect(found.compactMap { $0.span?.offset } == (isMistake ? [place] : []))
            }
        }
    }

    @Test func wholeExampleParses() {
        let parsed = parse(wholeExample)
        #expect(rendered(parsed) == "")
        #expect(
            outline(parsed) == #"""
                registry ?= <localhost:5000/lms>
                tool <python3> <3.11>
                    $ python3 --version⏎
                template <python-service> :
                    needs <python3>
                    rule <lint>: <src/**/*.py> | ->
                        $ python3 -m pyflakes src⏎
                    rule <build>: <src/**> | -> <dist/$name.pyz>
                        $ python3 -m zipapp src -m "$name.main:main" -o "dist/$name.pyz"⏎
                    rule <unit>: <:build> <tests/unit/**> | ->
                        $ python3 -m unittest discover -s tests/unit⏎
                    [gate <mutation> <>=> <80> <reports/mutation.json>]
                    [timeout <20m>]
                    rule <mutation>: <src/**> <tests/unit/**> | -> <reports/mutation.json>
                        $ ../../scripts/mutate src tests/unit reports/mutation.json⏎
                    rule <verify>: <:build> <tests/contract/**> | ->
                        $ python3 tests/contract/verify.py "$contract"⏎
                    rule <image>: <Dockerfile> <:build> <python-base:image> | <:unit> <:lint> ->
                library <python-base> :
                    dir <images/python-base>
                    rule <image>: <Dockerfile> <rootfs.list> | ->
                library <http> :
                    dir <lib/http>
                    inputs <*.py>
                services <services/*> : <python-service>
                include <services/*/Buildfile>
                environment <staging>
                    stack <deploy/compose.yml>
                    env-file <deploy/staging.env>
                    engine <swarm>
                    check <http://127.0.0.1:8080/health> <within> <60s>
                environment <prod>
                    stack <deploy/compose.yml> <deploy/prod.yml>
                    env-file <deploy/prod.env>
                    engine <swarm>
                    after <staging>
                    strategy <canary> <10%> <for> <5m>
                """#)
    }

    @Test func componentExampleParses() {
        let parsed = parse(componentExample)
        #expect(rendered(parsed) == "")
        #expect(
            outline(parsed) == """
                service <lending> : <python-service>
                    uses <http>
                    consumes <catalog> <by> <contracts/catalog.json>
                    consumes <readers> <by> <contracts/readers.json>
                    port = <8083>
                """)
    }

    @Test func remainingFormsParse() {
        let parsed = parse(wideExample)
        #expect(rendered(parsed) == "")
        #expect(
            outline(parsed) == """
                default <:unit> <catalog:image>
                variable <PORT> <port> <required>
                notify <slack> <ops team>
                cache <remote> <grpc://127.0.0.1:9092>
                service <a> : <t1> <t2>
                    [platform <linux/amd64> <linux/arm64>]
                    [dockerfile <D>]
                    [context </>]
                    [target <run>]
                    [arg <A=$b>]
                    [retries <2>]
                    [pool <heavy>]
                    [network]
                    [uncached]
                    [keep <.build/>]
                    [keep <~/.m2/>]
                    [report <junit> <r/[a-z]*.xml>]
                    rule <image>: <Dockerfile> <:build> | <:unit> ->
                environment <e>
                    policy <signed>
                """)
    }

    @Test func carriageReturnsAndByteOrderMarkChangeNothing() {
        let crlf = wholeExample.replacing("\n", with: "\r\n")
        let plain = outline(parse(wholeExample))
        #expect(outline(parse(crlf)) == plain)
        #expect(outline(parse("\u{FEFF}" + wholeExample)) == plain)
        #expect(rendered(parse("\u{FEFF}" + crlf)) == "")
        #expect(outline(parse(wideExample.replacing("\n", with: "\r\n"))) == outline(parse(wideExample)))
    }

    @Test func recipeKeepsItsLinesAndLosesItsIndentation() {
        let parsed = parse(
            "service a\n  build: x\n\n      if a # no Buildfile comment\n\n   # not ours\n        then \\\n # nor ours\n"
                .replacing("   # not ours\n", with: "  # not ours\n") + "      fi\n\n\n  unit: y\n")
        #expect(rendered(parsed) == "")
        #expect(
            outline(parsed) == """
                service <a> :
                    rule <build>: <x> | ->
                        $ if a # no Buildfile comment⏎⏎  then \\⏎fi⏎
                    rule <unit>: <y> | ->
                """)
    }

    @Test(arguments: [
        ("x = a b # c", "x = <a b>"), ("x =", "x = <>"), ("x ?=  # c", "x ?= <>"), ("x=a#b", "x = <a#b>"),
        (#"x = "a # \"b\" \\" # c"#, #"x = <a # "b" \>"#), (#"x = "a" "b""#, #"x = <"a" "b">"#),
        ("x = a \\\n    b", "x = <a b>"), ("x?=$y", "x ?= <$y>"), ("x = \"\"", "x = <>"), ("_x1 == y", "_x1 = <= y>"),
    ])
    func variableValues(text: String, expected: String) {
        let parsed = parse(text)
        #expect(rendered(parsed) == "")
        #expect(outline(parsed) == expected)
    }

    @Test(arguments: [
        (#"a"b c"d"#, ["ab cd"]), (#""|" x|y"#, ["|", "x|y"]), (#""a \"b\\" c"#, [#"a "b\"#, "c"]),
        ("a # b", ["a"]), ("a#b", ["a#b"]), (#""a # b""#, ["a # b"]), ("a \\\n b", ["a", "b"]),
        ("$x ${y}", ["$x", "${y}"]),
    ])
    func wordsOfADirective(text: String, expected: [String]) {
        let parsed = parse("include \(text)\n")
        #expect(rendered(parsed) == "")
        guard case .directive(let directive) = parsed.declarations.first else {
            Issue.record("no directive")
            return
        }
        #expect(directive.arguments.map(\.text) == expected)
    }

    @Test(arguments: ["service a : t", "service a: t", "service a :t", "service a:t", "service a \\\n : t"])
    func colonOfAComponentTakesAnySpace(text: String) {
        let parsed = parse(text)
        #expect(rendered(parsed) == "")
        #expect(outline(parsed) == "service <a> : <t>")
    }

    @Test func spansPointAtTheWords() {
        let marked = MarkedText("⟦service⟧ ⟦lending⟧: ⟦python⟧\n    ⟦uses⟧ ⟦\"http\"⟧  # é\n    ⟦p⟧ = ⟦80 83⟧ # c\n")
        #expect(spans(parseBuildfile(marked.source())).map { $0.offset..<$0.offset + $0.length } == marked.ranges)
    }

    @Test func everyPrefixReturnsWithSpansInside() {
        for example in [wholeExample, componentExample, wideExample] {
            let bytes = Array(example.utf8)
            for end in 0...bytes.count { check(Array(bytes[..<end])) }
        }
    }

    @Test func mutatedTextsReturnWithSpansInside() {
        var generator = SplitMix(state: 20_240_607)
        let interesting = Array("\n\n\r\t  \"\\#:=|->[]$?\0\u{7F}aé".utf8) + [0xFF, 0xC0, 0xE2]
        let examples = [wholeExample, componentExample, wideExample].map { Array($0.utf8) }
        for round in 0..<2000 {
            var bytes = examples[round % examples.count]
            for _ in 0...Int(generator.next() % 12) where !bytes.isEmpty {
                let index = Int(generator.next() % UInt64(bytes.count))
                let byte = interesting[Int(generator.next() % UInt64(interesting.count))]
                switch generator.next() % 4 {
                case 0: bytes.remove(at: index)
                case 1: bytes.insert(byte, at: index)
                case 2: bytes[index] = byte
                default: bytes.swapAt(index, Int(generator.next() % UInt64(bytes.count)))
                }
            }
            check(bytes)
        }
    }

    /// Parses and renders; the spans must lie inside, and a diagnostic must have a whole line to show.
    private func check(_ bytes: [UInt8]) {
        let parsed = parseBuildfile(SourceText(name: "Buildfile", bytes: bytes))
        let outside = spans(parsed).filter { $0.offset < 0 || $0.length < 0 || $0.offset + $0.length > bytes.count }
        #expect(outside.isEmpty)
        let text = rendered(parsed)
        #expect(text.unicodeScalars.allSatisfy { $0 == "\n" || $0.properties.generalCategory != .control })
    }
}

/// Random numbers that are the same in every run.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
