// The YAML that API descriptions and stacks are written in, to the values JSON has: block and flow collections, all kinds
// of scalars, comments, anchors, aliases and merge keys. Strict: what two readers could take for two things is an error.
// Tags and several documents in one text are refused. Does not know what any document means.

/// What is wrong with a YAML text.
package struct YAMLError: Error, Sendable, Hashable {
    /// In one line without a final full stop.
    package let message: String
    /// What should stand there instead; nil where the message says it all.
    package let expected: String?
    /// Byte offset of the first byte that shows it.
    package let offset: Int

    init(_ message: String, expected: String? = nil, at offset: Int) {
        self.message = message
        self.expected = expected
        self.offset = offset
    }
}

/// How much a text may hold, and how its numbers are read.
package struct YAMLForm: Sendable {
    let bytes: Int
    /// Aliases count with all that they stand for, so that a few lines cannot become a billion values.
    let nodes: Int
    let depth: Int
    /// `0440` is octal, as Go's readers have it, and not 440.
    let readsOctal: Bool

    /// By YAML 1.2's core schema, as large as API descriptions get.
    package static let document = YAMLForm(bytes: 64 << 20, nodes: 5_000_000, depth: 100, readsOctal: false)
    /// As Compose reads its files: at most 1 MiB, 100,000 values and 64 levels.
    package static let stack = YAMLForm(bytes: 1 << 20, nodes: 100_000, depth: 64, readsOctal: true)
}

package enum YAMLReader {
    /// Reads one document. Scalars mean what YAML 1.2's core schema says; `yes` and dates are text. A part that an alias
    /// brings has the place of what the anchor marks.
    package static func parse(_ bytes: [UInt8], as form: YAMLForm) throws(YAMLError) -> JSONTree {
        if bytes.count > form.bytes {
            throw YAMLError("this YAML is larger than \(form.bytes >> 20) MiB", at: form.bytes)
        }
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw YAMLError("this YAML is not UTF-8", expected: "UTF-8", at: 0)
        }
        var parser = YAMLParser(bytes: bytes, form: form)
        return try parser.document()
    }
}

/// Reads a text from its start to its end.
struct YAMLParser {
    let bytes: [UInt8]
    let form: YAMLForm
    var offset = 0
    /// What aliases may name.
    var anchors: [String: YAMLAnchor] = [:]
    /// Values so far, and the deepest of them.
    var nodes = 0
    var deepest = 0
    var depth = 0

    init(bytes: [UInt8], form: YAMLForm) {
        self.bytes = bytes
        self.form = form
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { offset = 3 }
    }

    mutating func document() throws(YAMLError) -> JSONTree {
        try nextContent()
        if offset < bytes.count, bytes[offset] == UInt8(ascii: "%") {
            throw YAMLError("YAML directives are not supported", expected: "a value", at: offset)
        }
        if isMarker("---") {
            offset += 3
            try nextContent()
        }
        if offset >= bytes.count { return JSONTree(.null) }
        let value = try block(at: column)
        try nextContent()
        if isMarker("...") {
            offset += 3
            try nextContent()
        }
        if isMarker("---") { throw YAMLError("there is more than one document in this text", at: offset) }
        if offset < bytes.count { throw YAMLError("this does not belong to anything before", at: offset) }
        return value
    }

    func isMarker(_ mark: String) -> Bool {
        bytes[min(offset, bytes.count)...].starts(with: mark.utf8) && column == 0
            && (offset + 3 >= bytes.count || bytes[offset + 3].isSpace)
    }

    // MARK: Lines

    /// How far the offset is from the start of its line; costs as much, so only blocks ask.
    var column: Int {
        var start = offset
        while start > 0, bytes[start - 1] != UInt8(ascii: "\n") { start -= 1 }
        return offset - start
    }

    var peek: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    func byte(after count: Int) -> UInt8? {
        offset + count < bytes.count ? bytes[offset + count] : nil
    }

    static func isBlank(_ byte: UInt8?) -> Bool { byte == nil || byte?.isSpace == true }

    mutating func skipSpaces() {
        while let byte = peek, byte == 0x20 || byte == 0x09 { offset += 1 }
    }

    /// Skips spaces and a comment; true at the end of the line.
    mutating func skipToLineEnd() -> Bool {
        let start = offset
        skipSpaces()
        if peek == UInt8(ascii: "#"), offset == 0 || bytes[offset - 1].isSpace || offset == start {
            while let byte = peek, byte != UInt8(ascii: "\n") { offset += 1 }
        }
        if peek == 0x0D, byte(after: 1) == 0x0A { offset += 1 }
        return peek == nil || peek == UInt8(ascii: "\n")
    }

