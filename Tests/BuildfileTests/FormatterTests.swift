import BuildTestSupport
import Testing

@testable import Buildfile

@Suite struct FormatterTests {
    private func formatted(_ text: String) throws -> String {
        String(decoding: try canonicalForm(of: SourceText(name: "Buildfile", text: text)), as: UTF8.self)
    }

    @Test func laysAWholeFileOut() throws {
        let written = """


            x=1 # one
            # about y
            y   ?=   "a  b"   \t
            service  a:b  c
            \t
              # first
              uses   c\td
              port =80
              [timeout   5m ][ retries 2]

              # between
              build:src/**  !x | :unit   ->  out
                # in the recipe
                echo  1\t
                  two
              unit :build


            include a  b
            environment  e
            \tcheck  http://x   within 5s
            variable P:port   required


            """
        #expect(
            try formatted(written) == """
                x = 1 # one
                # about y
                y ?= "a  b"

                service a : b c
                    # first
                    uses c d
                    port = 80

                    [timeout 5m] [retries 2]
                    # between
                    build: src/** !x | :unit -> out
                        # in the recipe
                        echo  1\t
                          two

                    unit: build

                include a b

                environment e
                    check http://x within 5s

                variable P: port required

                """)
    }

    @Test(arguments: [wholeExample, componentExample])
    func leavesWhatIsCanonical(text: String) throws {
        #expect(try formatted(text) == text)
    }

    @Test(arguments: [
        ("", ""), ("\n \n", ""), ("\u{FEFF}x = 1", "x = 1\n"), ("# a\r\n\r\n\r\n# b  \r\n", "# a\n\n# b\n"),
        ("x =", "x =\n"), ("x=\"\"", "x = \"\"\n"), ("x ?= a  b ", "x ?= a  b\n"),
    ]) func smallTexts(written: String, canonical: String) throws {
        #expect(try formatted(written) == canonical)
    }

    // MARK: Line breaks

    @Test(arguments: [
        ("include a \\\n b\\\n  c", "include a \\\n    b \\\n    c\n"),
        ("include a \\\n\\\n  c", "include a \\\n    c\n"),
        ("include a \\\n\nx = 1", "include a\nx = 1\n"),
        ("include a \\\n # why\nx = 1", "include a # why\nx = 1\n"),
        ("x = a  b \\\n  \"c\" # d", "x = a  b \\\n    \"c\" # d\n"),
        ("x = \\\n a", "x = \\\n    a\n"),
        ("service a \\\n : b", "service a \\\n    : b\n"),
        ("\\\nservice a", "\\\n    service a\n"),
        ("\\\n\nx = 1", "x = 1\n"),
        ("\\\n# why\nx = 1", "# why\nx = 1\n"),
        // The word ends with a backslash of its own.
        ("include a\\\\\n\nx = 1", "include a\\ \\\n\nx = 1\n"),
        ("include a\\\\\n# c", "include a\\ # c\n"),
    ]) func continuedLinesBreakWhereTheyDid(written: String, canonical: String) throws {
        #expect(try formatted(written) == canonical)
    }

    @Test func aQuotedValueMayBeContinuedByNothing() throws {
        let parsed = parseBuildfile(SourceText(name: "Buildfile", text: "x = \"a b\" \\\n\n"))
        guard case .variable(let variable) = parsed.declarations.first else {
            Issue.record("no variable")
            return
        }
        #expect(variable.value.text == "a b")
    }

    // MARK: Comments

    @Test func trailingCommentsKeepTheirColumn() throws {
        let written = """
            a=1       # one
            bcd =  2  # two
            efghijk=3 # three
            service x
              uses y  # four
              needs z\t\t# five
            """
        #expect(
            try formatted(written) == """
                a = 1     # one
                bcd = 2   # two
                efghijk = 3 # three

                service x
                    uses y # four
                    needs z             # five

                """)
    }

    @Test func commentsStandWhereTheyBelong() throws {
        let written = """
            service a
              build: x
                echo
            # in the midst
                echo 2
            # unindented
              unit: y
              # nothing below

              # last of a

            # first of b
              # second of b
            service b
              # alone
            # end
            """
        #expect(
            try formatted(written) == """
                service a
                    build: x
                        echo
                    # in the midst
                        echo 2

                    # unindented
                    unit: y
                    # nothing below

                    # last of a

                # first of b
                # second of b
                service b
                    # alone
                # end

                """)
    }

    /// A `#` that touches the word before it begins no comment; a blank would make it one.
    @Test(arguments: [
        ("x=#a", "x =#a\n"), ("x = \"#a\"", "x = \"#a\"\n"), ("variable A:#b", "variable A:#b\n"),
        ("service s\n  t:#a b", "service s\n    t:#a b\n"), ("include a#b #c", "include a#b #c\n"),
    ]) func aSharpThatIsNoComment(written: String, canonical: String) throws {
        #expect(try formatted(written) == canonical)
    }

    // MARK: Recipes

    @Test func recipesAreVerbatim() throws {
        let written =
            "service a\n\tb: c\n\n\t  # x\r\n\t    cat <<E\t \r\n\t  \ttab\n \t \n\n\t  E \\\n\t  a\rb\r\r\n\n\n\tc: d\n"
        let canonical =
            "service a\n    b: c\n        # x\n          cat <<E\t \n        \ttab\n\n\n        E \\\n        a\rb\r\r\n\n"
            + "    c: d\n"
        #expect(try formatted(written) == canonical)
        #expect(try formatted(canonical) == canonical)
    }

    @Test func toolsHaveRecipes() throws {
        #expect(try formatted("tool  a  1\n  a -v\n  # c\nx=1") == "tool a 1\n    a -v\n    # c\n\nx = 1\n")
    }

    // MARK: Brackets

    @Test(arguments: [
        ("[ timeout  5m ]", "[timeout 5m]"), ("[timeout 5m][uncached] # c", "[timeout 5m] [uncached] # c"),
        ("[platform a/b \\\n c/d \\\n ] \\\n [network]", "[platform a/b \\\n        c/d] \\\n        [network]"),
        ("[report junit r/[a-z]*.xml ]", "[report junit r/[a-z]*.xml]"),
        // A bracket that touches the word would be a part of it.
        ("[arg A=[ ]", "[arg A=[ ]"), ("[arg \"A=[\" ]", "[arg \"A=[\"]"), ("[arg A=]", "[arg A=]"),
    ]) func attributes(written: String, canonical: String) throws {
        let text = "service s\n  \(written)\n  image: Dockerfile"
        #expect(try formatted(text) == "service s\n    \(canonical)\n    image: Dockerfile\n")
    }

    // MARK: What is not formatted

    @Test func aTextWithMistakesIsRefusedWithAllOfThem() {
        let text = "servce a\n  x\nlibrary B\n"
        let source = SourceText(name: "Buildfile", text: text)
        do {
            _ = try canonicalForm(of: source)
            Issue.record("formatted")
        } catch {
            guard case .mistakes(let mistakes) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(mistakes.map(\.code) == parseBuildfile(source).diagnostics.map(\.code))
            #expect(mistakes.count >= 2)
        }
    }

    @Test func aFormTooLargeToBeReadIsNotWritten() {
        let wide = "template t\n b:\n" + String(repeating: "  x\n", count: 110_000)
        do {
            _ = try canonicalForm(of: SourceText(name: "Buildfile", text: wide))
            Issue.record("formatted")
        } catch {
            guard case .mistakes(let mistakes) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(mistakes.map(\.code) == [.tooLarge])
        }
    }

    // MARK: Meaning

    @Test(arguments: [
        ("x = 1", "x=1", true), ("x = 1", "x ?= 1", false), ("x = 1", "x = 1\nx = 1", false),
        ("service a : b", "service a: b # c", true), ("service a : b c", "service a : c b", false),
        ("service a\n    b: c\n        d", "service a\n b: c\n  d", true),
        ("service a\n    b: c\n        d", "service a\n    b: c\n        d\n         e", false),
        ("service a\n    b: c | :d", "service a\n    b: c -> d", false),
        ("service a\n    [retries 1]\n    b: c", "service a\n    [retries 2]\n    b: c", false),
        ("tool a 1", "tool a 2", false), ("environment a", "service a", false), ("x y", "x y", false),
    ]) func meaning(left: String, right: String, isSame: Bool) {
        let first = parseBuildfile(SourceText(name: "a", text: left))
        let second = parseBuildfile(SourceText(name: "b", text: right))
        #expect(first.saysTheSame(as: second) == isSame)
    }
}
