// Bytes → lines → words. This file does not know keywords, blocks or recipes: the parser does.

/// One line of the text as it stands there.
struct PhysicalLine {
    /// Without the line end (LF, or CR and LF).
    let range: Range<Int>
    /// Where the first byte stands that is no blank; the range's end in a blank line.
    let contentStart: Int
    let isComment: Bool
    /// The columns that the indentation takes, tabs going to multiples of eight.
    let indentationWidth: Int
    /// Whether the indentation has no tab.
    let isIndentedBySpaces: Bool

    var indentation: Range<Int> { range.lowerBound..<contentStart }
    var isBlank: Bool { contentStart == range.upperBound }
}

/// A word, and whether a part of it was quoted (a quoted `|` separates nothing).
struct Lexeme {
    let word: Word
    let isQuoted: Bool

    var text: String { word.text }
    var span: SourceSpan { word.span }
}

/// Reads one logical line after the other, word by word; a `\` at a line's end leads on to the next line.
struct Lexer {
    let source: SourceText
    let lines: [PhysicalLine]
    var mistakes: MistakeLog
    /// The line that `position` is in.
    private(set) var line = 0
    var position = 0

    private let bytes: [UInt8]

    init(_ source: SourceText, mistakes: MistakeLog) {
        self.source = source
        self.mistakes = mistakes
        bytes = source.bytes
        lines = Self.splitLines(bytes, from: source.hasByteOrderMark ? 3 : 0)
    }

    private static func splitLines(_ bytes: [UInt8], from first: Int) -> [PhysicalLine] {
        bytes.withUnsafeBufferPointer { bytes in
            var lines: [PhysicalLine] = []
            // Lines of Buildfiles are longer than this on average, so there is nearly always room.
            lines.reserveCapacity(bytes.count / 20 + 4)
            var start = first
            while start < bytes.count {
                var content = start
                var width = 0
                var hasTab = false
                while content < bytes.count, bytes[content].isBlank {
                    let isTab = bytes[content] == UInt8(ascii: "\t")
                    hasTab = hasTab || isTab
                    width += isTab ? 8 - width % 8 : 1
                    content += 1
                }
                var lineFeed = content
                while lineFeed < bytes.count, bytes[lineFeed] != UInt8(ascii: "\n") { lineFeed += 1 }
                let end = lineFeed > start && bytes[lineFeed - 1] == UInt8(ascii: "\r") ? lineFeed - 1 : lineFeed
                let isComment = content < end && bytes[content] == UInt8(ascii: "#")
                lines.append(
                    PhysicalLine(
                        range: start..<end, contentStart: content, isComment: isComment, indentationWidth: width,
                        isIndentedBySpaces: !hasTab))
                start = lineFeed + 1
            }
            return lines
        }
    }

    var lineEnd: Int { lines[line].range.upperBound }

    /// The byte at `position`, or nil at the end of the physical line.
    var current: UInt8? { byte(at: position) }

    func byte(at index: Int) -> UInt8? { index < lineEnd ? bytes[index] : nil }

    func span(_ range: Range<Int>) -> SourceSpan {
        SourceSpan(source, offset: range.lowerBound, length: range.count)
    }

    func text(_ range: Range<Int>) -> String {
        bytes.withUnsafeBufferPointer { String(decoding: UnsafeBufferPointer(rebasing: $0[range]), as: UTF8.self) }
    }

    /// Goes to the first byte of `line` that is no blank.
    mutating func begin(line: Int) {
        self.line = line
        position = lines[line].contentStart
    }

    /// True at the end of the logical line or before its comment; blanks have to be skipped before.
    var isAtEnd: Bool { position >= lineEnd || isCommentStart(position) }

    private func isCommentStart(_ index: Int) -> Bool {
        byte(at: index) == UInt8(ascii: "#")
            && (index == lines[line].contentStart || (index > 0 && bytes[index - 1].isBlank))
    }

    func isContinuation(_ index: Int) -> Bool {
        index == lineEnd - 1 && bytes[index] == UInt8(ascii: "\\")
    }

    /// Skips blanks and line ends after a `\`.
    mutating func skipBlanks() {
        while let byte = current {
            if byte.isBlank {
                position += 1
            } else if isContinuation(position) {
                continueLine()
            } else {
                return
            }
        }
    }

    private mutating func continueLine() {
        guard line + 1 < lines.count else {
            mistakes.report(
                .badSyntax, "a '\\' continues this line, but the file ends", at: span(position..<position + 1),
                hint: "remove the '\\'")
            position = lineEnd
            return
        }
        begin(line: line + 1)
    }

    /// The words up to the end of the logical line.
    mutating func remainingWords() -> [Lexeme] {
        var words: [Lexeme] = []
        while let word = nextWord() { words.append(word) }
        return words
    }

    /// The next word of the logical line. In brackets an unpaired `]` ends the word, and no word begins with one.
    mutating func nextWord(inBrackets: Bool = false) -> Lexeme? {
        skipBlanks()
        guard !isAtEnd, !(inBrackets && current == UInt8(ascii: "]")) else { return nil }
        let start = position
        if let end = plainWordEnd(inBrackets: inBrackets) {
            position = end
            return Lexeme(word: Word(text(start..<end), span(start..<end)), isQuoted: false)
        }
        var text: [UInt8] = []
        var isQuoted = false
        var depth = 0
        while let byte = current, !byte.isBlank, !isContinuation(position) {
            if byte == UInt8(ascii: "\"") {
                isQuoted = true
                readQuoted(into: &text)
                continue
            }
            if inBrackets, byte == UInt8(ascii: "]") {
                if depth == 0 { break }
                depth -= 1
            } else if byte == UInt8(ascii: "[") {
                depth += 1
            }
            text.append(byte)
            position += 1
        }
        let lexeme = Lexeme(
            word: Word(String(decoding: text, as: UTF8.self), span(start..<position)), isQuoted: isQuoted)
        checkCharacters(text, lexeme)
        return lexeme
    }

