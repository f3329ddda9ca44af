// What can be told of a run before anything has run: what the last run vouches for, what has a result, what must run.
package import BuildGraph

/// A run, planned. What is done is not looked at again; what has a result still has to be seen in its place.
package struct RunPlan: Sendable {
    /// A result that was found beforehand, and its key if all goes as planned.
    struct Found: Sendable {
        let key: ActionKey
        let result: ActionResult
        let product: TargetProduct
    }

    /// What making it took.
    fileprivate(set) var duration = Duration.zero
    package let scope: RunScope
    /// By target: its place in the record of the last run, or -1 where that has nothing of it that may be believed.
    private(set) var candidates: [Int]
    /// By target: it is as the last run left it, as is all that it needs.
    private(set) var isDone: [Bool]
    /// By target.
    private(set) var isToRun: [Bool]
    /// By target.
    private(set) var found: [Int: Found] = [:]
    private(set) var doneCount = 0
    let last: LastRun?

    init(_ scope: RunScope, _ last: LastRun?) {
        self.scope = scope
        self.last = last
        candidates = Array(repeating: -1, count: scope.targetCount)
        isDone = Array(repeating: false, count: scope.targetCount)
        isToRun = Array(repeating: false, count: scope.targetCount)
    }

    /// Whether something has to run, as far as that can be told beforehand.
    package var hasWork: Bool { isToRun.contains(true) }

    /// Those that have to run, in order.
    package var toRun: [Int] { scope.order.filter { isToRun[$0] } }

    /// Those that the run has to look at one by one, in order.
    var open: [Int] { doneCount == scope.order.count ? [] : scope.order.filter { !isDone[$0] } }

    /// Those that are as the last run left them, in order.
    var done: [Int] { doneCount == scope.order.count ? scope.order : scope.order.filter { isDone[$0] } }

    // MARK: Making it

    /// Finds out what the last run vouches for. An image's presence only its engine knows.
    mutating func believe(_ last: LastRun, _ hashes: [InputHash]) {
        var asked: [Int] = []
        for target in scope.order {
            if scope.isUnvouched(target) { continue }
            guard let place = last.find(hashes[target]) else { continue }
            candidates[target] = place
            asked.append(place)
        }
        let answers = last.areInPlace(asked)
        let nothing = Self.given([])
        var next = 0
        for target in scope.order {
            let place = candidates[target]
            var isInPlace = scope.isGroup(target)
            if place >= 0 {
                isInPlace = answers[next]
                next += 1
            }
            guard isInPlace, scope.needs(target, all: { isDone[$0] }) else { continue }
            if place >= 0 {
                let producers = scope.producers(of: target)
                let given = producers.isEmpty ? nothing : Self.given(producers.map { name(of: $0, last) })
                guard given == last.given(place) else { continue }
            }
            isDone[target] = true
            doneCount += 1
        }
    }

    private func name(of target: Int, _ last: LastRun) -> SHA256Value? {
        candidates[target] >= 0 ? last.name(candidates[target]) : nil
    }

    /// Of what a target takes in, in the order of `RunScope.producers(of:)`: with its input hash, all that its action key is
    /// made of.
    static func given(_ names: [SHA256Value?]) -> Fingerprint {
        var bytes: [UInt8] = []
        for name in names { bytes += name?.bytes ?? [0] }
        return Fingerprint.of(bytes)
    }

    /// Everything runs.
    mutating func forceAll() {
        for target in scope.order where !scope.isGroup(target) { isToRun[target] = true }
        scope.make(open)
    }

    /// Looks up what is not done. Without a result for its key, never cached, or taking in what such a target puts out,
    /// whose key nothing can tell before that has run: it has to run.
    mutating func lookUp(
        _ hashed: HashedGraph, in cache: any ActionCache, _ verdicts: (any ContractVerdicts)?
    ) async {
        let open = open
        scope.make(open)
        for target in open {
            let node = scope[target]
            if node.isGroup { continue }
            let producers = scope.producers(of: node)
            if node.attributes.uncached || producers.contains(where: { isToRun[$0] }) {
                isToRun[target] = true
                continue
            }
            let names = node.isImage ? [:] : names(of: producers)
            let key = hashed.key(of: target, node, scope) { names[$0] }
            var known = await cache.result(for: key)
            if known == nil, let verdicts, node.outputs.isEmpty,
                let contract = try? hashed.openContract(of: target, node, verdicts), contract.todo.isEmpty
            {
                known = .verified
            }
            if let result = known {
                let product = TargetProduct(outputs: result.outputs, imageDigest: result.imageDigest, isTainted: false)
                found[target] = Found(key: key, result: result, product: product)
            } else {
                isToRun[target] = true
            }
        }
    }

    private func names(of producers: [Int]) -> [Int: SHA256Value] {
        var names: [Int: SHA256Value] = [:]
        for producer in producers {
            if isDone[producer], let last {
                names[producer] = name(of: producer, last)
            } else {
                names[producer] = found[producer]?.product.name
            }
        }
        return names
    }

    // MARK: What is done

    /// What a target that is done puts out; nil for others.
    func product(of target: Int) -> TargetProduct? {
        guard isDone[target] else { return nil }
        guard candidates[target] >= 0, let last else {
            return TargetProduct(outputs: [], imageDigest: nil, isTainted: false)
        }
        return Self.product(last, candidates[target])
    }

    /// What running a target took that is done and no group.
    func saved(_ target: Int) -> Duration { last?.duration(candidates[target]) ?? .zero }

    static func product(_ last: LastRun, _ place: Int) -> TargetProduct {
        let outputs = last.witnesses(place).compactMap { witness in
            witness.kind.map { OutputFile(path: witness.path, kind: $0, digest: witness.digest) }
        }
        return TargetProduct(outputs: outputs, name: last.name(place))
    }
}

extension Engine {
    /// `selected` and all they need.
    package func scope(_ selected: [Int]) -> RunScope { RunScope(hashed.graph, selected) }

    /// What there is to do, as far as that can be told before anything has run.
    package func plan(_ scope: RunScope) async -> RunPlan {
        // Stored output, and what reports say, is in the action cache alone.
        let isEnough = !options.ignoresCache && !options.replaysLogs && !options.tellsReports && !Task.isCancelled
        let last = isEnough ? parts.last : nil
        let start = ContinuousClock.now
        var plan = RunPlan(scope, last)
        if options.ignoresCache {
            plan.forceAll()
        } else {
            if let last { plan.believe(last, hashed.hashes) }
            await plan.lookUp(hashed, in: parts.cache, parts.verdicts)
        }
        plan.duration = ContinuousClock.now - start
        return plan
    }

    /// What a run would run, in order, and why, as far as that can be told beforehand.
    package func dryRun(_ plan: RunPlan) -> [(label: Label, why: String)] {
        plan.toRun.map { target in
            let node = plan.scope[target]
            let cause = node.prerequisites.flatMap { plan.scope.producers(behind: $0) }.first { plan.isToRun[$0] }
            let why =
                options.ignoresCache
                ? "the cache is ignored"
                : node.attributes.uncached
                    ? "it is never cached"
                    : cause.map { "it takes in what '\(plan.scope[$0].label)' puts out" }
                        ?? "no result is stored for its inputs"
            return (node.label, why)
        }
    }
}
