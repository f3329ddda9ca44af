// Holds environments against their schema and their stacks. Does not read secrets, run anything or know engines.
import BuildEngine
import BuildGraph
import Buildfile

/// One environment with all that is known of it without its secrets.
package struct CheckedEnvironment: Sendable {
    package let definition: EnvironmentDefinition
    package let values: EnvironmentValues
    package let reading: StackReading
    package let problems: [EnvironmentProblem]
    /// What its strategy leads users through; nil where it needs no router.
    package let routing: Routing?

    /// Secrets that its stack takes, sorted by name.
    package let secrets: [VariableSchema.Variable]

    /// Reads the stack of `definition` and looks for everything that is wrong. `read` gives workspace files.
    package init(
        _ definition: EnvironmentDefinition, _ schema: VariableSchema, _ around: StackSurroundings,
        shell: [String: String]
    ) {
        let values = EnvironmentValues(
            definition, schema, registry: around.registry, shell: shell, read: around.read)
        var around = around
        around.lookup = { values.lookup($0) }
        if definition.engine == .swarm { around.root = nil }
        let reading =
            definition.stackFiles.isEmpty ? StackReading() : StackReading(definition.stackFiles, around)
        self.definition = definition
        self.values = values
        self.reading = reading
        let taken = Set(reading.mentions.map(\.name)).union(reading.taken)
        secrets = schema.variables.filter { $0.isSecret && (taken.contains($0.name) || $0.isRequired) }
        var check = EnvironmentCheck(
            definition: definition, schema: schema, values: values, reading: reading, mentioned: taken)
        let read = reading.project.map { Routing.read(definition.strategy, $0, at: definition.span) }
        routing = read?.routing
        problems =
            check.problems()
            + (read?.diagnostics ?? []).map { EnvironmentProblem(.stack, definition.name, nil, $0) }
    }
}

private struct EnvironmentCheck {
    let definition: EnvironmentDefinition
    let schema: VariableSchema
    let values: EnvironmentValues
    let reading: StackReading
    let mentioned: Set<String>
    private var found: [EnvironmentProblem] = []

    init(
        definition: EnvironmentDefinition, schema: VariableSchema, values: EnvironmentValues, reading: StackReading,
        mentioned: Set<String>
    ) {
        (self.definition, self.schema, self.values) = (definition, schema, values)
        (self.reading, self.mentioned) = (reading, mentioned)
    }

    private mutating func report(
        _ kind: EnvironmentProblem.Kind, _ name: String, _ message: String, at span: SourceSpan?, hint: String? = nil
    ) {
        found.append(
            EnvironmentProblem(
                kind, definition.name, name,
                Diagnostic(.badEnvironmentVariable, message, at: span, hint: hint)))
    }

    mutating func problems() -> [EnvironmentProblem] {
        for diagnostic in values.diagnostics + reading.diagnostics where diagnostic.severity == .error {
            found.append(EnvironmentProblem(.stack, definition.name, nil, diagnostic))
        }
        if definition.stackFiles.isEmpty {
            let diagnostic = Diagnostic(
                .badEnvironment, "environment '\(definition.name)' has no stack", at: definition.span,
                hint: "add 'stack FILE' to its block")
            found.append(EnvironmentProblem(.stack, definition.name, nil, diagnostic))
        }
        missing()
        unknownAndUnused()
        wrong()
        exposed()
        return found
    }

    private mutating func missing() {
        var reported: Set<String> = []
        for mention in reading.mentions where mention.form == .plain && values.lookup(mention.name) == nil {
            guard schema.variable(mention.name)?.isSecret != true, reported.insert(mention.name).inserted else {
                continue
            }
            let known = Set(values.values.keys).union(schema.variables.map(\.name)).sorted()
            report(
                .missing, mention.name, "'\(mention.name)' has no value in environment '\(definition.name)'",
                at: mention.span,
                hint: nearestWord(to: mention.name, among: known).map { "did you mean '\($0)'?" }
                    ?? envFileHint(mention.name))
        }
        for variable in schema.variables where variable.isRequired && !variable.isSecret {
            guard values.lookup(variable.name)?.isEmpty != false, reported.insert(variable.name).inserted else {
                continue
            }
            let how = values.lookup(variable.name) == nil ? "has no value" : "is empty"
            report(
                .missing, variable.name,
                "'\(variable.name)' is required and \(how) in environment '\(definition.name)'", at: definition.span,
                hint: envFileHint(variable.name))
        }
    }

    private func envFileHint(_ name: String) -> String {
        definition.envFiles.last.map { "set it in \($0.path.shown): \(name)=…" }
            ?? "add 'env-file FILE' to the environment, and set \(name)=… there"
    }

    private mutating func unknownAndUnused() {
        let isClosed = !schema.variables.isEmpty
        for (name, span) in values.named.sorted(by: { $0.key < $1.key }) {
            if isClosed, schema.variable(name) == nil {
                let known = schema.variables.map(\.name)
                report(
                    .unknown, name, "'\(name)' is not in the schema", at: span,
                    hint: nearestWord(to: name, among: known).map { "did you mean '\($0)'?" }
                        ?? "declare it with 'variable \(name): TYPE', or remove it")
            } else if !mentioned.contains(name), reading.project != nil {
                report(
                    .unused, name, "'\(name)' is set, and no stack of environment '\(definition.name)' mentions it",
                    at: span, hint: "write ${\(name)} where it is wanted, or remove it")
            }
        }
    }

    private mutating func wrong() {
        for variable in schema.variables where !variable.isSecret {
            guard let value = values.values[variable.name], !(value.value.isEmpty && !variable.isRequired) else {
                continue
            }
            if value.origin == .defaultValue { continue }
            guard let problem = variable.problem(with: value.value) else { continue }
            let place = value.origin == .shell ? " (it comes from lmsbuild's own environment)" : ""
            report(
                .wrongType, variable.name, "'\(variable.name)' \(problem)\(place)", at: value.span,
                hint: "it is declared as \(variable.type.rawValue)")
        }
    }

    private mutating func exposed() {
        for variable in schema.variables where variable.isSecret {
            if let span = values.named[variable.name] {
                report(
                    .exposed, variable.name, "the secret '\(variable.name)' stands in an env file", at: span,
                    hint: "remove it, and say where it is: variable \(variable.name): … secret from file PATH")
            }
            for mention in reading.mentions where mention.name == variable.name {
                report(
                    .exposed, variable.name,
                    "the secret '\(variable.name)' would be seen by all who can look at the service", at: mention.span,
                    hint: "let the service read /run/secrets/\(variable.name), and list it below 'secrets'")
            }
            if reading.settings.contains(where: { $0.key == variable.name && $0.written.isEmpty }) {
                let span = reading.settings.first { $0.key == variable.name }?.span
                report(
                    .exposed, variable.name,
                    "the secret '\(variable.name)' would be seen by all who can look at the service", at: span,
                    hint: "let the service read /run/secrets/\(variable.name), and list it below 'secrets'")
            }
        }
    }
}
