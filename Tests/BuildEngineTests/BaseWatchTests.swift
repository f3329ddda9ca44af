import BuildTestSupport
import Buildfile
import Glibc
import Testing

@testable import BuildEngine
@testable import BuildGraph

/// What a look finds that asks a watch is what a look at everything finds.
@Suite struct BaseWatchTests {
    /// Asks a watch of this very process: as the watcher does, without a socket in between.
    private final class DirectSource: ChangeSource {
        private struct State {
            var watch: BaseWatch?
        }

        private nonisolated(unsafe) var state = State()
        let name = "direct"

        init(_ watch: BaseWatch?) { state.watch = watch }

        func changes(of base: BaseIdentity, since clock: [UInt8]?) -> ChangeAnswer {
            do {
                guard state.watch?.folders.generation == base.generation else { return .doubt("another base") }
                _ = try state.watch?.drain()
                guard let (suspects, new) = state.watch?.since(clock) else { return .nobody }
                return suspects.map { .since(clock: new, $0) } ?? .fromNow(clock: new, "first")
            } catch {
                state.watch = nil
                return .doubt("\(error)")
            }
        }
    }

    /// A folder with a base, whose state lies elsewhere.
    private struct Watched {
        let folder: TemporaryFolder
        let elsewhere: TemporaryFolder
        let files: StateFiles
        let index: FileIndex

        init() throws {
            folder = try TemporaryFolder()
            elsewhere = try TemporaryFolder()
            _ = elsewhere("state").withCString { mkdir($0, 0o755) }
            files = StateFiles(in: elsewhere("state"))
            index = FileIndex(trustingFingerprints: true)
        }

        var options: WorkingTreeOptions { WorkingTreeOptions(root: folder.path) }

        func writeBase() throws {
            let tree = try WorkingTree.scan(options, index: index)
            _ = try tree.digests(of: tree.entries.filter { $0.kind == .file }.map(\.path))
            try tree.save(files)
            // The base's own file is believed only once it is old enough.
            try elsewhere.settle(by: "clock")
        }

        func source() throws -> DirectSource {
            let folders = try #require(BaseFolders.open(files))
            return DirectSource(try BaseWatch(folder.path, folders, kernel: try Inotify()))
        }

        /// A look that asks `source`; it must see what a look at everything sees.
        @discardableResult
        func compare(_ source: DirectSource, _ what: String) throws -> LookScope? {
            let tree = try WorkingTree.look(options, index: index, files, watchedBy: source)
            let base = try WorkspaceBase.open(files.base)
            let truth = try WorkspacePass.run(base, options, index, threads: 1)
            guard case .changes(let found) = tree.looked.way else {
                #expect(truth == nil, "\(what): everything was read anew")
                return nil
            }
            let expected = try #require(truth?.changes, "\(what): everything should have been read anew")
            #expect(told(found) == told(expected), "\(what)")
            return tree.scope
        }

        /// Times that are too new to be believed are so for a moment only.
        private func told(_ changes: WorkspaceChanges) -> [String] {
            var lines = changes.entries.indices.map { position in
                let status = changes.status(position)
                return "\(changes.entries[position]) \(status.inode) \(status.size) \(status.modified)"
            }
            for (path, status) in changes.folders.sorted(by: { $0.key < $1.key }) {
                lines.append("folder \(path.shown) \(status.inode) \(status.modified)")
            }
            lines += changes.goneFolders.map { "gone \($0.shown)" }.sorted()
            lines += changes.changes.map { "\($0.packed ?? -1) \($0.entry?.path.shown ?? "gone")" }
            lines += changes.refreshed.all.map { "refreshed \($0.place) \($0.status)" }.sorted()
            return lines
        }
    }

    private static var seeds: [UInt64] {
        let seed = getenv("LMSBUILD_TEST_SEED").flatMap { UInt64(String(cString: $0)) } ?? 1
        return (0..<12).map { seed &* 1000 &+ 300 &+ $0 }
    }

    @Test(arguments: Self.seeds)
    func seesWhatALookAtEverythingSees(seed: UInt64) throws {
        let watched = try Watched()
        var history = RandomFolders(watched.folder.path, elsewhere: watched.elsewhere("moved"), seed: seed)
        for _ in 0..<40 { _ = history.change() }
        try watched.writeBase()
        var source = try watched.source()
        var few = 0
        for step in 0..<60 {
            let changes = (0..<Int.random(in: 0...3, using: &history.generator)).map { _ in history.change() }
            let scope = try watched.compare(source, "seed \(seed), step \(step): \(changes)")
            if scope?.few != nil { few += 1 }
            if step % 20 == 19 {
                try watched.writeBase()
                source = try watched.source()
            }
        }
        #expect(few > 20, "seed \(seed): the watch was of use in \(few) of 60 steps")
    }

