// A workspace whose stack is made of images that are there already, deployed by the built program.
import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc

/// A repository with an environment `test` on the machine's network. What is served is what each image answers.
struct StackWorkspace {
    private let repository: TestRepository
    private let program = Program()
    /// The first of the services' ports; with a router, where users come.
    let port: Int
    /// By name, in the order of their ports. `web` alone is behind a router, if there is one.
    let services: [String]
    let strategy: String
    var environment: [String: String]

    init(
        _ engine: DockerEngine, at address: String? = nil, services: [String] = ["web"], port: Int,
        strategy: String = ""
    ) async throws {
        repository = try await TestRepository()
        self.port = port
        self.services = services
        self.strategy = strategy
        environment = engine.environment.merging(["USER": "tester"]) { $1 }
        if let address { environment["DOCKER_HOST"] = address }
        try repository.write(
            "Buildfile",
            """
            project = at-\(port)
            service app
                dir app
            environment test
                stack stack.yml
                engine swarm
                policy watch 1s
                check http://127.0.0.1:\(port)/health within 5s
                \(strategy.isEmpty ? "" : "strategy \(strategy)")

            """)
        try repository.write("app/source", "nothing\n")
        // What a canary's judge says: nothing is wrong as long as there is no such file.
        try repository.write("judge", "#!/bin/sh\n! [ -e .lmsbuild/wrong ]\n", executable: true)
        try repository.write(".gitignore", "/.lmsbuild\n")
    }

    private var isRouted: Bool { !strategy.isEmpty }

    /// A release in which all services are of `image`.
    func serve(_ image: String) async throws {
        var text = "services:\n"
        for (number, name) in services.enumerated() { text += service(name, image, port + number) }
        if isRouted { text += Self.router(port) }
        text += "networks:\n  host: {external: true, name: host}\n"
        if isRouted { text += "volumes:\n  router: {}\n" }
        try repository.write("stack.yml", text)
        try await repository.commitAll(image)
    }

    private func service(_ name: String, _ image: String, _ port: Int) -> String {
        let labels =
            isRouted
            ? "labels: {io.lmsbuild.route: \"127.0.0.1:\(port)\", io.lmsbuild.ports: \"\(port + 1) \(port + 2)\"}" : ""
        // Long for what is good, on a machine that is busy; short where something is to fail.
        return """
              \(name):
                image: \(image)
                networks: [host]
                init: true
                stop_grace_period: \(image == "stubborn" ? "9s" : "1s")
                environment: {PORT: "\(port)"}
                healthcheck:
                  test: ["CMD", "/bin/busybox", "sh", "-c", "exec /bin/busybox wget -q -O /dev/null http://127.0.0.1:$$PORT/health"]
                  interval: 1s
                  timeout: 30s
                  retries: 2
                  start_period: \(["sick", "stubborn"].contains(image) ? "500ms" : "30s")
                deploy:
                  \(labels)
                  restart_policy: {condition: any, delay: 500ms}
                  update_config: {order: stop-first, failure_action: rollback, monitor: 1s}
                  rollback_config: {order: stop-first, failure_action: pause, monitor: 1s}

            """
    }

    private static func router(_ port: Int) -> String {
        """
          router:
            image: router
            networks: [host]
            init: true
            stop_grace_period: 20s
            command: ["-x", "/data/handover.sock"]
            environment: {PORT: "\(port)"}
            volumes: ["router:/data"]
            healthcheck: {test: ["CMD", "/bin/busybox", "test", "-s", "/tmp/haproxy.pid"], interval: 1s, timeout: 30s, retries: 2, start_period: 30s}
            deploy:
              restart_policy: {condition: any, delay: 500ms}
              update_config: {order: start-first, failure_action: rollback, monitor: 1s}
              rollback_config: {order: start-first, failure_action: pause, monitor: 1s}

        """
    }

    func run(_ arguments: [String]) async throws -> Program.Outcome {
        try await program.run(arguments, in: repository.path, environment: environment)
    }

    func start(_ arguments: String...) throws -> RunningProgram {
        try RunningProgram([program.path] + arguments, in: repository.path, environment: environment)
    }

    func judgeSaysNo(_ isWrong: Bool) throws {
        let file = repository.path.appending(".lmsbuild/wrong")
        if isWrong { return try repository.write(".lmsbuild/wrong", "") }
        _ = file.withCString { unlink($0) }
    }

    /// What those are answered who ask each service.
    func answers() async throws -> [String: String] {
        var answers: [String: String] = [:]
        for (number, name) in services.enumerated() {
            let command = Command(
                ["/usr/bin/curl", "-s", "-m", "10", "http://127.0.0.1:\(port + number)/health"],
                environment: ["PATH": "/usr/bin:/bin"], folder: BytePath("/"))
            let text = String(decoding: try await ProcessRunner.ofTests.run(command).output, as: UTF8.self)
            answers[name] = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        }
        return answers
    }

    /// All services answer this.
    func all(_ image: String) -> [String: String] {
        Dictionary(services.map { ($0, image) }, uniquingKeysWith: { $1 })
    }
}
