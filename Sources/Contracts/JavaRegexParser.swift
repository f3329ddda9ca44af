// The text of a regular expression to its tree. What Java refuses or what is not supported is an error with its place.

struct JavaRegexParser {
    let pattern: [UInt32]
    var offset = 0
    private(set) var flags = Flags()
    private var depth = 0
    private(set) var captures = 0
    private(set) var names: [String: Int] = [:]

    struct Flags {
        var caseless = false
        var dotAll = false
        var multiline = false
        var comments = false
    }

    init(_ text: String) {
        pattern = text.unicodeScalars.map(\.value)
    }

    mutating func parse() throws(JavaRegexError) -> RegexNode {
        if pattern.count > 10_000 { throw JavaRegexError(message: "it is longer than 10,000 characters") }
        let node = try choice()
        if offset < pattern.count { throw error("there is a ) without (") }
        return node
    }

    // MARK: Structure

    private mutating func choice() throws(JavaRegexError) -> RegexNode {
        depth += 1
        defer { depth -= 1 }
        if depth > 100 { throw error("it is nested too deep") }
        let outer = flags
        defer { flags = outer }
        var branches = [try sequence()]
        while skip("|") { branches.append(try sequence()) }
        return branches.count == 1 ? branches[0] : .choice(branches)
    }

    private mutating func sequence() throws(JavaRegexError) -> RegexNode {
        var nodes: [RegexNode] = []
        while let next = peek, next != "|", next != ")" {
            if flags.comments, skipComment() { continue }
            if starts("\\Q") {
                offset += 2
                // A quantifier after the quotation is for its last character.
                let literals = quoted().map { RegexNode.set(folded(.scalar($0))) }
                nodes += literals.dropLast()
                if let last = literals.last { nodes.append(try quantified(last)) }
            } else if let node = try atom() {
                nodes.append(try quantified(node))
            }
        }
        return .sequence(nodes)
    }

    private mutating func skipComment() -> Bool {
        guard let next = peek else { return false }
        if next == "#" {
            while let next = peek, next != "\n" { advance() }
            return true
        }
        if RegexSet.space.contains(next.value) {
            advance()
            return true
        }
        return false
    }

    private mutating func quantified(_ node: RegexNode) throws(JavaRegexError) -> RegexNode {
        let bounds: (min: Int, max: Int?)
        switch peek {
        case "*": bounds = (0, nil)
        case "+": bounds = (1, nil)
        case "?": bounds = (0, 1)
        case "{": return try repeated(node)
        default: return node
        }
        advance()
        return try repeated(.repeated(node, min: bounds.min, max: bounds.max, greedAfter()))
    }

    /// `{2,5}` may stand behind another quantifier; the others may not.
    private mutating func repeated(_ node: RegexNode) throws(JavaRegexError) -> RegexNode {
        var node = node
        while peek == "{" {
            let bounds = try counted()
            node = .repeated(node, min: bounds.min, max: bounds.max, greedAfter())
        }
        return node
    }

    private mutating func greedAfter() -> RegexGreed {
        if skip("?") { return .lazy }
        if skip("+") { return .possessive }
        return .greedy
    }

    /// `{2}`, `{2,}`, `{2,5}`.
    private mutating func counted() throws(JavaRegexError) -> (min: Int, max: Int?) {
        advance()
        guard let low = number() else { throw error("a { needs a number") }
        var high: Int? = low
        if skip(",") { high = number() }
        guard skip("}") else { throw error("a { is not closed") }
        if low > 1000 || (high ?? 0) > 1000 { throw error("it repeats something more than 1,000 times") }
        if let high, high < low { throw error("a repetition's numbers are in the wrong order") }
        return (low, high)
    }

    mutating func number() -> Int? {
        var value: Int?
        while let next = peek, (0x30...0x39).contains(next.value) {
            value = min((value ?? 0) * 10 + Int(next.value - 0x30), 1_000_000)
            advance()
        }
        return value
    }

    /// Nil for what stands for nothing, such as flags.
    private mutating func atom() throws(JavaRegexError) -> RegexNode? {
        guard let next = peek else { throw error("it ends too early") }
        advance()
        switch next {
        case "(": return try group()
        case "[": return .set(folded(try set()))
        case ".": return .set(flags.dotAll ? .all : .not(.terminator))
        case "^": return .assertion(flags.multiline ? .lineStart : .textStart)
        case "$": return .assertion(flags.multiline ? .lineEnd : .textEndBeforeTerminator)
        case "*", "+", "?", "{": throw error("there is nothing before the \(next) to repeat")
        case "\\": return try escape()
        default: return .set(folded(.scalar(next.value)))
        }
    }

    func folded(_ set: RegexSet) -> RegexSet { flags.caseless ? .caseless(set) : set }

