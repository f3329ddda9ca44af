// `env` as people and scripts use it, and that no secret gets out.
import BuildEngine
import BuildGraph
import BuildTestSupport
import Testing

struct EnvCommandTests {
    private let program = Program()
    private let documents = DocumentCheck()
    private static let secret = "hunter2-hunter2"

    private static let buildfile = """
        registry = localhost:5000/shop
        variable LEVEL: text required one of low high help "How much is said"
        variable N: int default 1
        variable TOKEN: text secret from file secrets/$environment
        service web
            image: Dockerfile
        environment dev
            stack deploy/compose.yml
            env-file deploy/dev.env
        environment prod
            stack deploy/compose.yml deploy/prod.yml
            env-file deploy/prod.env
            engine swarm
            after dev
            policy protected

        """

    private func workspace(_ changes: [String: String] = [:]) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        var files = [
            "Buildfile": Self.buildfile, "Dockerfile": "FROM scratch\n",
            "deploy/compose.yml": """
            services:
              web:
                image: ${registry}/web
                environment: {LEVEL: "${LEVEL}", COST: "5$$"}
                secrets: [TOKEN]
                configs: [{source: conf, target: /conf}]
                deploy: {replicas: "${N}"}
            secrets: {TOKEN: {}}
            configs: {conf: {file: app.conf}}

            """,
            "deploy/prod.yml": "services:\n  web:\n    stop_grace_period: 30s\n  extra: {image: \"redis:7\"}\n",
            "deploy/app.conf": "x\n", "deploy/dev.env": "LEVEL=low\n", "deploy/prod.env": "LEVEL=high\nN=3\n",
            "secrets/dev": Self.secret + "\n", "secrets/prod": "other-" + Self.secret + "\n",
        ]
        files.merge(changes) { $1 }
        for (path, text) in files { try folder.write(path, text) }
        return folder
    }

    @Test func whereNothingIsToMend() async throws {
        let folder = try workspace()
        let outcome = try await program.run("env", "check", in: folder.path)
        #expect(outcome.status == 0)
        #expect(outcome.errors == "2 environments, 3 variables, no problems\n")
        let json = try await program.run("env", "check", "--format", "json", in: folder.path)
        #expect(try await documents.problems(json.output, schema: "env-check") == "")
        #expect(try await program.run("check", in: folder.path).status == 0)
    }

    @Test func whatIsToMend() async throws {
        let folder = try workspace(["deploy/prod.env": "LEVEL=middle\nOTHER=1\n"])
        let outcome = try await program.run("env", "check", in: folder.path)
        #expect(outcome.status == 3)
        #expect(outcome.errors.contains("error[LMS122]: 'LEVEL' is none of low, high\n  --> deploy/prod.env:1:1\n"))
        #expect(outcome.errors.contains("'OTHER' is not in the schema"))
        let json = try await program.run("env", "check", "--format", "json", in: folder.path)
        #expect(json.status == 3)
        #expect(try await documents.problems(json.output, schema: "env-check") == "")
        let kinds = try JSONValue.parse(Array(json.output.utf8)).member("problems")?.elements ?? []
        #expect(kinds.map { $0.member("kind")?.text } == ["unknown", "wrong-type"])
    }

    @Test func aMistakeInABuildfileIsAnother() async throws {
        let folder = try workspace(["Buildfile": Self.buildfile.replacing("LEVEL: text", with: "LEVEL: txt")])
        #expect(try await program.run("env", "check", in: folder.path).status == 2)
        let check = try await program.run("check", in: folder.path)
        #expect(check.status == 3)
        #expect(check.errors.contains("error[LMS122]: unknown type 'txt'"))
    }

    @Test func whatDiffers() async throws {
        let folder = try workspace()
        let outcome = try await program.run("env", "diff", "dev", "prod", in: folder.path)
        #expect(
            outcome.output == """
                engine: compose -> swarm
                LEVEL: low (deploy/dev.env) -> high (deploy/prod.env)
                N: 1 (default) -> 3 (deploy/prod.env)
                TOKEN: secret from secrets/dev -> secret from secrets/prod
                service extra: only in prod
                service web: differs beyond variables' values

                """)
        let json = try await program.run("env", "diff", "dev", "prod", "--format", "json", in: folder.path)
        #expect(try await documents.problems(json.output, schema: "env-diff") == "")
        let unknown = try await program.run("env", "diff", "dev", "pro", in: folder.path)
        #expect(unknown.status == 2)
        #expect(unknown.errors.contains("did you mean 'prod'?"))
    }

    @Test func thePageForNewPeople() async throws {
        let folder = try workspace()
        let outcome = try await program.run("env", "docs", in: folder.path)
        #expect(
            outcome.output.contains(
                "| prod | swarm | deploy/compose.yml, deploy/prod.yml | deploy/prod.env | dev |  |\n"))
        #expect(
            outcome.output.contains(
                "## LEVEL\n\nHow much is said\n\nType: text, required, one of `low`, `high`.\nRead by: web.\n"))
        #expect(outcome.output.contains("| dev | `low` | deploy/dev.env |\n"))
        #expect(outcome.output.contains("| prod | secret | secret from secrets/prod |\n"))
        #expect(!outcome.output.contains("hunter2"))
    }

    @Test func theStackAsAnEngineIsHandedIt() async throws {
        let folder = try workspace()
        let outcome = try await program.run("env", "render", "prod", in: folder.path)
        let stack = try JSONValue.parse(Array(outcome.output.utf8))
        let web = stack.member("services")?.member("web")
        #expect(web?.member("image")?.text == "localhost:5000/shop/web")
        #expect(web?.member("environment")?.member("COST")?.text == "5$$")
        #expect(web?.member("deploy")?.member("replicas")?.numeric == 3)
        let name = stack.member("secrets")?.member("TOKEN")?.member("name")?.text ?? ""
        #expect(name.contains("-prod_TOKEN_"))
        #expect(try await program.run("env", "render", "prod", in: folder.path).output == outcome.output)
        try folder.write("secrets/prod", "rotated-secret\n")
        let rotated = try await program.run("env", "render", "prod", in: folder.path)
        #expect(!rotated.output.contains(name), "another value has another name")
        let shared = ["LMSBUILD_SECRET_KEY": "0123456789abcdef"]
        let other = try await workspaceRender(shared)
        #expect(try await workspaceRender(shared) == other, "a team's key gives the same names everywhere")
        for text in [outcome.output, outcome.errors, rotated.output, rotated.errors, other] {
            #expect(!text.contains("hunter2") && !text.contains("rotated-secret"))
        }
    }

    private func workspaceRender(_ environment: [String: String]) async throws -> String {
        let folder = try workspace(["Buildfile": "project = shop\n" + Self.buildfile])
        return try await program.run("env", "render", "prod", in: folder.path, environment: environment).output
    }

    @Test func aSecretThatIsNotToBeHadStopsEverything() async throws {
        for text in ["", "\n"] {
            let folder = try workspace(["secrets/prod": text])
            let outcome = try await program.run("env", "render", "prod", in: folder.path)
            #expect(outcome.status == 2)
            #expect(outcome.errors.contains("error[LMS307]: the secret 'TOKEN' is empty"))
        }
    }

    /// The example of docs/environments.md is right as it stands.
    @Test func theDocumentsExample() async throws {
        let root = BytePath(#filePath).parent.parent.parent
        let page = String(decoding: try readFile(root.appending("docs/environments.md").shown), as: UTF8.self)
        func block(_ language: String) -> String {
            let start = page.components(after: "```\(language)\n")
            return start.components(before: "```")
        }
        let folder = try TemporaryFolder()
        try folder.write("Buildfile", block("make") + "\nservice catalog\n    image: Dockerfile\n")
        try folder.write("Dockerfile", "FROM scratch\n")
        let stack = block("yaml").replacing(
            "    secrets: [TOKEN]",
            with: "    environment: {DB_URL: \"$DB_URL\", LOG_LEVEL: \"$LOG_LEVEL\"}\n    secrets: [TOKEN]")
        try folder.write("deploy/compose.yml", stack)
        try folder.write("deploy/prod.yml", "services: {catalog: {init: true}}\n")
        for name in ["dev", "prod"] { try folder.write("deploy/\(name).env", "DB_URL=http://db\n") }
        let outcome = try await program.run("env", "check", in: folder.path)
        #expect(outcome.status == 0, "\(outcome.errors)")
    }
}

extension String {
    fileprivate func components(after mark: String) -> String {
        firstRange(of: mark).map { String(self[$0.upperBound...]) } ?? ""
    }

    fileprivate func components(before mark: String) -> String {
        firstRange(of: mark).map { String(self[..<$0.lowerBound]) } ?? self
    }
}
