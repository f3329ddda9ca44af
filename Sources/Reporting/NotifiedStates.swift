// What people have been told, and what they are still to be told. Does not send anything, nor know who wants what.
package import BuildEngine
import BuildGraph

/// The memory behind "once per change of state": which targets fail on which branch, what drifts, and the outbox. One file,
/// replaced as a whole, so that a state is never remembered without its message.
package struct NotifiedStates: Sendable, Equatable {
    /// A target that fails.
    struct Failing: Sendable, Equatable {
        var isGate: Bool
        /// Seconds since 1970.
        var since: Int
    }

    struct Branch: Sendable, Equatable {
        /// When it was looked at last.
        var time: Int
        /// By label.
        var failing: [String: Failing]
    }

    /// A message on its way to one notification.
    package struct Waiting: Sendable, Equatable {
        /// The notification's name.
        package let name: String
        package let change: StateChange
        /// Seconds since 1970.
        package let since: Int
        package var attempts = 0
    }

    /// More than this fail for one reason, which nobody needs to be told so often.
    static let mostFailing = 5000
    static let mostBranches = 200
    /// The outbox's bounds: older messages, and those beyond the count, are dropped, oldest first.
    package static let mostWaiting = 100
    package static let longestWait = 7 * 86400

    private(set) var branches: [String: Branch] = [:]
    /// By environment: what drifted, as a fingerprint.
    private(set) var drifts: [String: String] = [:]
    /// Oldest first.
    package private(set) var outbox: [Waiting] = []
    /// By notification: nothing is sent to it before that second.
    package private(set) var pauses: [String: Int] = [:]

    package init() {}

    /// Every label that fails on any branch, as text: whose success is worth noting.
    package var failing: Set<String> { Set(branches.values.flatMap(\.failing.keys)) }

    /// Whether there is anything that a run without failures could change.
    package var isIdle: Bool { outbox.isEmpty && branches.values.allSatisfy(\.failing.isEmpty) }

    /// Whether people were told that `environment` drifts.
    package func mayHaveDrifted(_ environment: String) -> Bool { drifts[environment] != nil }

    // MARK: States

    /// Takes in how a run ended and gives what changed by it. `isThere` tells whether a label still names a target.
    package mutating func take(
        _ states: RunStates, _ origin: StateChange.Origin, owners: (String) -> [String], isThere: (String) -> Bool
    ) -> [StateChange] {
        let key = origin.branch ?? ""
        let before = branches[key]?.failing ?? [:]
        var after = before.filter { isThere($0.key) && !states.succeeded.contains($0.key) }
        let new = states.failed.filter { before[$0.label.description] == nil }
        for failure in states.failed where after.count < Self.mostFailing {
            let label = failure.label.description
            let since = after[label]?.since ?? origin.time
            after[label] = Failing(isGate: failure.isGate, since: since)
        }
        remember(after, on: key, origin.time)
        var changes: [StateChange] = []
        if !new.isEmpty {
            let items = new.map {
                StateChange.Item(
                    name: $0.label.description, isGate: $0.isGate, message: $0.message,
                    owners: owners($0.label.component))
            }
            var change = StateChange(new.allSatisfy(\.isGate) ? .gate : .failure, origin, items: items)
            change.stillFailing = after.count - new.count
            changes.append(change)
        }
        if let recovery = recovery(before, after, states, origin, owners) { changes.append(recovery) }
        return changes
    }

    private mutating func remember(_ failing: [String: Failing], on branch: String, _ time: Int) {
        branches[branch] = failing.isEmpty ? nil : Branch(time: time, failing: failing)
        while branches.count > Self.mostBranches, let oldest = branches.min(by: { $0.value.time < $1.value.time }) {
            branches[oldest.key] = nil
        }
    }

    /// Components of which something failed, was seen to succeed, and nothing fails any more.
    private func recovery(
        _ before: [String: Failing], _ after: [String: Failing], _ states: RunStates, _ origin: StateChange.Origin,
        _ owners: (String) -> [String]
    ) -> StateChange? {
        func component(_ label: String) -> String { String(label.prefix { $0 != ":" }) }
        let bad = Set(after.keys.map(component))
        let mended = Dictionary(
            grouping: before.filter { states.succeeded.contains($0.key) && !bad.contains(component($0.key)) },
            by: { component($0.key) })
        if mended.isEmpty { return nil }
        var change = StateChange(
            .recovery, origin,
            items: mended.sorted { $0.key < $1.key }.map { name, labels in
                StateChange.Item(
                    name: name, isGate: labels.allSatisfy(\.value.isGate),
                    message: labels.map(\.key).sorted().prefix(5).joined(separator: ", "), owners: owners(name))
            })
        change.stillFailing = after.count
        return change
    }

    /// Takes in what was found in `environment`: whether it drifts now and did not, or did and does not, or drifts otherwise.
    package mutating func take(
        drift items: [StateChange.Item], in environment: String, _ origin: StateChange.Origin, release: String?
    ) -> [StateChange] {
        let before = drifts[environment]
        var now: String?
        if !items.isEmpty {
            // What each service is found to be may change from look to look: that it drifts, not how, is the state.
            let text = (release ?? "") + "\n" + items.map(\.name).sorted().joined(separator: "\n")
            now = String(SHA256Value.of(Array(text.utf8)).hex.prefix(32))
        }
        drifts[environment] = now
        if now == before { return [] }
        var change = StateChange(now == nil ? .recovery : .drift, origin, items: items)
        change.environment = environment
        change.release = release
        return [change]
    }

    // MARK: The outbox

    /// Puts `change` in the outbox for the notification called `name`.
    package mutating func post(_ change: StateChange, to name: String, now: Int) {
        outbox.append(Waiting(name: name, change: change, since: now))
    }

    /// Drops what is too old or too much, and what is for none of `names`. Gives how many were dropped for age or number.
    package mutating func tidy(_ names: Set<String>, now: Int) -> Int {
        outbox.removeAll { !names.contains($0.name) }
        let count = outbox.count
        outbox.removeAll { now - $0.since > Self.longestWait }
        outbox = outbox.suffix(Self.mostWaiting)
        pauses = pauses.filter { $0.value > now && $0.value - now <= 86400 }
        return count - outbox.count
    }

    /// What may be sent now to the notification called `name`, oldest first.
    package func due(_ name: String, now: Int) -> [Waiting] {
        if let until = pauses[name], until > now { return [] }
        return outbox.filter { $0.name == name }
    }

    /// Takes the message off: it has arrived, or never will.
    package mutating func settle(_ id: String, _ name: String) {
        outbox.removeAll { $0.change.id == id && $0.name == name }
    }

    /// Notes a try that came to nothing. The next one may be after `seconds`, or after twice the time of the one before: 30
    /// seconds to an hour.
    package mutating func postpone(_ id: String, _ name: String, after seconds: Int?, now: Int) {
        guard let place = outbox.firstIndex(where: { $0.change.id == id && $0.name == name }) else { return }
        outbox[place].attempts += 1
        pauses[name] = now + (seconds ?? min(3600, 30 << min(outbox[place].attempts - 1, 7)))
    }

    /// Whatever was wrong with it, somebody has just seen that it works.
    package mutating func resume(_ name: String) { pauses[name] = nil }
}

