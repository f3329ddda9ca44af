// The values of one environment's variables, and where each comes from. Reads env files; secrets' values are not among them.
import BuildEngine
package import BuildGraph
package import Buildfile

/// What lmsbuild knows of variables before a stack is looked at.
package struct EnvironmentValues: Sendable {
    /// Where a value comes from.
    package enum Origin: Sendable, Hashable {
        /// lmsbuild itself: `registry`, `environment`.
        case builtIn
        case envFile(BytePath)
        case defaultValue
        /// lmsbuild's own environment, by Compose's rule that it wins over env files.
        case shell
    }

    /// One variable that is no secret.
    package struct Value: Sendable {
        package let value: String
        package let origin: Origin
        /// Where it is written.
        package let span: SourceSpan?
    }

    /// By name.
    package private(set) var values: [String: Value] = [:]
    /// Where env files name each variable, secrets included.
    package private(set) var named: [String: SourceSpan] = [:]
    /// Files that cannot be read (LMS120).
    package private(set) var diagnostics: [Diagnostic] = []

    /// The value of `name`, for a stack's variables.
    package func lookup(_ name: String) -> String? { values[name]?.value }

    /// The values of `environment`. `shell` is lmsbuild's own environment: of it only names count that the schema or an
    /// env file has, and none in a protected environment, so that nothing else of a shell gets into a stack.
    package init(
        _ environment: EnvironmentDefinition, _ schema: VariableSchema, registry: String, shell: [String: String],
        read: (BytePath) -> [UInt8]?
    ) {
        let shell = environment.policy.isProtected ? [:] : shell
        var found: [String: Value] = [:]
        for variable in schema.variables where !variable.isSecret {
            if let value = variable.defaultValue {
                found[variable.name] = Value(value: value, origin: .defaultValue, span: variable.span)
            }
        }
        for file in environment.envFiles {
            guard let bytes = read(file.path) else { continue }
            let before = found
            do throws(Diagnostic) {
                let source = SourceText(name: file.path.shown, bytes: bytes)
                let dotenv = try Dotenv(source) { shell[$0] ?? before[$0]?.value }
                for entry in dotenv.entries {
                    if named[entry.name] == nil { named[entry.name] = entry.span }
                    if schema.variable(entry.name)?.isSecret == true { continue }
                    guard let value = entry.value ?? shell[entry.name] else { continue }
                    let origin: Origin = entry.value == nil ? .shell : .envFile(file.path)
                    found[entry.name] = Value(value: value, origin: origin, span: entry.span)
                }
            } catch {
                diagnostics.append(error)
            }
        }
        let known = Set(found.keys).union(schema.variables.lazy.filter { !$0.isSecret }.map(\.name))
        for name in known {
            if let value = shell[name] { found[name] = Value(value: value, origin: .shell, span: found[name]?.span) }
        }
        for (name, value) in [("environment", environment.name), ("registry", registry)] where found[name] == nil {
            found[name] = Value(value: value, origin: .builtIn, span: nil)
        }
        values = found
    }

    /// Names that lmsbuild sets itself.
    package static let builtIns: Set<String> = ["environment", "registry"]
}
