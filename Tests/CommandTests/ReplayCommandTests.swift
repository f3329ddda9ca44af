import BuildEngine
import BuildGraph
import BuildTestSupport
import Testing

/// `lmsbuild replay` as a newcomer meets it, on histories that never had a Buildfile.
@Suite struct ReplayCommandTests {
    private let program = Program()
    private let documents = DocumentCheck()

    private static let buildfile = """
        service api
            dir api
            build: src -> out
                cp src out
            image: Dockerfile
                [context /]

        service web
            dir web
            build: src -> out
                cp src out

        """.replacing("    image: Dockerfile\n        [context /]\n", with: "    [context /]\n    image: Dockerfile\n")

    /// Two services, of which one copies from beside itself, and commits that the folder-prefix rule gets wrong.
    private func repository() async throws -> TestRepository {
        let repository = try await TestRepository()
        try repository.folder.write("Buildfile", Self.buildfile)
        try repository.write("api/src", "1")
        try repository.write("api/README", "1")
        try repository.write("api/Dockerfile", "FROM scratch\nCOPY shared/schema /\n")
        try repository.write("shared/schema", "1")
        try repository.write("web/src", "1")
        try await repository.commitAll("start")
        try repository.write("web/src", "2")
        try await repository.commitAll("web only")
        try repository.write("shared/schema", "2")
        try await repository.commitAll("missed by folders \u{1B}[31m <b>&")
        try repository.write("api/README", "2")
        try await repository.commitAll("for nothing")
        return repository
    }

    private func replay(_ repository: TestRepository, _ arguments: String..., in folder: BytePath? = nil) async throws
        -> Program.Outcome
    {
        try await program.run(
            ["-f", repository.folder("Buildfile").shown, "replay"] + arguments, in: folder ?? repository.path)
    }

    @Test func aTable() async throws {
        let repository = try await repository()
        let ids = String(
            decoding: try await repository.git(["log", "--reverse", "--format=%h", "--abbrev=12"]), as: UTF8.self
        )
        .split(separator: "\n")
        let outcome = try await replay(repository, "--time", "build=90s", "--time", "image=10m")
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(
            outcome.output == """
                commit        date        affected  prefix     all  missed   extra  subject
                \(ids[0])  2023-11-14         3       3       3       0       0  start
                \(ids[1])  2023-11-14         1       1       3       0       0  web only
                \(ids[2])  2023-11-14         1       0       3       1       0  missed by folders \\x1b[31m <b>&
                \(ids[3])  2023-11-14         0       2       3       0       2  for nothing

                4 commits, 1 of them affect nothing
                everything:            12 runs
                folder prefix:          6 runs, 50.0 %; 1 missed at 1 commit, 2 for nothing
                affected:               5 runs, 41.7 %
                time: everything 52 min 0 s, folder prefix 26 min 0 s, affected 24 min 30 s: 27 min 30 s saved

                """)
        let last = try await replay(repository, "--last", "1", "--stage", "image")
        #expect(last.output.contains("affected:               0 runs, 0.0 %"))
        #expect(last.output.contains("time: not known"))
        #expect(try await replay(repository, "HEAD~2..HEAD").output.contains("2 commits, 1 of them"))
        #expect(try await replay(repository, "HEAD..").output.contains("0 commits"))
    }

    @Test func documents() async throws {
        let repository = try await repository()
        let json = try await replay(repository, "--format", "json", "--time", "build=1s")
        #expect(try await documents.problems(json.output, schema: "replay") == "")
        let document = try JSONValue.parse(Array(json.output.utf8))
        #expect(document.member("commits")?.elements?[2].member("missed")?.elements?.map(\.text) == ["api:image"])
        #expect(document.member("seconds")?.member("unknownRuns")?.numeric == 4)
        let svg = try await replay(repository, "--format", "svg", "-o", repository.folder("chart.svg").shown)
        #expect(svg.output == "")
        let chart = String(decoding: try readFile(repository.folder("chart.svg").shown), as: UTF8.self)
        #expect(chart.contains("affected: 5, 41.7 %"))
        #expect(chart.hasSuffix("</svg>\n"))
    }

    @Test func brokenCommitsAreCountedApart() async throws {
        let repository = try await repository()
        try await repository.git(["rm", "-q", "web/src"])
        try await repository.commitAll("breaks it")
        let broken = try await replay(repository)
        #expect(broken.status == 0)
        #expect(broken.output.contains("no graph: "))
        #expect(broken.output.contains("1 commit without a graph not counted"))
        #expect(broken.errors.contains("the newest commit has no graph"))
        try repository.write("web/src", "3")
        try await repository.commitAll("mends it")
        let mended = try await replay(repository, "--last", "1", "--format", "json")
        // After a commit without a graph everything is new, as `affected` says.
        let affected = try await program.run(
            "affected", "-f", repository.folder("Buildfile").shown, "--base", "HEAD~1", "--targets", "--head", "HEAD",
            in: repository.path)
        #expect(affected.lines == ["api:build", "api:image", "web:build"])
        let told = try JSONValue.parse(Array(mended.output.utf8)).member("commits")?.elements?.first?.member("affected")
        #expect(told?.elements?.compactMap(\.text) == affected.lines)
        #expect(mended.output.contains("\"missed\": 0"))
    }

    @Test func mergesCountAgainstTheFirstParent() async throws {
        let repository = try await repository()
        try await repository.git(["checkout", "-q", "-b", "topic", "HEAD~2"])
        try repository.write("web/src", "3")
        try await repository.commitAll("topic")
        try await repository.git(["checkout", "-q", "main"])
        try await repository.git(["merge", "-q", "--no-ff", "-m", "merge", "topic"])
        let outcome = try await replay(repository, "--last", "2", "--format", "json")
        let commits = try JSONValue.parse(Array(outcome.output.utf8)).member("commits")?.elements ?? []
        #expect(commits.map { $0.member("subject")?.text } == ["for nothing", "merge"])
        #expect(commits.last?.member("affected")?.elements?.map(\.text) == ["web:build"])
    }

    @Test func aShallowHistoryEndsWhereTheCloneEnds() async throws {
        let repository = try await repository()
        let clone = repository.folder("clone")
        try await repository.git(["clone", "-q", "--depth=3", "file://" + repository.path.shown, clone.shown])
        let outcome = try await replay(repository, in: clone)
        #expect(outcome.status == 0)
        #expect(outcome.output.contains("2 commits, 1 of them affect nothing"))
        #expect(outcome.output.contains("this clone is shallow"))
    }

    @Test(arguments: [
        ["--format", "png"], ["--last", "0"], ["main"], ["--last", "1", "a..b"], ["gone..HEAD"], ["--time", "image"],
        ["--time", "image=soon"], ["--kind", "app"], ["a..b", "c..d"],
    ])
    func whatMakesNoSenseIsRefused(_ arguments: [String]) async throws {
        let repository = try await repository()
        let outcome = try await program.run(
            ["-f", repository.folder("Buildfile").shown, "replay"] + arguments, in: repository.path)
        #expect(outcome.status == 2, "\(arguments)")
        #expect(outcome.output == "")
    }
}
