// What is written down of a deployment on its engine's shelf, and taken away when nobody can go back to it any more. Does
// not deploy.
import BuildEngine
import BuildGraph

/// The documents of one environment.
struct DeployArchive {
    let engine: any DeployEngine
    let tell: @Sendable (RolloutEvent) -> Void
    /// So many releases that came up can be gone back to: their stacks, configs and secrets stay.
    let keptReleases: Int

    var shelf: any Shelf { engine.shelf }

    /// What `digest` names, from the shelf; nil where it is not there any more.
    func stack(_ digest: String) async throws -> RenderedStack? {
        try await shelf.list(.stack)[digest].flatMap { RenderedStack(recorded: $0) }
    }

    /// What was last handed over since anything came up as a whole; nil where nothing was.
    func stackLeft(by ledger: DeployLedger) async throws -> RenderedStack? {
        for entry in ledger.entries.reversed() {
            if entry.end == .deployed { return nil }
            // One that could not even begin has none.
            if let stack = try await stack(entry.wanted.stack) { return stack }
        }
        return nil
    }

    func keep(_ stack: RenderedStack) async throws {
        let name = stack.digest.hex
        if try await self.stack(name) != nil { return }
        // One that cannot be read was left half-made by a killed process.
        try await shelf.remove(.stack, name, ofBytes: [])
        try await shelf.create(.stack, name, stack.recorded.bytes)
    }

    func write(_ record: DeployRecord) async throws {
        try await shelf.create(.record, record.id, Array(record.json.text(pretty: false).utf8))
    }

    /// Comes after all that is in the ledger: clocks of several machines do not say what was first.
    func newID(after ledger: DeployLedger) -> String {
        let number = (ledger.entries.last?.id.split(separator: "-").first.flatMap { Int($0) } ?? 0) + 1
        let tail = String(UInt32.random(in: 0...UInt32.max), radix: 16)
        return String(repeating: "0", count: max(0, 8 - "\(number)".utf8.count)) + "\(number)-"
            + String(repeating: "0", count: 8 - tail.utf8.count) + tail
    }

    /// Puts down what came of it, forgets the record, and takes away what nobody can go back to any more.
    func conclude(_ entry: LedgerEntry, project: String) async throws -> LedgerEntry {
        try await shelf.create(.ledger, entry.id, Array(entry.json.text(pretty: false).utf8))
        try await forget(entry.id)
        if entry.end == .deployed || entry.end == .rolledBack { await tidy(project) }
        tell(.ended(entry))
        return entry
    }

    /// Who has promoted what `record` tells of, in order.
    func promotions(of record: DeployRecord) async throws -> [DeployOrigin] {
        guard record.set != nil else { return [] }
        let words = try await shelf.list(.word).filter { $0.key.hasPrefix(record.id) }.sorted { $0.key < $1.key }
        return words.compactMap { PromotionWord(reading: $0.value) }.filter { $0.kind == .promote }.map(\.origin)
    }

    func forget(_ record: DeployRecord) async throws { try await forget(record.id) }

    /// Removes a record, and whatever was said to it or an earlier one: only one is under way at a time.
    private func forget(_ id: String) async throws {
        for (name, bytes) in try await shelf.list(.record) where name == id {
            try await shelf.remove(.record, name, ofBytes: bytes)
        }
        for kind in [ShelfKind.waiting, .word] {
            for (name, bytes) in try await shelf.list(kind) { try await shelf.remove(kind, name, ofBytes: bytes) }
        }
    }

    /// Never fails a deployment: what stays is taken away the next time.
    private func tidy(_ project: String) async {
        do {
            let now = try await engine.observe(project)
            for (name, bytes) in try await shelf.list(.description) {
                try await shelf.remove(.description, name, ofBytes: bytes)
            }
            let ledger = try await DeployLedger(on: shelf)
            if let running = ledger.running {
                let all = JSONTree.object(
                    now.services.sorted { $0.key < $1.key }.map { ($0.key, $0.value.description) })
                try await shelf.create(.description, running.stack, all.bytes)
            }
            let kept = ledger.kept(keptReleases).map(\.stack)
            var names = now.services.values.reduce(into: Set<String>()) { $0.formUnion($1.uses) }
            if let laidOut = try await ledger.layout?.stack(stack) {
                names.formUnion(laidOut.configs.map(\.engineName))
            }
            for (digest, bytes) in try await shelf.list(.stack) {
                guard kept.contains(digest), let stack = RenderedStack(recorded: bytes) else {
                    try await shelf.remove(.stack, digest, ofBytes: bytes)
                    continue
                }
                names.formUnion(stack.configs.map(\.engineName) + stack.secrets.map(\.engineName))
            }
            try await engine.collectGarbage(project, keeping: names)
        } catch {
            tell(.notice("what is not needed any more could not be taken away: \(error)"))
        }
    }
}
