// Hears of everything that may make a workspace differ from its base: watches each folder that the base has, and knows
// neither rules nor what counts. A look at the files decides what a change means.
import BuildGraph
import CLinux
import Glibc

/// Why a watch cannot be believed, or cannot be had.
struct WatchDoubt: Error {
    let text: String
    /// Of the call that failed; 0 where none did.
    var code: Int32 = 0
}

/// Watches of all folders of one base. A folder that the base has not needs none: the folder that it lies in has another
/// status than in the base, and is listed, with all that is new in it, by each look.
struct BaseWatch {
    let folders: BaseFolders
    private(set) var record = ChangeRecord()
    private let root: BytePath
    private let kernel: any WatchKernel
    /// Of the root when its watch was set.
    let identity: (device: UInt64, inode: UInt64)
    private var byWatch: [Int32: Int] = [:]
    /// By folder: its watch, or -1 for none.
    private var watches: [Int32]
    private var devices: Set<UInt64> = []
    /// Folders whose watch turned out to be that of another.
    private var robbed: [Int] = []

    /// Events of folders that `folders` has not, such as the state folder, are given to `others`.
    init(
        _ root: BytePath, _ folders: BaseFolders, kernel: any WatchKernel, between: () -> Void = {}
    ) throws(WatchDoubt) {
        self.root = root
        self.folders = folders
        self.kernel = kernel
        watches = Array(repeating: -1, count: folders.count)
        guard let status = Disk.status(root), status.isFolder else { throw WatchDoubt(text: "its folder is gone") }
        identity = (UInt64(status.st_dev), UInt64(status.st_ino))
        for index in 0..<folders.count {
            try enter(index)
            if index % 256 == 255 { between() }
        }
        try settleRobbed()
        if let doubt = MountTable.doubt(of: root, has: folders.has) { throw WatchDoubt(text: doubt) }
    }

    var watchCount: Int { byWatch.count }

    // MARK: Folders

    private mutating func enter(_ index: Int) throws(WatchDoubt) {
        let path = folders.path(index)
        // Below what is not watched nothing is found again without a word from above it.
        if !path.isEmpty, folders.index(of: path.parent).map({ watches[$0] < 0 }) ?? false { return }
        let absolute = root.appending(path)
        let watch = kernel.add(absolute, followingLinks: path.isEmpty)
        guard watch >= 0 else {
            let code = errno
            if !path.isEmpty, [ENOENT, ENOTDIR, ELOOP].contains(code) { return }
            throw WatchDoubt(text: "'\(absolute.shown)' cannot be watched", code: code)
        }
        if let other = byWatch[watch], other != index {
            watches[other] = -1
            robbed.append(other)
        }
        byWatch[watch] = index
        watches[index] = watch
        try see(absolute)
    }

    /// Only some file systems tell of every change.
    private mutating func see(_ folder: BytePath) throws(WatchDoubt) {
        guard let status = Disk.status(folder), devices.insert(UInt64(status.st_dev)).inserted else { return }
        if let doubt = WatchedFileSystem.doubt(of: folder) { throw WatchDoubt(text: doubt) }
    }

    private mutating func leave(_ index: Int) {
        let watch = watches[index]
        guard watch >= 0 else { return }
        kernel.remove(watch)
        byWatch[watch] = nil
        watches[index] = -1
    }

    /// A folder came, went or was moved: whatever lies at `path` now is watched from now on.
    private mutating func renew(_ path: BytePath) throws(WatchDoubt) {
        record.add(.tree, path)
        guard let index = folders.index(of: path) else { return }
        let below = folders.below(path)
        leave(index)
        for index in below { leave(index) }
        try enter(index)
        for index in below { try enter(index) }
    }

    /// Folders that changed places are each watched again at the end; one that is then still robbed is there twice.
    private mutating func settleRobbed() throws(WatchDoubt) {
        let open = robbed
        robbed = []
        for index in open where watches[index] < 0 {
            try enter(index)
            if !robbed.isEmpty {
                throw WatchDoubt(text: "'\(folders.path(index).shown)' is there under another name, too")
            }
            record.add(.tree, folders.path(index))
            for inner in folders.below(folders.path(index)) where watches[inner] < 0 { try enter(inner) }
        }
    }

    // MARK: Events

    /// Takes in all that has happened up to now. An event is queued before the call that causes it returns, so nothing that
    /// was done before this is missed. Gives the events of watches that are none of ours.
    mutating func drain() throws(WatchDoubt) -> [WatchEvent] {
        var others: [WatchEvent] = []
        for _ in 0..<Self.mostRounds {
            let events = kernel.events()
            if events.isEmpty {
                if robbed.isEmpty { return others }
                try settleRobbed()
                continue
            }
            for event in events {
                if try !take(event) { others.append(event) }
            }
        }
        throw WatchDoubt(text: "changes come faster than they can be followed")
    }

    private static let mostRounds = 1000

    /// False for an event of a watch that is none of ours.
    private mutating func take(_ event: WatchEvent) throws(WatchDoubt) -> Bool {
        if event.has(IN_Q_OVERFLOW) { throw WatchDoubt(text: "the kernel's queue of events has overflowed") }
        guard let index = byWatch[event.watch] else { return false }
        if event.has(IN_UNMOUNT) { throw WatchDoubt(text: "a file system was unmounted") }
        let folder = folders.path(index)
        if event.has(IN_IGNORED, IN_DELETE_SELF, IN_MOVE_SELF) {
            if folder.isEmpty { throw WatchDoubt(text: "the workspace's folder went") }
            if event.has(IN_IGNORED) {
                byWatch[event.watch] = nil
                watches[index] = -1
            }
            try renew(folder)
            return true
        }
        guard !event.name.isEmpty else {
            // Its own mode or times: what is in it may be out of reach.
            if event.has(IN_ATTRIB) { record.add(.tree, folder) }
            return true
        }
        let path = folder.appending(event.name)
        let isStructural = event.has(IN_CREATE, IN_DELETE, IN_MOVED_FROM, IN_MOVED_TO)
        if isStructural { record.add(.folder, folder) }
        if !event.has(IN_ISDIR) {
            record.add(.file, path)
        } else if isStructural {
            try renew(path)
        } else {
            record.add(.tree, path)
        }
        return true
    }

    /// What may have changed since `clock`, after `drain`.
    mutating func since(_ clock: [UInt8]?) -> (suspects: [Suspect]?, clock: [UInt8]) { record.since(clock) }
}

/// File systems whose every change inotify tells of: those of this machine alone.
enum WatchedFileSystem {
    private static let known: Set<Int64> = [
        0xEF53,  // ext2, ext3, ext4
        0x5846_5342,  // xfs
        0x9123_683E,  // btrfs
        0x0102_1994,  // tmpfs
        0x8584_58F6,  // ramfs
        0xF2F5_2010,  // f2fs
        0x2FC1_2FC1,  // zfs
        0xCA45_1A4E,  // bcachefs
        0x794C_7630,  // overlay, whose layers nobody may change below it
    ]

    /// Why changes on the file system of the absolute `folder` may go unheard; nil where none does.
    static func doubt(of folder: BytePath) -> String? {
        let kind = folder.withCString { clinux_filesystem_kind($0) }
        if known.contains(kind) { return nil }
        let number = String(UInt64(bitPattern: kind), radix: 16)
        return "'\(folder.shown)' is on a file system (0x\(number)) that may change without a word to this machine"
    }
}
