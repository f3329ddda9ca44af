import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

/// The first `affected` in a clone, which reads nothing that is the same on both sides, says what reading everything says.
@Suite struct FirstLookTests {
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
            unit: :build tests/**
                true

        """

    /// Two commits; the second changes `a`, and what `changes` says.
    private func repository(
        _ options: String = "--quiet", _ changes: (TestRepository) async throws -> Void = { _ in }
    ) async throws -> TestRepository {
        let repository = try await TestRepository(options)
        try repository.write("Buildfile", Self.buildfile)
        try repository.write(".gitignore", "out/\n*.log\n")
        try repository.write("a/text", "one\ntwo\n")
        try repository.write("a/empty", "")
        try repository.write("a/$Id$", "$Id$\n")
        try repository.write("b/text", "one\n")
        try repository.write("b/run", "#!/bin/sh\n", executable: true)
        symlink("text", repository.path.appending("b/link").shown)
        try repository.write("b/tests/t", "t\n")
        try await repository.commitAll("1")
        try repository.write("a/text", "one\nTWO\n")
        try await changes(repository)
        try await repository.commitAll("2")
        return repository
    }

    private func clone(_ repository: TestRepository, _ options: [String] = [], name: String = "clone") async throws
        -> BytePath
    {
        let clone = repository.folder(name)
        try await repository.git(["clone", "-q"] + options + ["file://" + repository.path.shown, clone.shown])
        return clone
    }

    /// As though the clone had been made long ago: no file is as new as the index.
    private func settle(_ repository: TestRepository, _ clone: BytePath) throws {
        try repository.folder.settle(by: "clock")
        // git looks at seconds alone.
        let later = timespec(tv_sec: time(nil) + 10, tv_nsec: 0)
        utimensat(AT_FDCWD, clone.appending(".git/index").shown, [later, later], 0)
    }

    /// Every way of asking, each as the first look, in CI and not, and then again, against looking at everything.
    private func check(
        _ folder: BytePath, _ bases: [String] = ["HEAD", "HEAD~1"], _ what: String, alsoCommits: Bool = true
    ) async throws {
        for base in bases {
            func ask(_ environment: [String: String]) async throws -> Program.Outcome {
                try await program.run(
                    ["affected", "--base", base, "--format", "json"], in: folder, environment: environment)
            }
            func forget() {
                let kept = folder.appending(".lmsbuild")
                guard access(kept.shown, F_OK) == 0 else { return }
                for name in [
                    "anchor", "forms", "git", "graph", "index", "objects", "outputs", "sound", "workspace",
                    ".gitignore",
                ] {
                    unlink(kept.appending(name).shown)
                }
                #expect(rmdir(kept.shown) == 0)
            }
            forget()
            let truth = try await ask(["LMSBUILD_SLOW": "all"])
            #expect(truth.status == 0, "\(what): \(truth.errors)")
            forget()
            var answers = [try await ask(["CI": "true"])]
            forget()
            for _ in 0..<3 { answers.append(try await ask([:])) }
            for (number, answer) in answers.enumerated() {
                #expect(answer.output == truth.output, "\(what), \(base), look \(number): \(answer.errors)")
                #expect(answer.status == truth.status, "\(what), \(base), look \(number): \(answer.errors)")
            }
            guard alsoCommits else { continue }
            forget()
            let commits = ["affected", "--base", base, "--head", "HEAD", "--format", "json"]
            let slow = try await program.run(commits, in: folder, environment: ["LMSBUILD_SLOW": "all"])
            let fast = try await program.run(commits, in: folder, environment: ["CI": "true"])
            #expect(fast.output == slow.output, "\(what), \(base) to HEAD: \(fast.errors)")
        }
    }

    private func check(_ repository: TestRepository, _ clone: BytePath, _ what: String) async throws {
        try await check(clone, what)
        try settle(repository, clone)
        try await check(clone, what + ", settled")
        for (edit, change) in Self.edits {
            try change(clone)
            try await check(clone, ["HEAD~1"], "\(what), settled, then \(edit)", alsoCommits: false)
        }
    }

    private func check(_ folder: BytePath, _ what: String) async throws {
        try await check(folder, ["HEAD", "HEAD~1"], what)
    }

    private static let edits: [(String, @Sendable (BytePath) throws -> Void)] = [
        // Of the same size, and of the time that it had.
        (
            "b/text edited",
            { clone in
                let file = clone.appending("b/text")
                var status = stat()
                guard lstat(file.shown, &status) == 0 else { return }
                let size = Int(status.st_size)
                unlink(file.shown)
                try createFile(file, bytes: [UInt8](repeating: 0x78, count: size))
                utimensat(AT_FDCWD, file.shown, [status.st_atim, status.st_mtim], 0)
            }
        ),
        (
            "untracked files",
            { clone in
                try createFile(clone.appending("b/new"), bytes: [1])
                try createFile(clone.appending("b/ignored.log"), bytes: [1])
                try createFile(clone.appending("b/out/ignored"), bytes: [1])
            }
        ),
        (
            "a file gone, one a folder, one a link",
            { clone in
                unlink(clone.appending("b/text").shown)
                unlink(clone.appending("b/run").shown)
                try createFile(clone.appending("b/run/inner"), bytes: [1])
                unlink(clone.appending("b/link").shown)
                try createFile(clone.appending("b/link"), bytes: Array("text".utf8))
            }
        ),
        (
            "rules for what is tracked",
            { clone in
                try createFile(clone.appending(".gitignore"), bytes: Array("out/\ntests/\n".utf8))
            }
        ),
    ]

    // MARK: Kinds of repositories

    @Test(arguments: ["--object-format=sha1", "--object-format=sha256"])
    func plain(format: String) async throws {
        let repository = try await repository(format)
        try await check(repository, clone(repository), format)
    }

    @Test(arguments: [
        ("core.autocrlf=true", ""), ("core.autocrlf=input", ""), ("core.eol=crlf", "* text=auto\n"),
        ("core.eol=lf", "* text=auto eol=crlf\n"), ("core.eol=lf", "a/* ident\n"),
        ("core.eol=lf", "a/text working-tree-encoding=UTF-16LE\n"), ("core.fileMode=false", ""),
        ("core.symlinks=false", ""), ("core.trustctime=false", ""), ("core.checkStat=minimal", ""),
        ("core.ignoreCase=true", ""), ("index.version=4", ""), ("core.splitIndex=true", ""),
        ("core.untrackedCache=true", ""), ("core.eol=lf", "a/** filter=lfs -text\nb/** filter=upper\n"),
    ])
    func settings(_ setting: String, _ attributes: String) async throws {
        let repository = try await repository { repository in
            if attributes.isEmpty { return }
            try repository.write("b/crlf", "one\r\ntwo\r\n")
            try await repository.git(["-c", "core.autocrlf=false", "add", "--all"])
            try await repository.git(["commit", "-q", "-m", "1a"])
            try repository.write(".gitattributes", attributes)
        }
        try await check(repository, clone(repository, ["-c", setting]), "\(setting) \(attributes)")
    }

    /// What a checkout has converted by settings that are not there any more.
    @Test(arguments: [false, true])
    func settingsThatAreGone(areAttributes: Bool) async throws {
        let repository = try await repository { repository in
            if areAttributes { try repository.write(".gitattributes", "* text eol=crlf\n") }
        }
        if areAttributes {
            unlink(repository.path.appending(".gitattributes").shown)
            try await repository.commitAll("3")
        }
        let clone = try await clone(repository, areAttributes ? ["--no-checkout"] : ["-c", "core.autocrlf=true"])
        if areAttributes {
            try await repository.git(["checkout", "-q", "HEAD~1"], in: clone)
            try await repository.git(["checkout", "-q", "main"], in: clone)
        } else {
            try await repository.git(["config", "--unset", "core.autocrlf"], in: clone)
        }
        #expect(try readFile(clone.appending("b/text").shown) == Array("one\r\n".utf8))
        try settle(repository, clone)
        #expect(try await repository.git(["--no-optional-locks", "status", "--porcelain"], in: clone).isEmpty)
        try await check(repository, clone, "gone, \(areAttributes)")
    }

    @Test(arguments: [
        "assume-unchanged", "skip-worktree", "intent-to-add", "rm --cached", "conflict", "staged", "replaced",
    ])
    func indexes(kind: String) async throws {
        let repository = try await repository()
        let clone = try await clone(repository)
        func git(_ arguments: String..., statuses: Set<Int32> = [0]) async throws {
            try await repository.git(arguments, in: clone, statuses: statuses)
        }
        switch kind {
        case "assume-unchanged", "skip-worktree":
            try await git("update-index", "--\(kind)", "a/text", "b/text")
            try createFile(clone.appending("b/text"), bytes: Array("ONE\n".utf8))
        case "intent-to-add":
            try createFile(clone.appending("b/new"), bytes: [])
            try await git("add", "--intent-to-add", "b/new")
            try await git("rm", "-q", "--cached", "a/text")
            try await git("add", "--intent-to-add", "a/text")
        case "rm --cached": try await git("rm", "-q", "--cached", "a/text", "b/run")
        case "conflict":
            try await git("checkout", "-q", "-b", "other", "HEAD~1")
            try createFile(clone.appending("a/text"), bytes: Array("other\n".utf8))
            try await git("commit", "-q", "-a", "-m", "other")
            try await git("merge", "-q", "origin/main", statuses: [1])
        case "staged":
            try createFile(clone.appending("b/text"), bytes: Array("staged\n".utf8))
            try await git("add", "b")
            try createFile(clone.appending("b/text"), bytes: Array("one\n".utf8))
        default:
            let id = try await repository.line("rev-parse", "HEAD:b/text")
            let other = try await repository.line("rev-parse", "HEAD:b/run")
            try await git("replace", "-f", id, other)
            unlink(clone.appending("b/text").shown)
            try await git("checkout", "-q", "b/text")
        }
        try await check(repository, clone, kind)
    }

    @Test func placesInARepository() async throws {
        let repository = try await repository { repository in
            try repository.write("deep/er/Buildfile", Self.buildfile)
            try repository.write("deep/er/a/text", "1")
            try repository.write("deep/er/b/text", "1")
            try repository.write("deep/er/b/tests/tracked.log", "1")
            try await repository.git(["add", "--all", "--force"])
        }
        try repository.write("deep/er/a/text", "2")
        try await repository.commitAll("3")
        let clone = try await clone(repository)
        try settle(repository, clone)
        try await check(clone.appending("deep/er"), "below the top")
        try await check(repository, clone, "tracked and ignored")
        let linked = repository.folder("linked")
        try await repository.git(["worktree", "add", "-q", "--detach", linked.shown])
        try await check(linked, "linked")
    }

    /// The look that leaves ignored files out lacks a Buildfile, so the graph that is made meanwhile has a mistake that is none.
    @Test func ignoredBuildfileThatIsTracked() async throws {
        let repository = try await repository { repository in
            try repository.write("Buildfile", "include more/Buildfile\n" + Self.buildfile)
            try repository.write(".gitignore", "out/\n*.log\nmore/\n")
            try repository.write("more/Buildfile", "service c\n    build: text\n        true\n")
            try repository.write("more/text", "1")
            try await repository.git(["add", "--all", "--force"])
        }
        let clone = try await clone(repository)
        try settle(repository, clone)
        try await check(clone, "a Buildfile that is tracked and ignored")
    }

    @Test func sparseAndSubmodules() async throws {
        let inner = try await repository()
        let repository = try await repository { repository in
            try await repository.git(
                ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner.path.shown, "b/inner"])
        }
        let clone = try await clone(repository)
        try await check(clone, "a submodule that is not checked out")
        try await repository.git(
            ["-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init"], in: clone)
        try await check(clone, "a submodule")
        try createFile(clone.appending("b/inner/a/text"), bytes: Array("dirty\n".utf8))
        try await check(repository, clone, "a submodule with changes")
        let sparse = try await self.clone(repository, name: "sparse")
        try await repository.git(["sparse-checkout", "set", "a"], in: sparse)
        try await check(sparse, "sparse")
        try await repository.git(["sparse-checkout", "set", "--cone", "--sparse-index", "a"], in: sparse)
        try await check(sparse, "a sparse index")
    }

    // MARK: Any history

    @Test(arguments: 0..<4)
    func anyChange(_ number: Int) async throws {
        let seed = getenv("LMSBUILD_TEST_SEED").flatMap { UInt64(String(cString: $0)) } ?? 1
        let repository = try await TestRepository()
        var history = try RandomMonorepo(repository, seed: seed &* 100 &+ UInt64(number))
        try await repository.commitAll()
        for step in 0..<10 {
            let change = (try? history.change()) ?? "nothing"
            let other = (try? history.change()) ?? "nothing"
            try await repository.commitAll(change)
            if step % 2 == 0 { try settle(repository, repository.path) }
            let last = (try? history.change()) ?? "nothing"
            try await check(
                repository.path, [step < 3 ? "HEAD~1" : "HEAD~3"],
                "seed \(seed), \(number), step \(step): \(change), \(other), then \(last)")
        }
    }

    // MARK: What is read

    /// A git in PATH that notes what `cat-file --batch` is asked for; gives the PATH.
    private func counting(_ repository: TestRepository) throws -> String {
        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
        let real = try #require(
            path.split(separator: ":").map { String($0) + "/git" }.first { name in access(name, X_OK) == 0 })
        let log = repository.folder("asked").shown
        try repository.folder.write(
            "shim/git",
            """
            #!/bin/sh
            case "$*" in
            *"cat-file --batch") tee -a '\(log)' | '\(real)' "$@" ;;
            *) case "$*" in *ls-tree*|*ls-files*) echo "$*" >> '\(log).listed' ;; esac; exec '\(real)' "$@" ;;
            esac

            """, mode: 0o755)
        return repository.folder("shim").shown + ":" + path
    }

    private func asked(_ repository: TestRepository) -> [String] {
        let text = (try? readFile(repository.folder("asked").shown)) ?? []
        return String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
            .filter { !$0.hasSuffix("^{commit}") }
    }

    private func wasListed(_ repository: TestRepository) -> Bool {
        access(repository.folder("asked.listed").shown, F_OK) == 0
    }

    @Test func nothingThatIsTheSameIsAskedOfGit() async throws {
        let repository = try await repository { repository in
            for number in 0..<300 { try repository.write("b/many/f\(number)", "\(number)\n") }
        }
        try repository.write("a/text", "three\n")
        try await repository.commitAll("3")
        let clone = try await clone(repository)
        let path = try counting(repository)
        try settle(repository, clone)
        func affected(_ environment: [String: String]) async throws -> [String] {
            let outcome = try await program.run(
                ["affected", "--base", "HEAD~1"], in: clone, environment: environment.merging(["PATH": path]) { $1 })
            #expect(outcome.status == 0, "\(outcome.errors)")
            return outcome.lines
        }
        // Object ids tell all: not even what differs is read.
        #expect(try await affected(["CI": "true"]) == ["a"])
        #expect(try await affected(["CI": "true"]) == ["a"])
        #expect(asked(repository) == [])
        #expect(!wasListed(repository))
        // From now on the workspace's state is kept with digests of contents: the one that differs is read.
        #expect(try await affected([:]) == ["a"])
        #expect(asked(repository).count == 1)
        #expect(try await affected([:]) == ["a"])
        #expect(asked(repository).count <= 2)
        let commits = try await program.run(
            ["affected", "--base", "HEAD~1", "--head", "HEAD"], in: clone, environment: ["CI": "true", "PATH": path])
        #expect(commits.lines == ["a"])
        // The Buildfile.
        #expect(asked(repository).count <= 4)
    }

    @Test func onlyFilesAsNewAsTheIndexAreRead() async throws {
        let repository = try await repository { repository in
            for number in 0..<100 { try repository.write("b/many/f\(number)", "\(number)\n") }
        }
        let clone = try await clone(repository)
        let git = try #require(
            try await GitRepository.discover(
                from: clone, runner: ProcessRunner.ofTests, environment: repository.environment))
        let commit = try #require(try await git.known("HEAD~1"))
        func readCount() async throws -> Int {
            let staging = try #require(try await git.staging(commit, prefix: .root))
            let answers = try #require(try await git.quickAnswers(root: clone))
            let tree = try WorkingTree.scan(answers.options)
            let named = try #require(staging.named(tree, root: clone, objects: git.objects()))
            _ = try named.files.digests(of: tree.entries.map(\.path))
            return named.files.readCount
        }
        try settle(repository, clone)
        #expect(try await readCount() == 0)
        try createFile(clone.appending("a/text"), bytes: Array("one\nTWO\n".utf8))
        try createFile(clone.appending("b/new"), bytes: [1])
        #expect(try await readCount() == 2)
        // An index that is no newer than the files tells of none, but of empty ones.
        let times = [timespec(tv_sec: 1, tv_nsec: 0), timespec(tv_sec: 1, tv_nsec: 0)]
        utimensat(AT_FDCWD, clone.appending(".git/index").shown, times, 0)
        let files = try WorkingTree.scan(try #require(try await git.quickAnswers(root: clone)).options).entries
        #expect(try await readCount() == files.count - 1)
    }
}
