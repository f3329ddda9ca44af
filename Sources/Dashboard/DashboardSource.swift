// What the pages show of a workspace, as values; whoever serves them says where they come from. Does not know graphs, engines
// or files.
package import History
package import Reporting

/// Whatever the pages need beside the logs of runs. Each call looks anew, or gives what it saw a moment ago.
package protocol DashboardSource: Sendable {
    /// The workspace's name, for titles.
    var workspace: String { get }
    /// The logs of its runs.
    var logs: EventLogs { get }
    /// What its last runs tell together.
    func statistics() async throws -> RunStatistics
    /// Components and targets. Throws `DashboardProblem` where the Buildfiles have a mistake.
    func system() async throws -> SystemView
    /// The graph as a picture with marks, a node for each component where there are many targets.
    func graph() async throws -> GraphView
    /// Nil where there is no target of that label.
    func target(_ label: String) async throws -> TargetView?
    /// Who asks what of whom.
    func contracts() async throws -> ContractGrid
    /// Every environment that is declared, asked now; one that cannot be asked says so in its `problem`.
    func environments() async throws -> [EnvironmentView]
}

/// Why a page cannot be shown, in a text of several lines for people.
package struct DashboardProblem: Error, Sendable {
    package let text: String

    /// `text` as a terminal would show it, without colours.
    package init(_ text: String) { self.text = text }
}

/// The components of a workspace with their targets, sorted by name.
package struct SystemView: Sendable {
    package let components: [ComponentView]

    /// `components` are sorted by name.
    package init(components: [ComponentView]) { self.components = components }

    /// The component called `name`.
    package func component(_ name: String) -> ComponentView? { components.first { $0.name == name } }
}

/// One service or library.
package struct ComponentView: Sendable {
    package let name: String
    /// `service` or `library`.
    package let kind: String
    /// Relative to the workspace's root.
    package let folder: String
    package let owners: [String]
    /// Sorted by label.
    package let targets: [TargetRow]
    /// Names of components: taken in when built, those that take it in, asked at run time, those that ask it.
    package let uses: [String]
    package let usedBy: [String]
    package let consumes: [String]
    package let consumedBy: [String]

    /// Every list is sorted.
    package init(
        name: String, kind: String, folder: String, owners: [String], targets: [TargetRow], uses: [String],
        usedBy: [String], consumes: [String], consumedBy: [String]
    ) {
        self.name = name
        self.kind = kind
        self.folder = folder
        self.owners = owners
        self.targets = targets
        self.uses = uses
        self.usedBy = usedBy
        self.consumes = consumes
        self.consumedBy = consumedBy
    }
}

/// A target in a list.
package struct TargetRow: Sendable {
    /// `component:stage` or `component:stage[consumer]`.
    package let label: String
    /// 64 hex digits.
    package let hash: String
    /// Whether a result is kept; nil for a group, which has none.
    package let isCached: Bool?

    /// A row.
    package init(label: String, hash: String, isCached: Bool?) {
        self.label = label
        self.hash = hash
        self.isCached = isCached
    }
}

/// A target with all that its hash covers.
package struct TargetView: Sendable {
    package let row: TargetRow
    package let component: String
    /// What `lmsbuild explain` says of it.
    package let explanation: String
    /// Its files with their digests (64 hex digits), at most `mostInputs`.
    package let inputs: [(path: String, digest: String)]
    /// All its files.
    package let inputCount: Int
    /// Everything else that its hash covers: what it is called, and what it says.
    package let settings: [(name: String, value: String)]
    /// Labels.
    package let needs: [String]
    package let neededBy: [String]

    /// Files that a page lists.
    package static let mostInputs = 2000

    /// The lists are sorted.
    package init(
        row: TargetRow, component: String, explanation: String, inputs: [(path: String, digest: String)],
        inputCount: Int, settings: [(name: String, value: String)], needs: [String], neededBy: [String]
    ) {
        self.row = row
        self.component = component
        self.explanation = explanation
        self.inputs = inputs
        self.inputCount = inputCount
        self.settings = settings
        self.needs = needs
        self.neededBy = neededBy
    }
}

/// What runs in an environment.
package struct EnvironmentView: Sendable {
    /// One service as the engine has it.
    package struct Service: Sendable {
        package let name: String
        package let image: String
        package let up: Int
        package let wanted: Int

        /// `up` of `wanted` replicas.
        package init(name: String, image: String, up: Int, wanted: Int) {
            self.name = name
            self.image = image
            self.up = up
            self.wanted = wanted
        }
    }

    /// One deployment.
    package struct Deployment: Sendable {
        package let time: Int
        package let action: String
        package let release: String
        package let who: String
        package let why: String
        package let end: String

        /// `time` in seconds since 1970; `end` as the history calls it.
        package init(time: Int, action: String, release: String, who: String, why: String, end: String) {
            self.time = time
            self.action = action
            self.release = release
            self.who = who
            self.why = why
            self.end = end
        }
    }

    package let name: String
    package let engine: String
    /// The release that should run there; nil where nothing was deployed.
    package var release: String?
    package var commit: String?
    package var services: [Service] = []
    /// A sentence each; empty where what runs is what was released.
    package var drifts: [String] = []
    /// Newest first.
    package var deployments: [Deployment] = []
    /// The environments that get releases before this one, by the `after` line.
    package var after: [String] = []
    /// What they have and this one has not.
    package var gaps: [EnvironmentGap] = []
    /// Why it could not be asked.
    package var problem: String?

    /// An environment of which nothing is known yet.
    package init(name: String, engine: String) {
        self.name = name
        self.engine = engine
    }
}
