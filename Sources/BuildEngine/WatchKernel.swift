// inotify(7), as far as a watch of folders needs it. Does not know what a workspace is.
import BuildGraph
import Glibc

/// What happened to a watched folder, or to a name in it.
struct WatchEvent: Sendable, Equatable {
    /// Which watch it is about; -1 for none.
    let watch: Int32
    /// `IN_…` bits.
    let mask: UInt32
    /// The name in the folder; empty for the folder itself.
    let name: BytePath

    func has(_ bits: Int32...) -> Bool { bits.contains { mask & UInt32(bitPattern: $0) != 0 } }
}

/// Where events come from: the kernel, and in tests a script.
protocol WatchKernel {
    /// Watches a folder, and gives its number: the one it has where it is watched already. -1 and errno on failure.
    func add(_ folder: BytePath, followingLinks: Bool) -> Int32
    func remove(_ watch: Int32)
    /// What has happened up to now; does not wait.
    func events() -> [WatchEvent]
    /// Waits for an event, no longer than until `end`; whether there is one.
    func wait(until end: ContinuousClock.Instant?) -> Bool
    var now: ContinuousClock.Instant { get }
}

/// The kernel itself: one inotify instance, closed with the value.
final class Inotify: WatchKernel {
    /// Readable where there is an event.
    let descriptor: Int32

    /// All that changes names, contents or modes below a folder; not that files are read.
    private static let mask =
        IN_CREATE | IN_DELETE | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF
        | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK

    init() throws(FileSystemError) {
        descriptor = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))
        guard descriptor >= 0 else { throw FileSystemError(FolderWatch.starting, .root, errno: errno) }
    }

    deinit { close(descriptor) }

    var now: ContinuousClock.Instant { .now }

    func add(_ folder: BytePath, followingLinks: Bool) -> Int32 {
        let mask = Self.mask | (followingLinks ? 0 : IN_DONT_FOLLOW)
        return folder.withCString { inotify_add_watch(descriptor, $0, UInt32(bitPattern: mask)) }
    }

    func remove(_ watch: Int32) { inotify_rm_watch(descriptor, watch) }

    func events() -> [WatchEvent] {
        var found: [WatchEvent] = []
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        // A stream that never ends must not keep us here; this much is more than the kernel's queue holds by default.
        for _ in 0..<64 {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            if count <= 0 { break }
            buffer.withUnsafeBytes { bytes in
                found += Self.parse(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
            }
        }
        return found
    }

    /// `struct inotify_event`s, each followed by its name and zeros up to its length.
    private static func parse(_ bytes: UnsafeRawBufferPointer) -> [WatchEvent] {
        let size = MemoryLayout<inotify_event>.size
        var found: [WatchEvent] = []
        var offset = 0
        while offset + size <= bytes.count {
            let watch = bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self)
            let mask = bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self)
            let length = Int(bytes.loadUnaligned(fromByteOffset: offset + 12, as: UInt32.self))
            let end = min(offset + size + length, bytes.count)
            let name = BytePath(bytes: Array(bytes[(offset + size)..<end].prefix { $0 != 0 }))
            found.append(WatchEvent(watch: watch, mask: mask, name: name))
            offset = end
        }
        return found
    }

    func wait(until end: ContinuousClock.Instant?) -> Bool {
        while true {
            var milliseconds: Int32 = -1
            if let end {
                let rest = now.duration(to: end)
                if rest <= .zero { return false }
                // Rounded up, so that nobody is woken a little too early again and again.
                milliseconds = Int32(clamping: Int(rest / .milliseconds(1)) + 1)
            }
            var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let count = poll(&waiting, 1, milliseconds)
            if count > 0 { return true }
            if count < 0, errno != EINTR { return false }
        }
    }
}
