// Commits told from the workspace's last state, where that was written down and git knows how they differ from it.
import BuildEngine
import BuildGraph

struct CommitStates {
    private let opened: Workspace
    private let repository: GitRepository
    private let objects: GitObjects
    private let files: StateFiles

    init(_ opened: Workspace, _ repository: GitRepository, _ objects: GitObjects) {
        self.opened = opened
        self.repository = repository
        self.objects = objects
        files = StateFiles(in: opened.state)
    }

    /// Whether it is worth asking for a commit.
    var mayKnow: Bool { !opened.isSlow(.snapshot) && !opened.isSlow(.index) && StateAnchor.exists(files) }

    /// The hashed graph of a commit; nil where everything about it has to be looked at.
    func known(_ commit: String) async throws -> HashedGraph? {
        guard mayKnow, let snapshot = WorkspaceSnapshot.open(files), let anchor = StateAnchor.open(files, of: snapshot)
        else { return nil }
        return try await known(commit, snapshot, anchor)
    }

    private func known(
        _ commit: String, _ snapshot: WorkspaceSnapshot, _ anchor: StateAnchor
    ) async throws -> HashedGraph? {
        try await Workspace.refusing {
            try await CommitState.hashed(
                repository, commit: commit, prefix: opened.prefix, snapshot: snapshot, anchor: anchor,
                objects: objects, opened.settings)
        }
    }

    func both(_ base: String, _ head: String) async throws -> (base: HashedGraph, head: HashedGraph)? {
        guard mayKnow, let snapshot = WorkspaceSnapshot.open(files), let anchor = StateAnchor.open(files, of: snapshot)
        else { return nil }
        // git tells of one while the other is made.
        async let first = known(base, snapshot, anchor)
        async let second = known(head, snapshot, anchor)
        guard let old = try await first, let new = try await second else { return nil }
        Workspace.show(new.graph.warnings)
        return (old, new)
    }

    /// Remembers how the workspace's last state differs from the commit that has these entries; `digest` gives the digest at
    /// a place where that costs nothing. Losing that is no failure.
    func anchor(_ commit: String, _ entries: FileEntries, _ digest: (Int) -> Digest?) {
        guard !opened.isSlow(.snapshot), !opened.isSlow(.index), let snapshot = WorkspaceSnapshot.open(files) else {
            return
        }
        try? StateAnchor(commit, entries, against: snapshot, digest: digest).write(files)
    }
}
