import Buildfile

/// Replaces `$name` and `${name}` in headers and directives. Does not know where variables come from beyond its layers.
struct VariableScope {
    struct BuiltIn: Sendable {
        let name: String
        let value: String
    }

    /// `$name`, `$stage`, …: win over everything declared; few, so they are looked through.
    private let builtIns: [BuiltIn]
    /// A component's variables.
    private let own: [String: VariableDeclaration]
    private let globals: [String: VariableDeclaration]
    private let settings: SharedSettings
    /// Names that words mentioned since the scope was made; what their values mention in turn does not count.
    private(set) var mentioned: Set<String> = []
    /// Every name that was looked for, declared or not; few.
    private(set) var asked: [String] = []
    private(set) var diagnostics: [Diagnostic] = []
    private var active: [String] = []

    init(
        builtIns: [BuiltIn], own: [String: VariableDeclaration], globals: [String: VariableDeclaration],
        settings: SharedSettings
    ) {
        self.builtIns = builtIns
        self.own = own
        self.globals = globals
        self.settings = settings
    }

    private func declaration(of name: String) -> VariableDeclaration? { own[name] ?? globals[name] }

    /// Whether `name` is built in or declared.
    mutating func knows(_ name: String) -> Bool {
        note(name)
        return builtIn(name) != nil || own[name] != nil || globals[name] != nil
    }

    private mutating func note(_ name: String) {
        if !asked.contains(name) { asked.append(name) }
    }

    private func builtIn(_ name: String) -> String? {
        for variable in builtIns where variable.name == name { return variable.value }
        return nil
    }

    var names: Set<String> { Set(builtIns.map(\.name)).union(own.keys).union(globals.keys) }

    /// The value of `name`, or nil (and a diagnostic) where it has none.
    mutating func value(of name: String, at span: SourceSpan) -> String? {
        if active.isEmpty { mentioned.insert(name) }
        note(name)
        if let value = builtIn(name) { return value }
        guard let declaration = declaration(of: name) else {
            diagnostics.append(
                Diagnostic(
                    .unknownVariable, "unknown variable '\(name)'", at: span,
                    hint: nearestWord(to: name, among: names.sorted()).map { "did you mean '\($0)'?" }
                        ?? "declare it with '\(name) = value', or write '$$' for a dollar sign"))
            return nil
        }
        if declaration.isDefault {
            if let value = settings.value.overrides[name] ?? settings.value.variable(name) { return value }
        }
        guard !active.contains(name) else {
            let path = (active.drop { $0 != name } + [name]).map { "$" + $0 }.joined(separator: " -> ")
            diagnostics.append(
                Diagnostic(.cycle, "a variable's value needs itself: \(path)", at: declaration.value.span))
            return nil
        }
        active.append(name)
        defer { active.removeLast() }
        return expand(declaration.value)
    }

    /// `word` with its variables replaced, or nil (and diagnostics) where one is unknown.
    mutating func expand(_ word: Word) -> String? {
        guard word.text.utf8.contains(UInt8(ascii: "$")) else { return word.text }
        let bytes = Array(word.text.utf8)
        var result: [UInt8] = []
        var index = 0
        var failed = false
        while index < bytes.count {
            guard bytes[index] == UInt8(ascii: "$") else {
                result.append(bytes[index])
                index += 1
                continue
            }
            if index + 1 < bytes.count, bytes[index + 1] == UInt8(ascii: "$") {
                result.append(UInt8(ascii: "$"))
                index += 2
                continue
            }
            let braced = index + 1 < bytes.count && bytes[index + 1] == UInt8(ascii: "{")
            let start = index + (braced ? 2 : 1)
            let end = Mentions.endOfName(bytes, from: start)
            if end == start || (braced && (end >= bytes.count || bytes[end] != UInt8(ascii: "}"))) {
                result.append(bytes[index])
                index += 1
                continue
            }
            let name = String(decoding: bytes[start..<end], as: UTF8.self)
            if let value = value(of: name, at: word.span) {
                result.append(contentsOf: Array(value.utf8))
            } else {
                failed = true
            }
            index = braced ? end + 1 : end
        }
        return failed ? nil : String(decoding: result, as: UTF8.self)
    }
}

/// Settings that many scopes share.
final class SharedSettings: Sendable {
    let value: ResolutionSettings

    init(_ value: ResolutionSettings) {
        self.value = value
    }
}

/// Finds the variables that a recipe's text mentions as a shell would: `$name` and `${name…}`.
enum Mentions {
    static func endOfName(_ bytes: [UInt8], from start: Int) -> Int {
        var end = start
        while end < bytes.count {
            switch bytes[end] {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"):
                end += 1
            case UInt8(ascii: "0")...UInt8(ascii: "9") where end > start: end += 1
            default: return end
            }
        }
        return end
    }

    /// Every name after a `$`, `${`, `${#` or `${!`, whatever quotes stand around it: one too many is harmless.
    static func names(in text: String) -> Set<String> {
        let bytes = Array(text.utf8)
        var found: Set<String> = []
        for index in bytes.indices where bytes[index] == UInt8(ascii: "$") {
            var start = index + 1
            if start < bytes.count, bytes[start] == UInt8(ascii: "{") {
                start += 1
                if start < bytes.count, bytes[start] == UInt8(ascii: "#") || bytes[start] == UInt8(ascii: "!") {
                    start += 1
                }
            }
            let end = endOfName(bytes, from: start)
            if end > start { found.insert(String(decoding: bytes[start..<end], as: UTF8.self)) }
        }
        return found
    }
}
