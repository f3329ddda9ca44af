// A commit's files told by how they differ from the workspace's last state: what git says has changed, and nothing else, is
// looked at.
package import BuildGraph
import Buildfile

/// The files of a commit; what does not differ from the workspace's base has the base's digests, and is read only where
/// somebody wants its bytes.
package struct CommitState: FileSystem {
    private enum Source: Sendable {
        case blob(ObjectID)
        case digest(Digest)
        /// Whatever the commit has at its path.
        case named
    }

    package let entries: FileEntries
    private let state: ChangedState
    private let sources: [BytePath: Source]
    private let commit: String
    private let prefix: BytePath
    private let objects: GitObjects

    /// The hashed graph of the commit `id` below `prefix`; nil where it cannot be told from `snapshot` and `anchor`.
    package static func hashed(
        _ repository: GitRepository, commit id: String, prefix: BytePath, snapshot: WorkspaceSnapshot,
        anchor: StateAnchor, objects: GitObjects, _ settings: ResolutionSettings
    ) async throws -> HashedGraph? {
        guard let changes = try await repository.changes(from: anchor.commit, to: id, below: prefix) else {
            return nil
        }
        var kinds: [BytePath: FileKind?] = [:]
        var sources: [BytePath: Source] = [:]
        for difference in anchor.differences {
            // What a commit says of a submodule, no question for contents can tell.
            if difference.change.kind == .submodule, difference.digest == nil { return nil }
            kinds[difference.change.path] = .some(difference.change.kind)
            sources[difference.change.path] = difference.digest.map { .digest($0) } ?? .named
        }
        for change in changes {
            kinds[change.path] = .some(change.entry?.kind)
            sources[change.path] = change.entry.map { .blob($0.id) }
        }
        let state = snapshot.state(
            kinds.map { EntryChange(path: $0.key, kind: $0.value) }.sorted { $0.path < $1.path })
        let files = CommitState(
            entries: state.entries, state: state, sources: sources, commit: id, prefix: prefix, objects: objects)
        return try snapshot.hashed(files, state, settings)
    }

    private func entry(_ path: BytePath) throws(FileSystemError) -> FileEntry {
        guard let position = entries.index(of: path) else { throw FileSystemError("open", path, errno: 2) }
        return entries[position]
    }

    package func contents(of path: BytePath) throws(FileSystemError) -> [UInt8] {
        let entry = try entry(path)
        if case .blob(let id)? = sources[path] {
            if entry.kind == .submodule { return Array(id.hex.utf8) }
            return try objects.contents(of: id, at: path)
        }
        return try objects.contents(of: path, in: commit, prefix: prefix, isSubmodule: entry.kind == .submodule)
    }

    package func digest(of path: BytePath) throws(FileSystemError) -> Digest {
        switch sources[path] {
        case .digest(let digest): return digest
        case .blob(let id):
            if try entry(path).kind == .submodule { return Digest.of(Array(id.hex.utf8)) }
            return try objects.digest(of: id, at: path)
        case .named: return Digest.of(try contents(of: path))
        case nil:
            if let known = state.digest(of: path) { return known }
            return Digest.of(try contents(of: path))
        }
    }
}

extension GitRepository {
    /// The paths below `prefix` in which two commits differ, sorted; nil where the repository has not both.
    package func changes(
        from base: String, to head: String, below prefix: BytePath
    ) async throws -> [HistoryCommit.Change]? {
        if base == head { return [] }
        let question = [
            "diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", "--no-ext-diff", "--no-textconv",
            "--ignore-submodules=none", base, head,
        ]
        // It reads the whole index, whatever it is asked: a hundred times the work of comparing two trees of many files. There
        // is no such file, and an index that is not there is an empty one.
        let result = try await asker.run(question, index: commonFolder.appending("lmsbuild-no-index"))
        return result.succeeded ? try Self.changes(in: result.output, prefix) : nil
    }
}
