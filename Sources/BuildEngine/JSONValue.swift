// JSON (RFC 8259) as a value, written and read. Does not know what any document means, and no other encoding than
// UTF-8: a caller with other bytes must say how it shows them.

/// One JSON value. Objects keep the order of their members, so the same value always has the same text.
package enum JSONValue: Sendable {
    case object([(String, JSONValue)])
    case array([JSONValue])
    case string(String)
    case number(Int)
    /// Written as the shortest text that reads back to the same value; not finite: `null`.
    case double(Double)
    case bool(Bool)
    case null

    /// The member called `name`, compared byte by byte; nil where there is none or this is no object.
    package func member(_ name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.0.utf8.elementsEqual(name.utf8) }?.1
    }

    /// The elements of an array, nil for anything else.
    package var elements: [JSONValue]? {
        if case .array(let elements) = self { elements } else { nil }
    }

    /// The members of an object, nil for anything else.
    package var members: [(String, JSONValue)]? {
        if case .object(let members) = self { members } else { nil }
    }

    /// The text of a string, nil for anything else.
    package var text: String? {
        if case .string(let text) = self { text } else { nil }
    }

    /// A number of either kind, nil for anything else.
    package var numeric: Double? {
        switch self {
        case .number(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }
}

extension JSONValue: Equatable {
    /// Strings are equal when their bytes are: two normal forms of a name are two names.
    package static func == (left: JSONValue, right: JSONValue) -> Bool {
        switch (left, right) {
        case (.object(let left), .object(let right)):
            left.elementsEqual(right) { $0.0.utf8.elementsEqual($1.0.utf8) && $0.1 == $1.1 }
        case (.array(let left), .array(let right)): left == right
        case (.string(let left), .string(let right)): left.utf8.elementsEqual(right.utf8)
        case (.number(let left), .number(let right)): left == right
        case (.double(let left), .double(let right)): left == right
        case (.bool(let left), .bool(let right)): left == right
        case (.null, .null): true
        default: false
        }
    }
}

// MARK: - Writing

extension JSONValue {
    /// The value as JSON text, without a final newline: on one line, or with two spaces for each level.
    package func text(pretty: Bool) -> String {
        var bytes: [UInt8] = []
        write(to: &bytes, level: pretty ? 0 : nil)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The text on one line with a newline after it: an entry of a log.
    package var line: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(512)
        write(to: &bytes, level: nil)
        bytes.append(UInt8(ascii: "\n"))
        return bytes
    }

    /// Appends the text on one line.
    package func write(to bytes: inout [UInt8]) { write(to: &bytes, level: nil) }

    private func write(to bytes: inout [UInt8], level: Int?) {
        switch self {
        case .object(let members):
            Self.writeList(members, between: ("{", "}"), to: &bytes, level: level) { member, bytes, level in
                Self.write(member.0, to: &bytes)
                bytes.append(contentsOf: level == nil ? ":".utf8 : ": ".utf8)
                member.1.write(to: &bytes, level: level)
            }
        case .array(let elements):
            Self.writeList(elements, between: ("[", "]"), to: &bytes, level: level) { element, bytes, level in
                element.write(to: &bytes, level: level)
            }
        case .string(let text): Self.write(text, to: &bytes)
        case .number(let value): bytes.append(contentsOf: String(value).utf8)
        case .double(let value):
            bytes.append(contentsOf: value.isFinite ? value.description.utf8 : "null".utf8)
        case .bool(let value): bytes.append(contentsOf: value ? "true".utf8 : "false".utf8)
        case .null: bytes.append(contentsOf: "null".utf8)
        }
    }

    static func writeList<Item>(
        _ items: [Item], between brackets: (String, String), to bytes: inout [UInt8], level: Int?,
        item write: (Item, inout [UInt8], Int?) -> Void
    ) {
        bytes.append(contentsOf: brackets.0.utf8)
        for (index, item) in items.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            breakLine(&bytes, level: level.map { $0 + 1 })
            write(item, &bytes, level.map { $0 + 1 })
        }
        if !items.isEmpty { breakLine(&bytes, level: level) }
        bytes.append(contentsOf: brackets.1.utf8)
    }

    private static func breakLine(_ bytes: inout [UInt8], level: Int?) {
        guard let level else { return }
        bytes.append(UInt8(ascii: "\n"))
        bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * level))
    }

    private static let digits = Array("0123456789abcdef".utf8)

    /// Appends `text` in quotation marks.
    package static func write(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        // Nearly all texts have nothing that must be spelled in another way.
        let isPlain = text.utf8.withContiguousStorageIfAvailable { text in
            let isPlain = text.allSatisfy { $0 >= 0x20 && $0 != 0x7F && $0 != 0x22 && $0 != 0x5C }
            if isPlain { bytes.append(contentsOf: text) }
            return isPlain
        }
        if isPlain != true { for byte in text.utf8 { escape(byte, to: &bytes) } }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func escape(_ byte: UInt8, to bytes: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: "\""): bytes.append(contentsOf: "\\\"".utf8)
        case UInt8(ascii: "\\"): bytes.append(contentsOf: "\\\\".utf8)
        case UInt8(ascii: "\n"): bytes.append(contentsOf: "\\n".utf8)
        case UInt8(ascii: "\r"): bytes.append(contentsOf: "\\r".utf8)
        case UInt8(ascii: "\t"): bytes.append(contentsOf: "\\t".utf8)
        case 0..<0x20, 0x7F:
            bytes.append(contentsOf: "\\u00".utf8)
            bytes.append(contentsOf: [digits[Int(byte >> 4)], digits[Int(byte & 15)]])
        default: bytes.append(byte)
        }
    }
}
