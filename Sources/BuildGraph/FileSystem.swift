import Buildfile

/// What git can say of a path, and what it cannot: kinds from `.fifo` on are seen on disks only and can't be inputs.
package enum FileKind: UInt8, Sendable, Hashable {
    /// Mode 0644 for git.
    case file = 1
    /// Mode 0755 for git: the owner may execute it.
    case executable = 2
    /// A symbolic link; its content is the text of the link, never what it points to.
    case link = 3
    /// A submodule; its content is the commit's id in hex.
    case submodule = 4
    case fifo = 5
    case socket = 6
    case device = 7

    /// Whether it can be an input.
    package var isContent: Bool { rawValue <= FileKind.submodule.rawValue }
}

/// One file of a tree.
package struct FileEntry: Sendable, Hashable {
    package let path: BytePath
    package let kind: FileKind

    package init(path: BytePath, kind: FileKind) {
        self.path = path
        self.kind = kind
    }
}

/// A failed look at a file: what was tried, on what, and the error's name.
package struct FileSystemError: Error, Sendable, Hashable {
    package let operation: String
    package let path: BytePath
    package let errno: Int32

    package init(_ operation: String, _ path: BytePath, errno: Int32) {
        self.operation = operation
        self.path = path
        self.errno = errno
    }
}

/// One state of the workspace's files: the working tree, a commit's tree, or a test's dictionary.
///
/// Promises that two trees with the same files give the same entries and digests, wherever they are kept. Paths are
/// relative to the workspace's root. Files that git ignores, `.git` and `.lmsbuild` are not in it; what is tracked
/// although a pattern ignores it is.
package protocol FileSystem: Sendable {
    /// Every file, sorted bytewise by path, without duplicates.
    var entries: FileEntries { get }
    /// The bytes of a file, or the text of a link. Throws ENOENT for what is not in `entries`.
    func contents(of path: BytePath) throws(FileSystemError) -> [UInt8]
    /// SHA-256 and size of `contents(of:)`, without keeping the bytes in memory.
    func digest(of path: BytePath) throws(FileSystemError) -> Digest
    /// The digests of `paths`, in their order; the fastest way to many.
    func digests(of paths: [BytePath]) throws(FileSystemError) -> [Digest]
    /// The digests of the entries at `positions`, without a list of their paths; nil where the tree has no quicker way to
    /// them than by paths.
    func digests(at positions: [Int]) throws(FileSystemError) -> (@Sendable (Int) -> Digest?)?
    /// The digest of what an action is given for the file, where that is not what its hash covers: what a checkout made
    /// of it. Nil where both are the same.
    func placedDigest(of path: BytePath) throws(FileSystemError) -> Digest?
}

extension FileSystem {
    package func placedDigest(of path: BytePath) throws(FileSystemError) -> Digest? { nil }

    package func digests(at positions: [Int]) throws(FileSystemError) -> (@Sendable (Int) -> Digest?)? { nil }

    package func digests(of paths: [BytePath]) throws(FileSystemError) -> [Digest] {
        var digests: [Digest] = []
        for path in paths { digests.append(try digest(of: path)) }
        return digests
    }
}
