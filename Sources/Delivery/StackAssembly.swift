// From one merged tree to a project: what services refer to is there, images name components, the variables of containers
// are complete. Does not know files of stacks: StackReader read them.
import BuildEngine
import BuildGraph
import Buildfile

struct StackAssembly {
    var reader: StackReader
    let whole: JSONTree

    init(reader: StackReader, whole: JSONTree) {
        self.reader = reader
        self.whole = whole
    }

    private mutating func report(_ message: String, _ place: String, hint: String? = nil) {
        reader.diagnostics.append(Diagnostic(.badStack, message, at: reader.places[place], hint: hint))
    }

    mutating func project() -> ComposeProject {
        let configs = resources("configs", file: true)
        let secrets = resources("secrets", file: false)
        var services: [ComposeProject.Service] = []
        for member in whole.member("services")?.members ?? [] {
            if let service = service(member, configs: configs, secrets: secrets) { services.append(service) }
        }
        if services.isEmpty, !reader.diagnostics.contains(where: { $0.severity == .error }) {
            reader.diagnostics.append(
                Diagnostic(.badStack, "the stack has no services", hint: "write services: and the services below it"))
        }
        func named(_ resources: [String: ComposeProject.Resource]) -> [ComposeProject.Resource] {
            var seen: Set<String> = []
            return resources.values.sorted { $0.key < $1.key }.filter { seen.insert($0.key).inserted }
        }
        let rest = (whole.members ?? []).filter { ["networks", "volumes"].contains($0.name) }
        return ComposeProject(
            services: services.sorted { $0.name < $1.name }, configs: named(configs), secrets: named(secrets),
            rest: rest.map { JSONTree.Member(name: $0.name, value: Self.plain($0.value)) })
    }

    /// Without what begins with x-, and networks or volumes without a value as `{}`.
    private static func plain(_ value: JSONTree) -> JSONTree {
        .object((value.members ?? []).map { ($0.name, $0.value.isNull ? .object([]) : $0.value) })
    }

    // MARK: Configs and secrets

    /// What services call it → what it is.
    private mutating func resources(_ kind: String, file: Bool) -> [String: ComposeProject.Resource] {
        var found: [String: ComposeProject.Resource] = [:]
        for member in whole.member(kind)?.members ?? [] {
            let span = reader.places["\(kind).\(member.name)"]
            let value = member.value
            var source: ComposeProject.Resource.Source?
            var key = member.name
            if isExternal(value) {
                // Engines know it by its name alone, so services use that.
                key = value.member("name")?.text ?? value.at("external", "name")?.text ?? member.name
                source = .external(key)
            } else if let path = value.member("file")?.text {
                source = .file(BytePath(path))
                if reader.around.read(BytePath(path)) == nil, file {
                    report(
                        "there is no file '\(path)'", "\(kind).\(member.name)",
                        hint: "files that git ignores don't count")
                }
            } else if let text = value.member("content")?.text {
                source = .content(text)
            } else if let name = value.member("environment")?.text {
                source = .variable(name)
                reader.taken.insert(name)
            } else if kind == "secrets", value.isNull || value.members?.isEmpty == true {
                source = .variable(member.name)
                reader.taken.insert(member.name)
            }
            guard let source else {
                report(
                    "'\(member.name)' in '\(kind)' has no content", "\(kind).\(member.name)",
                    hint: "write file: PATH, environment: NAME or external: true")
                continue
            }
            found[member.name] = ComposeProject.Resource(key: key, span: span, source: source)
        }
        return found
    }

    private func isExternal(_ value: JSONTree) -> Bool {
        switch value.member("external")?.content {
        case .bool(let isExternal): isExternal
        case .object: true
        default: false
        }
    }

    // MARK: Services

    private mutating func service(
        _ member: JSONTree.Member, configs: [String: ComposeProject.Resource],
        secrets: [String: ComposeProject.Resource]
    ) -> ComposeProject.Service? {
        let place = "services.\(member.name)"
        var entry = member.value
        guard let image = entry.member("image")?.text, !image.isEmpty else {
            report(
                "the service '\(member.name)' has no image", place,
                hint: entry.member("build") == nil
                    ? "write image: COMPONENT" : "lmsbuild runs images that rules make: write image: COMPONENT")
            return nil
        }
        entry = entry.setting("environment", environment(of: entry, place))
        for name in ["env_file", "extends", "build", "develop", "attach"] { entry = entry.setting(name, nil) }
        entry = JSONTree(.object((entry.members ?? []).filter { !$0.name.hasPrefix("x-") }))
        entry = entry.setting("configs", uses(entry, "configs", configs, place))
        entry = entry.setting("secrets", uses(entry, "secrets", secrets, place))
        checkReferences(entry, place)
        return ComposeProject.Service(
            name: member.name, span: reader.places[place], component: component(image), image: image, entry: entry)
    }

