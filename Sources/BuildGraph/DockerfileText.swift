// The text of a Dockerfile cut into instructions: parser directives, continuations, comments and heredocs.
// Does not know what an instruction means, and expands no variable.
package import Buildfile

/// Bytes put together from pieces of a source, each of which still knows where it stood.
package struct SpannedBytes: Sendable {
    package let source: SourceText
    package var bytes: [UInt8]
    /// The offset in `source` of each byte.
    package var offsets: [Int]

    package init(_ source: SourceText, bytes: [UInt8] = [], offsets: [Int] = []) {
        self.source = source
        self.bytes = bytes
        self.offsets = offsets
    }

    /// From the first to the last byte, in the source.
    package var span: SourceSpan {
        guard let first = offsets.first, let last = offsets.last else {
            return SourceSpan(source, offset: source.bytes.count, length: 0)
        }
        return SourceSpan(source, offset: first, length: last - first + 1)
    }

    package var text: String { String(decoding: bytes, as: UTF8.self) }

    package func part(_ range: Range<Int>) -> SpannedBytes {
        SpannedBytes(source, bytes: Array(bytes[range]), offsets: Array(offsets[range]))
    }

    /// Without white space at both ends.
    package var trimmed: SpannedBytes {
        var low = 0
        var high = bytes.count
        while low < high, bytes[low].isDockerSpace { low += 1 }
        while high > low, bytes[high - 1].isDockerSpace { high -= 1 }
        return part(low..<high)
    }

    /// The pieces between runs of white space; quotes mean nothing here.
    package var words: [SpannedBytes] {
        var words: [SpannedBytes] = []
        var start: Int?
        for index in 0...bytes.count {
            if index < bytes.count, !bytes[index].isDockerSpace {
                if start == nil { start = index }
            } else if let from = start {
                words.append(part(from..<index))
                start = nil
            }
        }
        return words
    }

    /// The first word and what follows it, both trimmed.
    package var firstWordAndRest: (SpannedBytes, SpannedBytes) {
        let all = trimmed
        let end = all.bytes.firstIndex { $0.isDockerSpace } ?? all.bytes.count
        return (all.part(0..<end), all.part(end..<all.bytes.count).trimmed)
    }
}

extension UInt8 {
    /// Space, tab, newline, vertical tab, form feed, carriage return.
    package var isDockerSpace: Bool { self == 0x20 || (0x09...0x0D).contains(self) }

    /// What a variable's name is made of: letters, digits, `_`.
    var isNamePart: Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self)
            || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) || self == UInt8(ascii: "_")
    }

    var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
}

/// One instruction: its keyword in upper case, the flags that stand before its arguments, and the rest.
package struct DockerfileInstruction: Sendable {
    package let keyword: String
    package let keywordSpan: SourceSpan
    /// `--name=value`, quotes and escapes removed.
    package let flags: [SpannedBytes]
    package let arguments: SpannedBytes
    /// Words like `<<EOF`, whose text follows the instruction's line.
    package let heredocs: Int
    /// First byte of the first line, and one after the last line's (heredocs included).
    package let range: Range<Int>

    /// The instruction that an ONBUILD keeps for later.
    package var kept: DockerfileInstruction? {
        guard keyword == "ONBUILD", !arguments.bytes.isEmpty else { return nil }
        return DockerfileText.instruction(arguments, heredocs: heredocs, range: range)
    }
}

