// What stands behind a backslash in a regular expression of Java's. Does not know what an expression is made of.

extension JavaRegexParser {
    mutating func escape() throws(JavaRegexError) -> RegexNode {
        guard let next = peek else { throw error("it ends with a \\") }
        switch next {
        case "b", "B", "A", "z", "Z", "G":
            advance()
            if next == "G" { throw error("\\G is not supported") }
            let assertions: [Unicode.Scalar: RegexAssertion] = [
                "b": .wordBoundary, "B": .noWordBoundary, "A": .textStart, "z": .textEnd, "Z": .textEndBeforeTerminator,
            ]
            return .assertion(assertions[next] ?? .textEnd)
        case "R":
            advance()
            let pair = RegexNode.sequence([.set(.scalar(0x0D)), .set(.scalar(0x0A))])
            return .choice([pair, .set(.union([.ranges([0x0A...0x0D]), .terminator]))])
        case "1", "2", "3", "4", "5", "6", "7", "8", "9":
            return .backreference(number() ?? 0, caseless: flags.caseless)
        case "k":
            advance()
            guard skip("<") else { throw error("\\k needs a name") }
            guard let index = names[try name()] else { throw error("\\k names no group") }
            return .backreference(index, caseless: flags.caseless)
        default: return .set(folded(try escapedSet()))
        }
    }

    mutating func quoted() -> [UInt32] {
        var scalars: [UInt32] = []
        while offset < pattern.count {
            if pattern[offset] == 0x5C, offset + 1 < pattern.count, pattern[offset + 1] == 0x45 {
                offset += 2
                break
            }
            scalars.append(pattern[offset])
            offset += 1
        }
        return scalars
    }

    /// An escape that stands for one character of some.
    mutating func escapedSet() throws(JavaRegexError) -> RegexSet {
        guard let next = peek else { throw error("it ends with a \\") }
        advance()
        switch next {
        case "d": return .digit
        case "D": return .not(.digit)
        case "w": return .word
        case "W": return .not(.word)
        case "s": return .space
        case "S": return .not(.space)
        case "h": return .ranges([0x09...0x09, 0x20...0x20, 0xA0...0xA0, 0x1680...0x1680, 0x2000...0x200A])
        case "H": return .not(.ranges([0x09...0x09, 0x20...0x20, 0xA0...0xA0, 0x1680...0x1680, 0x2000...0x200A]))
        case "v": return .ranges([0x0A...0x0D, 0x85...0x85, 0x2028...0x2029])
        case "V": return .not(.ranges([0x0A...0x0D, 0x85...0x85, 0x2028...0x2029]))
        case "N": return .not(.terminator)
        case "p": return try property()
        case "P": return .not(try property())
        case "t": return .scalar(0x09)
        case "n": return .scalar(0x0A)
        case "r": return .scalar(0x0D)
        case "f": return .scalar(0x0C)
        case "a": return .scalar(0x07)
        case "e": return .scalar(0x1B)
        case "0": return .scalar(octal())
        case "x": return .scalar(try hex(digits: 2))
        case "u": return .scalar(try unicode())
        case "c":
            guard let control = peek else { throw error("it ends with \\c") }
            advance()
            return .scalar(control.value ^ 0x40)
        default:
            if RegexSet.isLetter(next.value) { throw error("\\\(next) is not known") }
            return .scalar(next.value)
        }
    }

    private mutating func property() throws(JavaRegexError) -> RegexSet {
        var name = ""
        if skip("{") {
            while let next = peek, next != "}" {
                name.unicodeScalars.append(next)
                advance()
            }
            guard skip("}") else { throw error("\\p{ is not closed") }
        } else if let next = peek {
            name.unicodeScalars.append(next)
            advance()
        }
        guard let set = RegexCategory.named(name) else { throw error("\\p{\(name)} is not known") }
        return set
    }

    private mutating func octal() -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<3 {
            guard let next = peek, (0x30...0x37).contains(next.value), value * 8 + next.value - 0x30 < 256 else {
                break
            }
            value = value * 8 + next.value - 0x30
            advance()
        }
        return value
    }

    private mutating func unicode() throws(JavaRegexError) -> UInt32 {
        if skip("{") {
            offset -= 1
            return try hex(digits: 4)
        }
        let unit = try hex(digits: 4)
        // Two halves of one character.
        guard (0xD800..<0xDC00).contains(unit), offset + 1 < pattern.count, pattern[offset] == 0x5C,
            pattern[offset + 1] == 0x75
        else { return unit }
        offset += 2
        let low = try hex(digits: 4)
        guard (0xDC00..<0xE000).contains(low) else { throw error("a \\u pair is no character") }
        return 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
    }

    private mutating func hex(digits: Int) throws(JavaRegexError) -> UInt32 {
        let isOpen = skip("{")
        var value: UInt32 = 0
        var count = 0
        while let next = peek, next.isASCII, let digit = UInt8(next.value).hexValue, isOpen ? count < 6 : count < digits
        {
            value = value << 4 | UInt32(digit)
            count += 1
            advance()
        }
        guard count > 0, isOpen || count == digits, !isOpen || skip("}"), value <= 0x10FFFF else {
            throw error("a \\x or \\u needs \(digits) hex digits")
        }
        return value
    }
}
