// A workspace that is deployed to an engine of a test's own by the built program.
import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc

/// A repository with one service, its environment, and the engine it is deployed to.
struct DeployedWorkspace {
    let engine: DockerEngine
    let repository: TestRepository
    let program: Program
    /// A second service of the same image runs too, whose name is 'west'.
    let isPair: Bool
    /// What the stack says of web's data.
    var dataVersion: Int?
    /// Another secret with each time that it is asked for; both services get it.
    var hasRotatingSecret = false
    /// Where images and releases go.
    var registry = "localhost:5999/lms"
    /// More of the Buildfile.
    var further = ""
    /// 'west' listens a thousand higher.
    private let port = Int.random(in: 10000...15999)

    init(engine: DockerEngine, repository: TestRepository, program: Program, isPair: Bool = false) {
        self.engine = engine
        self.repository = repository
        self.program = program
        self.isPair = isPair
    }

    func fill() throws {
        let busybox = try readFile("/bin/busybox")
        try repository.folder.write("repository/web/busybox", bytes: busybox, mode: 0o755)
        try repository.folder.write(
            "repository/Buildfile",
            """
            registry = \(registry)
            project = workspace

            service web
                dir web
                owners storefront
                image: Dockerfile

            \(hasRotatingSecret ? "variable TOKEN: text secret from command ./rotating" : "")
            environment test
                stack stack.yml
                engine swarm
                check http://127.0.0.1:\(port)/health within 20s
                policy watch 1s

            \(further)
            """)
        try repository.folder.write(
            "repository/web/Dockerfile",
            "FROM scratch\nCOPY busybox /bin/busybox\nCOPY www /www\n"
                + "CMD [\"/bin/busybox\", \"httpd\", \"-f\", \"-p\", \"127.0.0.1:\(port)\", \"-h\", \"/www\"]\n")
        try repository.folder.write(
            "repository/stack.yml",
            "services:\n" + service("web", port) + (isPair ? service("west", port + 1000) : "")
                + "networks:\n  host: {external: true, name: host}\nconfigs:\n  conf: {file: ./web.conf}\n"
                + (hasRotatingSecret ? "secrets:\n  TOKEN: {}\n" : ""))
        try repository.folder.write("repository/web.conf", "a config\n")
        try repository.folder.write("repository/.gitignore", "/calls\n")
        let rotating = "#!/bin/sh\necho call >> calls\necho value-$(cat calls | wc -l)\n"
        try repository.folder.write("repository/rotating", bytes: Array(rotating.utf8), mode: 0o755)
    }

    private func service(_ name: String, _ port: Int) -> String {
        """
          \(name):
            image: web
            networks: [host]
            init: true
            stop_grace_period: 1s
            command: ["/bin/busybox", "httpd", "-f", "-p", "127.0.0.1:\(port)", "-h", "/www"]
            healthcheck:
              test: ["CMD", "/bin/busybox", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:\(port)/health"]
              interval: 1s
              timeout: 30s
              retries: 2
              start_period: \(startPeriod)
            configs: [{source: conf, target: /web.conf}]
            \(hasRotatingSecret ? "secrets: [TOKEN]" : "")
            deploy:
              labels: {\(name == "web" ? dataVersion.map { "io.lmsbuild.data: \"\($0)\"" } ?? "" : "")}
              restart_policy: {condition: any, delay: 500ms}
              update_config: {order: stop-first, failure_action: rollback, monitor: 1s}
              rollback_config: {order: stop-first, failure_action: pause, monitor: 1s}

        """
    }

    /// Long for what is good, on a machine that is busy; short where something is to fail.
    private var startPeriod: String { isSick ? "500ms" : "30s" }

    private var isSick: Bool { !repository.path.appending("web/www/health").withCString { access($0, F_OK) == 0 } }

    /// Builds an image that answers `text`, or never a health check.
    func serve(_ text: String?) async throws {
        try repository.folder.write("repository/web/www/\(text == nil ? "other" : "health")", text ?? "nothing")
        if text == nil { _ = repository.path.appending("web/www/health").withCString { unlink($0) } }
        try fill()
        try await repository.commitAll("serves \(text ?? "nothing")")
        let outcome = try await run("run", ":image", "--driver", "docker", "--progress", "none")
        if outcome.status != 0 { throw ProgramFailed(outcome: outcome) }
    }

    private var environment: [String: String] { engine.environment.merging(["USER": "tester"]) { $1 } }

    func run(_ arguments: String...) async throws -> Program.Outcome { try await run(arguments) }

    func run(_ arguments: [String]) async throws -> Program.Outcome {
        try await program.run(arguments, in: repository.path, environment: environment)
    }

    func start(_ arguments: String...) throws -> RunningProgram {
        try RunningProgram([program.path] + arguments, in: repository.path, environment: environment)
    }

    func answer() async throws -> String { try await answer(port) }

    /// What `script` prints, run by a shell against the engine.
    @discardableResult
    func shell(_ script: String) async throws -> String { try await engine.output("/bin/sh", "-c", script) }

    /// What all services answer, each answer once.
    func answers() async throws -> Set<String> {
        isPair ? [try await answer(port), try await answer(port + 1000)] : [try await answer(port)]
    }

    private func answer(_ port: Int) async throws -> String {
        try await engine.output("/usr/bin/curl", "-s", "http://127.0.0.1:\(port)/health")
    }
}
