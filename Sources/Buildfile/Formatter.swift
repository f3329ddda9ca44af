// The canonical form of a Buildfile: the layout of its lines, and nothing that has a meaning. This file does not know how
// the words of one line are spaced (CanonicalLine.swift), files, or diffs.

/// Why a text is not brought into its canonical form.
package enum FormattingFailure: Error {
    /// The text's own mistakes: what is not understood is not touched.
    case mistakes([Diagnostic])
    /// What would have been written is not what was read: a mistake of the formatter's, not of the text's.
    case formatterBug(Diagnostic)
}

/// The canonical form of a Buildfile: the same declarations, recipes and comments in the same order, in one layout.
///
/// What is given back has been read again: it declares what `source` declares, has its comments, and is its own canonical
/// form. Takes time and memory linear in the text.
package func canonicalForm(of source: SourceText) throws(FormattingFailure) -> [UInt8] {
    let parsed = parseBuildfile(source)
    guard parsed.diagnostics.isEmpty else { throw .mistakes(parsed.diagnostics) }
    var formatter = Formatter(source)
    formatter.run()
    let written = SourceText(name: source.name, bytes: formatter.output)
    guard written.bytes.count <= maximalBuildfileSize else {
        throw .mistakes([
            Diagnostic(
                .tooLarge,
                "the canonical form of this file has \(written.bytes.count) bytes, more than the "
                    + "\(maximalBuildfileSize) that are read", at: SourceSpan(source, offset: 0, length: 0),
                hint: "split it and name the parts with 'include'")
        ])
    }
    var again = Formatter(written)
    again.run()
    let problem: String? =
        if !parseBuildfile(written).saysTheSame(as: parsed) {
            "formatting would change what this file says"
        } else if again.comments != formatter.comments {
            "formatting would change a comment of this file"
        } else if again.output != written.bytes {
            "formatting this file twice would change it twice"
        } else {
            nil
        }
    guard let problem else { return written.bytes }
    throw .formatterBug(
        Diagnostic(
            .internalError, problem + ", so it is left as it is", at: SourceSpan(source, offset: 0, length: 0)))
}

/// Lays out a text that has no mistakes, line by line.
struct Formatter {
    private(set) var output: [UInt8] = []
    /// The text of every comment that is no part of a recipe, in order.
    private(set) var comments: [[UInt8]] = []

    private var parser: Parser
    /// Whose block is open.
    private var place = Place.top
    /// Blank lines and comments since the last statement.
    private var waiting: [Waiting] = []
    private var previous = Previous.nothing
    /// Whether the last statement of each level has lines of its own below or above it.
    private var isLastTall = [false, false]

    private enum Waiting {
        case blank
        case comment([UInt8], isIndented: Bool)
    }

    private enum Previous {
        case nothing, blockHeader, attributes, statement
    }

    init(_ source: SourceText) {
        parser = Parser(lexer: Lexer(source, mistakes: MistakeLog(source)))
    }

    mutating func run() {
        while parser.next < parser.lexer.lines.count {
            let line = parser.lexer.lines[parser.next]
            if line.isBlank {
                waiting.append(.blank)
                parser.next += 1
            } else if line.isComment {
                let text = parser.lexer.commentText(line.contentStart..<line.range.upperBound)
                waiting.append(.comment(text, isIndented: !line.indentation.isEmpty))
                parser.next += 1
            } else {
                writeStatement(at: parser.next)
            }
        }
        writeWaiting(before: nil, isSeparate: isLastTall[0])
    }

    // MARK: Statements

    private mutating func writeStatement(at line: Int) {
        let isInBlock = !parser.lexer.lines[line].indentation.isEmpty
        let level = isInBlock ? 1 : 0
        let canonical = parser.lexer.readCanonicalLine(line, in: isInBlock ? place : .top)
        parser.next = parser.lexer.line + 1
        guard canonical.hasCode else {
            if let comment = canonical.comment { waiting.append(.comment(comment.text, isIndented: isInBlock)) }
            return
        }
        let isHeader = !isInBlock && canonical.keyword.map(hasLines) ?? false
        let takesRecipe = canonical.kind == .rule || (!isInBlock && canonical.keyword == "tool")
        let recipe = takesRecipe ? recipeLines(below: line, level: level) : []
        let hasBody = isHeader ? isBlockBelow : !recipe.isEmpty
        let isTall = hasBody || canonical.kind == .attributes || previous == .attributes

        writeWaiting(before: level, isSeparate: isTall || isLastTall[level])
        for text in canonical.rendered(level: level) { write(text) }
        if let comment = canonical.comment { comments.append(comment.text) }
        for text in recipe {
            write(text.bytes)
            if let comment = text.comment { comments.append(comment) }
        }

        if !isInBlock { place = isHeader ? Self.place(below: canonical.keyword) : .top }
        isLastTall[level] = isTall
        if isHeader { isLastTall[1] = false }
        previous = isHeader ? .blockHeader : canonical.kind == .attributes ? .attributes : .statement
    }

