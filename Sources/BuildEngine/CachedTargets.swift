// Which targets a cache has results for, before anything runs. Does not look at outputs, nor at what engines hold.
package import BuildGraph

extension HashedGraph {
    /// Those of `chosen` (closed over prerequisites) that `cache` has no success for: without a result for their key,
    /// never cached, or taking in what such a target puts out, whose key nothing can tell before that has run.
    package func targetsWithoutResult(
        among chosen: Set<Int>, in cache: any ActionCache
    ) async -> Set<Int> {
        var missing: Set<Int> = []
        var products: [Int: TargetProduct] = [:]
        for target in graph.order where chosen.contains(target) {
            let node = graph.targets[target]
            if node.isGroup { continue }
            let producers = node.prerequisites.flatMap { graph.producers(behind: $0) }
            if node.attributes.uncached || producers.contains(where: missing.contains) {
                missing.insert(target)
                continue
            }
            if let result = await cache.result(for: key(of: target, products: products)) {
                products[target] = TargetProduct(
                    outputs: result.outputs, imageDigest: result.imageDigest, isTainted: false)
            } else {
                missing.insert(target)
            }
        }
        return missing
    }
}
