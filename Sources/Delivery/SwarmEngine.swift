// Stacks in a Docker Swarm: submitted by `docker stack deploy`, seen through the Engine API. Does not know when a rollout
// has come up.
package import BuildEngine
package import BuildGraph
import Buildfile

/// A swarm, asked at one of its managers.
package struct SwarmEngine: APIDeployEngine {
    package let name = "swarm"
    package let undoesUpdates = true
    package let shelf: any Shelf
    let api: EngineAPI
    private let program: EngineProgram
    /// A private folder for the documents that the command line reads.
    private let files: BytePath

    /// `project` is what the shelf is for.
    package init(
        _ api: EngineAPI, project: String, runner: any CommandRunner, environment: [String: String], files: BytePath
    ) {
        self.api = api
        self.files = files
        shelf = SwarmShelf(api, project: project)
        program = EngineProgram("docker", runner: runner, environment: environment)
    }

    /// Why no stack can be deployed here; nil where one can.
    package func reasonUnusable() async -> String? {
        do {
            let info = try await api.get("/info")
            let swarm = info.member("Swarm")
            guard swarm?.member("LocalNodeState")?.text == "active" else {
                return "the engine at \(api.address.shown) is in no swarm ('docker swarm init' makes one)"
            }
            if case .bool(true) = swarm?.member("ControlAvailable")?.content { return nil }
            return "the engine at \(api.address.shown) is no manager of its swarm"
        } catch let error as EngineError {
            return error.message
        } catch {
            return "interrupted"
        }
    }

    // MARK: Looking

    private static let namespace = "com.docker.stack.namespace"

    package func observe(_ project: String) async throws -> ObservedStack {
        let filter = EngineAPI.filter("label", "\(Self.namespace)=\(project)")
        let services = try await api.get("/services?\(filter)").elements ?? []
        let tasks = services.isEmpty ? [] : try await api.get("/tasks?\(filter)").elements ?? []
        let owned = EngineAPI.filter("label", "\(DeployLabel.project)=\(project)")
        let configs = try await api.get("/configs?\(owned)").elements ?? []
        let secrets = try await api.get("/secrets?\(owned)").elements ?? []
        let byService = Dictionary(grouping: tasks) { $0.member("ServiceID")?.text ?? "" }
        return ObservedStack(
            services: services.map { Self.service($0, byService, project) },
            configs: Dictionary(
                configs.compactMap { config in
                    guard let name = config.at("Spec", "Name")?.text,
                        config.at("Spec", "Labels", DeployLabel.kind)?.text == "config",
                        let bytes = config.at("Spec", "Data")?.text.flatMap({ Base64.decode($0) })
                    else { return nil }
                    return (name, SHA256Value.of(bytes).hex)
                }, uniquingKeysWith: { $1 }),
            secrets: Set(secrets.compactMap { $0.at("Spec", "Name")?.text }))
    }

    private static func service(
        _ tree: JSONTree, _ tasks: [String: [JSONTree]], _ project: String
    ) -> ObservedService {
        let id = tree.member("ID")?.text ?? ""
        let name = tree.at("Spec", "Name")?.text ?? ""
        let container = tree.at("Spec", "TaskTemplate", "ContainerSpec")
        let described = container?.bytes ?? []
        let sorted = (tasks[id] ?? []).sorted {
            ($0.member("CreatedAt")?.text ?? "") < ($1.member("CreatedAt")?.text ?? "")
        }
        return ObservedService(
            name: name.hasPrefix(project + "_") ? String(name.dropFirst(project.count + 1)) : name, id: id,
            version: tree.at("Version", "Index")?.whole ?? 0, image: container?.member("Image")?.text ?? "",
            labels: tree.at("Spec", "Labels")?.texts ?? [:],
            replicas: tree.at("Spec", "Mode", "Replicated", "Replicas")?.whole ?? 1,
            update: tree.at("UpdateStatus", "State")?.text.flatMap { ObservedService.Update(rawValue: $0) },
            updateMessage: tree.at("UpdateStatus", "Message")?.text ?? "",
            tasks: sorted.map { task($0, described) }, description: wish(tree.member("Spec")),
            uses: names(tree.member("Spec")).union(names(tree.member("PreviousSpec"))))
    }

    private static func task(_ tree: JSONTree, _ described: [UInt8]) -> ObservedTask {
        let state = tree.at("Status", "State")?.text ?? ""
        let container = tree.at("Spec", "ContainerSpec")
        var failure: String?
        if ["failed", "rejected", "complete"].contains(state) {
            let error = tree.at("Status", "Err")?.text ?? ""
            let status = tree.at("Status", "ContainerStatus", "ExitCode")?.whole
            failure = error.isEmpty ? "exit status \(status ?? 0)" : error
        }
        var task = ObservedTask(
            id: tree.member("ID")?.text ?? "", image: container?.member("Image")?.text ?? "",
            isCurrent: container?.bytes == described, isWanted: tree.member("DesiredState")?.text == "running",
            isUp: state == "running", failure: failure)
        task.slot = tree.member("Slot")?.whole
        // What no health check has called healthy yet is said to be starting, however long it runs.
        task.isAlive = ["starting", "running"].contains(state)
        return task
    }

    /// A service's description without what changes with every release.
    private static func wish(_ spec: JSONTree?) -> JSONTree {
        guard let members = spec?.members else { return JSONTree(.null) }
        return JSONTree(
            .object(
                members.map { member in
                    guard member.name == "Labels", let labels = member.value.members else { return member }
                    return JSONTree.Member(
                        name: "Labels",
                        value: JSONTree(.object(labels.filter { $0.name != DeployLabel.release })))
                }))
    }

    private static func names(_ spec: JSONTree?) -> Set<String> {
        let container = spec?.at("TaskTemplate", "ContainerSpec")
        let configs = (container?.member("Configs")?.elements ?? []).compactMap { $0.member("ConfigName")?.text }
        let secrets = (container?.member("Secrets")?.elements ?? []).compactMap { $0.member("SecretName")?.text }
        return Set(configs + secrets)
    }

    package func lastLines(of task: ObservedTask) async -> [String] {
        let path = "/tasks/\(EngineAPI.percentEncoded(task.id))"
        let lines = EngineAPI.lines(ofLog: (try? await api.bytes(path + "/logs?stdout=1&stderr=1&tail=20")) ?? [])
        return lines + (await failedProbe(path).map { [$0] } ?? [])
    }

    /// What the task's health check said last, where it said no: Swarm tells only how the container ended after it. Known where
    /// the container is on the engine that is asked.
    private func failedProbe(_ task: String) async -> String? {
        guard let id = try? await api.get(task).at("Status", "ContainerStatus", "ContainerID")?.text,
            let container = try? await api.get("/containers/\(id)/json"),
            let probe = container.at("State", "Health", "Log")?.elements?.last,
            let status = probe.member("ExitCode")?.whole, status != 0
        else { return nil }
        let line = (probe.member("Output")?.text ?? "").split(separator: "\n").last.map(String.init) ?? ""
        return "its health check failed (exit status \(status)): \(BytePath(line).shown)"
    }

    // MARK: Changing

    package func prepare(_ stack: RenderedStack) async throws {
        let there = try await observe(stack.project)
        for config in stack.configs where there.configs[config.engineName] == nil {
            try await api.post(
                "/configs/create",
                .object([
                    ("Name", .string(config.engineName)), ("Data", .string(Base64.encode(config.bytes))),
                    ("Labels", labels(stack.project, [(DeployLabel.kind, "config")])),
                ]))
        }
        for secret in stack.secrets where !there.secrets.contains(secret.engineName) {
            guard let value = secret.value else {
                throw EngineError(.missing, "the secret '\(secret.key)' of that time is not in the engine any more")
            }
            try await api.post(
                "/secrets/create",
                .object([
                    ("Name", .string(secret.engineName)), ("Data", .string(Base64.encode(value.bytes))),
                    ("Labels", labels(stack.project, [(DeployLabel.fingerprint, secret.fingerprint.hex)])),
                ]))
        }
    }

    private func labels(_ project: String, _ further: [(String, String)]) -> JSONValue {
        .object([(DeployLabel.project, .string(project))] + further.map { ($0.0, .string($0.1)) })
    }

    package func submit(_ stack: RenderedStack, release: String) async throws {
        let file = files.appending("stack.json")
        let document = stack.document(for: .swarm, files: files).labelled(stack, release: release, inDeploy: true)
        try write(document, to: file)
        try await forgetImages(of: stack)
        // A node that is gone says nothing of its containers: that holds nothing up for long.
        _ = try await hasEnded(stack.project, within: 60)
        let result = try await program.asked(
            [
                "docker", "--host", api.address.shown, "stack", "deploy", "--prune", "--resolve-image", "never",
                "--with-registry-auth", "--compose-file", file.shown, stack.project,
            ])
        if !result.succeeded { throw EngineProgram.refusal(result) }
    }

    /// `stack deploy` leaves a service's image alone where its own label says that it is the wanted one already, whatever the
    /// service runs since. So where somebody changed the image by hand, the label is taken out of the way first; that restarts
    /// nothing.
    private func forgetImages(of stack: RenderedStack) async throws {
        let now = try await observe(stack.project)
        for service in stack.services {
            guard let there = now.services[service.name], there.labels[Self.imageLabel] == service.image,
                ![service.image, service.image + ":latest"].contains(there.image)
            else { continue }
            let result = try await program.asked([
                "docker", "--host", api.address.shown, "service", "update", "--quiet", "--detach", "--no-resolve-image",
                "--label-add", "\(Self.imageLabel)=", there.id,
            ])
            if !result.succeeded { throw EngineProgram.refusal(result) }
        }
    }

    private static let imageLabel = "com.docker.stack.image"

    package func remove(_ project: String) async throws {
        let result = try await program.asked(["docker", "--host", api.address.shown, "stack", "rm", project])
        if !result.succeeded { throw EngineProgram.refusal(result) }
        if try await !hasEnded(project, within: 120) {
            throw EngineError(.refused, "the containers of '\(project)' do not end")
        }
    }

    /// Whether no container runs any more of services that were taken away; looks at most so many times, half a second between.
    /// Swarm forgets a service at once, while its containers may take their time, and hold their ports.
    private func hasEnded(_ project: String, within looks: Int) async throws -> Bool {
        let filter = EngineAPI.filter("label", "\(Self.namespace)=\(project)")
        for look in 0..<looks {
            let tasks = try await api.get("/tasks?\(filter)").elements ?? []
            let alive = tasks.filter { Self.mayHaveContainer.contains($0.at("Status", "State")?.text ?? "") }
            let owners = Set(alive.compactMap { $0.member("ServiceID")?.text })
            if owners.isEmpty { return true }
            let services = try await api.get("/services?\(filter)").elements ?? []
            if owners.isSubset(of: services.compactMap { $0.member("ID")?.text }) { return true }
            if look + 1 < looks { try await Task.sleep(for: .milliseconds(500)) }
        }
        return false
    }

    /// States of a task that a node has taken on and that has not ended (Engine API `TaskState`). One that runs is "starting"
    /// until its health check says that it is healthy.
    private static let mayHaveContainer: Set<String> = [
        "assigned", "accepted", "preparing", "ready", "starting", "running",
    ]

    package func collectGarbage(_ project: String, keeping kept: Set<String>) async throws {
        let there = try await observe(project)
        for name in there.configs.keys.sorted() where !kept.contains(name) { try await discard("/configs/\(name)") }
        for name in there.secrets.sorted() where !kept.contains(name) { try await discard("/secrets/\(name)") }
    }

    /// What is still in use stays.
    private func discard(_ path: String) async throws {
        do {
            try await api.delete(path)
        } catch let error as EngineError where error.kind == .refused || error.kind == .conflict {
            return
        }
    }
}

