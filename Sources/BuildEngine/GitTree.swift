// The files of a commit. Does not know which commit a user meant (`GitRepository.resolve`), nor what is on disk.
package import BuildGraph
import Buildfile
import Glibc
import Synchronization

/// The name of a git object: SHA-1 or SHA-256.
struct ObjectID: Sendable, Hashable {
    /// The bytes, and zeros after a SHA-1.
    let words: SHA256Value
    let isSHA256: Bool

    /// Nil unless `hex` is 40 or 64 lower-case hex digits.
    init?(hex: some Collection<UInt8>) {
        guard hex.count == 40 || hex.count == 64 else { return nil }
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        var place = 0
        for digit in hex {
            let value: UInt8
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
            default: return nil
            }
            let bits = UInt64(value) << UInt64(60 - 4 * (place % 16))
            switch place / 16 {
            case 0: words.0 |= bits
            case 1: words.1 |= bits
            case 2: words.2 |= bits
            default: words.3 |= bits
            }
            place += 1
        }
        self.init(words: SHA256Value(words: words), isSHA256: hex.count == 64)
    }

    init(words: SHA256Value, isSHA256: Bool) {
        self.words = words
        self.isSHA256 = isSHA256
    }

    /// From the bytes of one: 20 or 32.
    init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 20 || bytes.count == 32 else { return nil }
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        var place = 0
        for byte in bytes {
            let bits = UInt64(byte) << UInt64(56 - 8 * (place % 8))
            switch place / 8 {
            case 0: words.0 |= bits
            case 1: words.1 |= bits
            case 2: words.2 |= bits
            default: words.3 |= bits
            }
            place += 1
        }
        self.init(words: SHA256Value(words: words), isSHA256: place == 32)
    }

    var hex: String { String(words.hex.prefix(isSHA256 ? 64 : 40)) }
}

/// The files of a commit below a prefix, as a `FileSystem`. Contents are read when they are asked for, through one
/// `git cat-file` for all trees of a `GitObjects`; in a partial clone nothing else is fetched.
package struct GitTree: FileSystem {
    /// What `digest(of:)` says.
    package enum ContentNaming: Sendable, Hashable {
        /// SHA-256 and size of the content, as for files on disk.
        case sha256
        /// The object's id (a SHA-1 with zeros behind it) in place of the content's SHA-256, with size 0: nothing is
        /// read. It compares trees of commits of one repository, and nothing else.
        case objectID
    }

    package let entries: FileEntries
    let ids: ObjectIDs
    private let naming: ContentNaming
    private let objects: GitObjects

    init(entries: FileEntries, ids: ObjectIDs, naming: ContentNaming, objects: GitObjects) {
        self.entries = entries
        self.ids = ids
        self.naming = naming
        self.objects = objects
    }

    /// Other files of the repository of `tree`, named and read as its are.
    init(entries: FileEntries, ids: ObjectIDs, like tree: GitTree) {
        self.init(entries: entries, ids: ids, naming: tree.naming, objects: tree.objects)
    }

    package func contents(of path: BytePath) throws(FileSystemError) -> [UInt8] {
        let position = try position(of: path)
        if entries.kind(position) == .submodule { return Array(ids[position].hex.utf8) }
        return try objects.contents(of: ids[position], at: path)
    }

    package func digest(of path: BytePath) throws(FileSystemError) -> Digest {
        let position = try position(of: path)
        let id = ids[position]
        if naming == .objectID {
            return Digest(hash: id.words, size: 0)
        }
        if entries.kind(position) == .submodule { return Digest.of(Array(id.hex.utf8)) }
        return try objects.digest(of: id, at: path)
    }

    /// The digest of the file at a place, where it is known without reading.
    package func knownDigest(_ position: Int) -> Digest? {
        if entries.kind(position) == .submodule { return Digest.of(Array(ids[position].hex.utf8)) }
        return naming == .sha256 ? objects.knownDigest(of: ids[position]) : nil
    }

    package func digests(of paths: [BytePath]) throws(FileSystemError) -> [Digest] {
        // Paths that are asked for all together mostly come in the entries' order: the next is near the last.
        var digests: [Digest] = []
        digests.reserveCapacity(paths.count)
        var next = 0
        for path in paths {
            let order = { (place: Int) in
                entries.withPath(place) { found in path.bytes.withUnsafeBytes { compareBytes(found, $0) } }
            }
            while next < entries.count, order(next) < 0 { next += 1 }
            if next >= entries.count || order(next) != 0 { next = try position(of: path) }
            if naming == .objectID {
                digests.append(Digest(hash: ids[next].words, size: 0))
            } else if entries.kind(next) == .submodule {
                digests.append(try digest(of: path))
            } else {
                digests.append(try objects.digest(of: ids[next], at: path))
            }
        }
        return digests
    }

    package func digests(at positions: [Int]) throws(FileSystemError) -> (@Sendable (Int) -> Digest?)? {
        guard naming == .objectID else { return nil }
        return { [ids] place in Digest(hash: ids[place].words, size: 0) }
    }

    func position(of path: BytePath) throws(FileSystemError) -> Int {
        guard let position = entries.index(of: path) else { throw FileSystemError("open", path, errno: ENOENT) }
        return position
    }
}

