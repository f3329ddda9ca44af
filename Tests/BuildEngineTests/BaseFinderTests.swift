import BuildEngine
import BuildGraph
import BuildTestSupport
import Buildfile
import Testing

/// A server's repository with this history, and clones of it:
///
///     1 - 2 - 3 - 4 (main, v1.1)      v1.0 is 2, api/v1 is 3
///          \
///           5 - 6 - 7 (topic)         M (pull) merges 7 into 4
@Suite struct BaseFinderTests {
    private struct Server {
        let repository: TestRepository
        var ids: [String: String] = [:]

        init() async throws {
            repository = try await TestRepository()
            try await repository.git(["config", "uploadpack.allowAnySHA1InWant", "true"])
            ids["1"] = try await repository.commitAll("1")
            ids["2"] = try await repository.commitAll("2")
            try await repository.git(["tag", "v1.0"])
            try await repository.git(["checkout", "-q", "-b", "topic"])
            for name in ["5", "6", "7"] {
                try repository.write(name, name)
                ids[name] = try await repository.commitAll(name)
            }
            try await repository.git(["checkout", "-q", "main"])
            ids["3"] = try await repository.commitAll("3")
            try await repository.git(["tag", "-a", "api/v1", "-m", "api"])
            ids["4"] = try await repository.commitAll("4")
            try await repository.git(["tag", "v1.1"])
            try await repository.git(["checkout", "-q", "-b", "pull"])
            try await repository.git(["merge", "-q", "--no-ff", "-m", "M", "topic"])
            ids["M"] = try await repository.line("rev-parse", "HEAD")
            try await repository.git(["checkout", "-q", "main"])
        }

        subscript(name: String) -> String { ids[name] ?? "" }

        /// A clone with `branch` checked out.
        func clone(_ branch: String, depth: Int? = nil, _ options: String...) async throws -> GitRepository {
            let folder = repository.folder("clone-\(branch)-\(depth ?? 0)")
            let shallow = depth.map { ["--depth=\($0)"] } ?? []
            try await repository.git(
                ["clone", "-q", "--branch", branch] + shallow + options + [
                    "file://" + repository.path.shown, folder.shown,
                ])
            guard
                let found = try await GitRepository.discover(
                    from: folder, runner: ProcessRunner(), environment: repository.environment)
            else { throw NoRepository() }
            return found
        }
    }

    private struct NoRepository: Error {}

    private func finder(_ git: GitRepository, deepens: Bool = false) async throws -> BaseFinder {
        BaseFinder(git, head: try await git.resolve("HEAD"), deepens: deepens)
    }

    private func problem<Result>(_ body: () async throws -> Result) async -> Diagnostic? {
        do {
            _ = try await body()
            return nil
        } catch {
            return error as? Diagnostic
        }
    }

    private func gitHub(_ base: CIEvent.Base, hasOwnCommits: Bool = false) -> CIEvent {
        CIEvent("GitHub Actions", "pull request", base, hasOwnCommits: hasOwnCommits)
    }

    // MARK: Names

    @Test func ofABranchTheMergeBase() async throws {
        let server = try await Server()
        let finder = try await finder(try await server.clone("topic"))
        #expect(try await finder.commit("origin/main") == server["2"])
        #expect(try await finder.commit("v1.1") == server["4"])
        #expect(try await finder.commit("HEAD~1") == server["6"])
        let found = await problem { try await finder.commit("main") }
        #expect(found?.code == .badRevision)
        #expect(found?.hint == "did you mean 'origin/main'?")
    }

    @Test func unrelatedHistoriesAreUnknown() async throws {
        let server = try await Server()
        try await server.repository.git(["checkout", "-q", "--orphan", "other"])
        try await server.repository.commitAll("other")
        let finder = try await finder(try await server.clone("main"))
        let found = await problem { try await finder.commit("origin/other") }
        #expect(found?.code == .unknownBase)
        #expect(found?.message.hasSuffix("have no common commit: their histories are unrelated") == true)
    }

    // MARK: Shallow clones

