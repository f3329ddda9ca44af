// Takes events away from a run and writes their lines a moment later, on a thread of its own. Knows the form of a line and one
// file; does not know which events there are, nor who is told that it cannot be written.
import BuildEngine
import BuildGraph
import Glibc
import Synchronization

/// What becomes a line of a log.
enum LogEntry: Sendable {
    case event(RecordedEvent)
    /// Targets that were as the last run left them: the first of them, how many, and when the last of them was told.
    case upToDate([(label: Label, saved: Duration)], count: Int, at: Duration)
}

/// Gathers what is to be written for `pause` at most and writes it in one system call. May be called from anywhere; nobody waits
/// for the disk but who calls `flush`, and who adds so much that it would not be gathered any more.
final class EventWriter: Sendable {
    /// From the first entry that is gathered until it is written.
    static let pause = Duration.milliseconds(50)
    /// Entries that are gathered.
    static let most = 1000

    private struct Gathered {
        var entries: [LogEntry] = []
        var isOpen = true
        /// Why it is not open any more, until somebody asks for it.
        var failure: StoreError?
        var hasThread = false
        var isOver = false
    }

    /// Held while lines are written, so that they are in order.
    private struct File {
        var descriptor: Int32 = -1
        /// The same memory for all lines.
        var lines: [UInt8] = []
    }

    private let heading: RunHeading
    private let path: BytePath
    private let gathered = Mutex(Gathered())
    private let file = Mutex(File())
    private let bell = Bell()

    /// Nothing is written before the first entry is. The file is at the absolute `path`, and must not be there yet.
    init(_ heading: RunHeading, at path: BytePath) {
        self.heading = heading
        self.path = path
    }

    deinit {
        let descriptor = file.withLock { $0.descriptor }
        if descriptor >= 0 { close(descriptor) }
    }

    /// Whether anything that is added will be written.
    var isOpen: Bool { gathered.withLock { $0.isOpen } }

    /// Has `entry`, and before it `earlier`, written within `pause`, or at once.
    func add(_ entry: LogEntry, after earlier: LogEntry? = nil, isUrgent: Bool = false) {
        let (isFirst, isFull) = gathered.withLock { gathered in
            guard gathered.isOpen else { return (false, false) }
            let isFirst = gathered.entries.isEmpty
            if let earlier { gathered.entries.append(earlier) }
            gathered.entries.append(entry)
            return (isFirst, gathered.entries.count >= Self.most)
        }
        // A disk that does not answer costs a run time rather than all memory.
        if isUrgent || isFull || isFirst && !hasThread() { return flush() }
        if isFirst { bell.ring() }
    }

    /// Writes what is gathered, and returns when it is.
    func flush() {
        file.withLock { file in
            let entries = gathered.withLock { gathered in
                defer { gathered.entries.removeAll(keepingCapacity: true) }
                return gathered.entries
            }
            if entries.isEmpty { return }
            do throws(StoreError) {
                try write(entries, to: &file)
            } catch {
                gathered.withLock { gathered in
                    (gathered.isOpen, gathered.failure) = (false, error)
                    gathered.entries = []
                }
            }
        }
    }

    /// Why nothing is written any more; the first time that it is asked for.
    func takeFailure() -> StoreError? {
        gathered.withLock { gathered in
            defer { gathered.failure = nil }
            return gathered.failure
        }
    }

    /// Writes what is gathered and ends the thread.
    func end() {
        flush()
        gathered.withLock { $0.isOver = true }
        bell.ring()
    }

    // MARK: The thread

    /// Starts it where there is none yet; false where the machine has none to give.
    private func hasThread() -> Bool {
        let isStarted = gathered.withLock { gathered in
            defer { gathered.hasThread = true }
            return gathered.hasThread
        }
        if isStarted { return true }
        let failed = Threads.start { [self] in
            while true {
                bell.wait()
                if gathered.withLock({ $0.isOver }) { return }
                usleep(useconds_t(Self.pause.microseconds))
                flush()
            }
        }
        if failed != 0 { gathered.withLock { $0.hasThread = false } }
        return failed == 0
    }

    // MARK: The file

    private func write(_ entries: [LogEntry], to file: inout File) throws(StoreError) {
        file.lines.removeAll(keepingCapacity: true)
        if file.descriptor < 0 { file.lines += heading.json.line }
        for entry in entries {
            switch entry {
            case .event(let event): _ = event.write(to: &file.lines)
            case .upToDate(let targets, let count, let at):
                RecordedEvent.write(upToDate: targets, count: count, at: at, to: &file.lines)
            }
        }
        if file.descriptor >= 0 { return try Disk.write(file.lines, to: file.descriptor, path) }
        let descriptor = try begin()
        do throws(StoreError) {
            try Disk.write(file.lines, to: descriptor, path)
        } catch {
            close(descriptor)
            // One without a heading is none.
            Disk.remove(path)
            throw error
        }
        file.descriptor = descriptor
    }

    private func begin() throws(StoreError) -> Int32 {
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW
        do throws(StoreError) {
            return try Disk.open(path, flags, mode: 0o600)
        } catch {
            guard case .system(_, _, ENOENT) = error else { throw error }
            try Disk.makeFolders(path.parent, mode: 0o700)
            return try Disk.open(path, flags, mode: 0o600)
        }
    }
}

/// What one thread waits for and others ring (POSIX semaphores).
private final class Bell: Sendable {
    /// Never changed; the system sees to it that all threads may use what it points to.
    nonisolated(unsafe) private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() { sem_init(semaphore, 0, 0) }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func ring() { sem_post(semaphore) }

    /// Returns once for each ringing.
    func wait() { while sem_wait(semaphore) != 0, errno == EINTR {} }
}