/// A Dockerfile as a list of instructions.
package struct DockerfileText: Sendable {
    package let instructions: [DockerfileInstruction]
    /// `\` or, by the `# escape=` directive, a backtick.
    package let escape: UInt8
    /// The frontend named by `# syntax=`.
    package let syntax: String?
    package let diagnostics: [Diagnostic]

    package init(_ source: SourceText) {
        var reader = DockerfileLines(source)
        var instructions: [DockerfileInstruction] = []
        reader.readDirectives()
        while let (line, start) = reader.nextLogicalLine() {
            let trimmed = line.trimmed
            if trimmed.bytes.isEmpty { continue }
            let names = Self.heredocNames(in: trimmed, escape: reader.escape)
            for name in names where !reader.skipHeredoc(name) {
                reader.report("the text of '<<\(String(decoding: name.name, as: UTF8.self))' never ends", trimmed.span)
            }
            let range = start..<reader.position
            instructions.append(Self.instruction(trimmed, heredocs: names.count, range: range))
        }
        self.instructions = instructions
        self.escape = reader.escape
        self.syntax = reader.syntax
        self.diagnostics = reader.diagnostics
    }

    static func instruction(_ line: SpannedBytes, heredocs: Int, range: Range<Int>) -> DockerfileInstruction {
        let (keyword, rest) = line.firstWordAndRest
        let (flags, arguments) = splitFlags(rest)
        return DockerfileInstruction(
            keyword: String(decoding: keyword.bytes.map(\.asciiUppercased), as: UTF8.self), keywordSpan: keyword.span,
            flags: flags, arguments: arguments.trimmed, heredocs: heredocs, range: range)
    }

    /// Leading words that begin with `--`; a bare `--` ends them.
    private static func splitFlags(_ line: SpannedBytes) -> ([SpannedBytes], SpannedBytes) {
        var flags: [SpannedBytes] = []
        let bytes = line.bytes
        var index = 0
        while index < bytes.count {
            if bytes[index].isDockerSpace {
                index += 1
                continue
            }
            guard bytes[index...].starts(with: "--".utf8) else { break }
            var word = SpannedBytes(line.source)
            var quote: UInt8?
            while index < bytes.count, quote != nil || !bytes[index].isDockerSpace {
                var byte = bytes[index]
                if byte == quote {
                    quote = nil
                } else if quote == nil, byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") {
                    quote = byte
                } else {
                    if byte == UInt8(ascii: "\\"), index + 1 < bytes.count {
                        index += 1
                        byte = bytes[index]
                    }
                    word.bytes.append(byte)
                    word.offsets.append(line.offsets[index])
                }
                index += 1
            }
            if word.bytes.elementsEqual("--".utf8) { break }
            flags.append(word)
        }
        return (flags, line.part(index..<bytes.count))
    }

    /// The heredocs that an ADD, COPY or RUN announces, in the order in which their texts follow.
    private static func heredocNames(in line: SpannedBytes, escape: UInt8) -> [HeredocName] {
        guard line.bytes.contains(UInt8(ascii: "<")) else { return [] }
        var (keyword, rest) = line.firstWordAndRest
        if keyword.text.uppercased() == "ONBUILD" { (keyword, rest) = rest.firstWordAndRest }
        guard ["ADD", "COPY", "RUN"].contains(keyword.text.uppercased()) else { return [] }
        if DockerfileJSON.strings(splitFlags(rest).1.trimmed) != nil { return [] }
        return quotedWords(rest.bytes, escape: escape).compactMap { HeredocName($0) }
    }

    /// Words with their quotes, white space inside quotes kept.
    static func quotedWords(_ bytes: [UInt8], escape: UInt8) -> [[UInt8]] {
        var words: [[UInt8]] = []
        var word: [UInt8] = []
        var quote: UInt8?
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte == escape, quote != UInt8(ascii: "'"), index + 1 < bytes.count {
                word.append(contentsOf: bytes[index...(index + 1)])
                index += 2
                continue
            }
            if let open = quote {
                if byte == open { quote = nil }
                word.append(byte)
            } else if byte.isDockerSpace {
                if !word.isEmpty { words.append(word) }
                word = []
            } else {
                if byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") { quote = byte }
                word.append(byte)
            }
            index += 1
        }
        if !word.isEmpty { words.append(word) }
        return words
    }
}

extension UInt8 {
    var asciiUppercased: UInt8 { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self) ? self - 32 : self }
}

/// `<<NAME`, `<<-NAME`, `3<<"NAME"`.
struct HeredocName {
    let name: [UInt8]
    /// `<<-`: tabs before the closing name do not count.
    let stripsTabs: Bool

    init?(_ word: [UInt8]) {
        var rest = word.drop { $0.isDigit }
        guard rest.starts(with: "<<".utf8) else { return nil }
        rest = rest.dropFirst(2)
        stripsTabs = rest.first == UInt8(ascii: "-")
        if stripsTabs { rest = rest.dropFirst() }
        if rest.contains(UInt8(ascii: "<")) { return nil }
        name = rest.filter { $0 != UInt8(ascii: "'") && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
        if name.isEmpty { return nil }
    }
}

/// Walks over a Dockerfile's lines.
private struct DockerfileLines {
    let source: SourceText
    var position = 0
    var escape = UInt8(ascii: "\\")
    var syntax: String?
    var diagnostics: [Diagnostic] = []

