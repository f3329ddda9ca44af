// When each target of a run began and ended, and how, for traces and metrics. Does not know their forms, nor who takes them.
package import BuildEngine
package import BuildGraph
import Glibc

/// Times as others count them: nanoseconds since 1970.
package struct WallClock: Sendable {
    private let instant: ContinuousClock.Instant
    private let nanoseconds: Int

    /// What the clock says now, from which all other instants follow: a clock that is set meanwhile makes no span negative.
    package init() {
        instant = .now
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        nanoseconds = time.tv_sec * 1_000_000_000 + time.tv_nsec
    }

    /// Nanoseconds since 1970.
    package func nanoseconds(at other: ContinuousClock.Instant) -> Int {
        nanoseconds + (other - instant).nanoseconds
    }
}

extension Duration {
    /// Whole nanoseconds.
    var nanoseconds: Int { Int(components.seconds) * 1_000_000_000 + Int(components.attoseconds / 1_000_000_000) }

    /// Seconds with their fraction.
    var fraction: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}

/// A run, measured.
package struct RunMeasures: Sendable {
    /// One target.
    package struct Target: Sendable {
        package let label: Label
        package let inputHash: InputHash
        /// Nanoseconds since 1970.
        package let start: Int
        package let end: Int
        package let outcome: Outcome
        /// Why it failed, in one word; nil where it did not.
        package let error: String?
        package let imageDigest: String?
    }

    /// How a target ended.
    package enum Outcome: String, Sendable, CaseIterable {
        case ran, cached, failed, skipped
    }

    /// Counts of one stage.
    package struct Stage: Sendable, Equatable {
        var targets: [Outcome: Int] = [:]
        var time = Duration.zero
    }

    /// Targets that are kept one by one; beyond it the cached ones are left out first.
    package static let mostTargets = 5000

    /// Those that are kept.
    package private(set) var targets: [Target] = []
    /// Targets that are not among `targets`.
    package private(set) var leftOut = 0
    package private(set) var stages: [String: Stage] = [:]
    package private(set) var tests = TestTally()
    package private(set) var hasTests = false
    package private(set) var findings: Int?
    private let clock: WallClock
    /// Nanoseconds since 1970.
    package let start: Int
    private var begun: [Label: ContinuousClock.Instant] = [:]

    /// A run that begins now.
    package init(_ clock: WallClock = WallClock()) {
        self.clock = clock
        start = clock.nanoseconds(at: .now)
    }

    /// Takes in what happens; `now` is when.
    package mutating func receive(_ event: Event, at now: ContinuousClock.Instant = .now) {
        switch event {
        case .targetStarted(let label, at: let instant): begun[label] = instant
        case .targetFinished(let report): take(report, now)
        case .targetsUpToDate(let targets): for report in targets { take(report, now) }
        default: break
        }
    }

    private mutating func take(_ report: TargetReport, _ now: ContinuousClock.Instant) {
        let outcome: Outcome
        var error: String?
        switch report.outcome {
        case .ran: outcome = .ran
        case .cached: outcome = .cached
        case .failed(let failure):
            outcome = .failed
            error = failure.kind.rawValue
        case .skipped, .notStarted: outcome = .skipped
        case .nothing: return
        }
        stages[report.label.stage, default: Stage()].targets[outcome, default: 0] += 1
        let begun = begun.removeValue(forKey: report.label)
        if let begun, outcome == .ran || outcome == .failed {
            stages[report.label.stage, default: Stage()].time += now - begun
        }
        if let reports = report.reports {
            if let tally = reports.tests {
                hasTests = true
                tests.passed += tally.passed
                tests.failed += tally.failed
                tests.errors += tally.errors
                tests.skipped += tally.skipped
            }
            if let count = reports.findingCount { findings = (findings ?? 0) + count }
        }
        guard makeRoom(for: outcome) else { return }
        let end = clock.nanoseconds(at: now)
        targets.append(
            Target(
                label: report.label, inputHash: report.inputHash,
                start: min(end, begun.map { clock.nanoseconds(at: $0) } ?? end), end: end, outcome: outcome,
                error: error, imageDigest: report.imageDigest))
    }

    private mutating func makeRoom(for outcome: Outcome) -> Bool {
        if targets.count < Self.mostTargets { return true }
        leftOut += 1
        if outcome == .cached || outcome == .skipped { return false }
        guard let place = targets.lastIndex(where: { $0.outcome == .cached || $0.outcome == .skipped }) else {
            return false
        }
        targets.remove(at: place)
        return true
    }
}
