// Lines → statements and blocks. This file does not know what a single line's words have to be (LineParser.swift,
// DirectiveParser.swift), nor what names refer to (BuildGraph).

/// Reads one Buildfile: the form of every line, the blocks by their indentation, the recipes verbatim.
///
/// Never fails: a line that cannot be understood becomes a diagnostic, and the lines after it are read all the same.
/// Takes time and memory linear in the text. A text of more than `maximalBuildfileSize` bytes is not read at all.
package func parseBuildfile(_ source: SourceText) -> ParsedBuildfile {
    var mistakes = MistakeLog(source)
    let start = SourceSpan(source, offset: 0, length: 0)
    if source.bytes.count > maximalBuildfileSize {
        mistakes.report(
            .tooLarge, "this file has \(source.bytes.count) bytes, more than the \(maximalBuildfileSize) that are read",
            at: start, hint: "split it and name the parts with 'include'")
        return ParsedBuildfile(source: source, declarations: [], diagnostics: mistakes.diagnostics)
    }
    if source.bytes.starts(with: [0xFF, 0xFE]) || source.bytes.starts(with: [0xFE, 0xFF]) {
        mistakes.report(
            .badEncoding, "this file is UTF-16", at: SourceSpan(source, offset: 0, length: 1),
            hint: "save the file as UTF-8")
        return ParsedBuildfile(source: source, declarations: [], diagnostics: mistakes.diagnostics)
    }
    mistakes.reportBadEncoding()
    var parser = Parser(lexer: Lexer(source, mistakes: mistakes))
    let declarations = parser.parseTopLevel()
    return ParsedBuildfile(
        source: source, declarations: declarations, diagnostics: parser.lexer.mistakes.sorted())
}

/// The size in bytes beyond which a Buildfile is refused: 1 MiB.
package let maximalBuildfileSize = 1 << 20

/// What one line, with what is indented below it, says.
enum Statement {
    case variable(VariableDeclaration)
    case directive(Directive)
    case rule(RuleDeclaration)
    case tool(ToolDeclaration)
    case component(ComponentDeclaration)
    case environment(EnvironmentDeclaration)
}

struct Parser {
    var lexer: Lexer
    /// The first line that has not been read.
    var next = 0
    /// Attributes that wait for their rule.
    var attributes: [Attribute] = []
    /// True while a line is read whose indentation is wrong: what it says may belong elsewhere.
    var isLineDoubtful = false
    /// An indented line, reported already, that belongs to the top level.
    private var misplacedLine: Int?

    init(lexer: Lexer) {
        self.lexer = lexer
    }

    mutating func parseTopLevel() -> [Declaration] {
        var declarations: [Declaration] = []
        var isInReportedRun = false
        while let line = nextContentLine() {
            if !lexer.lines[line].indentation.isEmpty, misplacedLine != line {
                let isBlockOpener = isBlockOpener(line)
                if !isInReportedRun {
                    reportUnexpectedIndentation(line, "no block is open here", expected: "start it at column 1")
                }
                if !isBlockOpener {
                    isInReportedRun = true
                    next = line + 1
                    continue
                }
            }
            isInReportedRun = false
            isLineDoubtful = false
            guard let statement = parseStatement(at: line, in: .top) else { continue }
            switch statement {
            case .variable(let variable): declarations.append(.variable(variable))
            case .directive(let directive): declarations.append(.directive(directive))
            case .tool(let tool): declarations.append(.tool(tool))
            case .component(let component): declarations.append(.component(component))
            case .environment(let environment): declarations.append(.environment(environment))
            case .rule: break
            }
        }
        reportLooseAttributes()
        return declarations
    }

    /// The statements of the lines that are indented deeper than the line `header`.
    mutating func parseBlock(below header: Int, in place: Place) -> [Statement] {
        guard let first = nextContentLine(), relation(of: first, to: header) == .deeper else { return [] }
        var statements: [Statement] = []
        var wrong: Int?
        while let line = nextContentLine() {
            let position = relation(of: line, to: first)
            if position != .same {
                let outer = relation(of: line, to: header)
                if outer == .same || outer == .shallower { break }
                if isBlockOpener(line) {
                    reportUnexpectedIndentation(
                        line, "this line belongs at the top level", expected: "start it at column 1")
                    misplacedLine = line
                    break
                }
                let isRepeated = wrong.map { relation(of: line, to: $0) == .same } ?? false
                if position == .deeper {
                    reportUnexpectedIndentation(line, "the line above opens no block", expected: wanted(first))
                    next = line + 1
                    skipDeeperLines(than: first)
                    continue
                }
                if !isRepeated { reportWrongIndentation(line, block: first) }
                wrong = line
            } else {
                wrong = nil
                if isBlockOpener(line) {
                    lexer.begin(line: line)
                    let keyword = lexer.nextWord()?.word
                    if let keyword {
                        lexer.mistakes.report(
                            .misplaced, "'\(keyword.text)' belongs at the top level", at: keyword.span,
                            hint: "start the line at column 1")
                    }
                    misplacedLine = line
                    break
                }
            }
            isLineDoubtful = wrong != nil
            if let statement = parseStatement(at: line, in: place) { statements.append(statement) }
            isLineDoubtful = false
        }
        reportLooseAttributes()
        return statements
    }

    /// The next line that is neither blank nor a comment; nil at the end, or where too many mistakes were found.
    mutating func nextContentLine() -> Int? {
        guard !lexer.mistakes.isFull else { return nil }
        while next < lexer.lines.count {
            if !lexer.lines[next].isBlank, !lexer.lines[next].isComment { return next }
            next += 1
        }
        return nil
    }

    /// Passes over the lines below a line that was not understood.
    mutating func skipDeeperLines(than header: Int) {
        while nextContentLine() != nil, isDeeper(next, than: header) { next += 1 }
    }

    /// Whether `line` is a `service`, `library`, `environment` … with a word behind the keyword.
    private func isBlockOpener(_ line: Int) -> Bool {
        guard mayOpenBlock(line) else { return false }
        var ahead = lexer
        ahead.begin(line: line)
        guard case .directive = ahead.lineForm(in: .top) else { return false }
        guard let keyword = ahead.nextWord(), opensBlock(keyword.text) else { return false }
        return ahead.nextWord() != nil
    }

    /// False where the line's first word, which is as it stands there, is no such keyword.
    private func mayOpenBlock(_ line: Int) -> Bool {
        let bytes = lexer.source.bytes
        let start = lexer.lines[line].contentStart
        let limit = lexer.lines[line].range.upperBound
        var end = start
        while end < limit, !bytes[end].isBlank {
            if bytes[end] == UInt8(ascii: "\"") || bytes[end] == UInt8(ascii: "\\") { return true }
            end += 1
        }
        // "services" and "environment" are as long as these words get, "service" as short.
        guard end - start >= 7, end - start <= 11 else { return false }
        return opensBlock(lexer.text(start..<end))
    }

    mutating func reportLooseAttributes() {
        guard let first = attributes.first else { return }
        lexer.mistakes.report(
            .misplaced, "the attribute '\(first.name.text)' has no rule below it", at: first.name.span,
            hint: "attributes stand on the lines above a rule, indented like the rule")
        attributes = []
    }
}
