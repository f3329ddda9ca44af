// What every container engine's driver shares: the questions, the environment, the wording of failures.
// Does not know any engine's command line.
package import BuildEngine
package import BuildGraph
import Buildfile

/// What a build needs to know beyond the request: facts of the action and of its Dockerfile.
package struct ImageBuildOptions: Sendable, Hashable {
    /// RUN may reach the network.
    package var network = false
    package var timeout: Duration?
    /// The Dockerfile's own HEALTHCHECK for the target stage.
    package var healthcheck: Healthcheck?
    /// The image at the bottom of the target stage, whose health check is inherited, arguments resolved.
    package var bottomImage: String?
    /// Images that the reached stages start or copy from, arguments resolved.
    package var baseImages: [String] = []
    /// ADD gets something from a URL or a git repository.
    package var hasRemoteSources = false
    /// Secrets that RUN mounts by these ids.
    package var secrets: [String: SecretValue] = [:]

    package init() {}
}

/// A driver that can be told about network, time and health check.
package protocol ImageDriver: ContainerDriver {
    func build(
        _ request: ImageRequest, context: BytePath, dockerfile: BytePath, options: ImageBuildOptions
    ) async throws -> (digest: String, log: [UInt8])
    /// Why the engine can't be used on this machine, or nil where it can.
    func reasonUnusable() async -> String?
    /// The reference by which a FROM finds the image `reference` of the driver's own store, whatever is tagged so
    /// later. Nil where there is no such image.
    func pinned(_ reference: String) async throws -> String?
    /// Takes the image `reference` out of the driver's own store; one that is not there is no error.
    func remove(_ reference: String) async throws
}

extension ImageDriver {
    package func build(
        _ request: ImageRequest, context: BytePath, dockerfile: BytePath
    ) async throws -> (digest: String, log: [UInt8]) {
        try await build(request, context: context, dockerfile: dockerfile, options: ImageBuildOptions())
    }
}

extension ImageBuildOptions {
    /// How builders are told of the secrets: by variables of their own environment. No file has a value then, and no command
    /// line; what is killed leaves nothing behind.
    var secretArguments: [String] {
        secrets.keys.sorted().flatMap { ["--secret", "id=\($0),env=\(Self.variable($0))"] }
    }

    /// The variables that `secretArguments` name.
    var secretEnvironment: [String: String] {
        Dictionary(secrets.map { (Self.variable($0.key), $0.value.textToMask ?? "") }, uniquingKeysWith: { $1 })
    }

    private static func variable(_ name: String) -> String { "LMSBUILD_SECRET_" + name }
}

/// Runs an engine's own program.
struct EngineProgram: Sendable {
    let name: String
    let runner: any CommandRunner
    let environment: [String: String]

    static let hashLabel = "io.lmsbuild.input-hash"

    /// Variables that say where an engine keeps its images and how it is reached; nothing else gets through, so that
    /// a build can't depend on the caller's shell.
    private static let passed: Set<String> = [
        "PATH", "HOME", "USER", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "TMPDIR",
        "CONTAINERS_STORAGE_CONF", "CONTAINERS_CONF", "CONTAINERS_REGISTRIES_CONF", "REGISTRY_AUTH_FILE",
        "STORAGE_DRIVER", "STORAGE_OPTS", "BUILDAH_RUNTIME", "CONTAINER_HOST", "DOCKER_HOST", "DOCKER_CONFIG",
        "DOCKER_CONTEXT", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY",
        "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
    ]

    init(_ name: String, runner: any CommandRunner, environment: [String: String]) {
        self.name = name
        self.runner = runner
        var kept = environment.filter { Self.passed.contains($0.key) }
        kept["LC_ALL"] = "C.UTF-8"
        self.environment = kept
    }

    /// Runs `arguments` (the program's name included, as a wrapper may stand before it).
    func run(
        _ arguments: [String], further: [String: String] = [:], timeout: Duration? = nil, separateErrors: Bool = true
    ) async throws -> CommandResult {
        var command = Command(
            arguments, environment: environment.merging(further) { $1 }, folder: BytePath("/"))
        command.timeout = timeout
        command.separateErrors = separateErrors
        do {
            return try await runner.run(command)
        } catch let error as SpawnError {
            throw ActionFailure.engineUnavailable(
                "'\(error.program)' can't be started (errno \(error.errno))",
                hint: "install \(error.program), or choose another engine with --driver")
        }
    }

    /// Why the engine does not answer `arguments`; nil where it does.
    func reasonUnusable(_ arguments: [String]) async -> String? {
        do {
            let result = try await run(arguments, timeout: .seconds(20))
            if result.succeeded { return nil }
            return "'\(arguments.joined(separator: " "))': "
                + (Self.lastLine(result.errors) ?? Self.lastLine(result.output) ?? "failed")
        } catch let failure as ActionFailure {
            return failure.diagnostic.message
        } catch {
            return "interrupted"
        }
    }

    static func lastLine(_ output: [UInt8]) -> String? {
        output.split(separator: UInt8(ascii: "\n")).last { line in line.contains { $0 > 0x20 } }
            .map { String(BytePath(bytes: Array($0)).shown.prefix(300)) }
    }

    static func text(_ output: [UInt8]) -> String {
        let text = output.drop { $0.isDockerSpace }.reversed().drop { $0.isDockerSpace }.reversed()
        return String(decoding: text, as: UTF8.self)
    }
}

extension ActionFailure {
    /// LMS602: no engine, or it does not answer.
    static func engineUnavailable(_ message: String, hint: String, output: [UInt8] = []) -> ActionFailure {
        ActionFailure(
            kind: .unavailable, diagnostic: Diagnostic(.engineUnavailable, .error, message, hint: hint),
            output: output)
    }

    /// LMS501 or LMS502: the engine's build command ended badly.
    static func build(
        _ engine: String, _ request: ImageRequest, _ result: CommandResult, hint: String? = nil
    ) -> ActionFailure {
        let output = result.output + result.errors
        switch result.ending {
        case .timedOut:
            return ActionFailure(
                kind: .timeout,
                diagnostic: Diagnostic(
                    .actionTimedOut, .error, "\(engine) was stopped: building '\(request.repository)' took too long",
                    hint: "give the rule a longer [timeout …]"), output: output, duration: result.duration)
        case .exited(let code):
            let why = EngineProgram.lastLine(output).map { ": \($0)" } ?? ""
            return ActionFailure(
                kind: .failed,
                diagnostic: Diagnostic(
                    .actionFailed, .error,
                    "\(engine) could not build '\(request.repository)' (exit status \(code))\(why)", hint: hint),
                exitCode: code, output: output, duration: result.duration)
        case .signalled(let signal):
            return ActionFailure(
                kind: .failed,
                diagnostic: Diagnostic(
                    .actionFailed, .error,
                    "\(engine) was ended by signal \(signal) while it built '\(request.repository)'"),
                exitCode: 128 + signal, output: output, duration: result.duration)
        }
    }

    /// What can't be built at all, said before anything is run.
    static func cannotBuild(_ message: String, hint: String, output: [UInt8] = []) -> ActionFailure {
        ActionFailure(
            kind: .failed, diagnostic: Diagnostic(.actionFailed, .error, message, hint: hint), output: output)
    }
}
