import BuildGraph
import BuildTestSupport
import Glibc
import Testing

@testable import BuildEngine

@Suite struct StoreRecoveryTests {
    let folder: TemporaryFolder
    let digests: [Digest]

    init() throws {
        folder = try TemporaryFolder()
        let store = try LocalContentStore.open(folder: folder.path)
        digests = try (0..<3).map { try store.write(Array("blob \($0)\n".utf8)) }
    }

    func blob(_ digest: Digest) -> String { "cas/\(digest.hash.hex.prefix(2))/\(digest.hash.hex)" }

    /// As a power cut leaves what was not written yet: the length, and nothing in it.
    func lose(_ digest: Digest) throws {
        _ = folder(blob(digest)).withCString { unlink($0) }
        try folder.write(blob(digest), bytes: [UInt8](repeating: 0, count: digest.size), mode: 0o444)
    }

    /// As if the store had been opened last `seconds` from now, in another run of the kernel.
    func restart(_ seconds: Int) throws {
        _ = folder("boot").withCString { unlink($0) }
        try folder.write("boot", "another\n")
        let time = timespec(tv_sec: Glibc.time(nil) + seconds, tv_nsec: 0)
        #expect(folder("boot").withCString { utimensat(AT_FDCWD, $0, [time, time], 0) } == 0)
    }

    @Test func afterARestartWhatWasLostIsMissing() throws {
        try lose(digests[1])
        try restart(-60)
        let store = try LocalContentStore.open(folder: folder.path)
        #expect(digests.map { store.contains($0) } == [true, false, true])
        // From now on the store is as good as any.
        try lose(digests[2])
        #expect(try LocalContentStore.open(folder: folder.path).contains(digests[2]))
    }

    @Test func whatIsOlderThanAnyDoubtIsNotRead() throws {
        try lose(digests[1])
        try restart(StoreRecovery.doubt + 60)
        let store = try LocalContentStore.open(folder: folder.path)
        #expect(store.contains(digests[1]))
        // It is found out all the same.
        #expect(throws: StoreError.damaged(digests[1])) { try store.read(digests[1]) }
    }

    @Test func withoutARestartNothingIsRead() throws {
        try lose(digests[0])
        #expect(try LocalContentStore.open(folder: folder.path).contains(digests[0]))
    }
}
