// A change of state as a letter, in text and HTML. Does not send it.
import BuildEngine
package import BuildGraph
import Buildfile

/// A letter (RFC 5322, MIME) about a change of state.
package struct LetterText: Sendable {
    /// As it goes out: lines end with CR LF and are short, all bytes are ASCII.
    package let bytes: [UInt8]

    /// The letter from the sender to the recipients of `notification`.
    package init(_ change: StateChange, _ notification: DeclaredNotification) {
        let boundary = "lmsbuild-\(change.id)"
        let host = notification.sender.split(separator: "@").last.map(String.init) ?? "localhost"
        var lines = [
            "From: \(Self.plain(notification.sender))",
            "To: \(notification.recipients.map(Self.plain).joined(separator: ",\r\n "))",
            "Subject: \(Self.encoded("[\(change.origin.project)] \(change.title)"))",
            "Date: \(UTCTime(seconds: change.origin.time).ofLetter)",
            "Message-ID: <\(change.id)@\(Self.plain(host))>",
            // Those who are away do not answer it (RFC 3834).
            "Auto-Submitted: auto-generated",
            "X-Lmsbuild-Event: \(change.event.rawValue)",
            "MIME-Version: 1.0",
            "Content-Type: multipart/alternative;\r\n boundary=\"\(boundary)\"",
            "",
        ]
        for (type, text) in [("plain", Self.text(change)), ("html", Self.page(change))] {
            lines += [
                "--\(boundary)", "Content-Type: text/\(type); charset=utf-8", "Content-Transfer-Encoding: base64", "",
            ]
            lines += Self.base64Lines(text)
        }
        lines += ["--\(boundary)--", ""]
        bytes = Array(lines.joined(separator: "\r\n").utf8)
    }

    private static func text(_ change: StateChange) -> String {
        var text = change.title + "\n\n"
        for line in change.lines { text += "  \(line.name)\(line.message.isEmpty ? "" : ": \(line.message)")\n" }
        if !change.lines.isEmpty { text += "\n" }
        for fact in change.facts { text += "\(fact.name): \(fact.value)\n" }
        if let link = change.origin.link { text += link + "\n" }
        return text
    }

    private static func page(_ change: StateChange) -> String {
        var page = "<!DOCTYPE html><html><body style=\"font-family:sans-serif\">"
        page += "<h2 style=\"font-size:1.2em\">\(escaped(change.title))</h2>"
        if !change.lines.isEmpty {
            let rows = change.lines.map { line in
                "<li><code>\(escaped(line.name))</code>\(line.message.isEmpty ? "" : ": \(escaped(line.message))")</li>"
            }
            page += "<ul>\(rows.joined())</ul>"
        }
        page += "<p>\(change.facts.map { "\($0.name): \(escaped($0.value))" }.joined(separator: "<br>"))</p>"
        if let link = change.origin.link, link.hasPrefix("https://") || link.hasPrefix("http://") {
            page += "<p><a href=\"\(escaped(link))\">\(escaped(link))</a></p>"
        }
        return page + "</body></html>\n"
    }

    static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;")
    }

    /// Without what would begin another header.
    private static func plain(_ text: String) -> String { String(text.filter { $0.isASCII && $0 >= " " }) }

    /// Encoded words (RFC 2047), each of whole characters and at most 75 bytes, on lines of their own.
    private static func encoded(_ text: String) -> String {
        var words: [String] = []
        var part: [UInt8] = []
        for character in text.map({ $0.isNewline ? " " : $0 }) {
            let bytes = Array(String(character).utf8)
            if part.count + bytes.count > 39 {
                words.append(Base64.encode(part))
                part = []
            }
            part += bytes
        }
        words.append(Base64.encode(part))
        return words.map { "=?utf-8?B?\($0)?=" }.joined(separator: "\r\n ")
    }

    private static func base64Lines(_ text: String) -> [String] {
        let bytes = Array(text.utf8)
        return stride(from: 0, to: bytes.count, by: 57).map {
            Base64.encode(Array(bytes[$0..<min($0 + 57, bytes.count)]))
        }
    }
}
