// Every status of a workspace's base beside that of the disk. Reads a file only to see that it was touched and no more.
import Buildfile
import CLinux
import Glibc
import Synchronization

/// Files that have another status than in the base and the content that they had.
struct RefreshedStatuses: Sendable {
    struct Refreshed: Sendable {
        let place: Int
        let status: FileStatus
        /// When reading it began.
        let readAt: Int64

        var isSettled: Bool { status.isSettled(at: readAt) }
    }

    let all: [Refreshed]
    /// By place in the base: the place in `all`, from one on. Empty where nothing was refreshed.
    private let slots: [UInt32]

    init(_ all: [Refreshed], count: Int) {
        self.all = all
        var slots = [UInt32](repeating: 0, count: all.isEmpty ? 0 : count)
        for (index, file) in all.enumerated() { slots[file.place] = UInt32(truncatingIfNeeded: index + 1) }
        self.slots = slots
    }

    subscript(place: Int) -> Refreshed? {
        guard place < slots.count, slots[place] > 0 else { return nil }
        return all[Int(slots[place]) - 1]
    }
}

/// Compares every status of a base with the disk, by several threads that share out the folders.
struct StatusCheck {
    struct Found: Sendable {
        /// Places whose status differs, with what it is; nil where there is nothing.
        var files: [(place: Int, status: stat?)] = []
        /// Folders whose own status differs, or that cannot be entered.
        var folders: [Int] = []
        /// Places of files that have more than one name.
        var linked: [Int] = []
        /// Places of files that were only touched.
        var touchedPlaces: [Int] = []
        fileprivate var touched: [RefreshedStatuses.Refreshed] = []
        fileprivate(set) var refreshed = RefreshedStatuses([], count: 0)
        var error: FileSystemError?
    }

    private static let portion = 64

    private let base: WorkspaceBase
    private let index: FileIndex
    private let root: Int32
    private let paths: UInt
    private let statuses: UInt
    private let kinds: UnsafeRawBufferPointer
    private let children: UnsafeRawBufferPointer
    private let devices: [UInt64]
    private var found = Found()
    /// For files that may only have been touched; empty until there is one.
    private var buffer: [UInt8] = []

    /// Files of another status are compared with what `index` knows, and read where it does not: where it trusts
    /// fingerprints, the base knows what they held and they are small. With `suspects` nothing else is looked at.
    static func run(
        _ base: WorkspaceBase, root: BytePath, _ index: FileIndex, threads: Int, only suspects: SuspectSet? = nil
    ) throws(FileSystemError) -> Found {
        let descriptor = root.withCString { open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw FileSystemError("open", root, errno: errno) }
        defer { close(descriptor) }
        if let suspects {
            var check = StatusCheck(base, descriptor, index)
            for folder in suspects.folders { check.check(folder.index, files: folder.files) }
            return try finished(check.found, base, index)
        }
        let next = Atomic<Int>(0)
        let all = Mutex(Found())
        Threads.run(min(threads, base.folderCount / portion + 1)) {
            var check = StatusCheck(base, descriptor, index)
            while true {
                let start = next.add(portion, ordering: .relaxed).oldValue
                if start >= base.folderCount { break }
                check.check(start..<min(start + portion, base.folderCount))
            }
            let found = check.found
            all.withLock { all in
                all.files += found.files
                all.folders += found.folders
                all.linked += found.linked
                all.touched += found.touched
                all.error = all.error ?? found.error
            }
        }
        return try finished(all.withLock { $0 }, base, index)
    }

    private static func finished(
        _ found: Found, _ base: WorkspaceBase, _ index: FileIndex
    ) throws(FileSystemError) -> Found {
        var found = found
        if let error = found.error { throw error }
        found.refreshed = RefreshedStatuses(found.touched, count: base.count)
        if found.touched.count <= base.fewChanges {
            for file in found.touched {
                guard let content = base.content(file.place) else { continue }
                index.record(base.entries.entry(file.place).path, file.status, content, readAt: file.readAt)
            }
        }
        found.touchedPlaces = found.touched.map(\.place)
        found.touched = []
        return found
    }

    private init(_ base: WorkspaceBase, _ root: Int32, _ index: FileIndex) {
        self.base = base
        self.root = root
        self.index = index
        paths = UInt(bitPattern: base.file.section(WorkspaceBaseLayout.folderPaths).baseAddress)
        statuses = UInt(bitPattern: base.file.section(WorkspaceBaseLayout.statuses).baseAddress)
        kinds = base.file.section(WorkspaceBaseLayout.kinds)
        children = base.file.section(WorkspaceBaseLayout.children)
        devices = base.devices
    }

    private mutating func check(_ range: Range<Int>) {
        for index in range {
            check(index, files: nil)
            if found.error != nil { return }
        }
    }

