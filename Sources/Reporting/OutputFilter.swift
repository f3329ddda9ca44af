// What a command printed, made safe to show. Does not know where it is shown, only whether colours work there.

/// Lets text, newlines, tabs and (where they work) colours through, and turns every other byte that a terminal or a CI
/// runner would obey into visible text (`\x1b]0;…`). Nothing is left out but colours that cannot be shown, the "erase
/// to the end of the line" that compilers pair with them, and carriage returns, which become line ends.
package struct OutputFilter: Sendable, Hashable {
    let allowsColour: Bool
    let neutralisesCommands: Bool

    /// `allowsColour`: pass `ESC [ … m` on, and end with a reset where there was one. `neutralisesCommands`: break up
    /// `::command` at a line's start and `##[…`/`##vso[…` anywhere with a backslash.
    package init(allowsColour: Bool, neutralisesCommands: Bool) {
        self.allowsColour = allowsColour
        self.neutralisesCommands = neutralisesCommands
    }

    package func filtered(_ bytes: [UInt8]) -> [UInt8] {
        let shown = withoutControls(bytes)
        return neutralisesCommands ? Self.withoutCommands(shown) : shown
    }

    package func filtered(_ text: String) -> String {
        String(decoding: filtered(Array(text.utf8)), as: UTF8.self)
    }

    private func withoutControls(_ bytes: [UInt8]) -> [UInt8] {
        var shown: [UInt8] = []
        shown.reserveCapacity(bytes.count + 16)
        var hasColour = false
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            switch byte {
            case 0x20...0x7E, 0x09, 0x0A:
                shown.append(byte)
                index += 1
            case 0x0D:
                // A bare return would let later text overwrite earlier text.
                while index < bytes.count, bytes[index] == 0x0D { index += 1 }
                if index == bytes.count || bytes[index] != 0x0A { shown.append(0x0A) }
            case 0x1B:
                let sequence = ControlSequence(bytes, at: index)
                switch sequence?.meaning {
                case .colour:
                    if allowsColour {
                        shown.append(contentsOf: bytes[index..<index + (sequence?.length ?? 1)])
                        hasColour = true
                    }
                    index += sequence?.length ?? 1
                case .eraseLine: index += sequence?.length ?? 1
                case .other, nil:
                    Self.escape(byte, to: &shown)
                    index += 1
                }
            case 0x80...:
                let length = Self.safeScalarLength(bytes, at: index)
                if length > 0 {
                    shown.append(contentsOf: bytes[index..<index + length])
                } else {
                    Self.escape(byte, to: &shown)
                }
                index += max(1, length)
            default:
                Self.escape(byte, to: &shown)
                index += 1
            }
        }
        if hasColour {
            let reset = Array("\u{1B}[0m".utf8)
            let at = shown.last == 0x0A ? shown.count - 1 : shown.count
            shown.insert(contentsOf: reset, at: at)
        }
        return shown
    }

    private static func escape(_ byte: UInt8, to shown: inout [UInt8]) {
        let digits = Array("0123456789abcdef".utf8)
        shown.append(contentsOf: "\\x".utf8)
        shown.append(contentsOf: [digits[Int(byte >> 4)], digits[Int(byte & 15)]])
    }

    /// The length of the well-formed UTF-8 scalar at `index`; 0 where there is none, or it is a C1 control or changes
    /// the direction of the text after it.
    private static func safeScalarLength(_ bytes: [UInt8], at index: Int) -> Int {
        let first = bytes[index]
        let length = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0
        guard length > 0, index + length <= bytes.count else { return 0 }
        var value = UInt32(first) & (0x7F >> UInt32(length))
        for byte in bytes[(index + 1)..<(index + length)] {
            guard byte & 0xC0 == 0x80 else { return 0 }
            value = value << 6 | UInt32(byte & 0x3F)
        }
        let least: UInt32 = length == 2 ? 0x80 : length == 3 ? 0x800 : 0x10000
        guard value >= least, Unicode.Scalar(value) != nil else { return 0 }
        switch value {
        case 0x80...0x9F, 0x061C, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069: return 0
        default: return length
        }
    }

    private static func withoutCommands(_ bytes: [UInt8]) -> [UInt8] {
        var shown: [UInt8] = []
        shown.reserveCapacity(bytes.count + 16)
        for (number, line) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            if number > 0 { shown.append(0x0A) }
            let start = line.firstIndex { $0 != 0x20 && $0 != 0x09 } ?? line.endIndex
            for index in line.indices {
                let rest = line[index...]
                if index == start, rest.starts(with: "::".utf8) { shown.append(UInt8(ascii: "\\")) }
                shown.append(line[index])
                if rest.starts(with: "##".utf8), isBracketed(rest.dropFirst(2)) { shown.append(UInt8(ascii: "\\")) }
            }
        }
        return shown
    }

    /// Whether lower-case letters and then `[` begin `text`.
    private static func isBracketed(_ text: ArraySlice<UInt8>) -> Bool {
        text.first { $0 < UInt8(ascii: "a") || $0 > UInt8(ascii: "z") } == UInt8(ascii: "[")
    }
}

/// `ESC [ parameters intermediates final` (ECMA-48, 5.4).
private struct ControlSequence {
    enum Meaning {
        case colour, eraseLine, other
    }

    let length: Int
    let meaning: Meaning

    /// Nil where no whole sequence begins at `index`.
    init?(_ bytes: [UInt8], at index: Int) {
        guard index + 2 < bytes.count, bytes[index + 1] == UInt8(ascii: "[") else { return nil }
        var end = index + 2
        while end < bytes.count, (0x30...0x3F).contains(bytes[end]), end - index < 64 { end += 1 }
        let parameters = bytes[(index + 2)..<end]
        guard end < bytes.count, (0x40...0x7E).contains(bytes[end]) else { return nil }
        length = end + 1 - index
        switch bytes[end] {
        case UInt8(ascii: "m"): meaning = Self.isVisible(parameters) ? .colour : .other
        case UInt8(ascii: "K"): meaning = parameters.isEmpty || parameters.elementsEqual("0".utf8) ? .eraseLine : .other
        default: meaning = .other
        }
    }

    /// Whether these are plain SGR parameters, and none of them is 8, which would hide what follows.
    private static func isVisible(_ parameters: ArraySlice<UInt8>) -> Bool {
        let text = String(decoding: parameters, as: UTF8.self)
        guard text.allSatisfy({ $0.isNumber || $0 == ";" || $0 == ":" }) else { return false }
        let fields = text.split(separator: ";", omittingEmptySubsequences: false)
        var index = 0
        while index < fields.count {
            switch Int(fields[index]) {
            case 8: return false
            case 38, 48, 58:
                // The numbers of a palette or RGB colour follow.
                let kind = index + 1 < fields.count ? Int(fields[index + 1]) : nil
                index += kind == 5 ? 3 : kind == 2 ? 5 : 1
            default: index += 1
            }
        }
        return true
    }
}
