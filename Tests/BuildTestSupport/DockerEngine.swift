import BuildEngine
import BuildGraph
import Glibc

/// An engine of a test's own: its files in a temporary folder, its socket there too.
package final class DockerEngine: Sendable {
    package let folder: TemporaryFolder
    /// With which its command line reaches it.
    package let environment: [String: String]
    private let processes = ProcessRunner.ofTests

    /// Nil where no engine can be started on this machine.
    private init?(swarm: Bool, registry: String?) async throws {
        folder = try TemporaryFolder()
        var environment = ["PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/nonexistent"]
        if let path = getenv("PATH") { environment["PATH"] = String(cString: path) }
        environment["DOCKER_HOST"] = "unix://" + folder("sock").shown
        environment["DOCKER_CONFIG"] = folder("config").shown
        self.environment = environment
        guard try await start(registry), swarm ? try await joinSwarm() : true else {
            await stop()
            return nil
        }
    }

    /// Runs `body` with an engine that is ended after it, whatever comes of it. Says so where none can be started here.
    package static func during(
        swarm: Bool, registry: String? = nil, _ body: (DockerEngine) async throws -> Void
    ) async throws {
        guard let engine = try await DockerEngine(swarm: swarm, registry: registry) else {
            print("SKIPPED: dockerd does not start on this machine")
            return
        }
        do {
            try await body(engine)
        } catch {
            await engine.stop()
            throw error
        }
        await engine.stop()
    }

    /// `unix://…`.
    package var address: String { environment["DOCKER_HOST"] ?? "" }

    private func start(_ registry: String?) async throws -> Bool {
        let root = folder.path.shown
        let insecure = registry.map { "--insecure-registry \($0)" } ?? ""
        let start = """
            setsid dockerd --bridge=none --iptables=false --storage-driver=overlay2 --data-root \(root)/data \
            --exec-root \(root)/exec --pidfile \(root)/pid -H unix://\(root)/sock \(insecure) >>\(root)/log 2>&1 </dev/null &
            for i in $(seq 400); do docker version >/dev/null 2>&1 && exit 0; sleep 0.2; done; exit 1
            """
        return try await shell(start).succeeded
    }

    private func joinSwarm() async throws -> Bool {
        for _ in 0..<5 {
            let port = Int.random(in: 20000...29999)
            let result = try await shell(
                "docker swarm init --advertise-addr 127.0.0.1 --listen-addr 127.0.0.1:\(port) >&2")
            if result.succeeded { return true }
        }
        return false
    }

    /// Ends it, and starts it again over the same files.
    package func restart() async throws -> Bool {
        await end()
        return try await start(nil)
    }

    /// Ends it and what it runs.
    package func stop() async {
        _ = try? await shell(
            "docker ps -q 2>/dev/null | xargs -r docker kill >/dev/null 2>&1; docker swarm leave --force")
        await end()
    }

    private func end() async {
        let root = folder.path.shown
        _ = try? await shell(
            """
            pid=$(cat \(root)/pid 2>/dev/null) && kill "$pid" && while kill -0 "$pid" 2>/dev/null \\
                && ! grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null; do sleep 0.1; done
            for mount in \(root)/exec/netns/*; do umount "$mount" 2>/dev/null; done; true
            """)
    }

    private func shell(_ script: String) async throws -> CommandResult {
        var command = Command(["/bin/sh", "-c", script], environment: environment, folder: BytePath("/"))
        command.separateErrors = true
        return try await processes.run(command)
    }

    /// What `arguments` print.
    package func output(_ arguments: String...) async throws -> String {
        let result = try await processes.run(
            Command(arguments, environment: environment, folder: BytePath("/")))
        return String(decoding: result.output, as: UTF8.self)
    }

    /// Builds `FROM scratch` with busybox and `files`, and gives the image's id.
    package func image(_ name: String, _ files: [String: String] = [:], command: String) async throws -> String {
        let context = folder("context-\(name)")
        var lines = "FROM scratch\nCOPY busybox /bin/busybox\n"
        for (file, text) in files.sorted(by: { $0.key < $1.key }) {
            try folder.write("context-\(name)/\(file)", text)
            lines += "COPY \(file) /\(file)\n"
        }
        try folder.write("context-\(name)/Dockerfile", lines + "CMD \(command)\n")
        let result = try await shell(
            "cp /bin/busybox \(context.shown)/busybox && DOCKER_BUILDKIT=0 docker build -q -t \(name) \(context.shown)")
        if !result.succeeded { throw EngineFixtureFailed(text: String(decoding: result.errors, as: UTF8.self)) }
        return String(decoding: result.output, as: UTF8.self).split(separator: "\n").last.map(String.init) ?? ""
    }
}

/// The engine did not do what a test takes for granted.
package struct EngineFixtureFailed: Error {
    package let text: String
}
