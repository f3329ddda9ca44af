import BuildEngine
import BuildGraph
import BuildTestSupport
import Testing

/// `report`, `history` and `stats`, and what `run` writes for them, as a user meets them.
@Suite struct ReportCommandTests {
    private let program = Program()
    private let documents = DocumentCheck()

    private static let buildfile = """
        library lib
            dir lib
            build: src -> out
                cp src out
        service app
            dir app
            [report junit t.xml]
            unit: lib:build code unit.xml
                cp unit.xml t.xml; echo "<b>hello</b>"; exit $(cat code)
            pack: lib:build src -> packed
                cat src > packed

        """

    private func workspace() async throws -> TestRepository {
        let repository = try await TestRepository()
        try repository.write("Buildfile", Self.buildfile)
        try repository.write(".gitignore", ".lmsbuild/\nout\npacked\nt.xml\n")
        try repository.write("lib/src", "1\n")
        try repository.write("app/src", "1\n")
        try repository.write("app/code", "0")
        try repository.write("app/unit.xml", Self.junit(failing: false))
        try await repository.commitAll()
        return repository
    }

    private static func junit(failing: Bool) -> String {
        let failure = failing ? "<failure message=\"1 &lt; 2\">t.py:3</failure>" : ""
        return "<testsuite><testcase classname=\"t\" name=\"adds\">\(failure)</testcase></testsuite>\n"
    }

    private func run(_ arguments: String..., in repository: TestRepository) async throws -> Program.Outcome {
        try await program.run(["run", "--sandbox", "off"] + arguments, in: repository.path)
    }

    private func json(_ outcome: Program.Outcome, schema: String) async throws -> JSONValue {
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(try await documents.problems(outcome.output, schema: schema) == "")
        return try JSONValue.parse(Array(outcome.output.utf8))
    }

    private func events(in repository: TestRepository) throws -> [BytePath] {
        let folder = repository.path.appending(".lmsbuild/events")
        return try Disk.names(in: folder).map { folder.appending($0) }
    }

    @Test func aRunIsShownAgainInEveryForm() async throws {
        let repository = try await workspace()
        #expect(try await run(in: repository).status == 0)
        try repository.write("app/code", "1")
        try repository.write("app/unit.xml", Self.junit(failing: true))
        let failed = try await run(in: repository)
        #expect(failed.status == 3)

        let again = try await program.run("report", in: repository.path)
        #expect(again.status == 0)
        for line in ["1 of 1 test failed:", "  t › adds", "<b>hello</b>", "ran 0, cached 2, failed 1, skipped 0"] {
            #expect(failed.errors.contains(line), "\(failed.errors)")
            #expect(again.output.contains(line), "\(again.output)")
        }

        let page = try await program.run("report", "--format", "html", "-o", "page.html", in: repository.path)
        #expect(page.status == 0)
        let html = String(decoding: try readFile(repository.path.appending("page.html").shown), as: UTF8.self)
        #expect(html.contains("&lt;b&gt;hello&lt;/b&gt;"))
        #expect(html.contains("changed: input app/code"))
        let markdown = try await program.run("report", "--format", "markdown", in: repository.path)
        #expect(markdown.output.hasPrefix("## lmsbuild: a check said no\n"))

        let document = try await json(
            try await program.run("report", "--format", "json", in: repository.path), schema: "report")
        let unit = document.member("targets")?.elements?.first { $0.member("label")?.text == "app:unit" }
        #expect(unit?.member("waited")?.elements?.map(\.text) == ["lib:build"])
        #expect(unit?.member("failure")?.member("exit")?.numeric == 1)
        #expect(document.member("commit")?.text?.count == 40)
        let trace = try await program.run("report", "--format", "trace", "~1", in: repository.path)
        let slices = try JSONValue.parse(Array(trace.output.utf8)).member("traceEvents")?.elements?.filter {
            $0.member("ph")?.text == "X"
        }
        #expect(slices?.count == 3)
    }

    @Test func theLogIsAsItsSchemaSays() async throws {
        let repository = try await workspace()
        try repository.write("app/code", "1")
        try repository.write("app/unit.xml", Self.junit(failing: true))
        _ = try await run("-k", in: repository)
        _ = try await run("-k", "--no-wait", "app:pack", "lib", in: repository)
        for path in try events(in: repository) {
            let lines = String(decoding: try Disk.contents(of: path), as: UTF8.self).split(separator: "\n")
            #expect(lines.count > 3)
            #expect(try await documents.problems("[" + lines.joined(separator: ",") + "]", schema: "event") == "")
        }
    }

