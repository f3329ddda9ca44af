// What `env diff` and `env docs` say, as text, JSON and Markdown. Does not know where it goes. Secrets by name only.
import BuildEngine
import BuildGraph
import Buildfile
import Delivery

struct EnvironmentPages {
    let survey: EnvironmentSurvey

    // MARK: Variables

    /// Every variable that the schema, an env file or a stack names, sorted.
    private var names: [String] {
        var names = Set(survey.schema.variables.map(\.name))
        for environment in survey.environments {
            names.formUnion(environment.values.named.keys)
            names.formUnion(environment.reading.mentions.map(\.name))
        }
        return names.subtracting(EnvironmentValues.builtIns).sorted()
    }

    private func isSecret(_ name: String) -> Bool { survey.schema.variable(name)?.isSecret == true }

    /// Where the secret comes from, in words.
    private func source(_ name: String, _ environment: CheckedEnvironment) -> String {
        switch survey.schema.variable(name)?.source(in: environment.definition.name) {
        case .environment(let name): "secret from the variable \(name)"
        case .file(let path): "secret from \(path.shown)"
        // A program's arguments may hold more than is to be shown.
        case .command(let words): "secret from the program \(words.first ?? "")"
        case nil: "secret"
        }
    }

    private func origin(_ value: EnvironmentValues.Value) -> String {
        switch value.origin {
        case .builtIn: "lmsbuild"
        case .envFile(let path): path.shown
        case .defaultValue: "default"
        case .shell: "lmsbuild's own environment"
        }
    }

    /// The value as it may be shown, and where it comes from; nil where there is none.
    private func shown(_ name: String, _ environment: CheckedEnvironment) -> (value: String?, origin: String)? {
        if isSecret(name) { return (nil, source(name, environment)) }
        return environment.values.values[name].map { ($0.value, origin($0)) }
    }

    // MARK: Difference

    private func differing(_ one: CheckedEnvironment, _ other: CheckedEnvironment) -> [String] {
        names.filter { name in
            let (left, right) = (shown(name, one), shown(name, other))
            if isSecret(name) { return left?.origin != right?.origin }
            return left?.value != right?.value || (left == nil) != (right == nil)
        }
    }

    private func services(_ environment: CheckedEnvironment) -> Set<String> {
        Set((environment.reading.project?.services ?? []).map(\.name))
    }

    func differenceText(_ one: CheckedEnvironment, _ other: CheckedEnvironment) -> String {
        var lines: [String] = []
        let (left, right) = (one.definition, other.definition)
        if left.engine != right.engine { lines.append("engine: \(left.engine.rawValue) -> \(right.engine.rawValue)") }
        for name in differing(one, other) {
            func text(_ environment: CheckedEnvironment) -> String {
                guard let (value, origin) = shown(name, environment) else { return "not set" }
                return value.map { "\(BytePath($0).shown) (\(origin))" } ?? origin
            }
            lines.append("\(name): \(text(one)) -> \(text(other))")
        }
        let (before, after) = (services(one), services(other))
        for name in before.subtracting(after).sorted() { lines.append("service \(name): only in \(left.name)") }
        for name in after.subtracting(before).sorted() { lines.append("service \(name): only in \(right.name)") }
        for name in changedServices(one, other) { lines.append("service \(name): differs beyond variables' values") }
        return lines.map { $0 + "\n" }.joined()
    }

    /// Services whose entries differ in more than the containers' variables.
    private func changedServices(_ one: CheckedEnvironment, _ other: CheckedEnvironment) -> [String] {
        func entries(_ environment: CheckedEnvironment) -> [String: [UInt8]] {
            let services = environment.reading.project?.services ?? []
            return Dictionary(
                services.map { service in
                    let members = (service.entry.members ?? []).filter { $0.name != "environment" }
                    return (service.name, JSONTree(.object(members)).bytes)
                }
            ) { first, _ in first }
        }
        let (left, right) = (entries(one), entries(other))
        return left.keys.filter { right[$0] != nil && right[$0] != left[$0] }.sorted()
    }

