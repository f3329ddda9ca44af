// What must hold before a rollout begins, and what is there of a stack. Does not change anything.
import BuildEngine
import BuildGraph

extension Rollout {
    func refuseBusy(_ now: ObservedStack) throws {
        let busy = now.services.values.filter { $0.update == .updating || $0.update == .rollbackStarted }
        if !busy.isEmpty { throw RolloutRefusal.busy(busy.map(\.name).sorted()) }
    }

    func refuseQuarantined(_ stack: RenderedStack, _ ledger: DeployLedger) throws {
        let bad = ledger.quarantined
        let hit = stack.services.filter { bad.contains($0.image) }
        if hit.isEmpty { return }
        throw RolloutRefusal.quarantined(
            Dictionary(hit.map { ($0.name, $0.image) }, uniquingKeysWith: { $1 }))
    }

    /// `isWayBack`: what nobody can tell counts as missing.
    func missingImages(_ stack: RenderedStack, isWayBack: Bool = false) async throws -> [String: String]? {
        var missing: [String: String] = [:]
        for service in stack.services {
            do {
                if try await engine.hasImage(service.image) { continue }
                missing[service.name] = "its image \(service.image) is neither in the engine nor in its registry"
            } catch let error as EngineError where error.kind == .registrySilent && isWayBack {
                missing[service.name] = "its image is not in the engine, and \(error.message)"
            }
        }
        return missing.isEmpty ? nil : missing
    }

    /// With which data the images have run that came up here.
    func dataVersions(_ ledger: DeployLedger) async throws -> [DataVersion.Running: Int] {
        let kept = try await engine.shelf.list(.stack)
        let stacks = ledger.entries.filter { $0.end == .deployed }
            .compactMap { kept[$0.wanted.stack].flatMap { RenderedStack(recorded: $0) } }
        return DataVersion.known(from: stacks)
    }
}

extension ObservedStack {
    /// Whether what is there is described as `stack` says, and nothing else is there.
    func isWhole(_ stack: RenderedStack) -> Bool {
        services.count == stack.services.count && has(stack)
    }

    /// Whether all of `stack` is there as it says.
    func has(_ stack: RenderedStack) -> Bool {
        stack.services.allSatisfy { services[$0.name]?.specHash == $0.specHash.hex }
    }

    /// Whether nothing is on its way and everything of `stack` is up.
    func areAllUp(_ stack: RenderedStack) -> Bool {
        let judge = RolloutJudge(before: self)
        return stack.services.allSatisfy { judge.standing(of: $0, in: self).isUp }
    }
}
