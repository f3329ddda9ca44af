// Which two states are compared, and how their graphs are made. Does not print what differs.
import BuildEngine
import BuildGraph
import Buildfile
import Glibc

/// A base and a head, hashed by the same function.
struct Comparison {
    /// The base's commit; nil where the base is none, or is not known.
    let base: String?
    /// The head's commit, or nil for the working tree.
    let head: String?
    /// Why everything counts as affected, where there is no base to compare with.
    let everything: String?
    let affected: AffectedSet
    /// The base's graph; nil where it has none, and where everything counts as affected.
    let old: HashedGraph?
    /// `--since` as it was given.
    let since: String?
    /// The other side's targets, from its graph or a record.
    let before: TargetStates

    /// `workspace` is the working tree's graph, where somebody has it already. With `namesOnly` nobody asks for the hashes
    /// themselves: they may be made of git's object ids, on both sides.
    init(
        _ opened: Workspace, _ request: BaseRequest, head: String?, workspace: HashedGraph? = nil,
        namesOnly: Bool = false
    ) async throws {
        switch request.origin {
        case .revision, .event:
            try await self.init(opened, history: request, head: head, workspace, namesOnly: namesOnly)
        case .record(let file): try await self.init(opened, record: file, head: head)
        case .cache: try await self.init(cacheOf: opened, head: head)
        }
    }

    // MARK: A commit

    private init(
        _ opened: Workspace, history request: BaseRequest, head: String?, _ workspace: HashedGraph?, namesOnly: Bool
    ) async throws {
        guard let repository = opened.repository else {
            let name = if case .revision(let text) = request.origin { "'\(text)'" } else { "a base" }
            throw Refusal(
                Diagnostic(
                    .badRevision, "there is no git repository here, so \(name) names nothing",
                    hint: "without git, 'lmsbuild hash --format json' records a state and '--since release:FILE' "
                        + "compares with it"), .wrongInput)
        }
        let mayName = namesOnly && workspace == nil && (opened.isCI || opened.isFirstLook)
        let objects = opened.objects(of: repository)
        var headCommit = head.flatMap { objects.commit($0) }
        if let head, headCommit == nil {
            headCommit = try await Workspace.refusing { try await repository.resolve(head) }
        }
        let found = try await Self.found(opened, repository, request, headCommit, objects)
        let states = CommitStates(opened, repository, objects)
        let new: HashedGraph
        if case .commit(let id) = found, let headCommit, let both = try await states.both(id, headCommit) {
            (old, new, everything, base) = (both.base, both.head, nil, id)
        } else if case .commit(let id) = found, headCommit == nil, mayName,
            let named = try await opened.named(with: id, repository, objects: objects)
        {
            (old, new, everything) = try Self.named(opened, named.files, named.commit, id)
            base = id
        } else {
            // With a commit on both sides, object ids name contents as well as digests do, and no file has to be read.
            let isBetweenCommits = if case .commit = found { headCommit != nil } else { false }
            let naming: GitTree.ContentNaming = isBetweenCommits ? .objectID : .sha256
            // git lists the base's files while the head is looked at, where they will have to be listed.
            let isListed = isBetweenCommits || (!states.mayKnow && opened.isSlow(.ids))
            // Or what its index says of them.
            let isStaged = !isListed && !states.mayKnow
            async let staged = isStaged ? Self.staging(opened, repository, found) : nil
            async let listed = isListed ? Self.tree(opened, repository, found, naming, objects) : nil
            if let workspace, headCommit == nil {
                new = workspace
            } else {
                new = try await Self.head(opened, repository, headCommit, naming, objects)
            }
            switch found {
            case .commit(let id):
                base = id
                let early = try await listed
                var staging = try await staged
                if !isListed, let known = try await states.known(id) {
                    (old, everything) = (known, nil)
                } else {
                    if early == nil, staging == nil { staging = try await Self.staging(opened, repository, found) }
                    if let near = staging?.commit(near: new.graph.tree.files, objects: objects) {
                        (old, everything) = try Self.base(opened, near, id, head: new)
                        states.anchor(id, near.entries, near.knownDigest)
                    } else {
                        let late = early == nil ? try await Self.tree(opened, repository, found, naming, objects) : nil
                        guard let tree = early ?? late else { throw Refusal(.noBase, .wrongInput) }
                        (old, everything) = try Self.base(opened, tree, id, head: new)
                        if headCommit == nil { states.anchor(id, tree.entries, tree.knownDigest) }
                    }
                }
            case .nothing(let reason):
                _ = try await (listed, staged)
                (base, old, everything) = (nil, nil, reason)
                Workspace.show([
                    Diagnostic(.unknownBase, .notice, "there is no base, so everything counts as affected: \(reason)")
                ])
            }
        }
        self.head = headCommit
        since = nil
        before = old.map { TargetStates($0) } ?? .none
        affected = AffectedSet(base: old, head: new)
    }