    init(_ source: SourceText) {
        self.source = source
        if source.bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    }

    mutating func report(_ message: String, _ span: SourceSpan) {
        diagnostics.append(Diagnostic(.badDockerfile, .error, message, at: span))
    }

    /// The next line as a range without its newline and carriage returns; moves behind it.
    private mutating func nextLine() -> Range<Int>? {
        guard position < source.bytes.count else { return nil }
        let start = position
        let newline = source.bytes[start...].firstIndex(of: UInt8(ascii: "\n"))
        position = newline.map { $0 + 1 } ?? source.bytes.count
        var end = newline ?? source.bytes.count
        while end > start, source.bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
        return start..<end
    }

    private func isComment(_ line: Range<Int>) -> Bool {
        source.bytes[line].first { !$0.isDockerSpace } == UInt8(ascii: "#")
    }

    private func isBlank(_ line: Range<Int>) -> Bool {
        source.bytes[line].allSatisfy { $0.isDockerSpace }
    }

    /// `# syntax=`, `# escape=`, `# check=` above everything else.
    mutating func readDirectives() {
        while position < source.bytes.count {
            let before = position
            guard let line = nextLine(), let (name, value) = directive(line) else {
                position = before
                return
            }
            switch name {
            case "syntax": syntax = value
            case "escape":
                if value == "\\" || value == "`" {
                    escape = value == "`" ? UInt8(ascii: "`") : UInt8(ascii: "\\")
                } else {
                    let span = SourceSpan(source, offset: line.lowerBound, length: line.count)
                    report("the escape character must be '\\' or '`', not '\(value)'", span)
                }
            case "check": break
            default: return
            }
        }
    }

    private func directive(_ line: Range<Int>) -> (String, String)? {
        let bytes = source.bytes[line].drop { $0.isDockerSpace }
        guard bytes.first == UInt8(ascii: "#"), let equals = bytes.firstIndex(of: UInt8(ascii: "=")) else { return nil }
        let pieces = [bytes[(bytes.startIndex + 1)..<equals], bytes[(equals + 1)...]].map { piece in
            String(
                decoding: piece.drop { $0.isDockerSpace }.reversed().drop { $0.isDockerSpace }.reversed(), as: UTF8.self
            )
        }
        guard !pieces[0].isEmpty, pieces[0].utf8.allSatisfy(\.isNamePart), !pieces[1].isEmpty else { return nil }
        return (pieces[0].lowercased(), pieces[1])
    }

    /// The next line with its continuations; comments and blank lines between them are left out.
    mutating func nextLogicalLine() -> (SpannedBytes, Int)? {
        let start = position
        guard let first = nextLine() else { return nil }
        var line = SpannedBytes(source)
        if isComment(first) { return (line, start) }
        var goesOn = append(first, to: &line)
        while goesOn, let next = nextLine() {
            if isComment(next) || isBlank(next) { continue }
            goesOn = append(next, to: &line)
        }
        return (line, start)
    }

    /// Adds a physical line; true where it ends with one escape character, which is left out.
    private func append(_ line: Range<Int>, to logical: inout SpannedBytes) -> Bool {
        var end = line.upperBound
        while end > line.lowerBound, source.bytes[end - 1] == 0x20 || source.bytes[end - 1] == 0x09 { end -= 1 }
        let goesOn =
            end > line.lowerBound && source.bytes[end - 1] == escape
            && (end - 1 == line.lowerBound || source.bytes[end - 2] != escape)
        let kept = goesOn ? line.lowerBound..<(end - 1) : line
        logical.bytes.append(contentsOf: source.bytes[kept])
        logical.offsets.append(contentsOf: kept)
        return goesOn
    }

    /// Moves behind the closing line of a heredoc; false where there is none.
    mutating func skipHeredoc(_ heredoc: HeredocName) -> Bool {
        while let line = nextLine() {
            var text = source.bytes[line]
            if heredoc.stripsTabs { text = text.drop { $0 == 0x09 } }
            if text.elementsEqual(heredoc.name) { return true }
        }
        return false
    }
}
