// Reads one folder after the other for a scan. Knows what counts in a folder; does not know which folders there are.
import Buildfile
import CLinux
import Glibc

/// What one thread of a scan found in some folders, packed: what is in a folder are bytes in `items`, in git's order, and the
/// statuses of its files lie side by side, as do the folders in it.
struct ScanOutput: Sendable {
    struct Folder: Sendable {
        let path: BytePath
        /// Those that hold in it, but for its own.
        let rules: IgnoreRules
        let isIgnored: Bool
    }

    struct Listing: Sendable {
        /// The number of the folder in its level.
        let folder: Int
        let items: Range<Int>
        /// The places of the first file's status, and of the first folder in it.
        let firstStatus: Int
        let firstFolder: Int
    }

    /// Each is the kind of a file (0 for a folder) and a name, which a zero byte ends.
    var items: [UInt8] = []
    var statuses = PackedStatuses()
    var listings: [Listing] = []
    /// What is still to be looked into.
    var folders: [Folder] = []
    /// The bytes of all files' paths, each ended by a zero byte.
    var pathBytes = 0
    var submodules: [BytePath: [UInt8]] = [:]
    var nested: [BytePath] = []
    var read: [(path: BytePath, status: FileStatus)] = []
    var ignoreFiles: [(path: BytePath, status: FileStatus)] = []
    /// Of the folder that is first by path.
    var error: FileSystemError?
}

/// What decides which files count, as a scan asks for it.
struct ScanSettings: Sendable {
    let options: WorkingTreeOptions
    /// What is tracked below ignored folders.
    let tracked: Set<BytePath>
    /// Ignored folders that are looked into all the same.
    let wantedFolders: Set<BytePath>
    /// Of the workspace's root.
    let descriptor: Int32

    init(_ options: WorkingTreeOptions, descriptor: Int32) {
        self.options = options
        self.descriptor = descriptor
        tracked = Set(options.trackedIgnored)
        wantedFolders = WorkingTreeScan.folders(of: options.trackedIgnored + Array(options.submodules.keys))
    }
}

/// Reads folders for one thread. Its memory serves one folder after the other.
struct FolderReader {
    private struct Name {
        let start: Int
        let length: Int
        /// Of `d_type`; 0 where the file system does not tell.
        let type: UInt8
    }

    /// What counts of a folder, while it is looked at.
    private struct Item {
        let start: Int
        let length: Int
        /// Of a `FileKind`; 0 for a folder.
        let kind: UInt8
        /// A file's place in `statuses`; whether what is in a folder is ignored.
        let place: Int
        let isIgnored: Bool
    }

    private let settings: ScanSettings
    private(set) var output = ScanOutput()
    private var buffer = [UInt8](repeating: 0, count: 64 * 1024)
    private var names: [UInt8] = []
    private var listed: [Name] = []
    private var hasGit = false
    private var hasIgnoreFile = false
    private var items: [Item] = []
    /// Of the files in the folder at hand.
    private var statuses: [FileStatus] = []
    /// The path of what is looked at, relative to the repository's top.
    private var place: [UInt8] = []

    init(_ settings: ScanSettings) {
        self.settings = settings
    }

    /// Takes in what is in `folder`, the one of that number; `isStart` where the scan begins with it.
    mutating func take(_ folder: ScanOutput.Folder, _ number: Int, isStart: Bool) {
        do throws(FileSystemError) {
            try read(folder, number, isStart: isStart)
        } catch {
            if output.error.map({ error.path < $0.path }) ?? true { output.error = error }
        }
    }