    @Test func aMappedFileIsHeardWhenItIsLetGo() throws {
        let watched = try Watched()
        try watched.folder.write("a/file", String(repeating: "x", count: 5000))
        try watched.writeBase()
        let source = try watched.source()
        try watched.compare(source, "first")
        let descriptor = watched.folder("a/file").withCString { open($0, O_RDWR) }
        let memory = try #require(mmap(nil, 5000, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0))
        close(descriptor)
        memory.storeBytes(of: 0x79, as: UInt8.self)
        munmap(memory, 5000)
        let scope = try watched.compare(source, "a mapping was written to and let go")
        #expect(scope?.few != nil)
    }

    @Test func aWriteByAnotherNameIsSeen() throws {
        let watched = try Watched()
        try watched.folder.write("a/file", "one\n")
        try watched.folder.write("b/other", "one\n")
        _ = watched.folder("a/file").withCString { old in
            watched.elsewhere("outside").withCString { link(old, $0) }
        }
        try watched.writeBase()
        let source = try watched.source()
        try watched.compare(source, "first")
        try watched.elsewhere.write("outside", "two\n")
        #expect(try watched.compare(source, "written to by its name outside")?.few != nil)
        // A name that came later, in a folder that the base has not.
        try watched.folder.write("new/x", "x\n")
        _ = watched.folder("b/other").withCString { old in watched.folder("new/name").withCString { link(old, $0) } }
        try watched.folder.write("new/name", "two\n")
        #expect(try watched.compare(source, "written to by a new name")?.few == nil)
        try watched.folder.write("new/name", "three\n")
        #expect(try watched.compare(source, "again")?.few != nil)
    }

    @Test func aFolderThatTakesTheNameOfAnotherIsSeen() throws {
        let watched = try Watched()
        for name in ["a/in/x", "b/in/x", "c/in/x"] { try watched.folder.write(name, name) }
        try watched.writeBase()
        let source = try watched.source()
        try watched.compare(source, "first")
        func move(_ old: String, _ new: String) {
            _ = watched.folder(old).withCString { old in watched.folder(new).withCString { rename(old, $0) } }
        }
        move("a", "t")
        move("b", "a")
        move("t", "b")
        #expect(try watched.compare(source, "swapped")?.few != nil)
        try watched.folder.write("a/in/x", "new\n")
        #expect(try watched.compare(source, "written to after the swap")?.few != nil)
        _ = watched.folder("c").withCString { old in
            watched.elsewhere("c").withCString { rename(old, $0) }
        }
        try watched.compare(source, "moved out")
        try watched.elsewhere.write("c/in/x", "elsewhere\n")
        _ = watched.elsewhere("c").withCString { old in watched.folder("c").withCString { rename(old, $0) } }
        try watched.compare(source, "moved in again")
        try watched.folder.write("c/in/x", "here\n")
        #expect(try watched.compare(source, "written to after that")?.few != nil)
    }

    @Test func aLostEventIsADoubt() throws {
        let watched = try Watched()
        try watched.folder.write("a/x", "x\n")
        try watched.writeBase()
        let folders = try #require(BaseFolders.open(watched.files))
        let kernel = LosingKernel(try Inotify())
        let source = DirectSource(try BaseWatch(watched.folder.path, folders, kernel: kernel))
        try watched.compare(source, "first")
        #expect(try watched.compare(source, "second")?.few != nil)
        kernel.loses = true
        try watched.folder.write("a/x", "y\n")
        let scope = try watched.compare(source, "events were lost")
        #expect(scope?.few == nil)
        #expect(scope?.doubt?.contains("overflow") == true)
    }

    /// The kernel, whose queue overflows when it is told to.
    private final class LosingKernel: WatchKernel {
        private let inner: Inotify
        var loses = false

        init(_ inner: Inotify) { self.inner = inner }

        func add(_ folder: BytePath, followingLinks: Bool) -> Int32 {
            inner.add(folder, followingLinks: followingLinks)
        }
        func remove(_ watch: Int32) { inner.remove(watch) }
        func wait(until end: ContinuousClock.Instant?) -> Bool { inner.wait(until: end) }
        var now: ContinuousClock.Instant { inner.now }

        func events() -> [WatchEvent] {
            let found = inner.events()
            guard loses else { return found }
            loses = false
            return [WatchEvent(watch: -1, mask: UInt32(IN_Q_OVERFLOW), name: .root)]
        }
    }

