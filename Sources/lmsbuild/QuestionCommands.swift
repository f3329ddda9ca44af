// The questions that hash and run nothing: hash, tag, inputs, check, explain.
import ArgumentParser
import BuildEngine
import BuildGraph
import Buildfile
import Contracts

struct HashCommand: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration.frequent("hash", abstract: "Input hashes of targets.")

    @OptionGroup var global: GlobalOptions
    @Option(help: "text or json.") var format = "text"
    @Flag(help: "With JSON: what each hash covers, too, so that a later comparison can tell why.") var inputs = false
    @Argument(help: "Labels (everything without any), and NAME=VALUE.") var words: [String] = []

    func perform() async throws -> BuildEngine.ExitCode {
        try checkFormat(format)
        if inputs, format != "json" {
            throw Refusal(Diagnostic(.badCommandLine, "'--inputs' needs '--format json'"), .wrongInput)
        }
        let (labels, overrides) = GlobalOptions.overrides(in: words)
        let opened = try await Workspace.open(global, overrides: overrides)
        let hashed = try opened.hashed(try await opened.workingTree())
        let chosen = try selecting(hashed.graph, labels, everythingByDefault: true)
        if format == "json" {
            do {
                let record = try RecordedState(hashed, targets: chosen, withInputs: inputs)
                Terminal.out(record.json.text(pretty: true) + "\n")
            } catch {
                throw Refusal(.unreadable(error), .machine)
            }
        } else {
            Terminal.out(
                chosen.map { "\(hashed.graph.targets.label($0)) \(hashed.hashes[$0].hex)\n" }.joined())
        }
        return .done
    }
}

struct TagCommand: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "tag", abstract: "Image references, tagged by input hash.")

    @OptionGroup var global: GlobalOptions
    @Option(help: "text or json.") var format = "text"
    @Argument(help: "Services (every one with an image without any), and NAME=VALUE.") var words: [String] = []

    func perform() async throws -> BuildEngine.ExitCode {
        try checkFormat(format)
        let (names, overrides) = GlobalOptions.overrides(in: words)
        let opened = try await Workspace.open(global, overrides: overrides)
        let hashed = try opened.hashed(try await opened.workingTree())
        let chosen = try selecting(
            hashed.graph, names.map { $0.contains(":") ? $0 : $0 + ":image" }, everythingByDefault: true
        )
        .filter { hashed.graph.targets[$0].isImage }
        let lines = chosen.map { (hashed.graph.targets[$0].label.component, hashed.reference(of: $0)) }
        if format == "json" {
            let images = JSONValue.object(lines.map { ($0.0, .string($0.1)) })
            Terminal.out(JSONValue.object([("schema", .number(1)), ("images", images)]).text(pretty: true) + "\n")
        } else {
            Terminal.out(lines.map { $0.1 + "\n" }.joined())
        }
        return .done
    }
}