    private mutating func read(_ folder: ScanOutput.Folder, _ number: Int, isStart: Bool) throws(FileSystemError) {
        let path = folder.path
        let name = path.isEmpty ? BytePath(".") : path
        let descriptor = name.withCString { clinux_open_listing(settings.descriptor, $0) }
        guard descriptor >= 0 else {
            if errno == ENOENT, !isStart { return }
            if errno == ENOTDIR || errno == ELOOP || errno == ENOENT { throw .changed(path) }
            throw FileSystemError("open", path, errno: errno)
        }
        defer { close(descriptor) }
        let moment = FileStatus.now
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw FileSystemError("stat", path, errno: errno) }
        try list(descriptor, path)
        if hasGit, !path.isEmpty, NestedRepository(settings.options.root.appending(path)) != nil {
            output.nested.append(path)
            return
        }
        output.read.append((path, FileStatus(status).whereSettled(at: moment)))
        var rules = folder.rules
        if !folder.isIgnored, hasIgnoreFile { try takeIgnoreFile(descriptor, path, &rules, moment) }
        try decide(descriptor, path, rules, isIgnored: folder.isIgnored)
        put(path, rules, number)
    }

    /// Fills `names` and `listed` with what is in a folder, but for `.git` and `.lmsbuild`.
    private mutating func list(_ descriptor: Int32, _ path: BytePath) throws(FileSystemError) {
        names.removeAll(keepingCapacity: true)
        listed.removeAll(keepingCapacity: true)
        hasGit = false
        hasIgnoreFile = false
        while true {
            let filled = buffer.withUnsafeMutableBytes { clinux_list(descriptor, $0.baseAddress, $0.count) }
            // It was removed after it was opened.
            if filled < 0, errno == ENOENT { return }
            guard filled >= 0 else { throw FileSystemError("readdir", path, errno: errno) }
            if filled == 0 { return }
            var offset = 0
            while offset + CLINUX_ENTRY_NAME < filled {
                offset += takeEntry(at: offset)
            }
        }
    }

    /// Takes in one entry of `buffer`; gives its length.
    private mutating func takeEntry(at offset: Int) -> Int {
        let (length, type, name) = buffer.withUnsafeBytes { bytes in
            let length = Int(
                bytes.loadUnaligned(fromByteOffset: offset + CLINUX_ENTRY_LENGTH, as: UInt16.self))
            let start = offset + CLINUX_ENTRY_NAME
            var end = start
            while end < bytes.count, bytes[end] != 0 { end += 1 }
            return (length, bytes[offset + CLINUX_ENTRY_TYPE], start..<end)
        }
        if buffer[name.lowerBound] == UInt8(ascii: ".") {
            let bytes = buffer[name]
            if bytes.elementsEqual(".git".utf8) { hasGit = true }
            if BytePath.namesLeftOut.contains(where: { $0.elementsEqual(bytes) }) { return max(1, length) }
            if bytes.elementsEqual(".gitignore".utf8) { hasIgnoreFile = true }
        }
        listed.append(Name(start: names.count, length: name.count, type: type))
        buffer.withUnsafeBytes { names.append(contentsOf: UnsafeRawBufferPointer(rebasing: $0[name])) }
        names.append(0)
        return max(1, length)
    }

    private mutating func takeIgnoreFile(
        _ folder: Int32, _ path: BytePath, _ rules: inout IgnoreRules, _ moment: Int64
    ) throws(FileSystemError) {
        let shown = path.appending(".gitignore")
        var status = stat()
        guard fstatat(folder, ".gitignore", &status, AT_SYMLINK_NOFOLLOW) == 0 else {
            if errno == ENOENT { return }
            throw FileSystemError("stat", shown, errno: errno)
        }
        guard status.st_mode & S_IFMT == S_IFREG else { return }
        let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
        let descriptor = openat(folder, ".gitignore", flags)
        if descriptor < 0, errno == ENOENT || errno == ELOOP { return }
        guard descriptor >= 0 else { throw FileSystemError("open", shown, errno: errno) }
        let text = try OpenFile(owning: descriptor, shownAs: shown).contents()
        output.ignoreFiles.append((shown, FileStatus(status).whereSettled(at: moment)))
        rules = rules.adding(IgnoreFile(text, folder: settings.options.prefix.appending(path)))
    }

    /// Fills `items` with what counts.
    private mutating func decide(
        _ folder: Int32, _ path: BytePath, _ rules: IgnoreRules, isIgnored: Bool
    ) throws(FileSystemError) {
        items.removeAll(keepingCapacity: true)
        statuses.removeAll(keepingCapacity: true)
        place.removeAll(keepingCapacity: true)
        place += settings.options.prefix.appending(path).bytes
        if !place.isEmpty { place.append(slash) }
        let start = place.count
        let speakOfFiles = rules.speakOfFiles
        for name in listed {
            var isFolder = name.type == UInt8(DT_DIR)
            var status = stat()
            var isKnown = false
            if name.type == UInt8(DT_UNKNOWN) {
                guard try look(folder, name, path, &status) else { continue }
                isFolder = status.st_mode & S_IFMT == S_IFDIR
                isKnown = true
            }
            var ignored = isIgnored
            if !ignored, isFolder || speakOfFiles {
                setPlace(name, start)
                ignored = rules.ignores(BytePath(bytes: place), isFolder: isFolder)
            }
            if !isFolder {
                if ignored, settings.tracked.isEmpty || !settings.tracked.contains(full(path, name)) { continue }
                if !isKnown { guard try look(folder, name, path, &status) else { continue } }
                if let kind = FileKind(mode: status.st_mode) {
                    append(name, kind, status)
                    continue
                }
                // It was a file a moment ago.
                setPlace(name, start)
                ignored = isIgnored || rules.ignores(BytePath(bytes: place), isFolder: true)
            }
            try enter(folder, name, path, isIgnored: ignored)
        }
    }

    /// Ends `place`, of which the first `start` bytes are the folder's, with a name.
    private mutating func setPlace(_ name: Name, _ start: Int) {
        place.removeLast(place.count - start)
        names.withUnsafeBytes {
            place.append(contentsOf: UnsafeRawBufferPointer(rebasing: $0[name.start..<name.start + name.length]))
        }
    }

    private mutating func enter(
        _ folder: Int32, _ name: Name, _ path: BytePath, isIgnored: Bool
    ) throws(FileSystemError) {
        if isIgnored, settings.wantedFolders.isEmpty, settings.options.submodules.isEmpty { return }
        let full = full(path, name)
        if let recorded = settings.options.submodules[full] {
            var status = stat()
            guard try look(folder, name, path, &status) else { return }
            let head = try NestedRepository(settings.options.root.appending(full))?.head(shownAs: full)
            append(name, .submodule, status)
            output.submodules[full] = head ?? recorded
            return
        }
        if isIgnored, !settings.wantedFolders.contains(full) { return }
        items.append(Item(start: name.start, length: name.length, kind: 0, place: 0, isIgnored: isIgnored))
    }

    private func full(_ path: BytePath, _ name: Name) -> BytePath {
        path.appending(BytePath(bytes: Array(names[name.start..<name.start + name.length])))
    }

    /// False where it is gone.
    private func look(
        _ folder: Int32, _ name: Name, _ path: BytePath, _ status: inout stat
    ) throws(FileSystemError) -> Bool {
        let result = names.withUnsafeBytes { bytes in
            bytes.baseAddress.map {
                fstatat(folder, $0.assumingMemoryBound(to: CChar.self) + name.start, &status, AT_SYMLINK_NOFOLLOW)
            } ?? -1
        }
        if result == 0 { return true }
        if errno == ENOENT { return false }
        throw FileSystemError("stat", full(path, name), errno: errno)
    }

    private mutating func append(_ name: Name, _ kind: FileKind, _ status: stat) {
        items.append(
            Item(
                start: name.start, length: name.length, kind: kind.rawValue, place: statuses.count, isIgnored: false))
        statuses.append(FileStatus(status))
    }

    // MARK: Order

    /// Sorts `items` and moves them to the output.
    private mutating func put(_ path: BytePath, _ rules: IgnoreRules, _ number: Int) {
        let first = output.items.count
        let (firstStatus, firstFolder) = (output.statuses.count, output.folders.count)
        let prefix = path.isEmpty ? 0 : path.bytes.count + 1
        names.withUnsafeBytes { names in items.sort { Self.precedes($0, $1, names) } }
        for item in items {
            let end = item.start + item.length
            output.items.append(item.kind)
            names.withUnsafeBytes {
                // With the zero byte at its end.
                output.items.append(contentsOf: UnsafeRawBufferPointer(rebasing: $0[item.start...end]))
            }
            if item.kind == 0 {
                let name = BytePath(bytes: Array(names[item.start..<end]))
                output.folders.append(
                    ScanOutput.Folder(path: path.appending(name), rules: rules, isIgnored: item.isIgnored))
            } else {
                output.statuses.append(statuses[item.place])
                output.pathBytes += prefix + item.length + 1
            }
        }
        output.listings.append(
            ScanOutput.Listing(
                folder: number, items: first..<output.items.count, firstStatus: firstStatus, firstFolder: firstFolder))
    }

    /// Git's order, which is bytewise over whole paths: a folder sorts as if its name ended with a slash.
    private static func precedes(
        _ left: Item, _ right: Item, _ names: UnsafeRawBufferPointer
    ) -> Bool {
        guard let base = names.baseAddress else { return false }
        let one = base + left.start
        let other = base + right.start
        let shared = min(left.length, right.length)
        let order = memcmp(one, other, shared)
        if order != 0 { return order < 0 }
        return following(left, one, shared) < following(right, other, shared)
    }

    private static func following(_ item: Item, _ name: UnsafeRawPointer, _ place: Int) -> UInt8 {
        if place < item.length { return name.load(fromByteOffset: place, as: UInt8.self) }
        return item.kind == 0 ? slash : 0
    }
}
