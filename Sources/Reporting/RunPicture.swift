// A run as one value, folded from its events: the one from which pages, summaries, traces, history, messages and metrics
// are drawn. Does not know any of them, nor where the events came from.
package import BuildEngine
package import BuildGraph
package import Buildfile

/// Everything that the events of a run have told so far. The same for a run that is going on and for one that is read back.
package struct RunPicture: Sendable {
    /// A target that is through.
    package struct Entry: Sendable {
        /// How it ended.
        package let report: TargetReport
        /// When its action started, or when it was found out that there is none to run. Since the run began.
        package let start: Duration
        /// When it ended, since the run began.
        package let end: Duration
        /// Which of the run's jobs it took, from 0; nil where no action ran.
        package let slot: Int?

        /// The target.
        package var label: Label { report.label }
        /// What its action took, by its own account where there is one.
        package var took: Duration { report.duration > .zero ? report.duration : end - start }
        /// Whether its action was started.
        package var hasRun: Bool { slot != nil }
    }

    /// An action that is running.
    package struct Running: Sendable {
        /// The target.
        package let label: Label
        /// Since the run began.
        package let start: Duration
        /// Which of the run's jobs it has, from 0.
        package let slot: Int
    }

    /// How the run began.
    package let heading: RunHeading
    /// Nil until the run has told what it will do.
    package private(set) var start: RunStart?
    /// In the order in which they ended; groups are not among them.
    package private(set) var entries: [Entry] = []
    /// In the order in which they started.
    package private(set) var running: [Running] = []
    /// Targets that were as the last run left them and are not among `entries`, since there were too many to name.
    package private(set) var unnamed = 0
    /// What was said beside the targets, and when.
    package private(set) var notices: [(at: Duration, diagnostic: Diagnostic)] = []
    /// The signal that interrupted it.
    package private(set) var signal: Int32?
    /// Nil while it goes on, and for ever where it was killed.
    package private(set) var summary: RunSummary?
    /// Lines of its log that could not be read.
    package internal(set) var broken = 0
    /// When the last event came.
    package private(set) var last = Duration.zero

    /// A run of which nothing but its beginning is known.
    package init(_ heading: RunHeading) { self.heading = heading }

    /// What the lines of a log tell; nil where the first is no heading.
    package init?(_ lines: [LogLine]) {
        guard case .heading(let heading)? = lines.first else { return nil }
        self.init(heading)
        for line in lines.dropFirst() { apply(line) }
    }

    // MARK: Taking events in

    /// Takes in a line of its log; a heading changes nothing.
    package mutating func apply(_ line: LogLine) {
        switch line {
        case .heading, .newer, .unknown: break
        case .event(let event): apply(event)
        case .upToDate(let count, let targets, let at):
            last = max(last, at)
            unnamed += count - targets.count
            for (label, saved) in targets {
                let report = TargetReport.upToDate(label, saved: saved)
                entries.append(Entry(report: report, start: at, end: at, slot: nil))
            }
        }
    }

    /// Takes in what happened next.
    package mutating func apply(_ recorded: RecordedEvent) {
        last = max(last, recorded.at)
        switch recorded.event {
        case .runStarted(let start): self.start = start
        case .targetStarted(let label, at: _):
            running.append(Running(label: label, start: recorded.at, slot: freeSlot))
        case .targetFinished(let report): finish(report, at: recorded.at)
        case .targetsUpToDate(let targets): for report in targets { finish(report, at: recorded.at) }
        case .notice(let diagnostic): notices.append((recorded.at, diagnostic))
        case .interrupted(let signal): self.signal = self.signal ?? signal
        case .runFinished(let summary):
            self.summary = summary
            running = []
        }
    }

    private mutating func finish(_ report: TargetReport, at end: Duration) {
        if case .nothing = report.outcome { return }
        if let place = running.firstIndex(where: { $0.label == report.label }) {
            let started = running.remove(at: place)
            entries.append(
                Entry(report: report, start: started.start, end: max(started.start, end), slot: started.slot))
        } else {
            entries.append(Entry(report: report, start: end, end: end, slot: nil))
        }
    }

    /// The lowest that nobody holds.
    private var freeSlot: Int {
        var slot = 0
        while running.contains(where: { $0.slot == slot }) { slot += 1 }
        return slot
    }

    // MARK: Questions

    /// Of the run's end, or counted from what has ended so far.
    package var counts: RunSummary {
        if let summary { return summary }
        var counts = RunSummary()
        for entry in entries {
            switch entry.report.outcome {
            case .ran: counts.ran += 1
            case .cached:
                counts.cached += 1
                counts.saved += entry.report.saved
            case .failed: counts.failed += 1
            case .skipped, .notStarted: counts.skipped += 1
            case .nothing: break
            }
        }
        counts.cached += unnamed
        counts.duration = last
        return counts
    }

    /// Those that failed, in the order in which they did.
    package var failures: [(entry: Entry, failure: ActionFailure)] {
        entries.compactMap { entry in
            if case .failed(let failure) = entry.report.outcome { (entry, failure) } else { nil }
        }
    }

    /// How many actions ran at once at most.
    package var slots: Int { max(entries.compactMap(\.slot).max() ?? -1, running.map(\.slot).max() ?? -1) + 1 }

    /// All tests that the reports of this run's targets tell of; nil where none does.
    package var tests: TestTally? {
        let tallies = entries.compactMap { $0.report.reports?.tests }
        if tallies.isEmpty { return nil }
        var sum = TestTally()
        for tally in tallies {
            sum.passed += tally.passed
            sum.failed += tally.failed
            sum.errors += tally.errors
            sum.skipped += tally.skipped
        }
        return sum
    }

    /// The chain of actions that took longest, each of which waited for the one before, in the order in which they ran. With
    /// any number of jobs the run would have taken as long as they do together.
    package var criticalPath: [Entry] {
        var longest: [Label: (total: Duration, before: Label?, place: Int)] = [:]
        for (place, entry) in entries.enumerated() where entry.hasRun {
            var before: Label?
            var total = Duration.zero
            for needed in entry.report.waitedFor {
                if let chain = longest[needed], chain.total > total { (before, total) = (needed, chain.total) }
            }
            longest[entry.label] = (total + entry.took, before, place)
        }
        // The first of equals, so that the same run always shows the same chain.
        var next = longest.max { ($0.value.total, $1.value.place) < ($1.value.total, $0.value.place) }?.key
        var path: [Entry] = []
        while let label = next, let chain = longest[label], path.count < entries.count {
            path.append(entries[chain.place])
            next = chain.before
        }
        return path.reversed()
    }
}
