// A real image registry on 127.0.0.1, of a test's own. Does not know images.
import BuildGraph
import Glibc

/// Debian's docker-registry on a port that the kernel chose, with its data in a temporary folder; it ends with the value.
package final class RegistryServer {
    /// `127.0.0.1:PORT`, as images' names have it.
    package let address: String
    private let folder: TemporaryFolder
    private let program: RunningProgram
    private let configuration: String

    /// Whether the program is there.
    package static var isInstalled: Bool { access(path, X_OK) == 0 }

    private static let path = "/usr/bin/docker-registry"

    /// Starts it, and waits until it listens. `port` 0 is any.
    package init(port: Int = 0) async throws {
        folder = try TemporaryFolder()
        configuration = folder("config.yml").shown
        try folder.write(
            "config.yml",
            """
            version: 0.1
            log: {level: info, accesslog: {disabled: true}}
            storage:
              filesystem: {rootdirectory: "\(folder("data").shown)"}
              delete: {enabled: true}
            http: {addr: "127.0.0.1:\(port)"}

            """)
        program = try RunningProgram(
            [Self.path, "serve", configuration], in: folder.path,
            environment: ["PATH": "/usr/bin:/bin", "HOME": folder.path.shown, "OTEL_TRACES_EXPORTER": "none"])
        try await program.expect("listening on 127.0.0.1:")
        let said = try await program.expect("\"")
        address = "127.0.0.1:" + said.dropLast()
    }

    /// Ends it and waits until it has ended; what it holds goes with it.
    package func end() async throws { _ = try await program.end(by: SIGTERM) }
}