extension EngineAPI {
    /// The lines of a log as the engine frames it: 8 bytes before each piece, of which the last four are its length.
    static func lines(ofLog bytes: [UInt8]) -> [String] {
        var text: [UInt8] = []
        var offset = 0
        while offset + 8 <= bytes.count, bytes[offset] <= 2, bytes[(offset + 1)...(offset + 3)].allSatisfy({ $0 == 0 })
        {
            let length = bytes[(offset + 4)...(offset + 7)].reduce(0) { $0 << 8 | Int($1) }
            let end = min(offset + 8 + length, bytes.count)
            text += bytes[(offset + 8)..<end]
            offset = end
        }
        if offset == 0 { text = bytes }
        return text.split(separator: UInt8(ascii: "\n")).map { BytePath(bytes: Array($0)).shown }
    }
}

extension EngineProgram {
    /// Runs the engine's command line; that it is not there is the engine's being unreachable.
    func asked(_ arguments: [String], timeout: Duration = .seconds(300)) async throws -> CommandResult {
        do {
            return try await run(arguments, timeout: timeout)
        } catch let failure as ActionFailure {
            throw EngineError(.unreachable, failure.diagnostic.message)
        }
    }

    /// Why a command line said no, in its own words.
    static func refusal(_ result: CommandResult) -> EngineError {
        let line = lastLine(result.errors) ?? lastLine(result.output) ?? "it failed without a word"
        let isGone = ["cannot connect", "error during connect", "connection refused"].contains {
            line.lowercased().contains($0)
        }
        return EngineError(isGone ? .unreachable : .refused, line)
    }
}

