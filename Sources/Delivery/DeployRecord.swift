// What is written down of deployments: who holds the environment, what was begun, what it came to. Does not deploy.
package import BuildEngine
import BuildGraph
import Glibc

/// Where a deployment comes from: for those who ask later.
package struct DeployOrigin: Sendable, Hashable {
    /// Who deploys.
    package let who: String
    /// What they said about it.
    package let why: String
    /// Seconds since 1970.
    package let time: Int

    package init(who: String, why: String, time: Int) {
        self.who = who
        self.why = why
        self.time = time
    }
}

extension JSONValue {
    /// A whole number that an `Int` holds; nil for anything else.
    var whole: Int? { numeric.flatMap { Int(exactly: $0) } }
}

/// Seconds since 1970, for people: nothing is decided by it.
func unixTime() -> Int { time(nil) }

/// A deployment that has begun, written before anything is changed. Where it is still there when somebody else holds the
/// lock, its maker was ended midway.
package struct DeployRecord: Sendable, Hashable {
    /// New for each deployment, and later in the alphabet than those before.
    package let id: String
    /// The release that it brings.
    package let release: String
    /// Digest of its stack, on the shelf.
    package let stack: String
    /// The release's commit.
    package let commit: String?
    /// What ran before; nil on a first deploy.
    package let previous: LedgerEntry.Running?
    package let origin: DeployOrigin
    /// `deploy` or `rollback`.
    package let action: String
    /// The set that it is to serve from; nil where the stack has no router.
    package var set: ServiceSet?
    /// Seconds for which the set before it is kept.
    package var keep = 0

    package var json: JSONValue {
        .object(
            [
                ("schema", .number(1)), ("id", .string(id)), ("release", .string(release)), ("stack", .string(stack)),
                ("commit", commit.map { .string($0) } ?? .null), ("previous", previous?.json ?? .null),
            ] + origin.members + [
                ("action", .string(action)),
                ("set", set.map { .string($0.rawValue) } ?? .null), ("keep", .number(keep)),
            ])
    }
}

extension DeployRecord {
    /// Reads what `json` wrote; nil for anything else.
    package init?(reading bytes: [UInt8]) {
        guard let tree = try? JSONValue.parse(bytes), let id = tree.member("id")?.text,
            let release = tree.member("release")?.text, let stack = tree.member("stack")?.text
        else { return nil }
        self.init(
            id: id, release: release, stack: stack, commit: tree.member("commit")?.text,
            previous: tree.member("previous").flatMap { LedgerEntry.Running($0) }, origin: DeployOrigin(tree),
            action: tree.member("action")?.text ?? "deploy",
            set: tree.member("set")?.text.flatMap { ServiceSet(rawValue: $0) },
            keep: tree.member("keep")?.whole ?? 0)
    }
}

/// What a deployment came to.
package enum RolloutEnd: String, Sendable, Hashable {
    /// Everything is up.
    case deployed
    /// It did not come up, and what ran before runs again.
    case rolledBack = "rolled-back"
    /// Neither came up.
    case rollbackFailed = "rollback-failed"
    /// Some of this and some of that runs.
    case partial
}

/// One line of an environment's history.
package struct LedgerEntry: Sendable, Hashable {
    /// What runs, or ran.
    package struct Running: Sendable, Hashable {
        /// The release's name.
        package let release: String
        /// The stack's digest.
        package let stack: String

        package init(release: String, stack: String) {
            self.release = release
            self.stack = stack
        }

        var json: JSONValue { .object([("release", .string(release)), ("stack", .string(stack))]) }

        init?(_ value: JSONValue) {
            guard let release = value.member("release")?.text, let stack = value.member("stack")?.text else {
                return nil
            }
            self.init(release: release, stack: stack)
        }
    }

    package let id: String
    /// `deploy` or `rollback`.
    package let action: String
    /// What was to run.
    package let wanted: Running
    /// What runs since; nil where nothing does, or not one release alone.
    package let running: Running?
    package let end: RolloutEnd
    package let origin: DeployOrigin
    /// The release's commit.
    package let commit: String?
    /// From the beginning to the end.
    package let seconds: Int
    /// By service, of those that did not come up: why.
    package let failed: [String: String]
    /// Images that did not come up, which are not tried again unasked.
    package let quarantined: [String]
    /// By service: the images of the stack.
    package let images: [String: String]
    /// Of what runs since: the set that serves. Nil where there is no router.
    package var set: ServiceSet?
    /// A set that serves nobody and still runs.
    package var kept: DeployedLayout.Kept?
    /// Who said that it goes on, at each step that waited for it.
    package var promoted: [DeployOrigin] = []

    package var json: JSONValue {
        .object(
            [
                ("schema", .number(1)), ("id", .string(id)), ("action", .string(action)),
                ("release", .string(wanted.release)), ("stack", .string(wanted.stack)),
                ("running", running?.json ?? .null), ("end", .string(end.rawValue)),
            ] + origin.members + [
                ("seconds", .number(seconds)),
                ("commit", commit.map { .string($0) } ?? .null),
                ("failed", Self.object(failed)),
                ("quarantined", .array(quarantined.map { .string($0) })), ("images", Self.object(images)),
                ("set", set.map { .string($0.rawValue) } ?? .null), ("kept", kept?.json ?? .null),
                ("promoted", .array(promoted.map { .object($0.members) })),
            ])
    }
}