/// Reads blobs of one repository, one asker at a time, and remembers their digests.
package final class GitObjects: Sendable {
    private let command: Command
    private let runner: any CommandRunner
    private let pipe = Mutex<(any CommandPipe)?>(nil)
    private let memo: ObjectDigests

    init(command: Command, runner: any CommandRunner, memo: ObjectDigests) {
        self.command = command
        self.runner = runner
        self.memo = memo
    }

    deinit {
        pipe.withLock { $0?.close() }
    }

    /// Writes the digests that were learned; also done when the last tree is gone.
    package func save() {
        memo.save()
    }

    func knownDigest(of id: ObjectID) -> Digest? { memo.digest(of: id, thoroughly: true) }

    func digest(of id: ObjectID, at path: BytePath) throws(FileSystemError) -> Digest {
        if let known = memo.digest(of: id) { return known }
        let digest = Digest.of(try contents(of: id, at: path))
        memo.record(id, digest)
        return digest
    }

    func contents(of id: ObjectID, at path: BytePath) throws(FileSystemError) -> [UInt8] {
        try asking(path) { pipe in
            let (name, content) = try Self.ask(pipe, Array(id.hex.utf8))
            guard name == id.hex, let content else { throw Unexpected() }
            return content
        }
    }

    /// What `commit` has at `path` below `prefix`: a file's bytes, or the commit's id of a submodule.
    func contents(
        of path: BytePath, in commit: String, prefix: BytePath, isSubmodule: Bool
    ) throws(FileSystemError) -> [UInt8] {
        let name = Array(commit.utf8) + [UInt8(ascii: ":")] + prefix.appending(path).bytes
        // A question is a line.
        guard !name.contains(UInt8(ascii: "\n")) else {
            throw FileSystemError("git cat-file", path, errno: ENAMETOOLONG)
        }
        return try asking(path) { pipe in
            let (id, content) = try Self.ask(pipe, name)
            if let content { return content }
            // A submodule's commit is in another repository: `ID submodule`, or `ID missing` where git is older.
            guard isSubmodule, ObjectID(hex: Array(id.utf8)) != nil else { throw Unexpected() }
            return Array(id.utf8)
        }
    }

    /// The id of the commit that `revision` names; nil where the reader does not say so: `GitRepository.known` has to be asked.
    package func commit(_ revision: String) -> String? {
        let isLine = !revision.utf8.contains { $0 == 0 || $0 == UInt8(ascii: "\n") }
        guard isLine, !revision.isEmpty, !revision.hasPrefix("-") else { return nil }
        let found = try? asking(.root) { pipe in
            try pipe.write(Array("\(revision)^{commit}\n".utf8))
            guard let line = try pipe.readLine() else { throw Unexpected() }
            let words = line.split(separator: UInt8(ascii: " ")).map(Array.init)
            guard words.count == 3, words[1].elementsEqual("commit".utf8), let id = ObjectID(hex: words[0]),
                let size = Int(String(decoding: words[2], as: UTF8.self)), size >= 0
            else { return [] }
            guard try pipe.read(size).count == size, try pipe.read(1).count == 1 else { throw Unexpected() }
            return Array(id.hex.utf8)
        }
        guard let found, !found.isEmpty else { return nil }
        return String(decoding: found, as: UTF8.self)
    }

    private struct Unexpected: Error {}

    /// Puts a question to the one `cat-file`, which is started for the first.
    private func asking(
        _ path: BytePath, _ question: (any CommandPipe) throws -> [UInt8]
    ) throws(FileSystemError) -> [UInt8] {
        let found = pipe.withLock { pipe -> [UInt8]? in
            do {
                let open = try pipe ?? runner.open(command)
                pipe = open
                return try question(open)
            } catch {
                // What it would answer next is anyone's guess.
                pipe?.close()
                pipe = nil
                return nil
            }
        }
        guard let found else { throw FileSystemError("git cat-file", path, errno: EIO) }
        return found
    }

    /// One question of `cat-file --batch`: `name LF`; `id SP type SP size LF content LF`, or a line without a blob, which
    /// gives no content. `id` is the line's first word.
    private static func ask(
        _ pipe: any CommandPipe, _ name: [UInt8]
    ) throws -> (id: String, content: [UInt8]?) {
        try pipe.write(name + [UInt8(ascii: "\n")])
        guard let line = try pipe.readLine() else { throw Unexpected() }
        let words = line.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
        guard words.count == 3, words[1] == "blob", let size = Int(words[2]), size >= 0 else {
            return (words.first ?? "", nil)
        }
        let content = try pipe.read(size)
        guard content.count == size, try pipe.read(1) == [UInt8(ascii: "\n")] else { throw Unexpected() }
        return (words[0], content)
    }
}