    private mutating func group() throws(JavaRegexError) -> RegexNode? {
        guard skip("?") else { return try capture() }
        if skip(":") { return try closed() }
        if skip("=") { return .look(try closed(), ahead: true, negative: false) }
        if skip("!") { return .look(try closed(), ahead: true, negative: true) }
        if skip(">") { return .atomic(try closed()) }
        if skip("<") {
            if skip("=") { return .look(try closed(), ahead: false, negative: false) }
            if skip("!") { return .look(try closed(), ahead: false, negative: true) }
            return try capture(named: try name())
        }
        if skip("P"), skip("<") { return try capture(named: try name()) }
        return try inlineFlags()
    }

    private mutating func capture(named name: String? = nil) throws(JavaRegexError) -> RegexNode {
        captures += 1
        let index = captures
        if let name, names.updateValue(index, forKey: name) != nil { throw error("two groups are called \(name)") }
        return .capture(try closed(), index)
    }

    private mutating func closed() throws(JavaRegexError) -> RegexNode {
        let node = try choice()
        guard skip(")") else { throw error("a ( is not closed") }
        return node
    }

    mutating func name() throws(JavaRegexError) -> String {
        var name = ""
        while let next = peek, RegexSet.word.contains(next.value) {
            name.unicodeScalars.append(next)
            advance()
        }
        guard !name.isEmpty, skip(">") else { throw error("a group's name is not closed") }
        return name
    }

    /// `(?i)` to the end of the group, `(?i:…)` inside its own.
    private mutating func inlineFlags() throws(JavaRegexError) -> RegexNode? {
        let outer = flags
        var value = true
        while let next = peek {
            advance()
            switch next {
            case "i": flags.caseless = value
            case "s": flags.dotAll = value
            case "m": flags.multiline = value
            case "x": flags.comments = value
            case "u", "U", "d": break
            case "-": value = false
            case ")": return nil
            case ":":
                let node = try closed()
                flags = outer
                return node
            default: throw error("the group (?\(next) is not known")
            }
        }
        throw error("a ( is not closed")
    }

    // MARK: Sets

    /// What stands after `[`, to its `]`.
    private mutating func set() throws(JavaRegexError) -> RegexSet {
        depth += 1
        defer { depth -= 1 }
        if depth > 100 { throw error("it is nested too deep") }
        let isNegated = skip("^")
        var parts: [RegexSet] = []
        var left: RegexSet?
        var isFirst = true
        while true {
            guard let next = peek else { throw error("a [ is not closed") }
            if next == "]", !isFirst {
                advance()
                break
            }
            isFirst = false
            if next == "&", offset + 1 < pattern.count, pattern[offset + 1] == 0x26 {
                offset += 2
                let part = RegexSet.union(parts)
                left = left.map { .intersection($0, part) } ?? part
                parts = []
                continue
            }
            if next == "[" {
                advance()
                if let named = posix() {
                    parts.append(named)
                } else {
                    parts.append(try set())
                }
            } else {
                parts.append(try member())
            }
        }
        let whole = left.map { RegexSet.intersection($0, .union(parts)) } ?? .union(parts)
        return isNegated ? .not(folded(whole)) : whole
    }

    /// `[:alpha:]`, which JavaScript and Ruby have.
    private mutating func posix() -> RegexSet? {
        let names = ["alpha": "Alpha", "digit": "Digit", "alnum": "Alnum", "upper": "Upper", "lower": "Lower"]
        for (name, property) in names {
            if starts(":\(name):]") {
                offset += name.count + 3
                return RegexCategory.named(property)
            }
        }
        return nil
    }

    /// One character, or a range of them.
    private mutating func member() throws(JavaRegexError) -> RegexSet {
        let low = try single()
        guard case .ranges(let range) = low, range.count == 1, range[0].count == 1, let first = range.first?.lowerBound,
            peek == "-", offset + 1 < pattern.count, pattern[offset + 1] != 0x5D, pattern[offset + 1] != 0x5B
        else { return low }
        let back = offset
        advance()
        guard case .ranges(let end) = try single(), end.count == 1, end[0].count == 1, let last = end.first?.lowerBound
        else {
            offset = back
            return low
        }
        guard first <= last else { throw error("a range's ends are in the wrong order") }
        return .ranges([first...last])
    }

    private mutating func single() throws(JavaRegexError) -> RegexSet {
        guard let next = peek else { throw error("a [ is not closed") }
        advance()
        guard next == "\\" else { return .scalar(next.value) }
        if peek == "b" {
            advance()
            return .scalar(0x08)
        }
        if peek == "Q" {
            advance()
            return .union(quoted().map { .scalar($0) })
        }
        return try escapedSet()
    }

    // MARK: Characters

    private func starts(_ text: String) -> Bool {
        pattern[offset...].starts(with: text.unicodeScalars.map(\.value))
    }

    var peek: Unicode.Scalar? { offset < pattern.count ? Unicode.Scalar(pattern[offset]) : nil }

    mutating func advance() { offset += 1 }

    mutating func skip(_ scalar: Unicode.Scalar) -> Bool {
        guard peek == scalar else { return false }
        offset += 1
        return true
    }

    func error(_ message: String) -> JavaRegexError {
        JavaRegexError(message: "\(message) (character \(offset))")
    }
}
