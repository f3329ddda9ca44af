// Lines of the console's own that a narrow terminal shows without wrapping them. What a tool printed, and what somebody may want to
// copy, is left as it is. Does not know terminals: whoever does says how wide they are.

/// How wide lines may be, where anybody knows.
struct LineWidth: Sendable {
    /// Nil where lines go to a file, or to whoever reads them aloud.
    let columns: Int?

    /// A name and what there is to say of it, after `used` columns. The name gives way first.
    func fitted(_ name: String, _ rest: String, after used: Int, aligned: Int = 0) -> String {
        let whole = rest.isEmpty ? name : name.padded(to: aligned) + "  " + rest
        guard let columns, used + whole.displayWidth > columns else { return whole }
        let room = max(1, columns - used)
        let left = room - (rest.isEmpty ? 0 : rest.displayWidth + 2)
        // Of a name less than so much tells nothing.
        let name = name.cut(to: max(left, 8))
        if rest.isEmpty { return name.cut(to: room) }
        return (name.padded(to: min(aligned, left)) + "  " + rest).cut(to: room)
    }

    /// `text` as it is, or cut.
    func cut(_ text: String) -> String { columns.map { text.cut(to: max(1, $0)) } ?? text }

    /// `text` on as many lines as it takes, broken where words end.
    func folded(_ text: String) -> [String] {
        guard let columns, text.displayWidth > columns else { return [text] }
        var lines: [String] = []
        for word in text.split(separator: " ") {
            if let last = lines.last, last.displayWidth + 1 + word.displayWidth <= columns {
                lines[lines.count - 1] = last + " " + word
            } else {
                lines.append(cut((lines.isEmpty ? "" : "  ") + word))
            }
        }
        return lines
    }

    /// How long a rule is that would take `wanted` columns.
    func rule(_ wanted: Int) -> Int { min(wanted, max(1, columns ?? wanted)) }
}

extension Substring {
    fileprivate var displayWidth: Int { String(self).displayWidth }
}
