// What is to run, what is told of it, and why nothing is begun. Does not know engines or how a rollout goes.
import BuildEngine
import BuildGraph

/// What happens while an environment is changed, for whoever shows it.
package enum RolloutEvent: Sendable {
    /// A deployment that somebody's process was ended in is brought to an end first.
    case resuming(DeployRecord)
    case submitted(release: String, isRollback: Bool)
    /// Users are led from one set to the other, or back.
    case step(RolloutStep)
    case standing(service: String, Standing)
    /// All are up; now it is seen whether they stay.
    case watching(Duration)
    case check(String, Standing)
    /// All is well so far, and somebody has to say how it goes on.
    case waiting(PromotionWait)
    /// Somebody has, or nobody did in time.
    case said(PromotionWord)
    /// Not everything came up: by service, why.
    case failed([String: String])
    case ended(LedgerEntry)
    /// After an end that is `partial`: what is there now.
    case left(RolloutRemains)
    /// Something that does not stop it, in a line.
    case notice(String)
}

/// A question to what runs, asked when everything is up: `check URL within T`.
package struct RolloutCheck: Sendable, Hashable {
    package let url: String
    package let within: Duration

    package init(url: String, within: Duration) {
        self.url = url
        self.within = within
    }
}

/// Asks a URL once. Nil where it answers with a status below 400, else why not.
package typealias CheckAsker = @Sendable (String) async -> String?

/// Asks a URL once with one header more, which lets it reach the new set. Nil where it answers with a status below 400.
package typealias PreviewAsker =
    @Sendable (_ url: String, _ header: (name: String, value: String)) async -> String?

/// Runs a program with variables that tell it of the step. Nil where it ended with 0, else why the step is not good.
package typealias StepJudge = @Sendable (_ words: [String], _ facts: [String: String]) async throws -> String?

/// What is to run.
package struct RolloutPlan: Sendable {
    package let stack: RenderedStack
    /// The release's name.
    package let release: String
    package let commit: String?
    package let origin: DeployOrigin
    package var action = "deploy"
    package var checks: [RolloutCheck] = []
    /// How long everything must stay up before it counts.
    package var watch: Duration = .seconds(5)
    /// Instead of the bound that health checks give.
    package var timeout: Duration?
    /// Refused where what runs now could not be gone back to.
    package var needsWayBack = true
    /// Also where data changes beyond return, or has done so since.
    package var allowsIrreversible = false
    /// How users are led from what runs to it, where they come through a router.
    package var strategy: RolloutStrategy = .inPlace
    /// In place of what the strategy says about keeping the old set.
    var keptFor: Duration?

    package init(stack: RenderedStack, release: String, commit: String?, origin: DeployOrigin) {
        self.stack = stack
        self.release = release
        self.commit = commit
        self.origin = origin
    }

    var wanted: LedgerEntry.Running { .init(release: release, stack: stack.digest.hex) }

    /// Whether a new set takes over from the old one, in place of new containers for old ones.
    var changesSets: Bool {
        if case .rolling = strategy { return false }
        return stack.routing != nil
    }
}

/// Why nothing was begun.
package enum RolloutRefusal: Error, Sendable {
    /// These services are being changed by somebody else.
    case busy([String])
    /// Images that came to nothing before, by service.
    case quarantined([String: String])
    /// What runs now cannot be gone back to: by service, the image that is nowhere any more.
    case noWayBack([String: String])
    /// One of what runs and what is wanted cannot read the data of the other: by service, why.
    case irreversible([String: String])
}
