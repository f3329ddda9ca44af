package import BuildGraph
package import Buildfile

/// What happened in a run, in order. Console, log, history and page are folds over these and decide nothing.
package enum Event: Sendable {
    case runStarted(RunStart)
    case targetStarted(Label, at: ContinuousClock.Instant)
    case targetFinished(TargetReport)
    /// As one `targetFinished` for each of them.
    case targetsUpToDate(UpToDateTargets)
    case notice(Diagnostic)
    case interrupted(signal: Int32)
    case runFinished(RunSummary)
}

package struct RunStart: Sendable {
    /// Targets that have something to do or to look up.
    package let targets: Int
    package let jobs: Int
    /// Seconds the whole run took from recorded times at `jobs`, or nil where nothing is recorded.
    package let estimate: Duration?
    /// True when the action cache held nothing before this run.
    package let coldCache: Bool
    package let sandbox: Bool

    package init(targets: Int, jobs: Int, estimate: Duration?, coldCache: Bool, sandbox: Bool) {
        self.targets = targets
        self.jobs = jobs
        self.estimate = estimate
        self.coldCache = coldCache
        self.sandbox = sandbox
    }
}

/// How one target ended.
package struct TargetReport: Sendable {
    package enum Outcome: Sendable {
        /// The action ran and succeeded; why it had to run.
        case ran(Reason)
        /// Its result was in the cache; `restored` tells whether outputs had to be put in place.
        case cached(restored: Bool)
        case failed(ActionFailure)
        /// A prerequisite failed, or the run was interrupted.
        case skipped(because: Label?)
        /// Something else failed first, and without `-k` nothing more is started.
        case notStarted
        /// A group: nothing to run.
        case nothing
    }

    package let label: Label
    package let inputHash: InputHash
    package let outcome: Outcome
    package let duration: Duration
    /// For `.cached`: what running it took when it ran.
    package let saved: Duration
    /// What the action printed; empty unless it ran, failed, or a replay was asked for.
    package let output: [UInt8]
    /// The image's reference where the target is an image.
    package let image: String?
    package let imageDigest: String?
    package let isCheck: Bool
    /// Of a contract that was verified: how many of its terms had no verdict yet, and how many it has.
    package let verified: (terms: Int, of: Int)?
    /// What the action's reports say, also of one that failed or whose result was in the cache; nil where it has none.
    package var reports: ActionReports?
    /// The files of `[report]`s, in the store.
    package var reportFiles: [OutputFile] = []
    /// Of an action that ran: the targets that had to end before it might start, sorted; groups stand for what is in them.
    package var waitedFor: [Label] = []
    /// Of an action that ran: what differs from when it last ran here, as far as that is recorded.
    package var changes: [Change] = []
    /// Bytes of all outputs; nil where that is not known, as of an image.
    package var outputSize: Int?

    package init(
        label: Label, inputHash: InputHash, outcome: Outcome, duration: Duration, saved: Duration, output: [UInt8],
        image: String?, imageDigest: String?, isCheck: Bool, verified: (terms: Int, of: Int)? = nil
    ) {
        self.label = label
        self.inputHash = inputHash
        self.outcome = outcome
        self.duration = duration
        self.saved = saved
        self.output = output
        self.image = image
        self.imageDigest = imageDigest
        self.isCheck = isCheck
        self.verified = verified
    }
}

/// The reports of targets that are as the last run left them, groups among them: thousands at once of which most who read
/// along want to know the number alone, so that each is made when somebody asks for it.
package struct UpToDateTargets: RandomAccessCollection, Sendable {
    package let endIndex: Int
    /// How many of them are no groups.
    package let cached: Int
    /// What running them took when they ran, summed up.
    package let saved: Duration
    private let report: @Sendable (Int) -> TargetReport

    /// `report` gives that of each number below `count`.
    package init(
        count: Int, cached: Int, saved: Duration, report: @escaping @Sendable (Int) -> TargetReport
    ) {
        endIndex = count
        self.cached = cached
        self.saved = saved
        self.report = report
    }

    package var startIndex: Int { 0 }

    package subscript(number: Int) -> TargetReport { report(number) }
}

/// Why an action runs.
package enum Reason: Sendable, Hashable {
    /// No result with its action key is stored.
    case noResult
    /// There is one, but a blob it names is gone or damaged.
    case lostOutputs
    /// There is one, but the engine no longer has the image.
    case lostImage
    /// There is one, but a secret that it was made with has another value now, or nobody knows which it had.
    case changedSecret
    /// `-B`.
    case forced
    /// `[uncached]`.
    case uncached
}

package struct RunSummary: Sendable {
    package var ran = 0
    package var cached = 0
    package var failed = 0
    package var skipped = 0
    package var duration = Duration.zero
    package var saved = Duration.zero
    package var exitCode: ExitCode = .done

    package init() {}
}
