// JSON (RFC 8259) as engines write it. Keeps the order of members and the spelling of numbers, so that what is not
// changed comes out as it went in. Does not know images.

/// One JSON value.
enum ImageJSON: Sendable, Hashable {
    case null
    case bool(Bool)
    /// As written.
    case number(String)
    case string(String)
    case array([ImageJSON])
    case object([Member])

    struct Member: Sendable, Hashable {
        let name: String
        var value: ImageJSON
    }

    /// Nil where `bytes` are not exactly one value, or nest deeper than 200.
    init?(_ bytes: [UInt8]) {
        var parser = ImageJSONParser(bytes: bytes)
        guard let value = parser.value(depth: 0), parser.isAtEnd else { return nil }
        self = value
    }

    /// The first member whose name is `name`, or differs only in the case of its letters as Go reads it.
    subscript(_ name: String) -> ImageJSON? {
        get {
            guard case .object(let members) = self else { return nil }
            return (members.first { $0.name == name } ?? members.first { $0.name.lowercased() == name.lowercased() })?
                .value
        }
        set {
            guard case .object(var members) = self else { return }
            let place = members.firstIndex { $0.name == name }
            switch (place, newValue) {
            case (let place?, let value?): members[place].value = value
            case (let place?, nil): members.remove(at: place)
            case (nil, let value?): members.append(Member(name: name, value: value))
            case (nil, nil): break
            }
            self = .object(members)
        }
    }

    subscript(_ index: Int) -> ImageJSON? {
        guard case .array(let values) = self, values.indices.contains(index) else { return nil }
        return values[index]
    }

    var text: String? {
        if case .string(let text) = self { text } else { nil }
    }

    /// Without white space.
    var bytes: [UInt8] {
        switch self {
        case .null: Array("null".utf8)
        case .bool(let value): Array((value ? "true" : "false").utf8)
        case .number(let text): Array(text.utf8)
        case .string(let text): Self.quoted(text)
        case .array(let values):
            [UInt8(ascii: "[")] + Array(values.map(\.bytes).joined(separator: [UInt8(ascii: ",")]))
                + [UInt8(ascii: "]")]
        case .object(let members):
            [UInt8(ascii: "{")]
                + Array(
                    members.map { Self.quoted($0.name) + [UInt8(ascii: ":")] + $0.value.bytes }
                        .joined(separator: [UInt8(ascii: ",")])) + [UInt8(ascii: "}")]
        }
    }

    private static func quoted(_ text: String) -> [UInt8] {
        var bytes = [UInt8(ascii: "\"")]
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case 0x0A: bytes += Array("\\n".utf8)
            case 0x09: bytes += Array("\\t".utf8)
            case 0x0D: bytes += Array("\\r".utf8)
            case 0..<0x20: bytes += Array("\\u00\(byte < 16 ? "0" : "")\(String(byte, radix: 16))".utf8)
            default: bytes.append(byte)
            }
        }
        return bytes + [UInt8(ascii: "\"")]
    }
}

private struct ImageJSONParser {
    let bytes: [UInt8]
    var index = 0

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    var isAtEnd: Bool {
        mutating get {
            skipSpace()
            return index == bytes.count
        }
    }

    private mutating func skipSpace() {
        while index < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[index]) { index += 1 }
    }

    private mutating func take(_ text: String) -> Bool {
        skipSpace()
        guard bytes[index...].starts(with: text.utf8) else { return false }
        index += text.utf8.count
        return true
    }

    mutating func value(depth: Int) -> ImageJSON? {
        if depth > 200 { return nil }
        if take("null") { return .null }
        if take("true") { return .bool(true) }
        if take("false") { return .bool(false) }
        if take("\"") { return string().map { .string($0) } }
        if take("[") { return array(depth) }
        if take("{") { return object(depth) }
        let start = index
        while index < bytes.count, "+-.0123456789eE".utf8.contains(bytes[index]) { index += 1 }
        return start == index ? nil : .number(String(decoding: bytes[start..<index], as: UTF8.self))
    }

    private mutating func array(_ depth: Int) -> ImageJSON? {
        var values: [ImageJSON] = []
        if take("]") { return .array(values) }
        repeat {
            guard let value = value(depth: depth + 1) else { return nil }
            values.append(value)
        } while take(",")
        return take("]") ? .array(values) : nil
    }

    private mutating func object(_ depth: Int) -> ImageJSON? {
        var members: [ImageJSON.Member] = []
        if take("}") { return .object(members) }
        repeat {
            guard take("\""), let name = string(), take(":"), let value = value(depth: depth + 1) else { return nil }
            members.append(.init(name: name, value: value))
        } while take(",")
        return take("}") ? .object(members) : nil
    }

    /// The rest of a string behind its opening quote.
    private mutating func string() -> String? {
        var text: [UInt8] = []
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let piece = escape() else { return nil }
                text += piece
            default: text.append(byte)
            }
        }
        return nil
    }

    private mutating func escape() -> [UInt8]? {
        guard index < bytes.count else { return nil }
        let kind = bytes[index]
        index += 1
        switch kind {
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "u"):
            guard var value = hex() else { return nil }
            if (0xD800..<0xDC00).contains(value), bytes[index...].starts(with: "\\u".utf8) {
                index += 2
                guard let low = hex(), (0xDC00..<0xE000).contains(low) else { return nil }
                value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
            }
            return Array(String(Unicode.Scalar(value) ?? "\u{FFFD}").utf8)
        default: return [kind]
        }
    }

    private mutating func hex() -> UInt32? {
        guard index + 4 <= bytes.count else { return nil }
        defer { index += 4 }
        return UInt32(String(decoding: bytes[index..<(index + 4)], as: UTF8.self), radix: 16)
    }
}
