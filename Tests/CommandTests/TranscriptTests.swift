import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

/// What the documents about reports, notifications and the dashboard show of the terminal is what is printed there. Times, runs'
/// names and commits are other ones each time, and so is the order in which targets end.
@Suite struct TranscriptTests {
    private let program = Program()
    private let root = BytePath(#filePath).parent.parent.parent

    /// A `$ command` of a document, and what it shows below it.
    private struct Shown {
        let command: String
        let lines: [String]
    }

    /// The transcripts of a document, in its order.
    private func transcripts(_ name: String) throws -> [Shown] {
        let text = String(decoding: try readFile(root.appending("docs/\(name)").shown), as: UTF8.self)
        var found: [Shown] = []
        let blocks = text.split(separator: "```", omittingEmptySubsequences: false).enumerated().filter {
            $0.offset % 2 == 1
        }
        for block in blocks {
            let lines = block.element.split(separator: "\n", omittingEmptySubsequences: false).dropFirst().map(
                String.init)
            let starts = lines.indices.filter { lines[$0].hasPrefix("$ ") }
            for (start, end) in zip(starts, starts.dropFirst() + [lines.endIndex]) {
                found.append(Shown(command: String(lines[start].dropFirst(2)), lines: Array(lines[(start + 1)..<end])))
            }
        }
        return found
    }

    /// Without what is another each time; sorted, as targets end in any order.
    private func comparable(_ lines: [String]) -> [String] {
        lines.map { line in
            line.replacing(#/\d{8}-\d{6}-[0-9a-f]{4}/#, with: "RUN").replacing(#/\d{4}-\d\d-\d\d/#, with: "DAY")
                .replacing(#/\d\d:\d\d:\d\d UTC/#, with: "TIME").replacing(#/\d+(\.\d+)?(ms|s)\b/#, with: "TOOK")
                .replacing(#/at [0-9a-f]{12}$/#, with: "at COMMIT").replacing(#/127\.0\.0\.1:\d+/#, with: "HERE")
                .replacing(#/token=[0-9a-f]+…?/#, with: "token=…").replacing(#/ +/#, with: " ")
            // What takes half a second here and now is not estimated.
        }.filter { !$0.isEmpty && !$0.hasPrefix("about ") }.sorted()
    }

    private func expect(
        _ shown: Shown, _ outcome: Program.Outcome, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let printed = (outcome.output + outcome.errors).split(separator: "\n").map(String.init)
        #expect(
            comparable(printed) == comparable(shown.lines),
            "\(shown.command) prints:\n\(outcome.output)\(outcome.errors)",
            sourceLocation: sourceLocation)
    }

    // MARK: Runs

    private static let buildfile = """
        library shared
            dir shared
            build: src -> out
                sleep 0.1; cp src out

        service catalog
            dir catalog
            build: src/main.py shared:build -> dist
                cp src/main.py dist
            lint: src/main.py
                true
            [report junit result.xml]
            unit: src/main.py -> result.xml
                echo '<testsuite><testcase name="a"/><testcase name="b"/></testsuite>' > result.xml

        service lending
            dir lending
            [report junit result.xml]
            unit: tests/unit.xml shared:build
                cp tests/unit.xml result.xml; if grep -q failure result.xml; then echo 'not equal: <b>3</b>'; exit 1; fi

        """

    @Test func theRunsOfReports() async throws {
        let repository = try await TestRepository()
        try repository.write("Buildfile", Self.buildfile)
        try repository.write(".gitignore", "out\ndist\nresult.xml\n.lmsbuild/\n")
        for name in ["shared/src", "catalog/src/main.py"] { try repository.write(name, "1\n") }
        try repository.write("lending/tests/unit.xml", "<testsuite><testcase name=\"totals\"/></testsuite>\n")
        try await repository.commitAll()
        #expect(try await program.run("run", "-k", "--sandbox", "off", in: repository.path).status == 0)
        try repository.write("catalog/src/main.py", "2\n")
        try repository.write(
            "lending/tests/unit.xml",
            """
            <testsuite><testcase classname="cart" name="adds"/><testcase classname="cart" name="totals">
            <failure message="assert 3 == 4 &lt;b&gt;">tests/a.py:7: AssertionError</failure></testcase></testsuite>

            """)
        #expect(try await program.run("run", "-k", "--sandbox", "off", in: repository.path).status == 3)
        let shown = try transcripts("reports.md")
        #expect(
            shown.map(\.command) == [
                "lmsbuild report --list", "lmsbuild report --format html -o page.html", "lmsbuild report",
                "lmsbuild history", "lmsbuild stats",
            ])
        for one in shown {
            let words = one.command.split(separator: " ").dropFirst().map(String.init)
            expect(one, try await program.run(words, in: repository.path))
        }
    }

    // MARK: Notifications

    @Test func theMessagesOfNotifications() async throws {
        let folder = try TemporaryFolder()
        let slack = try ScriptedServer(NotificationTests.slack.replacing("LOGFILE", with: folder("log").shown))
        let mail = try await MailServer(.tls)
        try folder.write(
            "work/Buildfile",
            """
            notify slack
                on failure
            notify email payments
                to payments@shop.example
                from lmsbuild@shop.example
                server \(mail.url)
                user ada
                password MAIL_PASSWORD
            notify webhook audit
                url AUDIT_URL
            service app
                unit: code
                    exit 1

            """)
        try folder.write("work/code", "1")
        let environment = [
            "SLACK_WEBHOOK_URL": slack.url + "/services/T0/B0/verysecretpath", "AUDIT_URL": "http://127.0.0.1:1/",
            "MAIL_PASSWORD": "pass word \"1\"", "CURL_CA_BUNDLE": mail.certificate,
        ]
        let shown = try transcripts("notifications.md")
        #expect(shown.map(\.command) == ["lmsbuild notify test"])
        expect(
            try #require(shown.first),
            try await program.run("notify", "test", in: folder("work"), environment: environment))

        // The warning of a message that is not taken.
        let text = String(decoding: try readFile(root.appending("docs/notifications.md").shown), as: UTF8.self)
        let block = try #require(text.firstMatch(of: #/```text\n(warning\[LMS620\][^`]*)```/#)).1
        try folder.write("log.mode", "busy")
        try folder.write(
            "work/Buildfile",
            "notify slack ops\n    url SLACK_WEBHOOK_URL\nservice app\n    unit: code\n        exit 1\n")
        let run = try await program.run("run", "--sandbox", "off", in: folder("work"), environment: environment)
        let busy = run.errors.replacing(#/rate_limited \S+/#, with: "rate_limited")
        #expect(busy.contains(block), "\(run.errors)")
    }

    // MARK: The dashboard

    @Test func theFirstWordsOfTheDashboard() async throws {
        let folder = try TemporaryFolder()
        try folder.write("Buildfile", "library a\n    inputs b\n")
        try folder.write("b", "")
        let shown = try #require(try transcripts("dashboard.md").first)
        #expect(shown.command == "lmsbuild serve")
        let server = try RunningProgram(
            ["/bin/sh", "-c", "exec \"$0\" serve --port 0 1>&2", program.path], in: folder.path,
            environment: ["PATH": "/usr/bin:/bin", "HOME": "/nonexistent"])
        let said = try await server.expect("ends the dashboard.")
        _ = try await server.end()
        #expect(comparable(said.split(separator: "\n").map(String.init)) == comparable(shown.lines), "\(said)")
    }
}
