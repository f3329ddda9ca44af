// What a rollout needs of a container engine. Does not know which.
import BuildEngine

/// Brings a stack to run, and says what runs. All calls throw `EngineError`.
package protocol DeployEngine: Sendable {
    /// `swarm` or `compose`.
    var name: String { get }
    /// Where deployments of the project are written down, seen by all who deploy there.
    var shelf: any Shelf { get }
    /// Whether the engine takes an update back by itself where it fails.
    var undoesUpdates: Bool { get }
    /// What there is of the project now.
    func observe(_ project: String) async throws -> ObservedStack
    /// Whether the engine has the image, or its registry does. False: neither. `.registrySilent` where nobody can tell.
    func hasImage(_ reference: String) async throws -> Bool
    /// What names the image `reference` so that it cannot become another: by `digest` where the engine or its registry knows
    /// it so, else by the reference itself where the engine has it, for a hash tag is never given to other contents. Nil where
    /// neither has it.
    func pinned(_ reference: String, digest: String?) async throws -> String?
    /// Makes the configs and secrets of `stack` that are not there yet. A secret without a value must be there.
    func prepare(_ stack: RenderedStack) async throws
    /// Has the engine bring `stack` up as `release` and take away what it no longer names. Does not wait for health.
    func submit(_ stack: RenderedStack, release: String) async throws
    /// Removes all services of the project.
    func remove(_ project: String) async throws
    /// Removes configs and secrets of the project that are not in `kept`.
    func collectGarbage(_ project: String, keeping kept: Set<String>) async throws
    /// The last lines that the task wrote; empty where there are none.
    func lastLines(of task: ObservedTask) async -> [String]
}

/// Where deployments of one environment are written down: small documents by name, made once and never changed.
/// Calls throw `EngineError`; `.conflict` where `create` finds the name taken, of which one of two callers is told.
package protocol Shelf: Sendable {
    /// What is there of `kind`, by name.
    func list(_ kind: ShelfKind) async throws -> [String: [UInt8]]
    func create(_ kind: ShelfKind, _ name: String, _ bytes: [UInt8]) async throws
    /// Removes that very document: where the name was given again meanwhile, with other bytes, that stays. Nothing there is
    /// no error.
    func remove(_ kind: ShelfKind, _ name: String, ofBytes bytes: [UInt8]) async throws
}

/// What a shelf holds.
package enum ShelfKind: String, Sendable, Hashable, CaseIterable {
    /// Who deploys now.
    case lock
    /// What a deployment that has begun means to do.
    case record
    /// What deployments came to.
    case ledger
    /// Stacks as they were deployed.
    case stack
    /// How the engine describes what was deployed.
    case description
    /// A deployment that waits for somebody's word.
    case waiting
    /// What somebody has said to a deployment.
    case word
}