// MARK: - As a file

extension NotifiedStates {
    /// For the file; read back by `init(reading:)`.
    package var json: JSONValue {
        func object<Value>(_ values: [String: Value], _ json: (Value) -> JSONValue) -> JSONValue {
            .object(values.sorted { $0.key < $1.key }.map { ($0.key, json($0.value)) })
        }
        return .object([
            ("schema", .number(1)),
            (
                "branches",
                object(branches) { branch in
                    .object([
                        ("time", .number(branch.time)),
                        (
                            "failing",
                            object(branch.failing) {
                                .object([("gate", .bool($0.isGate)), ("since", .number($0.since))])
                            }
                        ),
                    ])
                }
            ),
            ("drifts", object(drifts) { .string($0) }),
            ("pauses", object(pauses) { .number($0) }),
            (
                "outbox",
                .array(
                    outbox.map {
                        .object([
                            ("to", .string($0.name)), ("since", .number($0.since)), ("attempts", .number($0.attempts)),
                            ("change", $0.change.json),
                        ])
                    })
            ),
        ])
    }

    /// Reads what `json` wrote. What is damaged or from another version is left out: then something is told once more.
    package init(reading bytes: [UInt8]) {
        guard let tree = try? JSONValue.parse(bytes, limit: 16 << 20), tree.member("schema") == .number(1) else {
            return
        }
        for (name, branch) in tree.member("branches")?.members ?? [] {
            var failing: [String: Failing] = [:]
            for (label, state) in branch.member("failing")?.members ?? [] {
                failing[label] = Failing(
                    isGate: state.member("gate") == .bool(true), since: Int(state.member("since")?.numeric ?? 0))
            }
            branches[name] = Branch(time: Int(branch.member("time")?.numeric ?? 0), failing: failing)
        }
        for (name, text) in tree.member("drifts")?.members ?? [] { drifts[name] = text.text }
        for (name, time) in tree.member("pauses")?.members ?? [] { pauses[name] = time.numeric.map { Int($0) } }
        outbox = (tree.member("outbox")?.elements ?? []).prefix(Self.mostWaiting).compactMap { entry in
            guard let name = entry.member("to")?.text, let change = entry.member("change").flatMap({ StateChange($0) })
            else { return nil }
            return Waiting(
                name: name, change: change, since: Int(entry.member("since")?.numeric ?? 0),
                attempts: Int(entry.member("attempts")?.numeric ?? 0))
        }
    }
}