    @Test func clocksOfOthersAndOldOnesAreNotKnown() {
        var record = ChangeRecord()
        let (nothing, start) = record.since(nil)
        #expect(nothing == nil)
        record.add(.file, BytePath("a"))
        let (first, middle) = record.since(start)
        #expect(first == [Suspect(.file, BytePath("a"))])
        #expect(record.since(middle).suspects == [])
        #expect(record.since(start).suspects == [Suspect(.file, BytePath("a"))])
        var other = ChangeRecord()
        #expect(other.since(start).suspects == nil)
        #expect(record.since([1, 2, 3]).suspects == nil)
        for number in 0...ChangeRecord.most { record.add(.file, BytePath("\(number)")) }
        #expect(record.since(middle).suspects == nil)
    }

    @Test func messagesSurviveTheWay() {
        let base = BaseIdentity(
            root: BytePath(bytes: [0x2F, 0xFF]), device: .max, inode: 1, generation: Fingerprint(high: .max, low: 2),
            count: 3)
        for question in [
            WatchQuestion.changes(of: base, since: nil), .changes(of: base, since: [1, 0]), .status, .stop,
        ] {
            let bytes = WatchMessage.bytes(question)
            let start = Array(bytes.prefix(WatchMessage.startSize))
            #expect(WatchMessage.length(start, limit: 1 << 16) == bytes.count - WatchMessage.startSize)
            #expect(WatchMessage.question(Array(bytes.dropFirst(WatchMessage.startSize))) == question)
        }
        let suspects = [Suspect(.file, BytePath(bytes: [0xFF])), Suspect(.tree, .root)]
        for reply in [
            WatchReply.doubt("é"), .fromNow(clock: [0], ""), .since(clock: [1], suspects), .status("x"), .stopping,
        ] {
            let body = Array(WatchMessage.bytes(reply).dropFirst(WatchMessage.startSize))
            #expect(WatchMessage.reply(body) == reply)
            for cut in 0..<body.count { #expect(WatchMessage.reply(Array(body.prefix(cut))) == nil) }
        }
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<2000 {
            let noise = (0..<Int.random(in: 0..<60, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator) & (Bool.random(using: &generator) ? 3 : 255)
            }
            _ = WatchMessage.question(noise)
            _ = WatchMessage.reply(noise)
        }
    }
}

/// Random changes of a tree of folders, such as no rule forbids.
struct RandomFolders {
    private let root: BytePath
    private let elsewhere: BytePath
    var generator: SeededGenerator
    private var counter = 0

    init(_ root: BytePath, elsewhere: BytePath, seed: UInt64) {
        self.root = root
        self.elsewhere = elsewhere
        generator = SeededGenerator(seed: seed)
        _ = elsewhere.withCString { mkdir($0, 0o755) }
    }

    private mutating func name() -> BytePath {
        let names = ["a", "b", "c", "a-b", "d\u{301}", "e.txt"]
        let depth = Int.random(in: 1...4, using: &generator)
        let parts = (0..<depth).map { _ in names[Int.random(in: 0..<names.count, using: &generator)] }
        return root.appending(parts.joined(separator: "/"))
    }

    private func move(_ old: BytePath, _ new: BytePath) {
        _ = old.withCString { old in new.withCString { rename(old, $0) } }
    }

    /// What cannot be done is not done.
    mutating func change() -> String {
        counter += 1
        let (path, other) = (name(), name())
        let kind = Int.random(in: 0..<14, using: &generator)
        switch kind {
        case 0, 1, 2, 3:
            try? createFile(path, bytes: Array("text \(counter)\n".utf8))
        case 4:
            _ = path.withCString { unlink($0) }
        case 5: move(path, other)
        case 6:
            let place = elsewhere.appending("\(counter % 3)")
            move(path, place)
        case 7:
            let place = elsewhere.appending("\(counter % 3)")
            move(place, path)
        case 8: _ = path.withCString { chmod($0, counter % 2 == 0 ? 0o755 : 0o700) }
        case 9: _ = path.withCString { symlink("a", $0) }
        case 10: _ = path.withCString { mkdir($0, 0o755) }
        case 11: _ = path.withCString { rmdir($0) }
        case 12:
            let between = elsewhere.appending("between")
            move(path, between)
            move(other, path)
            move(between, other)
        default: _ = path.withCString { old in other.withCString { link(old, $0) } }
        }
        return "\(kind) \(path.name.shown) \(other.name.shown)"
    }
}
