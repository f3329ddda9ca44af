// Which commit a change begins at, and what to fetch where the clone lacks it. Does not compare anything.
import BuildGraph
import Buildfile

/// Finds the commit that a head is compared with.
///
/// What cannot be known is a `Diagnostic` (LMS304 for a name that means nothing, LMS310 for history that is missing or
/// that a runner does not tell), whose hint is the command that fetches exactly what is missing. `deepens` runs it.
package struct BaseFinder: Sendable {
    package enum Found: Sendable, Hashable {
        case commit(String)
        /// There is nothing before the head, so all of it is new.
        case nothing(reason: String)
    }

    let repository: GitRepository
    /// Whether missing history is fetched.
    let deepens: Bool
    /// The head, a commit's id.
    let head: String

    /// Answers soonest what a name means, as long as nothing was fetched.
    let objects: GitObjects?

    package init(_ repository: GitRepository, head: String, deepens: Bool, objects: GitObjects? = nil) {
        self.repository = repository
        self.objects = objects
        self.head = head
        self.deepens = deepens
    }

    // MARK: What a user named

    /// The commit that `revision` means as a base: of a branch its merge base with the head, anything else itself.
    package func commit(_ revision: String) async throws -> String {
        var named = objects?.commit(revision)
        if named == nil { named = try await repository.known(revision) }
        guard let found = named else { return try await missing(revision) }
        // It is its own merge base.
        if found == head || Self.isNoName(revision) { return found }
        guard try await repository.isBranch(revision) else { return found }
        return try await mergeBase(found, named: "'\(BytePath(revision).shown)'")
    }

    /// Whether it is a walk from somewhere or a whole id, and so no branch.
    private static func isNoName(_ revision: String) -> Bool {
        revision.contains { $0 == "~" || $0 == "^" } || ObjectID(hex: Array(revision.utf8)) != nil
    }

    /// What is to be done about a revision that names no commit here.
    private func missing(_ revision: String) async throws -> String {
        let name = BytePath(revision).shown
        if ObjectID(hex: Array(revision.utf8)) != nil {
            return try await exactly(revision, what: "the commit \(revision)")
        }
        let isShallow = try await repository.isShallow()
        if isShallow, let (start, count) = Self.ancestor(revision), let from = try await repository.known(start) {
            let command = try await Fetch(["--deepen=\(count)"], from: repository, [from])
            try await run(command, "'\(name)' lies behind the end of this shallow clone")
            if let found = try await repository.known(revision) { return found }
            // The history itself is not that long.
            throw Diagnostic(.badRevision, .error, "unknown revision '\(name)': the history begins after it")
        }
        guard !revision.isEmpty, !revision.hasPrefix("-"), !revision.utf8.contains(0) else {
            throw try await repository.unknown(revision)
        }
        if deepens, let remote = try await repository.remote(),
            let ref = try await repository.remoteRef(named: revision, at: remote)
        {
            let local = ref.isBranch ? "refs/remotes/\(remote)/\(revision)" : ref.name
            let depth = isShallow ? ["--depth=1"] : []
            try await run(Fetch(depth, from: repository, ["+\(ref.name):\(local)"]), "'\(name)' is not in this clone")
            if let found = try await repository.known(local) {
                return ref.isBranch ? try await mergeBase(found, named: "'\(remote)/\(name)'") : found
            }
        }
        throw try await repository.unknown(revision)
    }

    /// `HEAD~3^` as `HEAD` and 4; nil for what is no such walk.
    private static func ancestor(_ revision: String) -> (start: String, count: Int)? {
        guard let place = revision.firstIndex(where: { $0 == "~" || $0 == "^" }), place != revision.startIndex else {
            return nil
        }
        var count = 0
        var rest = revision[place...]
        while let mark = rest.popFirst() {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest.dropFirst(digits.count)
            guard mark == "~" || mark == "^", let number = digits.isEmpty ? 1 : Int(digits), number < 1_000_000 else {
                return nil
            }
            count += mark == "~" ? number : 1
        }
        return count == 0 ? nil : (String(revision[..<place]), count)
    }

    // MARK: What a runner tells

    /// Where the change of `event` begins.
    package func base(of event: CIEvent) async throws -> Found {
        let place = "\(event.runner), \(event.name)"
        switch event.base {
        case .commit(let id):
            return .commit(try await exactly(id, what: "the base \(id.prefix(12)) (\(place))"))
        case .mergedInto(let merge, let otherwise):
            let parents = head == merge ? try await repository.parents(of: head) : []
            guard parents.count > 1 else { return .commit(try await mergeBase(otherwise, event)) }
            return .commit(
                try await exactly(parents[0], what: "the target's commit \(parents[0].prefix(12)) (\(place))"))
        case .mergeBase(let revisions):
            let found = try await mergeBase(revisions, event)
            guard event.hasOwnCommits, found == head else { return .commit(found) }
            throw Diagnostic(
                .unknownBase, .error,
                "the base is not known (\(place)): what is checked out adds nothing to the target's branch",
                hint: "check out the head of the \(event.name), or name the base with '--base REF'")
        case .tagBefore(let tag):
            return try await before(tag: tag, event)
        case .nothing(let reason): return .nothing(reason: "\(place): \(reason)")
        case .unknown(let reason):
            throw Diagnostic(
                .unknownBase, .error, "the base is not known (\(place)): \(reason)",
                hint: "name it with '--base REF', or let '--if-unknown all' take everything as affected")
        }
    }

    private func before(tag: String, _ event: CIEvent) async throws -> Found {
        if let found = try await repository.tag(before: tag, at: head) {
            return .commit(try await repository.resolve("refs/tags/" + found))
        }
        if try await repository.isShallow() {
            try await run(
                Fetch(["--unshallow", "--tags"], from: repository, [head]),
                "the tag before '\(BytePath(tag).shown)' is not in this shallow clone (\(event.runner))")
            if let found = try await repository.tag(before: tag, at: head) {
                return .commit(try await repository.resolve("refs/tags/" + found))
            }
        }
        return .nothing(reason: "\(event.runner), \(event.name): no tag of its family comes before it")
    }

    private func mergeBase(_ revisions: [CIEvent.Revision], _ event: CIEvent) async throws -> String {
        let remote = try await repository.remote() ?? "origin"
        for revision in revisions {
            let (text, name) = Self.local(revision, remote)
            if let found = try await repository.known(text) { return try await mergeBase(found, named: name) }
        }
        guard let first = revisions.first else {
            throw Diagnostic(.unknownBase, .error, "the base is not known (\(event.runner), \(event.name))")
        }
        let (text, name) = Self.local(first, remote)
        let shallow = try await repository.isShallow()
        let refspec = if case .branch(let branch) = first { "+refs/heads/\(branch):\(text)" } else { text }
        try await run(
            Fetch(shallow && deepens ? ["--depth=1"] : shallow ? ["--unshallow"] : [], from: repository, [refspec]),
            "\(name), which the change is to be merged into, is not in this clone (\(event.runner), \(event.name))")
        return try await mergeBase(try await repository.resolve(text), named: name)
    }

    private static func local(_ revision: CIEvent.Revision, _ remote: String) -> (text: String, name: String) {
        switch revision {
        case .branch(let name): ("refs/remotes/\(remote)/\(name)", "'\(remote)/\(BytePath(name).shown)'")
        case .commit(let id): (id, "the commit \(id.prefix(12))")
        }
    }

    // MARK: What a clone lacks

    /// `id`, once the clone has it: only its tree is needed, so no history is fetched.
    private func exactly(_ id: String, what: String) async throws -> String {
        if try await repository.hasCommit(id) { return id }
        let depth = try await repository.isShallow() ? ["--depth=1"] : []
        try await run(Fetch(depth, from: repository, [id]), "\(what) is not in this clone")
        return try await repository.resolve(id)
    }

    /// The best common ancestor of the commit `base` and the head.
    private func mergeBase(_ base: String, named name: String) async throws -> String {
        if let found = try await repository.knownMergeBase(base, head) { return found }
        let problem = "\(name) and the head \(head.prefix(12)) have no common commit"
        guard try await repository.isShallow() else {
            throw Diagnostic(
                .unknownBase, .error, "\(problem): their histories are unrelated",
                hint: "name a base from the same history, or let '--if-unknown all' take everything as affected")
        }
        if deepens {
            for count in [50, 500, 5000] {
                try await run(Fetch(["--deepen=\(count)"], from: repository, [base, head]), problem)
                if let found = try await repository.knownMergeBase(base, head) { return found }
                if try await !repository.isShallow() { break }
            }
        }
        if try await repository.isShallow() {
            try await run(
                Fetch(["--unshallow"], from: repository, [base, head]), "\(problem) that this shallow clone can tell")
        }
        if let found = try await repository.knownMergeBase(base, head) { return found }
        throw Diagnostic(
            .unknownBase, .error, "\(problem): their histories are unrelated",
            hint: "name a base from the same history, or let '--if-unknown all' take everything as affected")
    }

    /// Runs the fetch where that was asked for; otherwise `problem` is the error and the fetch its way out.
    private func run(_ fetch: Fetch, _ problem: String) async throws {
        guard deepens else {
            throw Diagnostic(
                .unknownBase, .error, problem, hint: "run '\(fetch.shown)', or let '--deepen' do it")
        }
        if let reason = try await repository.fetch(fetch.arguments) {
            throw Diagnostic(
                .unknownBase, .error, "\(problem), and '\(fetch.shown)' failed",
                notes: [.init(reason)],
                hint: "see that the remote can be reached, or let '--if-unknown all' take everything as affected")
        }
    }

    /// A fetch of what is missing.
    private struct Fetch {
        let arguments: [String]

        init(_ options: [String], from repository: GitRepository, _ refspecs: [String]) async throws {
            arguments = options + [try await repository.remote() ?? "origin"] + refspecs
        }

        var shown: String { (["git", "fetch"] + arguments).map { BytePath($0).shown }.joined(separator: " ") }
    }
}