    /// One folder's own status, and those of `files` in it; of all where that is nil.
    @inline(__always)
    private mutating func check(_ index: Int, files: [Int]?) {
        var status = stat()
        let folder = base.folder(index)
        guard let name = UnsafePointer<CChar>(bitPattern: paths + UInt(folder.path.lowerBound)),
            folder.children.upperBound * 4 <= children.count
        else { return }
        let isRoot = folder.path.isEmpty
        let descriptor = isRoot ? root : clinux_open_folder(root, name)
        guard descriptor >= 0 else {
            if errno == EMFILE || errno == ENFILE || errno == ENOMEM {
                found.error = FileSystemError("open", BytePath(bytes: Array(base.folderPath(index))), errno: errno)
                return
            }
            found.folders.append(index)
            for place in files ?? folder.children.map(base.child) { found.files.append((place, nil)) }
            return
        }
        if fstat(descriptor, &status) != 0 || !isSame(status, folder.status) { found.folders.append(index) }
        let nameStart = UInt(isRoot ? 0 : folder.path.count + 1)
        if let files {
            for place in files { check(file: place, descriptor, nameStart: nameStart, &status) }
        } else {
            for child in folder.children {
                let place = UInt32(littleEndian: children.loadUnaligned(fromByteOffset: 4 * child, as: UInt32.self))
                check(file: Int(place), descriptor, nameStart: nameStart, &status)
            }
        }
        if !isRoot { close(descriptor) }
    }

    @inline(__always)
    private mutating func check(file place: Int, _ descriptor: Int32, nameStart: UInt, _ status: inout stat) {
        guard place < base.count, let file = UnsafePointer<CChar>(bitPattern: base.entries.start(place) + nameStart)
        else { return }
        guard fstatat(descriptor, file, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
            let code = errno
            if code == ENOENT || code == ENOTDIR {
                found.files.append((place, nil))
            } else {
                found.error = FileSystemError("stat", base.entries.entry(place).path, errno: code)
            }
            return
        }
        if status.st_nlink > 1, status.st_mode & S_IFMT != S_IFDIR { found.linked.append(place) }
        let device = Int(kinds[place] >> 4 & 7)
        if device < devices.count, devices[device] == UInt64(status.st_dev),
            isSame(status, statuses + UInt(WorkspaceBaseLayout.statusSize * place))
        {
            return
        }
        if let refreshed = refreshed(place, descriptor, file, FileStatus(status), FileKind(mode: status.st_mode)) {
            found.touched.append(refreshed)
        } else {
            found.files.append((place, status))
        }
    }

    @inline(__always)
    private func isSame(_ status: stat, _ address: UInt) -> Bool {
        guard let record = UnsafeRawPointer(bitPattern: address) else { return false }
        func number(_ index: Int) -> Int64 {
            Int64(littleEndian: record.loadUnaligned(fromByteOffset: 8 * index, as: Int64.self))
        }
        return UInt64(bitPattern: number(0)) == UInt64(status.st_ino) && number(1) == Int64(status.st_size)
            && number(2) == FileStatus.nanoseconds(status.st_mtim)
            && number(3) == FileStatus.nanoseconds(status.st_ctim)
    }

    private func isSame(_ status: stat, _ known: FileStatus) -> Bool {
        let now = FileStatus(status)
        return now.device == known.device && now.inode == known.inode && now.modified == known.modified
            && now.changed == known.changed
    }

    // MARK: Touched files

    /// The new status of a file that holds what it held; nil where it does not, or that takes more to tell.
    private mutating func refreshed(
        _ place: Int, _ folder: Int32, _ name: UnsafePointer<CChar>, _ status: FileStatus, _ kind: FileKind?
    ) -> RefreshedStatuses.Refreshed? {
        guard index.trustsFingerprints, let kind, kind == .file || kind == .executable,
            kind == base.entries.kind(place), let content = base.content(place),
            content.digest.size == Int(status.size), content.digest.size < FileHashing.bufferSize
        else { return nil }
        if index.knowsAnything, let known = index.content(of: base.entries.entry(place).path, status) {
            guard known.content == content else { return nil }
            return RefreshedStatuses.Refreshed(place: place, status: status, readAt: known.isSettled ? Int64.max : 0)
        }
        if buffer.isEmpty { buffer = [UInt8](repeating: 0, count: FileHashing.bufferSize) }
        let moment = FileStatus.now
        let flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW
        let file = openat(folder, name, flags)
        guard file >= 0 else { return nil }
        defer { close(file) }
        let size = content.digest.size
        // One byte more shows a file that grew.
        let count = buffer.withUnsafeMutableBytes { read(file, $0.baseAddress, size + 1) }
        var after = stat()
        guard count == size, fstat(file, &after) == 0, FileStatus(after) == status else { return nil }
        let fingerprint = buffer.withUnsafeBytes {
            Fingerprint.of(UnsafeRawBufferPointer(rebasing: $0[..<size]))
        }
        guard fingerprint == content.fingerprint else { return nil }
        return RefreshedStatuses.Refreshed(place: place, status: status, readAt: moment)
    }
}
