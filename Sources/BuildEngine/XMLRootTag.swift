// The first tag of an XML text, and nothing after it: enough for a report whose totals are attributes of its root.
// Does not know namespaces, entities or elements.

/// The attributes of an XML text's root element.
struct XMLRootTag {
    private var attributes: [String: String] = [:]

    /// Nil where the text's first element is not called `name` or its tag is malformed. The XML declaration, comments,
    /// processing instructions and a document type before it are skipped.
    init?(_ bytes: [UInt8], named name: String) {
        var cursor = XMLCursor(bytes: bytes)
        guard cursor.skipProlog(), cursor.skip("<"), cursor.name() == name else { return nil }
        while true {
            let spaced = cursor.skipSpace()
            if cursor.skip(">") || cursor.skip("/>") { return }
            guard spaced, let key = cursor.name() else { return nil }
            cursor.skipSpace()
            guard cursor.skip("=") else { return nil }
            cursor.skipSpace()
            guard let value = cursor.quoted(), attributes.updateValue(value, forKey: key) == nil else { return nil }
        }
    }

    subscript(name: String) -> String? { attributes[name] }
}

private struct XMLCursor {
    let bytes: [UInt8]
    var offset = 0

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    @discardableResult
    mutating func skipSpace() -> Bool {
        let start = offset
        while offset < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[offset]) { offset += 1 }
        return offset > start
    }

    mutating func skip(_ text: String) -> Bool {
        guard bytes[offset...].starts(with: text.utf8) else { return false }
        offset += text.utf8.count
        return true
    }

    /// Moves behind the next `text`; false where there is none.
    mutating func skipPast(_ text: String) -> Bool {
        while offset < bytes.count {
            if skip(text) { return true }
            offset += 1
        }
        return false
    }

    /// Moves to the `<` of the first element.
    mutating func skipProlog() -> Bool {
        while true {
            skipSpace()
            if skip("<?") {
                if !skipPast("?>") { return false }
            } else if skip("<!--") {
                if !skipPast("-->") { return false }
            } else if skip("<!DOCTYPE") {
                if !skipDocumentType() { return false }
            } else {
                return offset < bytes.count
            }
        }
    }

    /// Up to the `>` that ends it: not one in quotes, a comment, or between `[` and `]`.
    private mutating func skipDocumentType() -> Bool {
        var isInside = false
        while offset < bytes.count {
            if skip("<!--") {
                if !skipPast("-->") { return false }
            } else if bytes[offset] == UInt8(ascii: "\"") || bytes[offset] == UInt8(ascii: "'") {
                if quoted() == nil { return false }
            } else {
                let byte = bytes[offset]
                offset += 1
                if byte == UInt8(ascii: "[") { isInside = true }
                if byte == UInt8(ascii: "]") { isInside = false }
                if byte == UInt8(ascii: ">"), !isInside { return true }
            }
        }
        return false
    }

    mutating func name() -> String? {
        let start = offset
        while offset < bytes.count, !Array(" \t\r\n=<>/\"'".utf8).contains(bytes[offset]) { offset += 1 }
        return offset == start ? nil : String(decoding: bytes[start..<offset], as: UTF8.self)
    }

    mutating func quoted() -> String? {
        guard offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") || bytes[offset] == UInt8(ascii: "'") else {
            return nil
        }
        guard let end = bytes[(offset + 1)...].firstIndex(of: bytes[offset]) else { return nil }
        defer { offset = end + 1 }
        return String(decoding: bytes[(offset + 1)..<end], as: UTF8.self)
    }
}
