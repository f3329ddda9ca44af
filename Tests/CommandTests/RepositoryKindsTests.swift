import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

/// The same commit has the same hashes, and the same answers, in every kind of repository and working tree.
@Suite struct RepositoryKindsTests {
    private let program = Program()

    private static let buildfile = """
        service a
            dir a
            build: ** -> out/a
                cat text > out/a
        service b
            dir b
            build: ** -> out/b
                cat text > out/b

        """

    private func repository(_ options: String...) async throws -> TestRepository {
        let repository = options.isEmpty ? try await TestRepository() : try await TestRepository(options[0])
        try repository.write("Buildfile", Self.buildfile)
        try repository.write(".gitignore", "out/\n")
        try repository.write("a/text", "one\ntwo\n")
        try repository.write("b/text", "one\n")
        try await repository.commitAll("1")
        return repository
    }

    private func affected(
        _ folder: BytePath, _ arguments: String..., environment: [String: String] = [:], status: Int32 = 0
    ) async throws -> [String] {
        let outcome = try await program.run(
            ["affected", "--base"] + arguments, in: folder, environment: environment)
        #expect(outcome.status == status, "\(outcome.errors)")
        return outcome.lines
    }

    // MARK: Kinds of repositories

    @Test func linkedWorkingTrees() async throws {
        let repository = try await repository()
        let linked = repository.folder("linked")
        try await repository.git(["worktree", "add", "-q", "-b", "topic", linked.shown])
        #expect(try await program.hashes(in: linked) == program.hashes(in: repository.path))
        try repository.folder.write("linked/a/text", "changed\n")
        #expect(try await affected(linked, "HEAD") == ["a"])
        #expect(try await affected(repository.path, "HEAD") == [])
    }

    @Test func bareRepositories() async throws {
        let repository = try await repository()
        try repository.write("b/text", "2\n")
        try await repository.commitAll("2")
        let bare = repository.folder("bare.git")
        try await repository.git(["clone", "-q", "--bare", ".", bare.shown])
        #expect(try await affected(bare, "HEAD~1", "--head", "HEAD") == ["b"])
        let outside = try await program.run(
            "-C", bare.shown, "affected", "--base", "HEAD~1", "--head", "main", in: repository.folder.path)
        #expect(outside.lines == ["b"])
        let failed = try await program.run("affected", "--base", "HEAD~1", in: bare)
        #expect(failed.status == 36)
        #expect(failed.errors.contains("it has no working tree"))
        #expect(failed.errors.contains("'--head'"))
        // A folder of sources that poses as one is none.
        try repository.write("posing/HEAD", "ref: refs/heads/main\n")
        try repository.write("posing/objects/x", "")
        try repository.write("posing/refs/x", "")
        try repository.write("posing/config", "[core]\n\tfsmonitor = touch \(repository.folder("ran").shown)\n")
        #expect(try await affected(repository.path.appending("posing"), "HEAD", status: 36) == [])
        #expect(throws: (any Error).self) { try readFile(repository.folder("ran").shown) }
    }

    @Test func sparseCheckouts() async throws {
        let repository = try await repository()
        let whole = try await program.hashes(in: repository.path)
        let clone = repository.folder("clone")
        try await repository.git(["clone", "-q", "file://" + repository.path.shown, clone.shown])
        try await repository.git(["sparse-checkout", "set", "a"], in: clone)
        #expect(throws: (any Error).self) { try readFile(clone.appending("b/text").shown) }
        #expect(try await program.hashes(in: clone) == whole)
        #expect(try await affected(clone, "HEAD") == [])
        try repository.folder.write("clone/a/text", "changed\n")
        #expect(try await affected(clone, "HEAD") == ["a"])
        let ran = try await program.run("run", "b", in: clone)
        #expect(ran.status == 0, "\(ran.errors)")
        #expect(try readFile(clone.appending("b/out/b").shown) == Array("one\n".utf8))
    }

