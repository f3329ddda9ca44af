// Understands the command lines that are given again and again sooner. Does not know their options.
import ArgumentParser

extension LMSBuild {
    /// Those that people and CI wait for, each time.
    private static let frequent: [any ParsableCommand.Type] = [
        RunCommand.self, AffectedCommand.self, HashCommand.self, CheckCommand.self, InputsCommand.self,
        DepsCommand.self,
        RdepsCommand.self,
    ]

    /// The command that `arguments` ask for. Throws what `parseAsRoot` does.
    ///
    /// The parser makes tables of all commands and their options before it looks at a line, and tries it as a request for shell
    /// completions: most of what a run with nothing to do takes. A frequent command is parsed as though there was no other. Where
    /// that does not give it (a mistake, or a question for help) the whole parser says what there is to say.
    static func understood(_ arguments: [String]) throws -> any ParsableCommand {
        if let name = arguments.first, let type = frequent.first(where: { $0.configuration.commandName == name }),
            let command = try? type.parseAsRoot(Array(arguments.dropFirst())), Swift.type(of: command) == type
        {
            return command
        }
        return try parseAsRoot(arguments)
    }
}

extension CommandConfiguration {
    /// Of a command that may be parsed as though there was no other. What has a command above it is asked for no completions.
    static func frequent(_ name: String, abstract: String) -> CommandConfiguration {
        CommandConfiguration(commandName: name, _superCommandName: "lmsbuild", abstract: abstract)
    }
}
