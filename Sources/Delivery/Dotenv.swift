// Reads env files by compose-go's rules, which are not those of a shell, of `docker run` or of Compose 1. Does not know what
// the variables are for, nor which file comes first.
import BuildEngine
package import Buildfile

/// One env file, read.
package struct Dotenv: Sendable {
    /// One variable of the file.
    package struct Entry: Sendable {
        package let name: String
        /// Nil for a bare name: the variable is to be taken from outside, if it is set there.
        package let value: String?
        /// Of the name.
        package let span: SourceSpan
        /// Variables that the value mentions and nobody sets; they count as empty.
        package let unset: [String]
    }

    /// In the order of the file; of a name that is given twice the later value counts. Names that begin with a digit are
    /// left out, as Compose leaves them out.
    package let entries: [Entry]

    /// Largest file that is read.
    static let largest = 1 << 20

    /// Reads `source`. What values mention is looked up with `lookup` first, then among the names above. Throws the
    /// first mistake as LMS120, with its place.
    package init(_ source: SourceText, lookup: (String) -> String?) throws(Diagnostic) {
        var parser = DotenvParser(source: source, bytes: source.bytes)
        entries = try parser.entries(lookup)
    }

    /// The values by name, those of bare names from `lookup`.
    package func values(lookup: (String) -> String?) -> [String: String] {
        var values: [String: String] = [:]
        for entry in entries { if let value = entry.value ?? lookup(entry.name) { values[entry.name] = value } }
        return values
    }
}

private struct DotenvParser {
    let source: SourceText
    let bytes: [UInt8]
    var offset = 0

    private func mistake(_ message: String, _ range: Range<Int>, hint: String? = nil) -> Diagnostic {
        Diagnostic(
            .badEnvFile, message, at: SourceSpan(source, offset: range.lowerBound, length: range.count), hint: hint)
    }