    // MARK: A record

    private init(_ opened: Workspace, record file: String, head: String?) async throws {
        guard let bytes = fileContents(BytePath(file)) else {
            throw Refusal(
                Diagnostic(
                    .badRecord, "cannot read the recorded state '\(file)': \(errnoText(errno))",
                    hint: "'lmsbuild hash --format json > FILE' writes one"), .wrongInput)
        }
        let record = try await Workspace.refusing { try RecordedState(reading: bytes, name: file) }
        var commit: String?
        if let head {
            guard let repository = opened.repository else {
                throw Refusal(
                    Diagnostic(.badRevision, "there is no git repository here, so '\(head)' names nothing"), .wrongInput
                )
            }
            commit = try await Workspace.refusing { try await repository.resolve(head) }
            affected = Self.affected(
                record, try await Self.head(opened, repository, commit, .sha256, opened.objects(of: repository)))
        } else {
            affected = Self.affected(record, try opened.hashed(try await opened.workingTree()))
        }
        (base, self.head, everything, old) = (nil, commit, nil, nil)
        since = "release:" + file
        before = record.states
    }

    private static func affected(_ record: RecordedState, _ head: HashedGraph) -> AffectedSet {
        AffectedSet(
            head: head, before: record.hashes.keys.compactMap { Label(parsing: Array($0.utf8))?.component },
            where: { record.hashes[head.graph.targets.label($0).description] != head.hashes[$0] },
            why: { index throws(FileSystemError) in
                let label = head.graph.targets.label(index).description
                guard record.hashes[label] != nil else { return [Change(.new)] }
                guard let old = record.manifests[label] else { return [Change(.unrecorded)] }
                return differences(old, try head.manifest(of: index))
            })
    }

    // MARK: The cache

    /// What no cache has a success for, groups that only name such targets included.
    private init(cacheOf opened: Workspace, head: String?) async throws {
        guard head == nil else {
            throw Refusal(
                Diagnostic(
                    .badCommandLine, "'--since cache' looks at the working tree, so '--head' means nothing",
                    hint: "leave '--head' out, or give '--base REF'"), .wrongInput)
        }
        let hashed = try opened.hashed(try await opened.workingTree())
        let graph = hashed.graph
        let cache = try opened.actionCache()
        let missing = await hashed.targetsWithoutResult(among: Set(graph.targets.indices), in: cache)
        (base, self.head, everything, old, since, before) = (nil, nil, nil, nil, "cache", .none)
        @Sendable func causes(_ index: Int) -> [Int] {
            graph.targets[index].prerequisites.filter { prerequisite in
                graph.producers(behind: prerequisite).contains(where: missing.contains)
            }
        }
        affected = AffectedSet(
            head: hashed, before: [],
            where: { graph.targets[$0].isGroup ? !causes($0).isEmpty : missing.contains($0) },
            why: { index throws(FileSystemError) in
                let why = causes(index).map { Change(.prerequisite, BytePath(graph.targets.label($0).description)) }
                return why.isEmpty ? [Change(.result)] : why
            })
    }

    // MARK: Both sides

    private static func head(
        _ opened: Workspace, _ repository: GitRepository, _ commit: String?, _ naming: GitTree.ContentNaming,
        _ objects: GitObjects
    ) async throws -> HashedGraph {
        guard let commit else { return try opened.hashed(try await opened.workingTree(objects: objects)) }
        return try opened.hashed(
            try await Workspace.refusing {
                try await repository.tree(at: commit, prefix: opened.prefix, naming: naming, objects: objects)
            })
    }

