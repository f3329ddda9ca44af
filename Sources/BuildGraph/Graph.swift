package import Buildfile

/// A service or a library, resolved.
package struct Component: Sendable {
    package enum Kind: String, Sendable {
        case service, library
    }

    /// `consumes NAME by FILE…`.
    package struct Consumption: Sendable, Hashable {
        package let provider: String
        /// Relative to the workspace's root.
        package let contracts: [BytePath]
        package let span: SourceSpan
    }

    package let name: String
    package let kind: Kind
    /// Relative to the workspace's root.
    package let folder: BytePath
    package let uses: [String]
    package let consumes: [Consumption]
    package let owners: [String]
    /// Where the component is declared.
    package let span: SourceSpan
}

/// `tool NAME VERSION` with the recipe that prints the version.
package struct Tool: Sendable, Hashable {
    package let name: String
    package let version: String
    package let command: String?
}

/// An edge of the graph, with the word that makes it.
package struct Edge: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        /// A label among the inputs, or what `uses` brings.
        case input
        /// Puts out a contract of a `verify` instance.
        case contract
        /// Order only: no part of the hash.
        case gate
        /// The recipe mentions `$tag`: the image's input hash is one of its values.
        case tag
    }

    package let kind: Kind
    /// Index into `Graph.targets`.
    package let target: Int
    package let span: SourceSpan
}

/// A declared output of a rule.
package struct DeclaredOutput: Sendable, Hashable {
    package let path: BytePath
    package let isFolder: Bool
    package let span: SourceSpan
}

/// How a target is made.
package enum Making: Sendable {
    case recipe(Recipe, shell: [String])
    case image(ImageRule)
    /// A rule without a recipe: only a name for others.
    case group
}

/// What the built-in image action's rule and Dockerfile say.
package struct ImageRule: Sendable {
    /// Relative to the workspace's root.
    package let dockerfile: BytePath
    package let context: BytePath
    package let targetStage: String?
    /// `[arg]` values that the Dockerfile declares.
    package let arguments: [String: String]
    /// Build-argument name → index of the image target whose reference it gets.
    package let imagePrerequisites: [String: Int]
    /// Whether the Dockerfile copies itself, and so lies in the build context too.
    package let takesDockerfile: Bool
    /// Names of images from elsewhere as the Dockerfile has them → the digest that `Buildfile.lock` pins each to; empty for
    /// one that it does not pin.
    package let externalBases: [String: String]

    /// The pins that there are.
    package var pins: [String: String] { externalBases.filter { !$0.value.isEmpty } }

    /// Where the ignore file of this Dockerfile alone would be.
    var ignoreFileBeside: BytePath { BytePath(bytes: dockerfile.bytes + Array(".dockerignore".utf8)) }
}

/// The brackets above a rule, their words expanded; paths are relative to the workspace's root.
package struct TargetAttributes: Sendable, Hashable {
    package struct Report: Sendable, Hashable {
        /// `junit` or `sarif`.
        package let kind: String
        package let glob: BytePath
    }

    package struct Gate: Sendable, Hashable {
        /// `mutation`, `coverage` or `lint`.
        package let metric: String
        /// Empty for the report's own number; `new` or `drop` against the base's.
        package let subject: String
        package let comparison: String
        package let threshold: Double
        package let file: BytePath
        /// Whether a base that nobody knows refuses the target.
        package let failsIfUnknown: Bool
        package let span: SourceSpan

        package var isAgainstBase: Bool { !subject.isEmpty }
    }

    /// The provider's own description of its interface.
    package struct Document: Sendable, Hashable {
        package let kind: InterfaceKind
        package let path: BytePath
    }

    package var timeout: Duration?
    package var retries = 0
    package var pool: String?
    package var network = false
    package var uncached = false
    /// `~/…` is kept as written.
    package var keep: [BytePath] = []
    package var reports: [Report] = []
    package var gates: [Gate] = []
    package var platforms: [String] = []
    /// The recipe starts the provider, and lmsbuild's own verifier asks it.
    package var pact: PactSettings?
    /// The words of `[states …]`; empty: none.
    package var statesCommand: [String] = []
    /// What the provider has never done yet may fail.
    package var pending = false
    /// All consumers are verified at once.
    package var batch = false
    /// The recipe is told which files changed since the base, and measures no others.
    package var changedOnly = false
    /// What contracts of these kinds are compared with.
    package var documents: [Document] = []

    /// lmsbuild verifies by itself: no recipe of the rule is the verifier.
    package var hasOwnVerifier: Bool { pact != nil || !documents.isEmpty }

    /// Those of a rule with no brackets.
    static let usual = TargetAttributes()
}

/// Attributes of a target that has some.
private final class UnusualAttributes: Sendable {
    let attributes: TargetAttributes

    init(_ attributes: TargetAttributes) { self.attributes = attributes }
}

