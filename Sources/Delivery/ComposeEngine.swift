// Stacks by Docker Compose, version 1 or 2 of its command line, on one engine. Does not know when a rollout has come up.
package import BuildEngine
package import BuildGraph
import Buildfile
import Glibc

/// One engine's containers, brought up by Compose.
///
/// Compose has no configs that outlive a file and no memory: what was deployed is written down in a folder of the workspace,
/// and configs and secrets are files there that only this user reads.
package struct ComposeEngine: APIDeployEngine {
    package let name = "compose"
    package let undoesUpdates = false
    package let shelf: any Shelf
    let api: EngineAPI
    private let program: EngineProgram
    private let files: BytePath
    private let commandLine: CommandLine

    /// Which Compose there is.
    package enum CommandLine: Sendable, Hashable {
        /// `docker compose`.
        case two
        /// `docker-compose`.
        case one

        var words: [String] { self == .two ? ["docker", "compose"] : ["docker-compose"] }
    }

    /// `files` is a private folder.
    package init(
        _ api: EngineAPI, _ commandLine: CommandLine, runner: any CommandRunner, environment: [String: String],
        files: BytePath
    ) {
        self.api = api
        self.files = files
        self.commandLine = commandLine
        shelf = FolderShelf(folder: files.appending("shelf"))
        var environment = environment
        environment["DOCKER_HOST"] = api.address.shown
        program = EngineProgram("docker", runner: runner, environment: environment)
    }

    /// The Compose of this machine, version 2 where both are there; nil where none is.
    package static func commandLine(
        runner: any CommandRunner, environment: [String: String]
    ) async -> CommandLine? {
        let program = EngineProgram("docker", runner: runner, environment: environment)
        if await program.reasonUnusable(["docker", "compose", "version"]) == nil { return .two }
        if await program.reasonUnusable(["docker-compose", "version", "--short"]) == nil { return .one }
        return nil
    }

    /// Why no stack can be deployed here; nil where one can.
    package func reasonUnusable() async -> String? {
        do {
            _ = try await api.get("/version")
            return nil
        } catch let error as EngineError {
            return error.message
        } catch {
            return "interrupted"
        }
    }

    // MARK: Looking

    package func observe(_ project: String) async throws -> ObservedStack {
        let filter = EngineAPI.filter("label", "com.docker.compose.project=\(project)")
        let list = try await api.get("/containers/json?all=1&\(filter)").elements ?? []
        var containers: [String: [JSONTree]] = [:]
        for item in list {
            guard let id = item.member("Id")?.text else { continue }
            do {
                let container = try await api.get("/containers/\(id)/json")
                let labels = container.at("Config", "Labels")?.texts ?? [:]
                guard labels["com.docker.compose.oneoff"]?.lowercased() != "true",
                    let service = labels["com.docker.compose.service"]
                else { continue }
                containers[service, default: []].append(container)
            } catch let error as EngineError where error.kind == .missing {
                continue
            }
        }
        return ObservedStack(
            services: containers.map { live.completed(Self.service($0.key, $0.value)) }, configs: digests,
            secrets: Set(names))
    }

    private static func service(_ name: String, _ containers: [JSONTree]) -> ObservedService {
        let sorted = containers.sorted { ($0.member("Created")?.text ?? "") < ($1.member("Created")?.text ?? "") }
        let newest = sorted.last ?? JSONTree(.null)
        let labels = newest.at("Config", "Labels")?.texts ?? [:]
        return ObservedService(
            name: name, id: newest.member("Id")?.text ?? "", version: 0,
            image: newest.at("Config", "Image")?.text ?? "", labels: labels, replicas: containers.count,
            tasks: sorted.flatMap { attempts($0, labels[DeployLabel.spec], of: containers.count) },
            description: wish(newest))
    }

    /// A container, and one ended attempt for each time that the engine started it again.
    private static func attempts(_ container: JSONTree, _ spec: String?, of count: Int) -> [ObservedTask] {
        let id = container.member("Id")?.text ?? ""
        let image = container.at("Config", "Image")?.text ?? ""
        let isCurrent = container.at("Config", "Labels", DeployLabel.spec)?.text == spec
        let state = container.at("State", "Status")?.text ?? ""
        let health = container.at("State", "Health", "Status")?.text
        let code = container.at("State", "ExitCode")?.whole ?? 0
        let error = container.at("State", "Error")?.text ?? ""
        var failure: String?
        if state == "exited" || state == "dead" || state == "restarting" || state == "created" && !error.isEmpty {
            failure = error.isEmpty ? "exit status \(code)" : error
        } else if health == "unhealthy" {
            failure = "unhealthy: \(lastProbe(container))"
        }
        let restarts = container.member("RestartCount")?.whole ?? 0
        let isHopeless = health == "unhealthy" || state == "created"
        let ended = failure == nil ? 0 : isHopeless ? RolloutJudge.patience * count : 1
        var tasks = (0..<(restarts + ended)).map {
            ObservedTask(
                id: "\(id)#\($0)", image: image, isCurrent: isCurrent, isWanted: false, isUp: false,
                failure: failure ?? "was started again")
        }
        tasks.append(
            ObservedTask(
                id: id, image: image, isCurrent: isCurrent, isWanted: true,
                isUp: state == "running" && (health == nil || health == "none" || health == "healthy")))
        return tasks
    }

    private static func lastProbe(_ container: JSONTree) -> String {
        let probe = container.at("State", "Health", "Log")?.elements?.last
        let output = probe?.member("Output")?.text ?? ""
        let line = output.split(separator: "\n").last.map(String.init) ?? ""
        return line.isEmpty ? "its check fails" : BytePath(line).shown
    }

    /// What of a container is somebody's wish, and not the engine's own doing.
    private static func wish(_ container: JSONTree) -> JSONTree {
        func some(_ tree: JSONTree?, _ names: [String]) -> JSONTree {
            JSONTree(.object((tree?.members ?? []).filter { names.contains($0.name) }))
        }
        return JSONTree.object([
            ("Config", some(container.member("Config"), ["Image", "Env", "Cmd", "Entrypoint", "User", "WorkingDir"])),
            (
                "HostConfig",
                some(
                    container.member("HostConfig"),
                    [
                        "Binds", "NetworkMode", "PortBindings", "RestartPolicy", "Memory", "NanoCpus", "CapAdd",
                        "CapDrop", "Privileged", "ReadonlyRootfs",
                    ])
            ),
        ])
    }

    package func lastLines(of task: ObservedTask) async -> [String] {
        let id = task.id.split(separator: "#").first.map(String.init) ?? task.id
        return EngineAPI.lines(
            ofLog: (try? await api.bytes("/containers/\(id)/logs?stdout=1&stderr=1&tail=20")) ?? [])
    }

    // MARK: Changing

    package func prepare(_ stack: RenderedStack) async throws {
        for folder in [files, mounted] { _ = folder.withCString { mkdir($0, 0o700) } }
        for config in stack.configs { try place(config.bytes, as: config.engineName) }
        for secret in stack.secrets {
            let file = mounted.appending(secret.engineName)
            if let value = secret.value {
                try place(value.bytes, as: secret.engineName)
            } else if file.withCString({ access($0, R_OK) }) != 0 {
                throw EngineError(.missing, "the secret '\(secret.key)' of that time is not kept here any more")
            }
        }
    }

    /// The folder keeps others out; the file itself is mounted into containers, whose users must be able to read it.
    private func place(_ bytes: [UInt8], as name: String) throws {
        let file = mounted.appending(name)
        try writePrivate(bytes, to: file)
        _ = file.withCString { chmod($0, 0o444) }
    }

    package func submit(_ stack: RenderedStack, release: String) async throws {
        try await removeStrays(stack.project)
        let (stack, routes) = live.separated(stack)
        var routers: Set<String> = []
        if let routes { routers = Set(try await containers(of: routes.service, in: stack.project)) }
        if let routes { try live.place(routes) }
        let file = files.appending("stack.json")
        let flavour: StackFlavour = commandLine == .two ? .composeTwo : .composeOne
        try write(
            stack.document(for: flavour, files: mounted).labelled(stack, release: release, inDeploy: false), to: file)
        var words = commandLine.words + ["--project-name", stack.project, "--file", file.shown]
        words += ["up", "--detach", "--remove-orphans", "--no-build"]
        for service in stack.services where service.replicas != 1 {
            words += ["--scale", "\(service.name)=\(service.replicas)"]
        }
        let result = try await program.asked(words)
        if let routes, result.succeeded { try await take(routes, routers, stack.project) }
        if result.succeeded { return }
        // Where a container does not start, Compose leaves out others. The one that failed is seen by looking, and it is what
        // failed; only where nothing is there to be looked at, Compose's own words are all there is.
        let now = try await observe(stack.project)
        let due = stack.services.filter { $0.replicas > 0 }
        func isMade(_ service: RenderedService) -> Bool { now.services[service.name]?.specHash == service.specHash.hex }
        func hasFailed(_ service: RenderedService) -> Bool {
            isMade(service) && now.services[service.name]?.tasks.contains { $0.isCurrent && $0.hasFailed } == true
        }
        if !due.allSatisfy(isMade), !due.contains(where: hasFailed) { throw EngineProgram.refusal(result) }
    }

    private var live: LiveRoutes { LiveRoutes(files: files) }

    /// Has the routers that were there before read their new routes; one that was made anew has read them.
    private func take(_ routes: LiveRoutes.Wanted, _ before: Set<String>, _ project: String) async throws {
        if live.taken == routes.mark { return }
        for id in try await containers(of: routes.service, in: project) where before.contains(id) {
            try await RouterReload(api: api).reload(id)
        }
        try live.noteTaken(routes)
    }

    private func containers(of service: String, in project: String) async throws -> [String] {
        let filter = EngineAPI.filter("label", "com.docker.compose.project=\(project)")
        return (try await api.get("/containers/json?all=1&\(filter)").elements ?? []).compactMap { item in
            item.at("Labels", "com.docker.compose.service")?.text == service ? item.member("Id")?.text : nil
        }
    }

    /// Containers that somebody put under the project's labels by hand: Compose neither counts nor removes them.
    private func removeStrays(_ project: String) async throws {
        let filter = EngineAPI.filter("label", "com.docker.compose.project=\(project)")
        for item in try await api.get("/containers/json?all=1&\(filter)").elements ?? [] {
            let labels = item.member("Labels")?.texts ?? [:]
            let isOwn =
                labels["com.docker.compose.oneoff"] != nil && labels["com.docker.compose.container-number"] != nil
            guard !isOwn, let id = item.member("Id")?.text else { continue }
            try await api.delete("/containers/\(id)?force=1")
        }
    }

    package func remove(_ project: String) async throws {
        try await removeStrays(project)
        if try await observe(project).services.isEmpty { return }
        let file = files.appending("stack.json")
        let result = try await program.asked(
            commandLine.words + ["--project-name", project, "--file", file.shown, "down", "--remove-orphans"])
        if !result.succeeded { throw EngineProgram.refusal(result) }
    }

    package func collectGarbage(_ project: String, keeping kept: Set<String>) async throws {
        for name in names where !kept.contains(name) && name.hasPrefix(project + "_") {
            _ = mounted.appending(name).withCString { unlink($0) }
        }
    }

    // MARK: Files

    /// Configs and secrets under their engine names.
    private var mounted: BytePath { files.appending("mounted") }

    private var names: [String] { FolderShelf.names(in: mounted) }

    private var digests: [String: String] {
        var found: [String: String] = [:]
        for name in names {
            guard let bytes = try? Disk.contents(of: mounted.appending(name)) else { continue }
            found[name] = SHA256Value.of(bytes).hex
        }
        return found
    }
}
