// The history's own test: what each commit would have run. Does not print, and runs nothing.
package import BuildGraph
package import Buildfile

/// One commit, replayed.
package struct ReplayedCommit: Sendable {
    package let commit: HistoryCommit
    /// The labels whose input hash differs from the first parent's, or that it has not; sorted.
    package let affected: [Label]
    /// Those that the folder-prefix rule runs.
    package let byPrefix: [Label]
    /// Every target that there is.
    package let all: [Label]
    /// Affected, and not run by the folder-prefix rule.
    package let missed: [Label]
    /// Run by the folder-prefix rule, and not affected.
    package let extra: [Label]
    /// Why the commit has no graph; the lists are then empty.
    package let problem: Diagnostic?
}

/// Replays a first-parent line: trees are made from one another, a graph is kept as long as nothing it was made from
/// changes, and no file is read but those that make graphs.
///
/// A commit's answer is that of `AffectedSet` on its tree and its first parent's. After a commit without a graph everything
/// counts as new, as `affected` has it.
package struct Replay {
    private let settings: ResolutionSettings
    /// Whether a target is counted.
    private let counts: @Sendable (Graph, Int) -> Bool
    private var tree: GitTree
    private var hashed: HashedGraph?
    /// Of the graph at hand.
    private var rule: FolderPrefixRule?

    /// `base` is the tree before the first commit.
    package init(
        _ base: GitTree, _ settings: ResolutionSettings, counting counts: @escaping @Sendable (Graph, Int) -> Bool
    ) throws(FileSystemError) {
        self.settings = settings
        self.counts = counts
        tree = base
        if !base.entries.isEmpty, let graph = try resolve(base, settings).graph { hashed = try HashedGraph(graph) }
    }

    package mutating func next(_ commit: HistoryCommit) throws(FileSystemError) -> ReplayedCommit {
        tree = tree.applying(commit.changes)
        let before = hashed
        if let moved = try before?.moved(to: tree) {
            hashed = moved
            return told(commit, before, moved)
        }
        let resolution = try resolve(tree, settings)
        rule = nil
        guard let graph = resolution.graph else {
            hashed = nil
            return ReplayedCommit(
                commit: commit, affected: [], byPrefix: [], all: [], missed: [], extra: [],
                problem: resolution.diagnostics.first { $0.severity == .error }
                    ?? Diagnostic(.noBuildfile, "there is no Buildfile"))
        }
        let now = try HashedGraph(graph)
        hashed = now
        return told(commit, before, now)
    }

    private mutating func told(
        _ commit: HistoryCommit, _ before: HashedGraph?, _ now: HashedGraph
    ) -> ReplayedCommit {
        let graph = now.graph
        let counted = graph.targets.indices.filter { counts(graph, $0) }
        let affected = counted.filter { index in
            guard let before, let old = before.graph.index(of: graph.targets[index].label) else { return true }
            return before.hashes[old] != now.hashes[index]
        }
        let known = rule ?? FolderPrefixRule(graph)
        rule = known
        // Where nothing is known of the base the rule has nothing to compare either: it is not blamed.
        let touched = before == nil ? Set(counted) : known.targets(changed: commit.changes.map(\.path))
        let byPrefix = counted.filter(touched.contains)
        let truly = Set(affected)
        func labels(_ indices: [Int]) -> [Label] { indices.map { graph.targets[$0].label } }
        return ReplayedCommit(
            commit: commit, affected: labels(affected), byPrefix: labels(byPrefix), all: labels(counted),
            missed: labels(affected.filter { !touched.contains($0) }),
            extra: labels(byPrefix.filter { !truly.contains($0) }), problem: nil)
    }
}
