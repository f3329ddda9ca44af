import BuildEngine
import BuildGraph
import BuildTestSupport
import Buildfile
import Glibc
import Testing

@Suite struct GitTreeTests {
    private let runner = ProcessRunner()

    private func open(_ repository: TestRepository, in folder: BytePath? = nil) async throws -> GitRepository {
        let found = try await GitRepository.discover(
            from: folder ?? repository.path, runner: runner, environment: repository.environment)
        return try #require(found)
    }

    /// Everything that a working tree and a commit must agree on.
    private func fillOddly(_ repository: TestRepository) throws {
        try repository.write("plain", "plain\n")
        try repository.write("run.sh", "#!/bin/sh\n", executable: true)
        try repository.write("ws/a/x", "1")
        try repository.write("ws/a-b", "2")
        try repository.write("ws/a.c", "")
        try repository.write("ws/new\nline\t\u{1B}", "3")
        try repository.write("ws/caf\u{E9}", "nfc")
        try repository.write("ws/cafe\u{301}", "nfd")
        try repository.write("ws/:(glob)*", "magic")
        try repository.write("ws/big", String(repeating: "0123456789", count: 100_000))
        try repository.write("ws/.gitignore", "out/\n*.o\n")
        try repository.write("ws/out/tracked", "ignored but tracked")
        try repository.write("ws/out/deep/tracked.o", "as well")
        try repository.write("ws/out/untracked", "ignored")
        try repository.write("ws/.lmsbuild/state", "ours")
        let odd = repository.path.appending("ws").appending(BytePath(bytes: [0xFF, 0x20]))
        #expect(odd.withCString { symlink("../plain", $0) } == 0)
        #expect(repository.path.appending("ws/dangling").withCString { symlink("/nowhere", $0) } == 0)
    }

    private func expectSame(_ git: GitRepository, at commit: String, below prefix: String = "") async throws {
        let disk = try WorkingTree.scan(try await git.workingTreeOptions(root: git.top.appending(prefix)))
        let tree = try await git.tree(at: commit, prefix: BytePath(prefix))
        #expect(disk.entries == tree.entries)
        for entry in tree.entries {
            #expect(try disk.digest(of: entry.path) == tree.digest(of: entry.path), "\(entry.path.shown)")
            #expect(try disk.contents(of: entry.path) == tree.contents(of: entry.path), "\(entry.path.shown)")
        }
    }

    @Test(arguments: ["sha1", "sha256"])
    func aCheckoutAndItsCommitAreTheSame(format: String) async throws {
        let repository = try await TestRepository("--object-format=" + format)
        try fillOddly(repository)
        try await repository.git(["add", "--all"])
        try await repository.git(["add", "--force", "ws/out/tracked", "ws/out/deep/tracked.o", "ws/.lmsbuild/state"])
        let commit = try await repository.commitAll()
        let whole = try await open(repository)
        try await expectSame(whole, at: commit)
        try await expectSame(whole, at: commit, below: "ws")
        let names = try await whole.tree(at: commit, prefix: BytePath("ws")).entries.map(\.path.shown)
        #expect(names.contains("out/deep/tracked.o"))
        #expect(!names.contains("out/untracked"))
        #expect(!names.contains { $0.hasPrefix(".lmsbuild") })
        #expect(names.count == 13)
        // A linked working tree of the same repository.
        let linked = repository.folder("linked")
        try await repository.git(["worktree", "add", "-q", linked.shown, "HEAD"])
        let other = try await open(repository, in: linked)
        #expect(other.commonFolder == whole.commonFolder)
        #expect(other.top == linked)
        try await expectSame(other, at: commit)
    }

