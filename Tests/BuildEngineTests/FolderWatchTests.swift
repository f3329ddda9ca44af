import BuildGraph
import BuildTestSupport
import Glibc
import Testing

@testable import BuildEngine

/// What a watch hears of real folders. The kernel queues an event before the call that causes it returns, so nothing
/// here has to wait.
@Suite struct FolderWatchTests {
    private let folder = try? TemporaryFolder()

    private func make(_ files: [String] = []) throws -> TemporaryFolder {
        let folder = try #require(self.folder)
        for file in files { try folder.write(file, "text\n") }
        return folder
    }

    private func watch(
        _ folder: TemporaryFolder, further: [BytePath] = [], _ change: (inout WorkingTreeOptions) -> Void = { _ in }
    ) throws -> FolderWatch {
        var options = WorkingTreeOptions(root: folder.path)
        change(&options)
        return try FolderWatch(options, further: further)
    }

    private func heard(_ watch: inout FolderWatch, _ own: OwnPaths = OwnPaths()) throws -> [String] {
        try watch.collect(except: own).paths.map(\.shown)
    }

    private func makeFolder(_ path: BytePath) { _ = path.withCString { mkdir($0, 0o755) } }

    private func move(_ old: BytePath, _ new: BytePath) {
        _ = old.withCString { old in new.withCString { rename(old, $0) } }
    }

    private func delete(_ path: BytePath) { _ = path.withCString { remove($0) } }

    @Test func hearsOfEveryKindOfChangeOfAFile() throws {
        let folder = try make(["app/a", "app/b", "app/c", "app/d"])
        var watch = try watch(folder)
        #expect(watch.folderCount == 2)
        #expect(try heard(&watch) == [])
        try folder.write("app/a", "other\n")
        #expect(try heard(&watch) == ["app/a"])
        _ = folder("app/b").withCString { chmod($0, 0o755) }
        #expect(try heard(&watch) == ["app/b"])
        delete(folder("app/c"))
        #expect(try heard(&watch) == ["app/c"])
        move(folder("app/d"), folder("e"))
        #expect(try heard(&watch) == ["app/d", "e"])
        try folder.write("app/.d.tmp", "new\n")
        move(folder("app/.d.tmp"), folder("app/a"))
        #expect(try heard(&watch) == ["app/.d.tmp", "app/a"])
        _ = folder("app/link").withCString { symlink("a", $0) }
        #expect(try heard(&watch) == ["app/link"])
        #expect(try heard(&watch) == [])
    }

    @Test func hearsNothingOfWhatIsNotInTheWorkspace() throws {
        let folder = try make(["app/a", "app/.gitignore", "ignored/x", ".git/config", "app/.lmsbuild/index"])
        let elsewhere = try TemporaryFolder()
        try folder.write(".gitignore", "ignored/\n*.log\n")
        try elsewhere.write("x", "")
        _ = folder("app/link").withCString { link in elsewhere.path.withCString { symlink($0, link) } }
        var watch = try watch(folder)
        #expect(watch.folderCount == 2)
        for path in ["app/x.log", "ignored/x", "ignored/deep/y", ".git/index", ".lmsbuild/index", "app/.lmsbuild/x"] {
            try folder.write(path, "new\n")
        }
        try elsewhere.write("x", "new\n")
        // A folder's own mode and an empty folder are no inputs.
        makeFolder(folder("empty"))
        _ = folder("app").withCString { chmod($0, 0o700) }
        #expect(try heard(&watch) == [])
    }

    @Test func findsWhatWasMadeInAFolderBeforeItWasWatched() throws {
        let folder = try make()
        var watch = try watch(folder)
        try folder.write("new/deep/file", "1\n")
        try folder.write("new/deep/out/x", "1\n")
        try folder.write("new/deep/.gitignore", "out/\n")
        let changes = try watch.collect(except: OwnPaths())
        #expect(changes.paths.map(\.shown) == ["new/deep/.gitignore", "new/deep/file"])
        #expect(changes.changesRules)
        #expect(watch.folderCount == 3)
        try folder.write("new/deep/file", "2\n")
        try folder.write("new/deep/out/x", "2\n")
        #expect(try heard(&watch) == ["new/deep/file"])
    }