    @Test func partialClonesFetchNothingThatIsNotNeeded() async throws {
        let repository = try await repository()
        try await repository.git(["config", "uploadpack.allowFilter", "true"])
        try await repository.git(["config", "uploadpack.allowAnySHA1InWant", "true"])
        try repository.write("a/text", "2\n")
        try await repository.commitAll("2")
        let clone = repository.folder("clone")
        try await repository.git(
            ["clone", "-q", "--no-checkout", "--filter=blob:none", "file://" + repository.path.shown, clone.shown])
        func missing() async throws -> Int {
            let listed = try await repository.git(["rev-list", "--objects", "--all", "--missing=print"], in: clone)
            return listed.split(separator: UInt8(ascii: "\n")).count { $0.first == UInt8(ascii: "?") }
        }
        let before = try await missing()
        try repository.folder.write("clone/Buildfile", Self.buildfile)
        #expect(try await affected(clone, "HEAD~1", "--head", "HEAD") == ["a"])
        // The Buildfile, which both commits share.
        #expect(try await missing() == before - 1)
    }

    @Test func alternatesAndSHA256() async throws {
        let repository = try await repository()
        let clone = repository.folder("clone")
        try await repository.git(["clone", "-q", "--shared", ".", clone.shown])
        try repository.folder.write("clone/b/text", "changed\n")
        #expect(try await affected(clone, "HEAD") == ["b"])
        let other = try await self.repository("--object-format=sha256")
        #expect(try await program.hashes(in: other.path) == program.hashes(in: repository.path))
        try other.write("a/text", "changed\n")
        try await other.commitAll("2")
        #expect(try await affected(other.path, "HEAD~1") == ["a"])
        #expect(try await affected(other.path, "HEAD~1", "--head", "HEAD") == ["a"])
    }

    @Test func namesWithAnyByte() async throws {
        let repository = try await repository()
        let names = [
            "new\nline", "tab\t", "quote\"'", "caf\u{E9}", "cafe\u{301}", "back\\slash", " space ", "-option", "#!",
        ]
        for name in names { try repository.write("a/\(name)", "1") }
        try createFile(repository.path.appending(BytePath(bytes: Array("a/".utf8) + [0xFF, 0xFE])), bytes: [1])
        try await repository.commitAll("2")
        #expect(try await affected(repository.path, "HEAD") == [])
        #expect(try await affected(repository.path, "HEAD~1", "--head", "HEAD") == ["a"])
        for name in names {
            try repository.write("a/\(name)", "2")
            #expect(try await affected(repository.path, "HEAD") == ["a"])
            try repository.write("a/\(name)", "1")
        }
        #expect(try await affected(repository.path, "HEAD") == [])
    }

    @Test func hooksPointNowhereElse() async throws {
        let repository = try await repository()
        let other = try await self.repository()
        try repository.write("a/text", "changed\n")
        let environment = [
            "GIT_DIR": other.path.appending(".git").shown, "GIT_WORK_TREE": other.path.shown,
            "GIT_INDEX_FILE": other.path.appending(".git/index").shown, "GIT_PREFIX": "x/",
        ]
        #expect(try await affected(repository.path, "HEAD", environment: environment) == ["a"])
        let hook = repository.path.appending(".git/hooks/pre-commit")
        try createFile(
            hook,
            bytes: Array(
                "#!/bin/sh\n'\(program.path)' affected --base HEAD > '\(repository.folder("told").shown)'\n".utf8),
            mode: 0o755)
        try await repository.commitAll("2")
        #expect(try readFile(repository.folder("told").shown) == Array("a\n".utf8))
    }

    // MARK: What lies in a working tree

    @Test func stagedOrNotTheDiskCounts() async throws {
        let repository = try await repository()
        try repository.write("a/text", "staged\n")
        try await repository.git(["add", "a"])
        try repository.write("a/text", "one\ntwo\n")
        #expect(try await affected(repository.path, "HEAD") == [])
        try repository.write("b/new", "1")
        #expect(try await affected(repository.path, "HEAD") == ["b"])
        try await repository.git(["add", "--intent-to-add", "b/new"])
        #expect(try await affected(repository.path, "HEAD") == ["b"])
        try await repository.git(["rm", "-q", "--cached", "b/new"])
        unlink(repository.path.appending("b/new").shown)
        try await repository.git(["update-index", "--assume-unchanged", "a/text"])
        try repository.write("a/text", "hidden from git\n")
        #expect(try await affected(repository.path, "HEAD") == ["a"])
    }

    @Test func modesThatTheDiskCannotKeep() async throws {
        let repository = try await repository()
        try await repository.git(["config", "core.fileMode", "false"])
        try await repository.git(["update-index", "--chmod=+x", "a/text"])
        try await repository.git(["commit", "-q", "-m", "mode"])
        #expect(try await affected(repository.path, "HEAD") == [])
        #expect(try await affected(repository.path, "HEAD~1") == ["a"])
    }

