import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

/// The templates in `docs/ci`: valid by the schemas of the servers they are for, and their scripts run in a simulated job.
@Suite struct CITemplateTests {
    private let documents = DocumentCheck()
    private let runner = ProcessRunner.ofTests
    private let root = BytePath(#filePath).parent.parent.parent

    private func template(_ name: String) throws -> String {
        String(decoding: try readFile(root.appending("docs/ci/\(name)").shown), as: UTF8.self)
    }

    /// A server with three services, of which the last commit of `topic` changes one; and what a runner checks out.
    private struct Job {
        let repository: TestRepository
        let checkout: BytePath
        let base: String
        let merge: String
        var environment: [String: String]

        func output(_ name: String) throws -> String? {
            let lines = String(decoding: try readFile(repository.folder("output").shown), as: UTF8.self)
                .split(separator: "\n")
            return lines.first { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.utf8.count + 1)) }
        }
    }

    /// A shallow checkout of the merge of `topic`, as runners make it.
    private func job(changing file: String? = "s2/src") async throws -> Job {
        let repository = try await TestRepository()
        var buildfile = ""
        for number in 1...3 {
            buildfile += "service s\(number)\n    dir s\(number)\n    build: src -> out\n        cp src out\n"
            try repository.write("s\(number)/src", "1")
        }
        try repository.write("Buildfile", buildfile)
        try repository.write(".gitignore", "out\n")
        let base = try await repository.commitAll("1")
        try await repository.git(["checkout", "-q", "-b", "topic"])
        if let file { try repository.write(file, "2") }
        try await repository.commitAll("2")
        try await repository.git(["checkout", "-q", "-b", "merge", "main"])
        try await repository.git(["merge", "-q", "--no-ff", "-m", "merge", "topic"])
        let merge = try await repository.line("rev-parse", "HEAD")
        let checkout = repository.folder("checkout")
        try await repository.git(
            ["clone", "-q", "--depth=1", "--branch=merge", "file://" + repository.path.shown, checkout.shown])
        let binary = repository.folder("bin")
        _ = binary.withCString { mkdir($0, 0o755) }
        let program = Program().path
        _ = binary.appending("lmsbuild").withCString { symlink(program, $0) }
        try repository.folder.write("output", "")
        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
        let environment = ["CI": "true", "PATH": binary.shown + ":" + path, "HOME": repository.folder("home").shown]
        return Job(repository: repository, checkout: checkout, base: base, merge: merge, environment: environment)
    }

    private func gitHub(_ job: Job) throws -> Job {
        try job.repository.folder.write(
            "event.json", #"{"pull_request": {"base": {"ref": "main", "sha": "\#(job.base)"}}}"#)
        var job = job
        job.environment.merge([
            "GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "pull_request", "GITHUB_SHA": job.merge,
            "GITHUB_EVENT_PATH": job.repository.folder("event.json").shown,
            "GITHUB_OUTPUT": job.repository.folder("output").shown,
        ]) { $1 }
        return job
    }

    /// Runs a step as GitHub's runner does.
    private func bash(_ script: String?, _ job: Job, _ more: [String: String] = [:]) async throws -> CommandResult {
        var command = Command(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", try #require(script)],
            environment: job.environment.merging(more) { $1 }, folder: job.checkout)
        command.timeout = .seconds(120)
        return try await runner.run(command)
    }

    private func steps(_ workflow: JSONValue, _ job: String) -> [JSONValue] {
        workflow.member("jobs")?.member(job)?.member("steps")?.elements ?? []
    }

    @Test func theWorkflowOfGitHub() async throws {
        let text = try template("github-workflow.yml")
        #expect(try await documents.problems(yaml: text, server: "github-workflows") == "")
        let workflow = try await documents.json(yaml: text)
        let job = try gitHub(try await job())
        let plan = steps(workflow, "plan").first { $0.member("id")?.text == "affected" }
        let planned = try await bash(plan?.member("run")?.text, job)
        #expect(planned.succeeded, "\(String(decoding: planned.output, as: UTF8.self))")
        let result = try JSONValue.parse(Array((try job.output("plan") ?? "").utf8))
        #expect(result.member("any") == .bool(true))
        let entries = result.member("matrix")?.member("include")?.elements ?? []
        #expect(entries.map { $0.member("name")?.text } == ["s2"])
        let run = steps(workflow, "run").compactMap { $0.member("run")?.text }.first
        let ran = try await bash(run, job, ["TARGETS": entries.first?.member("targets")?.text ?? ""])
        #expect(ran.succeeded, "\(String(decoding: ran.output, as: UTF8.self))")
        #expect(try readFile(job.checkout.appending("s2/out").shown) == Array("2".utf8))
        let gate = steps(workflow, "affected").compactMap { $0.member("run")?.text }.first
        for (plan, run, isGreen) in [
            ("success", "success", true), ("success", "skipped", true), ("success", "failure", false),
            ("failure", "skipped", false), ("cancelled", "skipped", false),
        ] {
            #expect(try await bash(gate, job, ["PLAN": plan, "RUN": run]).succeeded == isGreen)
        }
    }

    @Test func theActionOfGitHub() async throws {
        let text = try template("action.yml")
        #expect(try await documents.problems(yaml: text, server: "github-actions") == "")
        let script = try await documents.json(yaml: text).member("runs")?.member("steps")?.elements?.first?.member(
            "run")?
            .text
        let inputs = ["BASE": "", "STAGE": "", "IF_UNKNOWN": "fail"]
        let changed = try gitHub(try await job())
        #expect(try await bash(script, changed, inputs).succeeded)
        #expect(try changed.output("any") == "true")
        #expect(try changed.output("components") == "s2 ")
        #expect(try changed.output("matrix")?.contains(#""targets":"s2""#) == true)
        let same = try gitHub(try await job(changing: nil))
        #expect(try await bash(script, same, inputs.merging(["STAGE": "build"]) { $1 }).succeeded)
        #expect(try same.output("any") == "false")
        let wrong = try gitHub(try await job())
        #expect(try await !bash(script, wrong, inputs.merging(["BASE": "gone"]) { $1 }).succeeded)
        #expect(try wrong.output("any") == nil)
    }

    @Test func thePipelineOfGitLab() async throws {
        let text = try template("gitlab-ci.yml")
        #expect(try await documents.problems(yaml: text, server: "gitlab-ci") == "")
        let pipeline = try await documents.json(yaml: text)
        var job = try await job()
        job.environment.merge([
            "GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "merge_request_event", "CI_COMMIT_SHA": job.merge,
            "CI_MERGE_REQUEST_EVENT_TYPE": "merged_result", "CI_MERGE_REQUEST_DIFF_BASE_SHA": job.base,
        ]) { $1 }
        let script = pipeline.member("affected")?.member("script")?.elements?.first?.text
        let planned = try await bash(script, job)
        #expect(planned.succeeded, "\(String(decoding: planned.output, as: UTF8.self))")
        let child = String(decoding: try readFile(job.checkout.appending("affected.yml").shown), as: UTF8.self)
        #expect(try await documents.problems(yaml: child, server: "gitlab-ci") == "")
        let variables = try await documents.json(yaml: child).member("run s2")?.member("variables")
        #expect(variables?.member("LMSBUILD_TARGETS")?.text == "s2")
        // The hidden job that the template's comment shows.
        let comment = text.split(separator: "\n").drop { !$0.contains("#   .lmsbuild:") }.prefix {
            $0.hasPrefix("#   ")
        }
        let hidden = try await documents.json(yaml: comment.map { $0.dropFirst(4) + "\n" }.joined())
        let lines = hidden.member(".lmsbuild")?.member("script")?.elements?.compactMap(\.text)
        let ran = try await bash(lines?.joined(separator: "\n"), job, ["LMSBUILD_TARGETS": "s2"])
        #expect(ran.succeeded, "\(String(decoding: ran.output, as: UTF8.self))")
        #expect(try readFile(job.checkout.appending("s2/out").shown) == Array("2".utf8))
    }

    @Test func thePlainScript() async throws {
        let script = root.appending("docs/ci/affected.sh").shown
        let job = try await job()
        let ran = try await bash("BASE=\(job.base) \(script)", job)
        #expect(ran.succeeded, "\(String(decoding: ran.output, as: UTF8.self))")
        #expect(try readFile(job.checkout.appending("s2/out").shown) == Array("2".utf8))
        let none = try await bash("BASE=HEAD \(script)", job)
        #expect(none.succeeded)
        #expect(String(decoding: none.output, as: UTF8.self).hasSuffix("nothing is affected\n"))
        let wrong = try await bash("BASE=gone \(script)", job)
        #expect(wrong.ending == .exited(2))
    }
}
