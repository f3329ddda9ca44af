/// Gives diagnostics the look that people see: the message, the place, the line with a caret under the word.
///
/// Does not know where the text goes, nor whether that is a terminal. What it returns holds no control characters but line
/// ends (and colour, where asked for), whatever the source and the messages hold.
package struct DiagnosticRenderer: Sendable {
    private let color: Bool

    package init(color: Bool) {
        self.color = color
    }

    /// All of `diagnostics`, sorted by source name and offset, equal ones once, an empty line between them. Empty for none.
    package func render(_ diagnostics: [Diagnostic]) -> String {
        let sorted = diagnostics.enumerated().sorted { left, right in
            Self.sortKey(left.element, left.offset) < Self.sortKey(right.element, right.offset)
        }
        var seen: Set<String> = []
        return sorted.map { render($0.element) }.filter { seen.insert($0).inserted }.joined(separator: "\n")
    }

    private static func sortKey(_ diagnostic: Diagnostic, _ index: Int) -> (String, Int, Int) {
        (diagnostic.span?.source.name ?? "", diagnostic.span?.offset ?? 0, index)
    }

    /// One diagnostic, with a line end at its end.
    package func render(_ diagnostic: Diagnostic) -> String {
        let severity = diagnostic.severity
        var lines = [
            paint("\(severity.rawValue)[\(diagnostic.code.rawValue)]", severity)
                + paint(": \(escaped(diagnostic.message))", nil)
        ]
        var margin = " "
        if let span = diagnostic.span {
            let number = String(span.lineAndColumn.line)
            margin = String(repeating: " ", count: number.utf8.count)
            let excerpt = SourceExcerpt(span)
            lines += [
                "\(margin) --> \(place(span))",
                "\(margin)  |",
                excerpt.text.isEmpty ? " \(number) |" : " \(number) | \(excerpt.text)",
                "\(margin)  | \(String(repeating: " ", count: excerpt.column))"
                    + paint(String(repeating: "^", count: excerpt.width), severity),
            ]
        }
        for note in diagnostic.notes {
            let whereabouts = note.span.map { ": \(place($0))" } ?? ""
            lines.append("\(margin)  = note: \(escaped(note.message))\(whereabouts)")
        }
        if let hint = diagnostic.hint { lines.append("\(margin)  = help: \(escaped(hint))") }
        return lines.joined(separator: "\n") + "\n"
    }

    private func place(_ span: SourceSpan) -> String {
        let (line, column) = span.lineAndColumn
        return "\(escaped(span.source.name)):\(line):\(column)"
    }

    /// Bold, and in the severity's colour if there is one.
    private func paint(_ text: String, _ severity: Diagnostic.Severity?) -> String {
        guard color else { return text }
        let code =
            switch severity {
            case .error: "1;31"
            case .warning: "1;33"
            case .notice: "1;36"
            case nil: "1"
            }
        return "\u{1B}[\(code)m\(text)\u{1B}[0m"
    }
}
