// The plain files of a working tree that git's index names, with the ids that it has for them. Does not look at a file.
import BuildGraph
import Buildfile
import Glibc

/// What one walk through git's index and the files at once found, in the index's order.
struct TrackedFiles: Sendable {
    /// When the walk began, by the clock that stamps files.
    let moment: Int64
    /// Names the paths, and the `.gitattributes` that are staged, which git reads where there is none on disk.
    let key: Fingerprint
    /// The `.gitattributes` that are staged, by path from the repository's top.
    let attributeFiles: [BytePath]
    /// Those that lead to the files, from the root down; it is itself the empty path.
    let folders: [BytePath]
    private let index: BytePath
    private let status: FileStatus
    private let idSize: Int
    private let positions: [Int32]
    private let ids: [UInt8]

    /// Of the files of `disk`, whose root is `prefix` below the repository's top. Nil where the index cannot be
    /// understood, or somebody is in the middle of a merge.
    init?(_ index: BytePath, idSize: Int, of disk: WorkingTree, below prefix: BytePath) {
        moment = FileStatus.now
        guard let file = GitIndexFile(index, idSize: idSize) else { return nil }
        var walk = Walk(disk, prefix)
        let isRead = file.forEach { walk.take($0) }
        guard isRead, walk.isUsable else { return nil }
        self.index = index
        self.idSize = idSize
        status = file.status
        (positions, ids, folders) = (walk.positions, walk.ids, walk.folders)
        attributeFiles = walk.attributeFiles
        key = walk.hasher.finalize()
    }

    var count: Int { positions.count }

    /// Whether the index is still the one that was read.
    var isIndexAsItWas: Bool { Disk.status(index).map { FileStatus($0) } == status }

    /// In the working tree's files.
    func position(_ place: Int) -> Int { Int(positions[place]) }

    func idBytes(_ place: Int) -> ArraySlice<UInt8> { ids[place * idSize..<(place + 1) * idSize] }

    func id(_ place: Int) -> ObjectID? { ObjectID(bytes: idBytes(place)) }

    /// The repository's kind of id.
    func id(of words: SHA256Value) -> ObjectID { ObjectID(words: words, isSHA256: idSize == 32) }

    private struct Walk: ~Copyable {
        private let entries: FileEntries
        private let start: [UInt8]
        private var next = 0
        private var lastFolder: [UInt8] = []
        private var seen: Set<BytePath> = [.root]
        private(set) var positions: [Int32] = []
        private(set) var ids: [UInt8] = []
        private(set) var folders: [BytePath] = [.root]
        private(set) var attributeFiles: [BytePath] = []
        private(set) var isUsable = true
        private let attributesName = Array(".gitattributes".utf8)
        var hasher = FingerprintHasher()

        init(_ disk: WorkingTree, _ prefix: BytePath) {
            entries = disk.entries
            start = prefix.isEmpty ? [] : prefix.bytes + [UInt8(ascii: "/")]
        }

        mutating func take(_ entry: GitIndexFile.Entry) {
            if entry.isHalf { isUsable = false }
            guard isUsable else { return }
            if entry.isNamed(attributesName) {
                note(entry.path, 1, Array(entry.id))
                attributeFiles.append(BytePath(bytes: Array(entry.path)))
            }
            guard !entry.isSubmodule, entry.path.starts(with: start) else { return }
            let path = UnsafeRawBufferPointer(rebasing: entry.path[start.count...])
            var order = 1
            while next < entries.count {
                order = entries.withPath(next) { compareBytes($0, path) }
                if order >= 0 { break }
                next += 1
                order = 1
            }
            guard order == 0, [.file, .executable].contains(entries.kind(next)) else { return }
            note(path, 0, [])
            positions.append(Int32(truncatingIfNeeded: next))
            ids.append(contentsOf: entry.id)
            takeFolder(path)
        }

        private mutating func note(_ path: UnsafeRawBufferPointer, _ tag: UInt8, _ rest: [UInt8]) {
            hasher.update(path)
            // A path has no zero byte, and a tag has its own.
            hasher.update([0, tag] + rest)
        }

        private mutating func takeFolder(_ path: UnsafeRawBufferPointer) {
            guard let end = path.lastIndex(of: UInt8(ascii: "/")) else { return }
            if path[..<end].elementsEqual(lastFolder) { return }
            lastFolder = Array(path[..<end])
            var folder = BytePath(bytes: lastFolder)
            var new: [BytePath] = []
            while seen.insert(folder).inserted {
                new.append(folder)
                folder = folder.parent
            }
            folders += new.reversed()
        }
    }
}