    @Test func followsFoldersThatMove() throws {
        let folder = try make(["old/deep/file", "other/file"])
        let elsewhere = try TemporaryFolder()
        var watch = try watch(folder)
        move(folder("old"), folder("new"))
        #expect(try heard(&watch) == ["old", "new/deep/file"])
        try folder.write("new/deep/file", "2\n")
        #expect(try heard(&watch) == ["new/deep/file"])
        // To and fro between two looks.
        move(folder("new"), folder("between"))
        move(folder("between"), folder("new"))
        try folder.write("new/deep/file", "3\n")
        #expect(try heard(&watch).contains("new/deep/file"))
        try folder.write("new/deep/file", "4\n")
        #expect(try heard(&watch) == ["new/deep/file"])
        // Two that change places.
        move(folder("new"), folder("between"))
        move(folder("other"), folder("new"))
        move(folder("between"), folder("other"))
        _ = try heard(&watch)
        try folder.write("new/file", "5\n")
        try folder.write("other/deep/file", "5\n")
        #expect(try heard(&watch) == ["new/file", "other/deep/file"])

        move(folder("new"), elsewhere("gone"))
        #expect(try heard(&watch) == ["new"])
        try elsewhere.write("gone/file", "6\n")
        #expect(try heard(&watch) == [])
        move(elsewhere("gone"), folder("back"))
        #expect(try heard(&watch) == ["back/file"])
    }

    @Test func followsFoldersThatGoAndComeAgain() throws {
        let folder = try make(["app/src/a"])
        var watch = try watch(folder)
        for _ in 0..<3 {
            delete(folder("app/src/a"))
            delete(folder("app/src"))
            delete(folder("app"))
            try folder.write("app/src/a", "2\n")
            #expect(try heard(&watch) == ["app/src/a"])
            #expect(watch.folderCount == 3)
            try folder.write("app/src/a", "3\n")
            #expect(try heard(&watch) == ["app/src/a"])
        }
        delete(folder("app/src/a"))
        delete(folder("app/src"))
        #expect(try heard(&watch) == ["app/src/a"])
        #expect(watch.folderCount == 2)
    }

    @Test func aFileInPlaceOfAFolderIsAFile() throws {
        let folder = try make(["app/a"])
        var watch = try watch(folder)
        delete(folder("app/a"))
        delete(folder("app"))
        try folder.write("app", "now a file\n")
        #expect(try heard(&watch) == ["app/a", "app"])
        #expect(watch.folderCount == 1)
    }

    @Test func saysWhenItsRulesChange() throws {
        let folder = try make(["app/a", ".gitignore"])
        var watch = try watch(folder)
        func rulesChanged() throws -> Bool { try watch.collect(except: OwnPaths()).changesRules }
        try folder.write("app/a", "2\n")
        #expect(try !rulesChanged())
        try folder.write("app/.gitignore", "*.x\n")
        #expect(try rulesChanged())
        delete(folder(".gitignore"))
        #expect(try rulesChanged())
        makeFolder(folder("app/.git"))
        #expect(try rulesChanged())
        try folder.write("app/.git/HEAD", "x\n")
        #expect(try watch.collect(except: OwnPaths()).isEmpty)
    }

    @Test func whatIsTrackedCountsAlthoughItIsIgnored() throws {
        let folder = try make(["gen/in/kept", "gen/in/other", "gen/out/x", "a.log"])
        try folder.write(".gitignore", "gen/\n*.log\n")
        var watch = try watch(folder) { $0.trackedIgnored = [BytePath("gen/in/kept"), BytePath("a.log")] }
        for path in ["gen/in/kept", "gen/in/other", "gen/in/.gitignore", "gen/out/x", "a.log", "b.log"] {
            try folder.write(path, "2\n")
        }
        #expect(try heard(&watch) == ["gen/in/kept", "a.log"])
    }

