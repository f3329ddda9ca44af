// Makes a rendered stack of a project, images' digests and values. Does not know where any of them come from.
import BuildEngine
import BuildGraph

/// What a stack is rendered with.
package struct StackMaterials: Sendable {
    /// `NAME-ENVIRONMENT`.
    package var project: String
    package var environment: String
    /// Component → `repo@sha256:…`.
    package var images: [String: String]
    /// Configs' bytes by key.
    package var configs: [String: [UInt8]]
    /// Secrets' values by key.
    package var secrets: [String: SecretValue]
    package var key: SecretKey

    /// Materials for one rendering.
    package init(
        project: String, environment: String, images: [String: String], key: SecretKey
    ) {
        (self.project, self.environment, self.images, self.key) = (project, environment, images, key)
        configs = [:]
        secrets = [:]
    }

    /// `name` and `environment` as one name that engines take: small letters, digits and `-`, at most 63.
    package static func projectName(_ name: String, _ environment: String) -> String {
        var bytes: [UInt8] = []
        for byte in "\(name)-\(environment)".utf8 {
            let small = byte.isAlpha ? byte | 0x20 : byte
            if small.isAlpha || small.isDecimal {
                bytes.append(small)
            } else if bytes.last != UInt8(ascii: "-"), !bytes.isEmpty {
                bytes.append(UInt8(ascii: "-"))
            }
        }
        while bytes.last == UInt8(ascii: "-") { bytes.removeLast() }
        if bytes.count > 63 {
            let whole = SHA256Value.of(bytes).hex.utf8.prefix(12)
            bytes = Array(bytes.prefix(50)) + [UInt8(ascii: "-")] + whole
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension RenderedStack {
    /// The stack of `project` with `materials`. A service whose component has no image keeps what the stack says;
    /// a config or secret whose content is not given counts as empty: callers see to it that all are.
    package init(_ project: ComposeProject, _ materials: StackMaterials) {
        let name = materials.project
        var configs: [RenderedConfig] = []
        var secrets: [RenderedSecret] = []
        var configNames: [String: String] = [:]
        var secretNames: [String: String] = [:]
        for config in project.configs {
            if case .external(let known) = config.source {
                configNames[config.key] = known
                continue
            }
            let bytes = materials.configs[config.key] ?? []
            let engineName = Self.engineName(name, config.key, SHA256Value.of(bytes))
            configNames[config.key] = engineName
            configs.append(RenderedConfig(key: config.key, engineName: engineName, bytes: bytes))
        }
        for secret in project.secrets {
            if case .external(let known) = secret.source {
                secretNames[secret.key] = known
                continue
            }
            let value = materials.secrets[secret.key] ?? SecretValue([])
            // The key is part of it: two secrets with one value are not to be seen to be the same.
            let fingerprint = materials.key.fingerprint(
                of: SecretValue(Array(secret.key.utf8) + [0] + value.bytes))
            let engineName = Self.engineName(name, secret.key, fingerprint)
            secretNames[secret.key] = engineName
            secrets.append(
                RenderedSecret(key: secret.key, engineName: engineName, fingerprint: fingerprint, value: value))
        }
        let services = project.services.map { service in
            RenderedService(
                service, image: service.component.flatMap { materials.images[$0] } ?? service.image,
                configs: configNames, secrets: secretNames)
        }
        let used = Set(services.flatMap { $0.configNames + $0.secretNames })
        self.init(
            project: name, environment: materials.environment, services: services.sorted { $0.name < $1.name },
            configs: configs.filter { used.contains($0.engineName) }.sorted { $0.engineName < $1.engineName },
            secrets: secrets.filter { used.contains($0.engineName) }.sorted { $0.engineName < $1.engineName },
            rest: project.rest)
    }

    private init(
        project: String, environment: String, services: [RenderedService], configs: [RenderedConfig],
        secrets: [RenderedSecret], rest: [JSONTree.Member]
    ) {
        let all = JSONTree.object([
            ("project", .string(project)), ("environment", .string(environment)),
            (
                "services",
                .object(
                    services.map { ($0.name, .object([("spec", .string($0.specHash.hex)), ("entry", $0.entry)])) })
            ),
            ("configs", .object(configs.map { ($0.engineName, .string(SHA256Value.of($0.bytes).hex)) })),
            ("secrets", .object(secrets.map { ($0.engineName, .string($0.fingerprint.hex)) })),
            ("rest", JSONTree(.object(rest))),
        ])
        self.init(
            project: project, environment: environment, services: services, configs: configs, secrets: secrets,
            rest: rest, digest: SHA256Value.of(all.inOrder.bytes))
    }

    /// `PROJECT_KEY_` and 12 digits; at most 64 characters, as engines demand.
    static func engineName(_ project: String, _ key: String, _ content: SHA256Value) -> String {
        let digits = content.hex.prefix(12)
        var start = "\(project)_\(key)"
        if start.utf8.count > 51 { start = "\(start.prefix(38))_\(SHA256Value.of(Array(start.utf8)).hex.prefix(12))" }
        return "\(start)_\(digits)"
    }
}

extension RenderedService {
    fileprivate init(
        _ service: ComposeProject.Service, image: String, configs: [String: String], secrets: [String: String]
    ) {
        let entry = service.entry.setting("image", .string(image)).inOrder
        func names(_ list: String, _ known: [String: String]) -> [String] {
            let keys = (entry.member(list)?.elements ?? []).compactMap { $0.text ?? $0.member("source")?.text }
            return Set(keys.compactMap { known[$0] }).sorted()
        }
        let configNames = names("configs", configs)
        let secretNames = names("secrets", secrets)
        let spec = JSONTree.object([
            ("entry", entry), ("configs", JSONTree(.array(configNames.map { .string($0) }))),
            ("secrets", JSONTree(.array(secretNames.map { .string($0) }))),
        ])
        var environment: [String: String] = [:]
        for member in entry.member("environment")?.members ?? [] { environment[member.name] = member.value.text ?? "" }
        self.init(
            name: service.name, component: service.component, image: image,
            replicas: max(0, entry.at("deploy", "replicas")?.whole ?? entry.member("scale")?.whole ?? 1),
            isGlobal: entry.at("deploy", "mode")?.text == "global", entry: entry,
            specHash: SHA256Value.of(spec.bytes), configNames: configNames, secretNames: secretNames,
            environment: environment, timing: RolloutTiming(entry))
    }
}