    /// Where the word at `position` ends, if it has nothing but bytes that stand for themselves, as nearly all have.
    private func plainWordEnd(inBrackets: Bool) -> Int? {
        let limit = lineEnd
        return bytes.withUnsafeBufferPointer { bytes in
            var end = position
            while end < limit {
                let byte = bytes[end]
                switch byte {
                case UInt8(ascii: " "), UInt8(ascii: "\t"): return end
                case 0..<0x20, 0x7F, UInt8(ascii: "\""), UInt8(ascii: "\\"): return nil
                case UInt8(ascii: "["), UInt8(ascii: "]"):
                    guard inBrackets else { break }
                    // A word in brackets that ends at them is plain still.
                    return byte == UInt8(ascii: "]") ? end : nil
                default: break
                }
                end += 1
            }
            return end
        }
    }

    private mutating func checkCharacters(_ text: [UInt8], _ lexeme: Lexeme) {
        if text.count == 1, text[0] == UInt8(ascii: "\\"), !lexeme.isQuoted {
            mistakes.report(
                .badSyntax, "a '\\' continues a line only as its last character", at: lexeme.span,
                hint: "remove what follows it, blanks included")
        } else if text.contains(where: { ($0 < 0x20 && $0 != UInt8(ascii: "\t") && $0 != 0) || $0 == 0x7F }) {
            mistakes.report(
                .badSyntax, "a control character in a word", at: lexeme.span, hint: "only recipes may hold them")
        }
    }

    /// Appends what stands between the quote at `position` and its end; inside, `\"` is a quote and `\\` a backslash.
    private mutating func readQuoted(into text: inout [UInt8]) {
        let open = position
        position += 1
        while let byte = current {
            if byte == UInt8(ascii: "\"") {
                position += 1
                return
            }
            if let escaped = escapedQuoteOrBackslash(position) {
                text.append(escaped)
                position += 2
            } else {
                text.append(byte)
                position += 1
            }
        }
        reportOpenQuote(open)
    }

    private func escapedQuoteOrBackslash(_ index: Int) -> UInt8? {
        guard bytes[index] == UInt8(ascii: "\\"), let next = byte(at: index + 1) else { return nil }
        return next == UInt8(ascii: "\"") || next == UInt8(ascii: "\\") ? next : nil
    }

    private mutating func reportOpenQuote(_ open: Int) {
        mistakes.report(
            .badSyntax, "a quote is opened and not closed in this line", at: span(open..<open + 1),
            hint: "close it with '\"'; inside quotes a quote is written '\\\"'")
    }

    /// The rest of the logical line as one value: trimmed, its comment removed, quotes around the whole of it removed;
    /// where a `\` continues it, the parts are joined by a space.
    mutating func remainingValue() -> Word {
        skipBlanks()
        if let plain = plainValue() { return plain }
        let start = position
        var end = position
        var pieces: [Range<Int>] = []
        var quotedWhole = false
        while true {
            let piece = readValuePiece()
            if !piece.range.isEmpty {
                quotedWhole = pieces.isEmpty && piece.isQuoted
                pieces.append(piece.range)
                end = piece.range.upperBound
            }
            let before = line
            guard position < lineEnd, isContinuation(position) else { break }
            skipBlanks()
            guard line != before else { break }
        }
        position = lineEnd
        let whole = span(start..<end)
        guard quotedWhole, pieces.count == 1 else {
            return Word(pieces.map { text($0) }.joined(separator: " "), whole)
        }
        let raw = bytes[start + 1..<end - 1]
        var unquoted: [UInt8] = []
        var index = raw.startIndex
        while index < raw.endIndex {
            let escaped = escapedQuoteOrBackslash(index)
            unquoted.append(escaped ?? bytes[index])
            index += escaped == nil ? 1 : 2
        }
        return Word(String(decoding: unquoted, as: UTF8.self), whole)
    }

    /// The rest of the line as a value, where it has neither quotes, nor `#`, nor a `\` at its end.
    private mutating func plainValue() -> Word? {
        let start = position
        let limit = lineEnd
        let found: Int? = bytes.withUnsafeBufferPointer { bytes in
            var end = start
            for index in start..<limit {
                let byte = bytes[index]
                if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "#") { return nil }
                if !byte.isBlank { end = index + 1 }
            }
            return end == limit && end > start && bytes[end - 1] == UInt8(ascii: "\\") ? nil : end
        }
        guard let end = found else { return nil }
        position = limit
        return Word(text(start..<end), span(start..<end))
    }

    /// A value's part in this physical line, and whether one pair of quotes holds all of it.
    mutating func readValuePiece() -> (range: Range<Int>, isQuoted: Bool) {
        let start = position
        var end = start
        var open: Int?
        var firstPairEnd: Int?
        while let byte = current {
            if open == nil, isCommentStart(position) || isContinuation(position) { break }
            if byte == UInt8(ascii: "\"") {
                if open == start { firstPairEnd = position + 1 }
                open = open == nil ? position : nil
            } else if open != nil, escapedQuoteOrBackslash(position) != nil {
                position += 1
            }
            position += 1
            if !byte.isBlank || open != nil { end = position }
        }
        if let open { reportOpenQuote(open) }
        return (start..<end, open == nil && firstPairEnd == end)
    }

    /// Leaves the logical line unread to its end, and says which line comes after it.
    mutating func finishLine() -> Int {
        while nextWord() != nil {}
        return line + 1
    }
}
