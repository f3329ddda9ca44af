// A commit's files told from those of the working tree: what git says is the same on both sides is neither listed nor read.
package import BuildGraph
import Buildfile
import Glibc

/// The files of a working tree, named by the ids that git has for them or would give them. It compares with a `NearbyCommit`
/// of the same naming, and with nothing else.
package struct NamedTree: FileSystem {
    let files: any FileSystem
    private let names: StagedNames

    init(_ names: StagedNames) {
        files = names.files
        self.names = names
    }

    package var entries: FileEntries { files.entries }

    /// How many files were read for their ids so far.
    package var readCount: Int { names.readCount }

    package func contents(of path: BytePath) throws(FileSystemError) -> [UInt8] { try files.contents(of: path) }

    package func digest(of path: BytePath) throws(FileSystemError) -> Digest {
        guard let position = entries.index(of: path) else { throw FileSystemError("open", path, errno: ENOENT) }
        return Digest(hash: try names.name(position).words, size: 0)
    }

    package func digests(at positions: [Int]) throws(FileSystemError) -> (@Sendable (Int) -> Digest?)? {
        try names.learn(positions)
        return { [names] position in (try? names.name(position)).map { Digest(hash: $0.words, size: 0) } }
    }
}

/// The files of a commit that differs from the index in `changes`, where the index is near what lies on disk.
package struct NearbyCommit: FileSystem {
    package let entries: FileEntries
    private let names: StagedNames
    private let naming: GitTree.ContentNaming
    private let objects: GitObjects
    /// By place: what neither the index nor the files tell.
    private let ids: [Int: ObjectID]
    /// For each place that of the same path in the files, or -1; nil where all are the same.
    private let places: [Int32]?

    init(
        _ names: StagedNames, _ changes: [HistoryCommit.Change], naming: GitTree.ContentNaming, objects: GitObjects
    ) {
        self.names = names
        self.naming = naming
        self.objects = objects
        let files = names.files.entries
        var kinds: [BytePath: FileKind?] = [:]
        for difference in names.differences { kinds[difference.path] = .some(difference.kind) }
        var found = names.missing
        for change in changes {
            found[change.path] = change.entry?.id
            let isThere = files.index(of: change.path).map { files.kind($0) }
            kinds[change.path] = isThere == change.entry?.kind ? nil : .some(change.entry?.kind)
        }
        entries = files.changed(
            kinds.map { EntryChange(path: $0.key, kind: $0.value) }.sorted { $0.path < $1.path })
        places = kinds.isEmpty ? nil : Self.places(of: entries, in: files)
        var ids: [Int: ObjectID] = [:]
        for (path, id) in found { if let place = entries.index(of: path) { ids[place] = id } }
        self.ids = ids
    }

    private static func places(of entries: FileEntries, in files: FileEntries) -> [Int32] {
        var places: [Int32] = []
        places.reserveCapacity(entries.count)
        var next = 0
        for place in entries.indices {
            let order = entries.withPath(place) { path in
                var order = -1
                while next < files.count {
                    order = files.withPath(next) { compareBytes(path, $0) }
                    if order <= 0 { break }
                    next += 1
                    order = -1
                }
                return order
            }
            places.append(order == 0 ? Int32(truncatingIfNeeded: next) : -1)
        }
        return places
    }

    /// The places at which the commit may hold something else than the files do; nil where it has other files, or other kinds.
    package var suspects: [Int]? {
        places == nil ? entries.indices.filter { ids[$0] != nil || !names.isSame($0) } : nil
    }

    private func place(_ path: BytePath) throws(FileSystemError) -> Int {
        guard let place = entries.index(of: path) else { throw FileSystemError("open", path, errno: ENOENT) }
        return place
    }

    /// The place of the file on disk that the index has an id for; that id is the commit's, too.
    private func shared(_ place: Int) -> Int? {
        if ids[place] != nil { return nil }
        guard let places else { return place }
        return places[place] < 0 ? nil : Int(places[place])
    }

    private func id(_ place: Int) throws(FileSystemError) -> ObjectID {
        if let id = ids[place] { return id }
        if let other = shared(place), let id = names.staged(other) { return id }
        throw FileSystemError("git cat-file", entries[place].path, errno: EIO)
    }

    /// The place in the files of what is sure to be the same there, some of which is read for that.
    private func same(_ place: Int) throws(FileSystemError) -> Int? {
        guard let other = shared(place) else { return nil }
        if names.isSame(other) { return other }
        return try names.name(other) == names.staged(other) ? other : nil
    }

    package func contents(of path: BytePath) throws(FileSystemError) -> [UInt8] {
        let place = try place(path)
        if let other = shared(place), names.isSame(other) { return try names.files.contents(of: path) }
        let id = try id(place)
        return entries.kind(place) == .submodule ? Array(id.hex.utf8) : try objects.contents(of: id, at: path)
    }

    package func digest(of path: BytePath) throws(FileSystemError) -> Digest {
        let place = try place(path)
        let id = try id(place)
        if naming == .objectID { return Digest(hash: id.words, size: 0) }
        if entries.kind(place) == .submodule { return Digest.of(Array(id.hex.utf8)) }
        if try same(place) != nil { return try names.files.digest(of: path) }
        return try objects.digest(of: id, at: path)
    }

    package func digests(at positions: [Int]) throws(FileSystemError) -> (@Sendable (Int) -> Digest?)? {
        if naming == .objectID {
            return { place in (try? id(place)).map { Digest(hash: $0.words, size: 0) } }
        }
        guard names.files is WorkingTree else { return nil }
        try names.learn(positions.lazy.compactMap { shared($0) })
        var others: [Int: Digest] = [:]
        var plain: [Int] = []
        for place in positions {
            if let other = try same(place), entries.kind(place) != .submodule {
                plain.append(other)
            } else {
                others[place] = try digest(of: entries[place].path)
            }
        }
        guard let known = try names.files.digests(at: plain) else { return nil }
        let found = others
        return { place in found[place] ?? shared(place).flatMap { known($0) } }
    }

    /// The digest of the file at a place, where it is known without reading.
    package func knownDigest(_ place: Int) -> Digest? {
        guard naming == .sha256, let id = try? id(place) else { return nil }
        if entries.kind(place) == .submodule { return Digest.of(Array(id.hex.utf8)) }
        if let other = shared(place), names.isFoundSame(other), let disk = names.files as? WorkingTree {
            return disk.knownDigest(other)
        }
        return objects.knownDigest(of: id)
    }
}

