// The files of a commit, read from git's object store without a checkout.
package import BuildGraph
import Buildfile
import Glibc
import Synchronization

/// A commit's tree as a file system. Entries and digests are those a working tree has that was checked out from it,
/// where no filter changes contents.
package struct GitTree: FileSystem {
    /// What stands for a file's content in a hash.
    package enum ContentNaming: Sendable {
        /// SHA-256 of the bytes: the same as a working tree's.
        case sha256
        /// Derived from git's object id, without reading the object: comparable with another commit's only.
        case objectID
    }

    package let entries: [FileEntry]
    private let objects: [BytePath: [UInt8]]
    private let naming: ContentNaming
    private let reader: ObjectReader

    /// The tree of `commit` below `prefix`, as listed by `git ls-tree -r -z`.
    init(listing: [UInt8], prefix: BytePath, naming: ContentNaming, reader: ObjectReader) {
        var found: [(FileEntry, [UInt8])] = []
        for record in GitRepository.records(listing) {
            guard let tab = record.firstIndex(of: UInt8(ascii: "\t")),
                let path = BytePath(bytes: Array(record[(tab + 1)...])).relative(to: prefix),
                let kind = Self.kind(record.prefix(6))
            else { continue }
            let fields = record[..<tab].split(separator: UInt8(ascii: " "))
            if path.components.contains(where: { $0.elementsEqual(".lmsbuild".utf8) }) || fields.count < 3 { continue }
            found.append((FileEntry(path: path, kind: kind), Array(fields[2])))
        }
        found.sort { $0.0.path < $1.0.path }
        entries = found.map(\.0)
        objects = Dictionary(found.map { ($0.0.path, $0.1) }, uniquingKeysWith: { first, _ in first })
        self.naming = naming
        self.reader = reader
    }

    private static func kind(_ mode: ArraySlice<UInt8>) -> FileKind? {
        switch String(decoding: mode, as: UTF8.self) {
        case "100755": .executable
        case "120000": .link
        case "160000": .submodule
        case let mode where mode.hasPrefix("100"): .file
        default: nil
        }
    }

    package func contents(of path: BytePath) throws(FileSystemError) -> [UInt8] {
        guard let object = objects[path] else { throw FileSystemError("open", path, errno: ENOENT) }
        if isSubmodule(path) { return object }
        return try reader.read(object, path)
    }

    package func digest(of path: BytePath) throws(FileSystemError) -> Digest {
        guard let object = objects[path] else { throw FileSystemError("open", path, errno: ENOENT) }
        switch naming {
        case .objectID:
            return Digest(hash: SHA256Value.of(Array("git object\0".utf8) + object), size: 0)
        case .sha256:
            return isSubmodule(path) ? Digest.of(object) : try reader.digest(object, path)
        }
    }

    private func isSubmodule(_ path: BytePath) -> Bool {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].path < path { low = middle + 1 } else { high = middle }
        }
        return low < entries.count && entries[low].path == path && entries[low].kind == .submodule
    }
}

/// One `git cat-file --batch`, started when the first object is wanted. Remembers digests for its lifetime.
package final class ObjectReader: Sendable {
    private struct State {
        var pipe: (any CommandPipe)?
        var digests: [[UInt8]: Digest] = [:]
    }

    private let state = Mutex(State())
    private let start: @Sendable () throws -> any CommandPipe

    init(start: @escaping @Sendable () throws -> any CommandPipe) {
        self.start = start
    }

    deinit {
        state.withLock { $0.pipe?.close() }
    }

    func digest(_ object: [UInt8], _ path: BytePath) throws(FileSystemError) -> Digest {
        if let known = state.withLock({ $0.digests[object] }) { return known }
        let digest = Digest.of(try read(object, path))
        state.withLock { $0.digests[object] = digest }
        return digest
    }

    func read(_ object: [UInt8], _ path: BytePath) throws(FileSystemError) -> [UInt8] {
        do {
            return try state.withLock { state in
                let pipe = try state.pipe ?? start()
                state.pipe = pipe
                try pipe.write(object + [UInt8(ascii: "\n")])
                let header = (try pipe.readLine() ?? []).split(separator: UInt8(ascii: " "))
                guard header.count == 3, let size = Int(String(decoding: header[2], as: UTF8.self)) else {
                    throw FileSystemError("read the git object of", path, errno: ENOENT)
                }
                let bytes = try pipe.read(size)
                _ = try pipe.read(1)
                guard bytes.count == size else { throw FileSystemError("read the git object of", path, errno: EIO) }
                return bytes
            }
        } catch let error as FileSystemError {
            throw error
        } catch {
            throw FileSystemError("read the git object of", path, errno: EIO)
        }
    }
}

extension GitRepository {
    /// The files of `commit` below `prefix`, a path from the repository's top.
    package func tree(
        at commit: String, prefix: BytePath, naming: GitTree.ContentNaming
    ) async throws -> GitTree {
        var arguments = ["ls-tree", "-r", "-z", "--full-tree", "--end-of-options", commit]
        // A prefix that is not UTF-8 cannot be an argument here: the whole tree is listed and filtered.
        if !prefix.isEmpty, let text = String(validating: prefix.bytes, as: UTF8.self) {
            arguments += ["--", text + "/"]
        }
        let listing = try await output(arguments, in: top)
        let command = command(["cat-file", "--batch"], in: top)
        let runner = runner
        return GitTree(
            listing: listing, prefix: prefix, naming: naming,
            reader: ObjectReader(start: { try runner.open(command) }))
    }
}
