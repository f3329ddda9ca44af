// Where a matching rule or a generator applies: the paths of the Pact specification, and the weight by which the best
// of several is found. Does not know rules or bodies.

/// One step from a value into it.
enum PathStep: Sendable, Hashable {
    case name(String)
    case index(Int)
}

/// A place in a body, a query or the headers: `$.items[0]['a b']`.
struct ValuePath: Sendable {
    private(set) var steps: [PathStep] = []

    static let root = ValuePath()

    func appending(_ step: PathStep) -> ValuePath {
        var path = self
        path.steps.append(step)
        return path
    }

    func appending(_ name: String) -> ValuePath { appending(.name(name)) }

    var text: String {
        steps.reduce(into: "$") { text, step in
            switch step {
            case .index(let index): text += "[\(index)]"
            case .name(let name): text += PathExpression.text(name)
            }
        }
    }
}

/// A path with wildcards: `$.items[*].id`.
struct PathExpression: Sendable, Hashable {
    enum Token: Sendable, Hashable {
        case name(String)
        case index(Int)
        /// `.*`: any member or element.
        case any
        /// `[*]`: any element.
        case anyIndex
    }

    var tokens: [Token]

    static let root = PathExpression(tokens: [])

    init(tokens: [Token]) {
        self.tokens = tokens
    }

    /// Reads `$`, `.name`, `['name']`, `["name"]`, `[0]`, `[*]` and `.*`. A text without `$` is one name after it.
    /// Nil where it is none of this.
    init?(_ text: String) {
        guard text.utf8.first == UInt8(ascii: "$") else {
            self.init("$." + text)
            return
        }
        var scanner = PathScanner(bytes: Array(text.utf8.dropFirst()))
        guard let tokens = scanner.tokens() else { return nil }
        self.init(tokens: tokens)
    }

    init(_ path: ValuePath, then token: Token) {
        tokens =
            path.steps.map { step in
                switch step {
                case .name(let name): .name(name)
                case .index(let index): .index(index)
                }
            } + [token]
    }

    /// The product of the weights of the root and every token, times the number of them: 0 where the expression
    /// neither is the path nor leads to it. A longer path than the expression is one it cascades to.
    func weight(of path: ValuePath) -> Double {
        guard tokens.count <= path.steps.count else { return 0 }
        var weight = 2.0
        for (token, step) in zip(tokens, path.steps) {
            switch (token, step) {
            case (.any, _), (.anyIndex, .index): break
            case (.name(let name), .name(let other)) where name.isSame(as: other): weight *= 2
            case (.index(let index), .index(let other)) where index == other: weight *= 2
            case (.name(let name), .index(let index)) where name == String(index): weight *= 2
            case (.index(let index), .name(let name)) where name == String(index): weight *= 2
            case (.anyIndex, .name(let name)) where Int(name) != nil: break
            default: return 0
            }
        }
        return weight * Double(tokens.count + 1)
    }

    func matches(_ path: ValuePath) -> Bool { weight(of: path) > 0 }

    /// True where the expression is as long as the path and matches it.
    func isExactly(_ path: ValuePath) -> Bool { tokens.count == path.steps.count && matches(path) }

    /// The canonical spelling: equal for two spellings of one expression.
    var text: String {
        tokens.reduce(into: "$") { text, token in
            switch token {
            case .name(let name): text += Self.text(name)
            case .index(let index): text += "[\(index)]"
            case .any: text += ".*"
            case .anyIndex: text += "[*]"
            }
        }
    }

    static func text(_ name: String) -> String {
        let isPlain = !name.isEmpty && name.utf8.allSatisfy { $0.isLetter || $0.isDigit || $0 == UInt8(ascii: "_") }
        if isPlain { return "." + name }
        var quoted = "['"
        for character in name.unicodeScalars {
            if character == "'" || character == "\\" { quoted += "\\" }
            quoted.unicodeScalars.append(character)
        }
        return quoted + "']"
    }
}

private struct PathScanner {
    let bytes: [UInt8]
    var offset = 0

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func tokens() -> [PathExpression.Token]? {
        var tokens: [PathExpression.Token] = []
        while offset < bytes.count {
            let token = bytes[offset] == UInt8(ascii: "[") ? bracketed() : dotted()
            guard let token, tokens.count < 500 else { return nil }
            tokens.append(token)
        }
        return tokens
    }

    /// `.name` or `.*`.
    private mutating func dotted() -> PathExpression.Token? {
        guard bytes[offset] == UInt8(ascii: ".") else { return nil }
        offset += 1
        let start = offset
        while offset < bytes.count, bytes[offset] != UInt8(ascii: "."), bytes[offset] != UInt8(ascii: "[") {
            offset += 1
        }
        let name = String(decoding: bytes[start..<offset], as: UTF8.self)
        if name.isEmpty { return nil }
        return name == "*" ? .any : .name(name)
    }

    private mutating func bracketed() -> PathExpression.Token? {
        offset += 1
        guard offset < bytes.count else { return nil }
        let first = bytes[offset]
        let token: PathExpression.Token?
        if first == UInt8(ascii: "'") || first == UInt8(ascii: "\"") {
            token = quoted(first).map { .name($0) }
        } else {
            let start = offset
            while offset < bytes.count, bytes[offset] != UInt8(ascii: "]") { offset += 1 }
            let text = String(decoding: bytes[start..<offset], as: UTF8.self)
            token = text == "*" ? .anyIndex : Int(text).flatMap { $0 >= 0 ? .index($0) : nil }
        }
        guard let token, offset < bytes.count, bytes[offset] == UInt8(ascii: "]") else { return nil }
        offset += 1
        return token
    }

    private mutating func quoted(_ quote: UInt8) -> String? {
        offset += 1
        var name: [UInt8] = []
        while offset < bytes.count, bytes[offset] != quote {
            if bytes[offset] == UInt8(ascii: "\\") { offset += 1 }
            guard offset < bytes.count else { return nil }
            name.append(bytes[offset])
            offset += 1
        }
        guard offset < bytes.count else { return nil }
        offset += 1
        return String(decoding: name, as: UTF8.self)
    }
}
