// A working tree as git would store it. Does not ask git (`GitRepository.checkedOut`), nor write anything.
package import BuildGraph
import Buildfile

/// The files of a working tree, in the form in which git keeps them: line ends, identifiers and large files as they are
/// committed, whatever a checkout made of them; files outside a sparse checkout as they are in the index. So a checkout has
/// the hashes of its commit on every machine.
package struct CheckedOutTree: FileSystem {
    /// What git keeps in place of what lies on disk.
    enum Stored: Sendable {
        case blob(ObjectID)
        case bytes([UInt8])
        /// The file with its line ends converted: this digest, and the blob's id.
        case lineEnds(Digest, ObjectID)

        /// The id of what git would store; nil where it is not told.
        var blob: ObjectID? {
            switch self {
            case .blob(let id), .lineEnds(_, let id): id
            case .bytes: nil
            }
        }
    }

    package let entries: FileEntries
    /// What lies on disk.
    package let disk: WorkingTree
    /// Large files whose content is not here: what lies on disk is the pointer to it.
    package let pointers: Set<BytePath>
    private let stored: [BytePath: Stored]
    private let objects: GitObjects

    /// `further` are files that are not on disk; `kinds` are those that git knows better.
    init(
        _ disk: WorkingTree, stored: [BytePath: Stored], further: [FileEntry], kinds: [BytePath: FileKind],
        pointers: Set<BytePath>, objects: GitObjects
    ) {
        self.disk = disk
        self.stored = stored
        self.pointers = pointers
        self.objects = objects
        isPlain = stored.isEmpty && further.isEmpty && kinds.isEmpty && pointers.isEmpty
        hasEntriesOfDisk = further.isEmpty && kinds.isEmpty
        guard !hasEntriesOfDisk else {
            entries = disk.entries
            return
        }
        let changes =
            kinds.map { EntryChange(path: $0.key, kind: $0.value) }
            + further.map { EntryChange(path: $0.path, kind: $0.kind) }
        entries = disk.entries.changed(changes.sorted { $0.path < $1.path })
    }

    /// Whether git would store every file as it lies on disk.
    package let isPlain: Bool

    /// What git keeps in place of the file at `path`; nil for what lies on disk.
    func stored(_ path: BytePath) -> Stored? { stored.isEmpty ? nil : stored[path] }

    /// Whether these are the files that lie on disk, of the same kinds.
    let hasEntriesOfDisk: Bool

    package func contents(of path: BytePath) throws(FileSystemError) -> [UInt8] {
        switch stored[path] {
        case .blob(let id): try objects.contents(of: id, at: path)
        case .bytes(let bytes): bytes
        case .lineEnds: Self.withoutCarriageReturns(try disk.contents(of: path))
        case nil: try disk.contents(of: path)
        }
    }

    package func digest(of path: BytePath) throws(FileSystemError) -> Digest {
        switch stored[path] {
        case .blob(let id): try objects.digest(of: id, at: path)
        case .bytes(let bytes): Digest.of(bytes)
        case .lineEnds(let digest, _): digest
        case nil: try disk.digest(of: path)
        }
    }

    package func digests(of paths: [BytePath]) throws(FileSystemError) -> [Digest] {
        if stored.isEmpty { return try disk.digests(of: paths) }
        var plain = try disk.digests(of: paths.filter { stored[$0] == nil })[...]
        var digests: [Digest] = []
        for path in paths {
            if stored[path] == nil, let next = plain.popFirst() {
                digests.append(next)
            } else {
                digests.append(try digest(of: path))
            }
        }
        return digests
    }

    package func placedDigest(of path: BytePath) throws(FileSystemError) -> Digest? {
        guard stored[path] != nil, let entry = diskEntry(path), entry.kind != .submodule else { return nil }
        return try disk.digest(of: path)
    }

    private func diskEntry(_ path: BytePath) -> FileEntry? {
        disk.entries.index(of: path).map { disk.entries[$0] }
    }

    static func withoutCarriageReturns(_ bytes: [UInt8]) -> [UInt8] {
        var kept: [UInt8] = []
        kept.reserveCapacity(bytes.count)
        for (index, byte) in bytes.enumerated() {
            if byte == 13, index + 1 < bytes.count, bytes[index + 1] == 10 { continue }
            kept.append(byte)
        }
        return kept
    }
}

/// The text that stands for a large file in git (the Git LFS specification, version 1).
enum LargeFilePointer {
    private static let version = "version https://git-lfs.github.com/spec/v1\n"

    static func text(_ digest: Digest) -> [UInt8] {
        Array("\(version)oid sha256:\(digest.hash.hex)\nsize \(digest.size)\n".utf8)
    }

    static func isPointer(_ bytes: [UInt8]) -> Bool { bytes.count < 1024 && bytes.starts(with: version.utf8) }
}
