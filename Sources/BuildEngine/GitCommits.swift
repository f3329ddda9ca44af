// The commits between two states that touch given paths, and who wrote them. Does not know why anyone asks.
package import BuildGraph
import Buildfile

/// A commit as people know it.
package struct TouchingCommit: Sendable, Hashable {
    /// 40 or 64 hex digits.
    package let id: String
    /// The author's name, as it was written: anything.
    package let author: [UInt8]
    /// The first line of the message, as it was written: anything.
    package let subject: [UInt8]
    /// What it changed, relative to the prefix, sorted; of a merge, only what is as in none of its parents.
    package let paths: [BytePath]
}

extension GitRepository {
    /// The commits that `head` has and `base` has not, newest first, with what each changed below `prefix`. Both are ids.
    package func commits(of head: String, notOf base: String, below prefix: BytePath) async throws -> [TouchingCommit] {
        let output = try await asker.output([
            "log", "--cc", "--raw", "-z", "--no-renames", "--no-abbrev", "--no-show-signature", "--no-color",
            "--no-ext-diff", "--no-textconv", "--ignore-submodules=none", "--encoding=UTF-8",
            "--format=tformat:%x01%H%x00%an%x00%s", "--end-of-options", "\(base)..\(head)",
        ])
        var fields = output.split(separator: 0, omittingEmptySubsequences: false)[...]
        var commits: [TouchingCommit] = []
        while let first = fields.popFirst() {
            guard first.first == 1, let id = ObjectID(hex: first.dropFirst()), let author = fields.popFirst(),
                let subject = fields.popFirst()
            else {
                if first.allSatisfy({ $0 == 10 }) { continue }
                throw Diagnostic(
                    .gitUnavailable, .error, "git log did not say what it was asked for", hint: "see 'git --version'")
            }
            var paths: Set<BytePath> = []
            while let meta = fields.first, meta.first == UInt8(ascii: ":") || meta.first == 10, meta.count > 1 {
                fields.removeFirst()
                guard let path = fields.popFirst() else { break }
                if let path = BytePath(bytes: Array(path)).relative(to: prefix) { paths.insert(path) }
            }
            commits.append(
                TouchingCommit(
                    id: id.hex, author: Array(author), subject: Array(subject), paths: paths.sorted()))
        }
        return commits
    }
}
