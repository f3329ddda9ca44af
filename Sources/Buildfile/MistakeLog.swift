/// Collects the mistakes of one text. Knows how many are worth reading; does not know how they are found or shown.
struct MistakeLog {
    /// Beyond this many the text is no Buildfile, and reading on helps nobody.
    static let limit = 1000

    let source: SourceText
    private(set) var diagnostics: [Diagnostic] = []
    /// The lines with bad bytes: what else would be said of them follows from those.
    private var unreadableLines: Set<Int> = []

    init(_ source: SourceText) {
        self.source = source
    }

    var isFull: Bool { diagnostics.count >= Self.limit }

    /// Notes a mistake, unless its line cannot be read anyway.
    mutating func report(
        _ code: DiagnosticCode, _ message: String, at span: SourceSpan, notes: [Diagnostic.Note] = [],
        hint: String? = nil
    ) {
        guard !isFull else { return }
        if !unreadableLines.isEmpty, unreadableLines.contains(source.line(at: span.offset).number) { return }
        diagnostics.append(Diagnostic(code, message, at: span, notes: notes, hint: hint))
    }

    /// Notes a mistake in a line that is not to be shown; `span` says which.
    mutating func reportUnseen(_ code: DiagnosticCode, _ message: String, at span: SourceSpan, hint: String) {
        guard !isFull else { return }
        let line = source.line(at: span.offset).number
        diagnostics.append(Diagnostic(code, "\(source.name):\(line): \(message)", hint: hint))
    }

    /// Reports the first byte of each line that is no UTF-8, or is NUL.
    mutating func reportBadEncoding() {
        let bytes = source.bytes
        var index = 0
        while index < bytes.count, !isFull {
            index = plainEnd(bytes, from: index)
            guard index < bytes.count else { return }
            if bytes[index] != 0, bytes[index] < 0x80 {
                index += 1
                continue
            }
            let character = decodeCharacter(bytes, at: index, end: bytes.count)
            if character.scalar != nil, bytes[index] != 0 {
                index += character.length
                continue
            }
            let line = source.line(at: index)
            let span = SourceSpan(source, offset: index, length: 1)
            if bytes[index] == 0 {
                report(.badEncoding, "a NUL byte in the text", at: span, hint: "a Buildfile is text in UTF-8")
            } else {
                let shown = escapedByte(bytes[index])
                report(.badEncoding, "the byte \(shown) is not UTF-8", at: span, hint: "save the file as UTF-8")
            }
            unreadableLines.insert(line.number)
            index = max(line.range.upperBound, index + 1)
        }
    }

    /// Passes over ASCII without NUL, eight bytes at a time; stops at the latest where there is something else.
    private func plainEnd(_ bytes: [UInt8], from start: Int) -> Int {
        bytes.withUnsafeBytes { bytes in
            var index = start
            while index + 8 <= bytes.count {
                let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                let high: UInt64 = 0x8080_8080_8080_8080
                // The second term has a byte's highest bit set where the byte is zero (and perhaps above one that is).
                guard (word | (word &- 0x0101_0101_0101_0101)) & high == 0 else { return index }
                index += 8
            }
            return index
        }
    }

    /// The mistakes in the order of the text.
    func sorted() -> [Diagnostic] {
        if diagnostics.isEmpty { return [] }
        let order = diagnostics.indices.sorted { left, right in
            (diagnostics[left].span?.offset ?? 0, left) < (diagnostics[right].span?.offset ?? 0, right)
        }
        var sorted = order.map { diagnostics[$0] }
        if isFull {
            let end = sorted.last?.span
            sorted.append(
                Diagnostic(
                    .tooLarge, "more than \(Self.limit) mistakes; the rest of the file was not read", at: end,
                    hint: "is this a Buildfile?"))
        }
        return sorted
    }
}
