// A real image registry on 127.0.0.1, of a test's own. Does not know images.
import BuildEngine
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

    /// Removes the image `digest` of the repository `name`, and then everything that nothing refers to any more, as a registry's
    /// own clean-up does.
    package func forget(_ name: String, _ digest: String) async throws {
        let url = "http://\(address)/v2/\(name)/manifests/\(digest)"
        for words in [
            ["/usr/bin/curl", "-sf", "-X", "DELETE", url], [Self.path, "garbage-collect", "-m", configuration],
        ] {
            let command = Command(
                words, environment: ["PATH": "/usr/bin:/bin", "HOME": folder.path.shown], folder: folder.path)
            let result = try await ProcessRunner.ofTests.run(command)
            if !result.succeeded {
                throw EngineFixtureFailed(text: "\(words): \(String(decoding: result.output, as: UTF8.self))")
            }
        }
    }

    /// Ends it and waits until it has ended; what it holds goes with it.
    package func end() async throws { _ = try await program.end(by: SIGTERM) }
}
