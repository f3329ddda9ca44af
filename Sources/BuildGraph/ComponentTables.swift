// What is being resolved, by place: all of it, or a part beside a graph that was resolved before. Does not resolve.
import Buildfile

/// The components' drafts, sorted by name.
struct DraftTable: Sendable {
    private let all: [ComponentDraft]
    private let places: [String: Int]
    private let part: PartialGraph?

    init(_ all: [ComponentDraft]) {
        self.all = all
        places = Dictionary(
            all.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
        part = nil
    }

    init(_ part: PartialGraph) {
        all = []
        places = [:]
        self.part = part
    }

    subscript(place: Int) -> ComponentDraft {
        if let part { return part.draft(place) }
        return all[place]
    }

    /// All of them, where all are resolved.
    var list: [ComponentDraft] { all }

    func place(of name: String) -> Int? {
        if let part { return part.snapshot.place(ofComponent: name) }
        return places[name]
    }
}

/// The components, as far as they are resolved.
struct ComponentTable: Sendable {
    private(set) var list: [Component] = []
    private(set) var fresh: [Int: Component] = [:]
    private let part: PartialGraph?

    init(_ list: [Component]) {
        self.list = list
        part = nil
    }

    init(_ part: PartialGraph) { self.part = part }

    subscript(place: Int) -> Component {
        if let part { return fresh[place] ?? part.component(place) }
        return list[place]
    }

    /// One that is resolved again.
    mutating func set(_ place: Int, _ component: Component) { fresh[place] = component }
}

/// The rules of the components, by the places of their targets.
struct SeedTable: Sendable {
    /// Of a component its stages, sorted, with the places of their targets: one, or an instance for each consumer.
    typealias Stages = [(stage: String, seeds: Range<Int>)]

    private(set) var list: [TargetSeed] = []
    private var listStages: [Stages] = []
    private(set) var fresh: [Int: TargetSeed] = [:]
    private var freshStages: [Int: Stages] = [:]
    private let part: PartialGraph?
    private var places = TargetPlaces()

    init() { part = nil }

    init(_ part: PartialGraph, _ places: TargetPlaces) {
        self.part = part
        self.places = places
    }

    subscript(target: Int) -> TargetSeed {
        if let part {
            if let seed = fresh[target] { return seed }
            return part.seed(places.old(target) ?? 0)
        }
        return list[target]
    }

    /// The targets of a component's stage; nil where it has no such rule.
    func targets(ofStage stage: String, of component: Int) -> Range<Int>? {
        if let part, freshStages[component] == nil {
            let found = part.targets(ofStage: stage, of: component)
            return found.map { $0.isEmpty ? 0..<0 : places.new($0.lowerBound)..<places.new($0.upperBound - 1) + 1 }
        }
        for found in part == nil ? listStages[component] : freshStages[component] ?? [] where found.stage == stage {
            return found.seeds
        }
        return nil
    }

    /// Adds all rules of the next component.
    mutating func append(_ stages: [(stage: String, seeds: [TargetSeed])]) {
        var places: Stages = []
        for (stage, seeds) in stages {
            places.append((stage, list.count..<list.count + seeds.count))
            list += seeds
        }
        listStages.append(places)
    }

    /// Sets those of a component that is resolved again; its targets begin with `first`.
    mutating func set(_ component: Int, _ stages: [(stage: String, seeds: [TargetSeed])], from first: Int) {
        var next = first
        freshStages[component] = stages.map { stage, seeds in
            for (index, seed) in seeds.enumerated() { fresh[next + index] = seed }
            defer { next += seeds.count }
            return (stage, next..<next + seeds.count)
        }
    }
}
