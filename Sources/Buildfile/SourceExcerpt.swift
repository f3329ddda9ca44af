// How bytes of a source look in a terminal: tabs, wide characters, what cannot or must not be shown. This file does not
// know diagnostics.

/// The part of a line that shows a span, and where the carets go below it.
struct SourceExcerpt {
    /// The widest excerpt, in cells of a terminal.
    static let widest = 100

    let text: String
    /// The cells left of the first caret.
    let column: Int
    /// The number of carets, at least 1.
    let width: Int

    /// One character as it is shown.
    private struct Cell {
        let text: String
        let width: Int
        let offset: Int
    }

    init(_ span: SourceSpan) {
        let line = span.source.line(at: span.offset).range
        let start = min(max(span.offset, line.lowerBound), line.upperBound)
        let end = min(max(span.offset + span.length, start), line.upperBound)
        var cells = Self.cells(of: span.source.bytes, in: line, around: start)
        let visible = Self.window(cells, around: start)
        let isCutLeft = visible.lowerBound > 0 || (cells.first?.offset ?? line.lowerBound) > line.lowerBound
        let lastOffset = visible.upperBound < cells.count ? cells[visible.upperBound].offset : nil
        let isCutRight = lastOffset != nil || line.upperBound > start + Self.reach
        cells = Array(cells[visible])

        let left = cells.prefix { $0.offset < start }.reduce(0) { $0 + $1.width } + (isCutLeft ? 1 : 0)
        let marked = cells.filter { $0.offset >= start && $0.offset < end }.reduce(0) { $0 + $1.width }
        column = left
        width = max(1, marked)
        let shown = (isCutLeft ? "…" : "") + cells.map(\.text).joined() + (isCutRight ? "…" : "")
        var bytes = Array(shown.utf8)
        while let last = bytes.last, last.isBlank { bytes.removeLast() }
        text = String(decoding: bytes, as: UTF8.self)
    }

    /// So many bytes left and right of the caret are looked at, however long the line is.
    private static let reach = 400

    private static func cells(of bytes: [UInt8], in line: Range<Int>, around caret: Int) -> [Cell] {
        var index = max(line.lowerBound, caret - reach)
        // Not from the middle of a character.
        while index > line.lowerBound, index > caret - reach - 4, bytes[index] & 0xC0 == 0x80 { index -= 1 }
        let end = min(line.upperBound, caret + reach)
        var cells: [Cell] = []
        var column = 0
        while index < end {
            let character = decodeCharacter(bytes, at: index, end: line.upperBound)
            var text: String
            var width: Int
            if bytes[index] == UInt8(ascii: "\t") {
                width = 4 - column % 4
                text = String(repeating: " ", count: width)
            } else if let scalar = character.scalar {
                text = escapedScalar(scalar)
                width = text.unicodeScalars.count > 1 ? text.utf8.count : cellWidth(scalar)
            } else {
                text = escapedByte(bytes[index])
                width = text.utf8.count
            }
            cells.append(Cell(text: text, width: width, offset: index))
            column += width
            index += character.length
        }
        return cells
    }

    /// The cells to show: all where they fit, else those around the caret, more of them right of it.
    private static func window(_ cells: [Cell], around caret: Int) -> Range<Int> {
        let total = cells.reduce(0) { $0 + $1.width }
        guard total > widest else { return 0..<cells.count }
        let caretCell = cells.firstIndex { $0.offset >= caret } ?? cells.count
        var first = caretCell
        var width = 0
        // Near the line's end there is more room left of the caret.
        let right = cells[caretCell...].reduce(0) { $0 + $1.width }
        let room = max(widest * 2 / 5, widest - right - 2)
        while first > 0, width + cells[first - 1].width <= room {
            first -= 1
            width += cells[first].width
        }
        var last = caretCell
        while last < cells.count, width + cells[last].width <= widest - 2 {
            width += cells[last].width
            last += 1
        }
        return first..<last
    }
}

/// `\xE9`
func escapedByte(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16, uppercase: true)
    return "\\x" + (digits.utf8.count < 2 ? "0" : "") + digits
}

/// `text` with everything escaped that a terminal would obey or hide.
func escaped(_ text: String) -> String {
    text.unicodeScalars.map(escapedScalar).joined()
}

private func escapedScalar(_ scalar: Unicode.Scalar) -> String {
    switch scalar.properties.generalCategory {
    case .control where scalar.value < 0x80: escapedByte(UInt8(scalar.value))
    case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse:
        "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
    default: String(Character(scalar))
    }
}

/// The cells that a terminal gives to a character; East Asian wide characters and emoji have two.
private func cellWidth(_ scalar: Unicode.Scalar) -> Int {
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark: return 0
    default: break
    }
    switch scalar.value {
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
        0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F900...0x1F9FF, 0x20000...0x3FFFD:
        return 2
    default: return 1
    }
}
