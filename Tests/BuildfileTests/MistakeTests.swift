import BuildTestSupport
import Buildfile
import Testing

/// What people read when a Buildfile is wrong, whole.
@Suite struct MistakeTests {
    @Test func badEncodingPointsAtTheByte() {
        #expect(
            rendered(
                parse(
                    """
                    x = a\0b
                    include y

                    """)) == #"""
                    error[LMS001]: a NUL byte in the text
                      --> Buildfile:1:6
                       |
                     1 | x = a\x00b
                       |      ^^^^
                       = help: a Buildfile is text in UTF-8

                    """#)
    }

    @Test func shallowerThanItsBlock() {
        #expect(
            rendered(
                parse(
                    """
                    service a
                        uses b
                      uses c
                      uses d
                        uses e

                    """)) == #"""
                    error[LMS002]: this line is indented by 2 spaces, its block by 4 spaces
                      --> Buildfile:3:1
                       |
                     3 |   uses c
                       | ^^
                       = help: indent it by 4 spaces, as line 2 is

                    """#)
    }

    @Test func tabAgainstSpaces() {
        #expect(
            rendered(
                parse(
                    """
                    service a
                        uses b
                    \tuses c

                    """)) == #"""
                    error[LMS002]: this line is indented by 1 tab, its block by 4 spaces; tabs and spaces are not the same
                      --> Buildfile:3:1
                       |
                     3 |     uses c
                       | ^^^^
                       = help: indent it by 4 spaces, as line 2 is

                    """#)
    }

    @Test func deeperThanItsBlock() {
        #expect(
            rendered(
                parse(
                    """
                    x = 1
                        y
                        z
                    service a
                        uses b
                            uses c
                            uses d
                        uses e

                    """)) == #"""
                    error[LMS002]: unexpected indentation: no block is open here
                      --> Buildfile:2:1
                       |
                     2 |     y
                       | ^^^^
                       = help: start it at column 1

                    error[LMS002]: unexpected indentation: the line above opens no block
                      --> Buildfile:6:1
                       |
                     6 |         uses c
                       | ^^^^^^^^
                       = help: indent it by 4 spaces, as line 5 is

                    """#)
    }

    @Test func shallowerThanItsRecipe() {
        #expect(
            rendered(
                parse(
                    """
                    service a
                        build: x
                                one
                            two

                    """)) == #"""
                    error[LMS002]: this line is indented by 8 spaces, its recipe by 12 spaces
                      --> Buildfile:4:1
                       |
                     4 |         two
                       | ^^^^^^^^
                       = help: indent it by 12 spaces, as line 3 is

                    """#)
    }

    @Test func misindentedComponent() {
        #expect(
            rendered(
                parse(
                    """
                    service a
                        uses b
                      service c
                        uses d

                    """)) == #"""
                    error[LMS002]: unexpected indentation: this line belongs at the top level
                      --> Buildfile:3:1
                       |
                     3 |   service c
                       | ^^
                       = help: start it at column 1

                    """#)
    }

    @Test func tabsBelowARule() {
        #expect(
            rendered(
                parse(
                    """
                    service a
                        build: x
                    \t\trecipe

                    """)) == #"""
                    error[LMS002]: this line is indented by 2 tabs, its rule by 4 spaces; tabs and spaces are not the same
                      --> Buildfile:3:1
                       |
                     3 |         recipe
                       | ^^^^^^^^
                       = help: begin it with the rule's indentation, and indent it further in the same way

                    """#)
    }

    @Test func openQuote() {
        #expect(
            rendered(
                parse(
                    """
                    include "a b

                    """)) == #"""
                    error[LMS003]: a quote is opened and not closed in this line
                      --> Buildfile:1:9
                       |
                     1 | include "a b
                       |         ^
                       = help: close it with '"'; inside quotes a quote is written '\"'

                    """#)
    }

    @Test func continuationAtTheEnd() {
        #expect(
            rendered(
                parse(
                    """
                    include a \\
                    """)) == #"""
                    error[LMS003]: a '\' continues this line, but the file ends
                      --> Buildfile:1:11
                       |
                     1 | include a \
                       |           ^
                       = help: remove the '\'

                    """#)
    }

    @Test func blankAfterContinuation() {
        #expect(
            rendered(
                parse(
                    """
                    include a \\\u{20}

                    """)) == #"""
                    error[LMS003]: a '\' continues a line only as its last character
                      --> Buildfile:1:11
                       |
                     1 | include a \
                       |           ^
                       = help: remove what follows it, blanks included

                    """#)
    }

    @Test func controlCharacter() {
        #expect(
            rendered(
                parse(
                    """
                    include a\u{1}b

                    """)) == #"""
                    error[LMS003]: a control character in a word
                      --> Buildfile:1:9
                       |
                     1 | include a\x01b
                       |         ^^^^^^
                       = help: only recipes may hold them

                    """#)
    }

    @Test func badRules() {
        #expect(
            rendered(
                parse(
                    """
                    service a
                        build: x | :u -> o | :v -> p
                        unit: y |
                        lint: z | lint
                        : a
                        [keep b/
                        [uncached] fmt: z

                    """)) == #"""
                    error[LMS003]: a second '|' in this rule
                      --> Buildfile:2:24
                       |
                     2 |     build: x | :u -> o | :v -> p
                       |                        ^
                       = help: write STAGE: INPUTS | GATES -> OUTPUTS

                    error[LMS003]: a second '->' in this rule
                      --> Buildfile:2:29
                       |
                     2 |     build: x | :u -> o | :v -> p
                       |                             ^^
                       = help: write STAGE: INPUTS | GATES -> OUTPUTS

                    error[LMS003]: no gate follows the '|'
                      --> Buildfile:3:13
                       |
                     3 |     unit: y |
                       |             ^
                       = help: name one, or remove the '|'

                    error[LMS003]: the gate 'lint' is no label
                      --> Buildfile:4:15
                       |
                     4 |     lint: z | lint
                       |               ^^^^
                       = help: a gate is a target: ':lint' here, or 'component:lint'

                    error[LMS003]: a stage's name is missing before the ':'
                      --> Buildfile:5:5
                       |
                     5 |     : a
                       |     ^
                       = help: write STAGE: INPUTS | GATES -> OUTPUTS

                    error[LMS003]: '[' is opened and not closed in this line
                      --> Buildfile:6:5
                       |
                     6 |     [keep b/
                       |     ^
                       = help: close it with ']'

                    error[LMS003]: only attributes may stand in this line
                      --> Buildfile:7:16
                       |
                     7 |     [uncached] fmt: z
                       |                ^^^^
                       = help: put the rule on the line below its attributes

                    """#)
    }

    @Test func gatesAfterOutputs() {
        #expect(
            rendered(
                parse(
                    """
                    service a
                        build: x -> o | :v

                    """)) == #"""
                    error[LMS003]: '|' stands after '->'
                      --> Buildfile:2:19
                       |
                     2 |     build: x -> o | :v
                       |                   ^
                       = help: gates come before outputs: STAGE: INPUTS | GATES -> OUTPUTS

                    """#)
    }

    @Test func badHeaders() {
        #expect(
            rendered(
                parse(
                    """
                    service
                    service a b : c
                    service d :
                    environment e : f
                    x := 1
                    = 2

                    """)) == #"""
                    error[LMS003]: 'service' needs a name
                      --> Buildfile:1:1
                       |
                     1 | service
                       | ^^^^^^^
                       = help: write service NAME : TEMPLATE…

                    error[LMS003]: unexpected 'b' after the name 'a'
                      --> Buildfile:2:11
                       |
                     2 | service a b : c
                       |           ^
                       = help: templates follow a colon: service NAME : TEMPLATE…

                    error[LMS003]: no template follows the ':'
                      --> Buildfile:3:11
                       |
                     3 | service d :
                       |           ^
                       = help: name one, or remove the ':'

                    error[LMS003]: an environment has no templates
                      --> Buildfile:4:15
                       |
                     4 | environment e : f
                       |               ^
                       = help: write environment NAME

                    error[LMS003]: ':=' is no assignment of a Buildfile
                      --> Buildfile:5:3
                       |
                     5 | x := 1
                       |   ^^
                       = help: write NAME = VALUE, or NAME ?= VALUE for a default

                    error[LMS003]: a name is missing before the '='
                      --> Buildfile:6:1
                       |
                     6 | = 2
                       | ^
                       = help: write NAME = VALUE

                    """#)
    }

    @Test func badDirectives() {
        #expect(
            rendered(
                parse(
                    """
                    tool a
                    include
                    variable A b
                    service a
                        dir a b
                        consumes x y
                    environment e
                        engine podman
                        check u within soon

                    """)) == #"""
                    error[LMS003]: 'tool' takes a name and a version
                      --> Buildfile:1:1
                       |
                     1 | tool a
                       | ^^^^
                       = help: write tool NAME VERSION, and below it the command that prints the version

                    error[LMS003]: 'include' lacks a word
                      --> Buildfile:2:1
                       |
                     2 | include
                       | ^^^^^^^
                       = help: write include GLOB…

                    error[LMS003]: 'variable' does not take 'b' here
                      --> Buildfile:3:12
                       |
                     3 | variable A b
                       |            ^
                       = help: write variable NAME: TYPE…

                    error[LMS003]: 'dir' does not take 'b' here
                      --> Buildfile:5:11
                       |
                     5 |     dir a b
                       |           ^
                       = help: write dir PATH

                    error[LMS003]: 'consumes' does not take 'y' here
                      --> Buildfile:6:16
                       |
                     6 |     consumes x y
                       |                ^
                       = help: write consumes SERVICE by FILE…

                    error[LMS003]: 'engine' does not take 'podman' here
                      --> Buildfile:8:12
                       |
                     8 |     engine podman
                       |            ^^^^^^
                       = help: write engine compose, engine swarm or engine plan

                    error[LMS003]: 'check' does not take 'soon' here
                      --> Buildfile:9:20
                       |
                     9 |     check u within soon
                       |                    ^^^^
                       = help: write check URL [within DURATION]

                    """#)
    }

    @Test func unknownDirective() {
        #expect(
            rendered(
                parse(
                    """
                    servce catalog
                        usse http
                        frobnicate
                            deeper

                    """)) == #"""
                    error[LMS004]: unknown directive 'servce'
                      --> Buildfile:1:1
                       |
                     1 | servce catalog
                       | ^^^^^^
                       = help: did you mean 'service'?

                    error[LMS004]: unknown directive 'usse'
                      --> Buildfile:2:5
                       |
                     2 |     usse http
                       |     ^^^^
                       = help: did you mean 'uses'?

                    error[LMS004]: unknown directive 'frobnicate'
                      --> Buildfile:3:5
                       |
                     3 |     frobnicate
                       |     ^^^^^^^^^^
                       = help: known in a component's block: consumes, dir, env, export, inputs, needs, owners, pass, secret, shell, uses

                    """#)
    }

    @Test func unknownAttribute() {
        #expect(
            rendered(
                parse(
                    """
                    service a
                        [timout 1m]
                        [colour red]
                        build: x

                    """)) == #"""
                    error[LMS005]: unknown attribute 'timout'
                      --> Buildfile:2:6
                       |
                     2 |     [timout 1m]
                       |      ^^^^^^
                       = help: did you mean 'timeout'?

                    error[LMS005]: unknown attribute 'colour'
                      --> Buildfile:3:6
                       |
                     3 |     [colour red]
                       |      ^^^^^^
                       = help: known attributes: arg, batch, changed-only, context, dockerfile, gate, keep, network, openapi, pact, pending, platform, pool, proto, report, retries, schema, states, target, timeout, uncached

                    """#)
    }

    @Test func badAttribute() {
        #expect(
            rendered(
                parse(
                    """
                    service a
                        [timeout soon] [retries] [network] [network]
                        build: x

                    """)) == #"""
                    error[LMS006]: 'timeout' does not take 'soon'
                      --> Buildfile:2:14
                       |
                     2 |     [timeout soon] [retries] [network] [network]
                       |              ^^^^
                       = help: write [timeout DURATION], such as 90s, 10m or 1h30m

                    error[LMS006]: 'retries' has the wrong number of words
                      --> Buildfile:2:21
                       |
                     2 |     [timeout soon] [retries] [network] [network]
                       |                     ^^^^^^^
                       = help: write [retries N], N from 0 to 100

                    error[LMS006]: 'network' is given twice
                      --> Buildfile:2:41
                       |
                     2 |     [timeout soon] [retries] [network] [network]
                       |                                         ^^^^^^^
                       = note: given first here: Buildfile:2:31
                       = help: remove one of them

                    """#)
    }

    @Test func badName() {
        #expect(
            rendered(
                parse(
                    """
                    2x = 3
                    service Catalog : Py
                        needs Python
                        env A-B
                        Unit: x

                    """)) == #"""
                    error[LMS007]: '2x' is no variable's name
                      --> Buildfile:1:1
                       |
                     1 | 2x = 3
                       | ^^
                       = help: a variable's name is made of letters, digits and '_', and does not begin with a digit

                    error[LMS007]: 'Catalog' is no component's name
                      --> Buildfile:2:9
                       |
                     2 | service Catalog : Py
                       |         ^^^^^^^
                       = help: a name is made of a-z, 0-9, '.', '_' and '-', and begins with a letter or a digit

                    error[LMS007]: 'Py' is no template's name
                      --> Buildfile:2:19
                       |
                     2 | service Catalog : Py
                       |                   ^^
                       = help: a name is made of a-z, 0-9, '.', '_' and '-', and begins with a letter or a digit

                    error[LMS007]: 'Python' is no tool's name
                      --> Buildfile:3:11
                       |
                     3 |     needs Python
                       |           ^^^^^^
                       = help: a name is made of a-z, 0-9, '.', '_' and '-', and begins with a letter or a digit

                    error[LMS007]: 'A-B' is no variable's name
                      --> Buildfile:4:9
                       |
                     4 |     env A-B
                       |         ^^^
                       = help: a variable's name is made of letters, digits and '_', and does not begin with a digit

                    error[LMS007]: 'Unit' is no stage's name
                      --> Buildfile:5:5
                       |
                     5 |     Unit: x
                       |     ^^^^
                       = help: a name is made of a-z, 0-9, '.', '_' and '-', and begins with a letter or a digit

                    """#)
    }

    @Test func misplaced() {
        #expect(
            rendered(
                parse(
                    """
                    uses b
                    build: x
                        recipe
                    service a
                        [keep a/]
                        include y
                        service c
                            uses d
                    environment e
                        stack: x
                        x = 1
                        secret s

                    """)) == #"""
                    error[LMS008]: 'uses' belongs in a component's block
                      --> Buildfile:1:1
                       |
                     1 | uses b
                       | ^^^^
                       = help: indent it below the line that opens the block

                    error[LMS008]: the rule 'build' stands at the top level
                      --> Buildfile:2:1
                       |
                     2 | build: x
                       | ^^^^^
                       = help: a rule belongs in the block of a service, library or template

                    error[LMS008]: the attribute 'keep' has no rule below it
                      --> Buildfile:5:6
                       |
                     5 |     [keep a/]
                       |      ^^^^
                       = help: attributes stand on the lines above a rule, indented like the rule

                    error[LMS008]: 'include' belongs at the top level
                      --> Buildfile:6:5
                       |
                     6 |     include y
                       |     ^^^^^^^
                       = help: start the line at column 1

                    error[LMS008]: 'service' belongs at the top level
                      --> Buildfile:7:5
                       |
                     7 |     service c
                       |     ^^^^^^^
                       = help: start the line at column 1

                    error[LMS008]: the rule 'stack' stands in an environment's block
                       --> Buildfile:10:5
                        |
                     10 |     stack: x
                        |     ^^^^^
                        = help: for the directive, remove the ':' after 'stack'

                    error[LMS008]: the variable 'x' is set in an environment's block
                       --> Buildfile:11:5
                        |
                     11 |     x = 1
                        |     ^
                        = help: set it in the file that 'env-file' names, or at the top level

                    error[LMS008]: 'secret' belongs in a component's block
                       --> Buildfile:12:5
                        |
                     12 |     secret s
                        |     ^^^^^^
                        = help: indent it below the line that opens the block

                    """#)
    }

    @Test func bytesThatAreNotUTF8() {
        let text = Array("x = caf".utf8) + [0xE9] + Array(" \nuse\nA".utf8) + [0xC0, 0x80]
        #expect(
            rendered(parseBuildfile(SourceText(name: "Buildfile", bytes: text))) == #"""
                error[LMS001]: the byte \xE9 is not UTF-8
                  --> Buildfile:1:8
                   |
                 1 | x = caf\xE9
                   |        ^^^^
                   = help: save the file as UTF-8

                error[LMS004]: unknown directive 'use'
                  --> Buildfile:2:1
                   |
                 2 | use
                   | ^^^
                   = help: known at the top level: cache, default, environment, include, libraries, library, notify, service, services, template, tool, variable

                error[LMS001]: the byte \xC0 is not UTF-8
                  --> Buildfile:3:2
                   |
                 3 | A\xC0\x80
                   |  ^^^^
                   = help: save the file as UTF-8

                """#)
    }

    @Test func otherEncodingIsNamed() {
        let parsed = parseBuildfile(SourceText(name: "Buildfile", bytes: [0xFF, 0xFE, 0x78, 0x00]))
        #expect(parsed.diagnostics.map(\.message) == ["this file is UTF-16"])
        #expect(parsed.diagnostics.map(\.code) == [.badEncoding])
    }

    @Test func tooLarge() {
        let fits = SourceText(name: "Buildfile", bytes: Array(repeating: 0x0A, count: 1 << 20))
        #expect(parseBuildfile(fits).diagnostics.isEmpty)
        let source = SourceText(name: "Buildfile", bytes: Array(repeating: 0x0A, count: 1 << 20 + 1))
        #expect(
            rendered(parseBuildfile(source)) == """
                error[LMS009]: this file has 1048577 bytes, more than the 1048576 that are read
                  --> Buildfile:1:1
                   |
                 1 |
                   | ^
                   = help: split it and name the parts with 'include'

                """)
    }

    @Test func longNameIsNotShownTwice() {
        let name = String(repeating: "a", count: 129)
        #expect(parse("service \(name)\n").diagnostics.map(\.message) == ["this component's name is too long"])
        #expect(parse("service \(name.dropLast())\n").diagnostics.isEmpty)
    }

    @Test func everyMistakeOfATextIsReported() {
        let parsed = parse(
            """
            servce a : t
                usse b
                dir
                [timout 1m]
                [retries many]
                build: x | y
                  recipe "with any [text | -> :=
               unit: z
            9x = 1
            include "open
            stack s
            library fine
                inputs *.py
            """)
        #expect(
            parsed.diagnostics.map { "\($0.code.rawValue) \($0.span?.lineAndColumn.line ?? 0)" } == [
                "LMS004 1", "LMS004 2", "LMS003 3", "LMS005 4", "LMS006 5", "LMS003 6", "LMS002 8", "LMS007 9",
                "LMS003 10", "LMS008 11",
            ])
        #expect(outline(parsed).hasSuffix("library <fine> :\n    inputs <*.py>"))
    }

    @Test func textThatIsNoBuildfileIsGivenUp() {
        let parsed = parse(String(repeating: "<p>\n", count: 5000))
        #expect(parsed.diagnostics.count == 1001)
        #expect(parsed.diagnostics.last?.code == .tooLarge)
        #expect(parsed.diagnostics.last?.message == "more than 1000 mistakes; the rest of the file was not read")
    }

    /// Shapes that cost a careless parser its stack or the square of their size.
    @Test(arguments: ["[", "[a]", "[keep a/]", "\"", "\\\n", ":", "a:\n b\n", "service a\n ", "a\\\n", "|", " "])
    func hugeTextsReturn(piece: String) {
        let parsed = parse(String(repeating: piece, count: (200 << 10) / piece.utf8.count))
        #expect(parsed.diagnostics.count <= 1001)
    }

}
