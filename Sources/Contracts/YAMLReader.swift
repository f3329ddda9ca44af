// The YAML that API descriptions are written in, to the values JSON has: block and flow collections, all kinds of
// scalars, comments. Strict: what two readers could take for two things is an error. Anchors, aliases, tags, merge keys
// and several documents in one text are refused.
import BuildEngine

enum YAMLReader {
    /// Reads one document. Scalars mean what YAML 1.2's core schema says; `yes` and dates are text.
    static func parse(_ bytes: [UInt8]) throws(ContractReadError) -> JSONTree {
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw ContractReadError("this YAML is not UTF-8", expected: "UTF-8", at: 0)
        }
        var parser = YAMLParser(bytes: bytes)
        return try parser.document()
    }
}

private struct YAMLParser {
    let bytes: [UInt8]
    var offset = 0
    private var depth = 0

    init(bytes: [UInt8]) {
        self.bytes = bytes
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { offset = 3 }
    }

    mutating func document() throws(ContractReadError) -> JSONTree {
        try nextContent()
        if offset < bytes.count, bytes[offset] == UInt8(ascii: "%") {
            throw ContractReadError("YAML directives are not supported", expected: "a value", at: offset)
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
        if isMarker("---") { throw ContractReadError("there is more than one document in this text", at: offset) }
        if offset < bytes.count { throw ContractReadError("this does not belong to anything before", at: offset) }
        return value
    }

    private func isMarker(_ mark: String) -> Bool {
        bytes[min(offset, bytes.count)...].starts(with: mark.utf8) && column == 0
            && (offset + 3 >= bytes.count || bytes[offset + 3].isSpace)
    }

    // MARK: Lines

    /// How far the offset is from the start of its line; costs as much, so only blocks ask.
    private var column: Int {
        var start = offset
        while start > 0, bytes[start - 1] != UInt8(ascii: "\n") { start -= 1 }
        return offset - start
    }

    private var peek: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private func byte(after count: Int) -> UInt8? {
        offset + count < bytes.count ? bytes[offset + count] : nil
    }

    private static func isBlank(_ byte: UInt8?) -> Bool { byte == nil || byte?.isSpace == true }

    private mutating func skipSpaces() {
        while let byte = peek, byte == 0x20 || byte == 0x09 { offset += 1 }
    }

    /// Skips spaces and a comment; true at the end of the line.
    private mutating func skipToLineEnd() -> Bool {
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
    private mutating func nextContent() throws(ContractReadError) -> Bool {
        while skipToLineEnd() {
            if peek == nil { return false }
            offset += 1
            let start = offset
            while peek == 0x20 { offset += 1 }
            if peek == 0x09 {
                skipSpaces()
                if !skipToLineEnd() {
                    throw ContractReadError("a tab can't indent YAML", expected: "spaces", at: start)
                }
            }
        }
        return true
    }

    // MARK: Blocks

    /// The value whose first byte is here, at `column` of its line.
    private mutating func block(at column: Int) throws(ContractReadError) -> JSONTree {
        depth += 1
        defer { depth -= 1 }
        if depth > 100 { throw ContractReadError("this is nested more than 100 deep", at: offset) }
        if isEntry { return try sequence(at: column) }
        if peek == UInt8(ascii: "?"), Self.isBlank(byte(after: 1)) {
            throw ContractReadError("keys after ? are not supported", expected: "key: value", at: offset)
        }
        if isKey { return try mapping(at: column) }
        return try scalar(parent: column - 1)
    }

    /// True at `- `.
    private var isEntry: Bool { peek == UInt8(ascii: "-") && Self.isBlank(byte(after: 1)) }

    /// True where the line begins with a key and a colon.
    private var isKey: Bool {
        var probe = self
        guard let _ = try? probe.key() else { return false }
        return probe.peek == UInt8(ascii: ":") && Self.isBlank(probe.byte(after: 1))
    }

    private mutating func sequence(at column: Int) throws(ContractReadError) -> JSONTree {
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

    private mutating func mapping(at column: Int) throws(ContractReadError) -> JSONTree {
        let start = offset
        var members: [JSONTree.Member] = []
        var names: Set<[UInt8]> = []
        var end = offset
        while true {
            let place = offset
            let name = try key()
            guard peek == UInt8(ascii: ":"), Self.isBlank(byte(after: 1)) else {
                throw ContractReadError("this is no member of the mapping above", expected: "key: value", at: place)
            }
            if name == "<<" { throw ContractReadError("merge keys (<<) are not supported", at: place) }
            guard names.insert(Array(name.utf8)).inserted else {
                throw ContractReadError("\"\(name)\" stands there twice", expected: "each key once", at: place)
            }
            offset += 1
            let value = try value(parent: column, isEntry: false)
            members.append(JSONTree.Member(name: name, offset: place, value: value))
            end = offset
            guard try nextContent(), self.column == column, !isMarker("---"), !isMarker("...") else { break }
        }
        try checkIndentation(after: column)
        return JSONTree(.object(members), range: start..<end)
    }

    /// What follows a block must not stand deeper than it.
    private func checkIndentation(after column: Int) throws(ContractReadError) {
        if offset < bytes.count, self.column > column {
            throw ContractReadError(
                "this is indented like nothing above", expected: "\(column) spaces", at: offset)
        }
    }

    /// What stands after `key:` or `-` of a block at `parent`.
    private mutating func value(parent: Int, isEntry: Bool) throws(ContractReadError) -> JSONTree {
        if skipToLineEnd() {
            let back = offset
            guard try nextContent(), !isMarker("---"), !isMarker("...") else { return empty(at: back) }
            let next = column
            // A sequence may stand right below its key.
            if next > parent || (!isEntry && next == parent && self.isEntry) { return try block(at: next) }
            offset = back
            return empty(at: back)
        }
        if isEntry, self.isEntry || isKey { return try block(at: column) }
        if peek == UInt8(ascii: "|") || peek == UInt8(ascii: ">") { return try blockScalar(parent: parent) }
        return try scalar(parent: parent)
    }

    private func empty(at offset: Int) -> JSONTree { JSONTree(.null, range: offset..<offset) }

    // MARK: Scalars and flow collections

    private mutating func key() throws(ContractReadError) -> String {
        let start = offset
        let first = peek
        if first == UInt8(ascii: "\"") || first == UInt8(ascii: "'") {
            let text = try quoted()
            guard !bytes[start..<offset].contains(UInt8(ascii: "\n")) else {
                throw ContractReadError("a key is longer than its line", at: start)
            }
            skipSpaces()
            return text
        }
        try refuseUnsupported()
        if let first, "[]{},|>%@`".utf8.contains(first) {
            throw ContractReadError("a key can't begin with this", expected: "key: value", at: offset)
        }
        while let byte = peek, byte != UInt8(ascii: "\n") {
            if byte == UInt8(ascii: ":"), Self.isBlank(self.byte(after: 1)) { break }
            if byte == UInt8(ascii: "#"), offset > start, bytes[offset - 1].isSpace { break }
            offset += 1
        }
        return String(decoding: bytes[start..<offset], as: UTF8.self).trimmed
    }

    /// A scalar or flow collection that goes on over lines deeper than `parent`.
    private mutating func scalar(parent: Int) throws(ContractReadError) -> JSONTree {
        let start = offset
        let tree: JSONTree
        switch peek {
        case UInt8(ascii: "\""), UInt8(ascii: "'"):
            let text = try quoted()
            tree = JSONTree(.string(text), range: start..<offset)
        case UInt8(ascii: "["), UInt8(ascii: "{"): tree = try flow()
        default: return try plain(parent: parent)
        }
        let end = offset
        guard skipToLineEnd() else {
            throw ContractReadError("there is more after the value", expected: "the end of the line", at: offset)
        }
        offset = end
        return tree
    }

    private mutating func refuseUnsupported() throws(ContractReadError) {
        switch peek {
        case UInt8(ascii: "&"): throw ContractReadError("anchors (&name) are not supported", at: offset)
        case UInt8(ascii: "*"): throw ContractReadError("aliases (*name) are not supported", at: offset)
        case UInt8(ascii: "!"): throw ContractReadError("tags (!name) are not supported", at: offset)
        case UInt8(ascii: "@"), UInt8(ascii: "`"):
            throw ContractReadError("YAML reserves this character", expected: "the text in quotes", at: offset)
        default: break
        }
    }

    private mutating func plain(parent: Int) throws(ContractReadError) -> JSONTree {
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
                throw ContractReadError("a tab can't indent YAML", expected: "spaces", at: offset - column)
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
        let content = isOneLine ? YAMLScalar.content(text) : .string(text)
        return JSONTree(content, range: start..<end)
    }

    /// A line's part of a plain scalar.
    private mutating func plainLine(_ start: Int) throws(ContractReadError) -> String {
        while let byte = peek, byte != UInt8(ascii: "\n") {
            if byte == UInt8(ascii: "#"), offset > start, bytes[offset - 1].isSpace { break }
            if byte == UInt8(ascii: ":"), Self.isBlank(self.byte(after: 1)) {
                throw ContractReadError("a key can't stand here", expected: "the text in quotes", at: start)
            }
            offset += 1
        }
        while offset > start, bytes[offset - 1].isSpace { offset -= 1 }
        return String(decoding: bytes[start..<offset], as: UTF8.self)
    }

    private mutating func flow() throws(ContractReadError) -> JSONTree {
        depth += 1
        defer { depth -= 1 }
        if depth > 100 { throw ContractReadError("this is nested more than 100 deep", at: offset) }
        let start = offset
        let isMapping = peek == UInt8(ascii: "{")
        let close = isMapping ? UInt8(ascii: "}") : UInt8(ascii: "]")
        offset += 1
        var elements: [JSONTree] = []
        var members: [JSONTree.Member] = []
        while true {
            try nextContent()
            guard let byte = peek else { throw ContractReadError("this is not closed", at: start) }
            if byte == close { break }
            if isMapping {
                let member = try flowMember()
                guard !members.contains(where: { $0.name.isSame(as: member.name) }) else {
                    throw ContractReadError("\"\(member.name)\" stands there twice", at: member.offset)
                }
                members.append(member)
            } else {
                elements.append(try flowValue())
            }
            try nextContent()
            if peek == nil { throw ContractReadError("this is not closed", at: start) }
            if peek == UInt8(ascii: ",") {
                offset += 1
            } else if peek != close {
                throw ContractReadError("this is not closed", expected: ", or \(isMapping ? "}" : "]")", at: offset)
            }
        }
        offset += 1
        return JSONTree(isMapping ? .object(members) : .array(elements), range: start..<offset)
    }

    private mutating func flowMember() throws(ContractReadError) -> JSONTree.Member {
        let place = offset
        let key = try flowValue()
        let name: String
        switch key.content {
        case .string(let text): name = text
        case .object, .array: throw ContractReadError("a key can't be a collection", at: place)
        default: name = String(decoding: bytes[key.range], as: UTF8.self)
        }
        try nextContent()
        guard peek == UInt8(ascii: ":") else {
            return JSONTree.Member(name: name, offset: place, value: empty(at: offset))
        }
        offset += 1
        try nextContent()
        if peek == UInt8(ascii: ",") || peek == UInt8(ascii: "}") {
            return JSONTree.Member(name: name, offset: place, value: empty(at: offset))
        }
        return JSONTree.Member(name: name, offset: place, value: try flowValue())
    }

    private mutating func flowValue() throws(ContractReadError) -> JSONTree {
        let start = offset
        switch peek {
        case UInt8(ascii: "["), UInt8(ascii: "{"): return try flow()
        case UInt8(ascii: "\""), UInt8(ascii: "'"):
            let text = try quoted()
            return JSONTree(.string(text), range: start..<offset)
        default: break
        }
        try refuseUnsupported()
        var text = flowPlainLine()
        if text.isEmpty { throw ContractReadError("there is no value", expected: "a value", at: start) }
        var end = offset
        var isOneLine = true
        // The text may go on in the next line.
        while peek?.isSpace == true {
            let lineEnds = lineEndsToContent()
            let next = flowPlainLine()
            guard lineEnds > 0, !next.isEmpty else { break }
            isOneLine = false
            text += (lineEnds == 1 ? " " : String(repeating: "\n", count: lineEnds - 1)) + next
            end = offset
        }
        offset = end
        return JSONTree(isOneLine ? YAMLScalar.content(text) : .string(text), range: start..<end)
    }

    /// Skips white space alone, and counts the line ends in it.
    private mutating func lineEndsToContent() -> Int {
        var count = 0
        while let byte = peek, byte.isSpace {
            if byte == UInt8(ascii: "\n") { count += 1 }
            offset += 1
        }
        return count
    }

    /// A line's part of a plain scalar inside brackets; empty where there is none.
    private mutating func flowPlainLine() -> String {
        let start = offset
        while let byte = peek, !",[]{}\n".utf8.contains(byte) {
            let next = self.byte(after: 1)
            if byte == UInt8(ascii: ":"), Self.isBlank(next) || ",[]{}".utf8.contains(next ?? 0) { break }
            if byte == UInt8(ascii: "#"), bytes[offset - 1].isSpace { break }
            offset += 1
        }
        while offset > start, bytes[offset - 1].isSpace { offset -= 1 }
        return String(decoding: bytes[start..<offset], as: UTF8.self)
    }

    private mutating func quoted() throws(ContractReadError) -> String {
        var scanner = YAMLQuoted(bytes: bytes, offset: offset)
        let text = try scanner.text()
        offset = scanner.offset
        return text
    }

    // MARK: Block scalars

    /// `|` keeps line ends, `>` folds them; `-` and `+` say what becomes of the last ones.
    private mutating func blockScalar(parent: Int) throws(ContractReadError) -> JSONTree {
        let start = offset
        let isFolded = peek == UInt8(ascii: ">")
        offset += 1
        var chomping: UInt8?
        var indentation: Int?
        while let byte = peek, byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+") || byte.isDigit {
            if byte.isDigit { indentation = max(parent, 0) + Int(byte - UInt8(ascii: "0")) } else { chomping = byte }
            offset += 1
        }
        guard skipToLineEnd() else {
            throw ContractReadError("there is more after the block's mark", expected: "the end of the line", at: offset)
        }
        var lines: [String] = []
        while peek != nil {
            let lineStart = offset + 1
            var place = lineStart
            while place < bytes.count, bytes[place] == 0x20, indentation.map({ place - lineStart < $0 }) ?? true {
                place += 1
            }
            var end = place
            while end < bytes.count, bytes[end] != UInt8(ascii: "\n") { end += 1 }
            let isEmpty = bytes[place..<end].allSatisfy(\.isSpace)
            if !isEmpty {
                if place - lineStart <= parent { break }
                if indentation == nil { indentation = place - lineStart }
                if place - lineStart < indentation ?? 0 {
                    throw ContractReadError(
                        "a line of the block is not indented enough", expected: "\(indentation ?? 0) spaces", at: place)
                }
            }
            if lineStart > bytes.count || (lineStart == bytes.count) { offset = bytes.count; break }
            var line = Array(bytes[place..<end])
            if line.last == 0x0D { line.removeLast() }
            lines.append(isEmpty && indentation == nil ? "" : String(decoding: line, as: UTF8.self))
            offset = end
        }
        return JSONTree(
            .string(YAMLScalar.joined(lines, isFolded: isFolded, chomping: chomping)), range: start..<offset)
    }
}
