// What commands about contracts share: the workspace's verdicts, and releases from it.
import BuildEngine
import BuildGraph
import Buildfile
import Contracts

extension Workspace {
    var verdictFile: BytePath { state.appending("verdicts") }

    /// The release that the contents at hand would be. Shows warnings; throws refusals.
    func release(commit: String?) async throws -> Release {
        try await release(of: try hashed(try await workingTree()), commit: commit)
    }

    func release(of hashed: HashedGraph, commit: String?) async throws -> Release {
        let cache = try actionCache()
        let release = try await Self.refusing {
            try await Release(
                of: hashed, commit: commit, cache: cache,
                store: try LocalContentStore.open(folder: state.appending("store")))
        }
        // It has asked for every contract.
        contracts.save()
        return release
    }
}
