// What a deployment that waits tells of itself, and what others say to it. Does not wait, nor lead anybody anywhere.
package import BuildEngine
import BuildGraph

/// A deployment has come to a step behind which it goes only where somebody says so. Written down while it waits.
package struct PromotionWait: Sendable, Hashable {
    /// The deployment's `DeployRecord`, by its id.
    package let record: String
    /// What is to be promoted: the release's name, and the set that it is in.
    package let release: String
    package let set: ServiceSet
    /// So much of what users ask goes to the set; 0: only what has the preview's header does.
    package let percent: Int
    /// Its place among the deployment's stages.
    package let stage: Int
    /// Seconds since 1970.
    package var since: Int
    /// Seconds since 1970: from then on it is taken back.
    package var until: Int
    /// Who deploys.
    package let who: String
    /// Whoever sends it in the header `previewHeader` is led to the set.
    package let preview: String

    /// The header by which the set can be looked at before it is promoted.
    package static let previewHeader = RouterRoutes.header

    /// Of its document, and of the one that answers it: names on a shelf are given once, so only one answer counts.
    var name: String { "\(record).\(stage)" }

    /// As it is written down, and as `status --format json` shows it.
    package var json: JSONValue {
        .object([
            ("record", .string(record)), ("release", .string(release)), ("set", .string(set.rawValue)),
            ("percent", .number(percent)), ("stage", .number(stage)), ("since", .number(since)),
            ("until", .number(until)), ("who", .string(who)),
            (
                "preview",
                .object([("header", .string(Self.previewHeader)), ("value", .string(preview))])
            ),
        ])
    }
}

extension PromotionWait {
    /// Reads what `json` wrote; nil for anything else.
    init?(reading bytes: [UInt8]) {
        guard let tree = try? JSONValue.parse(bytes), let record = tree.member("record")?.text,
            let release = tree.member("release")?.text,
            let set = tree.member("set")?.text.flatMap({ ServiceSet(rawValue: $0) })
        else { return nil }
        func number(_ name: String) -> Int { tree.member(name)?.whole ?? 0 }
        self.init(
            record: record, release: release, set: set, percent: number("percent"),
            stage: number("stage"),
            since: number("since"), until: number("until"), who: tree.member("who")?.text ?? "",
            preview: tree.member("preview")?.member("value")?.text ?? "")
    }
}

/// What is said to a deployment by somebody else, or was said first.
package struct PromotionWord: Sendable, Hashable {
    package enum Kind: String, Sendable, Hashable {
        /// It goes on.
        case promote
        /// It goes back.
        case abort
        /// Said by the deployment itself: nobody promoted it in time.
        case tooLate = "too-late"
        /// Said by the deployment itself: from now on all are led to the new set.
        case switched
    }

    package let kind: Kind
    package let origin: DeployOrigin

    package init(_ kind: Kind, by origin: DeployOrigin) {
        (self.kind, self.origin) = (kind, origin)
    }

    /// In a line: who said it, and why.
    package var shown: String {
        let why = origin.why.isEmpty ? "" : ": \(origin.why)"
        return switch kind {
        case .promote: "promoted by \(origin.who)\(why)"
        case .abort: "aborted by \(origin.who)\(why)"
        case .tooLate: "nobody promoted it in time"
        case .switched: "all are led to the new set"
        }
    }

    var bytes: [UInt8] {
        let json = JSONValue.object([("schema", .number(1)), ("say", .string(kind.rawValue))] + origin.members)
        return Array(json.text(pretty: false).utf8)
    }

    init?(reading bytes: [UInt8]) {
        guard let tree = try? JSONValue.parse(bytes),
            let kind = tree.member("say")?.text.flatMap({ Kind(rawValue: $0) })
        else { return nil }
        self.init(kind, by: DeployOrigin(tree))
    }
}

extension Shelf {
    /// What was said under `name`; nil where nothing was.
    func word(_ name: String) async throws -> PromotionWord? {
        try await list(.word)[name].flatMap { PromotionWord(reading: $0) }
    }

    /// What the deployment with this id waits for; nil where it does not.
    func wait(of record: String) async throws -> PromotionWait? {
        try await list(.waiting).values.compactMap { PromotionWait(reading: $0) }.first { $0.record == record }
    }
}

/// A deployment that has begun and has not come to its end.
package struct OpenDeployment: Sendable {
    package let record: DeployRecord
    /// Nil where it does not wait for anybody.
    package let wait: PromotionWait?
    /// Whether users are on their way from one set to another, so that it can be aborted.
    package let changesSets: Bool
    /// Who holds the environment; nil where nobody does, or whoever did is gone: then the deployment was ended midway.
    package let holder: LockHolder?

    /// Nil where nothing is under way. Throws `EngineError`.
    package init?(on shelf: any Shelf) async throws {
        try await self.init(on: shelf, with: DeployLedger(on: shelf))
    }

    init?(on shelf: any Shelf, with ledger: DeployLedger) async throws {
        let records = try await shelf.list(.record).values.compactMap { DeployRecord(reading: $0) }
            .filter { record in !ledger.entries.contains { $0.id == record.id } }
        guard let record = records.max(by: { $0.id < $1.id }) else { return nil }
        self.record = record
        changesSets = record.set != nil && ledger.layout?.set != nil && ledger.layout?.set != record.set
        wait = try await shelf.wait(of: record.id)
        let now = unixTime()
        holder = try await shelf.list(.lock).values.compactMap { LockHolder(reading: $0) }
            .first { !$0.isGone(now: now) }
    }

    /// Says `word` to whoever carries it out, or gives what was said before and counts. Throws `EngineError`.
    package func say(_ word: PromotionWord, on shelf: any Shelf) async throws -> PromotionWord? {
        let name = wait?.name ?? record.id
        do {
            try await shelf.create(.word, name, word.bytes)
            return nil
        } catch let error as EngineError where error.kind == .conflict {
            return try await shelf.word(name) ?? word
        }
    }

    /// Whether the word that was said has been taken: it no longer waits. Throws `EngineError`.
    package func isHeard(on shelf: any Shelf) async throws -> Bool {
        guard let wait else { return true }
        return try await shelf.list(.waiting)[wait.name] == nil
    }
}