    func difference(_ one: CheckedEnvironment, _ other: CheckedEnvironment) -> JSONValue {
        func side(_ name: String, _ environment: CheckedEnvironment) -> JSONValue {
            guard let (value, origin) = shown(name, environment) else { return .null }
            return .object([("value", value.map { .string($0) } ?? .null), ("origin", .string(origin))])
        }
        return .object([
            ("schema", .number(1)), ("from", .string(one.definition.name)), ("to", .string(other.definition.name)),
            (
                "engines",
                .array([.string(one.definition.engine.rawValue), .string(other.definition.engine.rawValue)])
            ),
            (
                "variables",
                .array(
                    differing(one, other).map { name in
                        .object([
                            ("name", .string(name)), ("secret", .bool(isSecret(name))), ("from", side(name, one)),
                            ("to", side(name, other)),
                        ])
                    })
            ),
            (
                "services",
                .object([
                    ("removed", .array(services(one).subtracting(services(other)).sorted().map { .string($0) })),
                    ("added", .array(services(other).subtracting(services(one)).sorted().map { .string($0) })),
                    ("changed", .array(changedServices(one, other).map { .string($0) })),
                ])
            ),
        ])
    }

    // MARK: Documentation

    var documentation: String {
        var text = "# Environments\n\nMade by `lmsbuild env docs`.\n\n"
        text += row(["environment", "engine", "stack", "env files", "after", "checks"])
        text += row(Array(repeating: "---", count: 6))
        for environment in survey.environments {
            let definition = environment.definition
            text += row([
                definition.name, definition.engine.rawValue,
                definition.stackFiles.map(\.path.shown).joined(separator: ", "),
                definition.envFiles.map(\.path.shown).joined(separator: ", "), definition.after.joined(separator: ", "),
                definition.checks.map(\.url).joined(separator: ", "),
            ])
        }
        text += "\n# Variables\n"
        for name in names { text += section(name) }
        return text
    }

    private func section(_ name: String) -> String {
        var text = "\n## \(name)\n\n"
        if let variable = survey.schema.variable(name) {
            if let help = variable.help { text += cell(help) + "\n\n" }
            var rules = [variable.type.rawValue]
            if variable.isRequired { rules.append("required") }
            if variable.isSecret { rules.append("secret") }
            if let value = variable.defaultValue { rules.append("default `\(cell(value))`") }
            if !variable.choices.isEmpty {
                rules.append("one of \(variable.choices.map { "`\(cell($0))`" }.joined(separator: ", "))")
            }
            if let pattern = variable.pattern { rules.append("matches `\(cell(pattern))`") }
            text += "Type: \(rules.joined(separator: ", ")).\n"
        } else {
            text += "Not in the schema.\n"
        }
        let readers = Set(survey.environments.flatMap { environment in self.readers(name, environment) }).sorted()
        text += "Read by: \(readers.isEmpty ? "nobody" : readers.joined(separator: ", ")).\n\n"
        text += row(["environment", "value", "from"]) + row(["---", "---", "---"])
        for environment in survey.environments {
            let found = shown(name, environment)
            let value = found.map { $0.value.map { "`\(cell($0))`" } ?? "secret" } ?? "not set"
            text += row([environment.definition.name, value, found?.origin ?? ""])
        }
        return text
    }

    /// Services whose entries mention the variable, as a secret or in a text.
    private func readers(_ name: String, _ environment: CheckedEnvironment) -> [String] {
        var found = environment.reading.mentions.filter { $0.name == name }.compactMap(\.service)
        guard let project = environment.reading.project else { return found }
        let keys = project.secrets.filter { $0.source == .variable(name) }.map(\.key)
        for service in project.services {
            let used = (service.entry.member("secrets")?.elements ?? []).compactMap {
                $0.text ?? $0.member("source")?.text
            }
            if used.contains(where: keys.contains) { found.append(service.name) }
        }
        return found
    }

    private func row(_ cells: [String]) -> String { "| \(cells.map(cell).joined(separator: " | ")) |\n" }

    /// Text that cannot break a table or a page.
    private func cell(_ text: String) -> String {
        BytePath(text).shown.replacing("|", with: "\\|").replacing("<", with: "&lt;")
    }
}
