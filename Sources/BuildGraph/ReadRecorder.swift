// Whose contents were read. Does not know what for.
import Synchronization

/// The variables of the environment that a graph was made from.
final class EnvironmentReads: Sendable {
    private let values = Mutex<[String: String?]>([:])

    func note(_ name: String, _ value: String?) { values.withLock { $0[name] = .some(value) } }

    var all: [String: String?] { values.withLock { $0 } }
}

/// Passes all questions on to `files`, and remembers of which of them the contents were asked for.
final class ReadRecorder: FileSystem {
    private let files: any FileSystem
    private let paths = Mutex<Set<BytePath>>([])

    init(_ files: any FileSystem) {
        self.files = files
    }

    /// Sorted.
    var read: [BytePath] { paths.withLock { $0 }.sorted() }

    var entries: FileEntries { files.entries }

    func contents(of path: BytePath) throws(FileSystemError) -> [UInt8] {
        paths.withLock { _ = $0.insert(path) }
        return try files.contents(of: path)
    }

    func digest(of path: BytePath) throws(FileSystemError) -> Digest { try files.digest(of: path) }

    func digests(of paths: [BytePath]) throws(FileSystemError) -> [Digest] { try files.digests(of: paths) }
}
