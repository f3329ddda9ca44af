import BuildTestSupport
import Glibc
import Testing

@testable import BuildGraph

/// A look that compares with the base must see what a look at everything sees, whatever happened in between.
@Suite struct WorkspaceBaseTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    /// LMSBUILD_TEST_SEED adds another history.
    private static var seeds: [UInt64] {
        Array(1...5) + (getenv("LMSBUILD_TEST_SEED").flatMap { UInt64(String(cString: $0)) }.map { [$0] } ?? [])
    }

    private var root: BytePath { folder("ws") }
    private var base: BytePath { folder("state/workspace") }

    private func index() -> FileIndex { FileIndex(at: folder("state/index"), trustingFingerprints: true) }

    private func options() -> WorkingTreeOptions { WorkingTreeOptions(root: root) }

    private func write(_ path: String, _ text: String) throws {
        try folder.write("ws/" + path, text)
    }

    private func makeFolder(_ path: String) throws {
        try write(path + "/.made", "")
        _ = folder("ws/" + path + "/.made").withCString { unlink($0) }
    }

    private func settle() throws { try folder.settle(by: "state/clock") }

    private struct Seen: Equatable {
        var kinds: [String: FileKind] = [:]
        var digests: [String: Digest] = [:]
    }

    private func seen(_ tree: WorkingTree) throws -> Seen {
        var seen = Seen()
        for entry in tree.entries { seen.kinds[entry.path.shown] = entry.kind }
        let paths = tree.entries.filter(\.kind.isContent).map(\.path)
        for (path, digest) in zip(paths, try tree.digests(of: paths)) { seen.digests[path.shown] = digest }
        #expect(Array(tree.entries).map(\.path) == tree.entries.map(\.path).sorted())
        return seen
    }

    /// What a look with the base sees, which it then saves.
    private func look(save: Bool = true) throws -> (seen: Seen, tree: WorkingTree) {
        let tree = try WorkingTree.look(options(), index: index(), StateFiles(in: folder("state")))
        let seen = try seen(tree)
        if save { try tree.save(StateFiles(in: folder("state"))) }
        return (seen, tree)
    }

    private func truth() throws -> Seen { try seen(try WorkingTree.scan(options())) }

    private func comparesWithBase(_ tree: WorkingTree) -> Bool {
        if case .changes = tree.looked.way { return true }
        return false
    }

    @Test func aLookComparesWithTheLastOne() throws {
        for name in ["a/one", "a/two", "b/c/three", "a.txt", "a-b/x", "top"] { try write(name, name) }
        try makeFolder("empty")
        try settle()
        let first = try look()
        #expect(!comparesWithBase(first.tree))
        let second = try look()
        #expect(comparesWithBase(second.tree))
        #expect(second.seen == first.seen)

        try write("a/one", "ONE")
        try write("empty/new", "1")
        try write("b/later/deep/x", "1")
        _ = folder("ws/a-b/x").withCString { unlink($0) }
        _ = folder("ws/top").withCString { chmod($0, 0o755) }
        let third = try look()
        #expect(comparesWithBase(third.tree))
        #expect(third.seen == (try truth()))
        #expect(third.seen.kinds["top"] == .executable)
        #expect(third.seen.kinds["a-b/x"] == nil)
        // Once more: what is not in the base is found again.
        #expect(try look().seen == third.seen)
    }

    @Test func aNewRuleIsLookedAtAnew() throws {
        try write("a/x", "1")
        try write("a/y", "1")
        try settle()
        _ = try look()
        try write("a/.gitignore", "y\n")
        #expect(try look().seen.kinds.keys.sorted() == ["a/.gitignore", "a/x"])
        try write("a/.gitignore", "x\n")
        #expect(try look().seen.kinds.keys.sorted() == ["a/.gitignore", "a/y"])
        _ = folder("ws/a/.gitignore").withCString { unlink($0) }
        #expect(try look().seen.kinds.keys.sorted() == ["a/x", "a/y"])
        try folder.write("ws/a/inner/.git/HEAD", "ref: refs/heads/main\n")
        try write("a/inner/z", "1")
        let nested = try look()
        #expect(nested.seen.kinds.keys.sorted() == ["a/x", "a/y"])
        #expect(nested.tree.notices.count == 1)
        #expect(try look().tree.notices.count == 1)
        _ = folder("ws/a/inner/.git/HEAD").withCString { unlink($0) }
        #expect(try look().seen.kinds.keys.sorted() == ["a/inner/z", "a/x", "a/y"])
    }

    @Test func aDamagedBaseIsMadeAgain() throws {
        try write("a", "1")
        let first = try look().seen
        var bytes = try readFile(base.shown)
        for place in stride(from: 7, to: bytes.count, by: bytes.count / 17 + 1) {
            var damaged = bytes
            damaged[place] ^= 0x55
            try folder.write("state/workspace", bytes: damaged)
            let (seen, tree) = try look(save: false)
            #expect(seen == first)
            #expect(!comparesWithBase(tree))
            #expect(tree.notices.count == 1, "byte \(place)")
        }
        bytes.removeLast(3)
        try folder.write("state/workspace", bytes: bytes)
        #expect(try look().seen == first)
        #expect(comparesWithBase(try look().tree))
    }

    /// Its checksum is not made again, which takes longer than a run with nothing to do; a write to it shows in its status.
    @Test func aBaseThatWasFoundWholeIsBelievedUntilItIsWrittenTo() throws {
        try write("a", "1")
        _ = try look()
        let files = StateFiles(in: folder("state"))
        try settle()
        let status = try files.openBase().file.status
        #expect(SoundFiles.read(files.sound).base == status)
        // The time of a write can be put back, that of the change cannot.
        var times = [timespec(), timespec()]
        for place in times.indices {
            times[place].tv_sec = Int(status.modified / 1_000_000_000)
            times[place].tv_nsec = Int(status.modified % 1_000_000_000)
        }
        let descriptor = open(base.shown, O_RDWR)
        var byte: UInt8 = 0x55
        #expect(pwrite(descriptor, &byte, 1, off_t(status.size) - 1) == 1)
        #expect(futimens(descriptor, &times) == 0)
        close(descriptor)
        #expect(throws: MappedFile.Failure.self) { try files.openBase() }
        #expect(try look(save: false).tree.notices.count == 1)
    }

    /// What a crash leaves of a file may have the status of the whole one.
    @Test func noNoteIsBelievedOfBeforeTheMachineWasStarted() throws {
        try write("a", "1")
        _ = try look()
        let files = StateFiles(in: folder("state"))
        var bytes = try readFile(base.shown)
        bytes[bytes.count - 1] ^= 0x55
        try folder.write("state/workspace", bytes: bytes)
        var status = stat()
        #expect(lstat(base.shown, &status) == 0)
        SoundFiles(base: FileStatus(status)).write(files.sound)
        #expect(throws: Never.self) { try files.openBase() }
        // As written by a machine that was started before this one.
        let note = try readFile(files.sound.shown)
        let own = try readFile("/proc/sys/kernel/random/boot_id")
        let start = try #require(note.indices.first { note[$0...].starts(with: own) })
        let file = try SectionFile.open(files.sound, magic: SoundFiles.magic, version: SoundFiles.version, sections: 1)
        var other = Array(file.section(0))
        let place = start - (note.count - other.count)
        other[place] = other[place] == UInt8(ascii: "0") ? UInt8(ascii: "1") : UInt8(ascii: "0")
        try SectionFile.write(
            files.sound, SectionFormat(magic: SoundFiles.magic, version: SoundFiles.version), isSynced: false, [other])
        #expect(SoundFiles.read(files.sound) == SoundFiles())
        #expect(throws: MappedFile.Failure.self) { try files.openBase() }
    }

    private func touch(_ path: String) {
        _ = folder("ws/" + path).withCString { utimensat(AT_FDCWD, $0, nil, 0) }
    }

    @Test func aTouchedFileIsNoDifference() throws {
        for index in 0..<200 { try write("d\(index % 9)/f\(index)", "text \(index)") }
        try settle()
        let first = try look()
        for count in [3, 200] {
            for index in 0..<count { touch("d\(index % 9)/f\(index)") }
            try settle()
            let (seen, tree) = try look()
            #expect(seen == first.seen)
            guard case .changes(let found) = tree.looked.way else {
                Issue.record("looked at everything")
                return
            }
            #expect(found.changes.isEmpty)
            #expect(found.refreshed.all.count == count)
            // Whichever way that was kept: the next look sees it, without another difference.
            #expect(try look().seen == first.seen)
        }
    }

    @Test func aTouchedRuleFileIsNoReasonToLookAtEverything() throws {
        for name in ["a.o", "a.c", "out/x", "deep/b.o", "deep/b.c"] { try write(name, name) }
        try write(".gitignore", "*.o\nout/\n")
        try write("deep/.gitignore", "!b.o\n")
        try settle()
        let first = try look()
        #expect(first.seen.kinds.keys.sorted() == [".gitignore", "a.c", "deep/.gitignore", "deep/b.c", "deep/b.o"])
        for _ in 0..<3 {
            touch(".gitignore")
            touch("deep/.gitignore")
            try settle()
            let (seen, tree) = try look()
            #expect(seen == first.seen)
            #expect(comparesWithBase(tree))
        }
        // Of the same size.
        try write(".gitignore", "*.c\nout/\n")
        try settle()
        let (seen, tree) = try look()
        #expect(seen.kinds.keys.sorted() == [".gitignore", "a.o", "deep/.gitignore", "deep/b.o"])
        #expect(comparesWithBase(tree))
    }

    @Test func otherRulesHaveOnlyTheirFolderLookedAtAnew() throws {
        for name in ["a.o", "a.c", "deep/b.o", "deep/b.c", "deep/er/c.o", "far/d.o"] { try write(name, name) }
        try write("deep/.gitignore", "*.o\n")
        try settle()
        let all = try look().seen.kinds.keys.sorted()
        #expect(all == ["a.c", "a.o", "deep/.gitignore", "deep/b.c", "far/d.o"])
        func names(scanning folders: Set<BytePath>) throws -> [String] {
            try settle()
            let (seen, tree) = try look(save: false)
            guard case .changes(let found) = tree.looked.way else {
                Issue.record("everything was looked at")
                return []
            }
            #expect(found.scanned == folders)
            #expect(try seen == truth())
            return seen.kinds.keys.sorted()
        }
        try write("deep/.gitignore", "*.c\n")
        #expect(
            try names(scanning: [BytePath("deep")])
                == ["a.c", "a.o", "deep/.gitignore", "deep/b.o", "deep/er/c.o", "far/d.o"])
        // One that comes, below one that changed and elsewhere.
        try write("deep/er/.gitignore", "c.o\n")
        try write("far/.gitignore", "*.o\n")
        #expect(
            try names(scanning: [BytePath("deep"), BytePath("far")])
                == ["a.c", "a.o", "deep/.gitignore", "deep/b.o", "deep/er/.gitignore", "far/.gitignore"])
        _ = folder("ws/far/.gitignore").withCString { unlink($0) }
        _ = folder("ws/deep/.gitignore").withCString { unlink($0) }
        #expect(
            try names(scanning: [BytePath("deep")])
                == ["a.c", "a.o", "deep/b.c", "deep/b.o", "deep/er/.gitignore", "far/d.o"])
        removeTree(folder("ws/deep"))
        #expect(try names(scanning: []) == ["a.c", "a.o", "far/d.o"])
    }

    @Test func aTouchedFileOfAnotherContentIsADifference() throws {
        for index in 0..<200 { try write("f\(index)", "old \(index % 10)") }
        try settle()
        _ = try look()
        for index in 0..<200 { touch("f\(index)") }
        try write("f7", "new 7")
        try write("f8", "longer than before")
        _ = folder("ws/f9").withCString { chmod($0, 0o755) }
        try settle()
        for _ in 0..<2 {
            let (seen, _) = try look()
            #expect(seen == (try truth()))
            #expect(seen.digests["f7"] == Digest.of(Array("new 7".utf8)))
            #expect(seen.kinds["f9"] == .executable)
        }
    }

    @Test func fingerprintsAreBelievedWhereTheyMayBeOnly() throws {
        for index in 0..<10 { try write("f\(index)", "text") }
        try settle()
        let first = try look()
        for index in 0..<10 { touch("f\(index)") }
        let careful = FileIndex(at: folder("state/index"), trustingFingerprints: false)
        let tree = try WorkingTree.look(options(), index: careful, StateFiles(in: folder("state")))
        guard case .changes(let found) = tree.looked.way else {
            Issue.record("looked at everything")
            return
        }
        #expect(found.refreshed.all.isEmpty)
        #expect(found.changes.count == 10)
        #expect(try seen(tree) == first.seen)
    }

    @Test func aFileOfTheSameMomentIsReadAgain() throws {
        try write("a", "old")
        for round in 0..<40 {
            try write("a", "new \(round % 10)")
            #expect(try look().seen.digests["a"] == Digest.of(Array("new \(round % 10)".utf8)))
        }
    }

    @Test(arguments: Self.seeds)
    func anyHistoryIsSeenAsByALookAtEverything(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let names = ["a", "b", "a.c", "a-", "B", ".hidden", "é", "x y", ".gitignore"]
        func path() -> String {
            (0..<Int.random(in: 1...4, using: &random)).map { _ in
                names.dropLast(1).randomElement(using: &random) ?? "a"
            }.joined(separator: "/")
        }
        func place(_ path: String) -> BytePath { folder("ws/" + path) }
        try write("first", "")
        for round in 0..<60 {
            for _ in 0..<Int.random(in: 0...6, using: &random) {
                let one = path()
                let other = path()
                switch Int.random(in: 0..<12, using: &random) {
                case 0...4:
                    let text = "\(Int.random(in: 0..<3, using: &random))"
                    if !isPipe(place(one)) { try? write(one, text) }
                case 5: _ = place(one).withCString { chmod($0, Bool.random(using: &random) ? 0o755 : 0o644) }
                case 6: _ = place(one).withCString { unlink($0) }
                case 7: removeTree(place(one))
                case 8: _ = place(one).withCString { from in place(other).withCString { rename(from, $0) } }
                case 9: try? makeFolder(one)
                case 10: _ = place(one).withCString { link in other.withCString { symlink($0, link) } }
                default:
                    if Int.random(in: 0..<4, using: &random) == 0 {
                        let parent = one.split(separator: "/").dropLast().joined(separator: "/")
                        let rule = Bool.random(using: &random) ? "b\n" : "a*/\n!a-\n"
                        try? write(parent.isEmpty ? ".gitignore" : parent + "/.gitignore", rule)
                    } else {
                        _ = place(one).withCString { mkfifo($0, 0o600) }
                    }
                }
            }
            if round % 4 != 0 { try settle() }
            let found = try look(save: round % 3 != 2).seen
            #expect(found == (try truth()), "seed \(seed), round \(round)")
        }
    }

    /// To open one would wait for a reader.
    private func isPipe(_ path: BytePath) -> Bool {
        let descriptor = path.withCString { open($0, O_RDONLY | O_NONBLOCK) }
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var status = stat()
        return fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO
    }

    private func removeTree(_ path: BytePath) {
        var status = stat()
        guard path.withCString({ lstat($0, &status) }) == 0 else { return }
        if status.st_mode & S_IFMT == S_IFDIR {
            let descriptor = path.withCString { open($0, O_RDONLY | O_DIRECTORY) }
            let opened = OpenFile(owning: descriptor, shownAs: path)
            for name in (try? WorkingTreeScan.names(in: opened, path)) ?? [] {
                removeTree(path.appending(BytePath(bytes: name)))
            }
            _ = path.withCString { rmdir($0) }
        } else {
            _ = path.withCString { unlink($0) }
        }
    }
}
