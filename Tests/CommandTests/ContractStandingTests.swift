import BuildGraph
import BuildTestSupport
import Foundation
import Testing

/// What `contracts` says of what is pending, and of what runs in an environment.
@Suite struct ContractStandingTests {
    private typealias Workspace = VerifierWorkspace

    private func ask(_ workspace: Workspace, _ arguments: String..., status: Int32 = 0) async throws -> String {
        let outcome = try await workspace.program.run(
            ["contracts"] + arguments, in: workspace.repository.path, environment: workspace.environment)
        #expect(outcome.status == status, "\(outcome.errors)")
        return status == 0 ? outcome.output : outcome.errors
    }

    private var today: String {
        let format = ISO8601DateFormatter()
        format.formatOptions = [.withFullDate]
        return format.string(from: Date())
    }

    @Test func whatIsPendingIsNoFailure() async throws {
        let workspace = try await Workspace("[pact health=/health] [pending]")
        let before = today
        try workspace.contract("lending", [Workspace.book, Workspace.interaction("the new", "/new")])
        #expect(try await workspace.run().status == 0)
        let days = [before, today]
        let text = try await ask(workspace)
        #expect(days.contains { text.contains("lending   catalog   pending since \($0)  1 of 2") }, "\(text)")
        #expect(text.contains("2 pairs: 1 verified, 1 pending; 1 of 4 terms to verify"), "\(text)")
        let why = try await ask(workspace, "--why", "lending/catalog")
        #expect(days.contains { why.contains("pending   'the new' on \($0)") }, "\(why)")
        #expect(why.contains("the provider has never done it, asked for since"), "\(why)")
        let json = try await ask(workspace, "--format", "json", "--junit", "junit.xml")
        #expect(try await DocumentCheck().problems(json, schema: "contracts") == "")
        #expect(json.contains("\"state\": \"pending\"") && json.contains("\"since\": \""), "\(json)")
        #expect(!json.contains("\"failed\""))
        let junit = try String(contentsOfFile: "\(workspace.repository.path.shown)/junit.xml", encoding: .utf8)
        #expect(junit.contains("failures=\"0\" errors=\"0\" skipped=\"1\""), "\(junit)")
        #expect(days.contains { junit.contains("<skipped message=\"pending since \($0)") }, "\(junit)")
        let page = try await ask(workspace, "--format", "html")
        #expect(days.contains { page.contains("lending → catalog: pending since \($0), 1 of 2</li>") })
        // What was done once fails beside it, and so does the pair.
        try workspace.repository.write("catalog/settings.json", #"{ "title": "Persuasion" }"#)
        #expect(try await workspace.run().status == 3)
        #expect(try await ask(workspace, "lending").contains("lending   catalog   failed  0 of 2"))
    }

    @Test func whatRunsInAnEnvironmentShows() async throws {
        let workspace = try await Workspace()
        let repository = workspace.repository
        let buildfile = try String(contentsOfFile: "\(repository.path.shown)/Buildfile", encoding: .utf8)
        try repository.write("compose.yml", "services: {}\n")
        try repository.write("Buildfile", "environment staging\n    stack compose.yml\n\n" + buildfile)
        try await repository.commitAll()
        #expect(try await ask(workspace, "--env", "stagin", status: 2).contains("did you mean 'staging'?"))
        #expect(try await ask(workspace, "--env", "staging", status: 2).contains("nothing runs in 'staging' yet"))
        #expect(try await workspace.run().status == 0)
        let released = try await workspace.program.run(
            ["release", "-o", "lock.json"], in: repository.path, environment: workspace.environment)
        #expect(released.status == 0, "\(released.errors)")
        let name = String(repeating: "5e", count: 32)
        let lock = try String(contentsOfFile: "\(repository.path.shown)/lock.json", encoding: .utf8)
        try repository.write(".lmsbuild/environments/staging/current", name + "\n")
        #expect(try await ask(workspace, "--env", "staging", status: 2).contains("is not there"))
        try repository.write(".lmsbuild/releases/\(name).json", lock)
        #expect(try await ask(workspace, "--env", "staging").contains("2 pairs: 2 verified"))
        // What changed here does not run there.
        try repository.write("catalog/settings.json", #"{ "title": "Persuasion" }"#)
        #expect(try await ask(workspace).contains("2 pairs: 2 to do"))
        #expect(try await ask(workspace, "--env", "staging").contains("2 pairs: 2 verified"))
        #expect(try await ask(workspace, "--env", "staging", "--release", "lock.json", status: 2).contains("give one"))
        try repository.write(".lmsbuild/environments/staging/current", "now\n")
        #expect(try await ask(workspace, "--env", "staging", status: 2).contains("names no release"))
    }
}
