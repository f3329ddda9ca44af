import BuildEngine
import BuildGraph
import BuildTestSupport
import Testing

/// `graph`, `deps`, `rdeps` and `path` as a user meets them.
@Suite struct GraphCommandTests {
    private let program = Program()
    private let documents = DocumentCheck()

    private func repository() async throws -> TestRepository {
        let repository = try await TestRepository()
        try repository.write(
            "Buildfile",
            """
            library lib
                dir lib
                build: src -> out
                    cp src out
            service app
                dir app
                uses lib
                consumes other by contract.json
                build: src -> out
                    cp src out
                lint: src
                    true
                unit: :build | :lint
                    true
            service other
                dir other
                build: src -> out
                    cp src out

            """)
        try repository.write(".gitignore", "out\n")
        for folder in ["lib", "app", "other"] { try repository.write("\(folder)/src", folder) }
        try repository.write("app/contract.json", "{}")
        try await repository.commitAll()
        return repository
    }

    private func output(_ repository: TestRepository, _ arguments: String..., status: Int32 = 0) async throws -> String
    {
        let outcome = try await program.run(arguments, in: repository.path)
        #expect(outcome.status == status, "\(arguments): \(outcome.errors)")
        return outcome.output
    }

    @Test func theGraphAsText() async throws {
        let repository = try await repository()
        try repository.write("lib/src", "changed")
        #expect(
            try await output(repository, "graph", "--base", "HEAD") == """
                app:build affected
                  input lib:build
                app:lint affected
                  input lib:build
                app:unit affected
                  input app:build
                  gate app:lint
                  input lib:build
                lib:build affected
                other:build

                """)
        #expect(
            try await output(repository, "graph", "--components", "--base", "HEAD") == """
                app affected
                  input lib
                  consumes other
                lib affected
                other

                """)
        #expect(
            try await output(repository, "graph", "--from", "app:build") == "app:build\n  input lib:build\nlib:build\n")
        #expect(try await output(repository, "graph", "--stage", "lint") == "app:lint\n")
        #expect(try await output(repository, "graph", "--to", "lib", "--stage", "lint") == "app:lint\n")
    }

    @Test func whatIsCachedIsMarked() async throws {
        let repository = try await repository()
        #expect(try await program.run("run", "--sandbox", "off", "lib", in: repository.path).status == 0)
        #expect(try await output(repository, "graph", "lib", "other", "--cached") == "lib:build cached\nother:build\n")
        let json = try await output(repository, "graph", "--cached", "--format", "json")
        #expect(try await documents.problems(json, schema: "graph") == "")
    }

    @Test(arguments: ["dot", "mermaid", "json", "svg", "html"])
    func everyForm(_ format: String) async throws {
        let repository = try await repository()
        let text = try await output(repository, "graph", "--format", format)
        #expect(text.contains("app:unit"))
        if format == "json" { #expect(try await documents.problems(text, schema: "graph") == "") }
        #expect(try await output(repository, "graph", "--format", format, "-o", repository.folder("out").shown) == "")
        #expect(try readFile(repository.folder("out").shown) == Array(text.utf8))
    }

    @Test func neighbours() async throws {
        let repository = try await repository()
        #expect(try await output(repository, "deps", "app:unit") == "app:build\nlib:build\n")
        #expect(try await output(repository, "deps", "app:unit", "--gates") == "app:build\napp:lint\nlib:build\n")
        #expect(try await output(repository, "rdeps", "lib") == "app:build\napp:lint\napp:unit\n")
        #expect(try await output(repository, "rdeps", "lib", "--stage", "unit") == "app:unit\n")
        #expect(try await output(repository, "deps", "lib") == "")
        let json = try await output(repository, "rdeps", "lib", "--direct", "--format", "json")
        #expect(try await documents.problems(json, schema: "deps") == "")
        _ = try await output(repository, "deps", "gone", status: 4)
    }

    @Test func ways() async throws {
        let repository = try await repository()
        #expect(
            try await output(repository, "path", "app:build", "lib") == "app:build needs lib:build (Buildfile:7:10)\n")
        #expect(try await output(repository, "path", "app", "app:build") == "app:build\n")
        let none = try await program.run("path", "app:unit", "app:lint", in: repository.path)
        #expect(none.status == 3)
        #expect(none.output == "")
        #expect(none.errors.contains("'app:unit' does not need 'app:lint', except over a gate: '--gates' shows it"))
        #expect(
            try await output(repository, "path", "app:unit", "app:lint", "--gates")
                == "app:unit gate app:lint (Buildfile:13:20)\n")
        let json = try await output(repository, "path", "app:unit", "lib", "--format", "json")
        #expect(try await documents.problems(json, schema: "path") == "")
        _ = try await output(repository, "path", "app:unit", status: 2)
        _ = try await output(repository, "path", "app:unit", "gone", status: 4)
    }

    @Test(arguments: [["--format", "png"], ["--components", "--targets"]])
    func whatMakesNoSenseIsRefused(_ arguments: [String]) async throws {
        let repository = try await repository()
        #expect(try await program.run(["graph"] + arguments, in: repository.path).status == 2)
        #expect(try await program.run(["graph", "--stage", "gone"], in: repository.path).status == 4)
    }
}
