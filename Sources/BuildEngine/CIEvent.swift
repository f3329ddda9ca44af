// What a CI runner's own variables say of the change it tests. Does not ask git, nor look at anything but its arguments.

/// The change that a CI job is about.
///
/// Follows the variables that GitHub Actions (`GITHUB_*` and the event's payload) and GitLab CI/CD (`CI_*`) document.
/// What they don't tell is `.unknown`, with the reason: never a guess, and never "nothing has changed".
package struct CIEvent: Sendable, Hashable {
    /// Where in the history the change begins.
    package enum Base: Sendable, Hashable {
        /// This commit, whatever lies between.
        case commit(String)
        /// The commit `merge` is one that the runner's server made by merging the change into its target: its first
        /// parent. Where it is no merge, or something else is checked out, the merge base with the first of `otherwise`
        /// that the clone knows.
        case mergedInto(merge: String, otherwise: [Revision])
        /// The merge base with the first of these that the clone knows.
        case mergeBase([Revision])
        /// The nearest tag before this one, of the same family.
        case tagBefore(String)
        /// There is nothing before it.
        case nothing(reason: String)
        /// The variables don't say.
        case unknown(reason: String)
    }

    /// What a merge base is taken with.
    package enum Revision: Sendable, Hashable {
        /// A branch of the server's.
        case branch(String)
        case commit(String)
    }

    /// `GitHub Actions` or `GitLab CI/CD`.
    package let runner: String
    /// What happened, for people: `pull request`, `push to 'main'`.
    package let name: String
    package let base: Base
    /// Whether a head that adds nothing to the base can only mean that something else is checked out.
    package let hasOwnCommits: Bool

    package init(_ runner: String, _ name: String, _ base: Base, hasOwnCommits: Bool = false) {
        self.runner = runner
        self.name = name
        self.base = base
        self.hasOwnCommits = hasOwnCommits
    }

    /// The event that `environment` tells of; nil outside a runner that is known. `read` gives a file's bytes, or nil
    /// where it cannot be read.
    package static func detect(
        environment: [String: String], read: (String) -> [UInt8]?
    ) -> CIEvent? {
        if environment["GITHUB_ACTIONS"] == "true" { return gitHub(environment, read) }
        if environment["GITLAB_CI"] == "true" { return gitLab(environment) }
        return nil
    }

    /// An object id that names something: not the zeros that stand for "there was none".
    static func commit(_ text: String?) -> String? {
        guard let text, ObjectID(hex: Array(text.utf8)) != nil, text.utf8.contains(where: { $0 != UInt8(ascii: "0") })
        else { return nil }
        return text
    }

    // MARK: GitHub

    private static func gitHub(_ environment: [String: String], _ read: (String) -> [UInt8]?) -> CIEvent {
        let runner = "GitHub Actions"
        let event = environment["GITHUB_EVENT_NAME"] ?? ""
        guard let path = environment["GITHUB_EVENT_PATH"], let bytes = read(path),
            let payload = try? JSONValue.parse(bytes)
        else {
            return CIEvent(runner, event, .unknown(reason: "the event's file (GITHUB_EVENT_PATH) cannot be read"))
        }
        switch event {
        case "pull_request", "pull_request_target":
            return gitHubPullRequest(event, environment, payload)
        case "merge_group":
            guard let base = commit(payload.member("merge_group")?.member("base_sha")?.text) else {
                return CIEvent(runner, "merge queue", .unknown(reason: "the event names no 'merge_group.base_sha'"))
            }
            return CIEvent(runner, "merge queue", .commit(base))
        case "push":
            return gitHubPush(environment, payload)
        case "release":
            guard let tag = environment["GITHUB_REF_NAME"], !tag.isEmpty else { break }
            return CIEvent(runner, "release '\(tag)'", .tagBefore(tag))
        default: break
        }
        let reason = "a '\(event)' event is about no change"
        return CIEvent(runner, event, .unknown(reason: reason))
    }

    private static func gitHubPullRequest(
        _ event: String, _ environment: [String: String], _ payload: JSONValue
    ) -> CIEvent {
        let base = payload.member("pull_request")?.member("base")
        var revisions: [Revision] = []
        if let name = base?.member("ref")?.text, !name.isEmpty { revisions.append(.branch(name)) }
        if let id = commit(base?.member("sha")?.text) { revisions.append(.commit(id)) }
        let runner = "GitHub Actions"
        guard !revisions.isEmpty else {
            return CIEvent(runner, "pull request", .unknown(reason: "the event names no 'pull_request.base'"))
        }
        // With pull_request_target GITHUB_SHA is the target's own commit, never a merge of the change.
        if event == "pull_request", let merge = commit(environment["GITHUB_SHA"]) {
            return CIEvent(runner, "pull request", .mergedInto(merge: merge, otherwise: revisions))
        }
        return CIEvent(runner, "pull request", .mergeBase(revisions), hasOwnCommits: true)
    }

    private static func gitHubPush(_ environment: [String: String], _ payload: JSONValue) -> CIEvent {
        let runner = "GitHub Actions"
        let name = environment["GITHUB_REF_NAME"] ?? ""
        if environment["GITHUB_REF_TYPE"] == "tag" {
            return CIEvent(runner, "tag '\(name)'", .tagBefore(name))
        }
        if let before = commit(payload.member("before")?.text) {
            return CIEvent(runner, "push to '\(name)'", .commit(before))
        }
        guard payload.member("before")?.text != nil else {
            return CIEvent(runner, "push to '\(name)'", .unknown(reason: "the event names no 'before'"))
        }
        return firstPush(
            runner, branch: name, defaultBranch: payload.member("repository")?.member("default_branch")?.text)
    }

    /// A branch that was not there before: what it adds to the default branch.
    private static func firstPush(_ runner: String, branch: String, defaultBranch: String?) -> CIEvent {
        let event = "first push of '\(branch)'"
        guard let defaultBranch, !defaultBranch.isEmpty else {
            return CIEvent(runner, event, .unknown(reason: "the default branch is not named"))
        }
        if branch == defaultBranch {
            return CIEvent(runner, event, .nothing(reason: "it is the first push of the default branch"))
        }
        return CIEvent(runner, event, .mergeBase([.branch(defaultBranch)]))
    }

    // MARK: GitLab

    private static func gitLab(_ environment: [String: String]) -> CIEvent {
        let runner = "GitLab CI/CD"
        let source = environment["CI_PIPELINE_SOURCE"] ?? ""
        if source == "merge_request_event" { return gitLabMergeRequest(environment) }
        if let tag = environment["CI_COMMIT_TAG"], !tag.isEmpty {
            return CIEvent(runner, "tag '\(tag)'", .tagBefore(tag))
        }
        guard source == "push" else {
            return CIEvent(runner, source, .unknown(reason: "a pipeline by '\(source)' is about no change"))
        }
        let branch = environment["CI_COMMIT_BRANCH"] ?? environment["CI_COMMIT_REF_NAME"] ?? ""
        if let before = commit(environment["CI_COMMIT_BEFORE_SHA"]) {
            return CIEvent(runner, "push to '\(branch)'", .commit(before))
        }
        return firstPush(runner, branch: branch, defaultBranch: environment["CI_DEFAULT_BRANCH"])
    }

    private static func gitLabMergeRequest(_ environment: [String: String]) -> CIEvent {
        let runner = "GitLab CI/CD"
        var revisions: [Revision] = []
        if let base = commit(environment["CI_MERGE_REQUEST_DIFF_BASE_SHA"]) { revisions.append(.commit(base)) }
        if let name = environment["CI_MERGE_REQUEST_TARGET_BRANCH_NAME"], !name.isEmpty {
            revisions.append(.branch(name))
        }
        let kind = environment["CI_MERGE_REQUEST_EVENT_TYPE"] ?? "detached"
        let name = kind == "merge_train" ? "merge train" : "merge request"
        guard !revisions.isEmpty else {
            return CIEvent(
                runner, name,
                .unknown(
                    reason: "neither CI_MERGE_REQUEST_DIFF_BASE_SHA nor CI_MERGE_REQUEST_TARGET_BRANCH_NAME is set"))
        }
        if kind != "detached", let merge = commit(environment["CI_COMMIT_SHA"]) {
            return CIEvent(runner, name, .mergedInto(merge: merge, otherwise: revisions))
        }
        return CIEvent(runner, name, .mergeBase(revisions))
    }
}
