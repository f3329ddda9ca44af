// `env`: the environments' variables, checked, compared and explained.
import ArgumentParser
import BuildEngine
import BuildGraph
import Buildfile
import Delivery

struct EnvCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "env", abstract: "The environments' variables: what is wrong, what differs, what they are.",
        subcommands: [EnvCheckCommand.self, EnvDiffCommand.self, EnvDocsCommand.self, EnvRenderCommand.self])
}

struct EnvCheckCommand: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract:
            "Variables of all environments that are missing, unknown, unused, of the wrong type or named differently.")

    @OptionGroup var global: GlobalOptions
    @Option(help: "text or json.") var format = "text"
    @Argument(help: "NAME=VALUE sets a '?=' variable.") var words: [String] = []

    func perform() async throws -> BuildEngine.ExitCode {
        try checkFormat(format)
        let opened = try await Workspace.open(global, overrides: GlobalOptions.overrides(in: words).overrides)
        let found = try await SurveyedSystem(opened)
        let survey = found.survey
        for environment in survey.environments { tellOfShell(environment) }
        if format == "json" {
            Terminal.out(json(survey).text(pretty: true) + "\n")
        } else {
            Workspace.show(survey.problems.map(\.diagnostic))
            let environments = survey.environments.count
            let variables = Set(survey.schema.variables.map(\.name) + survey.environments.flatMap(\.values.named.keys))
            Terminal.say(
                "\(environments) environment\(environments == 1 ? "" : "s"), \(variables.count) variables, "
                    + (survey.problems.isEmpty ? "no problems" : "\(survey.problems.count) to mend"))
        }
        return survey.problems.isEmpty ? .done : .checkFailed
    }

    /// Compose's rule that a shell's variables win is kept, and said.
    private func tellOfShell(_ environment: CheckedEnvironment) {
        let names = environment.values.values.filter { $0.value.origin == .shell && $0.value.span != nil }.keys.sorted()
        if names.isEmpty { return }
        Workspace.show([
            Diagnostic(
                .badEnvironmentVariable, .notice,
                "in environment '\(environment.definition.name)' lmsbuild's own environment decides: \(names.joined(separator: ", "))",
                hint: "'policy protected' keeps it out")
        ])
    }

    private func json(_ survey: EnvironmentSurvey) -> JSONValue {
        .object([
            ("schema", .number(1)),
            ("environments", .array(survey.environments.map { .string($0.definition.name) })),
            (
                "problems",
                .array(
                    survey.problems.map { problem in
                        let place = problem.diagnostic.span?.lineAndColumn
                        return .object([
                            ("kind", .string(problem.kind.rawValue)),
                            ("environment", problem.environment.map { .string($0) } ?? .null),
                            ("name", problem.name.map { .string($0) } ?? .null),
                            ("message", .string(problem.diagnostic.message)),
                            ("file", problem.diagnostic.span.map { .string($0.source.name) } ?? .null),
                            ("line", place.map { .number($0.line) } ?? .null),
                            ("column", place.map { .number($0.column) } ?? .null),
                            ("hint", problem.diagnostic.hint.map { .string($0) } ?? .null),
                        ])
                    })
            ),
        ])
    }
}

struct EnvDiffCommand: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "What differs between two environments: variables, services, how they are run.")

    @OptionGroup var global: GlobalOptions
    @Option(help: "text or json.") var format = "text"
    @Argument(help: "Two environments, and NAME=VALUE.") var words: [String] = []

    func perform() async throws -> BuildEngine.ExitCode {
        try checkFormat(format)
        let (names, overrides) = GlobalOptions.overrides(in: words)
        guard names.count == 2 else {
            throw Refusal(
                Diagnostic(.badCommandLine, "'env diff' takes two environments", hint: "lmsbuild env diff dev prod"),
                .wrongInput)
        }
        let found = try await SurveyedSystem(try await Workspace.open(global, overrides: overrides))
        let sides = (try found.environment(names[0]), try found.environment(names[1]))
        let pages = EnvironmentPages(survey: found.survey)
        if format == "json" {
            Terminal.out(pages.difference(sides.0, sides.1).text(pretty: true) + "\n")
        } else {
            Terminal.out(pages.differenceText(sides.0, sides.1))
        }
        return .done
    }
}

struct EnvDocsCommand: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "docs",
        abstract: "A page in Markdown: every variable, who reads it, its value or source everywhere.")

    @OptionGroup var global: GlobalOptions
    @Option(name: .shortAndLong, help: "Write to this file instead of standard output.") var output: String?
    @Argument(help: "NAME=VALUE sets a '?=' variable.") var words: [String] = []

    func perform() async throws -> BuildEngine.ExitCode {
        let opened = try await Workspace.open(global, overrides: GlobalOptions.overrides(in: words).overrides)
        let text = EnvironmentPages(survey: try await SurveyedSystem(opened).survey).documentation
        if let output { try writeFile(output, Array(text.utf8)) } else { Terminal.out(text) }
        return .done
    }
}

struct EnvRenderCommand: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "render", abstract: "The stack as an engine would be handed it; secrets by name only.")

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The environment, and NAME=VALUE.") var words: [String] = []

    func perform() async throws -> BuildEngine.ExitCode {
        let (names, overrides) = GlobalOptions.overrides(in: words)
        guard names.count == 1 else {
            throw Refusal(Diagnostic(.badCommandLine, "'env render' takes one environment"), .wrongInput)
        }
        let found = try await SurveyedSystem(try await Workspace.open(global, overrides: overrides))
        let environment = try found.environment(names[0])
        let stack = try await found.rendered(environment, images: [:]).alone(in: .blue)
        let flavour: StackFlavour = environment.definition.engine == .compose ? .composeTwo : .swarm
        Terminal.out(stack.document(for: flavour, files: BytePath("/run/lmsbuild")).text(pretty: true) + "\n")
        return .done
    }
}
