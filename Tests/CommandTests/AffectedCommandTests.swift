import BuildEngine
import BuildGraph
import BuildTestSupport
import Testing

/// `lmsbuild affected` as a user and a CI job meet it: where the base comes from, and what is printed.
@Suite struct AffectedCommandTests {
    private let program = Program()
    private let documents = DocumentCheck()

    private func buildfile(_ services: Int = 3) -> String {
        (1...services).map { number in
            """
            service s\(number)
                dir s\(number)
                build: src -> out
                    cat src > out
                unit: :build
                    grep -q . out

            """
        }.joined()
    }

    private func repository(_ services: Int = 3) async throws -> TestRepository {
        let repository = try await TestRepository()
        try repository.write("Buildfile", buildfile(services))
        try repository.write(".gitignore", "out\n")
        for number in 1...services { try repository.write("s\(number)/src", "1") }
        try await repository.commitAll("1")
        return repository
    }

    private func event(_ repository: TestRepository, _ name: String, _ payload: String) throws -> [String: String] {
        try repository.folder.write("event.json", payload)
        return [
            "CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": name,
            "GITHUB_EVENT_PATH": repository.folder("event.json").shown, "GITHUB_REF_NAME": "main",
            "GITHUB_REF_TYPE": "branch",
        ]
    }

    // MARK: The base

