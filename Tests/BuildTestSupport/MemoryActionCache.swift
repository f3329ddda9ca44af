package import BuildEngine
package import BuildGraph

/// An action cache in memory.
package actor MemoryActionCache: ActionCache {
    package private(set) var results: [ActionKey: ActionResult] = [:]
    /// Keys asked for, in order.
    package private(set) var asked: [ActionKey] = []

    package init() {}

    package func result(for key: ActionKey) -> ActionResult? {
        asked.append(key)
        return results[key]
    }

    package func store(_ result: ActionResult, for key: ActionKey) {
        results[key] = result
    }

    package func remove(_ key: ActionKey) { results[key] = nil }
}
