// The scalars of YAML: what a plain one means, what is in quotes, how a block's lines are joined.

enum YAMLScalar {
    /// What a plain scalar means by the core schema, with numbers in JSON's spelling.
    static func content(_ text: String, readsOctal: Bool) -> JSONTree.Content {
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE": return .bool(true)
        case "false", "False", "FALSE": return .bool(false)
        default: return number(text, readsOctal: readsOctal).map { .number($0) } ?? .string(text)
        }
    }

    private static func number(_ text: String, readsOctal: Bool) -> String? {
        var digits = Array(text.utf8)[...]
        if readsOctal, digits.count > 1, digits.first == UInt8(ascii: "0"), digits.allSatisfy(\.isDigit) {
            // What is none, as 0x or 089, is text.
            return Int(text, radix: 8).map { String($0) }
        }
        if digits.starts(with: "0x".utf8) {
            return Int(String(decoding: digits.dropFirst(2), as: UTF8.self), radix: 16).map { String($0) }
        }
        if digits.starts(with: "0o".utf8) {
            return Int(String(decoding: digits.dropFirst(2), as: UTF8.self), radix: 8).map { String($0) }
        }
        let isNegative = digits.first == UInt8(ascii: "-")
        if isNegative || digits.first == UInt8(ascii: "+") { digits.removeFirst() }
        var whole: [UInt8] = []
        var fraction: [UInt8]?
        while let digit = digits.first, digit.isDigit {
            whole.append(digit)
            digits.removeFirst()
        }
        if digits.first == UInt8(ascii: ".") {
            digits.removeFirst()
            var part: [UInt8] = []
            while let digit = digits.first, digit.isDigit {
                part.append(digit)
                digits.removeFirst()
            }
            fraction = part
        }
        if whole.isEmpty, fraction?.isEmpty != false { return nil }
        var power = ""
        if let mark = digits.first, mark == UInt8(ascii: "e") || mark == UInt8(ascii: "E") {
            power = String(decoding: digits, as: UTF8.self)
            let rest = digits.dropFirst()
            let sign = rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-")
            guard rest.dropFirst(sign ? 1 : 0).allSatisfy(\.isDigit), rest.count > (sign ? 1 : 0) else { return nil }
            digits = []
        }
        if !digits.isEmpty { return nil }
        let significant = whole.drop { $0 == UInt8(ascii: "0") }
        let start = significant.isEmpty ? "0" : String(decoding: significant, as: UTF8.self)
        let end = fraction.map { "." + ($0.isEmpty ? "0" : String(decoding: $0, as: UTF8.self)) } ?? ""
        return (isNegative ? "-" : "") + start + end + power
    }

    static func joined(_ lines: [String], isFolded: Bool, chomping: UInt8?) -> String {
        var content = lines
        while content.last?.isEmpty == true { content.removeLast() }
        let trailing = lines.count - content.count
        var text = isFolded && content.first?.isEmpty == true ? "\n" : ""
        for (place, line) in content.enumerated() {
            if place > 0 { text += isFolded ? fold(content, place) : "\n" }
            text += line
        }
        if chomping == UInt8(ascii: "-") || content.isEmpty && chomping == nil { return text }
        if chomping == UInt8(ascii: "+") {
            return text + String(repeating: "\n", count: trailing + (content.isEmpty ? 0 : 1))
        }
        return text + "\n"
    }

    /// What becomes of the line end before `lines[place]`.
    private static func fold(_ lines: [String], _ place: Int) -> String {
        let line = lines[place]
        let before = lines[place - 1]
        let isMore = [line, before].contains { $0.utf8.first == 0x20 || $0.utf8.first == 0x09 }
        if isMore { return "\n" }
        if line.isEmpty { return "\n" }
        return before.isEmpty ? "" : " "
    }
}

/// A scalar in quotes, perhaps over several lines.
struct YAMLQuoted {
    let bytes: [UInt8]
    var offset: Int

