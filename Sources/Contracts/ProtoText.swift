// `.proto` files as what they define: comments, spacing, the order of declarations and the options that only speak to
// one language's generator do not count; names, numbers, types, labels, reservations and `json_name` do. Does not
// resolve names or check types.
import BuildGraph

enum ProtoText {
    /// Options that say nothing about messages on the wire; `deprecated` is a word to people.
    private static let ignoredOptions: Set<String> = [
        "go_package", "java_package", "java_outer_classname", "java_multiple_files", "java_generate_equals_and_hash",
        "java_string_check_utf8", "java_generic_services", "cc_generic_services", "py_generic_services",
        "cc_enable_arenas", "csharp_namespace", "php_namespace", "php_class_prefix", "php_metadata_namespace",
        "ruby_package", "objc_class_prefix", "swift_prefix", "optimize_for", "deprecated",
    ]

    /// True where the text begins like a `.proto` file.
    static func isLikely(_ bytes: [UInt8]) -> Bool {
        var lexer = ProtoLexer(bytes: bytes)
        guard let first = try? lexer.next(), let second = try? lexer.next() else { return false }
        return ["syntax", "edition"].contains(first.text) && second.text == "="
    }

    static func digest(of bytes: [UInt8]) throws(ContractReadError) -> Digest {
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw ContractReadError("this .proto file is not UTF-8", expected: "UTF-8", at: 0)
        }
        var parser = ProtoParser(lexer: ProtoLexer(bytes: bytes))
        let statements = try parser.file()
        var canonical = CanonicalBytes()
        // The first value of an enumeration is its default unless the syntax says that it is 0.
        let isOrdered = !statements.contains { $0.words.prefix(3).map(\.text) == ["syntax", "=", "\"proto3\""] }
        canonical.list(encoded(statements, isEnum: false, isOrdered)) { $1.field($0) }
        return ContractHasher.digest(domain: ContractHasher.protobuf, canonical.bytes)
    }

    private static func encoded(_ statements: [ProtoStatement], isEnum: Bool, _ isOrdered: Bool) -> [[UInt8]] {
        let all = statements.filter { !isIgnored($0) }.map { statement in
            var bytes = CanonicalBytes()
            bytes.list(statement.words.map(\.text)) { $1.field($0) }
            bytes.list(statement.options.filter { !isIgnored($0) }.map { $0.joined(separator: " ") }.sorted()) {
                $1.field($0)
            }
            let isEnum = statement.words.first?.text == "enum"
            bytes.list(encoded(statement.block, isEnum: isEnum, isOrdered)) { $1.field($0) }
            return bytes.bytes
        }
        return isEnum && isOrdered ? all : all.sorted { $0.lexicographicallyPrecedes($1) }
    }

    private static func isIgnored(_ statement: ProtoStatement) -> Bool {
        statement.words.count > 1 && statement.words[0].text == "option"
            && ignoredOptions.contains(statement.words[1].text)
    }

    private static func isIgnored(_ option: [String]) -> Bool { option.first.map(ignoredOptions.contains) ?? true }
}

/// One declaration: its words, the options in brackets, and what is in its braces.
struct ProtoStatement {
    var words: [ProtoToken] = []
    var options: [[String]] = []
    var block: [ProtoStatement] = []
}

struct ProtoToken {
    /// Texts in double quotes with one spelling, whole numbers as decimal ones.
    let text: String
    let offset: Int
}

struct ProtoParser {
    var lexer: ProtoLexer
    var depth = 0

    init(lexer: ProtoLexer) {
        self.lexer = lexer
    }

    mutating func file() throws(ContractReadError) -> [ProtoStatement] {
        var statements: [ProtoStatement] = []
        while let token = try lexer.next() {
            if token.text == ";" { continue }
            if token.text == "}" { throw ContractReadError("there is a } without {", at: token.offset) }
            statements.append(try statement(from: token))
        }
        return statements
    }

    /// To the `;` or the end of the block.
    private mutating func statement(from first: ProtoToken) throws(ContractReadError) -> ProtoStatement {
        var statement = ProtoStatement()
        var token = first
        while true {
            switch token.text {
            case ";": return statement
            case "{" where statement.words.first?.text == "option":
                statement.words += try braces(from: token)
            case "{":
                statement.block = try block(from: token)
                return statement
            case "[" where statement.words.last.map({ $0.text != "(" }) == true:
                statement.options = try options(from: token)
            case "}", "]": throw ContractReadError("a declaration is not closed", expected: ";", at: token.offset)
            default: append(token, to: &statement.words)
            }
            guard let next = try lexer.next() else {
                throw ContractReadError("a declaration is not closed", expected: "; or {…}", at: first.offset)
            }
            token = next
        }
    }

