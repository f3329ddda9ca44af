// The files of a folder on disk, as one scan saw them. Does not know git's commands: what git would say comes in
// `WorkingTreeOptions`.
package import Buildfile
import CLinux
import Glibc
import Synchronization

/// Which of a folder's files count.
package struct WorkingTreeOptions: Sendable {
    /// The workspace's root, absolute.
    package var root: BytePath
    /// Where the workspace is in its repository: the root's path relative to the top.
    package var prefix = BytePath.root
    /// The ignore files from outside the workspace, from the lowest precedence to the highest: the user's excludes,
    /// the repository's `info/exclude`, the `.gitignore` of each folder from the repository's top down to the root's
    /// parent. Their folders are relative to the repository's top.
    package var ignoreFiles: [IgnoreFile] = []
    /// Files that git tracks although a rule ignores them, relative to the workspace's root.
    package var trackedIgnored: [BytePath] = []
    /// Submodules by path relative to the workspace's root, with the commit's id (hex) that the repository's index
    /// has for each: it counts where the submodule is not checked out.
    package var submodules: [BytePath: [UInt8]] = [:]

    package init(root: BytePath) {
        self.root = root
    }
}

/// The state of a folder on disk at one scan: which files there are, of which kind.
///
/// Links are never followed, FIFOs, sockets and devices never opened. What cannot be looked at is an error, never
/// missing. A file's content is read when it is asked for; one that changes meanwhile is an error with `isChange`.
package struct WorkingTree: FileSystem {
    package let entries: FileEntries
    /// Folders that were left out because they are repositories of their own.
    package let notices: [Diagnostic]
    /// How it was found.
    enum Look: Sendable {
        case scan(WorkingTreeScan.Result)
        case changes(WorkspaceChanges)
    }

    let look: Look
    let options: WorkingTreeOptions
    private let root: BytePath
    private let submodules: [BytePath: [UInt8]]
    let index: FileIndex?

    init(_ found: WorkingTreeScan.Result, _ options: WorkingTreeOptions, index: FileIndex?, notices: [Diagnostic]) {
        entries = FileEntries(found.entries)
        self.notices = notices + found.nested.map { .nestedRepository($0) }
        submodules = found.submodules
        root = options.root
        self.options = options
        self.index = index
        var rest = found
        rest.entries = []
        look = .scan(rest)
    }

    private init(_ found: WorkspaceChanges, _ options: WorkingTreeOptions, index: FileIndex?) {
        entries = found.entries
        notices = found.base.nested.map { .nestedRepository($0) }
        submodules = found.submodules
        root = options.root
        self.options = options
        self.index = index
        look = .changes(found)
    }

    /// Reads the folders below `options.root`. Throws for a folder or file that cannot be looked at; what vanishes
    /// while the scan runs is not there.
    package static func scan(
        _ options: WorkingTreeOptions, index: FileIndex? = nil
    ) throws(FileSystemError) -> WorkingTree {
        WorkingTree(try WorkingTreeScan.run(options), options, index: index, notices: [])
    }

    /// As `scan`, with the same result, but where an earlier state was written down
    /// only what differs from it is looked at closely.
    package static func look(
        _ options: WorkingTreeOptions, index: FileIndex, _ files: StateFiles
    ) throws(FileSystemError) -> WorkingTree {
        let file = files.base
        var notices: [Diagnostic] = []
        do throws(SectionFile.Failure) {
            let base = try WorkspaceBase.open(file)
            let threads = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
            if let changes = try? WorkspacePass.run(base, options, threads: threads) {
                return WorkingTree(changes, options, index: index)
            }
        } catch {
            notices = FileIndex.notice(error, file).map { [$0] } ?? []
        }
        return WorkingTree(try WorkingTreeScan.run(options), options, index: index, notices: notices)
    }

    /// The status that the file at a place had when it was looked at.
    func status(_ position: Int) -> FileStatus {
        switch look {
        case .scan(let found): found.statuses[position]
        case .changes(let found): found.status(position)
        }
    }

    package func contents(of path: BytePath) throws(FileSystemError) -> [UInt8] {
        let position = try position(of: path)
        switch entries[position].kind {
        case .file, .executable:
            let file = try OpenFile(reading: root.appending(path), shownAs: path)
            guard FileKind(mode: try file.status().st_mode) == entries[position].kind else { throw .changed(path) }
            return try file.contents()
        case .link: return try linkText(path)
        case .submodule: return submodules[path] ?? []
        case .fifo, .socket, .device: throw FileSystemError("read", path, errno: EINVAL)
        }
    }

    package func digest(of path: BytePath) throws(FileSystemError) -> Digest {
        let position = try position(of: path)
        if let known = known(position) { return known }
        let size = Int(status(position).size)
        var buffer = [UInt8](repeating: 0, count: max(4096, min(FileHashing.bufferSize, size + 1)))
        return try hash(position, &buffer)
    }

    /// The digests of `paths`, in their order; files that have to be read are read by several threads.
    package func digests(of paths: [BytePath]) throws(FileSystemError) -> [Digest] {
        var positions: [Int] = []
        for path in paths { positions.append(try position(of: path)) }
        var digests = positions.map { known($0) }
        let unknown = digests.indices.filter { digests[$0] == nil }
        // Small files are soonest read by more threads than there are cores: they wait for the disk.
        let threads = min(8, unknown.count / 32 + 1)
        let piece = 32
        let pieces = (unknown.count + piece - 1) / piece
        let hashed = Mutex<[Result<[Digest], FileSystemError>?]>(Array(repeating: nil, count: pieces))
        let next = Atomic<Int>(0)
        let work = positions
        Threads.run(threads) {
            var buffer = [UInt8](repeating: 0, count: FileHashing.bufferSize)
            while true {
                let index = next.add(1, ordering: .relaxed).oldValue
                if index >= pieces { return }
                let result = Result { () throws(FileSystemError) in
                    var some: [Digest] = []
                    for place in unknown[(index * piece)..<min(unknown.count, (index + 1) * piece)] {
                        some.append(try hash(work[place], &buffer))
                    }
                    return some
                }
                hashed.withLock { $0[index] = result }
            }
        }
        for (index, result) in hashed.withLock({ $0 }).enumerated() {
            for (offset, digest) in (try result?.get() ?? []).enumerated() {
                digests[unknown[index * piece + offset]] = digest
            }
        }
        return digests.compactMap { $0 }
    }

    private func position(of path: BytePath) throws(FileSystemError) -> Int {
        guard let position = entries.index(of: path) else { throw FileSystemError("open", path, errno: ENOENT) }
        return position
    }

    /// The digest, where no file has to be read for it.
    private func known(_ position: Int) -> Digest? {
        let entry = entries[position]
        guard entry.kind == .file || entry.kind == .executable else { return nil }
        if let known = content(position) { return known.digest }
        return index?.digest(of: entry.path, status(position))
    }

    /// What the base has of a file that is as it was there.
    func content(_ position: Int) -> HashedContent? {
        guard case .changes(let found) = look, case .packed(let place)? = entries.origin(of: position) else {
            return nil
        }
        return found.base.content(place)
    }

    /// What the base has of a file that may have been touched alone.
    private func candidate(_ position: Int) -> HashedContent? {
        guard case .changes(let found) = look, case .patch(let place)? = entries.origin(of: position),
            let packed = found.packedPlaces[place]
        else { return nil }
        return found.base.content(packed)
    }

    private func hash(_ position: Int, _ buffer: inout [UInt8]) throws(FileSystemError) -> Digest {
        let entry = entries[position]
        guard entry.kind == .file || entry.kind == .executable else { return Digest.of(try contents(of: entry.path)) }
        let file = try OpenFile(reading: root.appending(entry.path), shownAs: entry.path)
        return try FileHashing(entry: entry, index: index, candidate: candidate(position)).digest(of: file, &buffer)
    }

    private func linkText(_ path: BytePath) throws(FileSystemError) -> [UInt8] {
        var text = [UInt8](repeating: 0, count: 4096)
        let count = root.appending(path).withCString { name in
            text.withUnsafeMutableBytes { bytes in
                bytes.withMemoryRebound(to: CChar.self) { $0.baseAddress.map { readlink(name, $0, 4096) } ?? 0 }
            }
        }
        if count < 0, errno == EINVAL { throw .changed(path) }
        guard count >= 0 else { throw FileSystemError("readlink", path, errno: errno) }
        return Array(text.prefix(count))
    }
}

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
