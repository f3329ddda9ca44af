// Bytes and characters: UTF-8 as the Unicode Standard (table 3-7) allows it, and the classes of bytes that a Buildfile
// knows. This file does not know lines or words.

/// One character of UTF-8, or one byte that is none.
struct DecodedCharacter {
    /// Nil for a byte that begins no well-formed character.
    let scalar: Unicode.Scalar?
    /// The number of bytes taken; 1 for a bad byte.
    let length: Int
}

/// The character that begins at `index`, which is smaller than `end`; no byte at or after `end` is looked at.
func decodeCharacter(_ bytes: [UInt8], at index: Int, end: Int) -> DecodedCharacter {
    let bad = DecodedCharacter(scalar: nil, length: 1)
    let first = UInt32(bytes[index])
    if first < 0x80 { return DecodedCharacter(scalar: Unicode.Scalar(first), length: 1) }
    let length: Int
    let smallest: UInt32
    var value: UInt32
    switch first {
    case 0xC2...0xDF: (length, smallest, value) = (2, 0x80, first & 0x1F)
    case 0xE0...0xEF: (length, smallest, value) = (3, 0x800, first & 0x0F)
    case 0xF0...0xF4: (length, smallest, value) = (4, 0x10000, first & 0x07)
    default: return bad
    }
    guard index + length <= end else { return bad }
    for next in index + 1..<index + length {
        guard bytes[next] & 0xC0 == 0x80 else { return bad }
        value = value << 6 | UInt32(bytes[next] & 0x3F)
    }
    guard value >= smallest, let scalar = Unicode.Scalar(value) else { return bad }
    return DecodedCharacter(scalar: scalar, length: length)
}

extension UInt8 {
    /// A space or a tab.
    var isBlank: Bool { self == UInt8(ascii: " ") || self == UInt8(ascii: "\t") }

    var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }

    var isLowercaseLetter: Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self) }

    var isLetter: Bool { isLowercaseLetter || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self) }
}

/// Whether `text` has the form of a component's, template's, tool's, environment's or stage's name.
package func isName(_ text: String) -> Bool {
    let bytes = text.utf8
    guard let first = bytes.first, bytes.count <= 128, first.isLowercaseLetter || first.isDigit else { return false }
    return bytes.allSatisfy {
        $0.isLowercaseLetter || $0.isDigit || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_")
            || $0 == UInt8(ascii: "-")
    }
}

/// Whether `text` has the form of a variable's name.
package func isVariableName(_ text: String) -> Bool {
    guard let first = text.utf8.first, first.isLetter || first == UInt8(ascii: "_") else { return false }
    return text.utf8.allSatisfy { $0.isLetter || $0.isDigit || $0 == UInt8(ascii: "_") }
}
