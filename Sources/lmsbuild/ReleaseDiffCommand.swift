// `release diff`: what differs between two releases, down to the files and the commits that changed them.
import ArgumentParser
import BuildEngine
import BuildGraph
import Buildfile

struct ReleaseDiff: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "What differs between two releases: services with files and commits, verdicts, environments, tools.")

    @OptionGroup var global: GlobalOptions
    @Option(help: "text or json.") var format = "text"
    @Argument(help: "Two releases (files, digits of kept ones' names, here, HEAD), and NAME=VALUE.")
    var words: [String] = []

    func perform() async throws -> BuildEngine.ExitCode {
        try checkFormat(format)
        let (names, overrides) = GlobalOptions.overrides(in: words)
        guard names.count == 2 else {
            throw Refusal(
                Diagnostic(
                    .badCommandLine, "'release diff' takes two releases", hint: "for example 'release diff HEAD here'"),
                .wrongInput)
        }
        let opened = try await Workspace.open(global, overrides: overrides)
        let old = try await opened.found(names[0]).release
        let new = try await opened.found(names[1]).release
        let difference = ReleaseDifference(from: old, to: new)
        let shown = ShownDifference(
            old: old, new: new, difference: difference,
            reasons: try await ReleaseReasons.find(opened, old, new, of: difference.services))
        Terminal.out(format == "json" ? shown.json.text(pretty: true) + "\n" : shown.text)
        return .done
    }
}

/// Why services of two releases differ: what `explain` finds between their states, and the commits that did it.
struct ReleaseReasons {
    struct Service {
        /// Every cause, nearest first.
        let changes: [Change]
        /// Commits that the newer release has and the older has not, newest first.
        let commits: [TouchingCommit]
        /// Commits that the older release has and the newer has not: taken back.
        let without: [TouchingCommit]
    }

    /// By the service's name.
    let services: [String: Service]
    /// Why nothing is known of files and commits; nil where that is known.
    let unknown: String?

    static func find(
        _ opened: Workspace, _ old: Release, _ new: Release, of services: [ReleaseDifference.Service]
    ) async throws -> ReleaseReasons {
        let both = services.filter { $0.old != nil && $0.new != nil && $0.old?.hash != $0.new?.hash }
        if both.isEmpty { return ReleaseReasons(services: [:], unknown: nil) }
        let before = try await state(opened, old)
        let after = try await state(opened, new)
        guard let before, let after else {
            return ReleaseReasons(
                services: [:],
                unknown:
                    "\(before == nil ? "the first" : "the second") is of files that are neither at hand nor in a commit of this repository"
            )
        }
        var (added, removed): ([TouchingCommit], [TouchingCommit]) = ([], [])
        if let from = old.commit, let to = new.commit, from != to, let repository = opened.repository {
            added = try await Workspace.refusing {
                try await repository.commits(of: to, notOf: from, below: opened.prefix)
            }
            removed = try await Workspace.refusing {
                try await repository.commits(of: from, notOf: to, below: opened.prefix)
            }
        }
        var found: [String: Service] = [:]
        for service in both {
            let (changes, paths) = try causes(of: service.name, before, after)
            func touching(_ commits: [TouchingCommit]) -> [TouchingCommit] {
                commits.filter { !paths.isDisjoint(with: $0.paths) }
            }
            found[service.name] = Service(changes: changes, commits: touching(added), without: touching(removed))
        }
        return ReleaseReasons(services: found, unknown: nil)
    }

    /// The graph that a release was made of: of its commit, or of what is at hand where that is it.
    static func state(_ opened: Workspace, _ release: Release) async throws -> HashedGraph? {
        if let commit = release.commit {
            guard let repository = opened.repository,
                try await Workspace.refusing({ try await repository.hasCommit(commit) })
            else { return nil }
            return try await opened.hashed(at: commit)
        }
        let here = try opened.hashed(try await opened.workingTree())
        let hashes = Dictionary(
            here.graph.targets.indices.map { (here.graph.targets.label($0).description, here.hashes[$0]) },
            uniquingKeysWith: { $1 })
        return hashes == release.hashes ? here : nil
    }

    /// What changed a service, and the files whose history tells who did it.
    private static func causes(
        of service: String, _ before: HashedGraph, _ after: HashedGraph
    ) throws -> ([Change], Set<BytePath>) {
        var labels = after.graph.targets.indices.map { after.graph.targets.label($0) }
            .filter { $0.component == service }
        let image = Label(component: service, stage: "image")
        if labels.contains(image) { labels = [image] }
        var changes: [Change] = []
        var paths: Set<BytePath> = []
        for label in labels {
            let found: [Cause]
            do throws(FileSystemError) {
                found = try BuildGraph.causes(of: label, from: TargetStates(before), to: TargetStates(after))
            } catch {
                throw Refusal(.unreadable(error), .machine)
            }
            for cause in found {
                if !changes.contains(cause.change) { changes.append(cause.change) }
                if cause.difference?.tag == .file || cause.difference?.tag == .contract {
                    paths.insert(cause.change.subject)
                } else if let last = cause.chain.last, let index = after.graph.index(of: last) {
                    // A recipe, an attribute, a variable: the Buildfile says it.
                    paths.insert(BytePath(after.graph.targets[index].span.source.name))
                }
            }
        }
        return (changes, paths)
    }
}