    private static func place(below keyword: String?) -> Place {
        switch keyword {
        case "environment": .environment
        case "notify": .notification
        default: .component
        }
    }

    private var isBlockBelow: Bool {
        var ahead = parser
        return ahead.nextContentLine().map { !ahead.lexer.lines[$0].indentation.isEmpty } ?? false
    }

    private struct RecipeLine {
        let bytes: [UInt8]
        /// Of a line that stands among the recipe's and is none.
        var comment: [UInt8]?
    }

    /// The recipe below the line `header`, its first line's indentation replaced.
    private mutating func recipeLines(below header: Int, level: Int) -> [RecipeLine] {
        let start = parser.next
        guard parser.parseRecipe(below: header) != nil else { return [] }
        let bytes = parser.lexer.source.bytes
        var lines: [RecipeLine] = []
        var indentation: Int?
        for index in start..<parser.next {
            let line = parser.lexer.lines[index]
            if line.isBlank {
                // Above a recipe's first line they are no part of it.
                if indentation != nil { lines.append(RecipeLine(bytes: [])) }
            } else if line.isComment, !parser.isDeeper(index, than: header) {
                let text = parser.lexer.commentText(line.contentStart..<line.range.upperBound)
                lines.append(RecipeLine(bytes: blanks(level: level) + text, comment: text))
            } else {
                let removed = indentation ?? line.indentation.count
                indentation = removed
                let text = bytes[line.range.lowerBound + removed..<line.range.upperBound]
                lines.append(RecipeLine(bytes: blanks(level: level + 1) + text))
            }
        }
        return lines
    }

    // MARK: Between statements

    /// Writes the comments since the last statement with at most one blank line between two.
    ///
    /// `level` is the next statement's, nil at the end of the text. Where `isSeparate`, a blank line stands somewhere
    /// between the two statements.
    private mutating func writeWaiting(before level: Int?, isSeparate: Bool) {
        var items: [(comment: [UInt8]?, level: Int, isAfterBlank: Bool)] = []
        var isAfterBlank = false
        var isInBlock = place != .top
        for entry in waiting {
            switch entry {
            case .blank: isAfterBlank = true
            case .comment(let text, let isIndented):
                if !isIndented, level != 1 { isInBlock = false }
                items.append((text, isInBlock ? 1 : 0, isAfterBlank))
                isAfterBlank = false
            }
        }
        waiting = []
        if let level { items.append((nil, level, isAfterBlank)) }
        switch previous {
        case .nothing: if !items.isEmpty { items[0].isAfterBlank = false }
        case .blockHeader where items.first?.level == 1: items[0].isAfterBlank = false
        case .attributes: for index in items.indices { items[index].isAfterBlank = false }
        case .blockHeader, .statement:
            if isSeparate, let first = items.firstIndex(where: { $0.level == level ?? 0 }),
                !items[first...].contains(where: \.isAfterBlank)
            {
                items[first].isAfterBlank = true
            }
        }
        for item in items {
            if item.isAfterBlank { write([]) }
            guard let comment = item.comment else { continue }
            write(blanks(level: item.level) + comment)
            comments.append(comment)
        }
    }

    private mutating func write(_ line: [UInt8]) {
        output += line
        // Alone it would be taken for a part of the line's end.
        if line.last == UInt8(ascii: "\r") { output.append(UInt8(ascii: "\r")) }
        output.append(UInt8(ascii: "\n"))
    }
}

/// The indentation of a block's lines, or deeper.
func blanks(level: Int) -> [UInt8] { [UInt8](repeating: UInt8(ascii: " "), count: 4 * level) }
