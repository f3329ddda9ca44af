// Says of one service whether it has come up, is coming, or will not. Pure: knows no engine, no clock and no release but the
// one it is told of.
import BuildEngine
import BuildGraph

/// How a service stands on its way to what it should be.
package enum Standing: Sendable, Hashable {
    /// On its way; what is awaited.
    case coming(String)
    case up
    /// The engine took it back by itself.
    case rolledBack(String)
    /// The engine has stopped half-way and does nothing more.
    case stuck(String)
    /// It has been tried often enough.
    case failing(String)

    /// Whether more time may help.
    package var isOpen: Bool { if case .coming = self { true } else { false } }
    package var isUp: Bool { self == .up }

    /// For people, in a line.
    package var reason: String {
        switch self {
        case .coming(let text), .rolledBack(let text), .stuck(let text), .failing(let text): text
        case .up: "up"
        }
    }
}

/// Judges services of a stack against what an engine says.
///
/// The rules follow Swarm's own states (Engine API, `UpdateStatus` and `Task.Status`): a task is up only once its health
/// check passed; `UpdateStatus` is null on a first deploy, so there the tasks alone are believed; a service is taken for
/// what its labels say, never for what was submitted.
package struct RolloutJudge: Sendable {
    /// So many ended attempts for each replica, and the service is given up. Swarm has no such bound for a first deploy.
    package static let patience = 3

    /// What was there before, by service: ended attempts and states that are older than the rollout do not count.
    package let before: ObservedStack

    package init(before: ObservedStack) {
        self.before = before
    }

    package func standing(of wanted: RenderedService, in observed: ObservedStack) -> Standing {
        guard let service = observed.services[wanted.name] else { return .coming("not there yet") }
        let old = before.services[wanted.name]
        let isSubmitted = service.version > (old?.version ?? -1) || service.specHash == wanted.specHash.hex
        if isSubmitted {
            switch service.update {
            case .rollbackStarted: return .rolledBack("the engine rolls back: \(cause(service, old))")
            case .rollbackCompleted: return .rolledBack("the engine rolled back: \(cause(service, old))")
            case .rollbackPaused: return .stuck("the engine's rollback stopped: \(cause(service, old))")
            case .paused: return .stuck("the engine's update stopped: \(cause(service, old))")
            case .updating, .completed, nil: break
            }
        }
        guard service.specHash == wanted.specHash.hex else { return .coming("not taken by the engine yet") }
        let ended = ended(wanted, observed)
        // One replica that ends again and again never reaches the bound for all: Swarm forgets a replica's older attempts.
        let worst = Dictionary(grouping: ended.compactMap(\.slot)) { $0 }.values.map(\.count).max() ?? 0
        if ended.count >= Self.patience * max(wanted.replicas, 1) || worst >= Self.patience {
            return .failing("ended \(ended.count) times: \(ended.last?.error ?? "no reason given")")
        }
        return arrival(of: wanted, service, ended)
    }

    /// Attempts of the rollout that have ended, of as many replicas as there are to be: what becomes of further ones, where somebody has
    /// scaled the service by hand, says nothing of it.
    func ended(_ wanted: RenderedService, _ observed: ObservedStack) -> [ObservedTask] {
        let known = Set((before.services[wanted.name]?.tasks ?? []).map(\.id))
        let tasks = (observed.services[wanted.name]?.tasks ?? []).filter(\.isCurrent)
        let kept = wanted.isGlobal ? nil : Self.slots(of: tasks, most: max(wanted.replicas, 1))
        return tasks.filter { task in
            task.hasFailed && !known.contains(task.id) && task.slot.map { kept?.contains($0) ?? true } ?? true
        }
    }

    /// Those that Swarm keeps of too many: what is up comes first, then what it wants.
    private static func slots(of tasks: [ObservedTask], most: Int) -> Set<Int> {
        var ranks: [Int: Int] = [:]
        for task in tasks {
            guard let slot = task.slot else { continue }
            let rank = !task.isWanted ? 2 : task.isUp ? 0 : 1
            ranks[slot] = min(ranks[slot] ?? rank, rank)
        }
        return Set(ranks.keys.sorted { (ranks[$0] ?? 2, $0) < (ranks[$1] ?? 2, $1) }.prefix(most))
    }

    /// Why the latest attempt ended, where more than `count` have.
    func ending(of wanted: RenderedService, in observed: ObservedStack, after count: Int) -> String? {
        let ended = ended(wanted, observed)
        return ended.count > count ? ended.last?.error ?? "no reason given" : nil
    }

    private func arrival(of wanted: RenderedService, _ service: ObservedService, _ ended: [ObservedTask]) -> Standing {
        let last = ended.last?.error.map { " (last: \($0))" } ?? ""
        let up = service.tasks.filter { $0.isCurrent && $0.isWanted && $0.isUp }.count
        let due = wanted.isGlobal ? max(service.tasks.filter { $0.isWanted && $0.isCurrent }.count, 1) : wanted.replicas
        if up < due { return .coming("\(up) of \(due) up\(last)") }
        if service.tasks.contains(where: \.isEnding) { return .coming("old ones are ending") }
        if service.update == .updating { return .coming("watched by the engine") }
        return .up
    }

    private func cause(_ service: ObservedService, _ old: ObservedService?) -> String {
        let known = Set((old?.tasks ?? []).map(\.id))
        let error = service.tasks.last { $0.hasFailed && !known.contains($0.id) && $0.error != nil }?.error
        return error ?? (service.updateMessage.isEmpty ? "no reason given" : service.updateMessage)
    }
}

extension RolloutTiming {
    /// How long a service with so many replicas may take, in milliseconds, from being submitted to being up or given up:
    /// for each batch the health check's own bound, the old one's grace and the engine's watch.
    package func bound(replicas: Int) -> Int {
        let batches = parallelism == 0 ? 1 : (max(replicas, 1) + parallelism - 1) / parallelism
        let health = startPeriod + (interval + timeout) * max(retries, 1)
        return batches * (health + stopGrace + monitor + delay)
    }
}

extension RenderedStack {
    /// How long a rollout may take: the slowest service, twice over for an attempt that is made again, and what it takes to
    /// fetch images.
    package var deadline: Duration {
        let slowest = services.map { $0.timing.bound(replicas: $0.replicas) }.max() ?? 0
        return .milliseconds(2 * slowest) + .seconds(60)
    }
}
