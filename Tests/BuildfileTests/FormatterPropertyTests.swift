import BuildTestSupport
import Testing

@testable import Buildfile

/// Of random Buildfiles in any layout: the canonical form is stable, says the same, and has every comment.
@Suite struct FormatterPropertyTests {
    @Test(arguments: 0..<8) func theCanonicalFormKeepsEverything(part: UInt64) throws {
        for seed in part * 250..<(part + 1) * 250 {
            var writer = RandomBuildfile(seed: seed)
            writer.writeFile()
            let source = SourceText(name: "seed \(seed)", bytes: writer.bytes)
            let parsed = parseBuildfile(source)
            let shown = DiagnosticRenderer(color: false).render(parsed.diagnostics)
            try #require(parsed.diagnostics.isEmpty, "seed \(seed) makes no Buildfile:\n\(shown)")
            let once = try canonicalForm(of: source)
            let written = SourceText(name: "canonical", bytes: once)
            #expect(try canonicalForm(of: written) == once, "seed \(seed)")
            #expect(parseBuildfile(written).saysTheSame(as: parsed), "seed \(seed)")
            #expect(comments(in: once) == Array(0..<writer.commentCount), "seed \(seed)")
            checkLayout(once, seed)
        }
    }

    /// The numbers of the comments `#c17;`, in the order in which they stand.
    private func comments(in text: [UInt8]) -> [Int] {
        String(decoding: text, as: UTF8.self).matches(of: /#c([0-9]+);/).compactMap { Int($0.1) }
    }

    private func checkLayout(_ text: [UInt8], _ seed: UInt64) {
        guard !text.isEmpty else { return }
        #expect(text.last == UInt8(ascii: "\n") && !text.starts(with: Array("\n".utf8)), "seed \(seed)")
        #expect(!text.suffix(2).elementsEqual(Array("\n\n".utf8)) || text.suffix(4).first == UInt8(ascii: "\\"))
        let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for line in lines where line.first == UInt8(ascii: "\t") || (line.first == UInt8(ascii: " ") && line.count < 5)
        {
            Issue.record("seed \(seed): a line is indented by other than four blanks")
        }
    }
}

/// Writes a Buildfile without mistakes, laid out as nobody would.
private struct RandomBuildfile {
    private(set) var bytes: [UInt8] = []
    private(set) var commentCount = 0
    private var random: SeededGenerator
    private let lineEnds: [String]

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        lineEnds = [["\n"], ["\r\n"], ["\n", "\r\n"]].randomElement(using: &random) ?? ["\n"]
    }

    mutating func writeFile() {
        if chance(20) { bytes += [0xEF, 0xBB, 0xBF] }
        for _ in 0..<Int.random(in: 0..<8, using: &random) {
            writeBetween(indentations: [""])
            writeDeclaration()
        }
        writeBetween(indentations: [""])
        if chance(3), bytes.suffix(2) == Array("x\n".utf8) { bytes.removeLast() }
    }

    // MARK: Choices

    private mutating func chance(_ one: Int) -> Bool { Int.random(in: 0..<one, using: &random) == 0 }

    private mutating func pick(_ choices: String...) -> String { choices.randomElement(using: &random) ?? "" }

    private mutating func pick(_ choices: [String]) -> String { choices.randomElement(using: &random) ?? "" }

    // MARK: Parts of lines

    private mutating func write(_ text: String) { bytes += Array(text.utf8) }

    private mutating func endLine() { write(pick(lineEnds)) }

    private mutating func comment() -> String {
        defer { commentCount += 1 }
        return "#c\(commentCount);" + pick("", "", " text", " \t#", " \\", "  ", "\r", " \"")
    }

    /// A comment's number is given where it is written.
    private mutating func writeComment() { write(comment()) }