    @Test func rulesFromAboveTheWorkspaceCount() throws {
        let folder = try make(["app/x", "app/x.tmp"])
        let rules = IgnoreFile(Array("/services/app/*.tmp\n".utf8), folder: .root)
        var watch = try watch(folder) {
            $0.prefix = BytePath("services")
            $0.ignoreFiles = [rules]
        }
        try folder.write("app/x", "2\n")
        try folder.write("app/x.tmp", "2\n")
        #expect(try heard(&watch) == ["app/x"])
    }

    @Test func furtherFilesCountWhereverTheyAre() throws {
        let folder = try make([".git/HEAD", ".git/objects/x"])
        let elsewhere = try TemporaryFolder()
        var watch = try watch(
            folder, further: [folder(".git/HEAD"), folder(".git/info/exclude"), elsewhere("config/git/ignore")])
        #expect(watch.folderCount == 1)
        try folder.write(".git/index.lock", "x\n")
        try elsewhere.write("unknown", "x\n")
        #expect(try watch.collect(except: OwnPaths()).isEmpty)
        try folder.write(".git/HEAD.lock", "ref: x\n")
        move(folder(".git/HEAD.lock"), folder(".git/HEAD"))
        let head = try watch.collect(except: OwnPaths())
        #expect(head.paths.map(\.shown) == [".git/HEAD"])
        #expect(head.changesRules)
        // The folder that is to hold it comes: the new watch will find it.
        try folder.write(".git/info/exclude", "x\n")
        try elsewhere.write("config/git/ignore", "x\n")
        let made = try watch.collect(except: OwnPaths())
        #expect(made.paths.map(\.shown) == [".git/info/exclude", elsewhere("config/git/ignore").shown])
        #expect(made.changesRules)
    }

    @Test func aRepositoryBelowIsHeardOfOnlyWhereItIsASubmodule() throws {
        let folder = try make(["inner/.git/HEAD", "inner/file", "sub/.git/HEAD", "sub/deep/file"])
        try folder.write("sub/.gitignore", "*.log\n")
        var watch = try watch(folder) { $0.submodules = [BytePath("sub"): Array("0123".utf8)] }
        #expect(watch.folderCount == 3)
        try folder.write("inner/file", "2\n")
        try folder.write("sub/deep/file", "2\n")
        try folder.write("sub/deep/x.log", "2\n")
        #expect(try heard(&watch) == ["sub/deep/file"])
        delete(folder("inner/.git/HEAD"))
        delete(folder("inner/.git"))
        let changes = try watch.collect(except: OwnPaths())
        #expect(changes.paths.map(\.shown) == ["inner/.git"])
        #expect(changes.changesRules)
    }

    @Test func whatRunsWriteIsNoChange() throws {
        let buildfile = """
            service app
                dir app
                build: src/** -> out/app out/site/
                    x
                [report junit results/*.xml]
                [keep cache/]
                unit: src/**
                    x

            """
        let graph = try #require(
            try resolve(MemoryFileSystem(["Buildfile": buildfile, "app/src/a": ""]), ResolutionSettings()).graph)
        let folder = try make(["app/src/a"])
        var watch = try watch(folder)
        for path in [
            "out/app", "out/site/deep/index", "results/a.xml", "cache/x", "out/.lmsbuild-12-3", "src/.lmsbuild-12-4",
        ] {
            try folder.write("app/" + path, "x\n")
        }
        move(folder("app/out/site"), folder("app/cache/site"))
        #expect(try heard(&watch, OwnPaths(graph)) == [])
        for path in ["out/other", "out/sites", "results/a.txt", "src/.lmsbuild-note"] {
            try folder.write("app/" + path, "x\n")
        }
        #expect(
            try heard(&watch, OwnPaths(graph)) == [
                "app/out/other", "app/out/sites", "app/results/a.txt", "app/src/.lmsbuild-note",
            ])
    }

    @Test func theRootsOwnEndIsEverything() throws {
        let folder = try make(["top/app/a"])
        var watch = try FolderWatch(WorkingTreeOptions(root: folder("top")), further: [])
        move(folder("top"), folder("moved"))
        #expect(try watch.collect(except: OwnPaths()).isEverything)
        #expect(throws: FileSystemError(FolderWatch.watching, folder("top"), errno: ENOENT)) {
            try FolderWatch(WorkingTreeOptions(root: folder("top")), further: [])
        }
    }
}

