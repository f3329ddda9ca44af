import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

/// Deployments to a real swarm are told once each and measured.
@Suite(.enabled(if: access("/usr/sbin/dockerd", X_OK) == 0 && geteuid() == 0), .serialized)
struct DeployTellingTests {
    /// Keeps what is posted.
    private static let hook = #"""
        import json
        def answer(self, body):
            with open("LOGFILE", "a") as file:
                file.write(json.dumps({"path": self.path, "body": json.loads(body)}) + "\n")
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
        """#

    @Test(.timeLimit(.minutes(5))) func aDeploymentIsToldOnceAndMeasured() async throws {
        try await DockerEngine.during(swarm: true) { engine in
            try await check(engine)
        }
    }

    private func expectTold(_ told: [String], _ wanted: [String]) { #expect(told == wanted) }

    private func check(_ engine: DockerEngine) async throws {
        let repository = try await TestRepository()
        let program = Program()
        var place = DeployedWorkspace(engine: engine, repository: repository, program: program)
        place.further = """
            notify webhook
                url HOOK
                environments test
                owners storefront
            """
        try place.fill()
        try repository.write(".gitignore", ".lmsbuild/\n")
        let folder = try TemporaryFolder()
        let server = try ScriptedServer(Self.hook.replacing("LOGFILE", with: folder("log").shown))
        let metrics = folder("metrics.prom").shown
        let environment = engine.environment.merging([
            "USER": "tester", "HOOK": server.url + "/hook", "LMSBUILD_METRICS_FILE": metrics,
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": server.url + "/traces",
        ]) { $1 }
        func run(_ arguments: String...) async throws -> Int32 {
            let outcome = try await program.run(arguments, in: repository.path, environment: environment)
            #expect(!outcome.errors.contains("LMS620") && !outcome.errors.contains("LMS621"), "\(outcome.errors)")
            return outcome.status
        }
        func posted(_ path: String) throws -> [JSONValue] {
            let lines = try readFile(folder("log").shown).split(separator: 10)
            return lines.compactMap { try? JSONValue.parse(Array($0)) }.filter { $0.member("path")?.text == path }
                .compactMap { $0.member("body") }
        }
        func told() throws -> [String] {
            try posted("/hook").map {
                [$0.member("event")?.text, $0.member("outcome")?.text].compactMap(\.self).joined(separator: " ")
            }
        }

        try await place.serve("one")
        #expect(try await run("deploy", "--to", "test") == 0)
        // The same again is no change.
        #expect(try await run("deploy", "--to", "test") == 0)
        #expect(try await run("status", "--env", "test") == 0)
        expectTold(try told(), ["deploy"])
        try await place.serve(nil)
        #expect(try await run("deploy", "--to", "test") == 50)
        #expect(try await run("deploy", "--to", "test", "--retry") == 50)
        expectTold(try told(), ["deploy", "rollback rolled-back"])

        _ = try await engine.output(
            "docker", "service", "update", "-q", "--detach=false", "--env-add", "HAND=1", "workspace-test_web")
        for _ in 0..<2 { #expect(try await run("status", "--env", "test") == 3) }
        expectTold(try told(), ["deploy", "rollback rolled-back", "drift"])
        #expect(try await run("status", "--env", "test", "--fix") == 0)
        #expect(try await run("status", "--env", "test") == 0)
        expectTold(try told(), ["deploy", "rollback rolled-back", "drift", "recovery"])

        for message in try posted("/hook") {
            #expect(try await DocumentCheck().problems(message.text(pretty: false), schema: "notification") == "")
            #expect(message.member("environment")?.text == "test")
            #expect(message.member("by")?.text == "tester")
        }
        let spans = try posted("/traces").compactMap {
            $0.member("resourceSpans")?.elements?.first?.member("scopeSpans")?.elements?.first?.member("spans")?
                .elements?.first
        }
        #expect(spans.count == 5)
        #expect(spans.allSatisfy { $0.member("name")?.text == "SYNC test" })
        #expect(spans.count { $0.member("status") != nil } == 2)
        let lines = Set(String(decoding: try readFile(metrics), as: UTF8.self).split(separator: "\n").map(String.init))
        #expect(
            lines.isSuperset(of: [
                "lmsbuild_deployments_total{project=\"workspace\",environment=\"test\",end=\"deployed\"} 3",
                "lmsbuild_deployments_total{project=\"workspace\",environment=\"test\",end=\"rolled-back\"} 2",
                "lmsbuild_last_deployment_success{project=\"workspace\",environment=\"test\"} 1",
                "lmsbuild_drifts{project=\"workspace\",environment=\"test\"} 0",
            ]), "\(lines)")
    }
}
