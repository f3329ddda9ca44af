package import BuildGraph
import Glibc

/// A workspace that is a dictionary.
package struct MemoryFileSystem: FileSystem {
    private var files: [BytePath: (kind: FileKind, contents: [UInt8])] = [:]

    package init() {}

    /// Plain files with the given texts.
    package init(_ texts: [String: String]) {
        for (path, text) in texts { self[path] = text }
    }

    /// The text of a plain file; nil removes it. Setting keeps the kind of a file that is there.
    package subscript(path: String) -> String? {
        get { files[BytePath(path)].map { String(decoding: $0.contents, as: UTF8.self) } }
        set {
            let path = BytePath(path)
            files[path] = newValue.map { (files[path]?.kind ?? .file, Array($0.utf8)) }
        }
    }

    package mutating func set(_ path: BytePath, _ kind: FileKind = .file, contents: [UInt8] = []) {
        files[path] = (kind, contents)
    }

    package mutating func remove(_ path: BytePath) {
        files[path] = nil
    }

    package var entries: FileEntries {
        FileEntries(files.map { FileEntry(path: $0.key, kind: $0.value.kind) }.sorted { $0.path < $1.path })
    }

    package func contents(of path: BytePath) throws(FileSystemError) -> [UInt8] {
        guard let file = files[path] else { throw FileSystemError("open", path, errno: ENOENT) }
        guard file.kind.isContent else { throw FileSystemError("open", path, errno: EINVAL) }
        return file.contents
    }

    package func digest(of path: BytePath) throws(FileSystemError) -> Digest {
        Digest.of(try contents(of: path))
    }
}
