// YAML in brackets, quotes and blocks of text. Does not know mappings and sequences by indentation: YAMLReader.swift does.

extension YAMLParser {
    // MARK: Flow collections

    mutating func flow() throws(YAMLError) -> JSONTree {
        try enter()
        defer { depth -= 1 }
        let start = offset
        let isMapping = peek == UInt8(ascii: "{")
        let close = isMapping ? UInt8(ascii: "}") : UInt8(ascii: "]")
        offset += 1
        var elements: [JSONTree] = []
        var members: [JSONTree.Member] = []
        var names: Set<[UInt8]> = []
        var merged: [JSONTree.Member] = []
        while true {
            try nextContent()
            guard let byte = peek else { throw YAMLError("this is not closed", at: start) }
            if byte == close { break }
            if isMapping {
                let member = try flowMember()
                guard names.insert(Array(member.name.utf8)).inserted else {
                    throw YAMLError("\"\(member.name)\" stands there twice", at: member.offset)
                }
                if member.name == "<<", peekByte(at: member.offset) == UInt8(ascii: "<") {
                    merged += try merging(member.value, at: member.offset)
                } else {
                    members.append(member)
                }
            } else {
                elements.append(try flowValue())
            }
            try nextContent()
            if peek == nil { throw YAMLError("this is not closed", at: start) }
            if peek == UInt8(ascii: ",") {
                offset += 1
            } else if peek != close {
                throw YAMLError("this is not closed", expected: ", or \(isMapping ? "}" : "]")", at: offset)
            }
        }
        offset += 1
        return JSONTree(
            isMapping ? .object(Self.completed(members, by: merged)) : .array(elements), range: start..<offset)
    }

    mutating func flowMember() throws(YAMLError) -> JSONTree.Member {
        let place = offset
        let key = try flowValue()
        let name: String
        switch key.content {
        case .string(let text): name = text
        case .object, .array: throw YAMLError("a key can't be a collection", at: place)
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

    mutating func flowValue() throws(YAMLError) -> JSONTree {
        try count(1)
        let start = offset
        switch peek {
        case UInt8(ascii: "["), UInt8(ascii: "{"): return try flow()
        case UInt8(ascii: "*"): return try alias()
        case UInt8(ascii: "&"):
            let name = try anchorName()
            return try anchored(name, at: start) { (parser) throws(YAMLError) in
                try parser.nextContent()
                return try parser.flowValue()
            }
        case UInt8(ascii: "\""), UInt8(ascii: "'"):
            let text = try quoted()
            return JSONTree(.string(text), range: start..<offset)
        default: break
        }
        try refuseUnsupported()
        var text = flowPlainLine()
        if text.isEmpty { throw YAMLError("there is no value", expected: "a value", at: start) }
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
        return JSONTree(
            isOneLine ? YAMLScalar.content(text, readsOctal: form.readsOctal) : .string(text), range: start..<end)
    }

    /// Skips white space alone, and counts the line ends in it.
    mutating func lineEndsToContent() -> Int {
        var count = 0
        while let byte = peek, byte.isSpace {
            if byte == UInt8(ascii: "\n") { count += 1 }
            offset += 1
        }
        return count
    }

    /// A line's part of a plain scalar inside brackets; empty where there is none.
    mutating func flowPlainLine() -> String {
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

    mutating func quoted() throws(YAMLError) -> String {
        var scanner = YAMLQuoted(bytes: bytes, offset: offset)
        let text = try scanner.text()
        offset = scanner.offset
        return text
    }

    // MARK: Block scalars

    /// `|` keeps line ends, `>` folds them; `-` and `+` say what becomes of the last ones.
    mutating func blockScalar(parent: Int) throws(YAMLError) -> JSONTree {
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
            throw YAMLError("there is more after the block's mark", expected: "the end of the line", at: offset)
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
                    throw YAMLError(
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
