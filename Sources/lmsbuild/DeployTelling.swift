// Tells and measures what became of deployments, from their history. Does not deploy, nor know how people are told.
import BuildEngine
import BuildGraph
import Delivery
import Reporting

/// What an environment's changes are told and measured by.
struct DeployTelling {
    private let desk: NotificationDesk
    private let measures: MeasureDesk
    private let graph: Graph
    private let environment: String
    private let project: String
    /// Services that users reach through a router, by name.
    private let routed: [String]

    init(_ place: DeployPlace) {
        graph = place.system.graph
        desk = NotificationDesk(opened: place.opened, files: graph.tree.files)
        measures = MeasureDesk(place.opened)
        environment = place.environment.definition.name
        project = place.system.system.project
        routed = place.environment.routing?.routes.map(\.service) ?? []
    }

    /// A deployment has ended; `ledger` is the environment's history with it.
    func tell(_ entry: LedgerEntry, in ledger: DeployLedger) async {
        let previous = ledger.entries.last { $0.id < entry.id }
        async let measured: Void = measures.take(
            DeploymentMeasures(
                id: entry.id, environment: environment, release: entry.wanted.release, end: entry.end.rawValue,
                action: entry.action, during: (entry.origin.time, entry.seconds)), project: project)
        let known = desk.states
        if change(.init(project: project, time: 0), entry, previous) != nil || known.mayHaveDrifted(environment)
            || !known.outbox.isEmpty
        {
            await desk.tell { known, origin in
                var origin = origin
                origin.branch = nil
                origin.commit = entry.commit
                origin.who = entry.origin.who
                var changes = [change(origin, entry, previous)].compactMap(\.self)
                // What came up as a whole does not drift.
                if entry.end == .deployed {
                    changes += known.take(drift: [], in: environment, origin, release: entry.wanted.release)
                }
                return changes
            }
        }
        await measured
    }

    /// A deployment waits for somebody's word.
    func tell(_ wait: PromotionWait) async {
        let share = wait.percent == 0 ? "nobody is led" : "\(wait.percent)% are led"
        let message = "\(share) to the new one; waits until \(UTCTime(seconds: wait.until).shown)"
        let items = routed.sorted().map { item($0, message) }
        await desk.tell { _, origin in
            var origin = origin
            origin.branch = nil
            origin.commit = nil
            origin.who = wait.who
            var change = StateChange(.promotion, origin, items: items)
            change.environment = environment
            change.release = wait.release
            return [change]
        }
    }

    /// A look at the environment found `drifts`.
    func tell(_ drifts: [Drift], release: String?) async {
        async let measured: Void = measures.take(drifts: drifts.count, in: environment, project: project)
        let known = desk.states
        if !drifts.isEmpty || known.mayHaveDrifted(environment) || !known.outbox.isEmpty {
            var kinds: [String: [String]] = [:]
            for drift in drifts { kinds[drift.service ?? "", default: []].append(drift.kind.rawValue) }
            let items = kinds.sorted { $0.key < $1.key }.map { name, kinds in
                item(name, Set(kinds).sorted().joined(separator: ", "))
            }
            await desk.tell { known, origin in
                var origin = origin
                origin.branch = nil
                return known.take(drift: items, in: environment, origin, release: release)
            }
        }
        await measured
    }

    /// Nil where the same runs as before, or the same did not come up.
    private func change(
        _ origin: StateChange.Origin, _ entry: LedgerEntry, _ previous: LedgerEntry?
    ) -> StateChange? {
        var event = StateChange.Event.deploy
        var items: [StateChange.Item] = []
        if entry.end == .deployed {
            if previous?.running == entry.wanted { return nil }
            if entry.action == "rollback" { event = .rollback }
            items = entry.images.filter { previous?.images[$0.key] != $0.value }.keys.sorted().map { item($0, "") }
        } else {
            if previous?.end == entry.end, previous?.wanted == entry.wanted { return nil }
            event = .rollback
            items = entry.failed.sorted { $0.key < $1.key }.map { name, reason in
                item(name, String(reason.split(separator: "\n").first ?? ""))
            }
        }
        var change = StateChange(event, origin, items: items)
        change.environment = environment
        change.release = entry.wanted.release
        if event == .rollback { change.outcome = entry.end.rawValue }
        return change
    }

    /// A service, which is owned by whoever owns the component of that name.
    private func item(_ service: String, _ message: String) -> StateChange.Item {
        StateChange.Item(
            name: service.isEmpty ? "engine" : service, message: String(BytePath(message).shown.prefix(400)),
            owners: graph.components.first { $0.name == service }?.owners ?? [])
    }
}