/// What a watch makes of what the kernel refuses or says too late, and of time.
@Suite struct WatchKernelTests {
    /// The kernel itself, but for a limit of watches and for events that are put in.
    private final class MeddlingKernel: WatchKernel {
        private let inner: Inotify
        var left: Int
        var further: [WatchEvent] = []

        init(left: Int = .max) throws {
            inner = try Inotify()
            self.left = left
        }

        func add(_ folder: BytePath, followingLinks: Bool) -> Int32 {
            guard left > 0 else {
                errno = ENOSPC
                return -1
            }
            left -= 1
            return inner.add(folder, followingLinks: followingLinks)
        }

        func remove(_ watch: Int32) { inner.remove(watch) }
        func wait(until end: ContinuousClock.Instant?) -> Bool { inner.wait(until: end) }
        var now: ContinuousClock.Instant { inner.now }

        func events() -> [WatchEvent] {
            defer { further = [] }
            return inner.events() + further
        }
    }

    /// Tells of names in the first folder at given times, and of an overflow when nothing is left to tell.
    private final class ScriptedKernel: WatchKernel {
        private let start = ContinuousClock.now
        private(set) var now: ContinuousClock.Instant
        private var script: [(at: Duration, bits: Int32, name: String)]
        private var watches: Int32 = 0

        init(_ script: [(at: Duration, bits: Int32, name: String)]) {
            self.script = script + [(.seconds(3600), IN_Q_OVERFLOW, "")]
            now = start
        }

        var elapsed: Duration { start.duration(to: now) }

        func add(_ folder: BytePath, followingLinks: Bool) -> Int32 {
            watches += 1
            return watches
        }

        func remove(_ watch: Int32) {}

        func wait(until end: ContinuousClock.Instant?) -> Bool {
            let next = script.first.map { start + $0.at } ?? now
            if let end, end < next {
                now = end
                return false
            }
            now = max(now, next)
            return true
        }

        func events() -> [WatchEvent] {
            let due = script.prefix { start + $0.at <= now }
            script.removeFirst(due.count)
            return due.map {
                WatchEvent(
                    watch: $0.bits == IN_Q_OVERFLOW ? -1 : 1, mask: UInt32(bitPattern: $0.bits),
                    name: BytePath($0.name))
            }
        }
    }

    private let folder = try? TemporaryFolder()

    private func watch(_ kernel: any WatchKernel) throws -> (FolderWatch, TemporaryFolder) {
        let folder = try #require(self.folder)
        return (try FolderWatch(WorkingTreeOptions(root: folder.path), further: [], kernel: kernel), folder)
    }

    @Test func lostEventsMeanEverything() throws {
        let kernel = try MeddlingKernel()
        var (watch, folder) = try watch(kernel)
        try folder.write("a", "")
        kernel.further = [WatchEvent(watch: -1, mask: UInt32(IN_Q_OVERFLOW), name: .root)]
        let changes = try watch.collect(except: OwnPaths())
        #expect(changes.isEverything)
        #expect(changes.changesRules)
        #expect(!changes.isEmpty)
    }

