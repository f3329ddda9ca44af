import BuildEngine
import Testing

/// The variables are those that the runners set for each event, as their documentation lists them.
@Suite struct CIEventTests {
    private let one = String(repeating: "1", count: 40)
    private let two = String(repeating: "2", count: 40)
    private let zeros = String(repeating: "0", count: 40)

    private func gitHub(_ event: String, _ payload: String, _ more: [String: String] = [:]) -> CIEvent? {
        let fixed = ["GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": event, "GITHUB_EVENT_PATH": "/event.json"]
        return CIEvent.detect(environment: fixed.merging(more) { $1 }) {
            $0 == "/event.json" ? Array(payload.utf8) : nil
        }
    }

    private func gitLab(_ source: String, _ more: [String: String]) -> CIEvent? {
        let fixed = ["GITLAB_CI": "true", "CI_PIPELINE_SOURCE": source]
        return CIEvent.detect(environment: fixed.merging(more) { $1 }) { _ in nil }
    }

    @Test func outsideARunnerThereIsNoEvent() {
        #expect(CIEvent.detect(environment: ["CI": "true"]) { _ in nil } == nil)
    }

    @Test func gitHubPullRequests() {
        let payload = #"{"pull_request": {"base": {"ref": "main", "sha": "\#(one)"}, "head": {"sha": "\#(two)"}}}"#
        let otherwise: [CIEvent.Revision] = [.branch("main"), .commit(one)]
        #expect(
            gitHub("pull_request", payload, ["GITHUB_SHA": two])?.base == .mergedInto(merge: two, otherwise: otherwise))
        #expect(gitHub("pull_request_target", payload, ["GITHUB_SHA": two])?.base == .mergeBase(otherwise))
        #expect(gitHub("pull_request_target", payload)?.hasOwnCommits == true)
    }

    @Test func gitHubPushes() {
        let branch = ["GITHUB_REF_NAME": "topic", "GITHUB_REF_TYPE": "branch"]
        #expect(gitHub("push", #"{"before": "\#(one)"}"#, branch)?.base == .commit(one))
        let first = #"{"before": "\#(zeros)", "repository": {"default_branch": "main"}}"#
        #expect(gitHub("push", first, branch)?.base == .mergeBase([.branch("main")]))
        #expect(
            gitHub("push", first, ["GITHUB_REF_NAME": "main", "GITHUB_REF_TYPE": "branch"])?.base
                == .nothing(reason: "it is the first push of the default branch"))
        let tag = ["GITHUB_REF_NAME": "v2", "GITHUB_REF_TYPE": "tag"]
        #expect(gitHub("push", #"{"before": "\#(zeros)"}"#, tag)?.base == .tagBefore("v2"))
        #expect(gitHub("release", "{}", tag)?.base == .tagBefore("v2"))
    }

    @Test func gitHubMergeQueues() {
        let payload = #"{"merge_group": {"base_sha": "\#(one)", "head_sha": "\#(two)"}}"#
        #expect(gitHub("merge_group", payload)?.base == .commit(one))
    }

    @Test(arguments: [
        ("schedule", "{}"), ("workflow_dispatch", "{}"), ("push", "{}"), ("push", #"{"before": 3}"#),
        ("push", #"{"before": "0000000000000000000000000000000000000000"}"#), ("pull_request", "{}"),
        ("pull_request", #"{"pull_request": {"base": {"sha": "--output=x"}}}"#), ("merge_group", "{}"),
        ("push", "no JSON"),
    ])
    func whatGitHubDoesNotTellIsUnknown(_ event: String, _ payload: String) {
        guard case .unknown = gitHub(event, payload, ["GITHUB_REF_NAME": "topic", "GITHUB_REF_TYPE": "branch"])?.base
        else {
            Issue.record("\(event) \(payload)")
            return
        }
    }

    @Test func gitLabMergeRequests() {
        let fixed = [
            "CI_MERGE_REQUEST_DIFF_BASE_SHA": one, "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main", "CI_COMMIT_SHA": two,
            "CI_COMMIT_BEFORE_SHA": zeros,
        ]
        let otherwise: [CIEvent.Revision] = [.commit(one), .branch("main")]
        func base(_ kind: String) -> CIEvent.Base? {
            gitLab("merge_request_event", fixed.merging(["CI_MERGE_REQUEST_EVENT_TYPE": kind]) { $1 })?.base
        }
        #expect(base("detached") == .mergeBase(otherwise))
        #expect(base("merged_result") == .mergedInto(merge: two, otherwise: otherwise))
        #expect(base("merge_train") == .mergedInto(merge: two, otherwise: otherwise))
        #expect(gitLab("merge_request_event", fixed)?.base == .mergeBase(otherwise))
    }

    @Test func gitLabPushesAndTags() {
        #expect(
            gitLab("push", ["CI_COMMIT_BRANCH": "topic", "CI_COMMIT_BEFORE_SHA": one])?.base == .commit(one))
        let first = ["CI_COMMIT_BRANCH": "topic", "CI_COMMIT_BEFORE_SHA": zeros, "CI_DEFAULT_BRANCH": "main"]
        #expect(gitLab("push", first)?.base == .mergeBase([.branch("main")]))
        #expect(
            gitLab("push", first.merging(["CI_COMMIT_BRANCH": "main"]) { $1 })?.base
                == .nothing(reason: "it is the first push of the default branch"))
        #expect(gitLab("push", ["CI_COMMIT_TAG": "v2", "CI_COMMIT_BEFORE_SHA": zeros])?.base == .tagBefore("v2"))
    }

    @Test(arguments: ["schedule", "web", "api", "trigger", "merge_request_event", "parent_pipeline"])
    func whatGitLabDoesNotTellIsUnknown(_ source: String) {
        guard case .unknown = gitLab(source, ["CI_COMMIT_BEFORE_SHA": zeros, "CI_COMMIT_BRANCH": "main"])?.base else {
            Issue.record("\(source)")
            return
        }
    }
}
