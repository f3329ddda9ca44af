// Remembers the SHA-256 of git blobs from run to run. Does not know git, files or trees.
import BuildGraph
import CLinux
import Glibc
import Synchronization

/// Object id → digest, kept in a file that is only ever added to.
///
/// The file is a header and records of equal size, each with a checksum of its own: what another run was writing when
/// it died, or what a disk lost, is a record that does not count.
final class ObjectDigests: Sendable {
    private struct State: Sendable {
        var isLoaded = false
        /// How often a digest was asked for before the file was looked at.
        var asked = 0
        var known: [ObjectID: Digest] = [:]
        var unsaved: [(id: ObjectID, digest: Digest)] = []
    }

    private static let header = Array("LMSOBJS\u{1}".utf8) + Array(repeating: 0, count: 8)
    private static let recordSize = 96
    private static let fewQuestions = 64
    private let file: BytePath?
    private let isTrusted: Bool
    private let state = Mutex(State())

    /// `file` is absolute; nil keeps all in memory. What a file that is not trusted says is not read.
    init(at file: BytePath?, isTrusted: Bool) {
        self.file = file
        self.isTrusted = isTrusted
    }

    deinit { save() }

    /// Of a large file the first few are not looked up: to read so many blobs is sooner done than to read the file.
    func digest(of id: ObjectID, thoroughly: Bool = false) -> Digest? {
        state.withLock { state in
            if !state.isLoaded {
                state.asked += 1
                if !thoroughly, state.asked <= Self.fewQuestions, isLarge { return state.known[id] }
                state.isLoaded = true
                if let file, isTrusted { state.known.merge(Self.load(file)) { $1 } }
            }
            return state.known[id]
        }
    }

    private var isLarge: Bool {
        var status = stat()
        guard let file, isTrusted, file.withCString({ lstat($0, &status) }) == 0 else { return false }
        return status.st_size > 1024 * Self.recordSize
    }

    func record(_ id: ObjectID, _ digest: Digest) {
        state.withLock { state in
            let isNew = state.known.updateValue(digest, forKey: id) == nil
            // What was not looked up may be in the file.
            if isNew, state.isLoaded { state.unsaved.append((id, digest)) }
        }
    }

    /// Adds what was learned to the file. Where that fails it is learned again next time.
    func save() {
        let unsaved = state.withLock { state in
            defer { state.unsaved = [] }
            return state.unsaved
        }
        guard let file, !unsaved.isEmpty else { return }
        let flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW
        let descriptor = file.withCString { clinux_openat(AT_FDCWD, $0, flags, 0o600) }
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var status = stat()
        guard flock(descriptor, LOCK_EX) == 0, fstat(descriptor, &status) == 0 else { return }
        var bytes = unsaved.flatMap { Self.encoded($0.id, $0.digest) }
        var end = Int(status.st_size)
        if Self.startsWithHeader(descriptor) {
            // A record that was cut off would shift all that follow.
            end -= (end - Self.header.count) % Self.recordSize
        } else {
            end = 0
            bytes = Self.header + bytes
        }
        guard ftruncate(descriptor, off_t(end)) == 0 else { return }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                pwrite(
                    descriptor, buffer.baseAddress.map { $0 + written }, bytes.count - written, off_t(end + written))
            }
            if count < 0, errno == EINTR { continue }
            if count <= 0 { return }
            written += count
        }
    }

    private static func startsWithHeader(_ descriptor: Int32) -> Bool {
        var start = [UInt8](repeating: 0, count: header.count)
        let count = start.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        return count == header.count && start == header
    }

    private static func load(_ file: BytePath) -> [ObjectID: Digest] {
        let descriptor = file.withCString { open($0, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) }
        guard descriptor >= 0 else { return [:] }
        defer { close(descriptor) }
        guard startsWithHeader(descriptor) else { return [:] }
        var known: [ObjectID: Digest] = [:]
        var status = stat()
        if fstat(descriptor, &status) == 0 { known.reserveCapacity(min(1 << 22, Int(status.st_size) / recordSize)) }
        var offset = header.count
        var piece = [UInt8](repeating: 0, count: recordSize * 1024)
        while true {
            let count = piece.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, off_t(offset)) }
            if count < 0, errno == EINTR { continue }
            let records = max(0, count) / recordSize
            if records == 0 { return known }
            piece.withUnsafeBytes { bytes in
                for start in stride(from: 0, to: records * recordSize, by: recordSize) {
                    let record = UnsafeRawBufferPointer(rebasing: bytes[start..<start + recordSize])
                    if let (id, digest) = decoded(record) { known[id] = digest }
                }
            }
            offset += records * recordSize
        }
    }

    /// Id (32), its kind and the size (16), SHA-256 (32), XXH3-128 of these (16).
    private static func encoded(_ id: ObjectID, _ digest: Digest) -> [UInt8] {
        let body =
            id.words.bytes + number(id.isSHA256 ? 32 : 20) + number(UInt64(digest.size)) + digest.hash.bytes
        let checksum = Fingerprint.of(body)
        return body + number(checksum.high) + number(checksum.low)
    }

    private static func decoded(_ record: UnsafeRawBufferPointer) -> (ObjectID, Digest)? {
        let checksum = Fingerprint.of(UnsafeRawBufferPointer(rebasing: record[..<80]))
        func number(_ offset: Int) -> UInt64 {
            UInt64(littleEndian: record.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
        guard number(80) == checksum.high, number(88) == checksum.low else { return nil }
        func value(_ offset: Int) -> SHA256Value {
            func word(_ place: Int) -> UInt64 {
                UInt64(bigEndian: record.loadUnaligned(fromByteOffset: offset + 8 * place, as: UInt64.self))
            }
            return SHA256Value(words: (word(0), word(1), word(2), word(3)))
        }
        let digest = Digest(hash: value(48), size: Int(truncatingIfNeeded: number(40)))
        return (ObjectID(words: value(0), isSHA256: number(32) == 32), digest)
    }

    private static func number(_ value: UInt64) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
}
