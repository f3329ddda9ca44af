// Lines of the console's own that a narrow terminal shows without wrapping them. What a tool printed, and what points into a file, is
// left as it is. Does not know terminals: whoever does says how wide they are.

/// How wide lines may be, where anybody knows.
struct LineWidth: Sendable {
    /// Nil where lines go to a file, or to whoever reads them aloud.
    let columns: Int?

    /// A label or another name and what there is to say of it, after `used` columns. The name gives way first.
    func fitted(_ name: String, _ rest: String, after used: Int, aligned: Int = 0) -> String {
        let whole = rest.isEmpty ? name : name.padded(to: aligned) + "  " + rest
        guard let columns, used + whole.displayWidth > columns else { return whole }
        let room = max(1, columns - used)
        let left = room - (rest.isEmpty ? 0 : rest.displayWidth + 2)
        // Of a name less than so much tells nothing.
        let name = name.labelCut(to: max(left, 8))
        if rest.isEmpty { return name.cut(to: room) }
        return (name.padded(to: min(aligned, left)) + "  " + rest).cut(to: room)
    }

    /// `text` as it is, or cut.
    func cut(_ text: String) -> String { columns.map { text.cut(to: max(1, $0)) } ?? text }

    /// `text` on as many lines as it takes, broken where words end; a word that is too long is cut.
    func folded(_ text: String) -> [String] { columns == nil ? [text] : folded(text, indent: 2).map(cut) }

    /// A diagnostic's text: sentences are broken where words end, and no word of them is cut. Places, and lines of files with what
    /// points into them, stay as they are. `text` may have colours, which take no columns.
    func folded(diagnostic text: String) -> String {
        if columns == nil { return text }
        return text.split(separator: "\n", omittingEmptySubsequences: false).flatMap { line in
            let shown = String(line).withoutColours
            let mark = shown.drop { $0 == " " || $0.isNumber }
            if mark.hasPrefix("|") || mark.hasPrefix("-->") { return [String(line)] }
            return folded(String(line), indent: mark.hasPrefix("=") ? shown.prefix { $0 == " " }.count + 2 : 2)
        }.joined(separator: "\n")
    }

    /// How long a rule is that would take `wanted` columns.
    func rule(_ wanted: Int) -> Int { min(wanted, max(1, columns ?? wanted)) }

    private func folded(_ text: String, indent: Int) -> [String] {
        guard let columns, text.withoutColours.displayWidth > columns else { return [text] }
        let margin = String(repeating: " ", count: indent)
        var lines = [String(text.prefix { $0 == " " })]
        var used = lines[0].utf8.count
        var isFirst = true
        for word in text.split(separator: " ").map(String.init) {
            let width = word.withoutColours.displayWidth
            if isFirst {
                lines[lines.count - 1] += word
                used += width
            } else if used + 1 + width <= columns {
                lines[lines.count - 1] += " " + word
                used += 1 + width
            } else {
                lines.append(margin + word)
                used = indent + width
            }
            isFirst = false
        }
        return lines
    }
}

extension String {
    /// As `cut`, but of a label such as `component:stage` the component is cut: many targets differ by their stage alone.
    func labelCut(to width: Int) -> String {
        guard displayWidth > width, let colon = firstIndex(of: ":") else { return cut(to: width) }
        let stage = String(self[colon...])
        if stage.displayWidth * 2 > width { return cut(to: width) }
        return String(self[..<colon]).cut(to: width - stage.displayWidth) + stage
    }

    /// Without SGR sequences (ECMA-48, 8.3.117).
    fileprivate var withoutColours: String {
        guard utf8.contains(0x1B) else { return self }
        var kept = String.UnicodeScalarView()
        var rest = unicodeScalars[...]
        while let scalar = rest.popFirst() {
            if scalar == "\u{1B}", rest.first == "[" {
                while let next = rest.popFirst(), next != "m" {}
            } else {
                kept.append(scalar)
            }
        }
        return String(kept)
    }
}
