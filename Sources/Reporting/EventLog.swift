// The events of a run as its log takes them: when each happened, and what thousands that say the same come to. Decides nothing: what
// cannot be written costs the log alone. Does not write by itself.
package import BuildEngine
package import BuildGraph
package import Buildfile
import Glibc
import Synchronization

/// Writes a run's events to `events/ID.jsonl` of the workspace's state, each as one line, a moment after it happened: a process that
/// is killed loses what happened in its last tenth of a second at most. How a run begins, its end and an interruption are written
/// at once. May be called from anywhere.
///
/// Not synced to the disk: a power cut may take the log away. On the first write that fails it says so once and writes no
/// more.
package final class EventLog: Sendable {
    private struct State {
        var hasBegun = false
        /// Targets that were as the last run left them and of which no line tells yet.
        var upToDate: [(label: Label, saved: Duration)] = []
        var upToDateCount = 0

        mutating func take(_ report: TargetReport) {
            upToDateCount += 1
            if upToDate.count < EventForm.named { upToDate.append((report.label, report.saved)) }
        }

        mutating func take(_ targets: UpToDateTargets) {
            for report in targets {
                if upToDate.count >= EventForm.named { break }
                if case .nothing = report.outcome { continue }
                upToDate.append((report.label, report.saved))
            }
            upToDateCount += targets.cached
        }
    }

    private let writer: EventWriter
    private let began: ContinuousClock.Instant
    private let now: @Sendable () -> ContinuousClock.Instant
    private let isTold: @Sendable (BytePath, Int32) -> Bool
    private let warn: @Sendable (Diagnostic) -> Void
    private let state = Mutex(State())

    /// A log for a run that begins now, in the folder that `EventLogs` reads. Nothing is written before the first event.
    /// `warn` is told once where it cannot be written, by a caller of `receive`, unless `isTold`, which gets the path and errno,
    /// says that somebody else tells of it.
    package init(
        _ heading: RunHeading, in logs: EventLogs,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { ContinuousClock().now },
        isTold: @escaping @Sendable (BytePath, Int32) -> Bool = { _, _ in false },
        warn: @escaping @Sendable (Diagnostic) -> Void
    ) {
        writer = EventWriter(heading, at: logs.path(of: heading.id))
        began = now()
        self.now = now
        self.isTold = isTold
        self.warn = warn
    }

    deinit { writer.end() }

    /// Takes `event` in, with the time of now, or of its start where it has one.
    package func receive(_ event: Event) {
        state.withLock { state in
            guard writer.isOpen else { return }
            // Thousands of them come at once, and say nothing that one line does not.
            if case .targetsUpToDate(let targets) = event {
                state.take(targets)
                return
            }
            if case .targetFinished(let report) = event {
                if case .nothing = report.outcome { return }
                if case .cached(restored: false) = report.outcome, report.reports == nil, report.output.isEmpty {
                    state.take(report)
                    return
                }
            }
            var at = now()
            if case .targetStarted(_, at: let start) = event { at = start }
            let recorded = RecordedEvent(at: max(.zero, at - began), event)
            var earlier: LogEntry?
            if state.upToDateCount > 0 {
                earlier = .upToDate(state.upToDate, count: state.upToDateCount, at: recorded.at)
                (state.upToDate, state.upToDateCount) = ([], 0)
            }
            writer.add(.event(recorded), after: earlier, isUrgent: !state.hasBegun || event.isUrgent)
            state.hasBegun = true
        }
        tellFailure()
    }

    /// Returns when all that was received is written.
    package func flush() {
        writer.flush()
        tellFailure()
    }

    private func tellFailure() {
        guard let failure = writer.takeFailure() else { return }
        if case .system(_, let path, let code) = failure, isTold(path, code) { return }
        warn(.unwritable(failure))
    }
}

extension Event {
    /// Whether the process may be gone before it would be written.
    fileprivate var isUrgent: Bool {
        switch self {
        case .interrupted, .runFinished: true
        case .runStarted, .targetStarted, .targetFinished, .targetsUpToDate, .notice: false
        }
    }
}

extension Diagnostic {
    fileprivate static func unwritable(_ error: StoreError) -> Diagnostic {
        var cause = "\(error)"
        if case .system(let operation, let path, let code) = error {
            cause = "\(operation) '\(path.shown)': \(String(cString: strerror(code)))"
        }
        return Diagnostic(
            .machineFailure, .warning, "the events of this run cannot be written down: \(cause)",
            hint: "the run goes on; 'lmsbuild report' and the history will know it in part or not at all")
    }
}