    @Test func aTraceAndASummaryGoWhereTheyAreWanted() async throws {
        let repository = try await workspace()
        let outcome = try await run("--trace", "t/trace.json", "--summary", "s.md", in: repository)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(try readFile(repository.path.appending("s.md").shown).starts(with: "## lmsbuild: done\n".utf8))
        let trace = try JSONValue.parse(try readFile(repository.path.appending("t/trace.json").shown))
        #expect((trace.member("traceEvents")?.elements?.count ?? 0) > 3)
        // What cannot be written is said, and no more.
        let nowhere = try await run("-B", "--trace", "Buildfile/t", "--summary", "/proc/x/y", in: repository)
        #expect(nowhere.status == 0, "\(nowhere.errors)")
        #expect(nowhere.errors.contains("warning[LMS604]: the trace cannot be written to"))
        #expect(nowhere.errors.contains("warning[LMS604]: the summary cannot be written to"))
    }

    @Test func whatRunsTellComesIntoTheHistory() async throws {
        let repository = try await workspace()
        _ = try await run(in: repository)
        _ = try await run(in: repository)
        try repository.write("lib/src", "2\n")
        _ = try await run("app", in: repository)

        let runs = try await json(
            try await program.run("history", "--format", "json", in: repository.path), schema: "runs")
        #expect(runs.member("runs")?.elements?.map { $0.member("ran")?.numeric } == [3, 0, 3])
        #expect(runs.member("runs")?.elements?.first?.member("asked")?.elements?.map(\.text) == ["app"])
        let text = try await program.run("history", "--last", "1", in: repository.path)
        #expect(text.lines.count == 1)
        #expect(text.output.contains("  ok  ran 3, cached 0, failed 0, skipped 0 in "), "\(text.output)")

        let stats = try await json(
            try await program.run("stats", "--format", "json", in: repository.path), schema: "stats")
        let cause = stats.member("causes")?.elements?.first
        #expect(cause?.member("subject")?.text == "lib/src")
        #expect(cause?.member("targets")?.numeric == 3)
        #expect(stats.member("all")?.member("hitRate")?.numeric == 0.3333)
        let shown = try await program.run("stats", in: repository.path)
        #expect(shown.output.contains("what made targets run\n"), "\(shown.output)")
        #expect(shown.output.contains("input lib/src\n"))
    }

    @Test func aTestThatFailsNowAndThenIsFoundOut() async throws {
        let repository = try await workspace()
        _ = try await run(in: repository)
        // The input is the same, and what it does is not.
        try repository.write("Buildfile", Self.buildfile.replacing("cat code", with: "cat ../flip"))
        for flip in ["0", "1", "0"] {
            try repository.write("flip", flip)
            _ = try await run("-B", "app:unit", in: repository)
        }
        let stats = try await json(
            try await program.run("stats", "--format", "json", in: repository.path), schema: "stats")
        let flaky = stats.member("flaky")?.elements?.first
        #expect(flaky?.member("label")?.text == "app:unit")
        #expect(flaky?.member("failed")?.numeric == 1)
        #expect(flaky?.member("runs")?.numeric == 3)
    }

    @Test func logsDoNotBecomeTooMany() async throws {
        let repository = try await workspace()
        _ = try await run(in: repository)
        let first = try #require(try events(in: repository).first)
        let text = String(decoding: try Disk.contents(of: first), as: UTF8.self)
        let id = String(first.name.shown.dropLast(6))
        func fill() throws {
            for number in 0..<210 {
                let other = "20200101-000000-0" + String(number + 256, radix: 16)
                try Disk.replace(
                    first.parent.appending(other + ".jsonl"), with: Array(text.replacing(id, with: other).utf8))
            }
        }
        try fill()
        // What a run starts on its own: taken into the history first, then removed.
        let taken = try await program.run("history", "--take-in", in: repository.path)
        #expect(taken.status == 0, "\(taken.errors)")
        #expect(try events(in: repository).count == 150)
        let known = try await program.run("history", "--last", "1000", in: repository.path)
        #expect(known.lines.count == 211)
        // Where nobody will ask, a run itself removes them.
        try fill()
        _ = try await program.run(
            ["run", "--sandbox", "off"], in: repository.path, environment: ["CI": "true"])
        #expect(try events(in: repository).count == 150)
        #expect(try events(in: repository).contains(first))
    }

    @Test func aLogThatCannotBeWrittenChangesNothing() async throws {
        let repository = try await workspace()
        try repository.write(".lmsbuild/events", "in the way")
        try repository.write("app/code", "1")
        let outcome = try await run(in: repository)
        #expect(outcome.status == 3)
        #expect(outcome.errors.components("warning[").count == 2, "\(outcome.errors)")
        #expect(outcome.errors.contains("the events of this run cannot be written down"))
        let none = try await program.run("report", in: repository.path)
        #expect(none.status == 2)
        #expect(none.errors.contains("no run is written down here yet"))
    }

