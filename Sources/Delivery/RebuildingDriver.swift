// An engine that builds again what it has. Does not know why.
package import BuildEngine
package import BuildGraph
import Synchronization

/// Another driver, of whose images only those count that it has built through this one: every image is built once.
package final class RebuildingDriver: ImageDriver {
    package let name: String
    private let base: any ImageDriver
    private let built = Mutex<Set<String>>([])

    package init(_ base: any ImageDriver) {
        self.base = base
        name = base.name
    }

    package func reasonUnusable() async -> String? { await base.reasonUnusable() }

    package func digest(of reference: String) async throws -> String? {
        guard built.withLock({ $0.contains(reference) }) else { return nil }
        return try await base.digest(of: reference)
    }

    package func pinned(_ reference: String) async throws -> String? { try await base.pinned(reference) }

    package func remove(_ reference: String) async throws {
        built.withLock { _ = $0.remove(reference) }
        try await base.remove(reference)
    }

    package func build(
        _ request: ImageRequest, context: BytePath, dockerfile: BytePath, options: ImageBuildOptions
    ) async throws -> (digest: String, log: [UInt8]) {
        let result = try await base.build(request, context: context, dockerfile: dockerfile, options: options)
        built.withLock { _ = $0.insert(request.reference) }
        return result
    }
}