    /// Texts side by side are one.
    private func append(_ token: ProtoToken, to words: inout [ProtoToken]) {
        if token.text.hasPrefix("\""), let last = words.last, last.text.hasPrefix("\"") {
            words[words.count - 1] = ProtoToken(
                text: String(last.text.dropLast()) + String(token.text.dropFirst()), offset: last.offset)
        } else {
            words.append(token)
        }
    }

    private mutating func block(from open: ProtoToken) throws(ContractReadError) -> [ProtoStatement] {
        depth += 1
        defer { depth -= 1 }
        if depth > 100 { throw ContractReadError("this is nested more than 100 deep", at: open.offset) }
        var statements: [ProtoStatement] = []
        while let token = try lexer.next() {
            if token.text == "}" { return statements }
            if token.text == ";" { continue }
            statements.append(try statement(from: token))
        }
        throw ContractReadError("this { is not closed", expected: "}", at: open.offset)
    }

    /// An option's value in braces, token by token.
    private mutating func braces(from open: ProtoToken) throws(ContractReadError) -> [ProtoToken] {
        var tokens = [open]
        var depth = 1
        while let token = try lexer.next() {
            tokens.append(token)
            if token.text == "{" { depth += 1 }
            if token.text == "}" { depth -= 1 }
            if depth == 0 { return tokens }
        }
        throw ContractReadError("this { is not closed", expected: "}", at: open.offset)
    }

    /// `[packed = true, (my.option) = {a: 1}]`, each option's words.
    private mutating func options(from open: ProtoToken) throws(ContractReadError) -> [[String]] {
        var options: [[String]] = [[]]
        var depth = 0
        while let token = try lexer.next() {
            if token.text == "]", depth == 0 { return options.filter { !$0.isEmpty } }
            if ["{", "["].contains(token.text) { depth += 1 }
            if ["}", "]"].contains(token.text) { depth -= 1 }
            if token.text == ",", depth == 0 {
                options.append([])
            } else {
                options[options.count - 1].append(token.text)
            }
        }
        throw ContractReadError("this [ is not closed", expected: "]", at: open.offset)
    }
}

struct ProtoLexer {
    let bytes: [UInt8]
    var offset = 0

    init(bytes: [UInt8]) {
        self.bytes = bytes
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { offset = 3 }
    }

    /// Nil at the end.
    mutating func next() throws(ContractReadError) -> ProtoToken? {
        try skipSpace()
        guard offset < bytes.count else { return nil }
        let start = offset
        let byte = bytes[offset]
        if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") { return try quoted(byte) }
        while offset < bytes.count, isWord(bytes[offset]) { offset += 1 }
        if offset == start { offset += 1 }
        let text = String(decoding: bytes[start..<offset], as: UTF8.self)
        return ProtoToken(text: number(text) ?? text, offset: start)
    }

    private func isWord(_ byte: UInt8) -> Bool {
        byte.isLetter || byte.isDigit || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
    }

    /// 0x10 and 020 are 16.
    private func number(_ text: String) -> String? {
        let small = text.asciiLowercased
        if small.hasPrefix("0x") { return UInt64(small.dropFirst(2), radix: 16).map { String($0) } }
        if small.hasPrefix("0"), small.utf8.count > 1 { return UInt64(small, radix: 8).map { String($0) } }
        return nil
    }

    private mutating func quoted(_ quote: UInt8) throws(ContractReadError) -> ProtoToken {
        let start = offset
        offset += 1
        var text: [UInt8] = [UInt8(ascii: "\"")]
        while offset < bytes.count, bytes[offset] != quote, bytes[offset] != UInt8(ascii: "\n") {
            if bytes[offset] == UInt8(ascii: "\\"), offset + 1 < bytes.count {
                text.append(bytes[offset])
                offset += 1
            }
            text.append(bytes[offset])
            offset += 1
        }
        guard offset < bytes.count, bytes[offset] == quote else {
            throw ContractReadError(
                "this text is not closed", expected: quote == UInt8(ascii: "'") ? "'" : "\"", at: start)
        }
        offset += 1
        return ProtoToken(text: String(decoding: text, as: UTF8.self) + "\"", offset: start)
    }

    private mutating func skipSpace() throws(ContractReadError) {
        while offset < bytes.count {
            if bytes[offset].isSpace {
                offset += 1
            } else if starts("//") {
                while offset < bytes.count, bytes[offset] != UInt8(ascii: "\n") { offset += 1 }
            } else if starts("/*") {
                let start = offset
                offset += 2
                while offset < bytes.count, !starts("*/") { offset += 1 }
                guard offset < bytes.count else {
                    throw ContractReadError("this comment is not closed", expected: "*/", at: start)
                }
                offset += 2
            } else {
                return
            }
        }
    }

    private func starts(_ text: String) -> Bool { bytes[offset...].starts(with: text.utf8) }
}
