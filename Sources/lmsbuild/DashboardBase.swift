// What the dashboard's graph is compared with. Never stands in the way of a page: where nothing can be compared, it says why.
import BuildEngine
import BuildGraph
import Buildfile

/// The marks of the graph.
struct DashboardBase {
    /// Nil where nothing was compared.
    let affected: Set<Int>?
    /// For people.
    let words: String

    /// `hashed` against the base of the CI's event; elsewhere against where the branch left the server's default branch, and
    /// where there is none against the last commit. What is not committed counts each time.
    static func compared(_ opened: Workspace, _ hashed: HashedGraph) async -> DashboardBase {
        do {
            guard let (commit, what) = try await base(opened) else {
                return nothing("there is no git repository here")
            }
            let request = try BaseRequest(base: commit, since: nil, ifUnknown: "fail", deepens: false)
            let comparison = try await Comparison(opened, request, head: nil, workspace: hashed)
            let head = comparison.affected.head.graph
            let affected = comparison.affected.targets.compactMap { hashed.graph.index(of: head.targets.label($0)) }
            let count = affected.count == 1 ? "1 target is" : "\(affected.count) targets are"
            return DashboardBase(
                affected: Set(affected),
                words:
                    "\(count) affected by what differs from \(commit.prefix(12)), \(what); uncommitted changes count.")
        } catch let refusal as Refusal {
            return nothing(refusal.diagnostics.first?.message ?? "the base cannot be told")
        } catch let diagnostic as Diagnostic {
            return nothing(diagnostic.message)
        } catch {
            return nothing("\(error)")
        }
    }

    private static func nothing(_ reason: String) -> DashboardBase {
        DashboardBase(affected: nil, words: "Nothing is marked as affected: \(reason).")
    }

    /// Nil without a repository.
    private static func base(_ opened: Workspace) async throws -> (commit: String, what: String)? {
        guard let repository = opened.repository else { return nil }
        let objects = opened.objects(of: repository)
        var tip = objects.commit("HEAD")
        if tip == nil { tip = try await repository.headCommit }
        guard let tip else {
            throw Diagnostic(.badRevision, "this repository has no commit yet")
        }
        let finder = BaseFinder(repository, head: tip, deepens: false, objects: objects)
        if let event = CIEvent.detect(environment: opened.environment, read: { fileContents(BytePath($0)) }) {
            switch try await finder.base(of: event) {
            case .commit(let id): return (id, "the base of this \(event.name)")
            case .nothing(let reason): throw Diagnostic(.unknownBase, reason)
            }
        }
        if try await repository.known("origin/HEAD") != nil {
            let id = try await finder.commit("origin/HEAD")
            return (id, "where this branch left the default branch of 'origin'")
        }
        return (tip, "the last commit")
    }
}
