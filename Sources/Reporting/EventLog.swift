// The file that a run's events go to as they happen. Decides nothing: what cannot be written costs the log alone.
package import BuildEngine
package import BuildGraph
package import Buildfile
import Glibc
import Synchronization

/// Writes a run's events to `events/ID.jsonl` of the workspace's state, each as one line in one system call, so that a
/// process that is killed loses at most the line it was writing. May be called from anywhere.
///
/// Not synced to the disk: a power cut may take the log away. On the first write that fails it says so once and writes no
/// more.
package final class EventLog: Sendable {
    private struct State {
        var descriptor: Int32 = -1
        var isOpen = true
        var line: [UInt8] = []
        /// Targets that were as the last run left them and of which no line tells yet.
        var upToDate: [(label: Label, saved: Duration)] = []
        var upToDateCount = 0
    }

    private let heading: RunHeading
    private let path: BytePath
    private let began: ContinuousClock.Instant
    private let now: @Sendable () -> ContinuousClock.Instant
    private let isTold: @Sendable (BytePath, Int32) -> Bool
    private let warn: @Sendable (Diagnostic) -> Void
    private let state = Mutex(State())

    /// A log for a run that begins now, in the folder that `EventLogs` reads. Nothing is written before the first event.
    /// `warn` is told once where it cannot be written, unless `isTold`, which gets the path and errno, says that somebody else
    /// tells of it.
    package init(
        _ heading: RunHeading, in logs: EventLogs,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { ContinuousClock().now },
        isTold: @escaping @Sendable (BytePath, Int32) -> Bool = { _, _ in false },
        warn: @escaping @Sendable (Diagnostic) -> Void
    ) {
        self.heading = heading
        path = logs.path(of: heading.id)
        began = now()
        self.now = now
        self.isTold = isTold
        self.warn = warn
    }

    deinit {
        let descriptor = state.withLock { $0.descriptor }
        if descriptor >= 0 { close(descriptor) }
    }

    /// Writes `event` down, with the time of now, or of its start where it has one.
    package func receive(_ event: Event) {
        let failure = state.withLock { state -> StoreError? in
            guard state.isOpen else { return nil }
            // Thousands of them come at once, and say nothing that one line does not.
            if case .targetFinished(let report) = event, case .cached(restored: false) = report.outcome,
                report.reports == nil, report.output.isEmpty
            {
                state.upToDateCount += 1
                if state.upToDate.count < EventForm.named { state.upToDate.append((report.label, report.saved)) }
                return nil
            }
            var at = now()
            if case .targetStarted(_, at: let start) = event { at = start }
            let recorded = RecordedEvent(at: max(.zero, at - began), event)
            // The same memory for every line.
            state.line.removeAll(keepingCapacity: true)
            guard recorded.write(to: &state.line) else { return nil }
            if state.upToDateCount > 0 {
                let before = RecordedEvent.upToDate(state.upToDate, count: state.upToDateCount, at: recorded.at).line
                state.line.insert(contentsOf: before, at: 0)
                (state.upToDate, state.upToDateCount) = ([], 0)
            }
            do throws(StoreError) {
                if state.descriptor < 0 { state.descriptor = try begin() }
                try Disk.write(state.line, to: state.descriptor, path)
            } catch {
                state.isOpen = false
                return error
            }
            return nil
        }
        guard let failure else { return }
        if case .system(_, let path, let code) = failure, isTold(path, code) { return }
        warn(.unwritable(failure))
    }

    private func begin() throws(StoreError) -> Int32 {
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW
        let descriptor: Int32
        do throws(StoreError) {
            descriptor = try Disk.open(path, flags, mode: 0o600)
        } catch {
            guard case .system(_, _, ENOENT) = error else { throw error }
            try Disk.makeFolders(path.parent, mode: 0o700)
            descriptor = try Disk.open(path, flags, mode: 0o600)
        }
        do throws(StoreError) {
            try Disk.write(heading.json.line, to: descriptor, path)
        } catch {
            close(descriptor)
            // One without a heading is none.
            Disk.remove(path)
            throw error
        }
        return descriptor
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