extension LedgerEntry {
    private static func object(_ texts: [String: String]) -> JSONValue {
        .object(texts.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })
    }

    private static func texts(_ value: JSONValue?) -> [String: String] {
        Dictionary((value?.members ?? []).map { ($0.0, $0.1.text ?? "") }, uniquingKeysWith: { $1 })
    }

    /// Reads what `json` wrote; nil for anything else.
    package init?(reading bytes: [UInt8]) {
        guard let tree = try? JSONValue.parse(bytes), let id = tree.member("id")?.text, let wanted = Running(tree),
            let end = tree.member("end")?.text.flatMap({ RolloutEnd(rawValue: $0) })
        else { return nil }
        self.init(
            id: id, action: tree.member("action")?.text ?? "deploy", wanted: wanted,
            running: tree.member("running").flatMap { Running($0) }, end: end, origin: DeployOrigin(tree),
            commit: tree.member("commit")?.text, seconds: tree.member("seconds")?.whole ?? 0,
            failed: Self.texts(tree.member("failed")),
            quarantined: (tree.member("quarantined")?.elements ?? []).compactMap(\.text),
            images: Self.texts(tree.member("images")),
            set: tree.member("set")?.text.flatMap { ServiceSet(rawValue: $0) },
            kept: tree.member("kept").flatMap { DeployedLayout.Kept($0) },
            promoted: (tree.member("promoted")?.elements ?? []).map { DeployOrigin($0) })
    }
}

extension DeployOrigin {
    /// As all documents that name who did something have it.
    var members: [(String, JSONValue)] {
        [("who", .string(who)), ("why", .string(why)), ("time", .number(time))]
    }

    /// Reads what `members` wrote, in a document that may say more.
    init(_ tree: JSONValue) {
        self.init(
            who: tree.member("who")?.text ?? "", why: tree.member("why")?.text ?? "",
            time: tree.member("time")?.whole ?? 0)
    }
}

/// All that a shelf tells of an environment.
package struct DeployLedger: Sendable {
    /// Oldest first.
    package let entries: [LedgerEntry]

    package init(entries: [LedgerEntry]) {
        self.entries = entries.sorted { $0.id < $1.id }
    }

    package init(on shelf: any Shelf) async throws {
        self.init(entries: try await shelf.list(.ledger).values.compactMap { LedgerEntry(reading: $0) })
    }

    /// What runs there by the last word; nil where nothing does or nobody can say.
    package var running: LedgerEntry.Running? { entries.last?.running }

    /// The last deployment, where it left neither one release nor what was there before it.
    package var halfWay: LedgerEntry? {
        guard let last = entries.last, last.end == .partial || last.end == .rollbackFailed else { return nil }
        return last
    }

    /// What came up last, whatever happened after it.
    package var lastWhole: LedgerEntry.Running? { entries.last { $0.end == .deployed }?.wanted }

    /// Images that failed and have not come up since.
    package var quarantined: Set<String> {
        var bad: Set<String> = []
        for entry in entries {
            if entry.end == .deployed { bad.subtract(entry.images.values) }
            bad.formUnion(entry.quarantined)
        }
        return bad
    }

    /// What ran before what runs now: the latest other release that had come up as a whole.
    package var beforeRunning: LedgerEntry.Running? {
        entries.reversed().first { $0.end == .deployed && $0.wanted != running }?.wanted
    }

    /// The latest entries that came up, for what must be kept for a rollback.
    package func kept(_ count: Int) -> [LedgerEntry.Running] {
        var seen: [LedgerEntry.Running] = []
        for entry in entries.reversed() where entry.end == .deployed && !seen.contains(entry.wanted) {
            seen.append(entry.wanted)
            if seen.count == count { break }
        }
        if let running, !seen.contains(running) { seen.append(running) }
        return seen
    }
}