/// What git's index says of the files of a working tree and of a commit, asked for while the files are looked at.
package struct Staging: Sendable {
    let index: GitIndexFile
    private let sizes: [UInt32]
    private let changes: [HistoryCommit.Change]
    private let prefix: BytePath

    fileprivate init(_ index: GitIndexFile, _ sizes: [UInt32], _ changes: [HistoryCommit.Change], _ prefix: BytePath) {
        self.index = index
        self.sizes = sizes
        self.changes = changes
        self.prefix = prefix
    }

    /// The commit by the digests of contents, told from `files`; nil where the index does not tell.
    package func commit(near files: any FileSystem, objects: GitObjects) -> NearbyCommit? {
        guard let names = StagedNames(files, index, prefix: prefix, sizes: sizes) else { return nil }
        return NearbyCommit(names, changes, naming: .sha256, objects: objects)
    }

    /// `files` and the commit, both named by object ids: nothing is read that is the same. Nil where the index does not tell,
    /// and where the files lack something tracked that is there nevertheless, below the absolute `root`: an ignore rule
    /// names it.
    package func named(
        _ files: any FileSystem, root: BytePath, objects: GitObjects
    ) -> (files: NamedTree, commit: NearbyCommit)? {
        guard let names = StagedNames(files, index, prefix: prefix, sizes: sizes),
            names.missing.count <= Self.mostMissing
        else { return nil }
        let isAnyThere = names.differences.contains { difference in
            guard names.missing[difference.path] != nil, let status = Disk.status(root.appending(difference.path))
            else {
                return false
            }
            return !status.isFolder || difference.kind == .submodule
        }
        if isAnyThere { return nil }
        return (NamedTree(names), NearbyCommit(names, changes, naming: .objectID, objects: objects))
    }

    private static let mostMissing = 10_000
}

extension GitRepository {
    /// What the index says of the commit `id` (as `resolve` gave it) and of the files below `prefix`; nil where it cannot be
    /// read here, or objects are replaced by others.
    package func staging(_ id: String, prefix: BytePath) async throws -> Staging? {
        guard !isBare, let folder = GitFolder.of(top), let name = ObjectID(hex: Array(id.utf8)),
            let index = GitIndexFile(folder.appending("index"), idSize: name.isSHA256 ? 32 : 20)
        else { return nil }
        async let sizes = BlobSizes.ask(index, below: prefix, self)
        async let replaced = mayReplaceObjects ? asker.output(["for-each-ref", "--count=1", "refs/replace/"]) : []
        // From the index to the commit.
        let question = [
            "diff-index", "-R", "--cached", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", "--no-ext-diff",
            "--no-textconv", "--ignore-submodules=none", id,
        ]
        let result = try await asker.run(question)
        // All that was said must be of the index that was read.
        let isSameIndex = Disk.status(folder.appending("index")).map { FileStatus($0) } == index.status
        guard result.succeeded, isSameIndex, try await replaced.isEmpty else {
            _ = try await sizes
            return nil
        }
        let changes = try Self.changes(in: result.output, prefix)
        return Staging(index, try await sizes, changes, prefix)
    }

    /// Whether git has to be asked if some object is replaced by another (git-replace(1)): false where references are plain files
    /// and none is of that kind.
    private var mayReplaceObjects: Bool {
        if Disk.status(commonFolder.appending("refs/replace")) != nil { return true }
        if Disk.status(commonFolder.appending("reftable")) != nil { return true }
        guard Disk.status(commonFolder.appending("packed-refs")) != nil else { return false }
        guard let packed = try? Disk.contents(of: commonFolder.appending("packed-refs")) else { return true }
        return (packed + [0]).withUnsafeBytes { text in
            text.baseAddress.map { strstr($0.assumingMemoryBound(to: CChar.self), "refs/replace/") != nil } ?? true
        }
    }
}
