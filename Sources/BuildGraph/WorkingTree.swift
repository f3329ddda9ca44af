// The files of a folder on disk, as one scan saw them. Does not know git's commands: what git would say comes in
// `WorkingTreeOptions`.
package import Buildfile
import Glibc

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
    let looked: LookedAt
    let options: WorkingTreeOptions
    /// How much was looked at, where it was compared with an earlier state.
    package let scope: LookScope?
    /// Before the look.
    private let moment: Int64
    private let root: BytePath
    private let submodules: [BytePath: [UInt8]]
    let index: FileIndex?

    init(
        _ found: WorkingTreeScan.Result, _ options: WorkingTreeOptions, index: FileIndex?, notices: [Diagnostic],
        moment: Int64
    ) {
        self.moment = moment
        scope = nil
        entries = found.entries
        self.notices = notices + found.nested.map { .nestedRepository($0) }
        submodules = found.submodules
        root = options.root
        self.options = options
        self.index = index
        looked = LookedAt(.scan(found), entries)
    }

    private init(
        _ found: WorkspaceChanges, _ options: WorkingTreeOptions, index: FileIndex?, moment: Int64, _ scope: LookScope
    ) {
        self.moment = moment
        self.scope = scope
        entries = found.entries
        notices = found.base.nested.map { .nestedRepository($0) }
        submodules = found.submodules
        root = options.root
        self.options = options
        self.index = index
        looked = LookedAt(.changes(found), entries)
    }

    /// Reads the folders below `options.root`. Throws for a folder or file that cannot be looked at; what vanishes
    /// while the scan runs is not there.
    package static func scan(
        _ options: WorkingTreeOptions, index: FileIndex? = nil
    ) throws(FileSystemError) -> WorkingTree {
        let moment = FileStatus.now
        return WorkingTree(try WorkingTreeScan.run(options), options, index: index, notices: [], moment: moment)
    }

    /// As `scan`, with the same result, but where an earlier state was written down
    /// only what differs from it is looked at closely; where `source` has watched since, nothing else is looked at.
    package static func look(
        _ options: WorkingTreeOptions, index: FileIndex, _ files: StateFiles,
        watchedBy source: (any ChangeSource)? = nil
    ) throws(FileSystemError) -> WorkingTree {
        let moment = FileStatus.now
        let file = files.base
        var notices: [Diagnostic] = []
        do throws(MappedFile.Failure) {
            let note = source == nil ? nil : WatchNote.read(files.watched)
            let base = try files.openBase(vouched: note?.base)
            let threads = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
            if let source {
                let look = WatchedLook(base, options, index, files, source, note: note, moment: moment)
                if let (changes, scope) = try? look.run(threads: threads), let changes {
                    return WorkingTree(changes, options, index: index, moment: moment, scope)
                }
            } else if let found = try? WorkspacePass.run(base, options, index, threads: threads) {
                let scope = LookScope(few: nil, doubt: nil)
                return WorkingTree(found.changes, options, index: index, moment: moment, scope)
            }
        } catch {
            notices = FileIndex.notice(error, file).map { [$0] } ?? []
        }
        return WorkingTree(
            try WorkingTreeScan.run(options), options, index: index, notices: notices, moment: moment)
    }

    /// The paths of all submodules that are there.
    package var submodulePaths: [BytePath] {
        options.submodules.keys.filter { path in
            entries.index(of: path).map { entries.kind($0) == .submodule } ?? false
        }.sorted()
    }

    /// Whether the file at `path` is sure to hold what it held when it was looked at, by its status alone.
    package func isAsLookedAt(_ path: BytePath) -> Bool {
        guard let position = entries.index(of: path) else { return false }
        let known = looked.status(position)
        var status = stat()
        return known.isSettled(at: moment) && root.appending(path).withCString({ lstat($0, &status) }) == 0
            && FileStatus(status) == known && FileKind(mode: status.st_mode) == entries.kind(position)
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
        if let known = known(position, looked.learned.snapshot) { return known }
        let size = Int(looked.status(position).size)
        var buffer = [UInt8](repeating: 0, count: max(4096, min(FileHashing.bufferSize, size + 1)))
        return try hash(position, &buffer)
    }

    /// The digests of `paths`, in their order; files that have to be read are read by several threads.
    package func digests(of paths: [BytePath]) throws(FileSystemError) -> [Digest] {
        let positions = try positions(of: paths)
        let digest = try allDigests(at: positions)
        return positions.compactMap { digest($0) }
    }

    /// The digests of the files at `positions`, in no list of their own: a million of them would take as much memory again as
    /// the files' statuses.
    package func digests(at positions: [Int]) throws(FileSystemError) -> (@Sendable (Int) -> Digest?)? {
        try allDigests(at: positions)
    }

    private func allDigests(at positions: [Int]) throws(FileSystemError) -> @Sendable (Int) -> Digest? {
        // Nobody holds what is known while threads add to it: it would be copied.
        let unknown = unknown(positions, looked.learned.snapshot)
        let read = read(unknown)
        if let (_, error) = read.error { throw error }
        let others = Dictionary(read.others.map { ($0.position, $0.digest) }, uniquingKeysWith: { first, _ in first })
        let learned = looked.learned.snapshot
        return { position in known(position, learned) ?? others[position] }
    }

    private func unknown(_ positions: [Int], _ learned: LearnedContents.Snapshot) -> [Int] {
        positions.filter { known($0, learned) == nil }
    }

    private func position(of path: BytePath) throws(FileSystemError) -> Int {
        guard let position = entries.index(of: path) else { throw FileSystemError("open", path, errno: ENOENT) }
        return position
    }

    /// The places of `paths`; most often each is right behind the one before.
    private func positions(of paths: [BytePath]) throws(FileSystemError) -> [Int] {
        var positions: [Int] = []
        positions.reserveCapacity(paths.count)
        var next = 0
        for path in paths {
            if next >= entries.count || !isPath(path, at: next) { next = try position(of: path) }
            positions.append(next)
            next += 1
        }
        return positions
    }

    private func isPath(_ path: BytePath, at position: Int) -> Bool {
        entries.withPath(position) { found in path.bytes.withUnsafeBytes { MappedIndex.compare(found, $0) == 0 } }
    }

    /// The digest, where no file has to be read for it.
    func known(_ position: Int, _ learned: LearnedContents.Snapshot) -> Digest? {
        let kind = looked.kind(position)
        guard kind == .file || kind == .executable else { return nil }
        if let known = looked.content(position) ?? looked.learned(position, in: learned)?.content {
            return known.digest
        }
        guard let index, index.knowsAnything else { return nil }
        return index.digest(of: entries[position].path, looked.status(position))
    }

    /// Reads the file, however large or changed it is.
    func hash(_ position: Int, _ buffer: inout [UInt8]) throws(FileSystemError) -> Digest {
        let entry = entries[position]
        guard entry.kind == .file || entry.kind == .executable else { return Digest.of(try contents(of: entry.path)) }
        let file = try OpenFile(reading: root.appending(entry.path), shownAs: entry.path)
        return try FileHashing(entry: entry, index: index, candidate: looked.candidate(position))
            .digest(of: file, &buffer)
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
