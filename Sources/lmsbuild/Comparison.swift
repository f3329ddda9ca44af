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
        let objects = opened.objects(of: repository)
        var headCommit = head.flatMap { objects.commit($0) }
        if let head, headCommit == nil {
            headCommit = try await Workspace.refusing { try await repository.resolve(head) }
        }
        let sides: ComparedSides
        switch (try await Self.found(opened, repository, request, headCommit, objects), headCommit) {
        case (.commit(let id), let commit?):
            base = id
            sides = try await .commits(opened, repository, objects, base: id, head: commit, namesOnly: namesOnly)
        case (.commit(let id), nil):
            base = id
            sides = try await .workingTree(opened, repository, objects, base: id, workspace, namesOnly: namesOnly)
        case (.nothing(let reason), _):
            base = nil
            sides = try await .alone(opened, repository, objects, head: headCommit, workspace, reason: reason)
            Workspace.show([
                Diagnostic(.unknownBase, .notice, "there is no base, so everything counts as affected: \(reason)")
            ])
        }
        (old, everything) = (sides.old, sides.everything)
        self.head = headCommit
        since = nil
        before = old.map { TargetStates($0) } ?? .none
        affected = AffectedSet(base: old, head: sides.new)
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
                record, try await ComparedSides.graph(opened, repository, opened.objects(of: repository), of: commit))
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
        let missing = await hashed.targetsWithoutResult(
            among: Set(graph.targets.indices), in: cache, opened.verdicts)
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

    // MARK: The base

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
