// Which targets a cache has results for, before anything runs. Does not look at outputs, nor at what engines hold.
package import BuildGraph

extension HashedGraph {
    /// Those of `chosen` (closed over prerequisites) that `cache` has no success for, nor `verdicts`: without a result for their key,
    /// never cached, or taking in what such a target puts out, whose key nothing can tell before that has run.
    package func targetsWithoutResult(
        among chosen: Set<Int>, in cache: any ActionCache, _ verdicts: (any ContractVerdicts)?
    ) async -> Set<Int> {
        var plan = RunPlan(RunScope(graph, chosen), nil)
        await plan.lookUp(self, in: cache, verdicts)
        return Set(plan.toRun)
    }
}
