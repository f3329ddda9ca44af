// Which contents of a working tree git's index has ids for, so that they are known without being read. Does not know commits.
import BuildGraph
import Buildfile
import Glibc
import Synchronization

/// The ids that git has for the files of one look at a working tree.
///
/// An entry of the index names what a file holds, as it lies on disk, where all of this is so: the file has the status that
/// it had when it was staged or checked out, to the nanosecond; that is older than the index by more than a clock's tick,
/// so that a later write would show; and the blob has as many bytes as the file, so that no conversion was made between
/// them (each of git's own adds or takes bytes). Any other file is read for its id where somebody asks.
final class StagedNames: Sendable {
    let files: any FileSystem
    let isSHA256: Bool
    /// What the index has otherwise than the files: paths that it lacks, that they lack, and that are of another kind.
    let differences: [EntryChange]
    /// The ids of paths that the index has and the files lack.
    let missing: [BytePath: ObjectID]
    private let disk: WorkingTree
    private let index: GitIndexFile
    /// Where in the index the id of each of the entries of `files` is.
    private let ids: [UInt32]
    private let states: [State]
    private let read = Mutex<[Int: ObjectID]>([:])

    private enum State: UInt8 {
        case untracked
        /// The index has an id, and the file may hold something else.
        case staged
        /// The file holds what the index's id names.
        case same
    }

    /// `sizes` are those of the blobs that `BlobSizes` asks for, in its order. Nil where the index cannot be understood, or
    /// somebody is in the middle of a merge.
    init?(_ files: any FileSystem, _ index: GitIndexFile, prefix: BytePath, sizes: [UInt32]) {
        // Where an id is takes 32 bits.
        guard index.size <= UInt32.max, let disk = files as? WorkingTree ?? (files as? CheckedOutTree)?.disk,
            var pass = StagingPass(files, disk, index, prefix)
        else { return nil }
        guard pass.run(index, sizes) else { return nil }
        self.files = files
        self.disk = disk
        self.index = index
        isSHA256 = index.idSize == 32
        differences = pass.differences
        missing = pass.missing
        ids = pass.ids
        states = pass.states
    }

    /// The index's id for the entry at `position` of the files; nil for what is not tracked.
    func staged(_ position: Int) -> ObjectID? {
        states[position] == .untracked ? nil : ObjectID(bytes: index.id(at: Int(ids[position])))
    }

    /// Whether the file is known to hold what the index has.
    func isSame(_ position: Int) -> Bool { states[position] == .same }

    /// As `isSame`, where need be by what was read so far.
    func isFoundSame(_ position: Int) -> Bool {
        if isSame(position) { return true }
        guard let id = staged(position) else { return false }
        return read.withLock { $0[position] } == id
    }

    /// How many files were read for their ids.
    var readCount: Int { read.withLock { $0.count } }

    /// The id of what git would store for the entry at `position`; the file is read where the index does not tell.
    func name(_ position: Int) throws(FileSystemError) -> ObjectID {
        if isSame(position), let id = staged(position) { return id }
        if let known = read.withLock({ $0[position] }) { return known }
        let entry = files.entries[position]
        let id = try Self.name(files, disk, entry, isSHA256)
        read.withLock { $0[position] = id }
        return id
    }

    /// Reads the files at `positions` whose ids are not known, by several threads.
    func learn(_ positions: some Sequence<Int>) throws(FileSystemError) {
        let unknown = read.withLock { read in positions.filter { !isSame($0) && read[$0] == nil } }
        let isOfDisk = (files as? CheckedOutTree)?.hasEntriesOfDisk ?? true
        let plain = unknown.filter { position in
            isOfDisk && files.entries.kind(position) != .submodule
                && (files as? CheckedOutTree)?.stored(files.entries[position].path) == nil
        }
        let names = try disk.blobNames(plain, isSHA256: isSHA256)
        read.withLock { read in
            for (position, name) in zip(plain, names) { read[position] = ObjectID(words: name, isSHA256: isSHA256) }
        }
    }

    fileprivate static func name(
        _ files: any FileSystem, _ disk: WorkingTree, _ entry: FileEntry, _ isSHA256: Bool
    ) throws(FileSystemError) -> ObjectID {
        func blob(_ bytes: [UInt8]) -> ObjectID {
            ObjectID(words: BlobHasher.name(of: bytes, isSHA256: isSHA256), isSHA256: isSHA256)
        }
        let stored = (files as? CheckedOutTree)?.stored(entry.path)
        if let id = stored?.blob { return id }
        if stored == nil, entry.kind != .submodule {
            guard let position = disk.entries.index(of: entry.path) else {
                throw FileSystemError("open", entry.path, errno: ENOENT)
            }
            return ObjectID(words: try disk.blobName(position, isSHA256: isSHA256), isSHA256: isSHA256)
        }
        let bytes = try files.contents(of: entry.path)
        // A submodule is named by its commit, and one with changes of its own by what tells them apart.
        return entry.kind == .submodule ? ObjectID(hex: bytes) ?? blob(bytes) : blob(bytes)
    }