    @Test func behindTheEndOfAShallowClone() async throws {
        let server = try await Server()
        let git = try await server.clone("topic", depth: 1)
        let found = await problem { try await finder(git).commit("HEAD~2") }
        #expect(found?.code == .unknownBase)
        #expect(
            found?.hint == "run 'git fetch --deepen=2 origin \(server["7"])', or let '--deepen' do it")
        #expect(try await finder(git, deepens: true).commit("HEAD~2") == server["5"])
        let beyond = await problem { try await finder(git, deepens: true).commit("HEAD~20") }
        #expect(beyond?.code == .badRevision)
    }

    @Test func aCommitThatAShallowCloneLacks() async throws {
        let server = try await Server()
        let git = try await server.clone("main", depth: 1)
        let found = await problem { try await finder(git).commit(server["2"]) }
        #expect(found?.code == .unknownBase)
        #expect(found?.hint == "run 'git fetch --depth=1 origin \(server["2"])', or let '--deepen' do it")
        #expect(try await finder(git, deepens: true).commit(server["2"]) == server["2"])
        #expect(try await git.isShallow())
        let none = String(repeating: "a", count: 40)
        let failed = await problem { try await finder(git, deepens: true).commit(none) }
        #expect(failed?.code == .unknownBase)
        #expect(failed?.message.hasSuffix("failed") == true)
    }

    @Test func aBranchThatASingleBranchCloneLacks() async throws {
        let server = try await Server()
        let git = try await server.clone("topic", depth: 1)
        let found = await problem { try await finder(git).commit("main") }
        #expect(found?.code == .badRevision)
        #expect(
            found?.hint?.contains("git fetch --unshallow origin +refs/heads/main:refs/remotes/origin/main") == true)
        #expect(try await finder(git, deepens: true).commit("main") == server["2"])
    }

    @Test func aMergeBaseBehindTheEnd() async throws {
        let server = try await Server()
        let git = try await server.clone("topic", depth: 1, "--no-single-branch")
        let found = await problem { try await finder(git).commit("origin/main") }
        #expect(found?.code == .unknownBase)
        #expect(found?.message.contains("shallow clone") == true)
        #expect(
            found?.hint
                == "run 'git fetch --unshallow origin \(server["4"]) \(server["7"])', or let '--deepen' do it")
        #expect(try await finder(git, deepens: true).commit("origin/main") == server["2"])
    }

    /// A branch from 4 is merged into topic, so 4 is the merge base; a clone that ends at that branch sees but 2.
    @Test func aMergeBaseThatIsNotTheBestIsNone() async throws {
        let server = try await Server()
        let repository = server.repository
        try await repository.git(["checkout", "-q", "-b", "side"])
        let side = try await repository.commitAll("side")
        try await repository.git(["checkout", "-q", "topic"])
        try await repository.git(["merge", "-q", "-m", "8", "side"])
        let git = try await server.clone("topic")
        #expect(try await finder(git).commit("origin/main") == server["4"])
        try repository.folder.write("clone-topic-0/.git/shallow", side + "\n")
        let seen = try await repository.git(
            ["merge-base", "origin/main", "HEAD"], in: repository.folder("clone-topic-0"))
        #expect(String(decoding: seen, as: UTF8.self) == server["2"] + "\n")
        let found = await problem { try await finder(git).commit("origin/main") }
        #expect(found?.code == .unknownBase)
        #expect(try await finder(git, deepens: true).commit("origin/main") == server["4"])
    }

    // MARK: Events

    @Test func theServersMergeOfAPullRequest() async throws {
        let server = try await Server()
        let event = gitHub(.mergedInto(merge: server["M"], otherwise: [.branch("main"), .commit(server["2"])]))
        let whole = try await finder(try await server.clone("pull"))
        #expect(try await whole.base(of: event) == .commit(server["4"]))
        let git = try await server.clone("pull", depth: 1)
        let found = await problem { try await finder(git).base(of: event) }
        #expect(found?.hint == "run 'git fetch --depth=1 origin \(server["4"])', or let '--deepen' do it")
        #expect(try await finder(git, deepens: true).base(of: event) == .commit(server["4"]))
    }

    @Test func theHeadOfAPullRequest() async throws {
        let server = try await Server()
        let event = gitHub(.mergedInto(merge: server["M"], otherwise: [.branch("main"), .commit(server["4"])]))
        let whole = try await finder(try await server.clone("topic"))
        #expect(try await whole.base(of: event) == .commit(server["2"]))
        let git = try await server.clone("topic", depth: 1)
        let found = await problem { try await finder(git).base(of: event) }
        #expect(
            found?.hint?.hasPrefix("run 'git fetch --unshallow origin +refs/heads/main:refs/remotes/origin/main'")
                == true)
        #expect(try await finder(git, deepens: true).base(of: event) == .commit(server["2"]))
    }

    @Test func theTargetInPlaceOfThePullRequest() async throws {
        let server = try await Server()
        let event = gitHub(.mergeBase([.branch("main")]), hasOwnCommits: true)
        let found = await problem { try await finder(try await server.clone("main")).base(of: event) }
        #expect(found?.code == .unknownBase)
        #expect(found?.message.contains("adds nothing") == true)
    }

    @Test func aForcePushToAnotherHistory() async throws {
        let server = try await Server()
        try await server.repository.git(["checkout", "-q", "topic"])
        try await server.repository.git(["reset", "-q", "--hard", server["5"]])
        let git = try await server.clone("topic", "--single-branch")
        let event = CIEvent("GitLab CI/CD", "push to 'topic'", .commit(server["7"]))
        let found = await problem { try await finder(git).base(of: event) }
        #expect(found?.code == .unknownBase)
        #expect(found?.hint == "run 'git fetch origin \(server["7"])', or let '--deepen' do it")
        #expect(try await finder(git, deepens: true).base(of: event) == .commit(server["7"]))
        #expect(try await !git.isShallow())
    }

    @Test func tagsOfAFamily() async throws {
        let server = try await Server()
        let git = try await server.clone("main")
        func before(_ tag: String) async throws -> BaseFinder.Found {
            try await finder(git).base(of: CIEvent("GitLab CI/CD", "tag '\(tag)'", .tagBefore(tag)))
        }
        #expect(try await before("v1.1") == .commit(server["2"]))
        #expect(try await before("api/v2") == .commit(server["3"]))
        #expect(try await before("nightly") == .commit(server["3"]))
        guard case .nothing(let reason) = try await before("web/v1") else {
            Issue.record("a family with one tag has none before it")
            return
        }
        #expect(reason.contains("no tag of its family"))
        let shallow = try await server.clone("main", depth: 1)
        let event = CIEvent("GitLab CI/CD", "tag 'v1.1'", .tagBefore("v1.1"))
        let found = await problem { try await finder(shallow).base(of: event) }
        #expect(found?.hint == "run 'git fetch --unshallow --tags origin \(server["4"])', or let '--deepen' do it")
        #expect(try await finder(shallow, deepens: true).base(of: event) == .commit(server["2"]))
    }

    @Test func whatIsUnknownIsNeverNothing() async throws {
        let server = try await Server()
        let finder = try await finder(try await server.clone("main"))
        let found = await problem { try await finder.base(of: gitHub(.unknown(reason: "it is a nightly run"))) }
        #expect(found?.message == "the base is not known (GitHub Actions, pull request): it is a nightly run")
    }
}
