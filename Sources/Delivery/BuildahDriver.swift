// Images in containers/storage, built by buildah's or podman's `build`. Both keep them in the same place.
// Does not know when an image has to be built.
package import BuildEngine
package import BuildGraph
import Buildfile
import Glibc

/// Builds reproducible images: the same inputs have the same manifest digest, whatever the folder, time and umask.
///
/// The digest is the manifest's in the local store (its layers are not compressed there). A push that keeps digests
/// (`skopeo copy --preserve-digests`) gives the registry the same one; one that compresses layers does not.
package struct BuildahDriver: ImageDriver {
    package let name: String
    private let program: EngineProgram
    /// Root may leave the network with `unshare`; others need the rootless isolation's own way.
    private let isRoot: Bool

    package init(
        runner: any CommandRunner, environment: [String: String], program: String = "buildah",
        isRoot: Bool = geteuid() == 0
    ) {
        name = program
        self.program = EngineProgram(program, runner: runner, environment: environment)
        self.isRoot = isRoot
    }

    package func reasonUnusable() async -> String? {
        await program.reasonUnusable([name, "info"])
    }

    package func digest(of reference: String) async throws -> String? {
        guard let image = try await inspect(reference) else { return nil }
        return (image["FromImageDigest"] ?? image["Digest"])?.text
    }

    package func pinned(_ reference: String) async throws -> String? {
        guard let digest = try await digest(of: reference) else { return nil }
        return "\(Self.repository(of: reference))@\(digest)"
    }

    package func remove(_ reference: String) async throws {
        guard try await digest(of: reference) != nil else { return }
        let result = try await program.run([name, "rmi", "--force", reference], timeout: .seconds(60))
        guard result.succeeded else {
            throw ActionFailure.engineUnavailable(
                "\(name) can't remove '\(reference)': \(EngineProgram.lastLine(result.errors) ?? "no answer")",
                hint: "remove it by hand: \(name) rmi \(reference)")
        }
    }

    /// The reference without tag and digest.
    package static func repository(of reference: String) -> String {
        let named = reference.split(separator: "@", maxSplits: 1).first.map(String.init) ?? reference
        guard let colon = named.lastIndex(of: ":"), !named[colon...].contains("/") else { return named }
        return String(named[..<colon])
    }

    /// What the store says of an image; nil where it has none.
    private func inspect(_ reference: String) async throws -> ImageJSON? {
        let arguments =
            name == "podman" ? [name, "image", "inspect", reference] : [name, "inspect", "--type", "image", reference]
        let result = try await program.run(arguments, timeout: .seconds(60))
        if result.succeeded {
            guard let json = ImageJSON(result.output) else {
                throw ActionFailure.engineUnavailable(
                    "\(name) described '\(reference)' in a way that is no JSON",
                    hint: "try '\(arguments.joined(separator: " "))'")
            }
            return name == "podman" ? json[0] : json
        }
        let text = String(decoding: result.errors, as: UTF8.self).lowercased()
        if ["image not known", "no such image", "unable to find", "not found in local", "failed to find image"]
            .contains(where: text.contains)
        {
            return nil
        }
        throw ActionFailure.engineUnavailable(
            "\(name) can't be asked for '\(reference)': \(EngineProgram.lastLine(result.errors) ?? "no answer")",
            hint: "try '\(name) info', or choose another engine with --driver", output: result.errors)
    }

    package func build(
        _ request: ImageRequest, context: BytePath, dockerfile: BytePath, options: ImageBuildOptions
    ) async throws -> (digest: String, log: [UInt8]) {
        if request.platforms.count > 1 {
            throw ActionFailure.cannotBuild(
                "\(name) is asked for \(request.platforms.count) platforms of '\(request.repository)' at once",
                hint: "name one in [platform …]")
        }
        if !options.network, options.hasRemoteSources {
            throw ActionFailure.cannotBuild(
                "ADD takes something from the network, which '\(request.repository)' may not use",
                hint: "add [network] to the rule")
        }
        var log: [UInt8] = []
        for base in options.baseImages { log += try await pullWhereMissing(base, request) }
        let check = try await healthcheck(options)
        let work = dockerfile.parent
        let identity = work.appending("iid")
        let result = try await program.run(
            arguments(request, context, dockerfile, identity: identity, options, isFinal: check == nil),
            further: options.secretEnvironment, timeout: options.timeout, separateErrors: false)
        log += result.output
        guard result.succeeded else { throw ActionFailure.build(name, request, result, hint: hint(result, options)) }
        if let check {
            let text = EngineProgram.text(ImageContext.read(identity) ?? [])
            let id = String(text.split(separator: ":").last ?? "")
            let rewrite = HealthcheckRewrite(program: program, engine: name)
            log += try await rewrite.run(id: id, request: request, healthcheck: check, folder: work)
        }
        guard let digest = try await digest(of: request.reference) else {
            throw ActionFailure.cannotBuild(
                "\(name) built '\(request.reference)' but does not have it", hint: "see whether two stores are in use",
                output: log)
        }
        return (digest, log)
    }

    /// The whole command line of a build. Every flag that changes the digest is fixed here.
    func arguments(
        _ request: ImageRequest, _ context: BytePath, _ dockerfile: BytePath, identity: BytePath,
        _ options: ImageBuildOptions, isFinal: Bool
    ) -> [String] {
        var words = !options.network && isRoot ? ["unshare", "--net", "--"] : []
        words += [name, name == "podman" ? "build" : "bud"]
        words +=
            !options.network && !isRoot
            ? ["--isolation", "rootless", "--network", "none"] : ["--isolation", "chroot"]
        words += ["--format", "oci", "--timestamp", "0", "--no-cache", "--layers=false", "--pull=false"]
        words += ["--http-proxy=\(options.network)"]
        words += ["--ignorefile", dockerfile.parent.appending("Dockerfile.dockerignore").shown]
        for (argument, value) in request.arguments.sorted(by: { $0.key < $1.key }) {
            words += ["--build-arg", "\(argument)=\(value)"]
        }
        words += options.secretArguments
        words += ["--annotation", "\(EngineProgram.hashLabel)=\(request.tag)"]
        words += ["--label", "\(EngineProgram.hashLabel)=\(request.tag)"]
        if let target = request.targetStage { words += ["--target", target] }
        if let platform = request.platforms.first { words += ["--platform", platform] }
        words += ["--iidfile", identity.shown]
        // An image that is still to get its health check must not be found under its name before.
        if isFinal { words += ["-t", request.reference] }
        return words + ["-f", dockerfile.shown, context.shown]
    }

    private func hint(_ result: CommandResult, _ options: ImageBuildOptions) -> String? {
        let text = String(decoding: result.output, as: UTF8.self).lowercased()
        let isNetwork = ["network is unreachable", "could not resolve", "temporary failure", "bad address", "dial tcp"]
            .contains(where: text.contains)
        return isNetwork && !options.network ? "RUN has no network; add [network] to the rule" : nil
    }

    /// Bases are fetched before the build, whose RUNs have no network.
    private func pullWhereMissing(_ base: String, _ request: ImageRequest) async throws -> [UInt8] {
        if try await inspect(base) != nil { return [] }
        // This machine's own registries are asked by plain HTTP, here as everywhere.
        let isLoopback =
            ImageReference(base).flatMap { try? HTTPAddress("http://" + $0.host) }?.isLoopback ?? false
        let result = try await program.run(
            [name, "pull"] + (isLoopback ? ["--tls-verify=false"] : []) + [base], separateErrors: false)
        if result.succeeded { return result.output }
        let text = String(decoding: result.output, as: UTF8.self).lowercased()
        let isMissing = ["manifest unknown", "not found", "denied", "unauthorized", "invalid reference"]
            .contains(where: text.contains)
        let message =
            "the base image '\(base)' of '\(request.repository)' is not there: "
            + (EngineProgram.lastLine(result.output) ?? "the pull failed")
        throw isMissing
            ? ActionFailure.cannotBuild(
                message, hint: "correct the FROM, or log in to its registry", output: result.output)
            : ActionFailure.engineUnavailable(
                message, hint: "try again, or pull it by hand: \(name) pull \(base)", output: result.output)
    }

    /// The check the image must have in the end: the Dockerfile's, else the base image's.
    private func healthcheck(_ options: ImageBuildOptions) async throws -> ImageJSON? {
        if let check = options.healthcheck { return check.json }
        guard let bottom = options.bottomImage, let image = try await inspect(bottom) else { return nil }
        let check = name == "podman" ? image["Healthcheck"] : image["Docker"]?["config"]?["Healthcheck"]
        guard let check, check != .null, check != .object([]) else { return nil }
        return check
    }
}

extension Healthcheck {
    /// As Docker's image configuration holds it; what is 0 is left out.
    var json: ImageJSON {
        var members: [ImageJSON.Member] = [.init(name: "Test", value: .array(test.map { .string($0) }))]
        for (name, value) in [
            ("Interval", interval), ("Timeout", timeout), ("StartPeriod", startPeriod),
            ("StartInterval", startInterval),
            ("Retries", Int64(retries)),
        ] where value != 0 {
            members.append(.init(name: name, value: .number(String(value))))
        }
        return .object(members)
    }
}