    /// One walk through the index and the files at once.
    private struct StagingPass {
        private let files: any FileSystem
        private let disk: WorkingTree
        private let entries: FileEntries
        private let prefix: BytePath
        /// `files`, where git may have converted some.
        private let checkedOut: CheckedOutTree?
        private let isOfDisk: Bool
        /// When the index was written, by the clock that stamps files.
        private let moment: Int64
        private let emptyBlob: ObjectID
        private(set) var ids: [UInt32]
        private(set) var states: [State]
        private(set) var differences: [EntryChange] = []
        private(set) var missing: [BytePath: ObjectID] = [:]
        private var next = 0

        init?(_ files: any FileSystem, _ disk: WorkingTree, _ index: GitIndexFile, _ prefix: BytePath) {
            self.files = files
            self.disk = disk
            entries = files.entries
            self.prefix = prefix
            checkedOut = files as? CheckedOutTree
            isOfDisk = checkedOut?.hasEntriesOfDisk ?? true
            moment = min(index.status.modified, index.status.changed)
            let isSHA256 = index.idSize == 32
            emptyBlob = ObjectID(words: BlobHasher.name(of: [], isSHA256: isSHA256), isSHA256: isSHA256)
            ids = [UInt32](repeating: 0, count: entries.count)
            states = [State](repeating: .untracked, count: entries.count)
        }

        mutating func run(_ index: GitIndexFile, _ sizes: [UInt32]) -> Bool {
            var asked = 0
            var isUsable = true
            let isRead = index.forEach(below: prefix) { entry, path in
                guard isUsable else { return }
                guard !entry.isHalf else {
                    isUsable = false
                    return
                }
                var size: UInt32?
                if BlobSizes.asks(for: entry) {
                    if asked < sizes.count { size = sizes[asked] }
                    asked += 1
                }
                take(entry, path, size)
            }
            guard isRead, isUsable, asked == sizes.count else { return false }
            while next < entries.count { passUntracked() }
            return true
        }

        private mutating func passUntracked() {
            differences.append(EntryChange(path: entries[next].path, kind: nil))
            next += 1
        }

        private mutating func take(_ entry: GitIndexFile.Entry, _ path: UnsafeRawBufferPointer, _ size: UInt32?) {
            var order = 1
            while next < entries.count {
                order = entries.withPath(next) { compareBytes($0, path) }
                if order >= 0 { break }
                passUntracked()
                order = 1
            }
            guard order == 0 else {
                let path = BytePath(bytes: Array(path))
                guard !path.isLeftOut, let id = ObjectID(bytes: entry.id) else { return }
                differences.append(EntryChange(path: path, kind: entry.kind))
                missing[path] = id
                return
            }
            ids[next] = UInt32(truncatingIfNeeded: entry.idPlace)
            if entries.kind(next) != entry.kind {
                differences.append(EntryChange(path: entries[next].path, kind: entry.kind))
            }
            states[next] = isSame(entry, size) ? .same : .staged
            next += 1
        }

        /// Whether the file at `next` is sure to be stored as what the index's entry names.
        private func isSame(_ entry: GitIndexFile.Entry, _ size: UInt32?) -> Bool {
            let kind = entries.kind(next)
            if let stored = checkedOut?.stored(entries[next].path) {
                return stored.blob.map { $0 == ObjectID(bytes: entry.id) } ?? false
            }
            guard kind.isTold, entry.kind.isTold, (kind == .link) == (entry.kind == .link) else {
                guard kind == .submodule, entry.isSubmodule else { return false }
                return (try? files.contents(of: entries[next].path)).flatMap { ObjectID(hex: $0) }
                    == ObjectID(bytes: entry.id)
            }
            guard let position = isOfDisk ? next : disk.entries.index(of: entries[next].path) else { return false }
            let status = disk.status(position)
            if status.size == 0, kind != .link { return ObjectID(bytes: entry.id) == emptyBlob }
            guard let size, size < UInt32.max, size == entry.size else { return false }
            return entry.had(status) && status.isSettled(at: moment)
        }
    }
}

extension FileKind {
    /// Whether a file's status tells of its content.
    fileprivate var isTold: Bool { self == .file || self == .executable || self == .link }
}

/// As git sorts paths.
func compareBytes(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int {
    let shared = min(left.count, right.count)
    if shared > 0, let one = left.baseAddress, let other = right.baseAddress {
        let order = memcmp(one, other, shared)
        if order != 0 { return Int(order) }
    }
    return left.count - right.count
}
