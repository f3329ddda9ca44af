import BuildGraph
import BuildTestSupport
import Testing

/// What `verify` rules do with `[pending]` and `[batch]` where the recipe is the verifier.
@Suite struct OwnVerifierTests {
    private typealias Workspace = VerifierWorkspace

    /// Fails where a contract names a path that the settings do not.
    private static let recipe = #"""
        for file in $contract; do
            for path in $(sed -n 's/.*"path": "\([^"]*\)".*/\1/p' "$file"); do
                echo "$consumer: $path"
                echo "$consumer: $path" >> "${NOTES}" || true
                grep -q "$path" settings.json
            done
        done
        """#

    private func workspace(_ attributes: String, _ consumers: [String], _ paths: String) async throws -> Workspace {
        try await Workspace(
            attributes, recipe: Self.recipe, consumers: consumers, settings: #"{ "paths": "\#(paths)" }"#)
    }

    @Test(arguments: ["on", "off"])
    func getsTheInteractionsThatHaveNoVerdict(sandbox: String) async throws {
        let workspace = try await workspace("[timeout 1m]", ["lending"], "/books/1 /books/2 /new")
        #expect(try await workspace.run("--sandbox", sandbox).status == 0)
        try workspace.contract("lending", [Workspace.book, Workspace.missing, Workspace.interaction("new", "/new")])
        let outcome = try await workspace.run("-v", "--sandbox", sandbox)
        #expect(workspace.verified(outcome) == ["catalog:verify[lending] (1 of 3 interactions)"])
        #expect(outcome.errors.contains("lending: /new"))
        #expect(!outcome.errors.contains("lending: /books"))
    }

    @Test(arguments: ["on", "off"])
    func pendingInteractionsRunByThemselves(sandbox: String) async throws {
        let workspace = try await workspace("[pending]", ["lending"], "/books/1 /books/2 /health")
        #expect(try await workspace.run("--sandbox", sandbox).status == 0)
        // Its change asks for what was done again, beside what is new.
        try workspace.repository.write("catalog/settings.json", #"{ "paths": "/books/1 /books/2" }"#)
        try workspace.contract("lending", [Workspace.book, Workspace.interaction("new", "/new")])
        let outcome = try await workspace.run("--sandbox", sandbox)
        #expect(outcome.status == 0)
        #expect(outcome.errors.contains("\"new\" is pending since"), "\(outcome.errors)")
        // What was done once fails, whatever is pending beside it.
        try workspace.repository.write("catalog/settings.json", "{}")
        #expect(try await workspace.run("--sandbox", sandbox).status == 3)
    }

    @Test func aBatchThatFailsIsRunOneByOne() async throws {
        let workspace = try await workspace("[batch]", ["lending", "web"], "/books/1 /books/2 /books/3 /health")
        let good = try await workspace.run("--sandbox", "off")
        #expect(good.status == 0, "\(good.errors)")
        #expect(
            workspace.notes == [
                "lending web: /books/1", "lending web: /books/2", "lending web: /books/1", "lending web: /books/3",
            ])
        try workspace.contract("web", [Workspace.interaction("new", "/new")])
        try workspace.contract("lending", [Workspace.interaction("the health", "/health")])
        let bad = try await workspace.run("-k")
        #expect(bad.status == 3)
        #expect(workspace.verified(bad) == ["catalog:verify[lending] (1 of 1 interaction)"], "\(bad.errors)")
        #expect(bad.errors.contains("FAILED  catalog:verify[web]"))
    }
}
