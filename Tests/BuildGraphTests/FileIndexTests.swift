import BuildTestSupport
import Buildfile
import Glibc
import Testing

@testable import BuildGraph

@Suite struct FileIndexTests {
    private let folder: TemporaryFolder
    private var file: BytePath { folder(".lmsbuild/index") }

    init() throws {
        folder = try TemporaryFolder()
    }

    private func write(_ name: String, _ text: String) throws {
        try folder.write(name, text)
    }

    private func settle() throws { try folder.settle(by: ".lmsbuild/clock") }

    private func status(_ name: String) -> stat {
        var status = stat()
        _ = folder(name).withCString { lstat($0, &status) }
        return status
    }

    private func digests(trusting: Bool = true, save: Bool = true) throws -> (
        digests: [String: Digest], index: FileIndex
    ) {
        let index = FileIndex(at: file, trustingFingerprints: trusting)
        let tree = try WorkingTree.scan(WorkingTreeOptions(root: folder.path), index: index)
        let paths = tree.entries.map(\.path)
        let found = try tree.digests(of: paths)
        if save { try index.save(present: tree.entries) }
        return (Dictionary(uniqueKeysWithValues: zip(paths.map(\.shown), found)), index)
    }

    /// What the index alone says, without the files being readable.
    private func digestsWithoutReading() throws -> [String: Digest] {
        let index = FileIndex(at: file, trustingFingerprints: true)
        let tree = try WorkingTree.scan(WorkingTreeOptions(root: folder.path), index: index)
        var found: [String: Digest] = [:]
        for entry in tree.entries {
            found[entry.path.shown] = index.digest(of: entry.path, FileStatus(status(entry.path.shown)))
        }
        return found
    }

    @Test func whatWasHashedIsRemembered() throws {
        for index in 0..<50 { try write("d\(index % 3)/f\(index)", "text \(index)") }
        try settle()
        let first = try digests().digests
        #expect(try digestsWithoutReading() == first)
        #expect(try digests().digests == first)
        // A part of the files hashed anew leaves the others remembered; what is gone is forgotten.
        try write("d0/f0", "changed")
        _ = folder("d1/f1").withCString { unlink($0) }
        try settle()
        let second = try digests().digests
        #expect(second["d0/f0"] == Digest.of(Array("changed".utf8)))
        #expect(second["d1/f1"] == nil)
        #expect(second["d2/f2"] == first["d2/f2"])
        #expect(try digestsWithoutReading() == second)
    }

    @Test func nothingLearnedIsNothingWritten() throws {
        try write("a", "1")
        try settle()
        _ = try digests()
        let before = status(".lmsbuild/index")
        _ = try digests()
        #expect(status(".lmsbuild/index").st_ino == before.st_ino)
    }

    @Test func aRewriteInTheSameMomentIsSeen() throws {
        for round in 0..<300 {
            try write("a", "old \(round % 10)")
            _ = try digests()
            try write("a", "new \(round % 10)")
            #expect(try digests().digests["a"] == Digest.of(Array("new \(round % 10)".utf8)))
        }
    }

    @Test func aRestoredTimeIsSeen() throws {
        try write("a", "old")
        try settle()
        _ = try digests()
        let before = status("a")
        try write("a", "new")
        _ = folder("a").withCString { utimensat(AT_FDCWD, $0, [before.st_atim, before.st_mtim], 0) }
        #expect(status("a").st_mtim.tv_nsec == before.st_mtim.tv_nsec)
        #expect(try digests().digests["a"] == Digest.of(Array("new".utf8)))
    }

    @Test func wholeSecondsAreNotBelievedAtOnce() {
        let second: Int64 = 1_000_000_000
        let now = 1_700_000_000 * second
        func status(_ changed: Int64) -> FileStatus {
            FileStatus(device: 1, inode: 1, size: 3, modified: changed, changed: changed)
        }
        #expect(status(now - 3 * second).isSettled(at: now))
        #expect(!status(now - second).isSettled(at: now))
        #expect(status(now - second - 1).isSettled(at: now))
        #expect(!status(now - 1).isSettled(at: now))
        #expect(!status(now + second).isSettled(at: now))
    }

