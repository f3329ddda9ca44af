// How the verifier's report shows what others wrote: on a line, cut, or line by line behind a bar. Does not know the report.

enum ReportText {
    /// On one line: control characters as escapes.
    static func line(_ text: String) -> String {
        var shown = ""
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x0A: shown += "\\n"
            case 0x0D: shown += "\\r"
            case 0x09: shown += "\\t"
            case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029: shown += "\\u{\(String(scalar.value, radix: 16))}"
            default: shown.unicodeScalars.append(scalar)
            }
        }
        return shown
    }

    /// The beginning, on one line.
    static func excerpt(_ bytes: [UInt8]) -> String {
        let text = line(String(decoding: bytes.prefix(200), as: UTF8.self).trimmed)
        return bytes.count > 200 ? text + "…" : text
    }

    /// The end, on one line.
    static func tail(_ bytes: [UInt8]) -> String {
        let text = line(String(decoding: bytes.suffix(300), as: UTF8.self).trimmed)
        return bytes.count > 300 ? "…" + text : text
    }

    /// The last 40 lines, no line longer than 400 bytes, each behind a bar: no line of theirs can be taken for one of ours.
    static func quoted(_ bytes: [UInt8]) -> String {
        let lines = bytes.suffix(64 * 1024).split(separator: UInt8(ascii: "\n"))
        return lines.suffix(40).map { "    | " + line(String(decoding: $0.prefix(400), as: UTF8.self)) + "\n" }.joined()
    }

    /// As an indented block behind `mark`.
    static func block(_ text: String, mark: String, indent: String) -> String {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line(String($0)) }
        let shown = lines.count > 30 ? Array(lines.prefix(30)) + ["… (\(lines.count - 30) lines more)"] : lines
        return shown.map { indent + mark + cut($0) + "\n" }.joined()
    }

    /// Two texts of several lines, line by line: what differs is seen without reading both.
    static func difference(_ expected: String, _ actual: String, indent: String) -> String {
        BodyDiff.lines(expected: Array(expected.utf8), actual: Array(actual.utf8), limit: 60).map { found in
            let kind = found.hasPrefix("- ") ? "- expected  " : found.hasPrefix("+ ") ? "+ actual    " : "            "
            return indent + kind + cut(line(String(found.dropFirst(2)))) + "\n"
        }.joined()
    }

    private static func cut(_ text: String) -> String {
        text.utf8.count <= 1000 ? text : String(text.prefix(1000)) + "…"
    }
}
