// The words of `notify` blocks that are known. Does not know what a block must hold, nor who sends what.

/// How a notification travels.
package enum NotificationKind: String, Sendable, Hashable, CaseIterable {
    /// Slack's incoming webhook.
    case slack
    /// SMTP.
    case email
    /// JSON to an address of the user's own.
    case webhook
}

/// What is worth a notification: a change of state, never a run.
package enum NotificationCondition: String, Sendable, Hashable, CaseIterable {
    /// A target fails that did not, for whatever reason; gates included.
    case failure
    /// No target of a component fails any more.
    case recovery
    /// A target fails by a `[gate …]` alone.
    case gate
    /// Another release runs in an environment.
    case deploy
    /// A deployment waits for somebody's word.
    case promotion
    /// An environment went back, by itself or because somebody said so, or could not.
    case rollback
    /// What runs is not what was deployed.
    case drift
}