    @Test func aTouchedFileIsReadButNotHashedAgain() throws {
        // The index is told a wrong digest for a content, so that it shows whether the fingerprint was believed.
        try write("a", "content")
        try settle()
        let planted = Digest(hash: SHA256Value.of(Array("planted".utf8)), size: 7)
        let index = FileIndex(at: file, trustingFingerprints: true)
        let content = HashedContent(fingerprint: Fingerprint.of(Array("content".utf8)), digest: planted)
        index.record(BytePath("other"), .impossible, content, readAt: FileStatus.now)
        try index.save()
        #expect(try digests(save: false).digests["a"] == planted)
        // Where someone else may have chosen the bytes it is not.
        #expect(try digests(trusting: false, save: false).digests["a"] == Digest.of(Array("content".utf8)))
    }

    @Test func everyTruncationAndManyFlipsAreSurvived() throws {
        for index in 0..<6 { try write("f\(index)", "text \(index)") }
        try settle()
        let truth = try digests().digests
        let whole = try readFile(file.shown)
        #expect(whole.count > 500)
        for length in 0..<whole.count { try checkDamaged(Array(whole.prefix(length)), truth) }
        var random = SeededGenerator(seed: 5)
        for _ in 0..<3000 {
            var bytes = whole
            bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= UInt8(1 << Int.random(in: 0..<8, using: &random))
            try checkDamaged(bytes, truth)
        }
        try checkDamaged(whole + [0], truth)
        // The next run heals it.
        try folder.write(".lmsbuild/index", bytes: Array(whole.prefix(100)))
        #expect(try digests().digests == truth)
        #expect(FileIndex(at: file, trustingFingerprints: true).notices.isEmpty)
    }

    private func checkDamaged(_ bytes: [UInt8], _ truth: [String: Digest]) throws {
        try folder.write(".lmsbuild/index", bytes: bytes)
        let index = FileIndex(at: file, trustingFingerprints: true)
        #expect(index.notices.map(\.code) == [.badIndex])
        for (name, digest) in truth {
            let found = index.digest(of: BytePath(name), FileStatus(status(name)))
            #expect(found == nil || found == digest)
        }
    }

    @Test func anotherVersionIsEmptyWithANotice() throws {
        try write("a", "1")
        _ = try digests()
        var bytes = try readFile(file.shown)
        bytes[8] += 1
        try folder.write(".lmsbuild/index", bytes: bytes)
        let notices = FileIndex(at: file, trustingFingerprints: true).notices
        #expect(notices.count == 1)
        #expect(notices.first?.message.hasSuffix("was written by another version") == true)
        #expect(notices.first?.severity == .notice)
    }

    @Test func aMissingIndexIsNoNotice() {
        #expect(FileIndex(at: folder("none/index"), trustingFingerprints: true).notices.isEmpty)
    }

    @Test func aFolderThatCannotBeWrittenIsAnError() throws {
        try write("a", "1")
        let index = FileIndex(at: BytePath("/proc/no/index"), trustingFingerprints: true)
        let tree = try WorkingTree.scan(WorkingTreeOptions(root: folder.path), index: index)
        _ = try tree.digest(of: BytePath("a"))
        #expect(throws: FileSystemError.self) { try index.save(present: tree.entries) }
    }

    @Test func contentsThatComeBackAreKnown() throws {
        try write("a", "one")
        try settle()
        _ = try digests()
        try write("a", "two")
        try settle()
        _ = try digests()
        let index = FileIndex(at: file, trustingFingerprints: true)
        for text in ["one", "two"] {
            let bytes = Array(text.utf8)
            #expect(index.digest(of: Fingerprint.of(bytes), size: 3) == Digest.of(bytes))
        }
    }

    @Test func manyFilesAtOnceAreRemembered() throws {
        for index in 0..<1500 { try write("d\(index % 40)/f\(index)", "text \(index)") }
        try settle()
        let first = try digests()
        #expect(first.digests.count == 1500)
        // What one look has read is known to the next with the same index.
        let again = try WorkingTree.scan(WorkingTreeOptions(root: folder.path), index: first.index)
        #expect(first.index.digest(of: BytePath("d7/f7"), again.looked.status(0)) == nil)
        #expect(
            first.index.digest(of: BytePath("d7/f7"), FileStatus(status("d7/f7"))) == first.digests["d7/f7"])
        #expect(try digestsWithoutReading() == first.digests)
    }
}
