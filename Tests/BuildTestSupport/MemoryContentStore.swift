import BuildEngine
package import BuildGraph

/// A content store in memory; `place` and `writeFile` touch the real disk, as every store's do.
package actor MemoryContentStore: ContentStore {
    package private(set) var blobs: [Digest: [UInt8]] = [:]
    /// What `place` was asked for, in order.
    package private(set) var placed: [BytePath] = []

    package init() {}

    /// As if the blob had been evicted.
    package func remove(_ digest: Digest) { blobs[digest] = nil }

    package func contains(_ digest: Digest) -> Bool { blobs[digest] != nil }

    package func read(_ digest: Digest) throws -> [UInt8] {
        guard let bytes = blobs[digest] else { throw StoreError.missing(digest) }
        return bytes
    }

    package func write(_ bytes: [UInt8]) -> Digest {
        let digest = Digest.of(bytes)
        blobs[digest] = bytes
        return digest
    }

    package func writeFile(at path: BytePath, expecting expected: Digest?) throws -> Digest {
        let bytes = try readFile(path.shown)
        if let expected, Digest.of(bytes) != expected { throw StoreError.changed(path) }
        return write(bytes)
    }

    package func place(_ digest: Digest, at path: BytePath, executable: Bool) throws {
        let bytes = try read(digest)
        placed.append(path)
        try createFile(path, bytes: bytes, mode: executable ? 0o755 : 0o644)
    }
}
