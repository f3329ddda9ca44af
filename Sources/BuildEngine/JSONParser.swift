// Reads JSON that others wrote, so it trusts nothing: every limit is checked before memory or stack is spent.

/// Why some bytes are no JSON text, and the offset of the first byte that shows it.
package struct JSONError: Error, Sendable, Hashable {
    package enum Kind: String, Sendable, Hashable {
        case tooLarge = "larger than the limit"
        case tooDeep = "nested too deep"
        case notUTF8 = "not UTF-8"
        case unexpectedEnd = "ends too early"
        case unexpectedByte = "unexpected character"
        case badNumber = "not a number"
        case badEscape = "bad escape in a string"
        case controlCharacter = "control character in a string"
        case duplicateName = "member given twice"
    }

    package let kind: Kind
    package let offset: Int

    package init(_ kind: Kind, at offset: Int) {
        self.kind = kind
        self.offset = offset
    }

    /// For people: `unexpected character at byte 12`.
    package var message: String { "\(kind.rawValue) at byte \(offset)" }
}

extension JSONValue {
    /// Reads exactly one JSON text (RFC 8259): UTF-8 without a byte order mark, at most 64 levels deep and `limit`
    /// bytes long, no comments, no trailing commas, no lone surrogates, no member twice in an object. A number without
    /// fraction and exponent that fits becomes `.number`, any other `.double`; one too large for a `Double` is an error.
    package static func parse(_ bytes: [UInt8], limit: Int = 256 << 20) throws(JSONError) -> JSONValue {
        if bytes.count > limit { throw JSONError(.tooLarge, at: limit) }
        if String(validating: bytes, as: UTF8.self) == nil { throw JSONError(.notUTF8, at: 0) }
        var parser = JSONParser<JSONValue>(bytes: bytes)
        return try parser.whole()
    }
}

extension JSONValue: JSONReadable {
    static func read(_ content: JSONContent<JSONValue>, at range: Range<Int>) throws(JSONError) -> JSONValue {
        switch content {
        case .object(let members): return .object(members.map { ($0.name, $0.value) })
        case .array(let elements): return .array(elements)
        case .string(let text): return .string(text)
        case .number(let text, let isWhole):
            if isWhole, text != "-0", let value = Int(text) { return .number(value) }
            guard let value = Double(text), value.isFinite else {
                throw JSONError(.badNumber, at: range.lowerBound)
            }
            return .double(value)
        case .bool(let value): return .bool(value)
        case .null: return .null
        }
    }
}

/// What one JSON value of a text says, its parts already read.
enum JSONContent<Value> {
    case object([(name: String, nameOffset: Int, value: Value)])
    case array([Value])
    case string(String)
    /// As it is spelled; whole without fraction and exponent.
    case number(String, isWhole: Bool)
    case bool(Bool)
    case null
}

/// What the parser makes of a text: the values alone, or the values with their places.
protocol JSONReadable {
    /// The value whose text is at `range`.
    static func read(_ content: JSONContent<Self>, at range: Range<Int>) throws(JSONError) -> Self
}

/// A place in some bytes that are known to be UTF-8.
struct JSONParser<Value: JSONReadable> {
    let bytes: [UInt8]
    let deepest: Int
    var offset = 0

    init(bytes: [UInt8], deepest: Int = 64) {
        self.bytes = bytes
        self.deepest = deepest
    }

    /// The one value of the text.
    mutating func whole() throws(JSONError) -> Value {
        let value = try value(depth: 0)
        skipSpace()
        if offset < bytes.count { throw JSONError(.unexpectedByte, at: offset) }
        return value
    }

    var next: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    /// The error of the byte at `offset` being there, or not being there.
    var unexpected: JSONError {
        JSONError(offset < bytes.count ? .unexpectedByte : .unexpectedEnd, at: offset)
    }

    mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { offset += 1 }
    }

    private mutating func value(depth: Int) throws(JSONError) -> Value {
        skipSpace()
        let start = offset
        let content = try content(depth: depth)
        return try Value.read(content, at: start..<offset)
    }

    private mutating func content(depth: Int) throws(JSONError) -> JSONContent<Value> {
        guard let byte = next else { throw unexpected }
        switch byte {
        case UInt8(ascii: "{"): return .object(try object(depth: depth + 1))
        case UInt8(ascii: "["): return .array(try array(depth: depth + 1))
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", is: .bool(true))
        case UInt8(ascii: "f"): return try word("false", is: .bool(false))
        case UInt8(ascii: "n"): return try word("null", is: .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw unexpected
        }
    }

    private mutating func word(
        _ word: String, is value: JSONContent<Value>
    ) throws(JSONError) -> JSONContent<Value> {
        for byte in word.utf8 {
            if next != byte { throw unexpected }
            offset += 1
        }
        return value
    }

    private mutating func array(depth: Int) throws(JSONError) -> [Value] {
        if depth > deepest { throw JSONError(.tooDeep, at: offset) }
        offset += 1
        var elements: [Value] = []
        skipSpace()
        if next == UInt8(ascii: "]") {
            offset += 1
            return []
        }
        while true {
            elements.append(try value(depth: depth))
            if try ends(with: UInt8(ascii: "]")) { return elements }
        }
    }

    private mutating func object(
        depth: Int
    ) throws(JSONError) -> [(name: String, nameOffset: Int, value: Value)] {
        if depth > deepest { throw JSONError(.tooDeep, at: offset) }
        offset += 1
        var members: [(name: String, nameOffset: Int, value: Value)] = []
        // Filled once there are so many members that it is faster than to look at each.
        var names: Set<[UInt8]> = []
        skipSpace()
        if next == UInt8(ascii: "}") {
            offset += 1
            return []
        }
        while true {
            skipSpace()
            let start = offset
            if next != UInt8(ascii: "\"") { throw unexpected }
            let name = try string()
            if Self.isTaken(name, members, &names) { throw JSONError(.duplicateName, at: start) }
            skipSpace()
            if next != UInt8(ascii: ":") { throw unexpected }
            offset += 1
            members.append((name, start, try value(depth: depth)))
            if try ends(with: UInt8(ascii: "}")) { return members }
        }
    }

    /// Whether one of `members` is called `name`. Bytes are compared, because `String` takes two normal forms of a name for one.
    private static func isTaken(
        _ name: String, _ members: [(name: String, nameOffset: Int, value: Value)], _ names: inout Set<[UInt8]>
    ) -> Bool {
        if members.count < 24 { return members.contains { $0.name.utf8.elementsEqual(name.utf8) } }
        if names.isEmpty { names = Set(members.map { Array($0.name.utf8) }) }
        return !names.insert(Array(name.utf8)).inserted
    }

    /// True after `bracket`, false after a comma.
    private mutating func ends(with bracket: UInt8) throws(JSONError) -> Bool {
        skipSpace()
        guard let byte = next, byte == bracket || byte == UInt8(ascii: ",") else { throw unexpected }
        offset += 1
        return byte == bracket
    }

    private mutating func number() throws(JSONError) -> JSONContent<Value> {
        let start = offset
        var isWhole = true
        if next == UInt8(ascii: "-") { offset += 1 }
        if next == UInt8(ascii: "0") { offset += 1 } else { try digits() }
        if next == UInt8(ascii: ".") {
            isWhole = false
            offset += 1
            try digits()
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            isWhole = false
            offset += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { offset += 1 }
            try digits()
        }
        let text = String(decoding: bytes[start..<offset], as: UTF8.self)
        return .number(text, isWhole: isWhole)
    }

    private mutating func digits() throws(JSONError) {
        let start = offset
        while let byte = next, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { offset += 1 }
        if offset == start { throw JSONError(offset < bytes.count ? .badNumber : .unexpectedEnd, at: offset) }
    }

    private mutating func string() throws(JSONError) -> String {
        offset += 1
        let start = offset
        while let byte = next, byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") { offset += 1 }
        if next == UInt8(ascii: "\"") {
            offset += 1
            return String(decoding: bytes[start..<offset - 1], as: UTF8.self)
        }
        // The rest has something that is spelled in another way than it is meant.
        var text = Array(bytes[start..<offset])
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                offset += 1
                return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                text.append(contentsOf: String(Character(try escape())).utf8)
            case 0..<0x20: throw JSONError(.controlCharacter, at: offset)
            default:
                text.append(byte)
                offset += 1
            }
        }
        throw unexpected
    }

    private mutating func escape() throws(JSONError) -> Unicode.Scalar {
        let start = offset
        offset += 1
        guard let byte = next else { throw unexpected }
        offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            let unit = try hexUnit()
            if let scalar = Unicode.Scalar(unit) { return scalar }
            // A high surrogate counts only together with the low one after it.
            guard unit < 0xDC00, next == UInt8(ascii: "\\") else { throw JSONError(.badEscape, at: start) }
            offset += 1
            guard next == UInt8(ascii: "u") else { throw JSONError(.badEscape, at: start) }
            offset += 1
            let low = try hexUnit()
            guard (0xDC00..<0xE000).contains(low),
                let scalar = Unicode.Scalar(0x10000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(low) - 0xDC00))
            else { throw JSONError(.badEscape, at: start) }
            return scalar
        default: throw JSONError(.badEscape, at: start)
        }
    }

    private mutating func hexUnit() throws(JSONError) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = next else { throw unexpected }
            guard byte < 0x80, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw JSONError(.badEscape, at: offset)
            }
            unit = unit << 4 | UInt16(digit)
            offset += 1
        }
        return unit
    }
}