    @Test func theBaseOfAPushIsFound() async throws {
        let repository = try await repository()
        let before = try await repository.line("rev-parse", "HEAD")
        try repository.write("s2/src", "2")
        try await repository.commitAll("2")
        let environment = try event(repository, "push", #"{"before": "\#(before)"}"#)
        let outcome = try await program.run("affected", in: repository.path, environment: environment)
        #expect(outcome.status == 0)
        #expect(outcome.lines == ["s2"])
        #expect(outcome.errors.contains("comparing with \(before.prefix(12)), the base of this push to 'main'"))
        let explicit = try await program.run(
            "affected", "--base", "HEAD", in: repository.path, environment: environment)
        #expect(explicit.lines == [])
    }

    @Test func withoutABaseItSaysHowToNameOne() async throws {
        let repository = try await repository()
        let outcome = try await program.run("affected", in: repository.path)
        #expect(outcome.status == 2)
        #expect(outcome.errors.contains("'--base HEAD~1'"))
    }

    @Test func unknownIsNotNothing() async throws {
        let repository = try await repository()
        let environment = try event(repository, "schedule", "{}")
        let failed = try await program.run("affected", in: repository.path, environment: environment)
        #expect(failed.status == 2)
        #expect(failed.output == "")
        #expect(failed.errors.contains("error[LMS310]"))
        let all = try await program.run(
            "affected", "--if-unknown", "all", in: repository.path, environment: environment)
        #expect(all.status == 0)
        #expect(all.lines == ["s1", "s2", "s3"])
        #expect(all.errors.contains("everything counts as affected"))
        let json = try await program.run(
            "affected", "--if-unknown", "all", "--format", "json", in: repository.path, environment: environment)
        #expect(try JSONValue.parse(Array(json.output.utf8)).member("everything")?.text?.contains("schedule") == true)
        #expect(try await documents.problems(json.output, schema: "affected") == "")
    }

    /// Shallow, missing, unrelated and force-pushed bases: "everything" where that was asked for, else exit 2.
    @Test(arguments: ["HEAD~1", "gone", "other", "1111111111111111111111111111111111111111"])
    func whatTheCloneLacksNeverLooksLikeNothing(_ base: String) async throws {
        let server = try await repository()
        try await server.commitAll("2")
        try await server.git(["checkout", "-q", "--orphan", "other"])
        try await server.commitAll("other")
        try await server.git(["checkout", "-q", "main"])
        let clone = server.folder("clone")
        try await server.git(["clone", "-q", "--depth=1", "file://" + server.path.shown, clone.shown])
        let failed = try await program.run("affected", "--base", base, in: clone)
        #expect(failed.status == 2)
        #expect(failed.output == "")
        #expect(failed.errors.contains("git fetch"))
        let all = try await program.run("affected", "--base", base, "--if-unknown", "all", in: clone)
        #expect(all.status == 0)
        #expect(all.lines == ["s1", "s2", "s3"])
    }

    @Test func deepenFetchesWhatIsMissing() async throws {
        let server = try await repository()
        try server.write("s3/src", "3")
        try await server.commitAll("2")
        let clone = server.folder("clone")
        try await server.git(["clone", "-q", "--depth=1", "file://" + server.path.shown, clone.shown])
        let outcome = try await program.run("affected", "--base", "HEAD~1", "--deepen", in: clone)
        #expect(outcome.status == 0)
        #expect(outcome.lines == ["s3"])
    }

    @Test func aHeadThatDoesNotExistIsAlwaysAnError() async throws {
        let repository = try await repository()
        let outcome = try await program.run(
            "affected", "--base", "HEAD", "--head", "gone", "--if-unknown", "all", in: repository.path)
        #expect(outcome.status == 2)
    }

    @Test func aStageThatNothingHasIsNotNothing() async throws {
        let repository = try await repository()
        let outcome = try await program.run("affected", "--base", "HEAD", "--stage", "unti", in: repository.path)
        #expect(outcome.status == 4)
        #expect(outcome.errors.contains("there is no stage 'unti'"))
        #expect(outcome.errors.contains("did you mean 'unit'?"))
    }

    @Test func runTakesTheBaseOfTheEvent() async throws {
        let repository = try await repository()
        let before = try await repository.line("rev-parse", "HEAD")
        try repository.write("s2/src", "2")
        try await repository.commitAll("2")
        let environment = try event(repository, "push", #"{"before": "\#(before)"}"#)
        let outcome = try await program.run(
            "run", "--sandbox", "off", "-n", "--affected", in: repository.path, environment: environment)
        #expect(outcome.status == 0)
        #expect(outcome.lines.map { String($0.prefix { $0 != " " }) } == ["s2:build", "s2:unit"])
    }

    // MARK: The cache

    @Test func sinceTheCache() async throws {
        let repository = try await repository()
        let cold = try await program.run("affected", "--since", "cache", in: repository.path)
        #expect(cold.lines == ["s1", "s2", "s3"])
        #expect(try await program.run("run", "--sandbox", "off", in: repository.path).status == 0)
        #expect(try await program.run("affected", "--since", "cache", in: repository.path).output == "")
        try repository.write("s1/src", "2")
        let changed = try await program.run("affected", "--since", "cache", "--targets", "--why", in: repository.path)
        #expect(changed.lines == ["s1:build", "  result", "s1:unit", "  prerequisite s1:build"])
        // What fails has no success: it is affected until it passes.
        try repository.write("s1/src", "")
        #expect(try await program.run("run", "--sandbox", "off", in: repository.path).status == 3)
        let failed = try await program.run("affected", "--since", "cache", "--targets", in: repository.path)
        #expect(failed.lines == ["s1:unit"])
        let json = try await program.run("affected", "--since", "cache", "--format", "json", in: repository.path)
        #expect(try await documents.problems(json.output, schema: "affected") == "")
    }

    // MARK: Forms

    @Test func aMatrixForGitHub() async throws {
        let repository = try await repository()
        let none = try await program.run("affected", "--base", "HEAD", "--format", "github", in: repository.path)
        #expect(
            none.output
                == #"{"any":false,"matrix":{"include":[{"name":"nothing is affected","components":"","targets":"","any":false}]}}"#
                + "\n")
        try repository.write("s1/src", "2")
        let one = try await program.run("affected", "--base", "HEAD", "--format", "github", in: repository.path)
        #expect(
            one.output
                == #"{"any":true,"matrix":{"include":[{"name":"s1","components":"s1","targets":"s1","any":true}]}}"#
                + "\n")
        let stage = try await program.run(
            "affected", "--base", "HEAD", "--stage", "unit", "--format", "github", in: repository.path)
        #expect(stage.output.contains(#""targets":"s1:unit""#))
        for outcome in [none, one, stage] {
            #expect(try await documents.problems(outcome.output, schema: "github-matrix") == "")
        }
    }

    @Test func aMatrixIsNeverTooLarge() async throws {
        let repository = try await repository(300)
        try repository.write("Buildfile", buildfile(300).replacing("cat src", with: "cat ./src"))
        let outcome = try await program.run("affected", "--base", "HEAD", "--format", "github", in: repository.path)
        #expect(try await documents.problems(outcome.output, schema: "github-matrix") == "")
        let entries =
            try JSONValue.parse(Array(outcome.output.utf8)).member("matrix")?.member("include")?.elements ?? []
        #expect(entries.count == 256)
        let named = entries.flatMap { ($0.member("components")?.text ?? "").split(separator: " ") }
        #expect(Set(named).count == 300)
        #expect(named.count == 300)
        let few = try await program.run(
            "affected", "--base", "HEAD", "--format", "gitlab", "--max-jobs", "7", in: repository.path)
        #expect(few.lines.count { $0.hasPrefix(#""run "#) } == 7)
    }

