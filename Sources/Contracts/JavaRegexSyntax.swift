// Regular expressions as pacts have them, Java's dialect (and what JavaScript shares with it), to a tree. Swift's own
// regular expressions read another dialect, match by characters that are drawn, and have no bound on their time.

/// A regular expression that can't be used.
struct JavaRegexError: Error, Hashable {
    let message: String
}

/// A part of a regular expression.
indirect enum RegexNode: Sendable {
    case set(RegexSet)
    case sequence([RegexNode])
    case choice([RegexNode])
    case repeated(RegexNode, min: Int, max: Int?, RegexGreed)
    case capture(RegexNode, Int)
    case atomic(RegexNode)
    case look(RegexNode, ahead: Bool, negative: Bool)
    case backreference(Int, caseless: Bool)
    case assertion(RegexAssertion)
}

enum RegexGreed: Sendable { case greedy, lazy, possessive }

enum RegexAssertion: Sendable {
    case textStart, textEnd, textEndBeforeTerminator, lineStart, lineEnd, wordBoundary, noWordBoundary
}

/// Some of all Unicode scalars.
indirect enum RegexSet: Sendable {
    case ranges([ClosedRange<UInt32>])
    case category(RegexCategory)
    case not(RegexSet)
    case union([RegexSet])
    case intersection(RegexSet, RegexSet)
    /// A to Z and a to z are one.
    case caseless(RegexSet)

    func contains(_ scalar: UInt32) -> Bool {
        switch self {
        case .ranges(let ranges): return ranges.contains { $0.contains(scalar) }
        case .category(let category): return category.contains(scalar)
        case .not(let set): return !set.contains(scalar)
        case .union(let sets): return sets.contains { $0.contains(scalar) }
        case .intersection(let left, let right): return left.contains(scalar) && right.contains(scalar)
        case .caseless(let set):
            if set.contains(scalar) { return true }
            return Self.isLetter(scalar) && set.contains(scalar ^ 0x20)
        }
    }

    static func isLetter(_ scalar: UInt32) -> Bool { (0x61...0x7A).contains(scalar | 0x20) && scalar < 0x80 }

    static func scalar(_ scalar: UInt32) -> RegexSet { .ranges([scalar...scalar]) }

    static let digit = RegexSet.ranges([0x30...0x39])
    static let word = RegexSet.ranges([0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
    static let space = RegexSet.ranges([0x09...0x0D, 0x20...0x20])
    static let terminator = RegexSet.ranges([0x0A...0x0A, 0x0D...0x0D, 0x85...0x85, 0x2028...0x2029])
    static let all = RegexSet.ranges([0...0x10FFFF])
}

/// Sets that Unicode names.
enum RegexCategory: Sendable {
    case letter, upper, lower, title, modifier, otherLetter, mark, number, decimal, punctuation, symbol, separator
    case control, format, alphabetic, white

    func contains(_ scalar: UInt32) -> Bool {
        guard let scalar = Unicode.Scalar(scalar) else { return false }
        let properties = scalar.properties
        let category = properties.generalCategory
        switch self {
        case .upper: return category == .uppercaseLetter
        case .lower: return category == .lowercaseLetter
        case .title: return category == .titlecaseLetter
        case .modifier: return category == .modifierLetter
        case .otherLetter: return category == .otherLetter
        case .letter:
            return [.uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter]
                .contains(category)
        case .mark: return [.nonspacingMark, .spacingMark, .enclosingMark].contains(category)
        case .decimal: return category == .decimalNumber
        case .number: return [.decimalNumber, .letterNumber, .otherNumber].contains(category)
        case .punctuation:
            return [
                .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
                .finalPunctuation, .otherPunctuation,
            ].contains(category)
        case .symbol: return [.mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol].contains(category)
        case .separator: return [.spaceSeparator, .lineSeparator, .paragraphSeparator].contains(category)
        case .control: return category == .control
        case .format: return category == .format
        case .alphabetic: return properties.isAlphabetic
        case .white: return properties.isWhitespace
        }
    }

    /// What stands between the braces of `\p{…}`.
    static func named(_ name: String) -> RegexSet? {
        let plain = name.hasPrefix("Is") ? String(name.dropFirst(2)) : name
        switch plain {
        case "L", "Letter": return .category(.letter)
        case "Lu", "Uppercase": return .category(.upper)
        case "Ll", "Lowercase": return .category(.lower)
        case "Lt": return .category(.title)
        case "Lm": return .category(.modifier)
        case "Lo": return .category(.otherLetter)
        case "M": return .category(.mark)
        case "N": return .category(.number)
        case "Nd": return .category(.decimal)
        case "P", "Punctuation": return .category(.punctuation)
        case "S": return .category(.symbol)
        case "Z": return .category(.separator)
        case "C", "Cc", "Control": return .category(.control)
        case "Cf": return .category(.format)
        case "Alphabetic": return .category(.alphabetic)
        case "White_Space", "WhiteSpace": return .category(.white)
        case "Lower": return .ranges([0x61...0x7A])
        case "Upper": return .ranges([0x41...0x5A])
        case "ASCII": return .ranges([0...0x7F])
        case "Alpha": return .ranges([0x41...0x5A, 0x61...0x7A])
        case "Digit": return .digit
        case "Alnum": return .ranges([0x30...0x39, 0x41...0x5A, 0x61...0x7A])
        case "Punct": return .ranges([0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E])
        case "Graph": return .ranges([0x21...0x7E])
        case "Print": return .ranges([0x20...0x7E])
        case "Blank": return .ranges([0x09...0x09, 0x20...0x20])
        case "Cntrl": return .ranges([0...0x1F, 0x7F...0x7F])
        case "XDigit": return .ranges([0x30...0x39, 0x41...0x46, 0x61...0x66])
        case "Space": return .space
        default: return nil
        }
    }
}
