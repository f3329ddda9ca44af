// JSON as it was written: every value with its place in the text, every number with its spelling. For documents whose
// author must be shown the line, and where 1 and 1.0 differ. Does not know what any document means.

/// One JSON value and the bytes it was read from.
package struct JSONTree: Sendable {
    /// A member of an object.
    package struct Member: Sendable {
        /// Unescaped.
        package let name: String
        /// The offset of the name's first quote.
        package let offset: Int
        /// What it is.
        package let value: JSONTree

        /// A member; the offset is 0 where it comes from no text.
        package init(name: String, offset: Int = 0, value: JSONTree) {
            self.name = name
            self.offset = offset
            self.value = value
        }
    }

    /// What the value says.
    package indirect enum Content: Sendable {
        case object([Member])
        case array([JSONTree])
        case string(String)
        /// As it is spelled.
        case number(String)
        case bool(Bool)
        case null
    }

    /// What the value says, its parts included.
    package let content: Content
    /// Offsets of the value's text; empty for a value that was not read from one.
    package let range: Range<Int>

    /// A value that comes from no text.
    package init(_ content: Content, range: Range<Int> = 0..<0) {
        self.content = content
        self.range = range
    }

    /// Reads exactly one JSON text by the rules of `JSONValue.parse`, but 200 levels deep, and any number whatever its
    /// size: its spelling is kept.
    package static func parse(_ bytes: [UInt8], limit: Int = 64 << 20) throws(JSONError) -> JSONTree {
        if bytes.count > limit { throw JSONError(.tooLarge, at: limit) }
        if String(validating: bytes, as: UTF8.self) == nil { throw JSONError(.notUTF8, at: 0) }
        var parser = JSONParser<JSONTree>(bytes: bytes, deepest: 200)
        return try parser.whole()
    }
}

extension JSONTree: JSONReadable {
    static func read(_ content: JSONContent<JSONTree>, at range: Range<Int>) throws(JSONError) -> JSONTree {
        let kept: Content =
            switch content {
            case .object(let members):
                .object(members.map { Member(name: $0.name, offset: $0.nameOffset, value: $0.value) })
            case .array(let elements): .array(elements)
            case .string(let text): .string(text)
            case .number(let text, _): .number(text)
            case .bool(let value): .bool(value)
            case .null: .null
            }
        return JSONTree(kept, range: range)
    }
}

// MARK: - Asking

extension JSONTree {
    /// The member called `name`, compared byte by byte; nil where there is none or this is no object.
    package func member(_ name: String) -> JSONTree? {
        guard case .object(let members) = content else { return nil }
        return members.first { $0.name.utf8.elementsEqual(name.utf8) }?.value
    }

    /// The members of an object, nil for anything else.
    package var members: [Member]? {
        if case .object(let members) = content { members } else { nil }
    }

    /// The elements of an array, nil for anything else.
    package var elements: [JSONTree]? {
        if case .array(let elements) = content { elements } else { nil }
    }

    /// The text of a string, nil for anything else.
    package var text: String? {
        if case .string(let text) = content { text } else { nil }
    }

    /// The value of a whole number that fits, nil for anything else.
    package var whole: Int? {
        if case .number(let spelling) = content { Int(spelling) } else { nil }
    }

    /// True for `null` alone.
    package var isNull: Bool {
        if case .null = content { true } else { false }
    }
}

// MARK: - Writing

extension JSONTree {
    /// The value as JSON text without a final newline, numbers as they were spelled: on one line, or with two spaces
    /// for each level.
    package func text(pretty: Bool) -> String {
        var bytes: [UInt8] = []
        write(to: &bytes, level: pretty ? 0 : nil)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The bytes of the value's JSON text on one line.
    package var bytes: [UInt8] {
        var bytes: [UInt8] = []
        write(to: &bytes, level: nil)
        return bytes
    }

    private func write(to bytes: inout [UInt8], level: Int?) {
        switch content {
        case .object(let members):
            JSONValue.writeList(members, between: ("{", "}"), to: &bytes, level: level) { member, bytes, level in
                JSONValue.write(member.name, to: &bytes)
                bytes.append(contentsOf: level == nil ? ":".utf8 : ": ".utf8)
                member.value.write(to: &bytes, level: level)
            }
        case .array(let elements):
            JSONValue.writeList(elements, between: ("[", "]"), to: &bytes, level: level) { element, bytes, level in
                element.write(to: &bytes, level: level)
            }
        case .string(let text): JSONValue.write(text, to: &bytes)
        case .number(let spelling): bytes.append(contentsOf: spelling.utf8)
        case .bool(let value): bytes.append(contentsOf: value ? "true".utf8 : "false".utf8)
        case .null: bytes.append(contentsOf: "null".utf8)
        }
    }
}
