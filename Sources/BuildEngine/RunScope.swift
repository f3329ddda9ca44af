// The targets that a run is about. Does not know what is up to date.
package import BuildGraph
import Synchronization

/// Chosen targets and all that their edges reach. Of a target that is as it was a run needs no more than what it is and what it
/// names: the rest is made for those that somebody asks for, once each.
package struct RunScope: Sendable {
    /// Every target after those its edges name.
    package let order: [Int]
    private let targets: TargetList
    /// By target, of all there are: whether the run is about it.
    private let isIn: [Bool]
    /// By target, of all there are.
    private let traits: [TargetTraits]
    /// By group: what stands behind it.
    private let groups: [Int: [Int]]
    private let made: MadeTargets

    package init(_ graph: Graph, _ selected: some Sequence<Int>) {
        let targets = graph.targets
        var isIn = [Bool](repeating: false, count: targets.count)
        var traits = [TargetTraits](repeating: [], count: targets.count)
        var open = Array(selected)
        while let target = open.popLast() {
            if isIn[target] { continue }
            isIn[target] = true
            traits[target] = targets.traits(target)
            targets.edges(of: target) { _, named in
                if !isIn[named] { open.append(named) }
                return true
            }
        }
        order = graph.order.filter { isIn[$0] }
        var groups: [Int: [Int]] = [:]
        for target in order where traits[target].contains(.group) {
            groups[target] = targets.prerequisites(of: target).flatMap { groups[$0] ?? [$0] }
        }
        self.targets = targets
        self.isIn = isIn
        self.traits = traits
        self.groups = groups
        made = MadeTargets(targets)
    }

    /// Of all targets of the graph.
    var targetCount: Int { isIn.count }

    package func contains(_ target: Int) -> Bool { isIn[target] }

    func isGroup(_ target: Int) -> Bool { traits[target].contains(.group) }
    func isCheck(_ target: Int) -> Bool { traits[target].contains(.check) }
    func label(_ target: Int) -> Label { targets.label(target) }
    /// Whether it gets secrets.
    package func takesSecrets(_ target: Int) -> Bool { traits[target].contains(.takesSecrets) }

    /// Whether no last run can vouch for it: what it is, only others know, or it is never kept, or it is judged anew each time.
    func isUnvouched(_ target: Int) -> Bool {
        !traits[target].isDisjoint(with: Self.unvouched)
    }

    private static let unvouched: TargetTraits = [.group, .image, .uncached, .judgedAgainstBase]

    /// Whether `body` holds for every target that it needs.
    func needs(_ target: Int, all body: (Int) -> Bool) -> Bool { targets.edges(of: target) { body($1) } }

    /// As for a target itself.
    func producers(of target: Int) -> [Int] { producers(ofNamed: targets.prerequisites(of: target)) }

    /// One of those in `order`.
    package subscript(target: Int) -> Target { made[target] }

    /// Makes those of `targets` that nobody has asked for yet, all at once, which is faster than one by one.
    func make(_ targets: [Int]) { made.make(targets) }

    /// The outputs that `target` hands to those who name it: its own, or a group's prerequisites'.
    func producers(behind target: Int) -> [Int] { groups[target] ?? [target] }

    /// Whose outputs `node` takes in, each once, sorted.
    func producers(of node: Target) -> [Int] { producers(ofNamed: node.prerequisites) }

    private func producers(ofNamed named: [Int]) -> [Int] {
        switch named.count {
        case 0: return []
        case 1 where groups[named[0]] == nil: return named
        default: return Set(named.flatMap { producers(behind: $0) }).sorted()
        }
    }
}

extension TargetList {
    fileprivate func prerequisites(of target: Int) -> [Int] {
        var found: [Int] = []
        edges(of: target) { kind, named in
            if kind.isPrerequisite { found.append(named) }
            return true
        }
        return found
    }
}

/// A graph that lies on the disk makes a target anew whenever it is asked for it; this keeps those that were made.
private final class MadeTargets: Sendable {
    private let targets: TargetList
    /// By target, of all there are; empty until one is asked for.
    private let made = Mutex<[Target?]>([])

    init(_ targets: TargetList) { self.targets = targets }

    subscript(target: Int) -> Target {
        if let known = made.withLock({ $0.isEmpty ? nil : $0[target] }) { return known }
        let new = targets[target]
        keep([target], [new])
        return new
    }

    func make(_ wanted: [Int]) {
        let missing = made.withLock { made in made.isEmpty ? wanted : wanted.filter { made[$0] == nil } }
        if !missing.isEmpty { keep(missing, targets.made(missing)) }
    }

    private func keep(_ places: [Int], _ new: [Target]) {
        made.withLock { made in
            if made.isEmpty { made = Array(repeating: nil, count: targets.count) }
            for (place, target) in zip(places, new) { made[place] = target }
        }
    }
}