extension JSONTree {
    /// The document with lmsbuild's labels on each service: in `deploy.labels`, which restart nothing, or in `labels`.
    func labelled(_ stack: RenderedStack, release: String, inDeploy: Bool) -> JSONTree {
        let hashes = Dictionary(stack.services.map { ($0.name, $0.specHash.hex) }, uniquingKeysWith: { $1 })
        let data = Dictionary(stack.services.map { ($0.name, $0.dataVersion) }, uniquingKeysWith: { $1 })
        let services = (member("services")?.members ?? []).map { member in
            var labels = [(DeployLabel.spec, JSONTree.string(hashes[member.name] ?? ""))]
            if inDeploy { labels.append((DeployLabel.release, .string(release))) }
            if let version = data[member.name] ?? nil { labels.append((DataVersion.label, .string("\(version)"))) }
            func labelled(_ entry: JSONTree) -> JSONTree {
                let old = entry.member("labels") ?? .object([])
                return entry.setting("labels", labels.reduce(old) { $0.setting($1.0, $1.1) })
            }
            let entry = member.value
            let value =
                inDeploy
                ? entry.setting("deploy", labelled(entry.member("deploy") ?? .object([]))) : labelled(entry)
            return Member(name: member.name, value: value)
        }
        return setting("services", JSONTree(.object(services)))
    }
}

/// Writes `document` where only this user reads it.
func write(_ document: JSONTree, to file: BytePath) throws {
    try writePrivate(Array(document.text(pretty: true).utf8), to: file)
}

/// Writes a file, whole or not at all, that only this user reads.
func writePrivate(_ bytes: [UInt8], to file: BytePath) throws {
    do {
        try FileReplacement.write(bytes, to: file)
    } catch {
        throw EngineError(.refused, "\(file.shown) cannot be written: \(error)")
    }
}
