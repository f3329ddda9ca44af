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
    /// The Buildfiles and how each component was declared.
    var declared = DeclaredParts()
    /// Warnings and notices that came with the graph.
    var warnings: [Diagnostic] = []
}

/// How the files of a target are found, its words expanded: what has to be asked again when files come or go.
package struct FileSelection: Sendable {
    struct Glob: Sendable {
        /// As `PathPattern.resolved` gives it.
        let text: [UInt8]
        let isExclusion: Bool

        /// Made each time: it takes ten times the room of its text, and is nearly never asked for.
        var pattern: PathPattern { PathPattern(text) }
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
        case overlay(SnapshotOverlay)
    }

    private let storage: Storage

    init(_ components: [Component]) { storage = .list(components) }
    init(_ overlay: SnapshotOverlay) { storage = .overlay(overlay) }

    package var startIndex: Int { 0 }
    package var endIndex: Int {
        switch storage {
        case .list(let components): components.count
        case .overlay(let overlay): overlay.snapshot.componentCount
        }
    }

    package subscript(index: Int) -> Component {
        switch storage {
        case .list(let components): components[index]
        case .overlay(let overlay): overlay.component(index)
        }
    }
}

/// The targets of a graph, sorted by label. Those of a snapshot are made each time one is asked for.
package struct TargetList: RandomAccessCollection, Sendable {
    enum Storage: Sendable {
        case list([Target])
        case overlay(Kept)
    }

    /// An overlay is large, and a copy of it for each question costs more than most answers.
    final class Kept: Sendable {
        let overlay: SnapshotOverlay

        init(_ overlay: SnapshotOverlay) { self.overlay = overlay }
    }

    let storage: Storage

    init(_ targets: [Target]) { storage = .list(targets) }
    init(_ overlay: SnapshotOverlay) { storage = .overlay(Kept(overlay)) }

    package var startIndex: Int { 0 }
    package var endIndex: Int {
        switch storage {
        case .list(let targets): targets.count
        case .overlay(let kept): kept.overlay.targetCount
        }
    }

    package subscript(index: Int) -> Target {
        switch storage {
        case .list(let targets): targets[index]
        case .overlay(let kept): kept.overlay.target(index)
        }
    }

    /// Those at `indices`, in their order; many are made by several threads.
    package func made(_ indices: [Int]) -> [Target] {
        guard case .overlay = storage, indices.count > 1000 else { return indices.map { self[$0] } }
        return Threads.map(indices.count) { self[indices[$0]] }
    }

    /// The label alone.
    package func label(_ index: Int) -> Label {
        switch storage {
        case .list(let targets): targets[index].label
        case .overlay(let kept): kept.overlay.label(index)
        }
    }

    /// What they are of a snapshot.
    private var overlay: SnapshotOverlay? {
        if case .overlay(let kept) = storage { return kept.overlay }
        return nil
    }

    /// Whether they are those of a snapshot but for some.
    var areOfSnapshot: Bool { overlay != nil }

    /// Where in `others` the target at each place is, nil for one that is not there; nil where that can only be told by the
    /// labels.
    func places(in others: TargetList) -> ((Int) -> Int?)? {
        if case .list(let own) = storage, case .list(let other) = others.storage {
            // The very same, of one graph that was placed in two trees.
            let isSame = own.withUnsafeBufferPointer { own in
                other.withUnsafeBufferPointer { own.baseAddress == $0.baseAddress && own.count == $0.count }
            }
            return isSame ? { $0 } : nil
        }
        guard let overlay, let other = others.overlay,
            overlay.snapshot.baseGeneration == other.snapshot.baseGeneration
        else { return nil }
        let (from, to) = (overlay.places, other.places)
        return { place in
            if let old = from.old(place) { return to.new(old) }
            // It came; among the few that came there, too, it may be.
            let label = overlay.label(place)
            return to.added.first { other.label($0) == label }
        }
    }
}
