import BuildGraph
import BuildTestSupport
import Glibc
import Testing

@testable import BuildEngine

@Suite struct LocalContentStoreTests {
    let folder: TemporaryFolder
    let store: LocalContentStore
    let hello = Array("hello\n".utf8)

    init() throws {
        folder = try TemporaryFolder()
        store = try LocalContentStore.open(folder: folder("store"))
    }

    func blob(_ digest: Digest) -> String { "store/cas/\(digest.hash.hex.prefix(2))/\(digest.hash.hex)" }

    /// All files, but the store's own note.
    var files: [String] { folder.files.filter { $0 != "store/boot" } }

    func status(_ path: BytePath) -> stat {
        var status = stat()
        _ = path.withCString { lstat($0, &status) }
        return status
    }

    @Test func keepsBytesReadOnlyWithAFixedTime() throws {
        let digest = try store.write(hello)
        #expect(digest == Digest.of(hello))
        #expect(store.contains(digest))
        #expect(try store.read(digest) == hello)
        let status = status(folder(blob(digest)))
        #expect(status.st_mode & 0o7777 == 0o444)
        #expect(status.st_mtim.tv_sec == 315_532_800)
        #expect(self.status(folder("store")).st_mode & 0o7777 == 0o700)
        #expect(files == [blob(digest)])
    }

    @Test func writingTwiceIsWritingOnce() throws {
        let digest = try store.write(hello)
        let inode = status(folder(blob(digest))).st_ino
        #expect(try store.write(hello) == digest)
        #expect(status(folder(blob(digest))).st_ino == inode)
    }

