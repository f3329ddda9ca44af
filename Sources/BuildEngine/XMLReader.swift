// XML 1.0 texts, one step at a time, so that a large one is never in memory as a tree. Knows elements, attributes and text;
// does not know namespaces, nor what any element means. Entities are the five of XML and character references alone, and
// nothing is ever fetched, so nothing can grow.

/// Why some bytes are no XML text, and where.
package struct XMLError: Error, Sendable, Hashable {
    /// What is wrong, in one line without a final full stop.
    package let message: String
    /// What should stand there instead; nil where the message says it all.
    package let expected: String?
    /// Byte offset of the first byte that shows it.
    package let offset: Int

    /// An error at a byte offset.
    package init(_ message: String, expected: String? = nil, at offset: Int) {
        self.message = message
        self.expected = expected
        self.offset = offset
    }
}

/// The opening tag of an element.
package struct XMLStart: Sendable {
    /// As it is written, with its prefix.
    package let name: String
    /// In the order written; no name twice.
    package let attributes: [(name: String, value: String)]
    /// Byte offset of its name.
    package let offset: Int

    /// The value of the attribute called `name`, nil where there is none.
    package subscript(name: String) -> String? {
        attributes.first { $0.name.utf8.elementsEqual(name.utf8) }?.value
    }
}

/// A step of an XML text. Every `start` has its `end`, an empty element's too.
package enum XMLEvent: Sendable {
    case start(XMLStart)
    case end
    /// The text between two tags or comments, CDATA included; never empty.
    case text(String)
}

