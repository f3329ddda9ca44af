// Which two states are compared, and how their graphs are made. Does not print.
import BuildEngine
import BuildGraph
import Buildfile

/// A base and a head, hashed by the same function.
struct Comparison {
    /// The base's commit.
    let base: String
    /// The head's commit, or nil for the working tree.
    let head: String?
    let affected: AffectedSet

    /// With `base` a branch, its merge base with the head is taken.
    init(_ opened: Workspace, base: String, head: String?) async throws {
        guard let repository = opened.repository else {
            throw Refusal(
                Diagnostic(
                    .badRevision, "there is no git repository here, so '\(base)' names nothing",
                    hint: "without git, 'lmsbuild hash --format json' records a state to compare with"), .wrongInput)
        }
        let (baseCommit, headCommit) = try await Workspace.refusing {
            let headCommit: String? = if let head { try await repository.resolve(head) } else { nil }
            var baseCommit = try await repository.resolve(base)
            if try await repository.isBranch(base) {
                let tip = if let headCommit { headCommit } else { try await repository.resolve("HEAD") }
                baseCommit = try await repository.mergeBase(baseCommit, tip)
            }
            return (baseCommit, headCommit)
        }
        self.base = baseCommit
        self.head = headCommit
        // With a commit on both sides, object ids name contents as well as digests do, and no file has to be read.
        let naming: GitTree.ContentNaming = headCommit == nil ? .sha256 : .objectID
        let new: HashedGraph
        if let headCommit {
            new = try opened.hashed(
                try await Workspace.refusing {
                    try await repository.tree(at: headCommit, prefix: opened.prefix, naming: naming)
                })
        } else {
            new = try opened.hashed(try await opened.workingTree())
        }
        let old = try await Self.base(opened, repository, baseCommit, naming, head: new)
        do {
            affected = try AffectedSet(base: old, head: new)
        } catch {
            throw Refusal(.unreadable(error), .machine)
        }
    }

    /// The base's graph; nil, which makes everything affected, where it has none.
    private static func base(
        _ opened: Workspace, _ repository: GitRepository, _ commit: String, _ naming: GitTree.ContentNaming,
        head: HashedGraph
    ) async throws -> HashedGraph? {
        let tree = try await Workspace.refusing {
            let objects = repository.objects(
                memo: opened.makeState() ? opened.state.appending("objects") : nil, trustingMemo: !opened.isCI)
            return try await repository.tree(at: commit, prefix: opened.prefix, naming: naming, objects: objects)
        }
        do {
            if let base = try head.moved(to: tree) { return base }
            let resolution = try resolve(tree, opened.settings)
            guard let graph = resolution.graph else {
                let first = resolution.diagnostics.first { $0.severity == .error }
                Workspace.show([
                    Diagnostic(
                        first?.code ?? .noBuildfile, .notice,
                        "the base \(commit.prefix(12)) cannot be hashed, so everything counts as affected",
                        notes: first.map { [.init($0.message, at: $0.span)] } ?? [])
                ])
                return nil
            }
            return try HashedGraph(graph)
        } catch {
            throw Refusal(.unreadable(error), .machine)
        }
    }
}
