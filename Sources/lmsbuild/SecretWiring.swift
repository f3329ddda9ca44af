// The secrets that a run's recipes and images name: read once, before anything runs. Does not know what they are for.
import BuildEngine
import BuildGraph
import Buildfile
import Delivery
import Glibc

/// The secrets of one run.
struct RunSecrets {
    /// By name.
    let values: [String: String]
    let build: BuildSecrets
}

extension Workspace {
    /// The secrets that targets of `scope` name, each from where the root Buildfile's `variable` line says it is, or else from
    /// lmsbuild's own environment; nil where none is named. Refuses with exit 2 what is not to be had, before anything runs.
    func secrets(of scope: RunScope, _ graph: Graph) async throws -> RunSecrets? {
        let names = Set(scope.order.lazy.filter(scope.takesSecrets).flatMap { scope[$0].secrets })
        if names.isEmpty { return nil }
        let declared: DeclaredEnvironments
        do throws(FileSystemError) {
            declared = try DeclaredEnvironments(of: graph.tree.files, settings)
        } catch {
            throw Refusal(.unreadable(error), .machine)
        }
        let (schema, mistakes) = VariableSchema.read(declared.variables)
        if !mistakes.isEmpty { throw Refusal(mistakes, .wrongInput) }
        var values: [String: String] = [:]
        var asked: [VariableSchema.Variable] = []
        var refused: [Diagnostic] = []
        for name in names.sorted() {
            guard let variable = schema.variable(name), variable.isSecret else {
                // Who needs it and does not have it is told by label.
                values[name] = environment[name]
                continue
            }
            if variable.source(in: "a") == variable.source(in: "b") {
                asked.append(variable)
            } else if let own = environment[name], !own.isEmpty {
                values[name] = own
            } else {
                refused.append(
                    Diagnostic(
                        .missingSecret,
                        "the secret '\(name)' is somewhere else in each environment, and a build has none",
                        at: variable.span,
                        hint: "set \(name) in the environment of lmsbuild, or declare another for builds"))
            }
        }
        let reader = SecretReader(commands: commands, shell: environment, root: workspace)
        let (read, problems) = try await reader.values(of: asked, in: "") { fileContents($0) }
        refused += problems
        for variable in asked {
            guard let value = read[variable.name] else { continue }
            if let text = value.textToMask, text.utf8.count <= Self.longestSecret, !text.utf8.contains(0) {
                values[variable.name] = text
            } else {
                refused.append(
                    Diagnostic(
                        .missingSecret, "the secret '\(variable.name)' is no text of at most 96 KiB, as builds take it",
                        at: variable.span, hint: "give builds its base64"))
            }
        }
        if !refused.isEmpty { throw Refusal(refused, .wrongInput) }
        return RunSecrets(
            values: values,
            build: BuildSecrets(
                values, key: try secretKey(), state: state, runner: commands, environment: environment))
    }

    /// What one variable of a program's environment can hold is 128 KiB.
    private static let longestSecret = 96 << 10

    /// The key of fingerprints: LMSBUILD_SECRET_KEY, which a team shares, or the workspace's own.
    func secretKey() throws -> SecretKey {
        if let shared = environment["LMSBUILD_SECRET_KEY"] {
            if let key = SecretKey(Array(shared.utf8)) { return key }
            throw Refusal(
                Diagnostic(
                    .missingSecret, "LMSBUILD_SECRET_KEY is shorter than 16 bytes",
                    hint: "head -c 32 /dev/urandom | base64 makes a good one"), .wrongInput)
        }
        makeState()
        do throws(FileSystemError) {
            return try SecretKey.ofWorkspace(at: state.appending("secret-key"))
        } catch {
            throw Refusal(.unreadable(error), .machine)
        }
    }
}
