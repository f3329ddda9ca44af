// A change of state in the form of Slack's incoming webhooks. Does not send it.
package import BuildEngine

/// The payload (api.slack.com/reference/block-kit/blocks): a text for notifications, and blocks, which have at most 3,000
/// characters in a text and are at most 50. `& < >` are escaped, so nothing that others wrote is a mention or a link.
package struct SlackMessage: Sendable {
    private static let longestText = 3000
    private static let mostSections = 10

    /// What is sent.
    package let json: JSONValue

    /// The message about `change`.
    package init(_ change: StateChange) {
        let title = Self.cut(Self.escaped("\(change.origin.project): \(change.title)"), 1000)
        var blocks = [Self.section("\(Self.mark(change.event)) *\(title)*")]
        var text = ""
        for line in change.lines {
            let message = line.message.isEmpty ? "" : ": " + Self.escaped(line.message)
            let shown = Self.cut("• `\(Self.escaped(Self.plain(line.name)))`\(message)", 600) + "\n"
            if text.utf16.count + shown.utf16.count > Self.longestText {
                blocks.append(Self.section(text))
                text = ""
            }
            if blocks.count > Self.mostSections { break }
            text += shown
        }
        if !text.isEmpty { blocks.append(Self.section(text)) }
        let facts = change.facts.map { "\($0.name): \(Self.escaped($0.value))" }.joined(separator: "  ")
        var below = [Self.words(Self.cut(facts, 2000))]
        if let link = change.origin.link, Self.isLink(link) {
            below.append(Self.words("<\(Self.escaped(link))|the job>"))
        }
        blocks.append(.object([("type", .string("context")), ("elements", .array(below))]))
        json = .object([("text", .string(title)), ("blocks", .array(blocks))])
    }

    private static func section(_ text: String) -> JSONValue {
        .object([("type", .string("section")), ("text", words(text))])
    }

    private static func words(_ text: String) -> JSONValue {
        .object([("type", .string("mrkdwn")), ("text", .string(cut(text, longestText)))])
    }

    private static func mark(_ event: StateChange.Event) -> String {
        switch event {
        case .failure, .gate: ":red_circle:"
        case .recovery: ":large_green_circle:"
        case .deploy: ":rocket:"
        case .promotion: ":raised_hand:"
        case .rollback: ":rewind:"
        case .drift: ":warning:"
        case .test: ":speech_balloon:"
        }
    }

    /// As Slack wants text that is not its own.
    static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }

    /// Without what would end a name's own typeface.
    private static func plain(_ text: String) -> String { text.replacing("`", with: "'") }

    private static func isLink(_ text: String) -> Bool {
        (text.hasPrefix("https://") || text.hasPrefix("http://"))
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "|") }
    }

    /// At most `limit` of what Slack counts, never within a character or an escape.
    private static func cut(_ text: String, _ limit: Int) -> String {
        if text.utf16.count <= limit { return text }
        var kept = ""
        var count = 1
        for character in text {
            count += character.utf16.count
            if count > limit { break }
            kept.append(character)
        }
        if let start = kept.lastIndex(of: "&"), !kept[start...].contains(";") { kept = String(kept[..<start]) }
        return kept + "…"
    }
}
