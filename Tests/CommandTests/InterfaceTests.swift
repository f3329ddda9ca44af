import BuildEngine
import BuildGraph
import BuildTestSupport
import Foundation
import Testing

/// `[openapi]`, `[proto]` and `[schema]`, and `contracts --breaking`, as a user meets them.
@Suite struct InterfaceTests {
    private let program = Program()

    private static func api(_ properties: String) -> String {
        """
        openapi: 3.0.3
        info: {title: catalog, version: "1"}
        paths:
          /books/{id}:
            get:
              responses:
                "200":
                  description: a book
                  content:
                    application/json:
                      schema:
                        type: object
                        properties: {\(properties)}

        """
    }

    private func workspace(
        _ rule: String, contract: String, text: String, files: [String: String] = [:]
    ) async throws -> TestRepository {
        let repository = try await TestRepository()
        try repository.write(
            "Buildfile",
            """
            service catalog
                dir catalog

            \(rule)

            service lending
                dir lending
                consumes catalog by \(contract)
                owners desk@library.example

            """)
        try repository.write("lending/\(contract)", text)
        try repository.write("catalog/here", "")
        for (name, text) in files { try repository.write(name, text) }
        return repository
    }

    private static let rule = "    [openapi openapi.yaml]\n    verify:"

    @Test(arguments: ["on", "off"])
    func aConsumersPartIsCompared(sandbox: String) async throws {
        let repository = try await workspace(
            Self.rule, contract: "catalog.yaml", text: Self.api("title: {type: string}"),
            files: ["catalog/openapi.yaml": Self.api("title: {type: string}, pages: {type: integer}")])
        func run() async throws -> Program.Outcome {
            try await program.run("run", "--sandbox", sandbox, in: repository.path)
        }
        let first = try await run()
        #expect(first.status == 0, "\(first.errors)")
        #expect(first.errors.contains("catalog:verify[lending]"))
        try repository.write("catalog/openapi.yaml", Self.api("name: {type: string}"))
        let second = try await run()
        #expect(second.status == 3)
        #expect(second.errors.contains("LMS702"))
        #expect(second.errors.contains("GET /books/{id}, response 200, application/json, .title"))
        #expect(second.errors.contains("response-property-removed"))
        #expect(second.errors.contains("../lending/catalog.yaml:13"))
        #expect(second.errors.contains("desk@library.example"))
        // What was compared once is known.
        try repository.write("catalog/openapi.yaml", Self.api("title: {type: string}, pages: {type: integer}"))
        let third = try await run()
        #expect(third.status == 0)
        let states = try await program.run("contracts", in: repository.path)
        #expect(states.output.contains("verified  1 of 1"), "\(states.output)")
    }

    @Test func theDocumentMayBePutOut() async throws {
        let repository = try await workspace(
            """
                build: describe.sh -> openapi.yaml
                    sh describe.sh > openapi.yaml

            \(Self.rule)
            """, contract: "catalog.yaml", text: Self.api("title: {type: string}"),
            files: ["catalog/describe.sh": "cat <<'EOF'\n\(Self.api("title: {type: integer}"))EOF\n"])
        let outcome = try await program.run("run", ":verify", in: repository.path)
        #expect(outcome.status == 3, "\(outcome.errors)")
        #expect(outcome.errors.contains("the provider sends integer, the consumer expects string"), "\(outcome.errors)")
    }

    @Test func protobufAndSchemas() async throws {
        let proto = "syntax = \"proto3\";\npackage lib;\nmessage Book {\n  string title = 1;\n}\n"
        let schema =
            #"{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"a":{"type":"string"}}}"#
        let repository = try await workspace(
            "    [proto a.proto] [proto b.proto] [schema message.json]\n    verify:", contract: "one.proto two.json",
            text: "",
            files: [
                "lending/one.proto": proto, "lending/two.json": schema, "catalog/b.proto": proto,
                "catalog/a.proto": "syntax = \"proto3\";\npackage lib;\nmessage Shelf {}\n",
                "catalog/message.json": schema,
            ])
        let first = try await program.run("run", in: repository.path)
        #expect(first.status == 0, "\(first.errors)")
        try repository.write("catalog/b.proto", proto.replacingOccurrences(of: "= 1", with: "= 2"))
        let second = try await program.run("run", in: repository.path)
        #expect(second.status == 3)
        #expect(second.errors.contains("field-number-changed"), "\(second.errors)")
        #expect(second.errors.contains("in 1 of"), "\(second.errors)")
    }

    @Test func aPactBesideADocument() async throws {
        let pact = #"{"consumer":{"name":"lending"},"provider":{"name":"catalog"},"interactions":[]}"#
        let refused = try await workspace(
            Self.rule, contract: "pact.json", text: pact, files: ["catalog/openapi.yaml": Self.api("")])
        let outcome = try await program.run("run", in: refused.path)
        #expect(outcome.status == 2)
        #expect(outcome.errors.contains("LMS704"))
        #expect(outcome.errors.contains("'lending' asks 'catalog' by a pact"))
    }