struct InputsCommand: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration.frequent(
        "inputs", abstract: "What a target's hash covers: files, then values, tools and targets.")

    @OptionGroup var global: GlobalOptions
    @Option(help: "text or json.") var format = "text"
    @Flag(name: .customShort("0"), help: "End each file with a zero byte and print nothing else.") var zero = false
    @Argument(help: "Labels, and NAME=VALUE.") var words: [String] = []

    func perform() async throws -> BuildEngine.ExitCode {
        try checkFormat(format)
        let (labels, overrides) = GlobalOptions.overrides(in: words)
        guard !labels.isEmpty else {
            throw Refusal(Diagnostic(.badCommandLine, "'inputs' needs a label"), .wrongInput)
        }
        let opened = try await Workspace.open(global, overrides: overrides)
        let hashed = try opened.hashed(try await opened.workingTree())
        var fields: Set<ManifestField> = []
        for target in try selecting(hashed.graph, labels, everythingByDefault: true) {
            let manifest = try hashed.manifest(of: target)
            fields.formUnion(manifest)
            for path in Set(manifest.filter { $0.tag == .contract }.compactMap(\.place)) {
                guard let place = hashed.graph.tree.index(of: path) else { continue }
                fields.insert(
                    ManifestField(file: hashed.graph.tree.entries[place], hash: try hashed.digest(ofEntry: place).hash))
            }
        }
        let sorted = fields.sorted {
            ($0.tag.rawValue, BytePath(bytes: $0.key)) < ($1.tag.rawValue, BytePath(bytes: $1.key))
        }
        if format == "json" {
            Terminal.out(json(sorted).text(pretty: true) + "\n")
        } else if zero {
            Terminal.out(sorted.filter { $0.tag == .file }.flatMap { $0.key + [0] })
        } else {
            let files = sorted.filter { $0.tag == .file }.map { BytePath(bytes: $0.key).shown + "\n" }.joined()
            Terminal.out(files + sorted.compactMap { rest($0) }.map { $0 + "\n" }.joined())
        }
        return .done
    }

    private func rest(_ field: ManifestField) -> String? {
        let key = BytePath(bytes: field.key).shown
        return switch field.tag {
        case .value:
            field.value.first == 1
                ? "value \(key)=\(BytePath(bytes: Array(field.value.dropFirst())).shown)" : "value \(key) is not set"
        case .tool: "tool \(key) \(BytePath(bytes: field.value).shown)"
        case .prerequisite, .imageTag: "target \(key)"
        case .contract: "asks for \(key)"
        default: nil
        }
    }

    private func json(_ fields: [ManifestField]) -> JSONValue {
        func all(_ tag: ManifestTag, _ make: (ManifestField, String) -> JSONValue) -> JSONValue {
            .array(fields.filter { $0.tag == tag }.map { make($0, BytePath(bytes: $0.key).shown) })
        }
        return .object([
            ("schema", .number(1)),
            (
                "files",
                all(.file) { field, key in
                    let kind = FileKind(rawValue: field.value.first ?? 1) ?? .file
                    let digest = SHA256Value(bytes: field.value.dropFirst())?.hex ?? ""
                    return .object([
                        ("path", .string(key)), ("mode", .string(RecordedState.mode(kind))),
                        ("digest", .string(digest)),
                    ])
                }
            ),
            (
                "values",
                all(.value) { field, key in
                    .object([
                        ("name", .string(key)),
                        (
                            "value",
                            field.value.first == 1
                                ? .string(BytePath(bytes: Array(field.value.dropFirst())).shown) : .null
                        ),
                    ])
                }
            ),
            (
                "tools",
                all(.tool) { field, key in
                    .object([("name", .string(key)), ("version", .string(BytePath(bytes: field.value).shown))])
                }
            ),
            (
                "targets",
                all(.prerequisite) { field, key in
                    .object([("label", .string(key)), ("hash", .string(SHA256Value(bytes: field.value)?.hex ?? ""))])
                }
            ),
        ])
    }
}

struct CheckCommand: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration.frequent("check", abstract: "The mistakes of the Buildfiles.")

    @OptionGroup var global: GlobalOptions
    @Flag(help: "Base images that Buildfile.lock does not pin are mistakes.") var locked = false
    @Argument(help: "NAME=VALUE sets a '?=' variable.") var words: [String] = []

    func perform() async throws -> BuildEngine.ExitCode {
        let opened = try await Workspace.open(global, overrides: GlobalOptions.overrides(in: words).overrides)
        let files = try await opened.workingTree()
        // What has a graph has no mistakes.
        let graph = try opened.knownGraph(files, mistakes: .checkFailed)
        let broken = try brokenContracts(opened, graph)
        if !broken.isEmpty { throw Refusal(broken, .checkFailed) }
        if !graph.environments.isEmpty {
            let mistakes = try DeclaredSystem(opened, files).mistakes
            if !mistakes.isEmpty { throw Refusal(mistakes, .checkFailed) }
        }
        let unpinned = try graph.unpinnedBases(of: graph.targets.indices, locked ? .error : .warning)
        if locked, !unpinned.isEmpty { throw Refusal(unpinned, .checkFailed) }
        Workspace.show(unpinned)
        let components = count(graph.components.count, "component")
        Terminal.say("\(components), \(count(graph.targets.count, "target")), no mistakes")
        return .done
    }
}

/// What is wrong with the contracts that are files, each once.
private func brokenContracts(_ opened: Workspace, _ graph: Graph) throws -> [Diagnostic] {
    let named = Set(graph.components.flatMap(\.consumes).flatMap(\.contracts))
    let paths = named.filter { graph.tree.contains($0) }.sorted()
    do {
        return try Threads.map(paths.count) { place throws(FileSystemError) in
            let bytes = try graph.tree.files.contents(of: paths[place])
            return opened.kept.mistake(in: bytes, at: paths[place].shown)
        }
        .compactMap { $0 }
    } catch {
        throw Refusal(.unreadable(error), .machine)
    }
}

private func count(_ number: Int, _ noun: String) -> String { number == 1 ? "1 \(noun)" : "\(number) \(noun)s" }

/// The targets that `labels` name; what names nothing ends the program with exit 4, what is no label with 2.
func selecting(_ graph: Graph, _ labels: [String], everythingByDefault: Bool) throws -> [Int] {
    do {
        return try graph.select(labels: labels, everythingByDefault: everythingByDefault)
    } catch {
        throw Refusal(error, error.code == .noMatch ? .noTarget : .wrongInput)
    }
}
