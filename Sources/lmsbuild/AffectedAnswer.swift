// What `affected` tells: which of what is affected was asked for, in which form. Decides nothing about what is affected.
import BuildEngine
import BuildGraph
import Reporting

struct AffectedAnswer {
    /// What a line or a job stands for.
    enum Unit {
        case component, target, pair
    }

    private let comparison: Comparison
    private let unit: Unit
    private let times: RecordedTimes
    private(set) var items: [Int]
    private var pairs: [AffectedSet.Pair]
    private var share: (share: Share, plan: String)?

    private var graph: Graph { comparison.affected.head.graph }

    init(_ comparison: Comparison, stage: String?, kind: String?, unit: Unit, times: RecordedTimes) {
        self.comparison = comparison
        self.unit = unit
        self.times = times
        let graph = comparison.affected.head.graph
        let items = comparison.affected.targets.filter { item in
            (stage == nil || graph.targets.label(item).stage == stage)
                && (kind == nil
                    || graph.components[graph.targets[item].component].kind.rawValue == kind)
        }
        let labels = Set(items.map { graph.targets.label($0) })
        self.items = items
        pairs = comparison.affected.contracts.filter { labels.contains($0.label) }
    }

    private func label(_ item: Int) -> Label { graph.targets.label(item) }

    private var components: [String] { Set(items.map { label($0).component }).sorted() }

    // MARK: Jobs and shares

    /// A job for each line, by name.
    var jobs: [CIJob] {
        switch unit {
        case .pair:
            pairs.map { pair in
                let label = pair.label
                return CIJob(
                    name: "\(pair.consumer) with \(pair.provider)", components: [pair.provider],
                    targets: [label.description], pair: pair, weight: weight(label))
            }
        case .target:
            items.map { item in
                let label = label(item)
                return CIJob(
                    name: label.description, components: [label.component], targets: [label.description],
                    weight: weight(label))
            }
        case .component:
            componentJobs
        }
    }

    private var componentJobs: [CIJob] {
        var affected: [String: [Label]] = [:]
        for item in items { affected[label(item).component, default: []].append(label(item)) }
        var counts: [String: Int] = [:]
        for index in graph.targets.indices { counts[graph.targets.label(index).component, default: 0] += 1 }
        return affected.keys.sorted().map { name in
            let labels = affected[name] ?? []
            return CIJob(
                name: name, components: [name],
                targets: labels.count == counts[name] ? [name] : labels.map(\.description),
                weight: labels.reduce(0) { $0 + weight($1) })
        }
    }

    /// Milliseconds; what has no record counts as one second.
    private func weight(_ label: Label) -> Int {
        guard let time = times[label] else { return 1000 }
        return max(1, Int(time.components.seconds) * 1000 + Int(time.components.attoseconds / 1_000_000_000_000_000))
    }

    /// Keeps the share alone. Gives the hash of the whole partition: shares of one run that differ in it were cut from
    /// different wholes.
    mutating func keep(_ share: Share) -> String {
        let jobs = jobs
        let shards = balancedShards(jobs.map { ($0.name, $0.weight) }, count: share.count)
        var text = "\(share.count)\n"
        for (number, shard) in shards.enumerated() {
            for place in shard { text += "\(number) \(jobs[place].targets.joined(separator: " "))\n" }
        }
        let plan = SHA256Value.of(Array(text.utf8)).hex
        let kept = shards[share.index - 1].map { jobs[$0] }
        switch unit {
        case .component:
            let names = Set(kept.flatMap(\.components))
            items = items.filter { names.contains(label($0).component) }
        case .target, .pair:
            let names = Set(kept.flatMap(\.targets))
            items = items.filter { names.contains(label($0).description) }
        }
        let labels = Set(items.map { label($0) })
        pairs = pairs.filter { labels.contains($0.label) }
        self.share = (share, plan)
        return plan
    }

    // MARK: Text

    private func changes(_ item: Int) throws -> [Change] {
        do throws(FileSystemError) {
            return try comparison.affected.why(item)
        } catch {
            throw Refusal(.unreadable(error), .machine)
        }
    }

    func text(why: Bool) throws -> String {
        switch unit {
        case .pair: pairs.map { "\($0.consumer) \($0.provider)\n" }.joined()
        case .target:
            try items.map { item in
                "\(label(item))\n" + (why ? try changes(item).map { "  \($0.line)\n" }.joined() : "")
            }.joined()
        case .component:
            try components.map { name in
                guard why else { return name + "\n" }
                var seen: Set<Change> = []
                let changes = try items.filter { label($0).component == name }.flatMap { try self.changes($0) }
                return name + "\n" + changes.filter { seen.insert($0).inserted }.map { "  \($0.line)\n" }.joined()
            }.joined()
        }
    }

    // MARK: JSON

    func json() throws -> JSONValue {
        func optional(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
        func strings(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }
        var members: [(String, JSONValue)] = [
            ("schema", .number(1)), ("base", optional(comparison.base)), ("head", optional(comparison.head)),
        ]
        if let since = comparison.since { members.append(("since", .string(since))) }
        if let everything = comparison.everything { members.append(("everything", .string(everything))) }
        if let share {
            members.append(
                (
                    "shard",
                    .object([
                        ("index", .number(share.share.index)), ("of", .number(share.share.count)),
                        ("plan", .string(share.plan)),
                    ])
                ))
        }
        members += [
            ("components", strings(components)), ("removed", strings(comparison.affected.removed)),
            ("targets", .array(try items.map { try json($0) })),
            (
                "contracts",
                .array(pairs.map { .object([("consumer", .string($0.consumer)), ("provider", .string($0.provider))]) })
            ),
        ]
        return .object(members)
    }

    private func json(_ item: Int) throws -> JSONValue {
        let target = graph.targets[item]
        return .object([
            ("label", .string(target.label.description)),
            ("kind", .string(graph.components[target.component].kind.rawValue)),
            ("why", .array(try changes(item).map(\.json))),
        ])
    }
}

extension AffectedSet.Pair {
    fileprivate var label: Label { Label(component: provider, stage: "verify", consumer: consumer) }
}

extension Change {
    /// `input src/main.py`, `recipe`, …
    var line: String { subject.isEmpty ? kind.rawValue : "\(kind.rawValue) \(subject.shown)" }

    var json: JSONValue {
        let subject = JSONValue.string(subject.shown)
        return switch kind {
        case .new, .recipe, .rule, .unrecorded, .result: .object([("kind", .string(kind.rawValue))])
        case .input, .output: .object([("kind", .string(kind.rawValue)), ("path", subject)])
        case .prerequisite: .object([("kind", .string(kind.rawValue)), ("label", subject)])
        case .variable, .tool, .attribute: .object([("kind", .string(kind.rawValue)), ("name", subject)])
        }
    }
}
