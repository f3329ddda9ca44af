// What targets measured at the commit that a change begins at, for gates that compare with it. Does not judge, and asks git
// nothing before a gate wants to know.
import BuildEngine
import BuildGraph
import Buildfile

/// The base of a run's gates: named, the CI event's, or the merge base with the remote's default branch.
actor CommitBase: GateBase {
    private enum State: Sendable {
        case known(HashedGraph, name: String)
        case unknown(reason: String, hint: String)
    }

    private let opened: Workspace
    private let cache: any ActionCache
    /// As the command line names it.
    private let named: String?
    /// Whether what a shallow clone lacks of it is fetched.
    private let deepens: Bool
    private var state: Task<State, Never>?

    init(_ opened: Workspace, cache: any ActionCache, named: String?, deepens: Bool) {
        self.deepens = deepens
        self.opened = opened
        self.cache = cache
        self.named = named
    }

    func reports(of label: Label) async -> GateBaseAnswer {
        switch await result(of: label) {
        case .unknown(let reason, let hint): .unknown(reason: reason, hint: hint)
        case .known(let result, _, _, let name): .known(result.reports ?? ActionReports(), base: name)
        }
    }

    func recorded(_ label: Label) async -> GateBaseRecord {
        switch await result(of: label) {
        case .unknown(let reason, let hint): return .unknown(reason: reason, hint: hint)
        case .known(let result, let hashed, let target, let name):
            do {
                return .known(result, manifest: try hashed.manifest(of: target), base: name)
            } catch {
                return .unknown(
                    reason: "the files of the base \(name) cannot be read: \(error)", hint: "name another with --base")
            }
        }
    }

    private enum Found {
        case known(ActionResult, HashedGraph, target: Int, name: String)
        case unknown(reason: String, hint: String)
    }

    private func result(of label: Label) async -> Found {
        let found: State
        if let state {
            found = await state.value
        } else {
            let task = Task { await find() }
            state = task
            found = await task.value
        }
        switch found {
        case .unknown(let reason, let hint): return .unknown(reason: reason, hint: hint)
        case .known(let hashed, let name):
            guard let target = hashed.graph.index(of: label) else {
                return .unknown(
                    reason: "the base \(name) has no '\(label)'", hint: "it can be told once the target is in the base")
            }
            guard let result = await hashed.knownResult(of: target, in: cache, opened.verdicts) else {
                return .unknown(
                    reason: "no result of '\(label)' at the base \(name) is kept here",
                    hint:
                        "check \(name) out in this folder, run 'lmsbuild run \(label)' there once, and come back; in CI "
                        + "keep .lmsbuild/store of the base's runs")
            }
            return .known(result, hashed, target: target, name: name)
        }
    }

    private func find() async -> State {
        guard let repository = opened.repository else {
            return .unknown(
                reason: "there is no git repository here, so there is no base", hint: "gates of numbers need no base")
        }
        do {
            let objects = opened.objects(of: repository)
            guard let commit = try await commit(repository, objects) else {
                return .unknown(
                    reason: "nothing says what the base is", hint: "name it with --base, such as --base main")
            }
            let hashed = try await ComparedSides.graph(opened, repository, objects, of: commit)
            return .known(hashed, name: String(commit.prefix(12)))
        } catch let refusal as Refusal {
            let first = refusal.diagnostics.first
            return .unknown(
                reason: "the base cannot be told: \(first?.message ?? "unknown reason")",
                hint: first?.hint ?? "name another with --base")
        } catch let diagnostic as Diagnostic {
            return .unknown(
                reason: "the base cannot be told: \(diagnostic.message)",
                hint: diagnostic.hint ?? "name another with --base")
        } catch {
            return .unknown(reason: "the base cannot be told: \(error)", hint: "name another with --base")
        }
    }

    private func commit(_ repository: GitRepository, _ objects: GitObjects) async throws -> String? {
        var tip = objects.commit("HEAD")
        if tip == nil { tip = try await repository.headCommit }
        guard let tip else { return nil }
        let finder = BaseFinder(repository, head: tip, deepens: deepens, objects: objects)
        if let named { return try await finder.commit(named) }
        if let event = CIEvent.detect(environment: opened.environment, read: { fileContents(BytePath($0)) }) {
            guard case .commit(let id) = try await finder.base(of: event) else { return nil }
            return id
        }
        guard try await repository.known("origin/HEAD") != nil else { return nil }
        return try await finder.commit("origin/HEAD")
    }
}