    @Test func aMissingBlobIsMissing() throws {
        let digest = Digest.of(hello)
        #expect(!store.contains(digest))
        #expect(throws: StoreError.missing(digest)) { try store.read(digest) }
        #expect(throws: StoreError.missing(digest)) {
            try store.place(digest, at: folder("out/file"), executable: false)
        }
        #expect(files.isEmpty)
    }

    @Test(arguments: 0..<6) func aDamagedBlobIsFoundBeforeUseAndHeals(index: Int) throws {
        let digest = try store.write(hello)
        // As another run would: nothing is remembered as good.
        var bytes = hello
        bytes[index] ^= 0x20
        func damage() throws {
            _ = folder(blob(digest)).withCString { unlink($0) }
            try folder.write(blob(digest), bytes: bytes, mode: 0o444)
        }
        try damage()
        #expect(throws: StoreError.damaged(digest)) { try LocalContentStore.open(folder: folder("store")).read(digest) }
        #expect(!store.contains(digest))
        #expect(try store.write(hello) == digest)
        #expect(try store.read(digest) == hello)
        try damage()
        #expect(throws: StoreError.damaged(digest)) {
            try store.place(digest, at: folder("out/file"), executable: false)
        }
        _ = try store.write(hello)
        try damage()
        #expect(throws: StoreError.damaged(digest)) {
            try store.linkOrCopy(digest, executable: false, to: folder("staged"), mode: .shared)
        }
        #expect(files.isEmpty)
    }

    @Test(arguments: [false, true]) func linksOnlyWhatIsKnownToBeGood(executable: Bool) throws {
        let digest = try store.write(hello)
        try store.linkOrCopy(digest, executable: executable, to: folder("first"), mode: .shared)
        let place = folder.path.withCString { open($0, O_RDONLY | O_DIRECTORY) }
        defer { close(place) }
        #expect(store.link(digest, executable: executable, to: "second", in: place))
        #expect(status(folder("second")).st_ino == status(folder("first")).st_ino)
        // Nothing is replaced.
        #expect(!store.link(digest, executable: executable, to: "second", in: place))
        let other = try LocalContentStore.open(folder: folder("store"))
        #expect(!other.link(digest, executable: executable, to: "third", in: place))
        let file = blob(digest) + (executable ? ".x" : "")
        _ = folder(file).withCString { unlink($0) }
        #expect(!store.link(digest, executable: executable, to: "third", in: place))
        try folder.write(file, bytes: Array("HELLO\n".utf8), mode: 0o444)
        #expect(!store.link(digest, executable: executable, to: "third", in: place))
        #expect(status(folder("third")).st_ino == 0)
    }

    @Test func aTruncatedBlobIsNotContained() throws {
        let digest = try store.write(hello)
        _ = folder(blob(digest)).withCString { unlink($0) }
        try folder.write(blob(digest), bytes: [], mode: 0o444)
        #expect(!store.contains(digest))
        #expect(throws: StoreError.damaged(digest)) { try store.read(digest) }
    }

    @Test(arguments: [false, true]) func placesAFileOfItsOwn(executable: Bool) throws {
        let digest = try store.write(hello)
        let path = folder("a/b/file")
        try folder.write("a/b/file", "old")
        try store.place(digest, at: path, executable: executable)
        #expect(try readFile(path.shown) == hello)
        let status = status(path)
        #expect(status.st_mode & 0o7777 == (executable ? 0o755 : 0o644))
        #expect(status.st_nlink == 1)
        #expect(files == ["a/b/file", blob(digest)])
    }

    @Test func placingReplacesALinkAndNotWhatItPointsTo() throws {
        let digest = try store.write(hello)
        try folder.write("target", "mine")
        #expect(symlink("target", folder("link").shown) == 0)
        try store.place(digest, at: folder("link"), executable: false)
        #expect(try readFile(folder("target").shown) == Array("mine".utf8))
        #expect(try readFile(folder("link").shown) == hello)
    }

    @Test func storesFiles() throws {
        let bytes = (0..<700_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        try folder.write("file", bytes: bytes)
        let digest = try store.writeFile(at: folder("file"), expecting: nil)
        #expect(digest == Digest.of(bytes))
        #expect(try store.writeFile(at: folder("file"), expecting: digest) == digest)
        #expect(try store.read(digest) == bytes)
        #expect(throws: StoreError.changed(folder("file"))) {
            try store.writeFile(at: folder("file"), expecting: Digest.of(hello))
        }
        #expect(!store.contains(Digest.of(hello)))
        #expect(files == ["file", blob(digest)])
    }

    @Test func refusesWhatIsNoFile() throws {
        try folder.write("file", "x")
        #expect(symlink("file", folder("link").shown) == 0)
        #expect(mkfifo(folder("fifo").shown, 0o600) == 0)
        #expect(throws: StoreError.system("open", folder("link"), ELOOP)) {
            try store.writeFile(at: folder("link"), expecting: nil)
        }
        #expect(throws: StoreError.system("read", folder("fifo"), EINVAL)) {
            try store.writeFile(at: folder("fifo"), expecting: nil)
        }
        #expect(throws: StoreError.system("open", folder("none"), ENOENT)) {
            try store.writeFile(at: folder("none"), expecting: nil)
        }
    }

    @Test func stagesSharedAndPrivate() throws {
        let digest = try store.write(hello)
        let modes: [(Bool, LocalContentStore.Staging, mode_t, Int)] = [
            (false, .shared, 0o444, 2), (true, .shared, 0o555, 2), (false, .private, 0o644, 1),
            (true, .private, 0o755, 1),
        ]
        for (index, (executable, staging, mode, links)) in modes.enumerated() {
            let path = folder("staged\(index)")
            try store.linkOrCopy(digest, executable: executable, to: path, mode: staging)
            let status = status(path)
            #expect(try readFile(path.shown) == hello)
            #expect(status.st_mode & 0o7777 == mode)
            #expect(Int(status.st_nlink) == links)
            #expect(status.st_mtim.tv_sec == 315_532_800)
        }
        #expect(status(folder(blob(digest))).st_mode & 0o7777 == 0o444)
    }

    @Test func refusesAFolderThatOthersMayWriteTo() throws {
        let path = folder("open")
        #expect(mkdir(path.shown, 0o700) == 0)
        #expect(chmod(path.shown, 0o777) == 0)
        #expect(throws: StoreError.system("open", path, EPERM)) { try LocalContentStore.open(folder: path) }
    }
}
