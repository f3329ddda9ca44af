// Images in a Docker engine's own store, built by `docker build`. Does not know when an image has to be built.
package import BuildEngine
package import BuildGraph
import Buildfile

/// Builds with BuildKit where the client can, else with the classic builder.
///
/// A Docker engine has no manifest before a push, so the digest is the image's id (its configuration's digest). It
/// is not the same on another machine: Docker writes the time of the build into it unless BuildKit is new enough.
package struct DockerDriver: ImageDriver {
    package let name = "docker"
    private let program: EngineProgram

    package init(runner: any CommandRunner, environment: [String: String]) {
        program = EngineProgram("docker", runner: runner, environment: environment)
    }

    package func reasonUnusable() async -> String? {
        await program.reasonUnusable(["docker", "version", "--format", "{{.Server.Version}}"])
    }

    package func digest(of reference: String) async throws -> String? {
        try await inspect(reference)?["Id"]?.text
    }

    /// By digest where a push or a pull has given it one, else by its id, which only the classic builder takes.
    package func pinned(_ reference: String) async throws -> String? {
        guard let image = try await inspect(reference) else { return nil }
        return digestReference(image, reference) ?? image["Id"]?.text
    }

    package func remove(_ reference: String) async throws {
        guard try await inspect(reference) != nil else { return }
        let result = try await program.run(["docker", "image", "rm", "--force", reference], timeout: .seconds(60))
        guard result.succeeded else {
            throw ActionFailure.engineUnavailable(
                "docker can't remove '\(reference)': \(EngineProgram.lastLine(result.errors) ?? "no answer")",
                hint: "remove it by hand: docker image rm \(reference)")
        }
    }

    private func digestReference(_ image: ImageJSON, _ reference: String) -> String? {
        guard case .array(let digests) = image["RepoDigests"] else { return nil }
        let prefix = BuildahDriver.repository(of: reference) + "@"
        return digests.compactMap(\.text).first { $0.hasPrefix(prefix) }
    }

    private func inspect(_ reference: String) async throws -> ImageJSON? {
        let result = try await program.run(["docker", "image", "inspect", reference], timeout: .seconds(60))
        if result.succeeded, let json = ImageJSON(result.output) { return json[0] }
        if String(decoding: result.errors, as: UTF8.self).lowercased().contains("no such image") { return nil }
        throw ActionFailure.engineUnavailable(
            "docker can't be asked for '\(reference)': \(EngineProgram.lastLine(result.errors) ?? "no answer")",
            hint: "start the engine or correct DOCKER_HOST, or choose another engine with --driver",
            output: result.errors)
    }

    package func build(
        _ request: ImageRequest, context: BytePath, dockerfile: BytePath, options: ImageBuildOptions
    ) async throws -> (digest: String, log: [UInt8]) {
        if request.platforms.count > 1 {
            throw ActionFailure.cannotBuild(
                "docker is asked for \(request.platforms.count) platforms of '\(request.repository)' at once",
                hint: "name one in [platform …]")
        }
        let identity = dockerfile.parent.appending("iid")
        var result = try await run(
            try await byName(request), context, dockerfile, identity, options, buildKit: true)
        if !result.succeeded, Self.lacksBuildKit(result.output) {
            if !options.secrets.isEmpty {
                throw ActionFailure.cannotBuild(
                    "'\(request.repository)' mounts secrets, which docker's classic builder does not know",
                    hint: "install docker's buildx, or choose another engine with --driver", output: result.output)
            }
            result = try await run(request, context, dockerfile, identity, options, buildKit: false)
        }
        guard result.succeeded else { throw ActionFailure.build(name, request, result) }
        guard let digest = try await digest(of: request.reference) else {
            throw ActionFailure.cannotBuild(
                "docker built '\(request.reference)' but does not have it", hint: "see whether two engines are in use",
                output: result.output)
        }
        return (digest, result.output)
    }

    /// A client from 23 on without its buildx plugin, or an engine without BuildKit.
    private static func lacksBuildKit(_ output: [UInt8]) -> Bool {
        let text = String(decoding: output, as: UTF8.self).lowercased()
        return ["buildx component is missing", "buildkit is not supported", "buildkit not supported"]
            .contains(where: text.contains)
    }

    /// BuildKit looks for a bare id in a registry: it gets the image's other name, the hash tag, which lmsbuild never
    /// gives to anything else.
    private func byName(_ request: ImageRequest) async throws -> ImageRequest {
        var arguments = request.arguments
        for argument in request.imageArguments {
            guard let value = arguments[argument], value.hasPrefix("sha256:"), let image = try await inspect(value),
                case .array(let names) = image["RepoTags"], let tag = names.compactMap(\.text).first
            else { continue }
            arguments[argument] = tag
        }
        return request.with(arguments: arguments)
    }

    private func run(
        _ request: ImageRequest, _ context: BytePath, _ dockerfile: BytePath, _ identity: BytePath,
        _ options: ImageBuildOptions, buildKit: Bool
    ) async throws -> CommandResult {
        let further = [
            "DOCKER_BUILDKIT": buildKit ? "1" : "0", "BUILDKIT_PROGRESS": "plain", "SOURCE_DATE_EPOCH": "0",
            "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
        ].merging(options.secretEnvironment) { $1 }
        return try await program.run(
            arguments(request, context, dockerfile, identity: identity, options), further: further,
            timeout: options.timeout, separateErrors: false)
    }

    /// The whole command line of a build.
    func arguments(
        _ request: ImageRequest, _ context: BytePath, _ dockerfile: BytePath, identity: BytePath,
        _ options: ImageBuildOptions
    ) -> [String] {
        var words = ["docker", "build", "--network", options.network ? "host" : "none"]
        for (argument, value) in request.arguments.sorted(by: { $0.key < $1.key }) {
            words += ["--build-arg", "\(argument)=\(value)"]
        }
        // BuildKit's own cache does not look at secrets' values.
        if !options.secrets.isEmpty { words += ["--no-cache"] + options.secretArguments }
        words += ["--label", "\(EngineProgram.hashLabel)=\(request.tag)"]
        if let target = request.targetStage { words += ["--target", target] }
        if let platform = request.platforms.first { words += ["--platform", platform] }
        words += ["--iidfile", identity.shown, "-t", request.reference]
        return words + ["-f", dockerfile.shown, context.shown]
    }
}
