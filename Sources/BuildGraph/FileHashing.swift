// One plain file to its digest. Does not know in which tree it is.
import Glibc

/// Reads a plain file for its digest, and makes sure that it was one state of the file.
struct FileHashing {
    static let bufferSize = 256 * 1024

    let entry: FileEntry
    let index: FileIndex?
    /// What the file held before, which it may still hold.
    var candidate: HashedContent?

    func digest(of file: borrowing OpenFile, _ buffer: inout [UInt8]) throws(FileSystemError) -> Digest {
        for _ in 0..<2 {
            let before = try file.status()
            guard FileKind(mode: before.st_mode) == entry.kind else { throw .changed(entry.path) }
            let moment = FileStatus.now
            let content = try read(file, size: Int(before.st_size), &buffer)
            let after = FileStatus(try file.status())
            guard let content, after == FileStatus(before) else { continue }
            index?.record(entry.path, after, content, readAt: moment)
            return content.digest
        }
        throw .changed(entry.path)
    }

    /// The content, read no more often than needed; nil where the file does not have `size` bytes.
    private func read(
        _ file: borrowing OpenFile, size: Int, _ buffer: inout [UInt8]
    ) throws(FileSystemError) -> HashedContent? {
        if size < buffer.count {
            // One byte more shows a file that grew.
            let count = try file.read(at: 0, into: &buffer, limit: size + 1)
            guard count == size else { return nil }
            return buffer.withUnsafeBytes { bytes in
                let bytes = UnsafeRawBufferPointer(rebasing: bytes[..<size])
                let fingerprint = Fingerprint.of(bytes)
                let known = known(fingerprint, size: size)
                let digest = known ?? Digest(hash: SHA256Value.of(bytes), size: size)
                return HashedContent(fingerprint: fingerprint, digest: digest)
            }
        }
        if let index, index.mayKnow(entry.path, size: size) || candidate?.digest.size == size {
            let quick = try pass(file, size: size, &buffer, withDigest: false)
            guard let quick else { return nil }
            if let digest = known(quick.fingerprint, size: size) {
                return HashedContent(fingerprint: quick.fingerprint, digest: digest)
            }
        }
        guard let full = try pass(file, size: size, &buffer, withDigest: true) else { return nil }
        return HashedContent(fingerprint: full.fingerprint, digest: Digest(hash: full.hash, size: size))
    }

    private func known(_ fingerprint: Fingerprint, size: Int) -> Digest? {
        guard let index else { return nil }
        if index.trustsFingerprints, let candidate, candidate.fingerprint == fingerprint, candidate.digest.size == size
        {
            return candidate.digest
        }
        return index.digest(of: fingerprint, size: size)
    }

    private func pass(
        _ file: borrowing OpenFile, size: Int, _ buffer: inout [UInt8], withDigest: Bool
    ) throws(FileSystemError) -> (fingerprint: Fingerprint, hash: SHA256Value)? {
        var fingerprint = FingerprintHasher()
        var hasher = SHA256Hasher()
        var offset = 0
        while offset <= size {
            let count = try file.read(at: offset, into: &buffer, limit: buffer.count)
            if count == 0 { break }
            buffer.withUnsafeBytes { bytes in
                let bytes = UnsafeRawBufferPointer(rebasing: bytes[..<count])
                fingerprint.update(bytes)
                if withDigest { hasher.update(bytes) }
            }
            offset += count
        }
        return offset == size ? (fingerprint.finalize(), hasher.finalize()) : nil
    }
}
