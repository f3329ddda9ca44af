package import BuildEngine
import BuildGraph
import Glibc

/// Checks documents against schemas with `check-jsonschema`, which `scripts/install-python-tools` installs.
package struct DocumentCheck: Sendable {
    private let root: BytePath
    private let runner = ProcessRunner.ofTests

    package init(source: String = #filePath) {
        root = BytePath(source).parent.parent.parent
    }

    /// What is wrong with `document` by the schema `docs/schema/NAME.schema.json`; empty where nothing is.
    package func problems(_ document: String, schema name: String) async throws -> String {
        try await check(document, ["--schemafile", root.appending("docs/schema/\(name).schema.json").shown], "json")
    }

    /// As above, by the schema that `check-jsonschema` has of a CI server: `github-workflows`, `github-actions` or
    /// `gitlab-ci`.
    package func problems(yaml document: String, server name: String) async throws -> String {
        let transform = name == "gitlab-ci" ? ["--data-transform", "gitlab-ci"] : []
        return try await check(document, ["--builtin-schema", "vendor." + name] + transform, "yaml")
    }

    private func check(_ document: String, _ arguments: [String], _ kind: String) async throws -> String {
        let folder = try TemporaryFolder()
        try folder.write("document." + kind, document)
        let result = try await python("check-jsonschema", arguments + [folder("document." + kind).shown])
        return result.succeeded ? "" : String(decoding: result.output, as: UTF8.self)
    }

    /// A YAML document as JSON.
    package func json(yaml document: String) async throws -> JSONValue {
        let program = """
            import json, sys
            from ruamel.yaml import YAML
            print(json.dumps(YAML(typ="safe", pure=True).load(sys.stdin)))
            """
        let result = try await python("python3", ["-c", program], input: document)
        return try JSONValue.parse(result.output)
    }

    private func python(_ name: String, _ arguments: [String], input: String = "") async throws -> CommandResult {
        var command = Command(
            [root.appending(".build-tools/bin/\(name)").shown] + arguments, environment: ["LC_ALL": "C.UTF-8"],
            folder: root)
        command.input = Array(input.utf8)
        return try await runner.run(command)
    }
}
