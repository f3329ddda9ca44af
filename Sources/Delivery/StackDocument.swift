// A rendered stack as a document that outlives its making: what a rollback goes back to. Secrets' values are not in it.
package import BuildEngine
import BuildGraph

extension RenderedStack {
    /// Everything but secrets' values.
    package var recorded: JSONTree {
        JSONTree.object([
            ("schema", JSONTree(.number("1"))), ("project", .string(project)), ("environment", .string(environment)),
            ("digest", .string(digest.hex)), ("services", JSONTree(.array(services.map(\.recorded)))),
            (
                "configs",
                JSONTree(
                    .array(
                        configs.map {
                            JSONTree.object([
                                ("key", .string($0.key)), ("name", .string($0.engineName)),
                                ("base64", .string(Base64.encode($0.bytes))),
                            ])
                        }))
            ),
            (
                "secrets",
                JSONTree(
                    .array(
                        secrets.map {
                            JSONTree.object([
                                ("key", .string($0.key)), ("name", .string($0.engineName)),
                                ("fingerprint", .string($0.fingerprint.hex)),
                            ])
                        }))
            ),
            ("rest", JSONTree(.object(rest))), ("routing", routing?.recorded ?? JSONTree(.null)),
        ])
    }

    /// Reads what `recorded` wrote; nil for anything else.
    package init?(recorded bytes: [UInt8]) {
        guard let tree = try? JSONTree.parse(bytes), let project = tree.member("project")?.text,
            let environment = tree.member("environment")?.text,
            let digest = tree.member("digest")?.text.flatMap({ SHA256Value(hex: $0) }),
            let services = tree.member("services")?.elements
        else { return nil }
        self.init(
            project: project, environment: environment, services: services.compactMap { RenderedService(recorded: $0) },
            configs: (tree.member("configs")?.elements ?? []).compactMap { config in
                guard let key = config.member("key")?.text, let name = config.member("name")?.text,
                    let bytes = config.member("base64")?.text.flatMap({ Base64.decode($0) })
                else { return nil }
                return RenderedConfig(key: key, engineName: name, bytes: bytes)
            },
            secrets: (tree.member("secrets")?.elements ?? []).compactMap { secret in
                guard let key = secret.member("key")?.text, let name = secret.member("name")?.text,
                    let fingerprint = secret.member("fingerprint")?.text.flatMap({ SHA256Value(hex: $0) })
                else { return nil }
                return RenderedSecret(key: key, engineName: name, fingerprint: fingerprint, value: nil)
            },
            rest: tree.member("rest")?.members ?? [], digest: digest)
        routing = tree.member("routing").flatMap { Routing(recorded: $0) }
        guard self.services.count == services.count else { return nil }
    }
}

extension RenderedService {
    fileprivate var recorded: JSONTree {
        let times = [
            timing.startPeriod, timing.interval, timing.timeout, timing.stopGrace, timing.monitor, timing.delay,
            timing.retries, timing.parallelism,
        ]
        return JSONTree.object([
            ("name", .string(name)), ("component", component.map { .string($0) } ?? JSONTree(.null)),
            ("image", .string(image)), ("replicas", JSONTree(.number("\(replicas)"))),
            ("global", JSONTree(.bool(isGlobal))), ("spec", .string(specHash.hex)), ("entry", entry),
            ("configs", JSONTree(.array(configNames.map { .string($0) }))),
            ("secrets", JSONTree(.array(secretNames.map { .string($0) }))),
            ("timing", JSONTree(.array(times.map { JSONTree(.number("\($0)")) }))),
            (
                "environment",
                JSONTree.object(environment.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })
            ),
        ])
    }

    fileprivate init?(recorded tree: JSONTree) {
        guard let name = tree.member("name")?.text, let image = tree.member("image")?.text,
            let replicas = tree.member("replicas")?.whole, let entry = tree.member("entry"),
            let spec = tree.member("spec")?.text.flatMap({ SHA256Value(hex: $0) })
        else { return nil }
        let times = (tree.member("timing")?.elements ?? []).compactMap(\.whole)
        guard times.count == 8 else { return nil }
        var isGlobal = false
        if case .bool(true) = tree.member("global")?.content { isGlobal = true }
        self.init(
            name: name, component: tree.member("component")?.text, image: image, replicas: replicas,
            isGlobal: isGlobal, entry: entry, specHash: spec,
            configNames: (tree.member("configs")?.elements ?? []).compactMap(\.text),
            secretNames: (tree.member("secrets")?.elements ?? []).compactMap(\.text),
            environment: tree.member("environment")?.texts ?? [:],
            timing: RolloutTiming(
                startPeriod: times[0], interval: times[1], timeout: times[2], stopGrace: times[3], monitor: times[4],
                delay: times[5], retries: times[6], parallelism: times[7]))
    }
}