    @Test func pactAndDocumentTogether() async throws {
        let pact = """
            {"consumer":{"name":"lending"},"provider":{"name":"catalog"},"interactions":[
              {"description":"a file","request":{"method":"GET","path":"/here"},"response":{"status":200}}]}
            """
        let repository = try await workspace(
            """
                [openapi openapi.yaml] [pact]
                verify: here
                    exec /usr/bin/python3 -m http.server --bind 127.0.0.1 "$PORT"
            """, contract: "pact.json catalog.yaml", text: "",
            files: [
                "lending/pact.json": pact, "lending/catalog.yaml": Self.api("title: {type: string}"),
                "catalog/openapi.yaml": Self.api("title: {type: string}"),
            ])
        let first = try await program.run("run", in: repository.path)
        #expect(first.status == 0, "\(first.errors)")
        try repository.write("catalog/openapi.yaml", Self.api("title: {type: boolean}"))
        let second = try await program.run("run", in: repository.path)
        #expect(second.status == 3)
        #expect(second.errors.contains("in 1 of 2"), "\(second.errors)")
        #expect(second.errors.contains("ok       a file"), "\(second.errors)")
    }

    @Test func brokenDocuments() async throws {
        let repository = try await workspace(
            Self.rule, contract: "catalog.yaml", text: Self.api("title: {type: string}"),
            files: ["catalog/openapi.yaml": Self.api("title: {type: text}")])
        let outcome = try await program.run("run", in: repository.path)
        #expect(outcome.status == 3)
        #expect(
            outcome.errors.contains("error[LMS701]: this cannot be compared: 'text' is no type (expected one of array"))
        #expect(outcome.errors.contains("catalog/openapi.yaml:13:"), "\(outcome.errors)")
    }

    @Test(arguments: [
        ("    [openapi openapi.yaml]\n    verify:\n        true", "has a recipe that nobody runs"),
        ("    [openapi nothing.yaml]\n    verify:", "there is no file 'catalog/nothing.yaml'"),
        ("    [openapi]\n    verify:", "wrong number of words"),
        ("    [openapi a/]\n    verify:", "does not take 'a/'"),
        ("    [openapi openapi.yaml]\n    build:", "belongs to the rule 'verify'"),
        ("    [openapi openapi.yaml] [openapi openapi.yaml]\n    verify:", "given twice"),
        ("    [openapi openapi.yaml] [states a]\n    verify:", "stands without '[pact]'"),
    ])
    func wrongRules(rule: String, message: String) async throws {
        let repository = try await workspace(
            rule, contract: "catalog.yaml", text: Self.api(""), files: ["catalog/openapi.yaml": Self.api("")])
        let outcome = try await program.run("check", in: repository.path)
        #expect(outcome.status == 3)
        #expect(outcome.errors.contains(message), "\(outcome.errors)")
    }

    // MARK: contracts --breaking

    @Test func breaking() async throws {
        let folder = try TemporaryFolder()
        try folder.write("old.yaml", Self.api("title: {type: string}"))
        try folder.write("new.yaml", Self.api("title: {type: integer}"))
        let found = try await program.run("contracts", "--breaking", "old.yaml", "new.yaml", in: folder.path)
        #expect(found.status == 3, "\(found.errors)")
        #expect(found.output.hasPrefix("1 breaking change: an OpenAPI document, old.yaml to new.yaml\n"))
        #expect(found.output.contains("- expected  old.yaml:13  string"), "\(found.output)")
        let same = try await program.run("contracts", "--breaking", "old.yaml", "old.yaml", in: folder.path)
        #expect(same.status == 0)
        #expect(same.output.hasPrefix("no breaking change"))
        let json = try await program.run(
            "contracts", "--breaking", "--format", "json", "old.yaml", "new.yaml", in: folder.path)
        #expect(json.status == 3)
        #expect(try await DocumentCheck().problems(json.output, schema: "breaking") == "")
        #expect(json.output.contains("\"kind\": \"response-type-changed\""))
    }

    @Test func breakingNeedsTwoThatCanBeCompared() async throws {
        let folder = try TemporaryFolder()
        try folder.write("a.yaml", Self.api(""))
        try folder.write("b.json", "{")
        try folder.write("c.proto", "syntax = \"proto3\"; message A {}")
        func status(_ words: String...) async throws -> Int32 {
            try await program.run(["contracts", "--breaking"] + words, in: folder.path).status
        }
        #expect(try await status("a.yaml") == 2)
        #expect(try await status("a.yaml", "missing") == 2)
        #expect(try await status("a.yaml", "b.json") == 2)
        #expect(try await status("a.yaml", "c.proto") == 3)
        #expect(try await status("c.proto", "c.proto") == 0)
        #expect(try await status("--format", "svg", "c.proto", "c.proto") == 2)
    }

    @Test func junit() async throws {
        let repository = try await workspace(
            Self.rule, contract: "catalog.yaml", text: Self.api("title: {type: string}"),
            files: ["catalog/openapi.yaml": Self.api("title: {type: integer}")])
        _ = try await program.run("run", in: repository.path)
        _ = try await program.run("contracts", "--junit", "report.xml", in: repository.path)
        let text = try String(contentsOfFile: repository.path.appending("report.xml").shown, encoding: .utf8)
        #expect(
            text.contains(#"<testsuite name="lending asks catalog" tests="1" failures="1" errors="0" skipped="0">"#))
        #expect(text.contains(#"<testcase classname="catalog:verify[lending]" name="openapi"><failure"#))
    }
}