    @Test func submodulesAreTheirCommits() async throws {
        let inner = try await TestRepository()
        try inner.write("f", "x")
        let first = try await inner.commitAll()
        let repository = try await TestRepository()
        try await repository.git([
            "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner.path.shown, "mod",
        ])
        let commit = try await repository.commitAll()
        let git = try await open(repository)
        try await expectSame(git, at: commit)
        let module = BytePath("mod")
        #expect(try await git.tree(at: commit).contents(of: module) == Array(first.utf8))
        // Another commit checked out in it is a change.
        let path = repository.path.appending(module)
        try await repository.git(["commit", "-q", "--allow-empty", "-m", "2"], in: path)
        let second = try await repository.git(["rev-parse", "HEAD"], in: path)
        let disk = try WorkingTree.scan(try await git.workingTreeOptions(root: repository.path))
        #expect(try disk.contents(of: module) + [10] == second)
        try await repository.git(["pack-refs", "--all"], in: path)
        #expect(
            try WorkingTree.scan(try await git.workingTreeOptions(root: repository.path)).contents(of: module) + [10]
                == second)
        // A clone without it checked out is as the commit.
        let clone = repository.folder("clone")
        try await repository.git(["clone", "-q", repository.path.shown, clone.shown])
        try await expectSame(try await open(repository, in: clone), at: commit)
    }

    @Test func untrackedRepositoriesAreLeftOutWithANotice() async throws {
        let repository = try await TestRepository()
        try repository.write("a", "x")
        let commit = try await repository.commitAll()
        try await repository.git(["init", "-q", "nested"])
        try repository.write("nested/f", "x")
        try repository.write("half/.git/junk", "not a repository")
        try repository.write("half/f", "x")
        let disk = try WorkingTree.scan(try await open(repository).workingTreeOptions(root: repository.path))
        #expect(disk.entries.map(\.path.shown) == ["a", "half/f"])
        #expect(disk.notices.map(\.code) == [.nestedRepository])
        let status = try await repository.git(["status", "--porcelain", "-uall"])
        #expect(String(decoding: status, as: UTF8.self) == "?? half/f\n?? nested/\n")
        _ = commit
    }

    @Test func objectIDsCompareCommitsWithoutReading() async throws {
        let repository = try await TestRepository()
        try repository.write("same", "x")
        try repository.write("other", "1")
        let first = try await repository.commitAll()
        try repository.write("other", "2")
        let second = try await repository.commitAll()
        let git = try await open(repository)
        // A program that would be asked for contents is not there.
        let objects = git.objects()
        let one = try await git.tree(at: first, naming: .objectID, objects: objects)
        let two = try await git.tree(at: second, naming: .objectID, objects: objects)
        let same = BytePath("same")
        let other = BytePath("other")
        #expect(try one.digest(of: same) == two.digest(of: same))
        #expect(try one.digest(of: other) != two.digest(of: other))
        #expect(try one.digest(of: other).size == 0)
        #expect(try one.contents(of: other) == Array("1".utf8))
        #expect(throws: FileSystemError("open", BytePath("none"), errno: ENOENT)) {
            try one.digest(of: BytePath("none"))
        }
    }

    @Test func bareRepositoriesAndMissingFoldersHaveTrees() async throws {
        let repository = try await TestRepository()
        try repository.write("ws/a", "x")
        let commit = try await repository.commitAll()
        let bare = repository.folder("bare.git")
        try await repository.git(["clone", "-q", "--bare", repository.path.shown, bare.shown])
        let git = GitRepository.bare(at: bare, runner: runner, environment: repository.environment)
        let objects = git.objects()
        let id = try await git.resolve("main")
        #expect(id == commit)
        #expect(try await git.tree(at: id, objects: objects).entries.map(\.path.shown) == ["ws/a"])
        #expect(try await git.tree(at: id, prefix: BytePath("ws"), objects: objects).entries.map(\.path.shown) == ["a"])
        #expect(try await git.tree(at: id, prefix: BytePath("gone"), objects: objects).entries.isEmpty)
        #expect(try await git.tree(at: id, prefix: BytePath("ws/a"), objects: objects).entries.isEmpty)
        let missing = String(repeating: "1", count: 40)
        await #expect(throws: Diagnostic.self) { try await git.tree(at: missing, objects: objects) }
        await #expect(throws: Diagnostic.self) { try await git.workingTreeOptions(root: repository.path) }
    }

    @Test func aFolderThatCannotBeReadIsNotTakenForNone() async throws {
        let repository = try await TestRepository()
        try repository.write("ws/a", "x")
        let commit = try await repository.commitAll()
        let printed = try await repository.git(["rev-parse", "HEAD:ws"])
        let tree = String(decoding: printed, as: UTF8.self).filter(\.isHexDigit)
        let object = repository.path.appending(".git/objects/\(tree.prefix(2))/\(tree.dropFirst(2))")
        #expect(object.withCString { unlink($0) } == 0)
        let git = GitRepository.bare(
            at: repository.path.appending(".git"), runner: runner, environment: repository.environment)
        await #expect(throws: Diagnostic.self) { try await git.tree(at: commit, prefix: BytePath("ws")) }
    }

    @Test func aPartialCloneReadsOnlyWhatIsAskedFor() async throws {
        let repository = try await TestRepository()
        try repository.write("a", "1")
        try repository.write("b", "2")
        let commit = try await repository.commitAll()
        try await repository.git(["config", "uploadpack.allowFilter", "true"])
        try await repository.git(["config", "uploadpack.allowAnySHA1InWant", "true"])
        let clone = repository.folder("clone")
        try await repository.git([
            "clone", "-q", "--filter=blob:none", "--no-checkout", "file://" + repository.path.shown, clone.shown,
        ])
        let git = try await open(repository, in: clone)
        let objects = git.objects()
        let tree = try await git.tree(at: commit, objects: objects)
        #expect(try await missing(repository, clone) == 2)
        #expect(try tree.contents(of: BytePath("a")) == Array("1".utf8))
        #expect(try await missing(repository, clone) == 1)
    }

    private func missing(_ repository: TestRepository, _ clone: BytePath) async throws -> Int {
        let list = try await repository.git(["rev-list", "--all", "--objects", "--missing=print"], in: clone)
        return list.split(separator: 10).count { $0.first == UInt8(ascii: "?") }
    }

    @Test func anObjectThatIsGoneIsAnErrorAndTheNextIsRead() async throws {
        let repository = try await TestRepository()
        try repository.write("a", "1")
        try repository.write("b", "2")
        let commit = try await repository.commitAll()
        let id = try await repository.line("rev-parse", "HEAD:a")
        let git = try await open(repository)
        let tree = try await git.tree(at: commit)
        let object = repository.path.appending(".git/objects/\(id.prefix(2))/\(id.dropFirst(2))")
        #expect(object.withCString { unlink($0) } == 0)
        #expect(throws: FileSystemError.self) { try tree.digest(of: BytePath("a")) }
        #expect(try tree.digest(of: BytePath("b")) == Digest.of(Array("2".utf8)))
    }

    @Test func digestsAreRememberedAndDamageIsNot() async throws {
        let repository = try await TestRepository()
        for index in 0..<5 { try repository.write("f\(index)", "text \(index)") }
        let commit = try await repository.commitAll()
        let git = try await open(repository)
        let memo = repository.folder("objects")
        func digests(_ trusting: Bool = true) async throws -> [Digest] {
            let objects = git.objects(memo: memo, trustingMemo: trusting)
            let tree = try await git.tree(at: commit, objects: objects)
            defer { objects.save() }
            return try tree.entries.map { entry throws(FileSystemError) in try tree.digest(of: entry.path) }
        }
        let truth = try await digests()
        let whole = try readFile(memo.shown)
        #expect(try await digests() == truth)
        #expect(try readFile(memo.shown) == whole)
        var random = SeededGenerator(seed: 9)
        for round in 0..<60 {
            var bytes = whole
            if round % 2 == 0 {
                bytes = Array(whole.prefix(Int.random(in: 0..<whole.count, using: &random)))
            } else {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= 0x10
            }
            try repository.folder.write("objects", bytes: bytes)
            #expect(try await digests() == truth)
            #expect(try await digests() == truth)
        }
        #expect(try await digests(false) == truth)
    }
}
