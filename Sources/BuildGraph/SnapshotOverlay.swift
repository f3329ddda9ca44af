// A snapshot's graph with some of its targets replaced and some added. Does not know why.
import Buildfile

/// The places of targets before and after some came.
struct TargetPlaces: Sendable {
    /// Places of what came, ascending.
    let added: [Int]
    /// Before: the first place that each moves on.
    private let thresholds: [Int]

    init(added: [Int] = []) {
        self.added = added
        thresholds = added.enumerated().map { $1 - $0 }
    }

    var isSame: Bool { added.isEmpty }

    /// Where the target that was at `old` is.
    func new(_ old: Int) -> Int {
        if added.isEmpty { return old }
        return old + Self.count(thresholds) { $0 <= old }
    }

    /// Where the target at `new` was; nil for one that came.
    func old(_ new: Int) -> Int? {
        if added.isEmpty { return new }
        let before = Self.count(added) { $0 < new }
        return before < added.count && added[before] == new ? nil : new - before
    }

    /// The list with what `filling` gives for those that came.
    func spread<Element>(_ list: [Element], filling: Element) -> [Element] {
        var found = list
        for place in added { found.insert(filling, at: place) }
        return found
    }

    private static func count(_ list: [Int], _ isBefore: (Int) -> Bool) -> Int {
        var low = 0
        var high = list.count
        while low < high {
            let middle = (low + high) / 2
            if isBefore(list[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// The targets and components of a snapshot over other files, with those that were resolved again in their places.
struct SnapshotOverlay: Sendable {
    let snapshot: GraphSnapshot
    /// The base's entries with differences.
    let entries: FileEntries
    /// Of targets that are as they were but for their files.
    var files: [Int: EntryRanges] = [:]
    var targets: [Int: Target] = [:]
    var components: [Int: Component] = [:]
    var places = TargetPlaces()
    /// Texts that are not what they were, by their numbers in the snapshot.
    var shifts: [Int: SpanShift] = [:]

    init(_ snapshot: GraphSnapshot, _ entries: FileEntries) {
        self.snapshot = snapshot
        self.entries = entries
    }

    var targetCount: Int { snapshot.targetCount + places.added.count }

    func target(_ index: Int) -> Target {
        if let target = targets[index] { return target }
        return snapshot.target(places.old(index) ?? 0, entries, files: files[index], places, shifts)
    }

    func label(_ index: Int) -> Label {
        if let target = targets[index] { return target.label }
        return snapshot.label(places.old(index) ?? 0)
    }

    func component(_ index: Int) -> Component { components[index] ?? snapshot.component(index, shifts) }
}

/// An order of targets, each after those its edges name, while edges are added.
struct TargetOrder {
    private(set) var order: [Int]
    private var positions: [Int]
    private let edges: (Int) -> [Int]

    /// `edges` are those of a target as they will be.
    init(_ order: [Int], adding added: [Int], edges: @escaping (Int) -> [Int]) {
        self.order = order + added
        self.edges = edges
        positions = Array(repeating: 0, count: self.order.count)
        for (position, target) in self.order.enumerated() { positions[target] = position }
    }

    /// Puts what `target` names before it. False where it cannot be: they need each other in a circle.
    mutating func put(before target: Int) -> Bool {
        for named in edges(target) where positions[named] > positions[target] {
            guard move(named, before: target) else { return false }
        }
        return !edges(target).contains(target)
    }

    private mutating func move(_ named: Int, before target: Int) -> Bool {
        let place = positions[target]
        var moving: Set<Int> = [named]
        var open = [named]
        while let next = open.popLast() {
            for other in edges(next) where positions[other] >= place {
                if other == target { return false }
                if moving.insert(other).inserted { open.append(other) }
            }
        }
        let last = moving.map { positions[$0] }.max() ?? place
        let region = order[place...last]
        let sorted = region.filter { moving.contains($0) } + region.filter { !moving.contains($0) }
        for (index, other) in sorted.enumerated() {
            order[place + index] = other
            positions[other] = place + index
        }
        return true
    }
}
