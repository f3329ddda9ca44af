import BuildEngine
import BuildGraph
import BuildTestSupport
import Buildfile
import Testing

@testable import Reporting

/// What goes out, in the forms of those who take it.
@Suite struct MessageTests {
    private func change(_ items: [StateChange.Item], project: String = "shop") -> StateChange {
        var origin = StateChange.Origin(project: project, time: 1_800_000_000)
        origin.branch = "main"
        origin.who = "ada"
        origin.link = "https://ci.example/runs/7?a=1&b=2"
        return StateChange(.failure, origin, items: items)
    }

    private func blocks(_ change: StateChange) -> [JSONValue] {
        SlackMessage(change).json.member("blocks")?.elements ?? []
    }

    /// All texts of a value, in order.
    private func texts(_ value: JSONValue) -> [String] {
        if let text = value.member("text")?.text { return [text] }
        return (value.members?.map(\.1) ?? value.elements ?? []).flatMap(texts)
    }

    @Test func slackKeepsItsLimitsWhateverFails() {
        let hostile = StateChange.Item(
            name: "a:unit", message: String(repeating: "<!channel> & <@U1> 👩‍👩‍👧‍👦", count: 200),
            owners: ["<!here>"])
        for count in [0, 1, 7, 50, 5000] {
            let blocks = blocks(
                change(Array(repeating: hostile, count: count), project: String(repeating: "<p>", count: 999)))
            #expect(blocks.count <= 50)
            for text in blocks.flatMap(texts) {
                #expect(text.utf16.count <= 3000)
                #expect(!text.isEmpty)
                #expect(!text.contains("<!") && !text.contains("<@"))
            }
        }
    }

    @Test func slackShowsWhatFailsAndWhereToLook() {
        let blocks = blocks(change([.init(name: "a:unit", message: "1 < 2", owners: ["payments"])]))
        let all = blocks.flatMap(texts).joined(separator: "\n")
        #expect(all.contains(":red_circle: *shop: a:unit fails on main*"))
        #expect(all.contains("• `a:unit`: 1 &lt; 2 (payments)"))
        #expect(all.contains("branch: main"))
        #expect(all.contains("<https://ci.example/runs/7?a=1&amp;b=2|the job>"))
    }

    @Test func aLetterHasNoHeaderButItsOwn() throws {
        let files = MemoryFileSystem([
            "Buildfile": """
            notify email ops
                to ops@shop.example dev@shop.example
                from lmsbuild@shop.example
                server smtps://mail.shop.example

            """
        ])
        let notification = try #require(
            try DeclaredNotifications(of: files, ResolutionSettings()).notifications.first)
        let letter = String(
            decoding: LetterText(
                change(
                    [.init(name: "ä:unit", message: "<b>\r\nBcc: x@y.example")], project: "shöp\r\nBcc: evil@x.example"),
                notification
            ).bytes, as: UTF8.self)
        let lines = letter.split(separator: "\r\n", omittingEmptySubsequences: false)
        // A message's id cannot be folded.
        #expect(lines.filter { $0.utf8.count > 78 && !$0.hasPrefix("Message-ID: ") } == [])
        #expect(lines.filter { $0.utf8.contains(10) || $0.utf8.contains { $0 >= 0x80 } } == [])
        #expect(!lines.contains { $0.hasPrefix("Bcc") })
        #expect(letter.contains("Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n"))
        let bodies = letter.components(separatedBy: "base64\r\n\r\n").dropFirst().map { part in
            String(
                decoding: Base64.decode(
                    part.split(separator: "\r\n").prefix { !$0.hasPrefix("--") }.joined()) ?? [], as: UTF8.self)
        }
        try #require(bodies.count == 2)
        #expect(bodies[0].contains("  ä:unit: <b>"))
        #expect(bodies[1].contains("<code>ä:unit</code>: &lt;b&gt;"))
        #expect(bodies[1].contains("<a href=\"https://ci.example/runs/7?a=1&amp;b=2\">"))
    }

    /// RFC 4231, test case 2.
    @Test func theKeyedHashIsTheStandards() {
        #expect(
            KeyedHash.sha256(Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8)).hex
                == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    }

    @Test func aRouteShowsNothing() throws {
        let files = MemoryFileSystem(["Buildfile": "notify slack ops\n"])
        let notification = try #require(
            try DeclaredNotifications(of: files, ResolutionSettings()).notifications.first)
        let route = NotificationRoute(notification, secrets: ["SLACK_WEBHOOK_URL": "https://x.example/T0/topsecret"])
        var dumped = ""
        dump(route, to: &dumped)
        #expect(!"\(route) \(String(reflecting: route)) \(dumped)".contains("topsecret"))
    }
}

extension String {
    fileprivate func components(separatedBy separator: String) -> [String] {
        var parts: [String] = []
        var rest = self[...]
        while let range = rest.firstRange(of: separator) {
            parts.append(String(rest[..<range.lowerBound]))
            rest = rest[range.upperBound...]
        }
        return parts + [String(rest)]
    }
}
