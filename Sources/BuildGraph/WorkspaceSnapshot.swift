// The workspace's last state, with its graph, as what other states are told apart from. Does not know where those come from.
import Buildfile
import Glibc

/// The files of the workspace's state that belong together; absolute paths.
package struct StateFiles: Sendable {
    /// Paths, statuses and digests of the last state that was written down.
    let base: BytePath
    /// Its graph with hashes.
    let graph: BytePath
    /// How a commit's tree differs from it.
    let anchor: BytePath
    /// What the last look found while somebody watched.
    let watched: BytePath
    /// Which of the base and the graph were found whole.
    let sound: BytePath

    /// Of the base's file, in bytes; 0 where there is none.
    package var baseSize: Int {
        var status = stat()
        return base.withCString({ lstat($0, &status) }) == 0 ? Int(status.st_size) : 0
    }

    /// The clock that the last look noted, where `source` gave it.
    package func notedClock(of source: String) -> [UInt8]? {
        WatchNote.read(watched).flatMap { $0.source == source ? $0.clock : nil }
    }

    /// What the base's file is called in the state folder.
    package var baseName: BytePath { base.name }

    /// `folder` is the workspace's state folder.
    package init(in folder: BytePath) {
        base = folder.appending("workspace")
        graph = folder.appending("graph")
        anchor = folder.appending("anchor")
        watched = folder.appending("watched")
        sound = folder.appending("sound")
    }
}

/// A path of a state that is told by its differences from another.
package struct EntryChange: Sendable, Hashable {
    package let path: BytePath
    /// Nil where it is gone.
    package let kind: FileKind?

    package init(path: BytePath, kind: FileKind?) {
        self.path = path
        self.kind = kind
    }

    var entry: FileEntry? { kind.map { FileEntry(path: path, kind: $0) } }
}

/// A base and the graph of the same state.
package struct WorkspaceSnapshot: Sendable {
    let base: WorkspaceBase
    let graph: GraphSnapshot

    /// Nil where there is none that is whole.
    package static func open(_ files: StateFiles) -> WorkspaceSnapshot? {
        guard let base = try? files.openBase(), let graph = try? files.openGraph(),
            graph.baseGeneration == base.generation
        else { return nil }
        return WorkspaceSnapshot(base: base, graph: graph)
    }

    /// The files of a state that differs in `changes`, sorted by path.
    package func state(_ changes: [EntryChange]) -> ChangedState {
        let packed = FileEntries(base.entries)
        var patches: [PathPatch.Change] = []
        for change in changes {
            let place = packed.index(of: change.path)
            let entry = change.kind.map { FileEntry(path: change.path, kind: $0) }
            if place != nil || entry != nil { patches.append(PathPatch.Change(packed: place, entry: entry)) }
        }
        let patch = PathPatch(patches, packedCount: base.count) { packed.lowerBound($0.bytes) }
        return ChangedState(
            entries: patches.isEmpty ? packed : FileEntries(base.entries, patch), base: base, changes: patches)
    }

    /// The hashed graph of `files`, whose entries are those of `state`; nil where it has to be resolved.
    package func hashed(
        _ files: any FileSystem, _ state: ChangedState, _ settings: ResolutionSettings
    ) throws(FileSystemError) -> HashedGraph? {
        try graph.hashed(
            BaseDifference(base: base, tree: FileTree(files), changes: state.changes), settings)
    }
}

/// A base with differences.
package struct ChangedState: Sendable {
    package let entries: FileEntries
    let base: WorkspaceBase
    let changes: [PathPatch.Change]

    /// What the base knows of a file that does not differ from it; nil for all others.
    package func digest(of path: BytePath) -> Digest? {
        guard let position = entries.index(of: path), case .packed(let place)? = entries.origin(of: position) else {
            return nil
        }
        return base.content(place)?.digest
    }
}

