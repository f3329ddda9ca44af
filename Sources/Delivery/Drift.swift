// What runs against what was deployed. Does not change anything.
import BuildEngine
import BuildGraph

/// One difference between what was deployed and what runs.
package struct Drift: Sendable, Hashable {
    package enum Kind: String, Sendable, Hashable {
        /// A service of the release is not there.
        case missing
        /// A service is there that is not of the release.
        case orphan
        /// It is described otherwise than it was deployed.
        case changed
        /// It is described rightly, but that is not what runs.
        case notRunning = "not-running"
        /// A config is gone or has other bytes.
        case config
        /// A secret is gone.
        case secret
        /// A deployment was ended midway, or is under way.
        case unfinished
        /// Nobody deployed what is there, or the last deployment left it half-way: then `found` says what it is.
        case unknown
    }

    package let kind: Kind
    /// The service; nil where it concerns all.
    package let service: String?
    /// Where in the engine's description, `TaskTemplate.ContainerSpec.Image`; nil for a whole service.
    package let path: String?
    /// What was deployed, and what there is. Values of an environment are shown: secrets do not belong there.
    package let wanted: String?
    package let found: String?

    package init(
        _ kind: Kind, service: String? = nil, path: String? = nil, wanted: String? = nil, found: String? = nil
    ) {
        self.kind = kind
        self.service = service
        self.path = path
        self.wanted = wanted
        self.found = found
    }
}