    /// What separates two words.
    private mutating func writeGap() {
        while chance(12) {
            write(pick(" ", "", "\t") + "\\")
            endLine()
            write(pick("", " ", "\t", "        "))
            if !chance(4) { return }
        }
        write(pick(" ", " ", " ", "  ", "\t", " \t "))
    }

    private mutating func writeOptionalGap() {
        if chance(2) { writeGap() }
    }

    private mutating func word() -> String {
        pick(
            "a", "src/**", "!x", "$name", "\"a b\"", "\"#x\"", "\"|\"", "\"->\"", "x#y", "[a-z]*.c", "a\\b",
            "\"a\\\"b\"",
            "x=y", "\"q\\\\\"", "ü", "${name}.o", "-", "||", "a\"b c\"d", "\"\"")
    }

    private mutating func writeWords(atLeast least: Int = 1) {
        for _ in 0..<Int.random(in: least..<least + 3, using: &random) {
            writeGap()
            write(word())
        }
    }

    private mutating func name() -> String { pick("a", "b-1", "c.d", "e_f", "0") }

    private mutating func writeLineEnd() {
        write(pick("", "", " ", "\t"))
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<6:
            write(pick(" ", "  ", "      ", "\t\t"))
            writeComment()
        case 6:
            // Continued by nothing, or by a comment.
            write(" \\")
            endLine()
            if chance(2) {
                write("  ")
                writeComment()
            }
        default: break
        }
        endLine()
    }

    /// Blank lines and comments, which may be indented by `indentations`.
    private mutating func writeBetween(indentations: [String]) {
        while chance(3) {
            if chance(2) {
                write(pick("", "", " ", "\t "))
            } else {
                write(pick(indentations))
                writeComment()
            }
            endLine()
        }
    }

    // MARK: Lines

    private mutating func writeVariable(_ indentation: String) {
        write(indentation + pick("x", "A_1", "name"))
        let sign = pick("=", " = ", "?=", " ?= ", "\t=", " =\t")
        write(sign)
        switch Int.random(in: 0..<8, using: &random) {
        case 0: break
        case 1 where sign.hasSuffix("="): write("#v")
        case 2: write("\"a  # \\\" b\"")
        case 3: write("\"a\" \"b\"")
        case 4: write("a\tb\rc")
        default:
            write(word())
            writeWords(atLeast: 0)
        }
        writeLineEnd()
    }

    private mutating func writeRecipe(below header: String, _ indentation: String) {
        var isFirst = true
        for _ in 0..<Int.random(in: 1..<6, using: &random) {
            if chance(5) {
                write(pick("", header, "\t"))
                endLine()
            }
            if chance(8) {
                write(pick("", header))
                writeComment()
                endLine()
            }
            write(indentation + (isFirst ? "" : pick("", "", "  ", "\t", "    ")))
            isFirst = false
            write(
                pick("echo", "cat <<E", "E", "a\tb", "x \\", "y  ", "a\rb", "\"", "service a", "[b]", "ü: x", "if x\t"))
            if chance(6) {
                write(" ")
                writeComment()
            }
            if chance(15) { write("\r") }
            endLine()
        }
    }

    private mutating func writeAttributes(_ indentation: String) {
        for _ in 0..<Int.random(in: 1..<3, using: &random) {
            write(indentation)
            for count in 0..<Int.random(in: 1..<4, using: &random) {
                if count > 0 { writeOptionalGap() }
                write("[" + pick("", " "))
                switch Int.random(in: 0..<4, using: &random) {
                case 0:
                    write("keep")
                    writeGap()
                    write(pick(".a/", "~/.m2/", "\"a b/\""))
                case 1:
                    write("report")
                    writeGap()
                    write(pick("junit", "sarif"))
                    writeGap()
                    write(pick("r/[a-z]*.xml", "\"a b\"", "r#"))
                case 2:
                    write("gate")
                    for word in ["lint", "<=", "0", "r.sarif"] {
                        writeGap()
                        write(word)
                    }
                default:
                    write("arg")
                    writeGap()
                    write(pick("A=b", "B=$x", "C=[ ", "\"D=e f\"", "E=\"[\"", "F=[x] "))
                }
                writeOptionalGap()
                write("]")
            }
            writeLineEnd()
            writeBetween(indentations: ["", indentation, indentation + "  "])
        }
    }

    /// Comments behind it are indented no deeper than it is: where it has no recipe they would become one.
    private mutating func writeRule(_ indentation: String, _ deeper: String) {
        if chance(3) { writeAttributes(indentation) }
        write(indentation + pick("build", "unit", "image", "uses", "x.y"))
        let colon = pick(":", ": ", " : ", ":\t")
        write(colon)
        switch Int.random(in: 0..<6, using: &random) {
        case 0: break
        case 1 where colon == ":": write("#w")
        default:
            write(pick("a", ":b", "c:d", "\"e f\""))
            writeWords(atLeast: 0)
        }
        if chance(3) {
            writeGap()
            write("|")
            writeGap()
            write(":lint")
        }
        if chance(3) {
            writeGap()
            write("->")
            writeGap()
            write("out/" + pick("", "x"))
        }
        writeLineEnd()
        if chance(2) { writeRecipe(below: indentation, indentation + deeper) }
        writeBetween(indentations: ["", indentation])
    }

    private mutating func writeComponent() {
        write(pick("service", "library", "template"))
        writeGap()
        write(name())
        if chance(2) {
            writeOptionalGap()
            write(":")
            writeOptionalGap()
            write(name())
            if chance(2) {
                writeGap()
                write(name())
            }
        }
        writeLineEnd()
        let indentation = pick(" ", "  ", "    ", "\t", "\t ", "        ")
        let deeper = pick(" ", "  ", "    ", "\t", "  \t")
        let anywhere = ["", " ", indentation, indentation + deeper, "\t\t\t"]
        writeBetween(indentations: anywhere)
        for _ in 0..<Int.random(in: 0..<6, using: &random) {
            switch Int.random(in: 0..<5, using: &random) {
            case 0:
                writeVariable(indentation)
                writeBetween(indentations: anywhere)
            case 1, 2:
                write(indentation + pick("inputs", "owners", "shell"))
                writeWords()
                writeLineEnd()
                writeBetween(indentations: anywhere)
            default: writeRule(indentation, deeper)
            }
        }
    }

    private mutating func writeDeclaration() {
        switch Int.random(in: 0..<10, using: &random) {
        case 0, 1: writeVariable("")
        case 2:
            if Bool.random(using: &random) {
                write(pick("notify slack", "notify email \"a b\"", "notify  webhook   x"))
                writeLineEnd()
                for _ in 0..<Int.random(in: 0...2, using: &random) {
                    write("    " + pick("on failure  deploy", "owners a b", "branches main"))
                    writeLineEnd()
                }
            } else {
                write(pick("include", "cache"))
                writeWords()
                writeLineEnd()
            }
        case 3:
            write("default" + pick(" :unit", " a:b", " "))
            writeWords()
            writeLineEnd()
        case 4:
            write("tool")
            writeGap()
            write(name())
            writeGap()
            write(pick("1", "\"2 3\""))
            writeLineEnd()
            if chance(2) { writeRecipe(below: "", pick(" ", "\t", "    ")) }
        case 5:
            write("variable")
            writeGap()
            write("PORT" + pick(":", ": ", " : ", " :", ":#", ":x"))
            writeWords()
            writeLineEnd()
        case 6:
            write("environment")
            writeGap()
            write(name())
            writeLineEnd()
            let indentation = pick("  ", "\t", "    ")
            for _ in 0..<Int.random(in: 0..<4, using: &random) {
                writeBetween(indentations: ["", indentation, indentation + "  "])
                write(indentation + pick("stack", "policy", "strategy"))
                writeWords()
                writeLineEnd()
            }
        default: writeComponent()
        }
    }
}