    /// Moves to the next content that is not a comment, from anywhere; false at the end of the text.
    @discardableResult
    mutating func nextContent() throws(YAMLError) -> Bool {
        while skipToLineEnd() {
            if peek == nil { return false }
            offset += 1
            let start = offset
            while peek == 0x20 { offset += 1 }
            if peek == 0x09 {
                skipSpaces()
                if !skipToLineEnd() {
                    throw YAMLError("a tab can't indent YAML", expected: "spaces", at: start)
                }
            }
        }
        return true
    }

    // MARK: Blocks

    /// The value whose first byte is here, at `column` of its line.
    mutating func block(at column: Int) throws(YAMLError) -> JSONTree {
        try enter()
        defer { depth -= 1 }
        if peek == UInt8(ascii: "&") {
            let start = offset
            let name = try anchorName()
            return try anchored(name, at: start) { (parser) throws(YAMLError) in
                guard parser.skipToLineEnd() else { return try parser.scalar(parent: column - 1) }
                try parser.nextContent()
                return try parser.block(at: parser.column)
            }
        }
        if isEntry { return try sequence(at: column) }
        if peek == UInt8(ascii: "?"), Self.isBlank(byte(after: 1)) {
            throw YAMLError("keys after ? are not supported", expected: "key: value", at: offset)
        }
        if isKey { return try mapping(at: column) }
        return try scalar(parent: column - 1)
    }

    /// True at `- `.
    var isEntry: Bool { peek == UInt8(ascii: "-") && Self.isBlank(byte(after: 1)) }

    /// True where the line begins with a key and a colon.
    var isKey: Bool {
        var probe = self
        guard let _ = try? probe.key() else { return false }
        return probe.peek == UInt8(ascii: ":") && Self.isBlank(probe.byte(after: 1))
    }

    mutating func sequence(at column: Int) throws(YAMLError) -> JSONTree {
        let start = offset
        var elements: [JSONTree] = []
        var end = offset
        while true {
            offset += 1
            elements.append(try value(parent: column, isEntry: true))
            end = offset
            guard try nextContent(), isEntry, self.column == column else { break }
        }
        try checkIndentation(after: column)
        return JSONTree(.array(elements), range: start..<end)
    }

    mutating func mapping(at column: Int) throws(YAMLError) -> JSONTree {
        let start = offset
        var members: [JSONTree.Member] = []
        var merged: [JSONTree.Member] = []
        var names: Set<[UInt8]> = []
        var end = offset
        while true {
            let place = offset
            let name = try key()
            guard peek == UInt8(ascii: ":"), Self.isBlank(byte(after: 1)) else {
                throw YAMLError("this is no member of the mapping above", expected: "key: value", at: place)
            }
            let isMerge = name == "<<" && peekByte(at: place) == UInt8(ascii: "<")
            guard names.insert(Array(name.utf8)).inserted else {
                throw YAMLError("\"\(name)\" stands there twice", expected: "each key once", at: place)
            }
            offset += 1
            let value = try value(parent: column, isEntry: false)
            if isMerge {
                merged += try merging(value, at: place)
            } else {
                members.append(JSONTree.Member(name: name, offset: place, value: value))
            }
            end = offset
            guard try nextContent(), self.column == column, !isMarker("---"), !isMarker("...") else { break }
        }
        try checkIndentation(after: column)
        return JSONTree(.object(Self.completed(members, by: merged)), range: start..<end)
    }

    /// What follows a block must not stand deeper than it.
    func checkIndentation(after column: Int) throws(YAMLError) {
        if offset < bytes.count, self.column > column {
            throw YAMLError(
                "this is indented like nothing above", expected: "\(column) spaces", at: offset)
        }
    }

    /// What stands after `key:` or `-` of a block at `parent`.
    mutating func value(parent: Int, isEntry: Bool) throws(YAMLError) -> JSONTree {
        try count(1)
        guard !skipToLineEnd(), peek == UInt8(ascii: "&") else {
            return try unmarked(parent: parent, isEntry: isEntry, isMarked: false)
        }
        let start = offset
        let name = try anchorName()
        return try anchored(name, at: start) { (parser) throws(YAMLError) in
            try parser.unmarked(parent: parent, isEntry: isEntry, isMarked: true)
        }
    }

    func peekByte(at offset: Int) -> UInt8? { offset < bytes.count ? bytes[offset] : nil }

