// Writes `.lmsbuild/workspace`. Does not look at the files.
import Glibc

/// Writes a `WorkspaceBase` of a look at the workspace, with what was learned of its files.
struct WorkspaceBaseWriter {
    let options: WorkingTreeOptions
    let look: LookedAt
    let index: FileIndex?
    /// Every folder that is walked.
    let folders: [(path: BytePath, status: FileStatus)]
    let ignoreFiles: [(path: BytePath, status: FileStatus)]
    let nested: [BytePath]

    private var entries: FileEntries { look.entries }

    /// Replaces the absolute `file`; gives the new generation.
    func write(to file: BytePath) throws(FileSystemError) -> Fingerprint {
        let sorted = folders.sorted { $0.path < $1.path }
        var generation = ByteWriter()
        generation.append(UInt64(bitPattern: FileStatus.now))
        generation.append(UInt64(getpid()))
        generation.append(UInt64.random(in: 0...UInt64.max))
        let name = Fingerprint.of(generation.bytes)
        try FileReplacement.write(file) { descriptor, new throws(FileSystemError) in
            var writer = SectionWriter(
                descriptor, new, magic: WorkspaceBaseLayout.magic, version: WorkspaceBaseLayout.version,
                generation: name, sections: WorkspaceBaseLayout.count)
            let parents = try addEntries(&writer, sorted)
            try addFolders(&writer, sorted, parents)
            var ignores = ByteWriter()
            for file in ignoreFiles {
                ignores.append(file.path.bytes)
                ignores.append(file.status)
            }
            try writer.add(ignores.bytes)
            var repositories = ByteWriter()
            for path in nested { repositories.append(path.bytes) }
            try writer.add(repositories.bytes)
            try writer.finish()
        }
        return name
    }

    /// Gives the place of each file's folder; `noFolder` for a submodule, which nobody looks after.
    private func addEntries(
        _ writer: inout SectionWriter, _ folders: [(path: BytePath, status: FileStatus)]
    ) throws(FileSystemError) -> [UInt32] {
        let devices = try addMeta(&writer, folders: folders.count)
        var bytes = 0
        for position in entries.indices { bytes += look.withPath(position) { $0.count } + 1 }
        guard bytes < Int(UInt32.max) else {
            throw FileSystemError("write", BytePath(".lmsbuild/workspace"), errno: EFBIG)
        }
        let count = entries.count
        var paths = writer.stream(bytes)
        var offsets = writer.stream(4 * (count + 1))
        var kinds = writer.stream(count)
        var statuses = writer.stream(WorkspaceBaseLayout.statusSize * count)
        var digests = writer.stream(32 * count)
        var fingerprints = writer.stream(16 * count)
        var parents = ParentFinder(folders)
        let contents = BaseContents(look, index)
        var start = 0
        for position in entries.indices {
            let kind = look.kind(position)
            let (status, content) = contents.of(position, kind)
            var failure: FileSystemError?
            let length = look.withPath(position) { path in
                parents.take(path, kind)
                do throws(FileSystemError) {
                    try paths.append(path)
                    try paths.append(UInt8(0))
                } catch {
                    failure = error
                }
                return path.count + 1
            }
            if let failure { throw failure }
            try offsets.append(UInt32(truncatingIfNeeded: start))
            start += length
            let device = devices.firstIndex(of: status.device) ?? WorkspaceBaseLayout.noDevice
            try kinds.append(kind.rawValue | UInt8(device) << 4 | (content == nil ? 0 : 0x80))
            try statuses.append(status.inode)
            for number in [status.size, status.modified, status.changed] {
                try statuses.append(UInt64(bitPattern: number))
            }
            let words = content?.digest.hash.words ?? (0, 0, 0, 0)
            try digests.append(words.0.byteSwapped)
            try digests.append(words.1.byteSwapped)
            try digests.append(words.2.byteSwapped)
            try digests.append(words.3.byteSwapped)
            try fingerprints.append(content?.fingerprint.high ?? 0)
            try fingerprints.append(content?.fingerprint.low ?? 0)
        }
        try offsets.append(UInt32(truncatingIfNeeded: start))
        try paths.flush()
        try offsets.flush()
        try kinds.flush()
        try statuses.flush()
        try digests.flush()
        try fingerprints.flush()
        // A file that no folder looks after would be taken for unchanged ever after.
        guard parents.strays == 0 else {
            throw FileSystemError("write", BytePath(".lmsbuild/workspace"), errno: EINVAL)
        }
        return parents.places
    }

