// What runs in an environment by the last word, sets included. Does not ask an engine.
package import BuildEngine
import BuildGraph

/// A release as it is deployed.
package struct DeployedLayout: Sendable, Hashable {
    /// A set that serves nobody any more, kept so that going back to it takes no time.
    package struct Kept: Sendable, Hashable {
        package let set: ServiceSet
        package let running: LedgerEntry.Running
        /// Seconds since 1970: from then on whoever changes anything there takes it away.
        package let until: Int

        package var isOver: Bool { unixTime() >= until }

        package var json: JSONValue {
            .object([
                ("set", .string(set.rawValue)), ("release", .string(running.release)),
                ("stack", .string(running.stack)), ("until", .number(until)),
            ])
        }

        init(set: ServiceSet, running: LedgerEntry.Running, until: Int) {
            self.set = set
            self.running = running
            self.until = until
        }

        init?(_ value: JSONValue) {
            guard let set = value.member("set")?.text.flatMap({ ServiceSet(rawValue: $0) }),
                let running = LedgerEntry.Running(value), let until = value.member("until")?.whole
            else { return nil }
            self.init(set: set, running: running, until: until)
        }
    }

    package let running: LedgerEntry.Running
    /// The set that serves; nil where the stack has no router.
    package let set: ServiceSet?
    package let kept: Kept?
}

extension DeployLedger {
    /// Nil where nothing runs or nobody can say.
    package var layout: DeployedLayout? {
        entries.last.flatMap { entry in
            entry.running.map { DeployedLayout(running: $0, set: entry.set, kept: entry.kept) }
        }
    }

    /// Of what came up last, whatever happened after it.
    var lastWholeLayout: DeployedLayout? {
        entries.last { $0.end == .deployed }.map { DeployedLayout(running: $0.wanted, set: $0.set, kept: nil) }
    }
}

extension DeployedLayout {
    /// The stack as an engine has it; nil where nobody knows any more what it was.
    func stack(_ find: (String) async throws -> RenderedStack?) async throws -> RenderedStack? {
        guard let stack = try await find(running.stack) else { return nil }
        guard let set, stack.routing != nil else { return stack }
        var sets = [set: stack]
        if let kept, let old = try await find(kept.running.stack) { sets[kept.set] = old }
        return stack.laidOut(SetLayout(sets: sets, shares: [set: 100]))
    }
}
