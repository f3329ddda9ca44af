// A rendered stack as one engine's command line reads it. Does not know how it is handed over.
package import BuildEngine
package import BuildGraph

/// Whose command line reads the document.
package enum StackFlavour: Sendable, Hashable {
    /// `docker stack deploy`, Compose file 3.8.
    case swarm
    /// docker-compose 1.
    case composeOne
    /// The `docker compose` plug-in.
    case composeTwo
}

extension RenderedStack {
    /// The document for one engine, as JSON, which is YAML. Dollar signs are doubled, because every engine replaces
    /// variables once more. For Compose the configs and secrets are files in the absolute folder `files`, each under its
    /// engine name: the caller writes them there before it runs the engine.
    package func document(for flavour: StackFlavour, files: BytePath) -> JSONTree {
        var members: [(String, JSONTree)] = []
        switch flavour {
        case .swarm: members.append(("version", .string("3.8")))
        case .composeOne: members.append(("version", .string("2.4")))
        case .composeTwo: members.append(("name", .string(project)))
        }
        members.append(("services", .object(services.map { ($0.name, entry($0, flavour, files)) })))
        members += rest.compactMap { member in
            guard flavour != .swarm, member.name == "networks" else { return (member.name, member.value) }
            let own = (member.value.members ?? []).filter { Self.builtInNetwork($0.name, $0.value) == nil }
            return own.isEmpty ? nil : (member.name, JSONTree(.object(own)))
        }
        if flavour != .composeOne {
            let external = externalResources
            func resources(_ own: [(key: String, engineName: String)], _ others: [String]) -> JSONTree {
                .object(
                    own.map { resource in
                        let file = String(decoding: files.appending(resource.engineName).bytes, as: UTF8.self)
                        let value: JSONTree =
                            flavour == .swarm
                            ? .object([("external", JSONTree(.bool(true))), ("name", .string(resource.engineName))])
                            : .object([("file", .string(file))])
                        return (resource.key, value)
                    }
                        + others.map {
                            ($0, .object([("external", JSONTree(.bool(true))), ("name", .string($0))]))
                        })
            }
            let configs = resources(self.configs.map { ($0.key, $0.engineName) }, external.configs)
            let secrets = resources(self.secrets.map { ($0.key, $0.engineName) }, external.secrets)
            if configs.members?.isEmpty == false { members.append(("configs", configs)) }
            if secrets.members?.isEmpty == false { members.append(("secrets", secrets)) }
        }
        return JSONTree.object(members).mapStrings { $0.replacing("$", with: "$$") }
    }

    /// Names that services use and that the engine has from elsewhere; a rendered entry uses such names as keys.
    private var externalResources: (configs: [String], secrets: [String]) {
        let ownConfigs = Set(configs.map(\.engineName))
        let ownSecrets = Set(secrets.map(\.engineName))
        return (
            Set(services.flatMap(\.configNames)).subtracting(ownConfigs).sorted(),
            Set(services.flatMap(\.secretNames)).subtracting(ownSecrets).sorted()
        )
    }

    private func entry(_ service: RenderedService, _ flavour: StackFlavour, _ files: BytePath) -> JSONTree {
        var entry = service.entry
        switch flavour {
        case .composeTwo: return onBuiltInNetwork(entry)
        case .swarm:
            if let names = entry.member("depends_on")?.members?.map(\.name) {
                entry = entry.setting("depends_on", JSONTree(.array(names.map { .string($0) })))
            }
            if entry.at("deploy", "replicas") == nil, let scale = entry.member("scale") {
                let deploy = entry.member("deploy") ?? .object([])
                entry = entry.setting("deploy", deploy.setting("replicas", scale)).setting("scale", nil)
            }
            return entry
        case .composeOne: return composeOne(service, files)
        }
    }

    /// Compose joins a container to an external network after it has begun, which an engine refuses for its built-in ones:
    /// there the network is the container's mode from the start. Swarm has no such mode.
    private func onBuiltInNetwork(_ entry: JSONTree) -> JSONTree {
        let networks = entry.member("networks")
        let names = networks?.elements?.compactMap(\.text) ?? networks?.members?.map(\.name) ?? []
        let all = rest.first { $0.name == "networks" }?.value
        guard names.count == 1, let name = names.first, let declared = all?.member(name),
            let mode = Self.builtInNetwork(name, declared)
        else { return entry }
        return entry.setting("networks", nil).setting("network_mode", .string(mode))
    }

    /// `host`, `none` or `bridge` where that is what the network `key` is.
    static func builtInNetwork(_ key: String, _ declared: JSONTree) -> String? {
        guard let external = declared.member("external") else { return nil }
        if case .bool(false) = external.content { return nil }
        let name = declared.member("name")?.text ?? external.member("name")?.text ?? key
        return ["host", "none", "bridge"].contains(name) ? name : nil
    }

    /// docker-compose 1 takes what others say in `deploy` from the service itself, and knows no configs: these and the
    /// secrets become files that are mounted.
    private func composeOne(_ service: RenderedService, _ files: BytePath) -> JSONTree {
        var entry = onBuiltInNetwork(service.entry)
        let deploy = entry.member("deploy")
        entry = entry.setting("deploy", nil).setting("configs", nil).setting("secrets", nil)
        if service.replicas != 1 { entry = entry.setting("scale", .whole(service.replicas)) }
        if entry.member("restart") == nil, let policy = deploy?.member("restart_policy") {
            switch policy.member("condition")?.text ?? "any" {
            case "none": entry = entry.setting("restart", .string("no"))
            case "on-failure":
                let attempts = policy.member("max_attempts")?.whole.map { ":\($0)" } ?? ""
                entry = entry.setting("restart", .string("on-failure" + attempts))
            default: entry = entry.setting("restart", .string("always"))
            }
        }
        if let limits = deploy?.at("resources", "limits") {
            if let cpus = limits.member("cpus")?.scalarText { entry = entry.setting("cpus", JSONTree(.number(cpus))) }
            if let memory = limits.member("memory") { entry = entry.setting("mem_limit", memory) }
        }
        let mounts =
            mounts(of: service.entry.member("configs"), configs.map { ($0.key, $0.engineName) }, "/", files)
            + mounts(
                of: service.entry.member("secrets"), secrets.map { ($0.key, $0.engineName) }, "/run/secrets/", files)
        if !mounts.isEmpty {
            entry = entry.setting("volumes", JSONTree(.array((entry.member("volumes")?.elements ?? []) + mounts)))
        }
        return entry
    }

    private func mounts(
        of list: JSONTree?, _ known: [(key: String, engineName: String)], _ folder: String, _ files: BytePath
    ) -> [JSONTree] {
        (list?.elements ?? []).compactMap { element in
            guard let key = element.text ?? element.member("source")?.text,
                let name = known.first(where: { $0.key == key })?.engineName
            else { return nil }
            let target = element.member("target")?.text ?? key
            return .string(
                "\(String(decoding: files.appending(name).bytes, as: UTF8.self)):"
                    + "\(target.hasPrefix("/") ? target : folder + target):ro")
        }
    }
}