extension GitRepository {
    /// A reader of this repository's blobs, for all its trees. `memo` is an absolute path (`.lmsbuild/objects`) at
    /// which digests are kept from run to run; nil, or `trustingMemo` false where someone else may have written it
    /// (`CI` is set), reads none.
    package func objects(memo: BytePath? = nil, trustingMemo: Bool = true) -> GitObjects {
        GitObjects(
            command: asker.command(["cat-file", "--batch"]), runner: runner,
            memo: ObjectDigests(at: memo, isTrusted: trustingMemo))
    }

    /// The files that the commit (an id that `resolve` gave) has below `prefix`, which is relative to the repository's
    /// top, with paths relative to `prefix`; none where it had no such folder. Submodules are single entries;
    /// `.lmsbuild` is left out. `objects` shares a reader and its memory between trees.
    package func tree(
        at commit: String, prefix: BytePath = .root, naming: GitTree.ContentNaming = .sha256,
        objects: GitObjects? = nil
    ) async throws -> GitTree {
        guard let id = ObjectID(hex: Array(commit.utf8)) else {
            throw Diagnostic(.badRevision, .error, "'\(BytePath(commit).shown)' is no commit's id")
        }
        // A path that is no UTF-8 cannot be an argument here.
        let named = String(validating: prefix.bytes, as: UTF8.self)
        let start = named.map { $0.isEmpty ? id.hex : id.hex + ":" + $0 } ?? id.hex
        let question = ["ls-tree", "-r", "-z", "--full-tree", start]
        let below = named == nil ? prefix : BytePath.root
        if let read = TreeListing.read(asker.command(question), runner, below: below) {
            return GitTree(entries: read.entries, ids: read.ids, naming: naming, objects: objects ?? self.objects())
        }
        let result = try await asker.run(question)
        var output = result.output
        if !result.succeeded {
            // A folder that was not there is one thing, and a tree that cannot be read another.
            guard let named, !named.isEmpty, try await hasNoFolder(named, in: id.hex) else {
                throw asker.refusal("ls-tree", result)
            }
            output = []
        }
        let files = TreeListing.files(in: output, below: below)
        return GitTree(entries: files.entries, ids: files.ids, naming: naming, objects: objects ?? self.objects())
    }

    /// Whether the commit can be read as far as that, and has no folder there.
    private func hasNoFolder(_ path: String, in commit: String) async throws -> Bool {
        let entry = try await asker.run(["ls-tree", "-z", "--full-tree", commit, "--", path])
        return entry.succeeded && !String(decoding: entry.output, as: UTF8.self).contains(" tree ")
    }

    static func kind(ofMode mode: ArraySlice<UInt8>) -> FileKind {
        if mode.elementsEqual("100644".utf8) { return .file }
        return switch String(decoding: mode, as: UTF8.self) {
        case "100755": .executable
        case "120000": .link
        case "160000": .submodule
        default: .file
        }
    }
}