/// A target: a labelled node of the graph, its words expanded and its globs matched, without hashes.
///
/// A class, because it is large, there may be a hundred thousand, and each is handed about much.
package final class Target: Sendable {
    package let label: Label
    /// Index into `Graph.components`.
    package let component: Int
    package let making: Making
    /// How `files` were found.
    let selection: FileSelection
    /// Places in the tree's entries: the files its hash covers.
    package let files: EntryRanges
    package let edges: [Edge]
    package let outputs: [DeclaredOutput]
    /// Most targets have no attributes, which are as large as all the rest.
    private let unusual: UnusualAttributes?
    /// Hashed variables its recipe gets; a nil value is an `env` name that is not set.
    package let values: [String: String?]
    /// What a `verify` instance verifies: files and outputs of rules, relative to the workspace's root.
    package let contracts: [BytePath]
    /// `pass` and `secret` names its recipe gets, not hashed.
    package let passed: [String]
    package let secrets: [String]
    package let tools: [Tool]
    package let span: SourceSpan

    init(
        label: Label, component: Int, making: Making, selection: FileSelection, files: EntryRanges, edges: [Edge],
        outputs: [DeclaredOutput], attributes: TargetAttributes, values: [String: String?], contracts: [BytePath],
        passed: [String], secrets: [String], tools: [Tool], span: SourceSpan
    ) {
        self.label = label
        self.component = component
        self.making = making
        self.selection = selection
        self.files = files
        self.edges = edges
        self.outputs = outputs
        unusual = attributes == .usual ? nil : UnusualAttributes(attributes)
        self.values = values
        self.contracts = contracts
        self.passed = passed
        self.secrets = secrets
        self.tools = tools
        self.span = span
    }

    package var attributes: TargetAttributes { unusual?.attributes ?? .usual }

    package var prerequisites: [Int] {
        edges.lazy.filter(\.kind.isPrerequisite).map(\.target)
    }
    package var gates: [Int] { edges.lazy.filter { $0.kind == .gate }.map(\.target) }

    package var isImage: Bool { if case .image = making { true } else { false } }
    package var isGroup: Bool { if case .group = making { true } else { false } }

    /// A failure of it is a check that said no (exit 3), not a broken build (exit 1).
    package var isCheck: Bool {
        ["unit", "mutation", "lint", "verify"].contains(label.stage)
            || !attributes.gates.isEmpty || !attributes.reports.isEmpty
    }
}

/// Components and targets with their edges, complete and free of cycles.
package struct Graph: Sendable {
    package private(set) var tree: FileTree
    /// What the graph was made from.
    var origin = GraphOrigin()
    /// Sorted by name.
    package let components: ComponentList
    /// Sorted by label.
    package private(set) var targets: TargetList
    /// Every target after those its edges name.
    package let order: [Int]
    /// What the root Buildfile's `default` names; empty means everything.
    package let defaults: [Word]
    package let registry: String
    package let environments: [EnvironmentDeclaration]
    /// Tells what contracts ask for.
    package var contractReader: any ContractReading = OpaqueContracts()

    init(
        tree: FileTree, components: ComponentList, targets: TargetList, order: [Int], defaults: [Word],
        registry: String,
        environments: [EnvironmentDeclaration]
    ) {
        self.tree = tree
        self.components = components
        self.targets = targets
        self.order = order
        self.defaults = defaults
        self.registry = registry
        self.environments = environments
    }

    package func index(of label: Label) -> Int? {
        var low = 0
        var high = targets.count
        while low < high {
            let middle = (low + high) / 2
            if targets.label(middle) < label { low = middle + 1 } else { high = middle }
        }
        return low < targets.count && targets.label(low) == label ? low : nil
    }

    /// The same graph over `files`, in which what shaped it must say what it says here.
    package func placed(in files: any FileSystem) -> Graph {
        var copy = self
        copy.tree = FileTree(files)
        return copy
    }

    /// Warnings and notices that came with it.
    package var warnings: [Diagnostic] { origin.warnings }

    /// `registry/name`, an image's reference without its tag.
    package func repository(of component: String) -> String {
        registry.isEmpty ? component : registry + "/" + component
    }

    /// The outputs that `target` hands to those who name it: its own, or a group's prerequisites'.
    package func producers(behind target: Int) -> [Int] {
        guard targets[target].isGroup else { return [target] }
        return targets[target].prerequisites.flatMap { producers(behind: $0) }
    }

    /// `selected` and everything their edges reach, as a set of indices.
    package func closure(of selected: some Sequence<Int>) -> Set<Int> {
        var found: Set<Int> = []
        var open = Array(selected)
        while let next = open.popLast() {
            if found.insert(next).inserted { open.append(contentsOf: targets[next].edges.map(\.target)) }
        }
        return found
    }
}

/// A graph, or every mistake that keeps it from being one; warnings come with either.
package struct Resolution: Sendable {
    package let graph: Graph?
    package let diagnostics: [Diagnostic]
}

/// Parses and resolves the Buildfiles of `files`. Throws only where a file cannot be read.
package func resolve(
    _ files: any FileSystem, _ settings: ResolutionSettings
) throws(FileSystemError) -> Resolution {
    let (resolution, leftovers) = try resolving(files, settings)
    // Nobody else has them any more.
    Threads.release(leftovers)
    return resolution
}

/// With what takes long to free.
private func resolving(
    _ files: any FileSystem, _ settings: ResolutionSettings
) throws(FileSystemError) -> (Resolution, leftovers: [any Sendable]) {
    let recorder = ReadRecorder(files)
    let tree = FileTree(recorder)
    let reads = EnvironmentReads()
    var settings = settings
    settings.environmentReads = reads
    let set = try BuildfileSet(tree: tree, settings: settings)
    var builder = GraphBuilder(tree: tree, set: set, settings: settings)
    let resolution = try builder.build()
    var graph = resolution.graph?.placed(in: files)
    graph?.contractReader = settings.contracts
    graph?.origin.shapedBy = recorder.read
    graph?.origin.environment = reads.all
    graph?.origin.warnings = resolution.diagnostics
    return (Resolution(graph: graph, diagnostics: resolution.diagnostics), builder.leftovers + [builder])
}
