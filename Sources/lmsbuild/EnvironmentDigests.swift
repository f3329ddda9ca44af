// What environments give a release, of any tree: the files at hand, or a commit's. Does not know how digests are made.
import BuildEngine
import BuildGraph
import Buildfile
import Delivery

extension Workspace {
    /// The digests of every environment that the tree of `graph` declares. One whose stack cannot be read has none, with a word
    /// about it unless `tells` is false; 'env check' says what is wrong.
    func environmentDigests(of graph: Graph, tells: Bool = true) throws -> [String: Release.Environment] {
        if graph.environments.isEmpty { return [:] }
        let files = graph.tree.files
        let system = try DeclaredSystem(self, files)
        var around = StackSurroundings(
            components: SurveyedSystem.components(graph), registry: system.registry,
            read: { try? files.contents(of: $0) }, lookup: { _ in nil })
        // The folder of the checkout is no part of a release.
        around.root = BytePath("/workspace")
        var digests: [String: Release.Environment] = [:]
        var unreadable: [String] = []
        for definition in system.definitions {
            let environment = CheckedEnvironment(definition, system.schema, around, shell: [:])
            if let found = environment.digests(read: around.read) {
                digests[definition.name] = found
            } else if !definition.stackFiles.isEmpty {
                unreadable.append(definition.name)
            }
        }
        if tells, !unreadable.isEmpty {
            Self.show([
                Diagnostic(
                    .badStack, .warning,
                    "the release says nothing of \(unreadable.map { "'\($0)'" }.joined(separator: ", ")): the stack cannot be read",
                    hint: "'lmsbuild env check' tells what is wrong")
            ])
        }
        return digests
    }
}

extension DeployPlace {
    /// Whether the environment's files at hand, with which it would be deployed, are others than those that `release` was made
    /// of. False where the release says nothing of them.
    func differsFromFiles(of release: Release) throws -> Bool {
        guard let known = release.environments[environment.definition.name] else { return false }
        return try opened.environmentDigests(of: system.graph)[environment.definition.name] != known
    }

    /// Says so where they are.
    func tellOfOtherFiles(_ release: Release) throws {
        guard try differsFromFiles(of: release) else { return }
        Workspace.show([
            Diagnostic(
                .badStack, .notice,
                "the stack or the env files of '\(environment.definition.name)' are others than those of the release \(release.shortName); those at hand are taken",
                hint: "'lmsbuild release diff \(release.shortName) here' shows it")
        ])
    }
}
