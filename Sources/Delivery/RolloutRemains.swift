// What is said of a deployment that stopped half-way. Does not decide what becomes of it.
import BuildEngine
import BuildGraph

extension Rollout {
    /// By service, what is there now: for whoever has to mend what stopped half-way. The engine is asked once.
    func remains(of wanted: RenderedStack, before old: RenderedStack?) async -> RolloutRemains {
        RolloutRemains(of: wanted, before: old, now: try? await engine.observe(wanted.project))
    }
}

/// What is there after a deployment that stopped half-way.
package struct RolloutRemains: Sendable, Hashable {
    /// False where the engine did not answer.
    package let isKnown: Bool
    /// By service, for people.
    package let services: [String: String]

    init(of wanted: RenderedStack, before old: RenderedStack?, now: ObservedStack?) {
        isKnown = now != nil
        let names = (wanted.services + (old?.services ?? [])).map(\.name) + (now?.services.keys.map(\.self) ?? [])
        services = Dictionary(
            Set(names).map { name in
                let new = wanted.services.first { $0.name == name }
                let before = old?.services.first { $0.name == name }
                return (name, now.map { Self.found($0.services[name], new, before) } ?? Self.guess(new, before))
            }, uniquingKeysWith: { $1 })
    }

    private static func found(
        _ there: ObservedService?, _ new: RenderedService?, _ before: RenderedService?
    ) -> String {
        guard let there else { return "not there" }
        let isNew = there.specHash == new?.specHash.hex
        let isOld = there.specHash == before?.specHash.hex
        let up = there.tasks.filter { $0.isCurrent && $0.isWanted && $0.isUp }.count
        let text = "\(there.image), \(up) of \(there.replicas) up"
        if isNew && isOld { return text + ", the same in both releases" }
        if isNew { return text + ", of the release that did not come up" }
        return isOld ? text + ", as before" : text
    }

    /// Where nobody can be asked.
    private static func guess(_ new: RenderedService?, _ before: RenderedService?) -> String {
        switch (before?.image, new?.image) {
        case (let old?, let new?): old == new ? old : "\(old) before, \(new) wanted"
        case (let old?, nil): "\(old) before, not wanted any more"
        case (nil, let new?): "not there before, \(new) wanted"
        case (nil, nil): "not known"
        }
    }
}