    mutating func unmarked(parent: Int, isEntry: Bool, isMarked: Bool) throws(YAMLError) -> JSONTree {
        if skipToLineEnd() {
            let back = offset
            guard try nextContent(), !isMarker("---"), !isMarker("...") else { return empty(at: back) }
            let next = column
            // A sequence may stand right below its key.
            if next > parent || (!isEntry && next == parent && self.isEntry) { return try block(at: next) }
            offset = back
            return empty(at: back)
        }
        if isEntry, self.isEntry || isKey {
            if isMarked {
                throw YAMLError("an anchor can't stand before a key", expected: "it alone on its line", at: offset)
            }
            return try block(at: column)
        }
        if peek == UInt8(ascii: "|") || peek == UInt8(ascii: ">") { return try blockScalar(parent: parent) }
        return try scalar(parent: parent)
    }

    func empty(at offset: Int) -> JSONTree { JSONTree(.null, range: offset..<offset) }

    // MARK: Scalars and flow collections

    mutating func key() throws(YAMLError) -> String {
        let start = offset
        let first = peek
        if first == UInt8(ascii: "\"") || first == UInt8(ascii: "'") {
            let text = try quoted()
            guard !bytes[start..<offset].contains(UInt8(ascii: "\n")) else {
                throw YAMLError("a key is longer than its line", at: start)
            }
            skipSpaces()
            return text
        }
        try refuseUnsupported()
        if let first, "[]{},|>%@`".utf8.contains(first) {
            throw YAMLError("a key can't begin with this", expected: "key: value", at: offset)
        }
        while let byte = peek, byte != UInt8(ascii: "\n") {
            if byte == UInt8(ascii: ":"), Self.isBlank(self.byte(after: 1)) { break }
            if byte == UInt8(ascii: "#"), offset > start, bytes[offset - 1].isSpace { break }
            offset += 1
        }
        return String(decoding: bytes[start..<offset], as: UTF8.self).trimmed
    }

    /// A scalar or flow collection that goes on over lines deeper than `parent`.
    mutating func scalar(parent: Int) throws(YAMLError) -> JSONTree {
        let start = offset
        let tree: JSONTree
        switch peek {
        case UInt8(ascii: "\""), UInt8(ascii: "'"):
            let text = try quoted()
            tree = JSONTree(.string(text), range: start..<offset)
        case UInt8(ascii: "["), UInt8(ascii: "{"): tree = try flow()
        case UInt8(ascii: "*"): tree = try alias()
        default: return try plain(parent: parent)
        }
        let end = offset
        guard skipToLineEnd() else {
            throw YAMLError("there is more after the value", expected: "the end of the line", at: offset)
        }
        offset = end
        return tree
    }

    mutating func refuseUnsupported() throws(YAMLError) {
        switch peek {
        case UInt8(ascii: "&"): throw YAMLError("an anchor can't stand here", expected: "it before a value", at: offset)
        case UInt8(ascii: "*"): throw YAMLError("an alias can't stand here", expected: "it as a value", at: offset)
        case UInt8(ascii: "!"): throw unsupportedTag()
        case UInt8(ascii: "@"), UInt8(ascii: "`"):
            throw YAMLError("YAML reserves this character", expected: "the text in quotes", at: offset)
        default: break
        }
    }

    mutating func plain(parent: Int) throws(YAMLError) -> JSONTree {
        try refuseUnsupported()
        if peek == UInt8(ascii: "|") || peek == UInt8(ascii: ">") { return try blockScalar(parent: parent) }
        let start = offset
        var text = try plainLine(start)
        var end = offset
        var isOneLine = true
        while true {
            var blank = -1
            while skipToLineEnd(), peek != nil {
                blank += 1
                offset += 1
            }
            if blank >= 0, peek != nil, bytes[(offset - column)..<offset].contains(0x09) {
                throw YAMLError("a tab can't indent YAML", expected: "spaces", at: offset - column)
            }
            guard peek != nil, blank >= 0, column > parent, !isMarker("---"), !isMarker("..."),
                bytes[end..<offset].allSatisfy(\.isSpace)
            else { break }
            isOneLine = false
            let place = offset
            text += (blank == 0 ? " " : String(repeating: "\n", count: blank)) + (try plainLine(place))
            end = offset
        }
        offset = end
        let content = isOneLine ? YAMLScalar.content(text, readsOctal: form.readsOctal) : .string(text)
        return JSONTree(content, range: start..<end)
    }

    /// A line's part of a plain scalar.
    mutating func plainLine(_ start: Int) throws(YAMLError) -> String {
        while let byte = peek, byte != UInt8(ascii: "\n") {
            if byte == UInt8(ascii: "#"), offset > start, bytes[offset - 1].isSpace { break }
            if byte == UInt8(ascii: ":"), Self.isBlank(self.byte(after: 1)) {
                throw YAMLError("a key can't stand here", expected: "the text in quotes", at: start)
            }
            offset += 1
        }
        while offset > start, bytes[offset - 1].isSpace { offset -= 1 }
        return String(decoding: bytes[start..<offset], as: UTF8.self)
    }
}