    mutating func entries(_ lookup: (String) -> String?) throws(Diagnostic) -> [Dotenv.Entry] {
        if bytes.count > Dotenv.largest { throw mistake("this env file is larger than 1 MiB", 0..<0) }
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw mistake("this env file is not UTF-8", 0..<0, hint: "save the file as UTF-8")
        }
        if source.hasByteOrderMark { offset = 3 }
        var entries: [Dotenv.Entry] = []
        var known: [String: String] = [:]
        while findStatement() {
            let (name, range, isBare) = try key()
            let span = SourceSpan(source, offset: range.lowerBound, length: range.count)
            let isDropped = name.utf8.first.map { $0.isDecimal } ?? false
            var entry = Dotenv.Entry(name: name, value: nil, span: span, unset: [])
            if isBare {
                if let value = lookup(name) { known[name] = value }
            } else {
                let (value, unset) = try value { lookup($0) ?? known[$0] }
                known[name] = value
                entry = Dotenv.Entry(name: name, value: value, span: span, unset: unset)
            }
            if !isDropped { entries.append(entry) }
        }
        return entries
    }

    private var peek: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private static func isBlank(_ byte: UInt8) -> Bool { byte.isWhite && byte != UInt8(ascii: "\n") }

    private mutating func skipBlanks() {
        while let byte = peek, Self.isBlank(byte) { offset += 1 }
    }

    /// Moves to the next statement; false at the end.
    private mutating func findStatement() -> Bool {
        while let byte = peek {
            if byte.isWhite {
                offset += 1
            } else if byte == UInt8(ascii: "#") {
                while let byte = peek, byte != UInt8(ascii: "\n") { offset += 1 }
            } else {
                return true
            }
        }
        return false
    }

    /// A name up to `=`, `:` or the end of the line.
    private mutating func key() throws(Diagnostic) -> (name: String, range: Range<Int>, isBare: Bool) {
        let word = Array("export".utf8)
        if bytes[offset...].starts(with: word), offset + word.count < bytes.count,
            Self.isBlank(bytes[offset + word.count])
        {
            offset += word.count
            skipBlanks()
        }
        let start = offset
        var ending: UInt8?
        while let byte = peek {
            if [UInt8(ascii: "="), UInt8(ascii: ":"), UInt8(ascii: "\n")].contains(byte) {
                ending = byte
                break
            }
            // Other letters than ASCII's are letters, too.
            let isNamed = byte.isDecimal || byte.isAlpha || "_.-[]".utf8.contains(byte) || byte >= 0x80
            guard isNamed || Self.isBlank(byte) else {
                let shown = String(decoding: [byte], as: UTF8.self)
                throw mistake(
                    "unexpected character '\(shown)' in a variable's name", offset..<offset + 1,
                    hint: "write NAME=value; a name has letters, digits and _ . - [ ]")
            }
            offset += 1
        }
        var end = offset
        while end > start, bytes[end - 1].isWhite { end -= 1 }
        let name = bytes[start..<end]
        if let space = name.firstIndex(where: { $0.isWhite }) {
            throw mistake("a key cannot contain a space", space..<space + 1, hint: "write NAME=value")
        }
        if name.isEmpty {
            throw mistake("there is no name before this", start..<start + 1, hint: "write NAME=value")
        }
        if ending != nil { offset += 1 }
        let isBare = ending == nil || ending == UInt8(ascii: "\n")
        if !isBare { skipBlanks() }
        return (String(decoding: name, as: UTF8.self), start..<end, isBare)
    }

    private mutating func value(
        _ lookup: (String) -> String?
    ) throws(Diagnostic) -> (value: String, unset: [String]) {
        let start = offset
        if let quote = peek, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") {
            let text = try quoted(quote)
            if quote == UInt8(ascii: "'") { return (String(decoding: text, as: UTF8.self), []) }
            return try expanded(Self.unescaped(text), at: start..<offset, isVerbatim: false, lookup)
        }
        while let byte = peek, byte != UInt8(ascii: "\n") { offset += 1 }
        var end = offset
        if let comment = (start..<end).first(where: {
            bytes[$0] == 0x20 && $0 + 1 < end && bytes[$0 + 1] == UInt8(ascii: "#")
        }) {
            end = comment
        }
        while end > start, bytes[end - 1].isWhite { end -= 1 }
        if offset < bytes.count { offset += 1 }
        return try expanded(Array(bytes[start..<end]), at: start..<end, isVerbatim: true, lookup)
    }

    /// `isVerbatim`: the text's bytes are the file's, so that a mistake has its exact place.
    private func expanded(
        _ text: [UInt8], at range: Range<Int>, isVerbatim: Bool, _ lookup: (String) -> String?
    ) throws(Diagnostic) -> (value: String, unset: [String]) {
        do throws(Interpolation.Mistake) {
            let result = try Interpolation(String(decoding: text, as: UTF8.self), lookup: lookup)
            return (result.text, result.unset.map(\.name))
        } catch {
            let start = range.lowerBound + error.range.lowerBound
            let place = isVerbatim ? start..<start + error.range.count : range
            throw mistake(error.message, place, hint: error.hint)
        }
    }

    /// What stands between quotes, over lines, with the quote's own escape resolved.
    private mutating func quoted(_ quote: UInt8) throws(Diagnostic) -> [UInt8] {
        let start = offset
        var text: [UInt8] = []
        var isEscaped = false
        offset += 1
        while let byte = peek {
            offset += 1
            if byte == quote {
                if !isEscaped { return text }
                isEscaped = false
                text.append(byte)
            } else if !isEscaped, byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else {
                if isEscaped { text.append(UInt8(ascii: "\\")) }
                isEscaped = false
                text.append(byte)
            }
        }
        let lineEnd = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
        throw mistake(
            "this quoted value is not closed", start..<lineEnd,
            hint: "end it with \(quote == UInt8(ascii: "'") ? "'" : "\""); \\ before a quote makes it a character")
    }

    /// The escapes of a value in double quotes. `\$` becomes what interpolation takes for a dollar sign.
    private static func unescaped(_ text: [UInt8]) -> [UInt8] {
        let plain: [UInt8: UInt8] = [
            UInt8(ascii: "a"): 7, UInt8(ascii: "b"): 8, UInt8(ascii: "f"): 12, UInt8(ascii: "n"): 10,
            UInt8(ascii: "r"): 13, UInt8(ascii: "t"): 9, UInt8(ascii: "v"): 11, UInt8(ascii: "\""): 34,
            UInt8(ascii: "\\"): 92,
        ]
        var result: [UInt8] = []
        var index = 0
        while index < text.count {
            guard text[index] == UInt8(ascii: "\\"), index + 1 < text.count else {
                result.append(text[index])
                index += 1
                continue
            }
            let next = text[index + 1]
            if let byte = plain[next] {
                result.append(byte)
                index += 2
            } else if next == UInt8(ascii: "$") {
                result += Array("$$".utf8)
                index += 2
            } else if next == UInt8(ascii: "0") {
                var end = index + 2
                while end < text.count, end < index + 5, text[end].isDecimal { end += 1 }
                result += octal(text[(index + 2)..<end])
                index = end
            } else {
                result += text[index...(index + 1)]
                index += 2
            }
        }
        return result
    }

    /// `\0ddd`: three octal digits are a character, fewer stay as Go leaves them.
    private static func octal(_ digits: ArraySlice<UInt8>) -> [UInt8] {
        let text = String(decoding: digits, as: UTF8.self)
        guard digits.count == 3, let value = UInt8(text, radix: 8) else { return Array("\\\(text)".utf8) }
        return Array(String(Character(Unicode.Scalar(value))).utf8)
    }
}
