// A commit's files in a folder of their own. Does not know what is done with them there.
package import BuildGraph
import Buildfile

extension GitRepository {
    /// Checks `commit` out in the absolute `folder`, which is not there yet: a clone that shares this repository's objects and
    /// has none of its configuration. Throws LMS305 where git cannot.
    package func checkOut(_ commit: String, into folder: BytePath) async throws {
        guard ObjectID(hex: Array(commit.utf8)) != nil, try await hasCommit(commit) else {
            throw Diagnostic(
                .badRevision, .error, "this repository does not have the commit \(BytePath(commit).shown.prefix(12))",
                hint: "fetch it; a shallow clone needs 'git fetch --unshallow'")
        }
        _ = try await asker.output([
            "clone", "--quiet", "--shared", "--no-checkout", "--no-tags", "--",
            String(decoding: top.bytes, as: UTF8.self), String(decoding: folder.bytes, as: UTF8.self),
        ])
        let inner = GitAsker(runner: runner, environment: environment, folder: folder, gitFolder: nil)
        _ = try await inner.output(["checkout", "--quiet", "--detach", commit])
    }
}
