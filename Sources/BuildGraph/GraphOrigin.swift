// What a graph and its targets were made from, so that it can be told whether another state of the files would make others.

import Buildfile

/// Everything that decided what a graph is, besides which files there are.
struct GraphOrigin: Sendable {
    /// The files whose contents were read: Buildfiles, Dockerfiles, `.dockerignore`s, texts of links; sorted.
    var shapedBy: [BytePath] = []
    /// The variables of the environment that were asked for; nil where one is not set.
    var environment: [String: String?] = [:]
    /// Globs of `include`: a file that comes and matches one is a Buildfile.
    var includes: [PathPattern] = []
    /// Globs of `services` and `libraries`: a folder that comes or goes may be a component.
    var componentGlobs: [ComponentGlob] = []
    /// Every contract that some component names: each must be there.
    var contracts: Set<BytePath> = []
    /// Warnings and notices that came with the graph.
    var warnings: [Diagnostic] = []
}

/// How the files of a target are found, its words expanded: what has to be asked again when files come or go.
package struct FileSelection: Sendable {
    struct Glob: Sendable {
        let pattern: PathPattern
        let isExclusion: Bool
    }

    /// Each list is the matches of its globs, in order, with what an exclusion takes away; the target has all of them.
    var lists: [[Glob]] = []
    /// Contracts that are files.
    var literals: [BytePath] = []
    /// The files are those that the image's Dockerfile takes from its context, and not those of `lists`.
    var isImage = false
}

/// The components of a graph, sorted by name.
package struct ComponentList: RandomAccessCollection, Sendable {
    private enum Storage: Sendable {
        case list([Component])
        case snapshot(GraphSnapshot)
    }

    private let storage: Storage

    init(_ components: [Component]) { storage = .list(components) }
    init(_ snapshot: GraphSnapshot) { storage = .snapshot(snapshot) }

    package var startIndex: Int { 0 }
    package var endIndex: Int {
        switch storage {
        case .list(let components): components.count
        case .snapshot(let snapshot): snapshot.componentCount
        }
    }

    package subscript(index: Int) -> Component {
        switch storage {
        case .list(let components): components[index]
        case .snapshot(let snapshot): snapshot.component(index)
        }
    }
}

/// The targets of a graph, sorted by label. Those of a snapshot are made each time one is asked for.
package struct TargetList: RandomAccessCollection, Sendable {
    private enum Storage: Sendable {
        case list([Target])
        case snapshot(GraphSnapshot, FileEntries, [Int: EntryRanges])
    }

    private let storage: Storage

    init(_ targets: [Target]) { storage = .list(targets) }

    /// The targets of `snapshot` over `entries`, which are its base's with differences; `files` are those of targets whose
    /// files differ.
    init(_ snapshot: GraphSnapshot, _ entries: FileEntries, files: [Int: EntryRanges]) {
        storage = .snapshot(snapshot, entries, files)
    }

    package var startIndex: Int { 0 }
    package var endIndex: Int {
        switch storage {
        case .list(let targets): targets.count
        case .snapshot(let snapshot, _, _): snapshot.targetCount
        }
    }

    package subscript(index: Int) -> Target {
        switch storage {
        case .list(let targets): targets[index]
        case .snapshot(let snapshot, let entries, let files):
            snapshot.target(index, entries, files: files[index])
        }
    }

    /// Those at `indices`, in their order; many are made by several threads.
    package func made(_ indices: [Int]) -> [Target] {
        guard case .snapshot = storage, indices.count > 1000 else { return indices.map { self[$0] } }
        return Threads.map(indices.count) { self[indices[$0]] }
    }

    /// The label alone.
    package func label(_ index: Int) -> Label {
        switch storage {
        case .list(let targets): targets[index].label
        case .snapshot(let snapshot, _, _): snapshot.label(index)
        }
    }

    /// The snapshot that they are of.
    var snapshot: GraphSnapshot? {
        if case .snapshot(let snapshot, _, _) = storage { return snapshot }
        return nil
    }
}
