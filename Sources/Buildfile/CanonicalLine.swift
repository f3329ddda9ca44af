// One logical line with canonical blanks between its words; line breaks after a `\` stay where they are. This file does
// not know blocks, recipes or blank lines.

/// The words of a logical line as they were written, quotes included, and the comment behind them.
struct CanonicalLine {
    enum Kind {
        case attributes, variable, rule, directive
    }

    struct Comment {
        let text: [UInt8]
        /// The 0-based column it is to begin in, if the words before it leave room; nil: one blank behind them.
        let column: Int?
    }

    fileprivate(set) var kind = Kind.directive
    /// A directive's.
    fileprivate(set) var keyword: String?
    fileprivate(set) var comment: Comment?
    /// One for each physical line; the first is empty where the line begins with a `\`.
    private var code: [[UInt8]] = [[]]
    /// The physical line of the last word.
    private var line: Int

    fileprivate init(line: Int) {
        self.line = line
    }

    /// False of a `\` that leads to nothing.
    var hasCode: Bool { code.contains { !$0.isEmpty } }

    /// Adds what stands in the physical line `line`: behind a blank, or after a line break if there was one; `isGlued` to
    /// what is before it.
    fileprivate mutating func add(_ text: some Sequence<UInt8>, from line: Int, isGlued: Bool = false) {
        let last = code.count - 1
        if isGlued {
            code[last] += text
        } else if line != self.line {
            code.append(Array(text))
        } else {
            if !code[last].isEmpty { code[last].append(UInt8(ascii: " ")) }
            code[last] += text
        }
        self.line = line
    }

    /// The physical lines, indented, without line ends.
    func rendered(level: Int) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        for (index, words) in code.enumerated() {
            var text = blanks(level: index == 0 ? level : level + 1) + words
            if index < code.count - 1 {
                text += words.isEmpty ? "\\".utf8 : " \\".utf8
            } else if let comment {
                let width = displayColumn(of: text[...])
                let gap = comment.column.map { max(1, $0 - width) } ?? 1
                text += [UInt8](repeating: UInt8(ascii: " "), count: gap) + comment.text
            } else if text.last == UInt8(ascii: "\\") {
                // A `\` of the last word: only an empty line behind a further one keeps it what it is.
                text += " \\".utf8
                lines.append(text)
                text = []
            }
            lines.append(text)
        }
        return lines
    }
}

/// The 0-based column behind `text`, which begins a line; tabs go to multiples of eight.
private func displayColumn(of text: ArraySlice<UInt8>) -> Int {
    text.reduce(0) { column, byte in
        if byte == UInt8(ascii: "\t") { return column + 8 - column % 8 }
        return byte & 0xC0 == 0x80 ? column : column + 1
    }
}

extension Lexer {
    /// A comment's bytes without what is invisible at its end.
    func commentText(_ range: Range<Int>) -> [UInt8] {
        var end = range.upperBound
        while end > range.lowerBound, source.bytes[end - 1].isBlank || source.bytes[end - 1] == UInt8(ascii: "\r") {
            end -= 1
        }
        return Array(source.bytes[range.lowerBound..<end])
    }

    /// Reads the logical line that begins with `first`, of a text without mistakes. Afterwards `line` is its last one.
    mutating func readCanonicalLine(_ first: Int, in place: Place) -> CanonicalLine {
        begin(line: first)
        var result = CanonicalLine(line: first)
        switch lineForm(in: place) {
        case .attributes:
            result.kind = .attributes
            readAttributes(into: &result)
        case .variable(let name, let valueStart, let isDefault):
            result.kind = .variable
            result.add(source.bytes[name], from: line)
            result.add((isDefault ? "?=" : "=").utf8, from: line)
            position = valueStart
            readValue(into: &result)
        case .rule(let stage, let colon):
            result.kind = .rule
            result.add(source.bytes[stage], from: line)
            result.add(":".utf8, from: line, isGlued: true)
            position = colon + 1
            readWords(into: &result)
        case .foreignAssignment, .directive:
            let keyword = nextWord()
            result.keyword = keyword?.text
            if let keyword { result.add(raw(keyword), from: line) }
            let isVariable = keyword?.text == "variable"
            if place == .top, isVariable || keyword.map({ opensBlock($0.text) }) ?? false {
                readWordsWithColon(into: &result, isColonGlued: isVariable)
            } else {
                readWords(into: &result)
            }
        }
        result.comment = remainingComment()
        return result
    }

