import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

/// The dashboard's page about environments, of a real engine: what one environment has that the next one has not.
@Suite(.enabled(if: access("/usr/sbin/dockerd", X_OK) == 0 && geteuid() == 0))
struct DashboardEnvironmentTests {
    @Test(.timeLimit(.minutes(12))) func thePageSaysWhatIsBetweenEnvironments() async throws {
        try await DockerEngine.during(swarm: true) { engine in
            try await check(engine)
        }
    }

    private func check(_ engine: DockerEngine) async throws {
        var workspace = DeployedWorkspace(engine: engine, repository: try await TestRepository(), program: Program())
        let repository = workspace.repository
        try workspace.fill()
        // A second environment on ports of its own.
        let stack = String(decoding: try readFile(repository.path.appending("stack.yml").shown), as: UTF8.self)
        let port = try #require(stack.firstMatch(of: #/httpd", "-f", "-p", "127\.0\.0\.1:(\d+)"/#)).1
        let other = "\((Int(port) ?? 0) + 2000)"
        try repository.write("prod.yml", stack.replacing(port, with: other))
        workspace.further = """
            environment prod
                stack prod.yml
                engine swarm
                after test
                check http://127.0.0.1:\(other)/health within 20s
                policy watch 1s

            """
        let place = workspace
        let pages = repository.folder("pages")
        func page() async throws -> String {
            let outcome = try await place.run("serve", "--export", pages.shown)
            #expect(outcome.status == 0, "\(outcome.errors)")
            return String(decoding: try readFile(pages.appending("environments.html").shown), as: UTF8.self)
        }

        try await place.serve("one")
        var deployed = try await place.run("deploy", "--to", "test")
        #expect(deployed.status == 0, "\(deployed.errors)")
        let first = try await page()
        #expect(first.contains("<h3>What test has and prod has not</h3>"), "\(first)")
        #expect(first.contains("<li>added</li>"), "\(first)")
        deployed = try await place.run("deploy", "--to", "prod")
        #expect(deployed.status == 0, "\(deployed.errors)")
        #expect(try await page().contains("Nothing: both run the same release."))

        try await place.serve("two")
        deployed = try await place.run("deploy", "--to", "test")
        #expect(deployed.status == 0, "\(deployed.errors)")
        let last = try await page()
        #expect(last.contains("<h3>What test has and prod has not</h3>\n<p>1 release: "), "\(last)")
        #expect(last.contains(" t: serves two</li>"), "\(last)")
        #expect(last.contains("input web/www/health"), "\(last)")
        #expect(!last.contains("serves one"), "\(last)")
    }
}