/// A commit's tree as its differences from the workspace's base: from there other commits are as near as git says.
package struct StateAnchor: Sendable {
    /// A path at which the commit has something else than the base, or may have.
    package struct Difference: Sendable, Hashable {
        package let change: EntryChange
        /// What the commit has there; nil where only git knows.
        package let digest: Digest?
    }

    /// The commit's id.
    package let commit: String
    /// Sorted by path.
    package let differences: [Difference]
    private let generation: Fingerprint

    private static let magic: UInt64 = 0x5243_4E41_5342_4D4C
    private static let version: UInt32 = 1

    init(commit: String, differences: [Difference], generation: Fingerprint) {
        self.commit = commit
        self.differences = differences
        self.generation = generation
    }

    /// The anchor of `snapshot`; nil where there is none.
    package static func open(_ files: StateFiles, of snapshot: WorkspaceSnapshot) -> StateAnchor? {
        open(files, of: snapshot.base.generation)
    }

    /// Whether there is one, of whatever state.
    package static func exists(_ files: StateFiles) -> Bool { files.anchor.withCString { access($0, R_OK) } == 0 }

    static func open(_ files: StateFiles, of generation: Fingerprint) -> StateAnchor? {
        guard let file = try? SectionFile.open(files.anchor, magic: magic, version: version, sections: 1),
            file.generation == generation
        else { return nil }
        var reader = ByteReader(file.section(0))
        let commit = reader.string()
        var differences: [Difference] = []
        while !reader.isAtEnd {
            let path = reader.path()
            let kind = FileKind(rawValue: reader.byte())
            let digest = reader.flag() ? Digest(hash: reader.value(), size: reader.small()) : nil
            differences.append(Difference(change: EntryChange(path: path, kind: kind), digest: digest))
        }
        return StateAnchor(commit: commit, differences: differences, generation: generation)
    }

    package func write(_ files: StateFiles) throws(FileSystemError) {
        var bytes = ByteWriter()
        bytes.append(commit)
        for difference in differences {
            bytes.append(difference.change.path.bytes)
            bytes.bytes.append(difference.change.kind?.rawValue ?? 0)
            bytes.append(difference.digest != nil)
            if let digest = difference.digest {
                bytes.append(digest.hash)
                bytes.append(small: digest.size)
            }
        }
        try SectionFile.write(
            files.anchor, SectionFormat(magic: Self.magic, version: Self.version), generation: generation,
            [bytes.bytes])
    }

    // MARK: Making one

    /// How the tree of `commit` differs from the base of `snapshot`. `digest` gives the digest of the tree's file at a
    /// place, where that costs nothing.
    ///
    /// Links and submodules count as different, since the base does not know what they held. A file of which the base knows
    /// no digest counts as the same: no target took it in.
    package init(
        _ commit: String, _ tree: FileEntries, against snapshot: WorkspaceSnapshot, digest: (Int) -> Digest?
    ) {
        let base = snapshot.base
        var found: [Difference] = []
        var next = 0
        for place in 0..<base.count {
            let order = { (position: Int) in
                base.entries.withPath(place) { path in
                    tree.withPath(position) { MappedIndex.compare($0, path) }
                }
            }
            while next < tree.count, order(next) < 0 {
                found.append(Self.difference(tree[next], digest(next)))
                next += 1
            }
            guard next < tree.count, order(next) == 0 else {
                found.append(
                    Difference(change: EntryChange(path: base.entries.entry(place).path, kind: nil), digest: nil))
                continue
            }
            let kind = tree.kind(next)
            let isPlain = kind == .file || kind == .executable
            if kind != base.entries.kind(place) || !isPlain {
                found.append(Self.difference(tree[next], digest(next)))
            } else if let known = base.content(place)?.digest {
                let own = digest(next)
                if own != known { found.append(Self.difference(tree[next], own)) }
            }
            next += 1
        }
        while next < tree.count {
            found.append(Self.difference(tree[next], digest(next)))
            next += 1
        }
        self.init(commit: commit, differences: found, generation: base.generation)
    }

    private static func difference(_ entry: FileEntry, _ digest: Digest?) -> Difference {
        Difference(change: EntryChange(path: entry.path, kind: entry.kind), digest: digest)
    }

    /// The same commit against a new base, which differs from the old one in `changes`.
    func moved(
        from old: WorkspaceBase, _ changes: [PathPatch.Change], to new: WorkspaceBase
    ) -> StateAnchor {
        var wanted: [BytePath: Difference] = [:]
        for difference in differences { wanted[difference.change.path] = difference }
        for change in changes {
            guard let path = change.entry?.path ?? change.packed.map({ old.entries.entry($0).path }),
                wanted[path] == nil
            else { continue }
            // The commit has here what the old base had.
            let kind = change.packed.map { old.entries.kind($0) }
            let digest = change.packed.flatMap { old.content($0)?.digest }
            wanted[path] = Difference(change: EntryChange(path: path, kind: kind), digest: digest)
        }
        // Of what nobody took in, the old base had no digest: where the new one has, git must tell the commit's.
        let before = FileEntries(old.entries)
        var learned: [BytePath] = []
        var next = 0
        for place in 0..<new.count where new.content(place) != nil {
            while next < before.count,
                before.withPath(next, { path in new.entries.withPath(place) { MappedIndex.compare(path, $0) < 0 } })
            {
                next += 1
            }
            let isSame =
                next < before.count
                && before.withPath(next) { path in new.entries.withPath(place) { MappedIndex.compare(path, $0) == 0 } }
            if isSame, old.content(next) == nil { learned.append(new.entries.entry(place).path) }
        }
        for path in learned where wanted[path] == nil {
            guard let position = before.index(of: path) else { continue }
            wanted[path] = Difference(change: EntryChange(path: path, kind: before.kind(position)), digest: nil)
        }
        let now = FileEntries(new.entries)
        let kept = wanted.values.filter { difference in
            guard let place = now.index(of: difference.change.path) else { return difference.change.kind != nil }
            guard difference.change.kind == now.kind(place), let digest = difference.digest else { return true }
            return digest != new.content(place)?.digest
        }
        return StateAnchor(
            commit: commit, differences: kept.sorted { $0.change.path < $1.change.path }, generation: new.generation)
    }
}
