// Text as HTML, so that nothing in it is more than text. Does not know what a page is about.
import BuildGraph

/// Pieces of HTML that are put together; whatever comes from outside goes through `text` or `log`.
package enum Markup {
    /// What every page of ours says first: nothing is loaded, no script runs but those whose hash the page names, nobody
    /// frames it, no form goes anywhere.
    package static let policy =
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"

    /// One line of text, for an element or a quoted attribute: controls and what turns its direction are shown, the five
    /// characters that mean something are escaped.
    package static func text(_ text: String) -> String { escaped(BytePath(text).shown) }

    /// What a command printed: lines stay, colours are left out, controls are shown.
    package static func log(_ bytes: [UInt8]) -> String {
        let shown = OutputFilter(allowsColour: false, neutralisesCommands: false).filtered(bytes)
        return escaped(String(decoding: shown, as: UTF8.self))
    }

    private static func escaped(_ text: String) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count + 16)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "&"): bytes += "&amp;".utf8
            case UInt8(ascii: "<"): bytes += "&lt;".utf8
            case UInt8(ascii: ">"): bytes += "&gt;".utf8
            case UInt8(ascii: "\""): bytes += "&quot;".utf8
            case UInt8(ascii: "'"): bytes += "&#39;".utf8
            default: bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
