// What an environment gives a release, as digests: a function of the files alone. Knows no image, no shell, no secret.
package import BuildEngine
package import BuildGraph

extension CheckedEnvironment {
    /// The environment's digests, for an environment that was read without a shell and with a fixed root; `read` gives the
    /// files that configs name. Nil where its stack cannot be read. What a secret is, is no part of it: by its value a release
    /// would have another name on another machine.
    package func digests(read: (BytePath) -> [UInt8]?) -> Release.Environment? {
        guard let project = reading.project else { return nil }
        let configs = project.configs.map { ($0.key, Self.json($0, read, values)) }
        let secrets = project.secrets.map { ($0.key, Self.json($0, { _ in nil }, nil)) }
        let stack = JSONTree.object([
            ("engine", .string(definition.engine.rawValue)),
            // What they get as variables has a digest of its own.
            ("services", .object(project.services.map { ($0.name, $0.entry.setting("environment", nil).inOrder) })),
            ("configs", .object(configs)), ("secrets", .object(secrets)),
            ("rest", JSONTree(.object(project.rest)).inOrder),
        ])
        let variables = JSONTree.object(
            project.services.compactMap { service in
                service.entry.member("environment").map { (service.name, $0.inOrder) }
            })
        return Release.Environment(
            stack: SHA256Value.of(stack.inOrder.bytes),
            environment: variables.members?.isEmpty == false ? SHA256Value.of(variables.inOrder.bytes) : nil)
    }

    /// Where a config or secret comes from, with its content where that may be known.
    private static func json(
        _ resource: ComposeProject.Resource, _ read: (BytePath) -> [UInt8]?, _ values: EnvironmentValues?
    ) -> JSONTree {
        func digest(_ bytes: [UInt8]) -> String { SHA256Value.of(bytes).hex }
        switch resource.source {
        case .file(let path):
            return .object([("file", .string(path.shown)), ("content", .string(read(path).map(digest) ?? ""))])
        case .content(let text): return .object([("content", .string(digest(Array(text.utf8))))])
        case .variable(let name):
            let value = values?.lookup(name).map { digest(Array($0.utf8)) }
            return .object([("variable", .string(name)), ("content", .string(value ?? ""))])
        case .external(let name): return .object([("external", .string(name))])
        }
    }
}
