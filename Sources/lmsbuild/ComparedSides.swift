// The two graphs of a comparison with a commit, made in the soonest way that is sure. Does not know which commit is meant.
import BuildEngine
import BuildGraph
import Buildfile

struct ComparedSides {
    /// The base's graph; nil where it has none.
    let old: HashedGraph?
    let new: HashedGraph
    /// Why everything counts as affected; nil where the base has a graph.
    let everything: String?

    private init(_ old: HashedGraph?, _ new: HashedGraph, everything: String? = nil) {
        (self.old, self.new, self.everything) = (old, new, everything)
    }

    // MARK: Two commits

    /// Both commits by object ids, which name contents as well as digests do: no file is read for a hash. With `namesOnly`
    /// nobody asks for the hashes themselves.
    static func commits(
        _ opened: Workspace, _ repository: GitRepository, _ objects: GitObjects, base: String, head: String,
        namesOnly: Bool
    ) async throws -> ComparedSides {
        if let both = try await CommitStates(opened, repository, objects).both(base, head) {
            return ComparedSides(both.base, both.head)
        }
        // The base's tree is the head's with what differs: nothing that is the same is listed twice.
        func changes() async throws -> [HistoryCommit.Change]? {
            if opened.isSlow(.ids) { return nil }
            return try await Workspace.refusing {
                try await repository.changes(from: head, to: base, below: opened.prefix)
            }
        }
        func listed(_ commit: String) async throws -> GitTree {
            try await Workspace.refusing {
                try await repository.tree(at: commit, prefix: opened.prefix, naming: .objectID, objects: objects)
            }
        }
        async let differing = changes()
        let tree = try await listed(head)
        guard let changes = try await differing else {
            return try sides(opened, try await listed(base), base, head: try opened.hashed(tree))
        }
        let other = tree.applying(changes)
        return try sides(
            opened, try opened.graph(tree), other, base,
            suspects: namesOnly ? tree.suspects(of: changes, in: other) : nil)
    }

    // MARK: A commit and the working tree

    /// `workspace` is the working tree's graph, where somebody has it already. With `namesOnly` nobody asks for the hashes
    /// themselves: they may be made of git's object ids, on both sides.
    static func workingTree(
        _ opened: Workspace, _ repository: GitRepository, _ objects: GitObjects, base: String,
        _ workspace: HashedGraph?, namesOnly: Bool
    ) async throws -> ComparedSides {
        if namesOnly, workspace == nil, opened.isCI || opened.isFirstLook,
            let (graph, commit) = try await opened.graph(besides: base, repository, objects: objects)
        {
            return try sides(opened, graph, commit, base, suspects: commit.suspects)
        }
        let states = CommitStates(opened, repository, objects)
        func staging() async throws -> Staging? {
            if opened.isSlow(.ids) { return nil }
            return try await Workspace.refusing { try await repository.staging(base, prefix: opened.prefix) }
        }
        func tree() async throws -> GitTree {
            try await Workspace.refusing {
                try await repository.tree(at: base, prefix: opened.prefix, naming: .sha256, objects: objects)
            }
        }
        // git tells of the base while the working tree is looked at, where it will have to.
        async let staged = states.mayKnow ? nil : staging()
        async let listed = states.mayKnow || !opened.isSlow(.ids) ? nil : tree()
        let new: HashedGraph
        if let workspace {
            new = workspace
        } else {
            new = try opened.hashed(try await opened.workingTree(objects: objects))
        }
        if states.mayKnow, let known = try await states.known(base) { return ComparedSides(known, new) }
        var early = try await staged
        if early == nil, states.mayKnow { early = try await staging() }
        if let near = early?.commit(near: new.graph.tree.files, objects: objects) {
            let found = try sides(opened, near, base, head: new)
            states.anchor(base, near.entries, near.knownDigest)
            return found
        }
        var whole = try await listed
        if whole == nil { whole = try await tree() }
        guard let whole else { throw Refusal(.noBase, .wrongInput) }
        let found = try sides(opened, whole, base, head: new)
        states.anchor(base, whole.entries, whole.knownDigest)
        return found
    }

    // MARK: No base

    /// What there is without a base: the commit `head`, or the working tree.
    static func alone(
        _ opened: Workspace, _ repository: GitRepository, _ objects: GitObjects, head: String?,
        _ workspace: HashedGraph?, reason: String
    ) async throws -> ComparedSides {
        if let workspace, head == nil { return ComparedSides(nil, workspace, everything: reason) }
        let new = try await graph(opened, repository, objects, of: head)
        return ComparedSides(nil, new, everything: reason)
    }

    /// The hashed graph of a commit, or of the working tree.
    static func graph(
        _ opened: Workspace, _ repository: GitRepository, _ objects: GitObjects, of commit: String?
    ) async throws -> HashedGraph {
        guard let commit else { return try opened.hashed(try await opened.workingTree(objects: objects)) }
        return try opened.hashed(
            try await Workspace.refusing {
                try await repository.tree(at: commit, prefix: opened.prefix, naming: .sha256, objects: objects)
            })
    }

    // MARK: Both graphs

    /// The files of `graph` and `other` name contents alike and may differ at the places `suspects` alone; nil where nothing is known of
    /// that.
    private static func sides(
        _ opened: Workspace, _ graph: Graph, _ other: any FileSystem, _ base: String, suspects: [Int]?
    ) throws -> ComparedSides {
        do throws(FileSystemError) {
            if let suspects, let pair = try HashedGraph.pair(graph, other, suspects: suspects) {
                return ComparedSides(pair.other, pair.own)
            }
        } catch {
            throw Refusal(.unreadable(error), .machine)
        }
        return try sides(opened, other, base, head: try opened.hashed(graph))
    }

    /// The base's graph is nil, which makes everything affected, where it has none.
    private static func sides(
        _ opened: Workspace, _ files: any FileSystem, _ commit: String, head: HashedGraph
    ) throws -> ComparedSides {
        do {
            if let base = try head.moved(to: files) { return ComparedSides(base, head) }
            let resolution = try resolve(files, opened.settings)
            guard let graph = resolution.graph else {
                let first = resolution.diagnostics.first { $0.severity == .error }
                Workspace.show([
                    Diagnostic(
                        first?.code ?? .noBuildfile, .notice,
                        "the base \(commit.prefix(12)) cannot be hashed, so everything counts as affected",
                        notes: first.map { [.init($0.message, at: $0.span)] } ?? [])
                ])
                let reason = "the base cannot be hashed: \(first?.message ?? "it has no Buildfile")"
                return ComparedSides(nil, head, everything: reason)
            }
            return ComparedSides(try HashedGraph(graph), head)
        } catch {
            throw Refusal(.unreadable(error), .machine)
        }
    }
}