    @Test func aLimitOfWatchesIsAnErrorAtOnceAndLater() throws {
        let folder = try #require(self.folder)
        try folder.write("a/x", "")
        try folder.write("b/x", "")
        #expect(throws: FileSystemError(FolderWatch.watching, folder("b"), errno: ENOSPC)) {
            try FolderWatch(WorkingTreeOptions(root: folder.path), further: [], kernel: try MeddlingKernel(left: 2))
        }
        var (watch, _) = try watch(try MeddlingKernel(left: 3))
        try folder.write("c/x", "")
        #expect(throws: FileSystemError(FolderWatch.watching, folder("c"), errno: ENOSPC)) {
            try watch.collect(except: OwnPaths())
        }
    }

    @Test func aBurstIsOneChange() throws {
        let kernel = ScriptedKernel((0..<10).map { (.milliseconds(1000 + 90 * $0), IN_MODIFY, "f\($0)") })
        var (watch, _) = try watch(kernel)
        #expect(try watch.next(except: OwnPaths()).paths.count == 10)
        #expect(kernel.elapsed == .milliseconds(1000 + 90 * 9 + 100))
    }

    @Test func aStreamThatNeverEndsIsCut() throws {
        let kernel = ScriptedKernel((0..<100).map { (.milliseconds(50 * $0), IN_MODIFY, "log") })
        var (watch, _) = try watch(kernel)
        #expect(try watch.next(except: OwnPaths()).paths == [BytePath("log")])
        #expect(kernel.elapsed == .seconds(2))
    }

    @Test func whatDoesNotCountDoesNotHoldUp() throws {
        let noise = (0..<100).map { (at: Duration.milliseconds(50 * $0 + 10), bits: IN_MODIFY, name: ".lmsbuild") }
        let kernel = ScriptedKernel([(.zero, IN_MODIFY, "a")] + noise)
        var (watch, _) = try watch(kernel)
        #expect(try watch.next(except: OwnPaths()).paths == [BytePath("a")])
        #expect(kernel.elapsed == .milliseconds(100))
    }

    @Test func whatComesAndGoesUnseenIsNoChange() throws {
        let vim: [(at: Duration, bits: Int32, name: String)] = [
            (.zero, IN_CREATE, "4913"), (.zero, IN_ATTRIB, "4913"), (.zero, IN_DELETE, "4913"),
        ]
        let kernel = ScriptedKernel(vim + [(.seconds(10), IN_CREATE, "4913"), (.seconds(10), IN_MODIFY, "a")])
        var (watch, _) = try watch(kernel)
        #expect(try watch.next(except: OwnPaths()).paths == [BytePath("a")])
        #expect(kernel.elapsed == .milliseconds(10_100))
        // During a run it may have been seen.
        var (during, _) = try self.watch(ScriptedKernel(vim))
        #expect(try during.collect(except: OwnPaths()).paths == [BytePath("4913")])
    }

    @Test func whatChangedBeforeWaitsForQuietOnly() throws {
        let kernel = ScriptedKernel([(.zero, IN_MODIFY, "a"), (.milliseconds(50), IN_MODIFY, "b")])
        var (watch, _) = try watch(kernel)
        let earlier = try watch.collect(except: OwnPaths())
        let changes = try watch.next(after: earlier, except: OwnPaths())
        #expect(changes.paths == [BytePath("a"), BytePath("b")])
        #expect(kernel.elapsed == .milliseconds(150))
        let slow: Set = [BytePath("a"), BytePath("b")]
        #expect(try watch.next(after: changes, slow: slow, except: OwnPaths()).paths.count == 2)
        #expect(kernel.elapsed == .milliseconds(5150))
    }

    @Test func slowChangesHoldNoOthersUp() throws {
        let kernel = ScriptedKernel([
            (.zero, IN_MODIFY, "log"), (.seconds(1), IN_MODIFY, "log"), (.seconds(3), IN_MODIFY, "a"),
        ])
        var (watch, _) = try watch(kernel)
        #expect(try watch.next(slow: [BytePath("log")], except: OwnPaths()).paths.count == 2)
        #expect(kernel.elapsed == .milliseconds(3100))
    }
}
