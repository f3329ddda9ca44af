// What the kernel says of a file without its being read. Does not know what was said before; `FileIndex` does.
package import Glibc

/// What changes when a file's content does: its place on the disk, its size and its times.
package struct FileStatus: Sendable, Hashable {
    package var device: UInt64
    package var inode: UInt64
    package var size: Int64
    /// `st_mtim` in nanoseconds since the epoch: what users can set.
    package var modified: Int64
    /// `st_ctim` in nanoseconds since the epoch: what users cannot set.
    package var changed: Int64

    package init(device: UInt64, inode: UInt64, size: Int64, modified: Int64, changed: Int64) {
        self.device = device
        self.inode = inode
        self.size = size
        self.modified = modified
        self.changed = changed
    }

    /// What `stat` and its kin filled in.
    package init(_ status: stat) {
        self.init(
            device: UInt64(status.st_dev), inode: UInt64(status.st_ino), size: Int64(status.st_size),
            modified: Self.nanoseconds(status.st_mtim), changed: Self.nanoseconds(status.st_ctim))
    }

    /// Since the epoch; of a time that no clock shows (users set any) just some number, the same each time.
    @inline(__always)
    static func nanoseconds(_ time: timespec) -> Int64 {
        Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }

    /// Whether a write after the moment `now` is sure to leave other times than these. The kernel's clock for files
    /// goes in ticks of up to 10 ms, and some file systems keep whole seconds only.
    package func isSettled(at now: Int64) -> Bool {
        let newest = max(modified, changed)
        let second: Int64 = 1_000_000_000
        let tick = newest % second == 0 ? 2 * second : second / 50
        return newest < now - tick
    }

    /// Itself, or a status that no file has, where a write after the moment `now` might leave this one.
    func whereSettled(at now: Int64) -> FileStatus {
        isSettled(at: now) ? self : neverBelieved
    }

    /// A status that no file has.
    var neverBelieved: FileStatus {
        var never = self
        never.changed = Int64.min
        return never
    }

    var isNeverBelieved: Bool { changed == Int64.min }

    /// The moment, by the clock that stamps files.
    package static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

extension FileKind {
    /// The kind that a mode of `stat` means; nil for a folder.
    init?(mode: mode_t) {
        switch mode & S_IFMT {
        case S_IFREG: self = mode & S_IXUSR == 0 ? .file : .executable
        case S_IFLNK: self = .link
        case S_IFDIR: return nil
        case S_IFIFO: self = .fifo
        case S_IFSOCK: self = .socket
        default: self = .device
        }
    }
}

extension FileSystemError {
    /// The file changed while it was looked at, or since the scan; said with EBUSY, which reading a file never gives.
    package static func changed(_ path: BytePath) -> FileSystemError {
        FileSystemError("hash", path, errno: EBUSY)
    }

    package var isChange: Bool { operation == "hash" && errno == EBUSY }
}

/// An open file, closed once.
struct OpenFile: ~Copyable {
    let descriptor: Int32
    /// For errors: as the user knows it.
    private let path: BytePath

    /// Opens the plain file at `absolute` to read: never waiting for a FIFO's writer, by default never a link.
    init(
        reading absolute: BytePath, shownAs path: BytePath, followingLinks: Bool = false
    ) throws(FileSystemError) {
        let flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY | (followingLinks ? 0 : O_NOFOLLOW)
        descriptor = absolute.withCString { open($0, flags) }
        self.path = path
        // What was a plain file when the folder was read is a link or a socket now.
        if descriptor < 0, errno == ELOOP || errno == ENXIO { throw .changed(path) }
        guard descriptor >= 0 else { throw FileSystemError("open", path, errno: errno) }
    }

    init(owning descriptor: Int32, shownAs path: BytePath) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit { close(descriptor) }

    func status() throws(FileSystemError) -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw FileSystemError("stat", path, errno: errno) }
        return status
    }

    /// Fills as much of the first `limit` bytes of `buffer` as the file has from `offset` on; gives how much.
    func read(at offset: Int, into buffer: inout [UInt8], limit: Int) throws(FileSystemError) -> Int {
        var filled = 0
        let wanted = min(limit, buffer.count)
        while filled < wanted {
            let count = buffer.withUnsafeMutableBytes { bytes in
                pread(descriptor, bytes.baseAddress.map { $0 + filled }, wanted - filled, off_t(offset + filled))
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw FileSystemError("read", path, errno: errno) }
            if count == 0 { break }
            filled += count
        }
        return filled
    }

    /// Everything from the start to the end as it is now.
    func contents() throws(FileSystemError) -> [UInt8] {
        let size = Int(try status().st_size)
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: max(4096, min(size + 1, 1 << 20)))
        while true {
            let count = try read(at: bytes.count, into: &piece, limit: piece.count)
            bytes.append(contentsOf: piece.prefix(count))
            if count < piece.count { return bytes }
        }
    }
}
