import BuildEngine
import BuildGraph
import BuildTestSupport
import Buildfile
import Glibc
import Testing

@Suite struct GitTests {
    private let runner = ProcessRunner()

    private func open(_ repository: TestRepository, in folder: BytePath? = nil) async throws -> GitRepository {
        let found = try await GitRepository.discover(
            from: folder ?? repository.path, runner: runner, environment: repository.environment)
        return try #require(found)
    }

    private func diagnostic(_ body: () async throws -> Void) async -> Diagnostic? {
        do {
            try await body()
            return nil
        } catch {
            return error as? Diagnostic
        }
    }

    @Test func findsTheRepositoryFromBelow() async throws {
        let repository = try await TestRepository()
        try repository.write("a/b/f", "x")
        let git = try await open(repository, in: repository.path.appending("a/b"))
        #expect(git.top == repository.path)
        #expect(git.commonFolder == repository.path.appending(".git"))
        #expect(try await git.workingTreeOptions(root: repository.path.appending("a/b")).prefix == BytePath("a/b"))
        #expect(try await git.workingTreeOptions(root: repository.path).prefix.isEmpty)
        // A way there through a link is the same place.
        let link = repository.folder("link")
        #expect(link.withCString { symlink("repository/a", $0) } == 0)
        #expect(try await git.workingTreeOptions(root: link.appending("b")).prefix == BytePath("a/b"))
        let outside = await diagnostic { _ = try await git.workingTreeOptions(root: repository.folder.path) }
        #expect(outside?.code == .gitUnavailable)
        #expect(try await git.headCommit == nil)
    }

    @Test func noRepositoryIsNil() async throws {
        let folder = try TemporaryFolder()
        let found = try await GitRepository.discover(from: folder.path, runner: runner, environment: [:])
        #expect(found == nil)
        try folder.write(".git/nothing", "")
        let empty = try await GitRepository.discover(
            from: folder.path, runner: runner, environment: ["PATH": "/usr/bin:/bin"])
        #expect(empty == nil)
    }

    @Test func aMissingGitIsSaid() async throws {
        let repository = try await TestRepository()
        let found = await diagnostic {
            _ = try await GitRepository.discover(
                from: repository.path, runner: runner, environment: ["PATH": repository.path.shown])
        }
        #expect(found?.code == .gitUnavailable)
    }

    @Test func aBrokenRepositoryIsSaid() async throws {
        let folder = try TemporaryFolder()
        try folder.write(".git", "gitdir: /nowhere/at/all\n")
        let found = await diagnostic {
            _ = try await GitRepository.discover(
                from: folder.path, runner: runner, environment: ["PATH": "/usr/bin:/bin"])
        }
        #expect(found?.code == .gitUnavailable)
    }

    @Test func resolvesRevisions() async throws {
        let repository = try await TestRepository()
        let first = try await repository.commitAll()
        let second = try await repository.commitAll()
        try await repository.git(["tag", "-a", "v1", "-m", "v1", first])
        try await repository.git(["update-ref", "refs/remotes/origin/topic", first])
        let git = try await open(repository)
        #expect(try await git.resolve("HEAD~1") == first)
        #expect(try await git.resolve("v1") == first)
        #expect(try await git.resolve(String(second.prefix(10))) == second)
        #expect(try await git.headCommit == second)
        for revision in ["nothing", "", "-h", "--all", "--output=x", "HEAD:none", "HEAD^{tree}", "a\nb"] {
            let found = await diagnostic { _ = try await git.resolve(revision) }
            #expect(found?.code == .badRevision, "\(revision)")
        }
        #expect(try await git.isBranch("main"))
        #expect(try await git.isBranch("origin/topic"))
        for revision in ["v1", "HEAD~1", second, "nothing", "--all"] {
            #expect(try await !git.isBranch(revision), "\(revision)")
        }
        let found = await diagnostic { _ = try await git.resolve("topic") }
        #expect(found?.message == "unknown revision 'topic'")
        #expect(found?.hint == "did you mean 'origin/topic'?")
    }

    @Test func aReferenceThatLooksLikeAnOptionIsNone() async throws {
        let repository = try await TestRepository()
        let id = try await repository.commitAll()
        try await repository.git(["update-ref", "refs/heads/--output=escaped", id])
        let git = try await open(repository)
        let found = await diagnostic { _ = try await git.resolve("--output=escaped") }
        #expect(found?.code == .badRevision)
        #expect(throws: (any Error).self) { try readFile(repository.path.appending("escaped").shown) }
        #expect(try await git.resolve("refs/heads/--output=escaped") == id)
    }

    @Test func whatIsUnknownIsCorrected() async throws {
        let repository = try await TestRepository()
        try await repository.commitAll()
        try await repository.git(["branch", "develop"])
        let git = try await open(repository)
        let found = await diagnostic { _ = try await git.resolve("develp") }
        #expect(found?.hint == "did you mean 'develop'?")
    }

    @Test func nothingOfTheRepositorysConfigurationRuns() async throws {
        let repository = try await TestRepository()
        try repository.write("a", "x")
        let id = try await repository.commitAll()
        let mark = repository.folder("ran")
        try await repository.git(["config", "core.fsmonitor", "touch \(mark.shown); false"])
        try await repository.git(["config", "core.pager", "touch \(mark.shown)"])
        let git = try await open(repository)
        _ = try await git.workingTreeOptions(root: repository.path)
        _ = try await git.tree(at: git.resolve("HEAD"), naming: .sha256)
        #expect(try await git.resolve("HEAD") == id)
        #expect(throws: (any Error).self) { try readFile(mark.shown) }
    }

    @Test func theEnvironmentDoesNotPointElsewhere() async throws {
        let repository = try await TestRepository()
        let other = try await TestRepository()
        try await other.commitAll()
        var environment = repository.environment
        environment["GIT_DIR"] = other.path.appending(".git").shown
        let git = try #require(
            try await GitRepository.discover(from: repository.path, runner: runner, environment: environment))
        #expect(git.top == repository.path)
        #expect(try await git.headCommit == nil)
    }

    @Test func excludesOfTheUserAndTheRepositoryCount() async throws {
        let repository = try await TestRepository()
        try repository.folder.write("home/.config/git/ignore", "by-user\n")
        try repository.write(".git/info/exclude", "by-repository\n!by-user-kept\n")
        try repository.write(".gitignore", "/ws/by-top\n")
        for name in ["by-user", "by-repository", "by-top", "kept", "deep/by-user"] {
            try repository.write("ws/" + name, name)
        }
        let git = try await open(repository, in: repository.path.appending("ws"))
        let options = try await git.workingTreeOptions(root: repository.path.appending("ws"))
        #expect(try WorkingTree.scan(options).entries.map(\.path.shown) == ["kept"])
        try repository.folder.write("elsewhere", "kept\n")
        try await repository.git(["config", "core.excludesFile", repository.folder("elsewhere").shown])
        let other = try await git.workingTreeOptions(root: repository.path.appending("ws"))
        #expect(try WorkingTree.scan(other).entries.map(\.path.shown) == ["by-user", "deep/by-user"])
    }
}
