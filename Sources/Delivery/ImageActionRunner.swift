// Runs image actions: nothing where the engine has the image, else stage, pin, build.
// Does not know any engine, and never decides whether an image is needed.
package import BuildEngine
package import BuildGraph
import Buildfile

/// The built-in image action.
package struct ImageActionRunner: ActionRunner {
    private let store: any ContentStore
    private let drivers: DriverProvider
    /// Absolute: where contexts are staged, each in a folder of its own that is removed again.
    private let staging: BytePath

    package init(store: any ContentStore, drivers: DriverProvider, staging: BytePath) {
        self.store = store
        self.drivers = drivers
        self.staging = staging
    }

    /// Asks the engine: an image of that name with that digest.
    package func isPresent(_ action: Action, _ result: ActionResult) async -> Bool {
        guard case .image(let request) = action.command, let expected = result.imageDigest else { return false }
        let found = try? await drivers.driver().digest(of: request.reference)
        return found == expected
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
        if let digest = try await driver.digest(of: request.reference) {
            return ActionResult(
                exitCode: 0, outputs: [], imageDigest: digest, log: nil, duration: start.duration(to: clock.now))
        }
        do {
            let (digest, log) = try await build(action, request, with: driver)
            return ActionResult(
                exitCode: 0, outputs: [], imageDigest: digest, log: try await store.write(log),
                duration: start.duration(to: clock.now))
        } catch let error as StoreError {
            throw Self.failure(error, action.label)
        }
    }

    private func build(
        _ action: Action, _ request: ImageRequest, with driver: any ImageDriver
    ) async throws -> (digest: String, log: [UInt8]) {
        let pinned = try await pin(request, with: driver, for: action.label)
        let inputs = Self.inputs(of: pinned, try await store.read(request.dockerfile.digest))
        var options = ImageBuildOptions()
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
        return try await driver.build(pinned, context: staged.context, dockerfile: staged.dockerfile, options: options)
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
            guard let pinned = try await driver.pinned(reference) else {
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
