// Runs image actions: nothing where the engine has the image, else stage, pin, build.
// Does not know any engine, and never decides whether an image is needed.
package import BuildEngine
package import BuildGraph
import Buildfile
import Glibc

/// The built-in image action.
package struct ImageActionRunner: ActionRunner {
    private let store: any ContentStore
    private let drivers: DriverProvider
    /// Absolute: where contexts are staged, each in a folder of its own that is removed again.
    private let staging: BytePath
    /// The run's secrets; nil where it has none.
    private let secrets: BuildSecrets?
    /// What a registry has under an image's tag, where that counts as built: its manifest's digest.
    private let registry: (@Sendable (ImageReference) async throws -> String?)?

    /// `secrets` are those of the whole run; `registry` says what a registry has, where that counts as built.
    package init(
        store: any ContentStore, drivers: DriverProvider, staging: BytePath, secrets: BuildSecrets? = nil,
        registry: (@Sendable (ImageReference) async throws -> String?)? = nil
    ) {
        self.store = store
        self.drivers = drivers
        self.staging = staging
        self.secrets = secrets
        self.registry = registry
    }

    /// Asks the engine: an image of that name with that digest.
    package func isPresent(_ action: Action, _ result: ActionResult) async -> Bool {
        guard case .image(let request) = action.command, let expected = result.imageDigest else { return false }
        if let found = try? await drivers.driver().digest(of: request.reference) { return found == expected }
        return (try? await pushed(request.reference)) == expected
    }

    package func hasSameSecrets(_ action: Action) async -> Bool {
        if let secrets, secrets.areSame(for: action) { return true }
        // The registry's word counts for what is built: whoever pushed it had the secrets.
        guard registry != nil, case .image(let request) = action.command else { return false }
        return (try? await pushed(request.reference)) != nil
    }

    private func pushed(_ reference: String) async throws -> String? {
        guard let registry, let name = ImageReference(reference) else { return nil }
        return try await registry(name)
    }

    package func run(_ action: Action) async throws -> ActionResult {
        guard case .image(let request) = action.command else {
            throw ActionFailure(
                kind: .machine,
                diagnostic: Diagnostic(.internalError, .error, "'\(action.label)' is no image, but was run as one"))
        }
        let clock = ContinuousClock()
        let start = clock.now
        let driver = try await drivers.driver()
        // One that was made with other secrets, or left behind before it was looked through, does not count.
        if action.secretNames.isEmpty, let digest = try await driver.digest(of: request.reference) {
            return ActionResult(
                exitCode: 0, outputs: [], imageDigest: digest, log: nil, duration: start.duration(to: clock.now))
        }
        if let digest = try await pushed(request.reference) {
            return ActionResult(
                exitCode: 0, outputs: [], imageDigest: digest, log: nil, duration: start.duration(to: clock.now))
        }
        do {
            let (digest, log) = try await builtAndSearched(action, request, with: driver)
            try secrets?.record(action)
            return ActionResult(
                exitCode: 0, outputs: [], imageDigest: digest, log: try await store.write(log),
                duration: start.duration(to: clock.now))
        } catch let error as StoreError {
            throw Self.failure(error, action.label)
        }
    }

    /// Builds with what is said about it masked, and looks the image through for every secret of the run. One that holds any
    /// is removed again.
    private func builtAndSearched(
        _ action: Action, _ request: ImageRequest, with driver: any ImageDriver
    ) async throws -> (digest: String, log: [UInt8]) {
        let mask = secrets?.mask ?? SecretMask(values: [])
        do {
            let (digest, log, bases) = try await build(action, request, with: driver)
            guard let search = secrets?.search else { return (digest, mask.masked(log)) }
            do {
                let own = staging.appending(BytePath("\(getpid())-search-\(request.tag.prefix(12))"))
                if let place = try await search.find(in: request.reference, on: bases, of: driver.name, below: own) {
                    throw ActionFailure.secretInImage(action.label, place, output: mask.masked(log))
                }
            } catch {
                try await driver.remove(request.reference)
                throw error
            }
            return (digest, mask.masked(log))
        } catch let failure as ActionFailure {
            throw mask.masked(failure)
        }
    }

    private func build(
        _ action: Action, _ request: ImageRequest, with driver: any ImageDriver
    ) async throws -> (digest: String, log: [UInt8], bases: [String]) {
        let pinned = try await pin(request, with: driver, for: action.label)
        let inputs = Self.inputs(of: pinned, try await store.read(request.dockerfile.digest))
        var options = ImageBuildOptions()
        for name in action.secretNames {
            options.secrets[name] = SecretValue(Array((action.unhashedEnvironment[name] ?? "").utf8))
        }
        options.network = action.attributes.network
        options.timeout = action.attributes.timeout
        options.healthcheck = inputs.healthcheck
        options.bottomImage = inputs.bottomImage
        options.hasRemoteSources = !inputs.remoteSources.isEmpty
        for base in inputs.baseImages where base.isResolved && !options.baseImages.contains(base.reference) {
            options.baseImages.append(base.reference)
        }
        let staged = try await ImageContext.stage(
            action, request, dockerfile: inputs.reachedText, from: store, below: staging)
        defer { staged.remove() }
        let (digest, log) = try await driver.build(
            pinned, context: staged.context, dockerfile: staged.dockerfile, options: options)
        return (digest, log, options.baseImages)
    }

    /// The Dockerfile with its bases from elsewhere as they are pinned.
    private static func inputs(of request: ImageRequest, _ text: [UInt8]) -> DockerfileInputs {
        func read(_ text: [UInt8]) -> DockerfileInputs {
            DockerfileInputs.read(
                SourceText(name: request.dockerfile.path.shown, bytes: text), arguments: request.arguments,
                targetStage: request.targetStage)
        }
        let inputs = read(text)
        if request.pins.isEmpty { return inputs }
        let bases = inputs.externalBases(prerequisites: request.imageArguments)
        return read(DockerfileInputs.pinned(text, bases, request.pins))
    }

    /// Replaces the references of image prerequisites by what the driver's own store has under them now.
    private func pin(
        _ request: ImageRequest, with driver: any ImageDriver, for label: Label
    ) async throws -> ImageRequest {
        var arguments = request.arguments
        for name in request.imageArguments.sorted() {
            guard let reference = arguments[name] else { continue }
            var own = try await driver.pinned(reference)
            if own == nil, let digest = try await pushed(reference) {
                own = "\(BuildahDriver.repository(of: reference))@\(digest)"
            }
            guard let pinned = own else {
                throw ActionFailure.cannotBuild(
                    "'\(label)' starts from '\(reference)', which \(driver.name) does not have",
                    hint: "run its image target again; if another engine built it, name that one with --driver")
            }
            arguments[name] = pinned
        }
        return request.with(arguments: arguments)
    }

    private static func failure(_ error: StoreError, _ label: Label) -> ActionFailure {
        let what: (DiagnosticCode, String) =
            switch error {
            case .missing(let digest):
                (.storeDamaged, "an input of '\(label)' is missing in the store (sha256 \(digest.hash.hex.prefix(12)))")
            case .damaged(let digest):
                (.storeDamaged, "an input of '\(label)' is damaged in the store (sha256 \(digest.hash.hex.prefix(12)))")
            case .changed(let path): (.storeUnusable, "'\(path.shown)' changed while '\(label)' was built")
            case .system(let operation, let path, let code):
                (.storeUnusable, "'\(label)' can't be prepared: \(operation) '\(path.shown)': errno \(code)")
            }
        return ActionFailure(
            kind: .machine, diagnostic: Diagnostic(what.0, .error, what.1, hint: "run the command again"))
    }
}

extension ImageRequest {
    /// The same request with other build arguments.
    func with(arguments: [String: String]) -> ImageRequest {
        var request = ImageRequest(
            repository: repository, tag: tag, context: context, dockerfile: dockerfile, targetStage: targetStage,
            arguments: arguments, imageArguments: imageArguments, platforms: platforms)
        request.pins = pins
        return request
    }
}
