import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

/// The sample system's own workflow of GitHub and pipeline of GitLab, played on it as runners play them: a change whose unit test
/// fails and whose gate against the base says no, then the same on `main`, where people are told once.
@Suite struct SampleCITests {
    private let documents = DocumentCheck()
    private let runner = ProcessRunner.ofTests
    private let root = BytePath(#filePath).parent.parent.parent

    /// What `main`'s jobs left, with what only they know of the two components that change.
    private static let few = "catalog:lint catalog:unit catalog:mutation readers:lint readers:unit"

    private struct Stage {
        let system: SampleSystem
        let slack: ScriptedServer
        var environment: [String: String]
        var folder: TemporaryFolder { system.repository.folder }

        /// The titles of messages that Slack took.
        var told: [String] {
            let text = (try? readFile(folder("slack").shown)) ?? []
            return text.split(separator: 10).compactMap {
                (try? JSONValue.parse(Array($0)))?.member("body")?.member("text")?.text
            }
        }
    }

    private func template(_ name: String) throws -> String {
        String(decoding: try readFile(root.appending("services/\(name)").shown), as: UTF8.self)
    }

    private func stage() async throws -> Stage {
        let system = try await SampleSystem()
        let folder = system.repository.folder
        let slack = try ScriptedServer(NotificationTests.slack.replacing("LOGFILE", with: folder("slack").shown))
        let binary = folder("bin")
        _ = binary.withCString { mkdir($0, 0o755) }
        let program = Program().path
        _ = binary.appending("lmsbuild").withCString { symlink(program, $0) }
        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
        let stage = Stage(
            system: system, slack: slack,
            environment: ["CI": "true", "PATH": binary.shown + ":" + path, "HOME": folder("home").shown])
        // What main's earlier jobs have left in the cache.
        try await system.repository.git(["checkout", "-q", "main"])
        let earlier = try await system.checkout("main", as: "earlier")
        let ran = try await bash("lmsbuild run -k \(Self.few)", stage, in: earlier)
        #expect(ran.succeeded, "\(String(decoding: ran.output, as: UTF8.self))")
        try await keep(earlier, stage)
        return stage
    }

    private func keep(_ checkout: BytePath, _ stage: Stage) async throws {
        let kept = stage.folder("cache").shown
        let saved = try await bash("rm -rf '\(kept)' && cp -a .lmsbuild '\(kept)'", stage, in: checkout)
        #expect(saved.succeeded)
    }

    private func restore(_ checkout: BytePath, _ stage: Stage) async throws {
        #expect(try await bash("cp -a '\(stage.folder("cache").shown)' .lmsbuild", stage, in: checkout).succeeded)
    }

    /// Runs a step as runners do.
    private func bash(
        _ script: String?, _ stage: Stage, _ more: [String: String] = [:], in folder: BytePath
    ) async throws -> CommandResult {
        var command = Command(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", try #require(script)],
            environment: stage.environment.merging(more) { $1 }, folder: folder)
        command.timeout = .seconds(240)
        return try await runner.run(command)
    }

    /// What both servers get of the failing change: the verdict, with the gate's reason.
    private func expectRefusal(_ ran: CommandResult, _ stage: Stage) {
        let output = String(decoding: ran.output, as: UTF8.self)
        #expect(ran.ending == .exited(3), "\(output)")
        #expect(output.contains("FAILED  readers:unit"), "\(output)")
        let gate =
            "'catalog:mutation': mutation is 95 in catalog/reports/mutation.json and was 100 at the base "
            + "\(stage.system.base.prefix(12)): a drop of 5, the gate wants <= 2"
        #expect(output.contains(gate), "\(output)")
        #expect(output.contains("'catalog:lint': lint is 1 in catalog/reports/lint.sarif, the gate wants == 0"))
        #expect(!output.contains("LMS512"), "\(output)")
    }

    private func expectReports(in checkout: BytePath) async throws {
        let quality = String(
            decoding: try readFile(checkout.appending("reports/code-quality.json").shown), as: UTF8.self)
        #expect(try await documents.problems(quality, schema: "code-quality") == "")
        #expect(quality.contains("catalog/tests/unit/test_isbn.py"))
        let summary = String(decoding: try readFile(checkout.appending("reports/summary.md").shown), as: UTF8.self)
        #expect(summary.hasPrefix("## lmsbuild: a check said no\n"))
        let xml = String(
            decoding: try readFile(checkout.appending("reports/files/readers.unit.1.xml").shown), as: UTF8.self)
        #expect(xml.contains("<failure message=\"AssertionError: 422 != 200\">"))
        let log = try JSONValue.parse(try readFile(checkout.appending("reports/files/catalog.lint.1.sarif").shown))
        let run = try #require(log.member("runs")?.elements?.first)
        #expect(run.member("automationDetails")?.member("id")?.text == "catalog/lint/")
        #expect(run.member("results")?.elements?.count == 1)
        #expect(try readFile(checkout.appending("reports/trace.json").shown).first == UInt8(ascii: "{"))
        let page = String(
            decoding: try readFile(checkout.appending("reports/dashboard/index.html").shown), as: UTF8.self)
        #expect(page.contains("a check said no"))
        // Whatever all that wrote, git ignores.
        let status = try await runner.run(
            Command(["git", "status", "--short"], environment: ["PATH": "/usr/bin:/bin"], folder: checkout))
        #expect(String(decoding: status.output, as: UTF8.self) == "")
    }

    // MARK: GitHub

    private struct Event {
        let name: String
        let ref: String
        let sha: String
        let payload: String
        var isMain: Bool { ref == "refs/heads/main" }
    }

    /// Plays the job, and gives what its run printed and wrote onto the step's page.
    private func play(
        _ workflow: JSONValue, _ event: Event, _ stage: Stage, in checkout: BytePath, targets: String? = nil
    ) async throws -> (ran: CommandResult, summary: String) {
        try stage.folder.write("event.json", event.payload)
        try stage.folder.write("summary", "")
        var environment = [
            "GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": event.name, "GITHUB_SHA": event.sha,
            "GITHUB_REF": event.ref, "GITHUB_REF_NAME": event.isMain ? "main" : "7/merge",
            "GITHUB_HEAD_REF": event.isMain ? "" : "topic", "GITHUB_ACTOR": "ada",
            "GITHUB_EVENT_PATH": stage.folder("event.json").shown, "GITHUB_STEP_SUMMARY": stage.folder("summary").shown,
        ]
        environment["TARGETS"] = targets ?? workflow.member("env")?.member("TARGETS")?.text
        // The expressions of the template, as the server works them out.
        let expressions = [
            "${{ github.ref == 'refs/heads/main' && secrets.SLACK_WEBHOOK_URL || '' }}":
                event.isMain ? stage.slack.url + "/services/T0/B0/verysecretpath" : "",
            "${{ github.event_name != 'push' && '--affected' || '' }}": event.name != "push" ? "--affected" : "",
        ]
        var ran: CommandResult?
        for step in workflow.member("jobs")?.member("check")?.member("steps")?.elements ?? [] {
            let action = step.member("uses")?.text?.prefix { $0 != "@" } ?? ""
            switch action {
            case "actions/cache/restore":
                #expect(step.member("with")?.member("path")?.text == ".lmsbuild")
                try await restore(checkout, stage)
            case "actions/cache/save":
                #expect(step.member("if")?.text == "${{ !cancelled() && github.ref == 'refs/heads/main' }}")
                if event.isMain { try await keep(checkout, stage) }
            case "":
                var own: [String: String] = [:]
                for (name, value) in step.member("env")?.members ?? [] {
                    let worked: String = try #require(expressions[value.text ?? ""], "\(name)")
                    own[name] = worked
                }
                let result = try await bash(
                    step.member("run")?.text, stage, environment.merging(own) { $1 }, in: checkout)
                if step.member("id")?.text == "run" {
                    ran = result
                } else {
                    #expect(step.member("if")?.text == "${{ !cancelled() }}")
                    #expect(result.succeeded, "\(String(decoding: result.output, as: UTF8.self))")
                }
            case "actions/checkout", "actions/upload-artifact", "github/codeql-action/upload-sarif": break
            default: Issue.record("the step \(action) is not played")
            }
        }
        return (try #require(ran), String(decoding: try readFile(stage.folder("summary").shown), as: UTF8.self))
    }

    @Test func theWorkflowOfGitHub() async throws {
        let text = try template(".github/workflows/lmsbuild.yml")
        #expect(try await documents.problems(yaml: text, server: "github-workflows") == "")
        let workflow = try await documents.json(yaml: text)
        let stage = try await stage()
        let (base, merge) = (stage.system.base, stage.system.merge)

        let request = Event(
            name: "pull_request", ref: "refs/pull/7/merge", sha: merge,
            payload: #"{"pull_request": {"base": {"ref": "main", "sha": "\#(base)"}}}"#)
        let first = try await stage.system.checkout("merge", as: "request")
        let (ran, summary) = try await play(workflow, request, stage, in: first)
        expectRefusal(ran, stage)
        let annotations = String(decoding: ran.output, as: UTF8.self).split(separator: "\n").filter {
            $0.hasPrefix("::")
        }
        for wanted in [
            "::error file=catalog/tests/unit/test_isbn.py,line=1,title=catalog%3Alint%3A F401::'wave' imported but unused",
            "::error file=readers/tests/unit/test_api.py,line=32,title=readers%3Aunit%3A test_api.ApiTest › test_a_category",
            "::error file=catalog/Buildfile,line=15,title=catalog%3Amutation::'catalog:mutation': mutation is 95",
        ] { #expect(annotations.contains { $0.hasPrefix(wanted) }, "\(annotations)") }
        #expect(summary.hasPrefix("## lmsbuild: a check said no\n"))
        #expect(summary.contains("| readers:unit | failed |"))
        #expect(summary.contains("a drop of 5, the gate wants &lt;= 2"))
        try await expectReports(in: first)
        // A pull request tells nobody.
        #expect(stage.told == [])

        try await stage.system.repository.git(["checkout", "-q", "-B", "main", "merge"])
        for name in ["main", "again"] {
            let push = Event(
                name: "push", ref: "refs/heads/main", sha: merge,
                payload: #"{"before": "\#(base)", "after": "\#(merge)"}"#)
            let checkout = try await stage.system.checkout("main", as: name)
            expectRefusal(try await play(workflow, push, stage, in: checkout, targets: Self.few).ran, stage)
        }
        #expect(stage.told.count == 1, "\(stage.told)")
        #expect(stage.told.first?.hasPrefix("lms: ") == true)
    }

    // MARK: GitLab

    @Test func thePipelineOfGitLab() async throws {
        let text = try template(".gitlab-ci.yml")
        #expect(try await documents.problems(yaml: text, server: "gitlab-ci") == "")
        let pipeline = try await documents.json(yaml: text)
        let job = try #require(pipeline.member("check"))
        let stage = try await stage()
        let (base, merge) = (stage.system.base, stage.system.merge)
        let rules = job.member("rules")?.elements ?? []
        #expect(rules.first?.member("if")?.text == "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH")
        #expect(job.member("cache")?.member("paths")?.elements?.map(\.text) == [".lmsbuild/"])
        #expect(job.member("cache")?.member("policy")?.text == "$CACHE_POLICY")
        #expect(job.member("cache")?.member("when")?.text == "always")

        func play(isMain: Bool, in checkout: BytePath) async throws -> CommandResult {
            var environment = ["GITLAB_CI": "true", "CI_COMMIT_SHA": merge, "CI_DEFAULT_BRANCH": "main"]
            if isMain {
                environment.merge([
                    "CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "main", "CI_COMMIT_REF_NAME": "main",
                    "CI_COMMIT_BEFORE_SHA": base,
                    // A protected variable, which only protected branches' jobs get.
                    "SLACK_WEBHOOK_URL": stage.slack.url + "/services/T0/B0/verysecretpath",
                ]) { $1 }
            } else {
                environment.merge([
                    "CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_EVENT_TYPE": "merged_result",
                    "CI_MERGE_REQUEST_DIFF_BASE_SHA": base, "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "topic",
                    "CI_COMMIT_REF_NAME": "topic",
                ]) { $1 }
            }
            environment["TARGETS"] = isMain ? Self.few : pipeline.member("variables")?.member("TARGETS")?.text
            let rule = try #require(isMain ? rules.first : rules.last)
            for (name, value) in rule.member("variables")?.members ?? [] { environment[name] = value.text }
            try await restore(checkout, stage)
            func lines(_ key: String) -> String? {
                job.member(key)?.elements?.compactMap(\.text).joined(separator: "\n")
            }
            let ran = try await bash(lines("script"), stage, environment, in: checkout)
            let after = try await bash(lines("after_script"), stage, environment, in: checkout)
            #expect(after.succeeded, "\(String(decoding: after.output, as: UTF8.self))")
            if environment["CACHE_POLICY"] == "pull-push" { try await keep(checkout, stage) }
            return ran
        }

        let request = try await stage.system.checkout("merge", as: "request")
        expectRefusal(try await play(isMain: false, in: request), stage)
        try await expectReports(in: request)
        let artifacts = job.member("artifacts")?.member("reports")
        #expect(artifacts?.member("junit")?.text == "reports/files/*.xml")
        #expect(artifacts?.member("codequality")?.text == "reports/code-quality.json")
        #expect(stage.told == [])

        try await stage.system.repository.git(["checkout", "-q", "-B", "main", "merge"])
        for name in ["main", "again"] {
            let checkout = try await stage.system.checkout("main", as: name)
            expectRefusal(try await play(isMain: true, in: checkout), stage)
        }
        #expect(stage.told.count == 1, "\(stage.told)")
    }
}