    @Test func submodules() async throws {
        let inner = try await repository()
        let repository = try await repository()
        try await repository.git(
            ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner.path.shown, "a/inner"])
        try await repository.commitAll("2")
        #expect(try await affected(repository.path, "HEAD") == [])
        #expect(try await affected(repository.path, "HEAD~1") == ["a"])
        try repository.write("a/inner/a/text", "dirty\n")
        #expect(try await affected(repository.path, "HEAD") == ["a"])
        let first = try await program.hashes(in: repository.path)["a:build"]
        try repository.write("a/inner/a/text", "dirtier\n")
        #expect(try await program.hashes(in: repository.path)["a:build"] != first)
        try await repository.git(["checkout", "-q", "a/text"], in: repository.path.appending("a/inner"))
        #expect(try await affected(repository.path, "HEAD") == [])
        try repository.write("a/inner/untracked", "1")
        #expect(try await affected(repository.path, "HEAD") == ["a"])
        unlink(repository.path.appending("a/inner/untracked").shown)
        try await repository.git(
            ["commit", "-q", "--allow-empty", "-m", "x"], in: repository.path.appending("a/inner"))
        #expect(try await affected(repository.path, "HEAD") == ["a"])
        // One that is not checked out answers as its commit.
        let clone = repository.folder("clone")
        try await repository.git(["clone", "-q", ".", clone.shown])
        #expect(try await affected(clone, "HEAD") == [])
    }

    // MARK: What a checkout makes of a commit

    @Test(arguments: [
        ("core.autocrlf=true", ""), ("core.autocrlf=input", ""), ("core.eol=crlf", "* text=auto\n"),
        ("core.eol=lf", "*.txt text eol=crlf\na/text text eol=crlf\n"), ("core.eol=lf", "* text=auto eol=crlf\n"),
        ("core.eol=lf", "a/text ident\n"), ("core.eol=lf", "a/text working-tree-encoding=UTF-16LE\n"),
    ])
    func conversions(_ setting: String, _ attributes: String) async throws {
        let repository = try await repository()
        try repository.write("a/text", "one\n$Id$\ntwo\n")
        try repository.folder.write("repository/b/binary", bytes: [0, 13, 10, 13, 10], mode: 0o644)
        try await repository.commitAll("2")
        // Committed as the repository has it, whatever a checkout makes of it.
        try repository.write(".gitattributes", attributes)
        try await repository.git(["add", ".gitattributes"])
        try await repository.git(["commit", "-q", "-m", "3"])
        let plain = repository.folder("plain")
        try await repository.git(["clone", "-q", ".", plain.shown])
        let clone = repository.folder("clone")
        try await repository.git(["clone", "-q", "-c", setting, ".", clone.shown])
        #expect(try await program.hashes(in: clone) == program.hashes(in: plain))
        #expect(try await affected(clone, "HEAD") == [])
        #expect(try await affected(clone, "HEAD~2") == affected(plain, "HEAD~2"))
        let text = try readFile(clone.appending("a/text").shown)
        try repository.folder.write("clone/a/text", bytes: text + text, mode: 0o644)
        #expect(try await affected(clone, "HEAD") == ["a"])
    }

    @Test func aLineEndThatGitWouldTakeAwayIsNoChange() async throws {
        let repository = try await repository()
        try repository.write(".gitattributes", "* text=auto\n")
        try await repository.commitAll("2")
        try repository.write("a/text", "one\r\ntwo\r\n")
        #expect(try await affected(repository.path, "HEAD") == [])
        try repository.write("a/text", "one\r\nTWO\r\n")
        let before = try await program.hashes(in: repository.path)["a:build"]
        #expect(try await affected(repository.path, "HEAD") == ["a"])
        try await repository.commitAll("3")
        #expect(try await program.hashes(in: repository.path)["a:build"] == before)
        #expect(try await affected(repository.path, "HEAD") == [])
        // An action is given what lies on disk.
        let ran = try await program.run("run", "a", in: repository.path)
        #expect(ran.status == 0, "\(ran.errors)")
        #expect(try readFile(repository.path.appending("a/out/a").shown) == Array("one\r\nTWO\r\n".utf8))
        #expect(try await program.run("run", "a", in: repository.path).errors.contains("nothing to do"))
    }

    @Test func largeFiles() async throws {
        let repository = try await repository()
        let content = Array("large\n".utf8)
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:\(SHA256Value.of(content).hex)\nsize 6\n"
        try repository.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
        try repository.write("a/large.bin", pointer)
        try await repository.commitAll("2")
        #expect(try await affected(repository.path, "HEAD") == [])
        let before = try await program.hashes(in: repository.path)
        let refused = try await program.run("run", "a", in: repository.path)
        #expect(refused.status == 2)
        #expect(refused.errors.contains("error[LMS405]"))
        #expect(refused.errors.contains("'git lfs pull'"))
        // As 'git lfs pull' leaves it.
        try repository.write("a/large.bin", "large\n")
        #expect(try await program.hashes(in: repository.path) == before)
        #expect(try await affected(repository.path, "HEAD") == [])
        #expect(try await program.run("run", "a", in: repository.path).status == 0)
        try repository.write("a/large.bin", "other\n")
        #expect(try await affected(repository.path, "HEAD") == ["a"])
    }

    @Test func otherFilterDrivers() async throws {
        let repository = try await repository()
        let mark = repository.folder("ran").shown
        try repository.write(".gitattributes", "a/secret filter=upper\n")
        try repository.write("a/secret", "STORED\n")
        try await repository.commitAll("2")
        try await repository.git(["config", "filter.upper.clean", "touch \(mark); tr a-z A-Z"])
        try await repository.git(["config", "filter.upper.smudge", "tr A-Z a-z"])
        unlink(repository.path.appending("a/secret").shown)
        try await repository.git(["checkout", "-q", "a/secret"])
        // Older than the index: a file as old as it may have changed since, so it counts as changed.
        let old = [timespec(tv_sec: 1_000_000_000, tv_nsec: 0), timespec(tv_sec: 1_000_000_000, tv_nsec: 0)]
        utimensat(AT_FDCWD, repository.path.appending("a/secret").shown, old, 0)
        try await repository.git(["update-index", "-q", "--refresh"])
        unlink(mark)
        #expect(try readFile(repository.path.appending("a/secret").shown) == Array("stored\n".utf8))
        #expect(try await affected(repository.path, "HEAD") == [])
        try repository.write("a/secret", "changed\n")
        #expect(try await affected(repository.path, "HEAD") == ["a"])
        #expect(throws: (any Error).self) { try readFile(mark) }
    }

    @Test func nothingThatAConfigurationNamesIsRun() async throws {
        let repository = try await repository()
        try repository.write("a/inner.txt", "1")
        try repository.write(".gitattributes", "* diff=evil filter=evil merge=evil\n")
        try await repository.commitAll("2")
        let mark = repository.folder("ran").shown
        for key in [
            "core.fsmonitor", "core.pager", "core.sshCommand", "core.askPass", "core.gitProxy", "core.editor",
            "diff.external", "diff.evil.command", "diff.evil.textconv", "filter.evil.clean", "filter.evil.smudge",
            "filter.evil.process", "merge.evil.driver", "credential.helper", "alias.ls-tree", "alias.rev-parse",
            "uploadpack.packObjectsHook", "gpg.program", "core.hooksPath",
        ] {
            try await repository.git([
                "config", key, key == "core.hooksPath" ? repository.folder("hooks").shown : "touch \(mark)",
            ])
        }
        for hook in ["post-index-change", "reference-transaction", "post-checkout"] {
            try repository.folder.write("hooks/" + hook, "#!/bin/sh\ntouch \(mark)\n", mode: 0o755)
        }
        try repository.write("a/text", "changed\n")
        #expect(try await affected(repository.path, "HEAD") == ["a"])
        #expect(try await affected(repository.path, "HEAD~1", "--head", "HEAD") == ["a"])
        _ = try await program.run("replay", "--last", "2", in: repository.path)
        _ = try await program.run("run", "b", in: repository.path)
        #expect(throws: (any Error).self) { try readFile(mark) }
    }

    @Test(arguments: ["--output=escaped", "-h", "--all", "HEAD;touch escaped", "$(touch escaped)"])
    func aRevisionIsNoOption(_ name: String) async throws {
        let repository = try await repository()
        let outcome = try await program.run("affected", "--base=\(name)", in: repository.path)
        #expect(outcome.status == 2)
        #expect(throws: (any Error).self) { try readFile(repository.path.appending("escaped").shown) }
    }
}
