// How many columns of a terminal text takes. Knows Unicode's East Asian widths roughly: enough to cut a line, and
// where it errs a line is cut too early or wraps, never more.

extension String {
    /// Columns on a terminal, for text without control characters.
    package var displayWidth: Int {
        // Nearly all names are ASCII, where each byte is a column (but for a line end of two bytes, which is one character).
        if utf8.allSatisfy({ $0 < 0x80 && $0 != UInt8(ascii: "\r") }) { return utf8.count }
        return reduce(0) { $0 + $1.displayWidth }
    }

    /// At most `width` columns of the text, the last of them `…` where something was cut off.
    func cut(to width: Int) -> String {
        if displayWidth <= width { return self }
        guard width > 0 else { return "" }
        var kept = ""
        var used = 0
        for character in self {
            if used + character.displayWidth > width - 1 { break }
            kept.append(character)
            used += character.displayWidth
        }
        return kept + "…"
    }

    /// The text with spaces after it, up to `width` columns.
    package func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - displayWidth))
    }
}

extension Character {
    var displayWidth: Int { unicodeScalars.map(\.displayWidth).max() ?? 0 }
}

extension Unicode.Scalar {
    fileprivate var displayWidth: Int {
        if value < 0x300 { return 1 }
        switch properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: return 0
        default: break
        }
        switch value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x4DBF, 0x4E00...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3,
            0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F,
            0x1F680...0x1F6FF, 0x1F900...0x1F9FF, 0x20000...0x3FFFD:
            return 2
        default: return 1
        }
    }
}
