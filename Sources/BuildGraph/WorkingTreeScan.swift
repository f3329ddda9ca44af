// One walk over the folders of a workspace, level by level, by several threads. Does not read files, but for ignore files and
// the heads of repositories.
import Buildfile
import CLinux
import Glibc
import Synchronization

struct WorkingTreeScan {
    struct Result: Sendable {
        let files: ScannedFiles
        var submodules: [BytePath: [UInt8]] = [:]
        /// Folders that are repositories of their own.
        var nested: [BytePath] = []
        /// Every folder that was looked into, with its status from before.
        var folders: [(path: BytePath, status: FileStatus)] = []
        /// The `.gitignore`s that were read.
        var ignoreFiles: [(path: BytePath, status: FileStatus)] = []

        var entries: FileEntries { FileEntries(files.paths) }
        /// One for each entry.
        var statuses: [FileStatus] { (0..<files.count).map { files.status($0) } }
    }

    /// Threads wait for the disk, so there are more than cores; each has this many folders to look into before there is
    /// another thread.
    private static let mostThreads = 8
    private static let foldersForThread = 16
    /// Files from which on memory is worth the time of giving it back.
    private static let many = 200_000

    static func run(_ options: WorkingTreeOptions) throws(FileSystemError) -> Result {
        let rules = IgnoreRules(options.ignoreFiles)
        let isIgnored = !options.prefix.isEmpty && rules.ignoresWithParents(options.prefix, isFolder: true)
        return try run(options, below: .root, rules, isIgnored: isIgnored)
    }

    /// The part of a scan that lies below `folder`, which is not ignored, or holds what is tracked; `rules` are those of
    /// the folders above it.
    static func run(
        _ options: WorkingTreeOptions, below folder: BytePath, _ rules: IgnoreRules, isIgnored: Bool
    ) throws(FileSystemError) -> Result {
        let descriptor = options.root.withCString { open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw FileSystemError("open", options.root, errno: errno) }
        defer { close(descriptor) }
        let settings = ScanSettings(options, descriptor: descriptor)
        var levels: [ScanLevel] = []
        var paths: [BytePath] = []
        var next = [ScanOutput.Folder(path: folder, rules: rules, isIgnored: isIgnored)]
        while !next.isEmpty {
            let outputs = look(next, settings, isStart: levels.isEmpty)
            if let first = outputs.compactMap(\.error).min(by: { $0.path < $1.path }) { throw first }
            levels.append(ScanLevel(first: paths.count, outputs: outputs))
            paths += next.map(\.path)
            next = outputs.flatMap(\.folders)
        }
        let found = try result(&levels, paths)
        // What the threads found took twice the room of what is kept of it; left to the allocator it would stay unused.
        levels = []
        if found.files.count > Self.many { clinux_trim() }
        return found
    }

    /// Looks into folders of one level.
    private static func look(_ folders: [ScanOutput.Folder], _ settings: ScanSettings, isStart: Bool) -> [ScanOutput] {
        let portion = 4
        let next = Atomic<Int>(0)
        let outputs = Mutex<[ScanOutput]>([])
        Threads.run(min(mostThreads, folders.count / foldersForThread + 1)) {
            var start = next.add(portion, ordering: .relaxed).oldValue
            if start >= folders.count { return }
            var reader = FolderReader(settings)
            while start < folders.count {
                for number in start..<min(start + portion, folders.count) {
                    reader.take(folders[number], number, isStart: isStart)
                }
                start = next.add(portion, ordering: .relaxed).oldValue
            }
            outputs.withLock { $0.append(reader.output) }
        }
        return outputs.withLock { $0 }
    }

    private static func result(
        _ levels: inout [ScanLevel], _ paths: [BytePath]
    ) throws(FileSystemError) -> Result {
        var submodules: [BytePath: [UInt8]] = [:]
        var nested: [BytePath] = []
        var folders: [(path: BytePath, status: FileStatus)] = []
        var ignoreFiles: [(path: BytePath, status: FileStatus)] = []
        for output in levels.flatMap(\.outputs) {
            submodules.merge(output.submodules) { first, _ in first }
            nested += output.nested
            folders += output.read
            ignoreFiles += output.ignoreFiles
        }
        return Result(
            files: try ScannedFiles(&levels, paths: paths), submodules: submodules, nested: nested.sorted(),
            folders: folders.sorted { $0.path < $1.path }, ignoreFiles: ignoreFiles.sorted { $0.path < $1.path })
    }

    static func folders(of paths: [BytePath]) -> Set<BytePath> {
        var folders: Set<BytePath> = []
        for path in paths {
            var folder = path.parent
            while !folder.isEmpty, folders.insert(folder).inserted { folder = folder.parent }
        }
        return folders
    }

    /// The names in a folder as they come, but for `.` and `..`.
    static func names(in folder: borrowing OpenFile, _ path: BytePath) throws(FileSystemError) -> [[UInt8]] {
        let copy = fcntl(folder.descriptor, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0, let stream = fdopendir(copy) else {
            let number = errno
            if copy >= 0 { close(copy) }
            throw FileSystemError("open", path, errno: number)
        }
        defer { closedir(stream) }
        var found: [[UInt8]] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                if errno != 0 { throw FileSystemError("readdir", path, errno: errno) }
                return found
            }
            let start = UnsafeRawPointer(entry) + (MemoryLayout<dirent>.offset(of: \dirent.d_name) ?? 19)
            let length = strlen(start.assumingMemoryBound(to: CChar.self))
            let name = Array(UnsafeRawBufferPointer(start: start, count: length))
            if name.elementsEqual(".".utf8) || name.elementsEqual("..".utf8) { continue }
            found.append(name)
        }
    }
}

extension Diagnostic {
    /// The folder at `path` is left out.
    static func nestedRepository(_ path: BytePath) -> Diagnostic {
        Diagnostic(
            .nestedRepository, .notice,
            "'\(path.shown)' is a repository of its own: its files are not in the workspace, as for git",
            hint: "track it as a submodule, or ignore it")
    }
}

extension BytePath {
    /// Names that are in no tree, at any depth.
    static let namesLeftOut = [".", "..", ".git", ".lmsbuild"].map { Array($0.utf8) }

    /// Whether some part of the path is `.git` or `.lmsbuild`, which are in no `FileSystem`.
    package var isLeftOut: Bool {
        // Nearly no path has a part that begins with a dot.
        var isStart = true
        let hasHidden = bytes.contains { byte in
            defer { isStart = byte == UInt8(ascii: "/") }
            return isStart && byte == UInt8(ascii: ".")
        }
        return hasHidden && components.contains { part in BytePath.namesLeftOut.contains { $0.elementsEqual(part) } }
    }
}
