// Podman shares its builder and its store with buildah; only the program's name and its answers differ.
package import BuildEngine
import BuildGraph
import Glibc

/// Builds with `podman build`, to the same digests as buildah's of the same version.
package enum PodmanDriver {
    package static func make(
        runner: any CommandRunner, environment: [String: String], isRoot: Bool = geteuid() == 0
    ) -> any ImageDriver {
        BuildahDriver(runner: runner, environment: environment, program: "podman", isRoot: isRoot)
    }
}
