// What the workspace was when it was last written down: `.lmsbuild/workspace`. Knows where each number lies; looks at no disk
// (`WorkspacePass` does), and does not know what has changed since.
import Buildfile
import Glibc

enum WorkspaceBaseLayout {
    static let magic: UInt64 = 0x4553_4142_5342_4D4C
    static let version: UInt32 = 2
    static let meta = 0
    /// Paths, each ended by a zero byte, sorted bytewise.
    static let paths = 1
    static let offsets = 2
    /// Low four bits: the kind; three bits: a place in the table of devices; the highest: whether the digest is known.
    static let kinds = 3
    /// Inode, size, modified, changed.
    static let statuses = 4
    static let digests = 5
    static let fingerprints = 6
    static let folders = 7
    static let folderPaths = 8
    /// For each folder in turn the places of the files that lie in it itself.
    static let children = 9
    static let ignoreFiles = 10
    static let nested = 11
    static let count = 12
    static let folderSize = 48
    static let statusSize = 32
    /// Stands for every device that the table had no room for: no status with it is ever believed.
    static let noDevice = 7
}

/// A state of the workspace's files, mapped to memory: paths, statuses, digests, folders.
final class WorkspaceBase: Sendable {
    let file: SectionFile
    let entries: PackedPaths
    let folderCount: Int
    /// Of what decided which files count, besides the `.gitignore`s (`WorkingTreeOptions.fingerprint`).
    let optionsKey: Fingerprint
    /// Whether one of the files is called `.gitattributes`.
    let hasAttributes: Bool
    /// The root's device first.
    let devices: [UInt64]

    var count: Int { entries.count }
    var generation: Fingerprint { file.generation }

    /// Maps and checks the file at the absolute `path`; `vouched` as for `SectionFile.open`.
    static func open(_ path: BytePath, vouched: FileStatus? = nil) throws(MappedFile.Failure) -> WorkspaceBase {
        let file = try SectionFile.open(
            path, magic: WorkspaceBaseLayout.magic, version: WorkspaceBaseLayout.version,
            sections: WorkspaceBaseLayout.count,
            restful: [WorkspaceBaseLayout.digests, WorkspaceBaseLayout.fingerprints], vouched: vouched)
        guard let base = WorkspaceBase(file) else { throw .damaged }
        return base
    }

    private init?(_ file: SectionFile) {
        self.file = file
        var meta = ByteReader(file.section(WorkspaceBaseLayout.meta))
        optionsKey = Fingerprint(high: meta.number(), low: meta.number())
        let count = Int(truncatingIfNeeded: meta.number())
        folderCount = Int(truncatingIfNeeded: meta.number())
        let deviceCount = meta.small()
        guard deviceCount < WorkspaceBaseLayout.noDevice else { return nil }
        devices = (0..<deviceCount).map { _ in meta.number() }
        hasAttributes = meta.flag()
        func size(_ section: Int) -> Int { file.section(section).count }
        guard count >= 0, folderCount >= 0, size(WorkspaceBaseLayout.offsets) == 4 * (count + 1),
            size(WorkspaceBaseLayout.kinds) == count,
            size(WorkspaceBaseLayout.statuses) == WorkspaceBaseLayout.statusSize * count,
            size(WorkspaceBaseLayout.digests) == 32 * count, size(WorkspaceBaseLayout.fingerprints) == 16 * count,
            size(WorkspaceBaseLayout.children) <= 4 * count,
            size(WorkspaceBaseLayout.folders) == WorkspaceBaseLayout.folderSize * folderCount
        else { return nil }
        func address(_ section: Int) -> UInt { UInt(bitPattern: file.section(section).baseAddress) }
        entries = PackedPaths(
            owner: file,
            PackedPlaces(
                heap: address(WorkspaceBaseLayout.paths), offsets: address(WorkspaceBaseLayout.offsets),
                kinds: address(WorkspaceBaseLayout.kinds), count: count))
    }

    private func rawKind(_ place: Int) -> UInt8 { file.section(WorkspaceBaseLayout.kinds)[place] }