    /// Nothing ran yet: lists are empty, and nothing is made for whoever only asks.
    @Test func withoutAnyRunListsAreEmpty() async throws {
        let repository = try await workspace()
        for words in [["history"], ["stats"], ["report", "--list"]] {
            let outcome = try await program.run(words, in: repository.path)
            #expect(outcome.status == 0 && outcome.output == "", "\(words)")
            #expect(outcome.errors == "no run is written down here yet; 'lmsbuild run' writes one\n", "\(words)")
        }
        let runs = try await json(
            try await program.run("history", "--format", "json", in: repository.path), schema: "runs")
        #expect(runs.member("runs")?.elements?.count == 0)
        let statistics = try await json(
            try await program.run("stats", "--format", "json", in: repository.path), schema: "stats")
        #expect(statistics.member("days")?.elements?.count == 0)
        #expect(try await program.run("report", in: repository.path).status == 2)
        #expect(!Disk.isFolder(repository.path.appending(".lmsbuild")))
        for words in [["history"], ["stats"], ["report"], ["serve", "--export", "x"], ["notify", "test"]] {
            let outside = try await program.run(words, in: repository.folder.path)
            #expect(outside.status == 2 && outside.errors.contains("there is no Buildfile in"), "\(words)")
        }
    }

    @Test func aLogThatTellsNothingIsPassedOver() async throws {
        let repository = try await workspace()
        _ = try await run(in: repository)
        try repository.write(".lmsbuild/events/20990101-000000-0000.jsonl", "")
        let outcome = try await program.run("report", in: repository.path)
        #expect(outcome.status == 0)
        #expect(
            outcome.errors == "the log of the run 20990101-000000-0000 cannot be read; the one before it is shown\n")
        #expect(outcome.output.contains("ran 3, cached 0"))
    }

    @Test func aRunThatWasKilledIsShownAsFarAsItCame() async throws {
        let repository = try await workspace()
        _ = try await run(in: repository)
        let path = try #require(try events(in: repository).last)
        let whole = try Disk.contents(of: path)
        try Disk.replace(path, with: Array(whole.dropLast(120)))
        let outcome = try await program.run("report", in: repository.path)
        #expect(outcome.status == 0)
        #expect(outcome.lines.last == "the run goes on, or was killed: nothing tells of its end")
        #expect(try await program.run("history", in: repository.path).output.contains("  not ended  "))
    }

    @Test func linesThatCannotBeReadAreToldOnce() async throws {
        let repository = try await workspace()
        _ = try await run(in: repository)
        let path = try #require(try events(in: repository).last)
        var lines = try Disk.contents(of: path).split(separator: 10).map(Array.init)
        lines.insert(Array("not a line\n{\"event\":\"ended\"}".utf8), at: 2)
        try Disk.replace(path, with: Array(lines.joined(separator: [10])) + [10])
        for format in ["text", "markdown", "json"] {
            let outcome = try await program.run("report", "--format", format, in: repository.path)
            #expect(outcome.status == 0)
            #expect(outcome.errors == "2 lines of this run's log could not be read\n")
            #expect(!outcome.output.isEmpty)
        }
        let outcome = try await program.run("history", in: repository.path)
        #expect(outcome.status == 0)
        #expect(outcome.errors.contains("2 lines of the log of the run "), "\(outcome.errors)")
        #expect(try await program.run("history", in: repository.path).errors == "")
    }

    @Test func whatIsNoRunIsRefused() async throws {
        let repository = try await workspace()
        _ = try await run(in: repository)
        for (arguments, message) in [
            (["report", "19990101"], "no run '19990101' is kept"), (["report", "./Buildfile"], "is no log of a run"),
            (["report", "./gone.jsonl"], "cannot be read"), (["report", "--format", "pdf"], "unknown format 'pdf'"),
            (["stats", "--last", "0"], "at least 1"),
        ] {
            let outcome = try await program.run(arguments, in: repository.path)
            #expect(outcome.status == 2, "\(arguments)")
            #expect(outcome.errors.contains(message), "\(outcome.errors)")
        }
        let list = try await program.run("report", "--list", in: repository.path)
        #expect(list.lines.count == 1)
        let id = try #require(list.output.split(separator: " ").first.map(String.init))
        #expect(try await program.run("report", id, in: repository.path).status == 0)
        #expect(try await program.run("report", String(id.suffix(4)), in: repository.path).status == 0)
    }
}

extension String {
    /// The parts between each `separator`.
    fileprivate func components(_ separator: String) -> [String] {
        var parts: [String] = [""]
        var rest = self[...]
        while let range = rest.firstRange(of: separator) {
            parts[parts.count - 1] += rest[..<range.lowerBound]
            parts.append("")
            rest = rest[range.upperBound...]
        }
        return parts
    }
}