    /// Gives the table of devices.
    private func addMeta(_ writer: inout SectionWriter, folders: Int) throws(FileSystemError) -> [UInt64] {
        var devices: [UInt64] = []
        var last: UInt64?
        for position in entries.indices {
            let device = look.status(position).device
            if device == last { continue }
            last = device
            if !devices.contains(device), devices.count < WorkspaceBaseLayout.noDevice - 1 { devices.append(device) }
        }
        var meta = ByteWriter()
        meta.append(options.fingerprint.high)
        meta.append(options.fingerprint.low)
        meta.append(UInt64(entries.count))
        meta.append(UInt64(folders))
        meta.append(small: devices.count)
        for device in devices { meta.append(device) }
        meta.append(entries.hasFile(named: ".gitattributes"))
        try writer.add(meta.bytes)
        return devices
    }

    private func addFolders(
        _ writer: inout SectionWriter, _ folders: [(path: BytePath, status: FileStatus)], _ parents: [UInt32]
    ) throws(FileSystemError) {
        var starts = [Int](repeating: 0, count: folders.count + 1)
        for parent in parents where parent != ParentFinder.noFolder { starts[Int(parent) + 1] += 1 }
        for index in folders.indices { starts[index + 1] += starts[index] }
        var next = starts
        var children = [UInt32](repeating: 0, count: starts[folders.count])
        for (position, parent) in parents.enumerated() where parent != ParentFinder.noFolder {
            children[next[Int(parent)]] = UInt32(truncatingIfNeeded: position).littleEndian
            next[Int(parent)] += 1
        }
        var records = ByteWriter()
        var paths = ByteWriter()
        for (index, folder) in folders.enumerated() {
            records.append(UInt32(paths.bytes.count))
            records.append(UInt32(folder.path.bytes.count))
            records.append(UInt32(starts[index]))
            records.append(UInt32(starts[index + 1] - starts[index]))
            for number in [folder.status.device, folder.status.inode] { records.append(number) }
            for number in [folder.status.modified, folder.status.changed] { records.append(number) }
            paths.bytes += folder.path.bytes
            paths.bytes.append(0)
        }
        try writer.add(records.bytes)
        try writer.add(paths.bytes)
        var stream = writer.stream(4 * children.count)
        for child in children { try stream.append(child) }
        try stream.flush()
    }
}

/// What a base is told of each file: with `changed` at the minimum where the status cannot be believed.
private struct BaseContents {
    private let look: LookedAt
    private let learned: LearnedContents.Snapshot
    /// Nil where it cannot know more.
    private let index: FileIndex?
    private let moment = FileStatus.now

    init(_ look: LookedAt, _ index: FileIndex?) {
        self.look = look
        learned = look.learned.snapshot
        self.index = index.flatMap { $0.knowsMore(than: look) ? $0 : nil }
    }

    func of(_ position: Int, _ kind: FileKind) -> (status: FileStatus, content: HashedContent?) {
        let status = look.status(position)
        guard kind == .file || kind == .executable else { return (status.whereSettled(at: moment), nil) }
        if let content = look.content(position) {
            return (look.isSettled(position) ? status : status.neverBelieved, content)
        }
        guard
            let known = look.learned(position, in: learned)
                ?? index?.content(of: look.entries[position].path, status)
        else { return (status.whereSettled(at: moment), nil) }
        return (known.isSettled ? status : status.neverBelieved, known.content)
    }
}

/// Finds the folders that files lie in. Files of a folder come side by side, but for those of folders below it.
private struct ParentFinder {
    static let noFolder = UInt32.max

    private let known: [BytePath: Int]
    private var last: (path: [UInt8], place: UInt32?)
    /// By position.
    private(set) var places: [UInt32] = []
    /// Files in no folder that is known.
    private(set) var strays = 0

    init(_ folders: [(path: BytePath, status: FileStatus)]) {
        known = Dictionary(folders.enumerated().map { ($1.path, $0) }, uniquingKeysWith: { first, _ in first })
        last = ([], known[.root].map { UInt32(truncatingIfNeeded: $0) })
    }

    mutating func take(_ path: UnsafeRawBufferPointer, _ kind: FileKind) {
        if kind == .submodule {
            places.append(Self.noFolder)
            return
        }
        let parent = UnsafeRawBufferPointer(rebasing: path[..<(path.lastIndex(of: slash) ?? 0)])
        if last.path.withUnsafeBytes({ MappedIndex.compare($0, parent) }) != 0 {
            let bytes = Array(parent)
            last = (bytes, known[BytePath(bytes: bytes)].map { UInt32(truncatingIfNeeded: $0) })
        }
        if last.place == nil { strays += 1 }
        places.append(last.place ?? Self.noFolder)
    }
}
