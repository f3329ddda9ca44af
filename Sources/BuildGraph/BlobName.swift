// The names that git gives contents. Does not ask git, nor know what it stores in place of what lies on disk.
import Glibc

/// Makes the id of a git blob: the hash of `blob`, the size, and the content.
///
/// A SHA-1 here does not look for collisions, as git's does. Whoever compares with the ids of a repository's objects needs
/// none: git has looked at those when they came.
package struct BlobHasher: Sendable {
    private enum Algorithm: Sendable {
        case sha1(SHA1Hasher)
        case sha256(SHA256Hasher)
    }

    private var algorithm: Algorithm

    /// For `size` bytes that are to come.
    package init(size: Int, isSHA256: Bool) {
        algorithm = isSHA256 ? .sha256(SHA256Hasher()) : .sha1(SHA1Hasher())
        Array("blob \(size)\0".utf8).withUnsafeBytes { update($0) }
    }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        switch algorithm {
        case .sha1(var hasher):
            hasher.update(bytes)
            algorithm = .sha1(hasher)
        case .sha256(var hasher):
            hasher.update(bytes)
            algorithm = .sha256(hasher)
        }
    }

    /// The id's bytes; a SHA-1 has zeros behind it.
    package func finalize() -> SHA256Value {
        switch algorithm {
        case .sha1(let hasher): hasher.finalize()
        case .sha256(let hasher): hasher.finalize()
        }
    }

    package static func name(of bytes: [UInt8], isSHA256: Bool) -> SHA256Value {
        var hasher = BlobHasher(size: bytes.count, isSHA256: isSHA256)
        bytes.withUnsafeBytes { hasher.update($0) }
        return hasher.finalize()
    }
}

extension WorkingTree {
    /// The id of the blob that git would make of the file at a place as it lies on disk, or of the text of a link. Throws
    /// where it changes while it is read.
    package func blobName(_ position: Int, isSHA256: Bool) throws(FileSystemError) -> SHA256Value {
        let entry = entries[position]
        guard entry.kind == .file || entry.kind == .executable else {
            return BlobHasher.name(of: try contents(of: entry.path), isSHA256: isSHA256)
        }
        let file = try OpenFile(reading: options.root.appending(entry.path), shownAs: entry.path)
        let before = try file.status()
        guard FileKind(mode: before.st_mode) == entry.kind else { throw .changed(entry.path) }
        let size = Int(before.st_size)
        var hasher = BlobHasher(size: size, isSHA256: isSHA256)
        var buffer = [UInt8](repeating: 0, count: max(4096, min(FileHashing.bufferSize, size + 1)))
        var offset = 0
        while offset <= size {
            let count = try file.read(at: offset, into: &buffer, limit: buffer.count)
            if count == 0 { break }
            buffer.withUnsafeBytes { hasher.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            offset += count
        }
        guard offset == size, FileStatus(try file.status()) == FileStatus(before) else { throw .changed(entry.path) }
        return hasher.finalize()
    }

    /// As `blobName` of each of `positions`, in their order, by several threads.
    package func blobNames(_ positions: [Int], isSHA256: Bool) throws(FileSystemError) -> [SHA256Value] {
        try Threads.map(positions.count) { number throws(FileSystemError) in
            try blobName(positions[number], isSHA256: isSHA256)
        }
    }

    /// The status that the file at a place had when it was looked at.
    package func status(_ position: Int) -> FileStatus { looked.status(position) }

    /// The digest of the file at a place, where no file has to be read for it.
    package func knownDigest(_ position: Int) -> Digest? { known(position, looked.learned.snapshot) }
}
