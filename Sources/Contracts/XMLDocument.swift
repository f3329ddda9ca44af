// XML 1.0 bodies to a tree of elements: namespaces resolved, comments and processing instructions dropped. Strict, and
// without document types: no entities but the five of XML and character references, so nothing can grow or be fetched.
import BuildEngine

/// An XML text's elements.
struct XMLDocument: Sendable {
    let root: XMLElement

    static func parse(_ bytes: [UInt8]) throws(ContractReadError) -> XMLDocument {
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw ContractReadError("this XML is not UTF-8", expected: "UTF-8", at: 0)
        }
        var parser = XMLParser(bytes: bytes)
        return XMLDocument(root: try parser.document())
    }
}

/// One element with what is in it.
struct XMLElement: Sendable {
    /// `namespace:name`, or the name alone outside of all namespaces.
    let name: String
    /// Without the declarations of namespaces; names as the element's.
    let attributes: [(name: String, value: String)]
    let children: [XMLElement]
    /// All text directly in the element, each piece without white space around it.
    let text: String
}

private struct XMLParser {
    let bytes: [UInt8]
    var offset = 0

    init(bytes: [UInt8]) {
        self.bytes = bytes
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { offset = 3 }
    }

    mutating func document() throws(ContractReadError) -> XMLElement {
        if starts("<?xml") { try skip(to: "?>") }
        try skipMisc()
        guard starts("<") else { throw error("an element", "an element <name>") }
        let root = try element(namespaces: ["xml": "http://www.w3.org/XML/1998/namespace"], depth: 0)
        try skipMisc()
        if offset < bytes.count { throw error("text after the root element", "the end of the text") }
        return root
    }

    private mutating func skipMisc() throws(ContractReadError) {
        while true {
            skipSpace()
            if starts("<!--") {
                try skipComment()
            } else if starts("<?") {
                try skip(to: "?>")
            } else if starts("<!DOCTYPE") {
                throw ContractReadError("document types are not supported", at: offset)
            } else {
                return
            }
        }
    }

    private mutating func element(namespaces: [String: String], depth: Int) throws(ContractReadError) -> XMLElement {
        if depth > 100 { throw ContractReadError("the elements are nested more than 100 deep", at: offset) }
        offset += 1
        let start = offset
        let name = try name()
        let attributes = try attributes()
        var namespaces = namespaces
        for attribute in attributes {
            if attribute.name == "xmlns" { namespaces[""] = attribute.value }
            if attribute.name.hasPrefix("xmlns:") { namespaces[String(attribute.name.dropFirst(6))] = attribute.value }
        }
        var resolved: [(name: String, value: String)] = []
        for attribute in attributes where attribute.name != "xmlns" && !attribute.name.hasPrefix("xmlns:") {
            // An attribute without prefix is in no namespace, whatever the element is in.
            let isPlain = !attribute.name.utf8.contains(UInt8(ascii: ":"))
            let full = isPlain ? attribute.name : try expand(attribute.name, namespaces, at: start)
            resolved.append((full, attribute.value))
        }
        let full = try expand(name, namespaces, at: start)
        if skip("/>") { return XMLElement(name: full, attributes: resolved, children: [], text: "") }
        guard skip(">") else { throw error("something in a tag", "> or />") }
        let content = try content(namespaces: namespaces, depth: depth)
        let end = offset
        guard skip("</"), try self.name().isSame(as: name) else {
            throw ContractReadError("<\(name)> is not closed", expected: "</\(name)>", at: end)
        }
        skipSpace()
        guard skip(">") else { throw error("something in a closing tag", ">") }
        return XMLElement(name: full, attributes: resolved, children: content.children, text: content.text)
    }

    private mutating func content(
        namespaces: [String: String], depth: Int
    ) throws(ContractReadError) -> (children: [XMLElement], text: String) {
        var children: [XMLElement] = []
        var text = ""
        var piece: [UInt8] = []
        while true {
            guard offset < bytes.count else { throw error("the end of the text", "a closing tag") }
            if starts("<![CDATA[") {
                let start = offset + 9
                try skip(to: "]]>")
                piece += bytes[start..<(offset - 3)]
                continue
            }
            guard bytes[offset] == UInt8(ascii: "<") else {
                try character(into: &piece)
                continue
            }
            text += String(decoding: piece, as: UTF8.self).trimmed
            piece = []
            if starts("</") { return (children, text) }
            if starts("<!--") {
                try skipComment()
            } else if starts("<?") {
                try skip(to: "?>")
            } else if starts("<!") {
                throw error("a declaration", "an element or text")
            } else {
                children.append(try element(namespaces: namespaces, depth: depth + 1))
            }
        }
    }

    // MARK: Names and values

