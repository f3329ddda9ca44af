// The bytes of `.lmsbuild/index`. Knows where each number lies; does not know when an entry may be trusted.
//
//     header   magic, version, sizes, when it was written, XXH3-128 of all the rest
//     entries  one for each path, sorted bytewise by path: place of the path, status, row
//     rows     one for each content, sorted by fingerprint: fingerprint, size, SHA-256, age
//     paths    the bytes of the paths, one after the other
//
// All numbers are little-endian. No array or string is made of it: what is asked for is found in the mapped file.
import Glibc

enum FileIndexLayout {
    static let magic: UInt64 = 0x5845_444E_4953_4D4C
    static let version: UInt32 = 1
    static let headerSize = 80
    /// The checksum's place: covers all bytes but its own.
    static let checksum = 64..<80
    static let entrySize = 56
    static let rowSize = 64
    /// How many times an index is written with a content that no file has any more, before the content is forgotten.
    static let oldestAge: UInt32 = 32
}

/// A content that was hashed.
struct HashedContent: Sendable, Hashable {
    let fingerprint: Fingerprint
    let digest: Digest

    /// By fingerprint, and then by whatever makes the order total.
    static func precedes(_ left: HashedContent, _ right: HashedContent) -> Bool {
        (left.fingerprint.high, left.fingerprint.low, left.digest)
            < (right.fingerprint.high, right.fingerprint.low, right.digest)
    }
}

/// An index on disk that was found whole, mapped to memory. It is only ever replaced by a rename, never written to.
final class MappedIndex: Sendable {
    private let file: MappedFile
    let entryCount: Int
    let rowCount: Int
    private let heapSize: Int

    /// Maps and checks the index at the absolute `path`.
    static func open(_ path: BytePath) throws(MappedFile.Failure) -> MappedIndex {
        try MappedIndex(try MappedFile(path, least: FileIndexLayout.headerSize))
    }

    private init(_ file: MappedFile) throws(MappedFile.Failure) {
        self.file = file
        let all = file.bytes
        let limit = UInt64(1) << 40
        let sizes = [24, 32, 40].map { Self.number(all, at: $0) }
        entryCount = Int(min(sizes[0], limit))
        rowCount = Int(min(sizes[1], limit))
        heapSize = Int(min(sizes[2], limit))
        guard Self.number(all, at: 0) == FileIndexLayout.magic else { throw .damaged }
        guard Self.number(all, at: 8) == UInt64(FileIndexLayout.version) else { throw .otherVersion }
        guard
            file.size == FileIndexLayout.headerSize + entryCount * FileIndexLayout.entrySize
                + rowCount * FileIndexLayout.rowSize + heapSize,
            Self.checksum(all)
                == Fingerprint(high: Self.number(all, at: 64), low: Self.number(all, at: 72))
        else { throw .damaged }
    }

    private static func checksum(_ all: UnsafeRawBufferPointer) -> Fingerprint {
        var hasher = FingerprintHasher()
        hasher.update(UnsafeRawBufferPointer(rebasing: all[..<FileIndexLayout.checksum.lowerBound]))
        hasher.update(UnsafeRawBufferPointer(rebasing: all[FileIndexLayout.checksum.upperBound...]))
        return hasher.finalize()
    }

    private static func number(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    private var bytes: UnsafeRawBufferPointer { file.bytes }

    private func entryStart(_ entry: Int) -> Int {
        FileIndexLayout.headerSize + entry * FileIndexLayout.entrySize
    }

    private func rowStart(_ row: Int) -> Int {
        entryStart(entryCount) + row * FileIndexLayout.rowSize
    }

    /// The path of an entry, as long as the index lives; empty where its place is nonsense.
    func path(_ entry: Int) -> UnsafeRawBufferPointer {
        let start = Self.number(bytes, at: entryStart(entry))
        let length = Self.number(bytes, at: entryStart(entry) + 8) & 0xFFFF_FFFF
        guard start <= UInt64(heapSize), length <= UInt64(heapSize) - start else {
            return UnsafeRawBufferPointer(start: nil, count: 0)
        }
        let first = file.size - heapSize + Int(start)
        return UnsafeRawBufferPointer(rebasing: bytes[first..<(first + Int(length))])
    }

    func row(_ entry: Int) -> Int {
        Int(Self.number(bytes, at: entryStart(entry) + 8) >> 32)
    }

    func status(_ entry: Int) -> FileStatus {
        let start = entryStart(entry) + 16
        func number(_ index: Int) -> UInt64 { Self.number(bytes, at: start + 8 * index) }
        return FileStatus(
            device: number(0), inode: number(1), size: Int64(bitPattern: number(2)),
            modified: Int64(bitPattern: number(3)), changed: Int64(bitPattern: number(4)))
    }

    /// The content of a row; nil for a row that is not there.
    func content(_ row: Int) -> HashedContent? {
        guard row < rowCount else { return nil }
        let start = rowStart(row)
        func number(_ index: Int) -> UInt64 { Self.number(bytes, at: start + 8 * index) }
        return HashedContent(
            fingerprint: Fingerprint(high: number(0), low: number(1)),
            digest: Digest(
                hash: SHA256Value(words: (number(3), number(4), number(5), number(6))),
                size: Int(Int64(bitPattern: number(2)))))
    }

    func age(_ row: Int) -> UInt32 {
        UInt32(truncatingIfNeeded: Self.number(bytes, at: rowStart(row) + 56))
    }

    /// The entry of `path`.
    func find(_ path: UnsafeRawBufferPointer) -> Int? {
        var low = 0
        var high = entryCount
        while low < high {
            let middle = (low + high) / 2
            let order = Self.compare(self.path(middle), path)
            if order == 0 { return middle }
            if order < 0 { low = middle + 1 } else { high = middle }
        }
        return nil
    }

    /// The digest of the content with `fingerprint` and `size`; nil where two contents share them.
    func digest(of fingerprint: Fingerprint, size: Int) -> Digest? {
        var low = 0
        var high = rowCount
        while low < high {
            let middle = (low + high) / 2
            guard let other = content(middle)?.fingerprint else { return nil }
            if (other.high, other.low) < (fingerprint.high, fingerprint.low) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        guard let found = content(low), found.fingerprint == fingerprint, found.digest.size == size else { return nil }
        return content(low + 1)?.fingerprint == fingerprint ? nil : found.digest
    }

    /// Bytewise, as `BytePath` sorts: negative, zero or positive.
    static func compare(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int {
        let shared = min(left.count, right.count)
        if shared > 0, let one = left.baseAddress, let other = right.baseAddress {
            let order = memcmp(one, other, shared)
            if order != 0 { return Int(order) }
        }
        return left.count - right.count
    }
}