    @Test func aChildPipelineForGitLab() async throws {
        let repository = try await repository()
        let none = try await program.run("affected", "--base", "HEAD", "--format", "gitlab", in: repository.path)
        #expect(none.output.contains("nothing is affected:"))
        try repository.write("s1/src", "2")
        let one = try await program.run(
            "affected", "--base", "HEAD", "--stage", "unit", "--format", "gitlab", in: repository.path)
        #expect(
            one.output.contains("\"run s1\":\n  extends: .lmsbuild\n  variables:\n    LMSBUILD_TARGETS: \"s1:unit\"\n"))
        let including = try await program.run(
            "affected", "--base", "HEAD", "--format", "gitlab", "--include", ".gitlab/jobs.yml", in: repository.path)
        #expect(including.output.contains("include:\n  - local: \"/.gitlab/jobs.yml\"\n"))
        for outcome in [none, one, including] {
            #expect(try await documents.problems(yaml: outcome.output, server: "gitlab-ci") == "")
        }
    }

    // MARK: Shares

    @Test func sharesAreCompleteAndBalanced() async throws {
        let repository = try await repository(7)
        try repository.write("Buildfile", buildfile(7).replacing("cat src", with: "cat ./src"))
        try repository.folder.write(
            "times",
            "9000 s1:build\n3000 s2:build\n3000 s3:build\n3000 s4:build\n10 s5:build\n10 s6:build\n10 s7:build\n"
                + (1...7).map { "0 s\($0):unit\n" }.joined())
        func share(_ index: Int, _ more: String...) async throws -> [String] {
            let outcome = try await program.run(
                ["affected", "--base", "HEAD", "--shard", "\(index)/2", "--times", repository.folder("times").shown]
                    + more,
                in: repository.path, environment: ["CI": "true"])
            #expect(outcome.status == 0)
            return outcome.lines
        }
        let first = try await share(1)
        let second = try await share(2)
        #expect(Set(first).isDisjoint(with: second))
        #expect((first + second).sorted() == (1...7).map { "s\($0)" })
        #expect([first, second].contains { $0.contains("s1") && !$0.contains("s2") && !$0.contains("s3") })
        #expect(try await share(1) == first)
        let targets = try await share(1, "--targets") + share(2, "--targets")
        #expect(targets.count == 14)
        #expect(Set(targets).count == 14)
        let empty = try await program.run("affected", "--base", "HEAD", "--shard", "9/9", in: repository.path)
        #expect(empty.status == 0)
        #expect(empty.output == "")
        let json = try await program.run(
            "affected", "--base", "HEAD", "--shard", "1/2", "--format", "json", in: repository.path)
        #expect(try await documents.problems(json.output, schema: "affected") == "")
    }

    @Test(arguments: ["0/2", "3/2", "1", "a/b", "1/0", "-1/2", "1/2/3"])
    func aShareThatIsNoneIsRefused(_ share: String) async throws {
        let repository = try await repository(1)
        let outcome = try await program.run("affected", "--base", "HEAD", "--shard=\(share)", in: repository.path)
        #expect(outcome.status == 2)
        #expect(outcome.errors.contains("LMS301"))
    }

    @Test(arguments: [
        ["--format", "yaml"], ["--since", "yesterday"], ["--since", "cache", "--base", "HEAD"],
        ["--if-unknown", "none"],
        ["--kind", "servce"], ["--max-jobs", "0"], ["--format", "github", "--max-jobs", "257"],
        ["--since", "cache", "--head", "HEAD"], ["s1"], ["--times", "/none"],
    ])
    func whatMakesNoSenseIsRefused(_ arguments: [String]) async throws {
        let repository = try await repository(1)
        let outcome = try await program.run(
            ["affected"] + (arguments.contains("--since") ? [] : ["--base", "HEAD"]) + arguments, in: repository.path)
        #expect(outcome.status == 2, "\(arguments): \(outcome.errors)")
        #expect(outcome.output == "")
    }
}
