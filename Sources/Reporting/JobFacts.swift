// What a CI server's own variables say of the job: branch, commit, who, where to look. Does not ask git.

/// The job that lmsbuild runs in, as far as its environment tells; all nil outside of one that is known.
package struct JobFacts: Sendable, Equatable {
    /// A branch, a tag, or what stands for a pull request: never the name that somebody else's branch has in their fork.
    package var branch: String?
    package var commit: String?
    package var who: String?
    /// The job's or pipeline's page.
    package var link: String?
    /// The job's own number or name, the same for no two.
    package var run: String?
    /// The repository's page.
    package var repository: String?
    /// How the pipeline is called.
    package var pipeline: String?

    /// Follows what GitHub Actions (`GITHUB_*`), GitLab CI/CD (`CI_*`) and Jenkins (`BUILD_*`) document.
    package init(_ environment: [String: String]) {
        func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        if value("GITHUB_ACTIONS") == "true" {
            branch = value("GITHUB_REF_NAME")
            commit = value("GITHUB_SHA")
            who = value("GITHUB_ACTOR")
            run = value("GITHUB_RUN_ID")
            pipeline = value("GITHUB_WORKFLOW")
            if let server = value("GITHUB_SERVER_URL"), let name = value("GITHUB_REPOSITORY") {
                repository = "\(server)/\(name)"
                link = run.map { "\(server)/\(name)/actions/runs/\($0)" }
            }
        } else if value("GITLAB_CI") == "true" {
            branch = value("CI_MERGE_REQUEST_IID").map { "merge-request/\($0)" } ?? value("CI_COMMIT_REF_NAME")
            commit = value("CI_COMMIT_SHA")
            who = value("GITLAB_USER_LOGIN")
            run = value("CI_JOB_ID")
            pipeline = value("CI_PIPELINE_NAME") ?? value("CI_JOB_NAME")
            repository = value("CI_PROJECT_URL")
            link = value("CI_JOB_URL") ?? value("CI_PIPELINE_URL")
        } else if value("JENKINS_URL") != nil {
            branch = value("CHANGE_ID").map { "change/\($0)" } ?? value("BRANCH_NAME") ?? value("GIT_BRANCH")
            commit = value("GIT_COMMIT")
            who = value("BUILD_USER")
            run = value("BUILD_TAG")
            pipeline = value("JOB_NAME")
            link = value("BUILD_URL")
        }
    }
}
