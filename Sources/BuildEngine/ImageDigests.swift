// What builds here gave images. Does not look at what engines or registries hold.
package import BuildGraph

extension HashedGraph {
    /// The digests of those of `images` whose results `cache` has for the inputs at hand.
    package func imageDigests(of images: Set<Int>, in cache: any ActionCache) async -> [Int: String] {
        var plan = RunPlan(RunScope(graph, graph.closure(of: images)), nil)
        await plan.lookUp(self, in: cache, nil)
        var digests: [Int: String] = [:]
        for image in images { digests[image] = plan.found[image]?.result.imageDigest }
        return digests
    }
}
