// How the components of a graph were declared, as far as it has to be known to resolve some of them again. Does not know what
// they were resolved to.
import Buildfile

/// A Buildfile that a graph was made from.
struct BuildfileMember: Sendable {
    /// Nil for one that was given and is no file of the tree.
    let path: BytePath?
    /// Whether it declares more than single components and includes: what others may need.
    let isShared: Bool
    let source: SourceText

    var folder: BytePath { path?.parent ?? .root }

    init(path: BytePath?, isShared: Bool, source: SourceText) {
        self.path = path
        self.isShared = isShared
        self.source = source
    }

    init(path: BytePath?, _ parsed: ParsedBuildfile) {
        let isShared = parsed.declarations.contains { declaration in
            switch declaration {
            case .component(let component): component.kind != .service && component.kind != .library
            case .directive: false
            case .variable, .tool, .environment: true
            }
        }
        self.init(path: path, isShared: isShared, source: parsed.source)
    }
}

/// Where a component is declared, and what its targets were made with.
struct ComponentFacts: Sendable {
    /// The `services` or `libraries` that it comes from.
    struct Glob: Sendable, Hashable {
        /// Place of the Buildfile among the graph's.
        let member: Int
        let text: String
        /// The folder that it matches.
        let folder: BytePath
    }

    var glob: Glob?
    /// The place of the Buildfile that has a block of its own.
    var block: Int?
    /// Whether it has a rule for `verify`, which makes no target where nobody consumes it.
    var hasVerify = false
    /// Whether something was reported when its targets were made.
    var hasReported = false
    /// Whatever was asked for by name at the top level.
    var names: [AskedName] = []
}

/// The Buildfiles and components of a graph.
struct DeclaredParts: Sendable {
    private enum Storage: Sendable {
        case list([BuildfileMember], [ComponentFacts])
        case snapshot(GraphSnapshot, members: [Int: BuildfileMember], components: [Int: ComponentFacts])
    }

    private let storage: Storage

    init(_ members: [BuildfileMember] = [], _ components: [ComponentFacts] = []) {
        storage = .list(members, components)
    }

    /// Those of `snapshot` but for some.
    init(
        _ snapshot: GraphSnapshot, members: [Int: BuildfileMember] = [:], components: [Int: ComponentFacts] = [:]
    ) {
        storage = .snapshot(snapshot, members: members, components: components)
    }

    var members: [BuildfileMember] {
        switch storage {
        case .list(let members, _): members
        case .snapshot(let snapshot, let changed, _):
            (0..<snapshot.memberCount).map { changed[$0] ?? snapshot.member($0) }
        }
    }

    /// In the order of the graph's components.
    var components: [ComponentFacts] {
        switch storage {
        case .list(_, let components): components
        case .snapshot(let snapshot, _, let changed):
            (0..<snapshot.componentCount).map { changed[$0] ?? snapshot.facts($0) }
        }
    }
}

/// The names that components asked for, while their targets are made in order.
struct AskedNames: Sendable {
    private var current = -1
    private var names: [AskedName] = []
    var done: [(component: Int, names: [AskedName])] = []

    mutating func add(_ kind: AskedName.Kind, _ found: [String], for component: Int) {
        if component != current {
            finish()
            current = component
        }
        for name in found where !names.contains(where: { $0.name == name && $0.kind == kind }) {
            names.append(AskedName(kind: kind, name: name))
        }
    }

    mutating func finish() {
        if !names.isEmpty { done.append((current, names)) }
        names = []
        current = -1
    }
}
