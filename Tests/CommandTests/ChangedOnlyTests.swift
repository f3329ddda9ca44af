import BuildEngine
import BuildGraph
import BuildTestSupport
import Testing

/// `[changed-only]` as a user meets it. The tool is a script that finds as many mutants in a file as it has lines, all killed but
/// those of lines that say 'weak', and that puts into its report which files it was told of.
@Suite struct ChangedOnlyTests {
    private let program = Program()

    private static let tool = #"""
        told=$(printf '%s' "$changed" | tr '\n' ' ')
        printf '{"schemaVersion": "2", "thresholds": {"high": 80, "low": 60}, "told": "%s", "files": {' "$told"
        comma=
        for file in ${told:-src/*.py}; do
            printf '%s"%s": {"language": "python", "source": "", "mutants": [' "$comma" "$file"
            between=
            while read -r line; do
                status=Killed
                case $line in *weak*) status=Survived;; esac
                printf '%s{"id": "1", "status": "%s"}' "$between" "$status"
                between=,
            done < "$file"
            printf ']}'
            comma=,
        done
        printf '}}\n'
        """#

    private static let buildfile = """
        service app
            dir app
            [changed-only] [gate mutation >= 50 out/m.json]
            mutation: src/*.py tests/*.py tool -> out/m.json
                . ./tool > out/m.json

        """

    private func repository() async throws -> TestRepository {
        let repository = try await TestRepository()
        try repository.write("Buildfile", Self.buildfile)
        try repository.write(".gitignore", "out/\n.lmsbuild/\n")
        try repository.write("app/tool", Self.tool)
        try repository.write("app/tests/a.py", "test\n")
        for name in ["a", "b", "c"] { try repository.write("app/src/\(name).py", "one\ntwo weak\n") }
        try await repository.commitAll()
        return repository
    }

    private func run(_ repository: TestRepository, _ words: String...) async throws -> (
        outcome: Program.Outcome, report: JSONTree
    ) {
        let outcome = try await program.run(
            ["run", "app:mutation", "--base", "HEAD"] + words, in: repository.path, environment: [:])
        let bytes = try readFile(repository.path.appending("app/out/m.json").shown)
        return (outcome, try JSONTree.parse(bytes))
    }

    private func files(_ report: JSONTree) -> [String] { report.member("files")?.members?.map(\.name) ?? [] }

    @Test func onlyWhatChangedIsMeasuredAndTheRestIsTakenFromTheBase() async throws {
        let repository = try await repository()
        let first = try await run(repository)
        #expect(first.outcome.status == 0, "\(first.outcome.errors)")
        #expect(
            first.outcome.errors.contains("'app:mutation' measures everything: no result"), "\(first.outcome.errors)")
        #expect(first.report.member("told")?.text == "")

        try repository.write("app/src/b.py", "one\ntwo\nthree\nfour\n")
        let second = try await run(repository)
        #expect(second.outcome.status == 0, "\(second.outcome.errors)")
        #expect(second.report.member("told")?.text == "src/b.py")
        #expect(files(second.report) == ["src/a.py", "src/b.py", "src/c.py"])
        #expect(second.outcome.errors.contains("measured what changed, 1 file; 2 files as at the base"))
        // 1 + 4 + 1 of 2 + 4 + 2.
        let told = try await program.run("run", "-v", "app:mutation", in: repository.path)
        #expect(told.errors.contains("mutation 75"), "\(told.errors)")
        #expect(told.errors.contains("cached  app:mutation"))

        // A file that is gone takes its mutants along.
        _ = try await repository.git(["rm", "--quiet", "--force", "app/src/c.py"])
        let third = try await run(repository)
        #expect(third.report.member("told")?.text == "src/b.py")
        #expect(files(third.report) == ["src/a.py", "src/b.py"])
    }

    @Test func whatIsTakenCountsForTheGate() async throws {
        let repository = try await repository()
        _ = try await run(repository)
        try repository.write("app/src/b.py", "one weak\ntwo weak\n")
        let outcome = try await run(repository).outcome
        #expect(outcome.status == 3)
        #expect(outcome.errors.contains("mutation is 33.33 in app/out/m.json"), "\(outcome.errors)")
    }

    @Test func anythingElseThatChangesHasEverythingMeasured() async throws {
        let repository = try await repository()
        _ = try await run(repository)
        try repository.write("app/src/b.py", "one\ntwo\n")
        try repository.write("app/tests/a.py", "test more\n")
        let tests = try await run(repository)
        #expect(tests.report.member("told")?.text == "")
        #expect(tests.outcome.errors.contains("measures everything: 'app/tests/a.py' is not as at the base"))

        try repository.write("app/tests/a.py", "test\n")
        try repository.write("app/src/new.py", "one\n")
        let new = try await run(repository)
        #expect(new.report.member("told")?.text == "")
        #expect(new.outcome.errors.contains("measures everything: 'app/src/new.py' is not as at the base"))

        _ = try await repository.git(["clean", "--quiet", "--force", "app/src"])
        try repository.write("Buildfile", Self.buildfile.replacing("        . ./tool", with: "        : ; . ./tool"))
        let recipe = try await run(repository)
        #expect(recipe.report.member("told")?.text == "")
        #expect(recipe.outcome.errors.contains("measures everything: the rule is not as at the base"))

        try repository.write("Buildfile", Self.buildfile)
        let forced = try await run(repository, "-B")
        #expect(forced.report.member("told")?.text == "")
        #expect(forced.outcome.status == 0, "\(forced.outcome.errors)")
    }

    @Test func aReportWithoutFilesIsMeasuredWholeEachTime() async throws {
        let repository = try await repository()
        try repository.write("app/tool", "printf '{\"score\": 90}'")
        try await repository.commitAll()
        _ = try await run(repository)
        try repository.write("app/src/b.py", "one\n")
        let outcome = try await run(repository).outcome
        #expect(outcome.status == 0)
        #expect(outcome.errors.contains("does not tell which file a mutant is in"), "\(outcome.errors)")
    }
}