    /// One that no file has where it could not be believed when it was written.
    func status(_ place: Int) -> FileStatus {
        let bytes = file.section(WorkspaceBaseLayout.statuses)
        let start = WorkspaceBaseLayout.statusSize * place
        func number(_ index: Int) -> Int64 {
            Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: start + 8 * index, as: Int64.self))
        }
        let device = Int(rawKind(place) >> 4 & 7)
        var status = FileStatus(
            device: device < devices.count ? devices[device] : 0, inode: UInt64(bitPattern: number(0)), size: number(1),
            modified: number(2), changed: number(3))
        if device >= devices.count { status.changed = Int64.min }
        return status
    }

    /// Nil where no target took the file in.
    func content(_ place: Int) -> HashedContent? {
        guard rawKind(place) & 0x80 != 0 else { return nil }
        var digest = ByteReader(file.section(WorkspaceBaseLayout.digests), at: 32 * place)
        var fingerprint = ByteReader(file.section(WorkspaceBaseLayout.fingerprints), at: 16 * place)
        var size = ByteReader(
            file.section(WorkspaceBaseLayout.statuses), at: WorkspaceBaseLayout.statusSize * place + 8)
        return HashedContent(
            fingerprint: Fingerprint(high: fingerprint.number(), low: fingerprint.number()),
            digest: Digest(hash: digest.value(), size: Int(size.number())))
    }

    // MARK: Folders

    struct Folder {
        let status: FileStatus
        /// Places in the section of children.
        let children: Range<Int>
        /// The start of its name in the section of folders' paths, and its length.
        let path: Range<Int>
    }

    func folder(_ index: Int) -> Folder {
        let bytes = file.section(WorkspaceBaseLayout.folders)
        let start = WorkspaceBaseLayout.folderSize * index
        func small(_ offset: Int) -> Int {
            Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: start + offset, as: UInt32.self)))
        }
        func number(_ offset: Int) -> UInt64 {
            UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: start + offset, as: UInt64.self))
        }
        return Folder(
            status: FileStatus(
                device: number(16), inode: number(24), size: 0, modified: Int64(bitPattern: number(32)),
                changed: Int64(bitPattern: number(40))),
            children: small(8)..<small(8) + small(12), path: small(0)..<small(0) + small(4))
    }

    /// The place of a file by its place in the section of children.
    func child(_ index: Int) -> Int {
        let bytes = file.section(WorkspaceBaseLayout.children)
        guard 4 * index + 4 <= bytes.count else { return 0 }
        return Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)))
    }

    func folderPath(_ index: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: file.section(WorkspaceBaseLayout.folderPaths)[folder(index).path])
    }

    /// The first folder whose path is not less than `path`; folders are sorted bytewise.
    func folderLowerBound(_ path: [UInt8]) -> Int {
        path.withUnsafeBytes { path in
            var low = 0
            var high = folderCount
            while low < high {
                let middle = (low + high) / 2
                if MappedIndex.compare(folderPath(middle), path) < 0 { low = middle + 1 } else { high = middle }
            }
            return low
        }
    }

    /// The `.gitignore`s that counted.
    var ignoreFiles: [(path: BytePath, status: FileStatus)] {
        var reader = ByteReader(file.section(WorkspaceBaseLayout.ignoreFiles))
        var found: [(path: BytePath, status: FileStatus)] = []
        while !reader.isAtEnd { found.append((reader.path(), reader.status())) }
        return found
    }

    /// Folders that were left out as repositories of their own.
    var nested: [BytePath] {
        var reader = ByteReader(file.section(WorkspaceBaseLayout.nested))
        var found: [BytePath] = []
        while !reader.isAtEnd { found.append(reader.path()) }
        return found
    }
}

extension WorkingTreeOptions {
    /// Of everything that decides which files count, but the workspace's own `.gitignore`s and what its folders hold.
    var fingerprint: Fingerprint {
        var writer = ByteWriter()
        writer.append(root.bytes)
        writer.append(prefix.bytes)
        for file in ignoreFiles {
            writer.append(file.folder.bytes)
            writer.append(file.fingerprint.high)
            writer.append(file.fingerprint.low)
        }
        writer.append(small: -1)
        for path in trackedIgnored.sorted() { writer.append(path.bytes) }
        writer.append(small: -1)
        for path in submodules.keys.sorted() { writer.append(path.bytes) }
        return Fingerprint.of(writer.bytes)
    }
}