    /// The component that `image` names: `catalog`, `REGISTRY/catalog`, or that with a tag.
    private func component(_ image: String) -> String? {
        let around = reader.around
        if around.components.contains(image) { return image }
        guard !around.registry.isEmpty, image.hasPrefix(around.registry + "/") else { return nil }
        let rest = image.dropFirst(around.registry.count + 1)
        let name = String(rest.prefix { $0 != ":" && $0 != "@" })
        return around.components.contains(name) ? name : nil
    }

    /// Env files first, then what the service says itself; a bare name takes its value from the environment's variables.
    private mutating func environment(of entry: JSONTree, _ place: String) -> JSONTree? {
        var values: [String: String] = [:]
        let lookup = reader.around.lookup
        for file in entry.member("env_file")?.elements ?? [] {
            guard let path = file.member("path")?.text else { continue }
            guard let bytes = reader.around.read(BytePath(path)) else {
                if file.member("required")?.scalarText != "false" {
                    report("there is no env file '\(path)'", place, hint: "files that git ignores don't count")
                }
                continue
            }
            do throws(Diagnostic) {
                let dotenv = try Dotenv(SourceText(name: path, bytes: bytes), lookup: lookup)
                values.merge(dotenv.values(lookup: lookup)) { $1 }
            } catch {
                reader.diagnostics.append(error)
            }
        }
        for member in entry.member("environment")?.members ?? [] {
            if let text = member.value.text {
                values[member.name] = text
            } else {
                reader.taken.insert(member.name)
                values[member.name] = lookup(member.name)
            }
        }
        if values.isEmpty { return nil }
        return .object(values.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })
    }

    /// The list of configs or secrets that a service uses, each by the name that the project has for it.
    private mutating func uses(
        _ entry: JSONTree, _ kind: String, _ known: [String: ComposeProject.Resource], _ place: String
    ) -> JSONTree? {
        guard let elements = entry.member(kind)?.elements else { return nil }
        return JSONTree(
            .array(
                elements.compactMap { element in
                    guard let name = element.text ?? element.member("source")?.text else {
                        report("an entry of '\(kind)' names nothing", place, hint: "write its name, or source: NAME")
                        return nil
                    }
                    guard let resource = known[name] else {
                        report(
                            "unknown \(kind.dropLast()) '\(name)' in '\(place)'", place,
                            hint: nearestWord(to: name, among: known.keys.sorted()).map { "did you mean '\($0)'?" }
                                ?? "declare it below '\(kind)' at the top")
                        return nil
                    }
                    if resource.key == name { return element }
                    let long = element.members == nil ? JSONTree.object([("source", .string(name))]) : element
                    let target = element.member("target")?.text ?? (kind == "configs" ? "/\(name)" : name)
                    return long.setting("source", .string(resource.key)).setting("target", .string(target))
                }))
    }

    /// Networks, volumes and services that `entry` names are there.
    private mutating func checkReferences(_ entry: JSONTree, _ place: String) {
        func names(_ key: String) -> Set<String> { Set((whole.member(key)?.members ?? []).map(\.name)) }
        var wanted: [(kind: String, name: String, known: Set<String>)] = []
        for network in entry.member("networks")?.members ?? [] where network.name != "default" {
            wanted.append(("network", network.name, names("networks")))
        }
        for service in entry.member("depends_on")?.members ?? [] {
            wanted.append(("service", service.name, names("services")))
        }
        for volume in entry.member("volumes")?.elements ?? [] {
            let source: String?
            if let text = volume.text {
                let parts = text.split(separator: ":", omittingEmptySubsequences: false)
                source = parts.count > 1 ? String(parts[0]) : nil
            } else {
                source = volume.member("type")?.text == "volume" ? volume.member("source")?.text : nil
            }
            guard let source, let first = source.first, !"/.~".contains(first) else { continue }
            wanted.append(("volume", source, names("volumes")))
        }
        for (kind, name, known) in wanted where !known.contains(name) {
            report(
                "unknown \(kind) '\(name)' in '\(place)'", place,
                hint: nearestWord(to: name, among: known.sorted()).map { "did you mean '\($0)'?" }
                    ?? "declare it below '\(kind)s' at the top")
        }
    }
}
