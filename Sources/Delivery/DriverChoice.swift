// Which engine builds. Does not build.
package import BuildEngine
import BuildGraph
import Buildfile

/// `--driver`.
package enum DriverChoice: String, Sendable, Hashable, CaseIterable {
    /// The first of buildah, podman and docker that can be used.
    case auto
    case buildah, podman, docker

    /// The driver, asked whether it works. Throws `ActionFailure` of kind `.unavailable` (LMS602) where none does.
    package func driver(
        runner: any CommandRunner, environment: [String: String]
    ) async throws -> any ImageDriver {
        let candidates = self == .auto ? [DriverChoice.buildah, .podman, .docker] : [self]
        var reasons: [String] = []
        for candidate in candidates {
            let driver: any ImageDriver =
                switch candidate {
                case .podman: PodmanDriver.make(runner: runner, environment: environment)
                case .docker: DockerDriver(runner: runner, environment: environment)
                case .auto, .buildah: BuildahDriver(runner: runner, environment: environment)
                }
            guard let reason = await driver.reasonUnusable() else { return driver }
            try Task.checkCancellation()
            reasons.append("\(candidate.rawValue): \(reason)")
        }
        let message = self == .auto ? "no container engine can be used" : "\(rawValue) can't be used"
        throw ActionFailure(
            kind: .unavailable,
            diagnostic: Diagnostic(
                .engineUnavailable, .error, message, notes: reasons.map { .init($0) },
                hint: self == .docker
                    ? "start the engine or correct DOCKER_HOST, or use --driver buildah"
                    : "install buildah (it needs no daemon), or name an engine with --driver buildah|podman|docker"))
    }
}

/// Chooses once, when the first image is wanted: a run without images asks no engine.
package actor DriverProvider {
    private let choice: DriverChoice
    private let runner: any CommandRunner
    private let environment: [String: String]
    private let isRebuilding: Bool
    private var chosen: Task<any ImageDriver, any Error>?

    /// With `isRebuilding` every image is built once, even one that the engine has.
    package init(
        _ choice: DriverChoice, runner: any CommandRunner, environment: [String: String], isRebuilding: Bool = false
    ) {
        self.isRebuilding = isRebuilding
        self.choice = choice
        self.runner = runner
        self.environment = environment
    }

    /// A provider of a driver that is known already.
    package init(fixed driver: any ImageDriver, runner: any CommandRunner) {
        choice = .auto
        isRebuilding = false
        self.runner = runner
        environment = [:]
        chosen = Task { driver }
    }

    package func driver() async throws -> any ImageDriver {
        if let chosen { return try await chosen.value }
        let task = Task<any ImageDriver, any Error> { [choice, runner, environment, isRebuilding] in
            let driver = try await choice.driver(runner: runner, environment: environment)
            return isRebuilding ? RebuildingDriver(driver) : driver
        }
        chosen = task
        return try await task.value
    }
}