    private func expand(
        _ name: String, _ namespaces: [String: String], at offset: Int
    ) throws(ContractReadError) -> String {
        let parts = name.parts(separatedBy: UInt8(ascii: ":"))
        if parts.count > 2 || parts.contains("") {
            throw ContractReadError("\(name) is no name", expected: "name or prefix:name", at: offset)
        }
        let prefix = parts.count == 2 ? parts[0] : ""
        guard let namespace = namespaces[prefix] else {
            if prefix.isEmpty { return name }
            throw ContractReadError("the prefix \(prefix) has no namespace", expected: "xmlns:\(prefix)", at: offset)
        }
        let local = parts.last ?? name
        return namespace.isEmpty ? local : "\(namespace):\(local)"
    }

    private mutating func attributes() throws(ContractReadError) -> [(name: String, value: String)] {
        var attributes: [(name: String, value: String)] = []
        while true {
            let start = offset
            skipSpace()
            guard offset < bytes.count, bytes[offset] != UInt8(ascii: ">"), bytes[offset] != UInt8(ascii: "/") else {
                return attributes
            }
            if offset == start { throw error("something in a tag", "a space, > or />") }
            let place = offset
            let name = try name()
            skipSpace()
            guard skip("=") else { throw error("an attribute without value", "=") }
            skipSpace()
            let value = try quoted()
            if attributes.contains(where: { $0.name.isSame(as: name) }) {
                throw ContractReadError("the attribute \(name) stands there twice", at: place)
            }
            attributes.append((name, value))
        }
    }

    private mutating func quoted() throws(ContractReadError) -> String {
        guard offset < bytes.count, [UInt8(ascii: "\""), UInt8(ascii: "'")].contains(bytes[offset]) else {
            throw error("an attribute's value", "\"…\"")
        }
        let quote = bytes[offset]
        offset += 1
        var value: [UInt8] = []
        while offset < bytes.count, bytes[offset] != quote {
            if bytes[offset] == UInt8(ascii: "<") { throw error("a < in a value", "&lt;") }
            try character(into: &value)
        }
        guard offset < bytes.count else { throw error("the end of the text", "the value's closing quote") }
        offset += 1
        return String(decoding: value, as: UTF8.self)
    }

    private mutating func name() throws(ContractReadError) -> String {
        let start = offset
        while offset < bytes.count {
            let byte = bytes[offset]
            let isStart = byte.isLetter || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ":") || byte >= 0x80
            guard
                isStart || (offset > start && (byte.isDigit || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")))
            else { break }
            offset += 1
        }
        if offset == start { throw error("no name", "a name") }
        return String(decoding: bytes[start..<offset], as: UTF8.self)
    }

    /// One character of text or of a value, an entity as what it stands for.
    private mutating func character(into text: inout [UInt8]) throws(ContractReadError) {
        guard bytes[offset] == UInt8(ascii: "&") else {
            if bytes[offset] < 0x20, !bytes[offset].isSpace { throw error("a control character", "text") }
            text.append(bytes[offset])
            offset += 1
            return
        }
        let entities: [(String, UInt8)] = [
            ("&lt;", 0x3C), ("&gt;", 0x3E), ("&amp;", 0x26), ("&quot;", 0x22), ("&apos;", 0x27),
        ]
        for (entity, byte) in entities where skip(entity) {
            text.append(byte)
            return
        }
        let start = offset
        guard skip("&#") else {
            throw ContractReadError(
                "this entity is not known", expected: "&lt; &gt; &amp; &quot; &apos; or &#…;", at: start)
        }
        let isHex = skip("x")
        var value: UInt32 = 0
        var count = 0
        while offset < bytes.count, count < 8, let digit = isHex ? bytes[offset].hexValue : decimal(bytes[offset]) {
            value = value * (isHex ? 16 : 10) + UInt32(digit)
            count += 1
            offset += 1
        }
        guard count > 0, skip(";"), value > 0, let scalar = Unicode.Scalar(value) else {
            throw ContractReadError("this reference is no character", expected: "such as &#65;", at: start)
        }
        text += Array(String(Character(scalar)).utf8)
    }

    private func decimal(_ byte: UInt8) -> UInt8? { byte.isDigit ? byte - UInt8(ascii: "0") : nil }

    // MARK: Bytes

    private func starts(_ text: String) -> Bool { bytes[min(offset, bytes.count)...].starts(with: text.utf8) }

    private mutating func skip(_ text: String) -> Bool {
        guard starts(text) else { return false }
        offset += text.utf8.count
        return true
    }

    private mutating func skipSpace() {
        while offset < bytes.count, bytes[offset].isSpace { offset += 1 }
    }

    private mutating func skipComment() throws(ContractReadError) {
        offset += 4
        try skip(to: "-->")
    }

    /// Moves behind the next `text`.
    private mutating func skip(to text: String) throws(ContractReadError) {
        let start = offset
        while offset < bytes.count {
            if skip(text) { return }
            offset += 1
        }
        throw ContractReadError("this is not closed", expected: text, at: start)
    }

    private func error(_ found: String, _ expected: String) -> ContractReadError {
        ContractReadError(
            "found \(offset < bytes.count ? found : "the end of the text")", expected: expected, at: offset)
    }
}
