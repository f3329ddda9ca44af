// One walk over the folders of a workspace. Does not read files, but for ignore files and the heads of repositories.
import Buildfile
import CLinux
import Glibc

struct WorkingTreeScan {
    struct Result {
        var entries: [FileEntry] = []
        /// One for each entry.
        var statuses: [FileStatus] = []
        var submodules: [BytePath: [UInt8]] = [:]
        /// Folders that are repositories of their own.
        var nested: [BytePath] = []
        /// Every folder that was looked into, with its status from before.
        var folders: [(path: BytePath, status: FileStatus)] = []
        /// The `.gitignore`s that were read.
        var ignoreFiles: [(path: BytePath, status: FileStatus)] = []
    }

    private struct Found {
        let name: [UInt8]
        let status: stat

        var isFolder: Bool { status.st_mode & S_IFMT == S_IFDIR }
        /// Git's order, which is bytewise over whole paths: a folder sorts as if its name ended with a slash.
        var sortKey: [UInt8] { isFolder ? name + [slash] : name }
    }

    private let options: WorkingTreeOptions
    /// What is tracked below ignored folders, and the folders that lead to it.
    private let tracked: Set<BytePath>
    let foldersOfTracked: Set<BytePath>
    private let foldersOfSubmodules: Set<BytePath>
    private var result = Result()

    static func run(_ options: WorkingTreeOptions) throws(FileSystemError) -> Result {
        var scan = WorkingTreeScan(options)
        let descriptor = options.root.withCString { open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw FileSystemError("open", options.root, errno: errno) }
        let rules = IgnoreRules(options.ignoreFiles)
        let isIgnored = !options.prefix.isEmpty && rules.ignoresWithParents(options.prefix, isFolder: true)
        try scan.walk(OpenFile(owning: descriptor, shownAs: options.root), .root, rules, isIgnored: isIgnored)
        return scan.result
    }

    /// The part of a scan that lies below `folder`, which is neither ignored nor a repository; `rules` are those of the
    /// folders above it.
    static func run(
        _ options: WorkingTreeOptions, below folder: BytePath, _ rules: IgnoreRules, isIgnored: Bool
    ) throws(FileSystemError) -> Result {
        var scan = WorkingTreeScan(options)
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        let descriptor = options.root.appending(folder).withCString { open($0, flags) }
        if descriptor < 0, errno == ENOENT || errno == ENOTDIR || errno == ELOOP { throw .changed(folder) }
        guard descriptor >= 0 else { throw FileSystemError("open", folder, errno: errno) }
        let opened = OpenFile(owning: descriptor, shownAs: folder)
        if faccessat(descriptor, ".git", F_OK, AT_SYMLINK_NOFOLLOW) == 0,
            NestedRepository(options.root.appending(folder)) != nil
        {
            scan.result.nested.append(folder)
        } else {
            try scan.walk(opened, folder, rules, isIgnored: isIgnored)
        }
        return scan.result
    }

    private init(_ options: WorkingTreeOptions) {
        self.options = options
        tracked = Set(options.trackedIgnored)
        foldersOfTracked = Self.folders(of: options.trackedIgnored)
        foldersOfSubmodules = Self.folders(of: Array(options.submodules.keys))
    }

    static func folders(of paths: [BytePath]) -> Set<BytePath> {
        var folders: Set<BytePath> = []
        for path in paths {
            var folder = path.parent
            while !folder.isEmpty, folders.insert(folder).inserted { folder = folder.parent }
        }
        return folders
    }

    private mutating func walk(
        _ folder: borrowing OpenFile, _ path: BytePath, _ rules: IgnoreRules, isIgnored: Bool
    ) throws(FileSystemError) {
        let moment = FileStatus.now
        result.folders.append((path, FileStatus(try folder.status()).whereSettled(at: moment)))
        let found = try Self.list(folder, path)
        var rules = rules
        if !isIgnored, let file = found.first(where: { $0.name.elementsEqual(".gitignore".utf8) }),
            file.status.st_mode & S_IFMT == S_IFREG, let text = try Self.ignoreFile(folder, path)
        {
            result.ignoreFiles.append(
                (path.appending(".gitignore"), FileStatus(file.status).whereSettled(at: moment)))
            rules = rules.adding(IgnoreFile(text, folder: options.prefix.appending(path)))
        }
        for item in found {
            let place = path.appending(BytePath(bytes: item.name))
            let ignored =
                isIgnored || rules.ignores(options.prefix.appending(place), isFolder: item.isFolder)
            if item.isFolder {
                try enter(item, place, folder, rules, isIgnored: ignored)
            } else if !ignored || tracked.contains(place), let kind = FileKind(mode: item.status.st_mode) {
                result.entries.append(FileEntry(path: place, kind: kind))
                result.statuses.append(FileStatus(item.status))
            }
        }
    }

    private mutating func enter(
        _ item: Found, _ path: BytePath, _ parent: borrowing OpenFile, _ rules: IgnoreRules, isIgnored: Bool
    ) throws(FileSystemError) {
        if let recorded = options.submodules[path] {
            let head = try NestedRepository(options.root.appending(path))?.head(shownAs: path)
            result.entries.append(FileEntry(path: path, kind: .submodule))
            result.statuses.append(FileStatus(item.status))
            result.submodules[path] = head ?? recorded
            return
        }
        if isIgnored, !foldersOfTracked.contains(path), !foldersOfSubmodules.contains(path) { return }
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        let descriptor = BytePath(bytes: item.name).withCString { openat(parent.descriptor, $0, flags) }
        if descriptor < 0, errno == ENOENT { return }
        if descriptor < 0, errno == ENOTDIR || errno == ELOOP { throw .changed(path) }
        guard descriptor >= 0 else { throw FileSystemError("open", path, errno: errno) }
        let folder = OpenFile(owning: descriptor, shownAs: path)
        if faccessat(descriptor, ".git", F_OK, AT_SYMLINK_NOFOLLOW) == 0,
            NestedRepository(options.root.appending(path)) != nil
        {
            result.nested.append(path)
            return
        }
        try walk(folder, path, rules, isIgnored: isIgnored)
    }

    /// What is in a folder, but for `.git`, `.lmsbuild`, and what is gone before it is looked at.
    private static func list(_ folder: borrowing OpenFile, _ path: BytePath) throws(FileSystemError) -> [Found] {
        var found: [Found] = []
        for name in try names(in: folder, path) {
            if name.first == UInt8(ascii: "."), Self.isLeftOut(name) { continue }
            var status = stat()
            let result = BytePath(bytes: name).withCString {
                fstatat(folder.descriptor, $0, &status, AT_SYMLINK_NOFOLLOW)
            }
            if result != 0 {
                if errno == ENOENT { continue }
                throw FileSystemError("stat", path.appending(BytePath(bytes: name)), errno: errno)
            }
            found.append(Found(name: name, status: status))
        }
        return found.sorted { $0.sortKey.lexicographicallyPrecedes($1.sortKey) }
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

    private static func isLeftOut(_ name: [UInt8]) -> Bool {
        BytePath.namesLeftOut.contains { $0.elementsEqual(name) }
    }

    private static func ignoreFile(
        _ folder: borrowing OpenFile, _ path: BytePath
    ) throws(FileSystemError) -> [UInt8]? {
        let shown = path.appending(".gitignore")
        let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
        let descriptor = openat(folder.descriptor, ".gitignore", flags)
        if descriptor < 0, errno == ENOENT || errno == ELOOP { return nil }
        guard descriptor >= 0 else { throw FileSystemError("open", shown, errno: errno) }
        return try OpenFile(owning: descriptor, shownAs: shown).contents()
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