    /// The base's files; nil where there is no base.
    private static func tree(
        _ opened: Workspace, _ repository: GitRepository, _ found: BaseFinder.Found, _ naming: GitTree.ContentNaming,
        _ objects: GitObjects
    ) async throws -> GitTree? {
        guard case .commit(let id) = found else { return nil }
        return try await Workspace.refusing {
            try await repository.tree(at: id, prefix: opened.prefix, naming: naming, objects: objects)
        }
    }

    /// Both graphs by object ids.
    private static func named(
        _ opened: Workspace, _ files: NamedTree, _ commit: NearbyCommit, _ id: String
    ) throws -> (HashedGraph?, HashedGraph, everything: String?) {
        let graph = try opened.graph(files)
        do throws(FileSystemError) {
            if let suspects = commit.suspects,
                let pair = try HashedGraph.pair(graph, commit, suspects: suspects)
            {
                return (pair.other, pair.own, nil)
            }
        } catch {
            throw Refusal(.unreadable(error), .machine)
        }
        let new = try opened.hashed(graph)
        let (old, everything) = try base(opened, commit, id, head: new)
        return (old, new, everything)
    }

    /// What git's index says of the base and the working tree; nil where there is no base, or that is not asked for.
    private static func staging(
        _ opened: Workspace, _ repository: GitRepository, _ found: BaseFinder.Found
    ) async throws -> Staging? {
        guard case .commit(let id) = found, !opened.isSlow(.ids) else { return nil }
        return try await Workspace.refusing { try await repository.staging(id, prefix: opened.prefix) }
    }

    /// The commit to compare with, by name or as the runner tells.
    private static func found(
        _ opened: Workspace, _ repository: GitRepository, _ request: BaseRequest, _ head: String?, _ objects: GitObjects
    ) async throws -> BaseFinder.Found {
        var named = head ?? objects.commit("HEAD")
        if named == nil { named = try await repository.headCommit }
        guard let tip = named else {
            throw Refusal(
                Diagnostic(
                    .badRevision, "this repository has no commit yet, so there is nothing to compare with",
                    hint: "commit first; 'lmsbuild run' needs no base"), .wrongInput)
        }
        let finder = BaseFinder(repository, head: tip, deepens: request.deepens, objects: objects)
        do {
            if case .revision(let text) = request.origin { return .commit(try await finder.commit(text)) }
            let event = CIEvent.detect(environment: opened.environment) { fileContents(BytePath($0)) }
            guard let event else { throw Diagnostic.noBase }
            let found = try await finder.base(of: event)
            if case .commit(let id) = found {
                Terminal.say("comparing with \(id.prefix(12)), the base of this \(event.name) (\(event.runner))")
            }
            return found
        } catch let diagnostic as Diagnostic {
            let isUnknown = diagnostic.code == .badRevision || diagnostic.code == .unknownBase
            guard isUnknown, request.takesAllIfUnknown else {
                throw Refusal(diagnostic, diagnostic.code == .gitUnavailable ? .machine : .wrongInput)
            }
            return .nothing(reason: diagnostic.message)
        }
    }

    /// The base's graph; nil, which makes everything affected, where it has none.
    private static func base(
        _ opened: Workspace, _ tree: any FileSystem, _ commit: String, head: HashedGraph
    ) throws -> (HashedGraph?, everything: String?) {
        do {
            if let base = try head.moved(to: tree) { return (base, nil) }
            let resolution = try resolve(tree, opened.settings)
            guard let graph = resolution.graph else {
                let first = resolution.diagnostics.first { $0.severity == .error }
                Workspace.show([
                    Diagnostic(
                        first?.code ?? .noBuildfile, .notice,
                        "the base \(commit.prefix(12)) cannot be hashed, so everything counts as affected",
                        notes: first.map { [.init($0.message, at: $0.span)] } ?? [])
                ])
                return (nil, "the base cannot be hashed: \(first?.message ?? "it has no Buildfile")")
            }
            return (try HashedGraph(graph), nil)
        } catch {
            throw Refusal(.unreadable(error), .machine)
        }
    }
}

extension Diagnostic {
    static var noBase: Diagnostic {
        Diagnostic(
            .badCommandLine,
            "nothing says what to compare with: no '--base', no '--since', and no CI runner's variables",
            hint: "for example '--base HEAD~1', '--base main' or '--since cache'")
    }
}

extension TargetStates {
    /// A state without targets.
    static let none = TargetStates(hash: { _ in nil }, manifest: { _ throws(FileSystemError) in nil })
}
