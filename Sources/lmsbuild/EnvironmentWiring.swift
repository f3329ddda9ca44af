// A workspace's environments as the commands see them: declared, read, checked. Does not know how they are shown.
import BuildEngine
import BuildGraph
import Buildfile
import Delivery
import Glibc

/// The environments of a workspace with their schema.
struct DeclaredSystem {
    let definitions: [EnvironmentDefinition]
    let schema: VariableSchema
    let registry: String
    /// The variable `project`, or the name of the workspace's folder.
    let project: String
    /// Mistakes of the Buildfiles' words.
    let mistakes: [Diagnostic]

    init(_ opened: Workspace, _ files: any FileSystem) throws {
        let declared: DeclaredEnvironments
        do {
            declared = try DeclaredEnvironments(of: files, opened.settings)
        } catch {
            throw Refusal(.unreadable(error), .machine)
        }
        let entries = files.entries
        let (definitions, first) = EnvironmentDefinition.all(of: declared) { entries.index(of: $0) != nil }
        let (schema, second) = VariableSchema.read(declared.variables)
        self.definitions = definitions
        self.schema = schema
        registry = declared.registry
        project = declared.project ?? opened.workspace.name.shown
        mistakes = first + second
    }

    /// The environment called `name`; anything else ends the program with exit 2.
    func definition(_ name: String) throws -> EnvironmentDefinition {
        if let found = definitions.first(where: { $0.name == name }) { return found }
        let known = definitions.map(\.name)
        throw Refusal(
            Diagnostic(
                .badEnvironment, "there is no environment '\(name)'",
                hint: nearestWord(to: name, among: known).map { "did you mean '\($0)'?" }
                    ?? (known.isEmpty
                        ? "'environment NAME' declares one" : "declared are: \(known.joined(separator: ", "))")),
            .wrongInput)
    }
}

/// The system of a workspace with all its environments read and checked.
struct SurveyedSystem {
    let opened: Workspace
    let system: DeclaredSystem
    let survey: EnvironmentSurvey
    let graph: Graph
    private let files: any FileSystem

    /// Mistakes of the Buildfiles end the program with exit 2.
    init(_ opened: Workspace) async throws {
        let files = try await opened.workingTree()
        let graph = try opened.knownGraph(files)
        let system = try DeclaredSystem(opened, files)
        if !system.mistakes.isEmpty { throw Refusal(system.mistakes, .wrongInput) }
        var around = StackSurroundings(
            components: Self.components(graph), registry: system.registry,
            read: { try? files.contents(of: $0) }, lookup: { _ in nil })
        around.root = opened.workspace
        self.opened = opened
        self.system = system
        self.graph = graph
        self.files = files
        survey = EnvironmentSurvey(
            system.schema,
            system.definitions.map {
                CheckedEnvironment($0, system.schema, around, shell: opened.environment)
            })
    }

    /// Components that have images.
    static func components(_ graph: Graph) -> Set<String> {
        Set(graph.targets.indices.lazy.filter { graph.targets[$0].isImage }.map { graph.targets.label($0).component })
    }

    func environment(_ name: String) throws -> CheckedEnvironment {
        let definition = try system.definition(name)
        guard let found = survey.environments.first(where: { $0.definition.name == definition.name }) else {
            throw Refusal(Diagnostic(.badEnvironment, "there is no environment '\(name)'"), .wrongInput)
        }
        return found
    }

    /// The stack of `environment` with `images` (component → `repo@sha256:…`): reads the secrets, each once. Problems of
    /// the environment and secrets that are not to be had end the program with exit 2, before anything runs.
    func rendered(_ environment: CheckedEnvironment, images: [String: String]) async throws -> RenderedStack {
        if !environment.problems.isEmpty { throw Refusal(environment.problems.map(\.diagnostic), .wrongInput) }
        guard let project = environment.reading.project else {
            throw Refusal(environment.reading.diagnostics, .wrongInput)
        }
        let name = environment.definition.name
        let reader = SecretReader(commands: opened.commands, shell: opened.environment, root: opened.workspace)
        let (secrets, refused) = try await reader.values(of: environment.secrets, in: name) { fileContents($0) }
        if !refused.isEmpty { throw Refusal(refused, .wrongInput) }
        var materials = StackMaterials(
            project: StackMaterials.projectName(system.project, name), environment: name, images: images,
            key: try opened.secretKey())
        for config in project.configs {
            switch config.source {
            case .file(let path): materials.configs[config.key] = try contents(path, config)
            case .content(let text): materials.configs[config.key] = Array(text.utf8)
            case .variable(let variable):
                materials.configs[config.key] = Array((environment.values.lookup(variable) ?? "").utf8)
            case .external: break
            }
        }
        for secret in project.secrets {
            switch secret.source {
            case .file(let path):
                // Git ignores such files, as it should: they are read from the disk.
                guard let bytes = fileContents(opened.workspace.appending(path)), !bytes.isEmpty else {
                    throw Refusal(
                        Diagnostic(
                            .missingSecret,
                            "the secret '\(secret.key)' cannot be read from '\(path.shown)', or is empty",
                            at: secret.span), .wrongInput)
                }
                materials.secrets[secret.key] = SecretValue(bytes)
            case .variable(let variable):
                guard let value = secrets[variable] else {
                    throw Refusal(
                        Diagnostic(
                            .missingSecret,
                            "the secret '\(secret.key)' takes the variable '\(variable)', which is no secret",
                            at: secret.span, hint: "declare it: variable \(variable): text secret from file PATH"),
                        .wrongInput)
                }
                materials.secrets[secret.key] = value
            case .content, .external: break
            }
        }
        return RenderedStack(project, materials).routed(environment.routing)
    }

    private func contents(_ path: BytePath, _ config: ComposeProject.Resource) throws -> [UInt8] {
        do throws(FileSystemError) {
            return try files.contents(of: path)
        } catch {
            throw Refusal(.unreadable(error), .machine)
        }
    }
}