/// How an environment stands.
package struct EnvironmentStatus: Sendable {
    package let running: LedgerEntry?
    /// The last deployment, where it left neither one release nor nothing.
    package let halfWay: LedgerEntry?
    package let observed: ObservedStack
    package let drifts: [Drift]
    /// What should run, sets included.
    package let layout: DeployedLayout?
    /// A deployment that is under way, or was ended midway; nil where there is none.
    package let open: OpenDeployment?

    /// What the router does, by set, in percent; nil where none is seen.
    package var shares: [ServiceSet: Int]? {
        observed.services.values.lazy.compactMap { DeployLabel.sharing(in: $0.labels) }.first
    }

    /// Asks the engine and its shelf. `project` is what the environment's stack is called there.
    package init(of engine: any DeployEngine, project: String) async throws {
        let shelf = engine.shelf
        let observed = try await engine.observe(project)
        let ledger = try await DeployLedger(on: shelf)
        self.observed = observed
        layout = ledger.layout
        let halfWay = ledger.halfWay
        self.halfWay = halfWay
        running = ledger.running.flatMap { running in
            ledger.entries.last { $0.wanted == running && $0.end == .deployed }
        }
        var drifts: [Drift] = []
        open = try await OpenDeployment(on: shelf, with: ledger)
        let kept = try await shelf.list(.stack)
        func find(_ digest: String) -> RenderedStack? {
            kept[digest].flatMap { RenderedStack(recorded: $0) }
        }
        if let open {
            // What waits for somebody's word is as it should be, as long as all of it is there and somebody hears the word.
            if open.holder != nil, let wait = open.wait, let new = find(open.record.stack),
                let change = try await SetChange(open.record, new, from: ledger.layout, find)
            {
                self.drifts = Self.drifts(of: change.stack(of: wait), nil, observed)
                return
            }
            let record = open.record
            drifts.append(
                Drift(
                    .unfinished,
                    wanted: "the \(record.action) of \(record.release.prefix(12)) by \(record.origin.who)",
                    found: open.holder == nil ? nil : "under way"))
        }
        let laidOut = try await ledger.layout?.stack { find($0) }
        guard let running = ledger.running, let stack = laidOut else {
            drifts += observed.services.sorted { $0.key < $1.key }.map { name, service in
                let release = service.labels[DeployLabel.release].map { " of \($0.prefix(12))" } ?? ""
                return Drift(.unknown, service: name, found: halfWay.map { _ in service.image + release })
            }
            self.drifts = drifts
            return
        }
        let described = try await shelf.list(.description)[running.stack].flatMap { try? JSONTree.parse($0) }
        self.drifts = drifts + Self.drifts(of: stack, described, observed)
    }

    private static func drifts(
        of stack: RenderedStack, _ described: JSONTree?, _ observed: ObservedStack
    ) -> [Drift] {
        var drifts: [Drift] = []
        for service in stack.services {
            guard let there = observed.services[service.name] else {
                drifts.append(Drift(.missing, service: service.name))
                continue
            }
            var own: [Drift] = []
            if let wanted = described?.member(service.name) {
                own = differences(wanted, there.description, at: "")
                    .map { Drift(.changed, service: service.name, path: $0.path, wanted: $0.left, found: $0.right) }
            } else if there.specHash != service.specHash.hex {
                own = [Drift(.changed, service: service.name, wanted: service.image, found: there.image)]
            }
            if own.isEmpty, !service.isGlobal, there.replicas > service.replicas {
                own = [
                    Drift(
                        .changed, service: service.name, path: "Replicas", wanted: "\(service.replicas)",
                        found: "\(there.replicas)")
                ]
            }
            drifts += own
            let up = there.tasks.filter { $0.isCurrent && $0.isWanted && $0.isUp }.count
            let due = service.isGlobal ? 1 : service.replicas
            if up < due, own.isEmpty || up < there.replicas {
                let error = there.tasks.last { $0.hasFailed }?.error.map { " (\($0))" } ?? ""
                drifts.append(
                    Drift(.notRunning, service: service.name, wanted: "\(due) up", found: "\(up) up\(error)"))
            }
        }
        let known = Set(stack.services.map(\.name))
        drifts += observed.services.keys.sorted().filter { !known.contains($0) }.map { Drift(.orphan, service: $0) }
        for config in stack.configs {
            let wanted = SHA256Value.of(config.bytes).hex
            let found = observed.configs[config.engineName]
            if found != wanted {
                drifts.append(
                    Drift(
                        .config, path: config.engineName, wanted: String(wanted.prefix(12)),
                        found: found.map { String($0.prefix(12)) }))
            }
        }
        for secret in stack.secrets where !observed.secrets.contains(secret.engineName) {
            drifts.append(Drift(.secret, path: secret.engineName))
        }
        return drifts
    }

    /// The places where two descriptions differ, deepest first known.
    private static func differences(
        _ left: JSONTree, _ right: JSONTree, at path: String
    ) -> [(path: String, left: String?, right: String?)] {
        if let one = left.members, let two = right.members {
            var found: [(String, String?, String?)] = []
            for name in Set(one.map(\.name) + two.map(\.name)).sorted() {
                let below = path.isEmpty ? name : path + "." + name
                switch (left.member(name), right.member(name)) {
                case (let left?, let right?): found += differences(left, right, at: below)
                case (let left?, nil): found.append((below, left.text(pretty: false), nil))
                case (nil, let right?): found.append((below, nil, right.text(pretty: false)))
                case (nil, nil): break
                }
            }
            return found
        }
        if let one = left.elements, let two = right.elements {
            let (gone, new) = (
                Set(one.map(\.bytes)).subtracting(two.map(\.bytes)), Set(two.map(\.bytes)).subtracting(one.map(\.bytes))
            )
            func shown(_ set: Set<[UInt8]>) -> String? {
                set.isEmpty ? nil : set.map { String(decoding: $0, as: UTF8.self) }.sorted().joined(separator: ", ")
            }
            if gone.isEmpty, new.isEmpty {
                return one.count == two.count ? [] : [(path, "\(one.count)", "\(two.count)")]
            }
            return [(path, shown(gone), shown(new))]
        }
        return left.bytes == right.bytes ? [] : [(path, left.text(pretty: false), right.text(pretty: false))]
    }
}