    private func raw(_ lexeme: Lexeme) -> ArraySlice<UInt8> {
        source.bytes[lexeme.span.offset..<lexeme.span.offset + lexeme.span.length]
    }

    private mutating func readWords(into result: inout CanonicalLine) {
        while let word = nextWord() { add(raw(word), to: &result) }
    }

    /// A `#` that touches what is before it begins no comment, and must go on touching it.
    private func add(_ text: ArraySlice<UInt8>, to result: inout CanonicalLine) {
        result.add(text, from: line, isGlued: text.first == UInt8(ascii: "#"))
    }

    /// The words of `service NAME : TEMPLATE…` or `variable NAME: TYPE…`; the first colon may touch what is beside it.
    private mutating func readWordsWithColon(into result: inout CanonicalLine, isColonGlued: Bool) {
        var isColonRead = false
        while let word = nextWord() {
            let text = raw(word)
            guard !isColonRead, !word.isQuoted, let colon = text.firstIndex(of: UInt8(ascii: ":")) else {
                add(text, to: &result)
                continue
            }
            isColonRead = true
            if colon > text.startIndex { add(text[..<colon], to: &result) }
            result.add(":".utf8, from: line, isGlued: isColonGlued)
            if colon + 1 < text.endIndex { add(text[(colon + 1)...], to: &result) }
        }
    }

    /// `[name words…] [name words…]`
    private mutating func readAttributes(into result: inout CanonicalLine) {
        while current == UInt8(ascii: "[") {
            result.add("[".utf8, from: line)
            position += 1
            var isFirst = true
            var openBrackets = 0
            while let word = nextWord(inBrackets: true) {
                result.add(raw(word), from: line, isGlued: isFirst)
                isFirst = false
                openBrackets = unpairedBrackets(raw(word))
            }
            // A `]` that touches a word with an open `[` would be a part of it.
            result.add((openBrackets > 0 ? " ]" : "]").utf8, from: line, isGlued: true)
            position += 1
            skipBlanks()
        }
    }

    /// How many `[` outside of quotes have no `]`.
    private func unpairedBrackets(_ word: ArraySlice<UInt8>) -> Int {
        var depth = 0
        var isQuoted = false
        var isEscaped = false
        for byte in word {
            switch byte {
            case _ where isEscaped: isEscaped = false
            case UInt8(ascii: "\\"): isEscaped = isQuoted
            case UInt8(ascii: "\""): isQuoted.toggle()
            case UInt8(ascii: "[") where !isQuoted: depth += 1
            case UInt8(ascii: "]") where !isQuoted: depth -= 1
            default: break
            }
        }
        return depth
    }

    private mutating func readValue(into result: inout CanonicalLine) {
        skipBlanks()
        while true {
            let piece = readValuePiece()
            if !piece.range.isEmpty { add(source.bytes[piece.range], to: &result) }
            guard position < lineEnd, isContinuation(position) else { return }
            skipBlanks()
        }
    }

    /// The comment at `position`, if the line is not at its end.
    private mutating func remainingComment() -> CanonicalLine.Comment? {
        guard position < lineEnd else { return nil }
        let start = lines[line].range.lowerBound
        let text = commentText(position..<lineEnd)
        var words = position
        while words > start, source.bytes[words - 1].isBlank { words -= 1 }
        let isAligned = words > start && position - words > 1
        return CanonicalLine.Comment(
            text: text, column: isAligned ? displayColumn(of: source.bytes[start..<position]) : nil)
    }
}
