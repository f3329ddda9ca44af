// What an `environment` block says, as values. Does not know Buildfiles, files or engines.
package import BuildGraph
package import Buildfile

/// One environment.
package struct EnvironmentDefinition: Sendable {
    /// Who runs the stack.
    package enum Engine: String, Sendable, CaseIterable {
        case swarm, compose
        /// Nobody: the stack is only rendered.
        case plan
    }

    /// A file that the block names.
    package struct NamedFile: Sendable, Hashable {
        /// Relative to the workspace's root.
        package let path: BytePath
        package let span: SourceSpan
    }

    /// A question that a healthy system answers with a status below 400.
    package struct Check: Sendable, Hashable {
        package let url: String
        /// Milliseconds.
        package let within: Int
        package let span: SourceSpan
    }

    /// What must hold before anything may go there, and after it went.
    package struct Policy: Sendable, Hashable {
        /// Only signed releases.
        package var isSigned = false
        /// Only releases of a commit.
        package var isClean = false
        /// Only what `can-deploy` says yes to.
        package var isVerified = false
        /// Clean, and no variable comes from the shell of whoever deploys.
        package var isProtected = false
        /// Milliseconds for which services are watched after they came up; nil: the engine's default.
        package var watch: Int?
    }

    package let name: String
    package let span: SourceSpan
    /// The first is the base, each further one is merged onto it.
    package let stackFiles: [NamedFile]
    /// A later file's values win.
    package let envFiles: [NamedFile]
    package let engine: Engine
    /// Environments that must run a release before it may come here.
    package let after: [String]
    package let strategy: RolloutStrategy
    package let checks: [Check]
    package let policy: Policy
}

/// How new containers take the place of old ones.
package enum RolloutStrategy: Sendable, Hashable {
    /// One after the other, as the stack's `update_config` says where nothing is said here.
    package struct Rolling: Sendable, Hashable {
        package var parallelism: Int?
        /// True: the new one is started before the old one is stopped.
        package var startsFirst: Bool?
        /// Milliseconds between two.
        package var pause: Int?
    }

    /// A new set beside the old one, then a switch.
    package struct BlueGreen: Sendable, Hashable {
        /// The service that others come through; nil: the one called `router`.
        package var router: String?
        /// Milliseconds for which the old set is kept after the switch.
        package var keep = 0
        /// Milliseconds within which somebody has to promote the new set before the switch; nil: it is switched at once.
        package var promotion: Int?
    }

    /// A small share first.
    package struct Canary: Sendable, Hashable {
        /// A share for a while, or until somebody promotes it.
        package struct Step: Sendable, Hashable {
            package var percent: Int
            /// Milliseconds: for so long, or within which somebody has to promote it.
            package var duration: Int
            /// What comes after it waits until somebody says so.
            package var isUntilPromoted = false
        }

        /// In order, shares growing.
        package var steps: [Step]
        package var router: String?
        /// A program with its arguments that judges each step by its exit status; empty: the checks alone.
        package var judge: [String] = []
    }

    case rolling(Rolling)
    case blueGreen(BlueGreen)
    case canary(Canary)

    /// Milliseconds for which somebody's word is waited for where nothing is said about it: an hour.
    package static let promotionLimit = 3_600_000

    /// Everything where it stands, as the stack says.
    package static let inPlace = RolloutStrategy.rolling(.init())
}
