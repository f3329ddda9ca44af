// A change of state that people are told of, as a value and as JSON. Does not know how it was noticed, nor how it travels.
package import BuildEngine
package import BuildGraph
import Buildfile
import Glibc

/// What became another than it was: what a message is about. Documented in docs/notifications.md, as JSON in
/// docs/schema/notification.schema.json.
package struct StateChange: Sendable, Equatable {
    /// What happened.
    package enum Event: String, Sendable, CaseIterable {
        case failure, recovery, gate, deploy, promotion, rollback, drift
        /// Nothing: somebody wants to see whether messages arrive.
        case test
    }

    /// One thing that changed.
    package struct Item: Sendable, Equatable {
        /// A target's label, a component or a service.
        package let name: String
        /// True where a `[gate …]` and nothing else said no.
        package let isGate: Bool
        /// What is known of it, on one line; may be empty.
        package let message: String
        /// Who has to be told, as the component's `owners` line says.
        package let owners: [String]

        package init(name: String, isGate: Bool = false, message: String = "", owners: [String] = []) {
            self.name = name
            self.isGate = isGate
            self.message = message
            self.owners = owners
        }
    }

    /// What all messages of a run or deployment have in common.
    package struct Origin: Sendable, Equatable {
        /// The variable `project`, or the name of the workspace's folder.
        package var project: String
        /// Nil for deployments, and where there is none.
        package var branch: String?
        /// Nil where files differ from every commit.
        package var commit: String?
        /// Who ran it; nil where nobody knows.
        package var who: String?
        /// The page of the CI job; nil where there is none.
        package var link: String?
        /// Seconds since 1970.
        package var time: Int

        package init(project: String, time: Int) {
            self.project = project
            self.time = time
        }
    }

    /// Items beyond this are counted alone.
    package static let mostItems = 50

    /// 32 hex digits, of no other change: who gets it twice can tell by it.
    package let id: String
    package var event: Event
    package var origin: Origin
    /// Of deployments and drift.
    package var environment: String?
    /// The release's name, of deployments.
    package var release: String?
    /// What came of a rollback: `rolled-back`, `rollback-failed`, `partial`, `deployed`; nil for anything else.
    package var outcome: String?
    package var items: [Item]
    /// Items that there are besides.
    package var further = 0
    /// Targets that failed before and still do.
    package var stillFailing = 0

    package init(_ event: Event, _ origin: Origin, items: [Item] = []) {
        var generator = SystemRandomNumberGenerator()
        id = (0..<16).map { _ in
            let byte = UInt8.random(in: .min ... .max, using: &generator)
            return (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
        self.event = event
        self.origin = origin
        self.items = Array(items.prefix(Self.mostItems))
        further = max(0, items.count - Self.mostItems)
    }

    /// One sentence.
    package var title: String {
        let place = origin.branch.map { " on \($0)" } ?? ""
        let short = release.map { String($0.prefix(12)) } ?? "a release"
        let environment = environment ?? ""
        let failed = items.first?.name == "promotion" ? "was not promoted" : "did not come up"
        switch event {
        case .failure, .gate:
            if items.count + further > 1 { return "\(items.count + further) targets fail\(place)" }
            let name = items.first?.name ?? "a target"
            return event == .gate ? "a gate of \(name) says no\(place)" : "\(name) fails\(place)"
        case .recovery where self.environment != nil: return "what runs in \(environment) is what was deployed again"
        case .recovery:
            if items.count + further > 1 { return "\(items.count + further) components work again\(place)" }
            return "\(items.first?.name ?? "a component") works again\(place)"
        case .deploy: return "\(short) runs in \(environment)"
        case .promotion: return "\(short) waits in \(environment) for somebody to promote it"
        case .rollback:
            switch outcome {
            case "deployed": return "\(environment) went back to \(short)"
            case "rolled-back": return "\(short) \(failed) in \(environment), and what ran before runs again"
            case "partial": return "\(short) \(failed) in \(environment), and going back stopped half-way"
            default: return "\(short) \(failed) in \(environment), and neither did what ran before"
            }
        case .drift: return "what runs in \(environment) is not what was deployed"
        case .test: return "a test message: nothing has happened"
        }
    }

    /// What belongs to it beside the items, for people.
    package var facts: [(name: String, value: String)] {
        var facts: [(name: String, value: String)] = [("project", origin.project)]
        func add(_ name: String, _ value: String?) { if let value, !value.isEmpty { facts.append((name, value)) } }
        add("environment", environment)
        add("branch", origin.branch)
        add("commit", origin.commit.map { String($0.prefix(12)) })
        add("release", release.map { String($0.prefix(12)) })
        add("by", origin.who)
        add("time", UTCTime(seconds: origin.time).text)
        return facts
    }

    /// The items as lines for people, what is left out at the end.
    package var lines: [(name: String, message: String)] {
        var lines = items.map { item in
            (item.name, item.message + (item.owners.isEmpty ? "" : " (\(item.owners.joined(separator: ", ")))"))
        }
        if further > 0 { lines.append(("\(further) more", "")) }
        if stillFailing > 0 { lines.append(("\(stillFailing) more failed before, and still do", "")) }
        return lines
    }
}

// MARK: - Who wants it

extension StateChange {
    /// As `notification` wants it, with the items that it asks for; nil where it is not to be told of this.
    package func wanted(by notification: DeclaredNotification) -> StateChange? {
        if event == .test { return self }
        if let environment {
            if !notification.environments.isEmpty, !notification.environments.contains(environment) { return nil }
        } else if !notification.branches.isEmpty {
            guard let branch = origin.branch else { return nil }
            let path = BytePath(branch)
            guard notification.branches.contains(where: { PathPattern($0).matches(path) }) else { return nil }
        }
        var result = self
        let conditions = notification.conditions
        switch event {
        case .failure, .gate:
            if !conditions.contains(.failure) {
                guard conditions.contains(.gate) else { return nil }
                result.keep { $0.isGate }
            }
        case .recovery:
            guard conditions.contains(.recovery) else { return nil }
            if environment != nil {
                guard conditions.contains(.drift) else { return nil }
            } else if conditions.contains(.gate), !conditions.contains(.failure) {
                result.keep { $0.isGate }
            }
        case .deploy: guard conditions.contains(.deploy) else { return nil }
        case .promotion: guard conditions.contains(.promotion) else { return nil }
        case .rollback: guard conditions.contains(.rollback) else { return nil }
        case .drift: guard conditions.contains(.drift) else { return nil }
        case .test: break
        }
        if !notification.owners.isEmpty {
            result.keep { !Set($0.owners).isDisjoint(with: notification.owners) }
        }
        if result.items.isEmpty, environment == nil || !items.isEmpty { return nil }
        if event == .failure || event == .gate { result.event = result.items.allSatisfy(\.isGate) ? .gate : .failure }
        return result
    }

    private mutating func keep(_ isKept: (Item) -> Bool) {
        items = items.filter(isKept)
        if items.isEmpty { further = 0 }
    }
}

// MARK: - As JSON

extension StateChange {
    /// What a webhook gets, and what waits in the outbox.
    package var json: JSONValue {
        func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
        return .object([
            ("schema", .number(1)), ("id", .string(id)), ("event", .string(event.rawValue)),
            ("time", .string(UTCTime(seconds: origin.time).text)), ("project", .string(origin.project)),
            ("title", .string(title)), ("branch", text(origin.branch)), ("commit", text(origin.commit)),
            ("environment", text(environment)), ("release", text(release)), ("outcome", text(outcome)),
            ("by", text(origin.who)), ("link", text(origin.link)),
            (
                "items",
                .array(
                    items.map {
                        .object([
                            ("name", .string($0.name)), ("gate", .bool($0.isGate)), ("message", .string($0.message)),
                            ("owners", .array($0.owners.map { .string($0) })),
                        ])
                    })
            ), ("further", .number(further)), ("stillFailing", .number(stillFailing)),
        ])
    }

    /// Reads what `json` wrote; nil for anything else.
    package init?(_ tree: JSONValue) {
        guard let id = tree.member("id")?.text, let event = tree.member("event")?.text.flatMap({ Event(rawValue: $0) }),
            let project = tree.member("project")?.text,
            let time = tree.member("time")?.text.flatMap({ UTCTime($0) })?.seconds
        else { return nil }
        self.id = id
        self.event = event
        origin = Origin(project: project, time: time)
        origin.branch = tree.member("branch")?.text
        origin.commit = tree.member("commit")?.text
        origin.who = tree.member("by")?.text
        origin.link = tree.member("link")?.text
        environment = tree.member("environment")?.text
        release = tree.member("release")?.text
        outcome = tree.member("outcome")?.text
        items = (tree.member("items")?.elements ?? []).prefix(Self.mostItems).compactMap { item in
            guard let name = item.member("name")?.text else { return nil }
            return Item(
                name: name, isGate: item.member("gate") == .bool(true), message: item.member("message")?.text ?? "",
                owners: (item.member("owners")?.elements ?? []).compactMap(\.text))
        }
        further = Int(tree.member("further")?.numeric ?? 0)
        stillFailing = Int(tree.member("stillFailing")?.numeric ?? 0)
    }
}
