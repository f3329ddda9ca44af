import BuildGraph
import BuildTestSupport
import Buildfile
import Glibc
import Testing

@testable import BuildEngine

/// What git said is believed as long as git would say it again.
@Suite struct GitMemoTests {
    /// A change after which other files count, or other contents.
    struct Change: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// Before the first look.
        var before: @Sendable (inout RememberedRepository) async throws -> Void = { _ in }
        let make: @Sendable (RememberedRepository) async throws -> Void
        var hasEffect = true

        init(
            _ name: String, hasEffect: Bool = true,
            before: @escaping @Sendable (inout RememberedRepository) async throws -> Void = { _ in },
            _ make: @escaping @Sendable (RememberedRepository) async throws -> Void
        ) {
            testDescription = name
            self.hasEffect = hasEffect
            self.before = before
            self.make = make
        }
    }

    private static func git(_ seen: RememberedRepository, _ words: String...) async throws {
        try await seen.repository.git(words, in: seen.top)
    }

    private static func write(_ seen: RememberedRepository, _ name: String, _ text: String) throws {
        try createFile(seen.top.appending(name), bytes: Array(text.utf8))
    }

    private static func writeHome(_ seen: RememberedRepository, _ name: String, _ text: String) throws {
        try seen.repository.folder.write("home/" + name, text)
    }

    private static let excluding = "[core]\n\texcludesFile = ~/excludes\n"

    static let configurations: [Change] = [
        Change("excludes file by the repository") {
            try writeHome($0, "excludes", "new.txt\n")
            try await git($0, "config", "core.excludesFile", "~/excludes")
        },
        Change("excludes file by ~/.gitconfig") {
            try writeHome($0, "excludes", "new.txt\n")
            try writeHome($0, ".gitconfig", excluding)
        },
        Change("excludes file by ~/.config/git/config") {
            try writeHome($0, "excludes", "new.txt\n")
            try writeHome($0, ".config/git/config", excluding)
        },
        Change("the user's usual excludes") { try writeHome($0, ".config/git/ignore", "new.txt\n") },
        Change(
            "an excludes file that is written to",
            before: { seen in
                try writeHome(seen, "excludes", "")
                try writeHome(seen, ".gitconfig", excluding)
            }, { try writeHome($0, "excludes", "new.txt\n") }),
        Change(
            "an included file that comes",
            before: { seen in
                try writeHome(seen, "excludes", "new.txt\n")
                try await git(seen, "config", "include.path", "more/config")
            }, { try write($0, ".git/more/config", excluding) }),
        Change(
            "an included file that is edited",
            before: { seen in
                try writeHome(seen, "excludes", "new.txt\n")
                try writeHome(seen, ".gitconfig", "[include]\n\tpath = inner\n")
                try writeHome(seen, "inner", "[include]\n\tpath = ~/innermost\n")
                try writeHome(seen, "innermost", "[core]\n\texcludesFile = ~/nothing\n")
            }, { try writeHome($0, "innermost", excluding) }),
        Change(
            "another branch with its own configuration",
            before: { seen in
                try writeHome(seen, "excludes", "new.txt\n")
                try writeHome(seen, "other", excluding)
                try await git(seen, "config", "includeIf.onbranch:other.path", "~/other")
                try await git(seen, "branch", "other")
            }, { try await git($0, "symbolic-ref", "HEAD", "refs/heads/other") }),
        Change(
            "HEAD detached from a branch with its own configuration",
            before: { seen in
                try writeHome(seen, "excludes", "new.txt\n")
                try writeHome(seen, "other", excluding)
                try await git(seen, "config", "includeIf.onbranch:main.path", "~/other")
            }, { try await git($0, "checkout", "--quiet", "--detach") }),
        Change(
            "configuration of a folder of repositories",
            before: { try writeHome($0, "excludes", "new.txt\n") },
            {
                let text = "[includeIf \"gitdir:\($0.top.shown)/\"]\n\tpath = ~/other\n"
                try writeHome($0, "other", excluding)
                try writeHome($0, ".gitconfig", text)
            }),
        Change(
            "configuration of the working tree",
            before: { seen in
                try writeHome(seen, "excludes", "new.txt\n")
                try await git(seen, "config", "extensions.worktreeConfig", "true")
            }, { try await git($0, "config", "--worktree", "core.excludesFile", "~/excludes") }),
        Change("line ends by the configuration", before: { try write($0, "a.txt", "1\r\n") }) {
            try await git($0, "config", "core.autocrlf", "true")
        },
        Change(
            "modes that are not trusted",
            before: { seen in
                try write(seen, "a.txt", "changed\n")
                _ = seen.top.appending("a.txt").withCString { chmod($0, 0o755) }
            }
        ) { try await git($0, "config", "core.fileMode", "false") },
        // What it leaves out is there as the index has it.
        Change("a sparse checkout", hasEffect: false) {
            try await git($0, "sparse-checkout", "set", "--no-cone", "/a.txt", "/b/")
        },
    ]

    static let rules: [Change] = [
        Change("the repository's excludes") { try write($0, ".git/info/exclude", "new.txt\n") },
        Change("a tracked file that is ignored", before: { try write($0, "made.log", "1\n") }) {
            try await git($0, "add", "--force", "made.log")
        },
        Change(
            "a tracked file in an ignored folder",
            before: { seen in try write(seen, "out/deep/er/kept", "1\n") },
            { try await git($0, "add", "--force", "out/deep/er/kept") }),
        Change(
            "an ignored file that is tracked no more",
            before: { seen in
                try write(seen, "made.log", "1\n")
                try await git(seen, "add", "--force", "made.log")
            }, { try await git($0, "rm", "--quiet", "--cached", "made.log") }),
        Change(
            "rules that come and ignore tracked and untracked files",
            before: { try write($0, "b/untracked.md", "1\n") }, { try write($0, "b/.gitignore", "*.md\n*.txt\n") }),
        Change(
            "rules at the top that ignore a folder with tracked files",
            before: { try write($0, "b/untracked.md", "1\n") }, { try write($0, ".gitignore", "*.log\n/b/\n") }),
        Change(
            "rules that are gone",
            before: { seen in
                try write(seen, "b/.gitignore", "*.md\n")
                try write(seen, "b/untracked.md", "1\n")
            }, { seen in _ = seen.top.appending("b/.gitignore").withCString { unlink($0) } }),
        Change("a submodule") {
            try await git(
                $0, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", $0.repository.path.shown, "sub")
        },
        Change(
            "another commit of a submodule that is not checked out",
            before: { seen in
                let id = String(repeating: "1", count: 40)
                try await git(seen, "update-index", "--add", "--cacheinfo", "160000,\(id),sub")
                _ = seen.top.appending("sub").withCString { mkdir($0, 0o755) }
            },
            {
                let id = String(repeating: "2", count: 40)
                try await git($0, "update-index", "--cacheinfo", "160000,\(id),sub")
            }),
        Change("attributes that come", before: { try write($0, "a.txt", "1\r\n") }) {
            try write($0, ".gitattributes", "*.txt text\n")
        },
        Change("attributes of the repository", before: { try write($0, "a.txt", "1\r\n") }) {
            try write($0, ".git/info/attributes", "*.txt text\n")
        },
    ]

    private func opened(in kind: Kind = .plain) async throws -> RememberedRepository {
        let repository = try await TestRepository()
        try repository.write(".gitignore", "*.log\nout/\n")
        for name in ["a.txt", "b/c.txt", "b/d/e.txt", "f/g.txt"] { try repository.write(name, name + "\n") }
        try await repository.commitAll()
        var seen = try RememberedRepository(repository)
        switch kind {
        case .plain: break
        case .below:
            seen.prefix = BytePath("b")
            try seen.hideState()
        case .linked:
            seen.top = repository.folder("linked")
            try await repository.git(["worktree", "add", "--quiet", "--detach", seen.top.shown])
            try seen.hideState()
        case .version4:
            try await repository.git(["update-index", "--index-version", "4"])
        }
        try createFile(seen.top.appending("new.txt"), bytes: [])
        return seen
    }

    enum Kind: CaseIterable { case plain, below, linked, version4 }

    @Test(arguments: configurations + rules)
    func whatChangesGitsAnswerIsSeen(_ change: Change) async throws {
        for kind in [Kind.plain, .version4] {
            var seen = try await opened(in: kind)
            try await change.before(&seen)
            try await seen.remember()
            let before = try await seen.look()
            try await change.make(seen)
            let truth = try await seen.truth()
            let hasEffect = truth != before
            #expect(hasEffect == change.hasEffect)
            #expect(try await seen.look() == truth)
            try seen.settle()
            for _ in 0..<3 { #expect(try await seen.look() == truth) }
        }
    }

    @Test(arguments: Kind.allCases)
    func aSecondLookStartsNoGit(_ kind: Kind) async throws {
        let seen = try await opened(in: kind)
        try await seen.remember()
        #expect(try await seen.look() == seen.truth())
        _ = seen.runner.takeCommands()
        // Git refreshes its index, and stages what was tracked before: the paths are the same.
        try createFile(seen.root.appending("d/e.txt"), bytes: Array("other\n".utf8))
        try await seen.repository.git(["status"], in: seen.top)
        _ = try await seen.look()
        try await seen.repository.git(["add", "--update"], in: seen.top)
        _ = try await seen.look()
        try await seen.repository.git(["commit", "--quiet", "--allow-empty", "-m", "other"], in: seen.top)
        #expect(try await seen.look().files.isEmpty == false)
        #expect(seen.runner.takeCommands() == [])
    }

    @Test func aLinkedTreesExcludesAreTheRepositorys() async throws {
        let seen = try await opened(in: .linked)
        try await seen.remember()
        try seen.repository.write(".git/info/exclude", "*.txt\n")
        try createFile(seen.top.appending("new.txt"), bytes: [])
        #expect(try await seen.look() == seen.truth())
        #expect(try await seen.look().files["new.txt"] == nil)
    }

    @Test func rulesAboveTheWorkspaceCount() async throws {
        let seen = try await opened(in: .below)
        try createFile(seen.root.appending("new.txt"), bytes: [])
        try await seen.remember()
        try seen.repository.write(".gitignore", "*.txt\n")
        #expect(try await seen.look() == seen.truth())
        #expect(try await seen.look().files["new.txt"] == nil)
        #expect(try await seen.look().files["c.txt"] != nil)
    }

    /// Two writes of the same length within one tick of the clock leave the same times.
    @Test func editsWithinATickAreSeen() async throws {
        let seen = try await opened()
        try createFile(seen.top.appending("x"), bytes: [])
        try createFile(seen.top.appending("y"), bytes: [])
        try seen.repository.folder.write("home/x", "x\n")
        try seen.repository.folder.write("home/y", "y\n")
        for round in 0..<20 {
            let name = round % 2 == 0 ? "x" : "y"
            try seen.repository.folder.write("home/.gitconfig", "[core]\n\texcludesFile = ~/\(name)\n")
            try seen.repository.write(".git/info/exclude", round % 4 < 2 ? "n\n" : "m\n")
            let found = try await seen.look()
            #expect(found.files[name] == nil)
            #expect(found == (try await seen.truth()))
        }
    }

    @Test func anotherEnvironmentIsAskedAnew() async throws {
        var seen = try await opened()
        try await seen.remember()
        try seen.repository.folder.write("other/git/ignore", "new.txt\n")
        try createFile(seen.top.appending("new.txt"), bytes: [])
        seen.environment["XDG_CONFIG_HOME"] = seen.repository.folder("other").shown
        #expect(try await seen.look().files["new.txt"] == nil)
        seen.environment["XDG_CONFIG_HOME"] = nil
        #expect(try await seen.look().files["new.txt"] != nil)
        try seen.repository.folder.write(
            "global", "[core]\n\texcludesFile = \(seen.repository.folder("other/git/ignore").shown)\n")
        seen.environment["GIT_CONFIG_GLOBAL"] = seen.repository.folder("global").shown
        #expect(try await seen.look().files["new.txt"] == nil)
        seen.environment["GIT_CONFIG_GLOBAL"] = nil
        seen.environment["GIT_CONFIG_NOSYSTEM"] = nil
        seen.environment["GIT_CONFIG_SYSTEM"] = seen.repository.folder("global").shown
        #expect(try await seen.look().files["new.txt"] == nil)
        #expect(try await seen.look() == seen.truth())
    }

    @Test func theMachinesConfigurationCountsWhereItIsAskedFor() async throws {
        var seen = try await opened()
        try seen.repository.folder.write("excludes", "new.txt\n")
        let file = seen.repository.folder("machine")
        let excludes = seen.repository.folder("excludes").shown
        try seen.repository.folder.write("machine", "[core]\n\texcludesFile = \(excludes)\n")
        seen.environment["GIT_CONFIG_SYSTEM"] = file.shown
        try await seen.remember()
        #expect(try await seen.look().files["new.txt"] != nil)
        seen.environment["GIT_CONFIG_NOSYSTEM"] = nil
        #expect(try await seen.look().files["new.txt"] == nil)
    }

    /// Git has answered when the rules come, and the look sees them.
    @Test func rulesThatComeBehindGitsAnswerAreAskedFor() async throws {
        let seen = try await opened()
        try seen.settle()
        let rules = seen.top.appending("b/.gitignore")
        // So that git is asked.
        #expect(seen.top.appending("f/g.txt").withCString { unlink($0) } == 0)
        try seen.settle()
        seen.runner.meddle(after: "--ignored") { try createFile(rules, bytes: Array("*.txt\n".utf8)) }
        #expect(try await seen.look().files["b/c.txt"] != nil)
        try seen.settle()
        for _ in 0..<3 { #expect(try await seen.look() == seen.truth()) }
        #expect(try await seen.look().files["b/c.txt"] != nil)
    }

    /// Where all that is tracked is there, nothing of it is ignored, and git need not go through all files for that.
    @Test(arguments: Kind.allCases)
    func gitIsAskedWhereTrackedFilesAreNotSeen(_ kind: Kind) async throws {
        let seen = try await opened(in: kind)
        func asked() -> Int { seen.runner.takeCommands().count { $0.contains("--ignored") } }
        try seen.settle()
        #expect(try await seen.look().files.keys.contains { $0.hasSuffix("d/e.txt") })
        #expect(asked() == 0)
        #expect(try await seen.lookInCI() == seen.look())
        #expect(asked() == 0)
        // Rules of another time, and of another kind.
        try createFile(seen.root.appending(".gitignore"), bytes: Array("nothing\n".utf8))
        try seen.settle()
        #expect(try await seen.look() == seen.truth())
        #expect(try await seen.look() == seen.truth())
        _ = asked()
        // What is tracked is ignored, and counts.
        try createFile(seen.root.appending(".gitignore"), bytes: Array("e.txt\n".utf8))
        try seen.settle()
        let hidden = try await seen.look()
        #expect(asked() == 1)
        #expect(try await seen.lookInCI() == hidden)
        #expect(asked() == 1)
        #expect(try await hidden == seen.truth() && hidden.files.keys.contains { $0.hasSuffix("d/e.txt") })
        // What was deleted may be ignored where it comes back: asked once.
        let gone = seen.root.appending(kind == .below ? "d/e.txt" : "b/d/e.txt")
        #expect(gone.withCString { unlink($0) } == 0)
        let index = seen.root.appending(".lmsbuild/git")
        #expect(index.withCString { unlink($0) } == 0)
        try seen.settle()
        _ = try await seen.look()
        #expect(try await seen.look().files.count == hidden.files.count - 1)
        _ = asked()
        #expect(try await seen.look().files.count == hidden.files.count - 1)
        #expect(asked() == 0)
        try createFile(gone, bytes: Array("back\n".utf8))
        #expect(try await seen.look() == seen.truth())
        #expect(try await seen.lookInCI() == seen.truth())
    }

    /// What git was asked meanwhile is of neither index.
    @Test func anIndexThatComesBehindGitsAnswerIsAskedFor() async throws {
        let seen = try await opened()
        try createFile(seen.top.appending("made.log"), bytes: [])
        try seen.settle()
        let index = seen.top.appending(".git/index")
        let old = try readFile(index.shown)
        try await seen.repository.git(["add", "--force", "made.log"])
        let new = try readFile(index.shown)
        try seen.settle()
        // The index that is read first is the old one, the one that git reads has the file, then the old one is back.
        try createFile(index, bytes: old)
        try seen.settle()
        seen.runner.meddle(after: "--system") { try createFile(index, bytes: new) }
        _ = try await seen.look()
        try createFile(index, bytes: old)
        try seen.settle()
        for _ in 0..<3 { #expect(try await seen.look() == seen.truth()) }
    }

    @Test func aFileThatWasJustWrittenIsNotBelieved() throws {
        let folder = try TemporaryFolder()
        try folder.write("f", "x")
        let state = FileState.of(folder("f"))
        guard case .present(let status) = state else { throw FileSystemError("stat", folder("f"), errno: ENOENT) }
        #expect(state.settled(at: status.changed) == .unknown)
        #expect(state.settled(at: status.changed + 10_000_000_000) == state)
        #expect(FileState.of(folder("g")).settled(at: 0) == .absent)
        #expect(FileState.of(folder.path) == .unknown)
    }

    /// A script in place of git may answer anything at any time.
    @Test func anotherGitIsAskedAnew() async throws {
        var seen = try await opened()
        try await seen.remember()
        try seen.repository.folder.write("bin/git", "#!/bin/sh\nexec /usr/bin/git \"$@\"\n", mode: 0o755)
        seen.environment["PATH"] = seen.repository.folder("bin").shown + ":" + (seen.environment["PATH"] ?? "")
        for _ in 0..<2 {
            _ = seen.runner.takeCommands()
            #expect(try await seen.look() == seen.truth())
            #expect(seen.runner.takeCommands().count > 5)
        }
    }

    @Test func aRepositoryThatComesBetweenIsFound() async throws {
        let seen = try await opened(in: .below)
        try await seen.remember()
        try await seen.repository.git(["init", "--quiet", "."], in: seen.root)
        let found = try await GitRepository.discover(
            from: seen.root, runner: seen.runner, environment: seen.environment, believingMemos: true)
        #expect(found?.top == seen.root)
    }

    @Test func aRepositoryThatIsNoneAnyMoreIsNotFound() async throws {
        let seen = try await opened()
        try await seen.remember()
        _ = seen.top.appending(".git/HEAD").withCString { from in
            seen.top.appending(".git/gone").withCString { rename(from, $0) }
        }
        let found = try? await GitRepository.discover(
            from: seen.root, runner: seen.runner, environment: seen.environment, believingMemos: true)
        #expect(found == nil)
    }

    /// Below a link git reads ignore files that no look sees.
    @Test func foldersBehindLinksAreNotRemembered() async throws {
        let seen = try await opened()
        try await seen.remember()
        try seen.repository.folder.write("repository/b/x/c.log", "1\n")
        try await seen.repository.git(["add", "--force", "b/x/c.log"])
        try seen.repository.folder.write("elsewhere/.gitignore", "!c.log\n")
        try await seen.repository.git(["rm", "--quiet", "--cached", "b/d/e.txt"])
        _ = seen.top.appending("b/x/c.log").withCString { unlink($0) }
        _ = seen.top.appending("b/x").withCString { rmdir($0) }
        _ = seen.top.appending("b/x").withCString { symlink("../../elsewhere", $0) }
        try seen.settle()
        for _ in 0..<2 { #expect(try await seen.look() == seen.truth()) }
        _ = seen.top.appending("b/x").withCString { unlink($0) }
        try seen.repository.write("b/x/c.log", "1\n")
        #expect(try await seen.look() == seen.truth())
        #expect(try await seen.look().files["b/x/c.log"] != nil)
    }

    @Test func aDamagedMemoIsMadeAgain() async throws {
        let seen = try await opened()
        try createFile(seen.top.appending("made.log"), bytes: [])
        try await seen.repository.git(["add", "--force", "made.log"])
        try await seen.remember()
        let whole = try readFile(seen.memo.shown)
        let truth = try await seen.truth()
        var generator = SeededGenerator(seed: 7)
        for round in 0..<60 {
            var bytes = whole
            let place = Int.random(in: 0..<whole.count, using: &generator)
            switch round % 3 {
            case 0: bytes[place] ^= UInt8.random(in: 1...255, using: &generator)
            case 1: bytes.removeLast(whole.count - place)
            default: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: place)
            }
            try createFile(seen.memo, bytes: bytes)
            #expect(try await seen.look() == truth)
        }
        try createFile(seen.memo, bytes: Array("lmsbuild git 2\n".utf8))
        try await seen.remember()
        // Nor is one believed that others may write to.
        _ = seen.memo.withCString { chmod($0, 0o666) }
        _ = seen.runner.takeCommands()
        _ = try await seen.look()
        #expect(!seen.runner.takeCommands().isEmpty)
    }

    @Test func nobodyElseReadsTheMemo() async throws {
        let seen = try await opened()
        try await seen.remember()
        var status = stat()
        #expect(seen.memo.withCString { lstat($0, &status) } == 0)
        #expect(status.st_mode & 0o777 == 0o600)
    }

    /// Whose parts mean more than they say.
    @Test func anIndexOfAnotherKindIsAskedFor() async throws {
        let seen = try await opened()
        try await seen.repository.git(["update-index", "--split-index"])
        try seen.settle()
        for _ in 0..<3 { #expect(try await seen.look() == seen.truth()) }
        try createFile(seen.top.appending("made.log"), bytes: [])
        try await seen.repository.git(["add", "--force", "made.log"])
        #expect(try await seen.look() == seen.truth())
        try await seen.repository.git(["update-index", "--no-split-index"])
        try await seen.remember()
        try await seen.repository.git(["sparse-checkout", "set", "--cone", "--sparse-index", "b"])
        #expect(try await seen.look() == seen.truth())
    }

    @Test func aRepositoryOfLongIdsIsRemembered() async throws {
        let repository = try await TestRepository("--object-format=sha256")
        try repository.write("a", "x")
        try await repository.commitAll()
        let seen = try RememberedRepository(repository)
        try await seen.remember()
        try repository.write("b.log", "x")
        try repository.write(".gitignore", "*.log")
        try await repository.git(["add", "--force", "b.log"])
        #expect(try await seen.look() == seen.truth())
    }
}
