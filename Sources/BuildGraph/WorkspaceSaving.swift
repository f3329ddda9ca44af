// Writing down what a look at the workspace has learned. Does not look.
import Buildfile
import Glibc

extension WorkingTree {
    /// Keeps what was learned of the files: as a new base, where there was none, much has
    /// changed or `whole` asks for it, and otherwise beside it in the index. Gives the generation of a new base.
    @discardableResult
    package func save(_ files: StateFiles, whole: Bool = false) throws(FileSystemError) -> Fingerprint? {
        let file = files.base
        switch looked.way {
        case .scan(let found):
            // A rule file that is only touched is known again by what it held.
            _ = try? digests(of: found.ignoreFiles.map(\.path).filter { entries.index(of: $0) != nil })
            return try writeBase(file, found.folders, found.ignoreFiles, found.nested)
        case .changes(let found):
            if whole || found.isWorthWriting {
                return try writeBase(file, found.allFolders, found.ignoreFiles, found.base.nested)
            }
            try index?.save(present: found.present)
            return nil
        }
    }

    /// How the tree differs from the base it was compared with; nil where it was looked at as a whole.
    var difference: BaseDifference? {
        guard case .changes(let found) = looked.way else { return nil }
        return BaseDifference(base: found.base, tree: FileTree(self), changes: found.changes)
    }

    /// The hashed graph of this tree from the last run's; nil where that has to be resolved
    /// and hashed.
    package func hashed(
        _ files: StateFiles, _ settings: ResolutionSettings
    ) throws(FileSystemError) -> HashedGraph? {
        guard let difference, let snapshot = try? files.openGraph() else { return nil }
        return try snapshot.hashed(difference, settings)
    }

    /// Keeps the graph of this tree with what was learned of the files, where it was resolved or the base is a new one.
    package func save(
        _ hashed: HashedGraph, _ files: StateFiles, _ settings: ResolutionSettings
    ) throws(FileSystemError) {
        let isMoved = hashed.graph.targets.areOfSnapshot
        if isMoved, case .changes(let found) = looked.way, !found.isWorthWriting {
            try save(files)
            return
        }
        // What shaped the graph has to be known to the base as well.
        _ = try digests(of: hashed.graph.origin.shapedBy)
        let anchor = difference.flatMap { StateAnchor.open(files, of: $0.base.generation) }
        guard let generation = try save(files, whole: !isMoved) else { return }
        try hashed.write(snapshot: files.graph, of: generation, settings)
        if let anchor, let difference, let new = try? WorkspaceBase.open(files.base), new.generation == generation {
            try anchor.moved(from: difference.base, difference.changes, to: new).write(files)
        }
    }

    private func writeBase(
        _ file: BytePath, _ folders: [(path: BytePath, status: FileStatus)],
        _ ignoreFiles: [(path: BytePath, status: FileStatus)], _ nested: [BytePath]
    ) throws(FileSystemError) -> Fingerprint {
        let writer = WorkspaceBaseWriter(
            options: options, look: looked, index: index, folders: folders, ignoreFiles: ignoreFiles, nested: nested)
        let generation = try writer.write(to: file)
        index?.forget()
        return generation
    }
}

extension WorkspaceChanges {
    /// Each run looks at every difference again: that must stay cheaper than writing a new base.
    var isWorthWriting: Bool {
        // Folders with other rules are scanned at each run, until there is a base that has them. Others that differ are
        // listed, as those in which outputs came: of one that may still change a new base would know no better.
        let scannedCount =
            scanned.isEmpty ? folders.values.lazy.filter { !$0.isNeverBelieved }.count : folders.count
        return changes.count + refreshed.all.count + scannedCount > base.fewChanges
    }

    /// The files that the index has to tell of until there is another base.
    fileprivate var present: FileEntries {
        var entries = changes.compactMap(\.entry)
        let known = Set(changes.compactMap(\.packed))
        for file in refreshed.all where !known.contains(file.place) { entries.append(base.entries.entry(file.place)) }
        return FileEntries(entries.sorted { $0.path < $1.path })
    }
}

extension WorkspaceBase {
    /// So many differences are worth no new base.
    var fewChanges: Int { max(64, count / 500) }
}
