// Follows a run for those who are told of changes of state. Does not know how they are told.
import BuildEngine
import BuildGraph
import Reporting
import Synchronization

/// Notes how targets end; once the run is over, hands in what is another than before. A run in which nothing fails costs
/// the look for a file, unless something failed earlier. Measures the run where somebody collects measures.
final class RunTelling: Sendable {
    private let graph: Graph
    private let isIdle: Bool
    private let states: Mutex<RunStates>
    private let desks: (notifications: NotificationDesk, measures: MeasureDesk)
    private let isMeasured: Bool
    private let measures = Mutex(RunMeasures())

    /// `full` is told of what has no room.
    init(_ opened: Workspace, _ hashed: HashedGraph, full: FullDisk) {
        desks = (
            NotificationDesk(opened: opened, files: hashed.graph.tree.files, full: full),
            MeasureDesk(opened, full: full)
        )
        graph = hashed.graph
        let known = desks.notifications.states
        isMeasured = desks.measures.isWanted
        isIdle = known.isIdle
        states = Mutex(RunStates(watching: known.failing))
    }

    func receive(_ event: Event) {
        if isMeasured { measures.withLock { $0.receive(event) } }
        switch event {
        case .targetFinished(let report): states.withLock { $0.receive(report) }
        case .targetsUpToDate(let targets): states.withLock { $0.receive(targets) }
        default: break
        }
    }

    /// Tells, at the end, both at once so that both together wait no longer than one.
    func tell(_ summary: RunSummary) async {
        async let measured: Void = measure(summary)
        await notify(summary)
        await measured
    }

    private func measure(_ summary: RunSummary) async {
        if !isMeasured { return }
        let run = measures.withLock { $0 }
        await desks.measures.take(run, summary, project: desks.notifications.project)
    }

    /// A run that was interrupted tells nothing: whoever interrupts knows, and waits.
    private func notify(_ summary: RunSummary) async {
        let run = states.withLock { $0 }
        if summary.exitCode.rawValue > 128 || isIdle && run.failed.isEmpty { return }
        let graph = graph
        await desks.notifications.tell { known, origin in
            known.take(
                run, origin,
                owners: { name in graph.components.first { $0.name == name }?.owners ?? [] },
                isThere: { graph.index(of: Label(spelled: $0)) != nil })
        }
    }
}

extension Label {
    /// As `description` spells it.
    fileprivate init(spelled text: String) {
        let component = text.prefix { $0 != ":" }
        let rest = text.dropFirst(component.count + 1)
        let stage = rest.prefix { $0 != "[" }
        let consumer = rest.dropFirst(stage.count + 1).dropLast()
        self.init(
            component: String(component), stage: String(stage), consumer: consumer.isEmpty ? nil : String(consumer))
    }
}