    mutating func text() throws(YAMLError) -> String {
        let start = offset
        let quote = bytes[offset]
        offset += 1
        var text: [UInt8] = []
        while offset < bytes.count {
            let byte = bytes[offset]
            if byte == quote {
                offset += 1
                guard quote == UInt8(ascii: "'"), offset < bytes.count, bytes[offset] == quote else {
                    return String(decoding: text, as: UTF8.self)
                }
                text.append(quote)
                offset += 1
            } else if byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
                try escape(into: &text)
            } else if byte == UInt8(ascii: "\n") {
                fold(into: &text)
            } else {
                text.append(byte)
                offset += 1
            }
        }
        throw YAMLError("this text is not closed", expected: quote == UInt8(ascii: "'") ? "'" : "\"", at: start)
    }

    /// A line end is a space; each further one stays.
    private mutating func fold(into text: inout [UInt8]) {
        while let last = text.last, last == 0x20 || last == 0x09 || last == 0x0D { text.removeLast() }
        var count = 0
        while offset < bytes.count, bytes[offset].isSpace {
            if bytes[offset] == UInt8(ascii: "\n") { count += 1 }
            offset += 1
        }
        text += count == 1 ? [0x20] : Array(repeating: 0x0A, count: count - 1)
    }

    private mutating func escape(into text: inout [UInt8]) throws(YAMLError) {
        let start = offset
        offset += 1
        guard offset < bytes.count else { throw YAMLError("this text is not closed", at: start) }
        let byte = bytes[offset]
        offset += 1
        let plain: [UInt8: UInt8] = [
            UInt8(ascii: "0"): 0, UInt8(ascii: "a"): 7, UInt8(ascii: "b"): 8, UInt8(ascii: "t"): 9,
            UInt8(ascii: "n"): 10,
            UInt8(ascii: "v"): 11, UInt8(ascii: "f"): 12, UInt8(ascii: "r"): 13, UInt8(ascii: "e"): 27,
            UInt8(ascii: " "): 32, UInt8(ascii: "\""): 34, UInt8(ascii: "/"): 47, UInt8(ascii: "\\"): 92, 9: 9,
        ]
        if let value = plain[byte] {
            text.append(value)
            return
        }
        switch byte {
        case UInt8(ascii: "x"): try scalar(digits: 2, start, into: &text)
        case UInt8(ascii: "u"): try scalar(digits: 4, start, into: &text)
        case UInt8(ascii: "U"): try scalar(digits: 8, start, into: &text)
        case UInt8(ascii: "N"): text += [0xC2, 0x85]
        case UInt8(ascii: "_"): text += [0xC2, 0xA0]
        case UInt8(ascii: "L"): text += [0xE2, 0x80, 0xA8]
        case UInt8(ascii: "P"): text += [0xE2, 0x80, 0xA9]
        case UInt8(ascii: "\n"):
            while offset < bytes.count, bytes[offset] == 0x20 || bytes[offset] == 0x09 { offset += 1 }
        default: throw YAMLError("this escape is not known", expected: "such as \\n or \\u00e4", at: start)
        }
    }

    private mutating func scalar(digits: Int, _ start: Int, into text: inout [UInt8]) throws(YAMLError) {
        var value: UInt32 = 0
        for _ in 0..<digits {
            guard offset < bytes.count, let digit = bytes[offset].hexValue else {
                throw YAMLError("this escape is not whole", expected: "\(digits) hex digits", at: start)
            }
            value = value << 4 | UInt32(digit)
            offset += 1
        }
        guard let scalar = Unicode.Scalar(value) else {
            throw YAMLError("this escape is no character", at: start)
        }
        text += Array(String(Character(scalar)).utf8)
    }
}

extension UInt8 {
    var isSpace: Bool { self == 0x20 || (0x09...0x0D).contains(self) }
    var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }

    /// The value of a hex digit.
    var hexValue: UInt8? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

extension String {
    /// Without spaces, tabs and line ends at both ends.
    var trimmed: String {
        let bytes = Array(utf8)
        guard let start = bytes.firstIndex(where: { !$0.isSpace }),
            let end = bytes.lastIndex(where: { !$0.isSpace })
        else { return "" }
        return String(decoding: bytes[start...end], as: UTF8.self)
    }
}
