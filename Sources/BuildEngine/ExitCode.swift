/// The exit statuses of the command line. Of several failures the lowest of 1–4 wins; the machine's only when nothing of
/// the user's failed.
package struct ExitCode: RawRepresentable, Sendable, Hashable {
    package let rawValue: Int32

    package init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    package static let done = ExitCode(rawValue: 0)
    package static let actionFailed = ExitCode(rawValue: 1)
    package static let wrongInput = ExitCode(rawValue: 2)
    package static let checkFailed = ExitCode(rawValue: 3)
    package static let noTarget = ExitCode(rawValue: 4)
    package static let locked = ExitCode(rawValue: 9)
    package static let unavailable = ExitCode(rawValue: 34)
    package static let machine = ExitCode(rawValue: 36)
    package static let ourBug = ExitCode(rawValue: 37)

    package static let rolledBack = ExitCode(rawValue: 50)
    package static let rollbackFailed = ExitCode(rawValue: 51)
    package static let leftPartial = ExitCode(rawValue: 52)

    package static func signal(_ number: Int32) -> ExitCode { ExitCode(rawValue: 128 + number) }

    /// What the code means, for the last line on standard error.
    package var meaning: String {
        switch self {
        case .done: "done"
        case .actionFailed: "an action failed"
        case .wrongInput: "the command line, the Buildfile, a revision or a secret is wrong: nothing was run"
        case .checkFailed: "a check said no"
        case .noTarget: "the selection names no target"
        case .locked: "locked by another run"
        case .unavailable: "a registry, cache server or engine that was needed cannot be used"
        case .machine: "the machine: disk, permission, tool or sandbox"
        case .ourBug: "a bug of lmsbuild"
        case .rolledBack: "the deployment failed, and what ran before runs"
        case .rollbackFailed: "the deployment failed, and so did going back"
        case .leftPartial: "the deployment failed, and some of the new and some of the old runs"
        default: rawValue > 128 ? "ended by signal \(rawValue - 128)" : "exit status \(rawValue)"
        }
    }

    /// The code of a run in which both happened.
    package func combined(with other: ExitCode) -> ExitCode {
        if self == .done { return other }
        if other == .done { return self }
        if rawValue > 128 || other.rawValue > 128 { return rawValue > 128 ? self : other }
        return rawValue < other.rawValue ? self : other
    }
}
