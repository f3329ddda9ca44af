// What an engine says of a stack: its services, and what runs of them. Does not know what should be there.
package import BuildEngine

/// One attempt to run a service: a Swarm task, or a container.
package struct ObservedTask: Sendable {
    package let id: String
    /// True where it is of the service as it is described now.
    package let isCurrent: Bool
    /// The engine wants it to run.
    package let isWanted: Bool
    /// Running, and healthy where health is asked for.
    package let isUp: Bool
    /// It ended or could not be started.
    package let hasFailed: Bool
    /// Why, in the engine's words.
    package let error: String?
    package let image: String
    /// Which of the service's replicas it is; nil where the engine does not say.
    package var slot: Int?
    /// Its container runs, healthy or not, and so may hold its ports.
    package var isAlive: Bool
    /// Something else takes its place as soon as it has ended.
    package var isEnding: Bool { isAlive && !isWanted }

    package init(
        id: String, image: String, isCurrent: Bool = true, isWanted: Bool = true, isUp: Bool = true,
        failure: String? = nil
    ) {
        self.id = id
        self.image = image
        self.isCurrent = isCurrent
        self.isWanted = isWanted
        self.isUp = isUp
        isAlive = isUp
        hasFailed = failure != nil
        error = failure
    }
}

/// A service as an engine has it.
package struct ObservedService: Sendable {
    /// How the engine's own update of a service stands (Engine API `UpdateStatus.State`).
    package enum Update: String, Sendable, Hashable {
        case updating, paused, completed
        case rollbackStarted = "rollback_started"
        case rollbackPaused = "rollback_paused"
        case rollbackCompleted = "rollback_completed"
    }

    package let name: String
    package let id: String
    /// Counted up by the engine with each change.
    package let version: Int
    package let image: String
    package let labels: [String: String]
    package let replicas: Int
    /// Nil on a first deploy, after an identical redeploy and where the engine does not update by itself.
    package let update: Update?
    package let updateMessage: String
    package let tasks: [ObservedTask]
    /// How the engine describes it, as far as it is somebody's wish: for drift.
    package let description: JSONTree
    /// Engine names of configs and secrets that it or the description before it uses.
    package let uses: Set<String>

    /// The hash of the description that it was deployed with.
    package var specHash: String? { labels[DeployLabel.spec] }

    package init(
        name: String, id: String = "", version: Int = 0, image: String, labels: [String: String] = [:],
        replicas: Int = 1, update: Update? = nil, updateMessage: String = "", tasks: [ObservedTask] = [],
        description: JSONTree = JSONTree(.null), uses: Set<String> = []
    ) {
        self.name = name
        self.id = id
        self.version = version
        self.image = image
        self.labels = labels
        self.replicas = replicas
        self.update = update
        self.updateMessage = updateMessage
        self.tasks = tasks
        self.description = description
        self.uses = uses
    }
}

/// A stack as an engine has it.
package struct ObservedStack: Sendable {
    /// By name, without the stack's.
    package let services: [String: ObservedService]
    /// Engine name → SHA-256 of its bytes in hex, of those the stack's project owns.
    package let configs: [String: String]
    /// Engine names.
    package let secrets: Set<String>

    package init(services: [ObservedService], configs: [String: String] = [:], secrets: Set<String> = []) {
        self.services = Dictionary(services.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        self.configs = configs
        self.secrets = secrets
    }
}

/// Labels that lmsbuild puts on what it deploys.
package enum DeployLabel {
    /// The release's name.
    package static let release = "io.lmsbuild.release"
    /// The hash of the service's description.
    package static let spec = "io.lmsbuild.spec"
    /// The project, on configs and secrets.
    package static let project = "io.lmsbuild.project"
    /// What a config is for: `config`, or one of `Shelf`'s.
    package static let kind = "io.lmsbuild.kind"
    /// How often a service's data has been changed beyond return; see `DataVersion`.
    package static let data = "io.lmsbuild.data"
    /// A secret's keyed fingerprint.
    package static let fingerprint = "io.lmsbuild.fp"
}