/// Reads an XML text from its first byte to its last; whatever is not well-formed is an error. Comments and processing
/// instructions are left out.
package struct XMLReader: Sendable {
    /// What is let through that XML, or a caller, would refuse.
    package struct Leniency: Sendable {
        /// A document type is skipped unread; otherwise it is an error.
        package var documentTypes = false
        /// Control characters may stand in text as they are: tools copy them from terminals.
        package var controls = false
        /// Bytes of each piece of text that are kept; what comes after is read and dropped.
        package var textLimit = Int.max

        /// Lets nothing through.
        package init() {}

        /// What tools' reports need.
        package static var report: Leniency {
            var leniency = Leniency()
            leniency.documentTypes = true
            leniency.controls = true
            leniency.textLimit = 16 * 1024
            return leniency
        }
    }

    private let bytes: [UInt8]
    private let leniency: Leniency
    private var offset = 0
    /// Names of the elements that are open now.
    private var open: [String] = []
    private var hasRoot = false
    private var hasEndToTell = false

    /// `bytes` are UTF-8, with or without a byte order mark; the caller checks that where it matters.
    package init(_ bytes: [UInt8], _ leniency: Leniency = Leniency()) {
        self.bytes = bytes
        self.leniency = leniency
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { offset = 3 }
    }

    /// The offset of the first byte that has not been read yet; behind an element once its `end` was given.
    package var position: Int { offset }

    /// How many elements are open.
    package var depth: Int { open.count }

    /// The next step; nil at the end of a text that is well-formed as a whole.
    package mutating func next() throws(XMLError) -> XMLEvent? {
        if hasEndToTell {
            hasEndToTell = false
            open.removeLast()
            return .end
        }
        if !open.isEmpty { return try content() }
        if !hasRoot, starts("<?xml") { try skip(to: "?>") }
        try skipMisc()
        if hasRoot {
            if offset < bytes.count { throw error("text after the root element", "the end of the text") }
            return nil
        }
        guard starts("<") else { throw error("an element", "an element <name>") }
        hasRoot = true
        return .start(try tag())
    }

    /// Reads on to the end of the element that was begun last, and drops all that is in it.
    package mutating func skipElement() throws(XMLError) {
        let outer = open.count - 1
        while open.count > outer, try next() != nil {}
    }

    /// Reads on to the end of the element that was begun last. Gives its text, that of elements in it included.
    package mutating func elementText() throws(XMLError) -> String {
        let outer = open.count - 1
        var text = ""
        while open.count > outer, let event = try next() {
            if case .text(let piece) = event, text.utf8.count < leniency.textLimit { text += piece }
        }
        return text
    }

    // MARK: Structure

    private mutating func skipMisc() throws(XMLError) {
        while true {
            skipSpace()
            if starts("<!--") {
                try skipComment()
            } else if starts("<?") {
                try skip(to: "?>")
            } else if starts("<!DOCTYPE"), !hasRoot {
                guard leniency.documentTypes else {
                    throw XMLError("document types are not supported", at: offset)
                }
                try skipDocumentType()
            } else {
                return
            }
        }
    }

    /// Up to the `>` that ends it: not one in quotes, a comment, or between `[` and `]`.
    private mutating func skipDocumentType() throws(XMLError) {
        let start = offset
        var isInside = false
        while offset < bytes.count {
            if starts("<!--") {
                try skipComment()
                continue
            }
            let byte = bytes[offset]
            offset += 1
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "'"):
                guard let end = bytes[offset...].firstIndex(of: byte) else {
                    throw XMLError("this is not closed", expected: ">", at: start)
                }
                offset = end + 1
            case UInt8(ascii: "["): isInside = true
            case UInt8(ascii: "]"): isInside = false
            case UInt8(ascii: ">"): if !isInside { return }
            default: break
            }
        }
        throw XMLError("this is not closed", expected: ">", at: start)
    }

    /// The opening tag that begins here.
    private mutating func tag() throws(XMLError) -> XMLStart {
        if open.count > 100 { throw XMLError("the elements are nested more than 100 deep", at: offset) }
        offset += 1
        let start = offset
        let name = try name()
        let attributes = try attributes()
        if skip("/>") {
            hasEndToTell = true
        } else if !skip(">") {
            throw error("something in a tag", "> or />")
        }
        open.append(name)
        return XMLStart(name: name, attributes: attributes, offset: start)
    }

    private mutating func closingTag() throws(XMLError) {
        let end = offset
        let name = open.last ?? ""
        guard skip("</"), try self.name().utf8.elementsEqual(name.utf8) else {
            throw XMLError("<\(name)> is not closed", expected: "</\(name)>", at: end)
        }
        skipSpace()
        guard skip(">") else { throw error("something in a closing tag", ">") }
        open.removeLast()
    }

    /// The next step within an element.
    private mutating func content() throws(XMLError) -> XMLEvent {
        var piece: [UInt8] = []
        while true {
            guard offset < bytes.count else { throw error("the end of the text", "a closing tag") }
            if bytes[offset] != UInt8(ascii: "<") {
                try character(into: &piece)
                continue
            }
            if starts("<![CDATA[") {
                let start = offset + 9
                try skip(to: "]]>")
                piece += bytes[start..<(offset - 3)].prefix(leniency.textLimit)
                continue
            }
            if !piece.isEmpty {
                return .text(String(decoding: piece.prefix(leniency.textLimit), as: UTF8.self))
            }
            if starts("</") {
                try closingTag()
                return .end
            }
            if starts("<!--") {
                try skipComment()
            } else if starts("<?") {
                try skip(to: "?>")
            } else if starts("<!") {
                throw error("a declaration", "an element or text")
            } else {
                return .start(try tag())
            }
        }
    }

    // MARK: Names and values

    private mutating func attributes() throws(XMLError) -> [(name: String, value: String)] {
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
            if attributes.contains(where: { $0.name.utf8.elementsEqual(name.utf8) }) {
                throw XMLError("the attribute \(name) stands there twice", at: place)
            }
            if attributes.count == 1000 { throw XMLError("an element has more than 1000 attributes", at: place) }
            attributes.append((name, value))
        }
    }

    private mutating func quoted() throws(XMLError) -> String {
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
        return String(decoding: value.prefix(leniency.textLimit), as: UTF8.self)
    }

    private mutating func name() throws(XMLError) -> String {
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
    private mutating func character(into text: inout [UInt8]) throws(XMLError) {
        let isKept = text.count < leniency.textLimit
        guard bytes[offset] == UInt8(ascii: "&") else {
            if bytes[offset] < 0x20, !bytes[offset].isSpace, !leniency.controls {
                throw error("a control character", "text")
            }
            if isKept { text.append(bytes[offset]) }
            offset += 1
            return
        }
        let entities: [(String, UInt8)] = [
            ("&lt;", 0x3C), ("&gt;", 0x3E), ("&amp;", 0x26), ("&quot;", 0x22), ("&apos;", 0x27),
        ]
        for (entity, byte) in entities where skip(entity) {
            if isKept { text.append(byte) }
            return
        }
        let scalar = try reference()
        if isKept { text += Array(String(Character(scalar)).utf8) }
    }

    /// The character that `&#…;` stands for.
    private mutating func reference() throws(XMLError) -> Unicode.Scalar {
        let start = offset
        guard skip("&#") else {
            throw XMLError("this entity is not known", expected: "&lt; &gt; &amp; &quot; &apos; or &#…;", at: start)
        }
        let isHex = skip("x")
        var value: UInt32 = 0
        var count = 0
        while offset < bytes.count, count < 8, isHex || bytes[offset].isDigit, let digit = bytes[offset].hexValue {
            value = value * (isHex ? 16 : 10) + UInt32(digit)
            count += 1
            offset += 1
        }
        guard count > 0, skip(";"), value > 0, let scalar = Unicode.Scalar(value) else {
            throw XMLError("this reference is no character", expected: "such as &#65;", at: start)
        }
        return scalar
    }

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

    private mutating func skipComment() throws(XMLError) {
        offset += 4
        try skip(to: "-->")
    }

    /// Moves behind the next `text`.
    private mutating func skip(to text: String) throws(XMLError) {
        let start = offset
        let wanted = Array(text.utf8)
        while offset + wanted.count <= bytes.count {
            if bytes[offset] == wanted[0], bytes[offset...].starts(with: wanted) {
                offset += wanted.count
                return
            }
            offset += 1
        }
        offset = bytes.count
        throw XMLError("this is not closed", expected: text, at: start)
    }

    private func error(_ found: String, _ expected: String) -> XMLError {
        XMLError("found \(offset < bytes.count ? found : "the end of the text")", expected: expected, at: offset)
    }
}

extension UInt8 {
    fileprivate var isLetter: Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20) }
}
