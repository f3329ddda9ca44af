// What the history of a repository says, and what a clone lacks of it. Knows nothing of CI, nor what a base is for.
import BuildGraph
import Buildfile

extension GitRepository {
    /// The parents of a commit that is in the clone, those behind a shallow clone's boundary included.
    package func parents(of commit: String) async throws -> [String] {
        let bytes = try await asker.output(["cat-file", "commit", commit])
        var parents: [String] = []
        for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            if line.isEmpty { break }
            if line.starts(with: "parent ".utf8), let id = ObjectID(hex: line.dropFirst(7)) { parents.append(id.hex) }
        }
        return parents
    }

    /// Whether the clone has what this id (40 or 64 hex digits) names, and it is a commit.
    package func hasCommit(_ id: String) async throws -> Bool {
        guard ObjectID(hex: Array(id.utf8)) != nil else { return false }
        return try await asker.run(["cat-file", "-e", id + "^{commit}"]).succeeded
    }

    /// The nearest tag in the history of `commit` that does not name `commit` itself, of the family of `tag`: of those
    /// that begin alike up to the first digit (`v1.2` and `v1.1`, `api/v3` and `api/v2`). Nil where there is none.
    package func tag(before tag: String, at commit: String) async throws -> String? {
        var arguments = ["describe", "--tags", "--abbrev=0"]
        if let digit = tag.firstIndex(where: { $0.isASCII && $0.isNumber }) {
            let family = tag[..<digit].map { "*?[\\".contains($0) ? "\\\($0)" : String($0) }.joined()
            arguments.append("--match=\(family)[0-9]*")
        }
        let here = try await asker.output([
            "for-each-ref", "--points-at=\(commit)", "--format=%(refname:strip=2)", "refs/tags/",
        ])
        for name in here.split(separator: UInt8(ascii: "\n")) {
            let text = String(decoding: name, as: UTF8.self).map { "*?[\\".contains($0) ? "\\\($0)" : String($0) }
            arguments.append("--exclude=" + text.joined())
        }
        let result = try await asker.run(arguments + [commit])
        guard result.succeeded else { return nil }
        let name = result.output.prefix { $0 != UInt8(ascii: "\n") }
        return name.isEmpty ? nil : String(decoding: name, as: UTF8.self)
    }

    /// The best common ancestor of two commits as far as the clone can tell: nil where it cannot, because there is none
    /// or because the history that would show it is cut off.
    ///
    /// In a shallow clone the common ancestor that git finds may not be the best one: a better one may lie behind the
    /// boundary. It is one only if no commit at the boundary lies between it and the two.
    package func knownMergeBase(_ one: String, _ other: String) async throws -> String? {
        let result = try await asker.run(["merge-base", one, other])
        guard result.succeeded, let found = ObjectID(hex: result.output.prefix { $0 != UInt8(ascii: "\n") })?.hex else {
            guard result.succeeded || result.ending == .exited(1) else { throw asker.refusal("merge-base", result) }
            return nil
        }
        guard try await isShallow() else { return found }
        let boundary = Set(try shallowBoundary())
        let between = try await asker.output(["rev-list", one, other, "--not", found])
        let isCut = between.split(separator: UInt8(ascii: "\n")).contains { boundary.contains(Array($0)) }
        return isCut ? nil : found
    }

    /// The commits, in hex, whose parents a shallow clone left out.
    private func shallowBoundary() throws -> [[UInt8]] {
        guard let bytes = try? Disk.contents(of: commonFolder.appending("shallow")) else { return [] }
        return bytes.split(separator: UInt8(ascii: "\n")).map(Array.init)
    }

    /// The remote that commits are fetched from: `origin`, or the only one there is. Nil where that is not clear.
    package func remote() async throws -> String? {
        let names = try await asker.output(["remote"]).split(separator: UInt8(ascii: "\n")).map {
            String(decoding: $0, as: UTF8.self)
        }
        return names.contains("origin") ? "origin" : names.count == 1 ? names.first : nil
    }

    /// Fetches from a remote, and keeps what is fetched under no name but those that `refspecs` give. Gives git's own
    /// words where it fails.
    package func fetch(_ arguments: [String]) async throws -> String? {
        let fixed = ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-auto-maintenance"]
        let result = try await asker.run(fixed + arguments)
        return result.succeeded ? nil : asker.refusal("fetch", result).message
    }

    /// The branch or tag that the remote calls `name`; nil where it has neither or cannot be asked.
    func remoteRef(named name: String, at remote: String) async throws -> (name: String, isBranch: Bool)? {
        let wanted = ["refs/heads/" + name, "refs/tags/" + name]
        let result = try await asker.run(["ls-remote", "--quiet", "--refs", "--", remote] + wanted)
        guard result.succeeded else { return nil }
        let found = result.output.split(separator: UInt8(ascii: "\n")).compactMap { line in
            line.firstIndex(of: 9).map { String(decoding: line[($0 + 1)...], as: UTF8.self) }
        }
        return wanted.first(where: found.contains).map { ($0, $0 == wanted[0]) }
    }
}
