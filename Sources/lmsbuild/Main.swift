// The program: parses the command line, runs one command, turns how it ended into an exit status.
import ArgumentParser
import BuildEngine
import Buildfile
import Glibc
import Reporting

struct LMSBuild: ParsableCommand {
    /// What `--version` prints, and what a release says of the program that made it.
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "lmsbuild",
        abstract: "What changed, what must therefore be rebuilt, retested and re-containerised: exactly and fast.",
        usage: "lmsbuild [-C DIR] [-f BUILDFILE] COMMAND … [NAME=VALUE…]",
        version: version,
        subcommands: [
            RunCommand.self,
            ReportCommand.self,
            ServeCommand.self,
            AffectedCommand.self,
            HashCommand.self,
            TagCommand.self,
            InputsCommand.self,
            CheckCommand.self,
            FormatCommand.self,
            ExplainCommand.self,
            GraphCommand.self,
            DepsCommand.self,
            RdepsCommand.self,
            PathCommand.self,
            ReplayCommand.self,
            ContractsCommand.self,
            PushCommand.self,
            ReleaseCommand.self,
            ReproduceCommand.self,
            LockCommand.self,
            CanDeployCommand.self,
            WatchCommand.self,
            EnvCommand.self,
            DeployCommand.self,
            StatusCommand.self,
            RollbackCommand.self,
            HistoryCommand.self,
            StatsCommand.self,
            NotifyCommand.self,
        ])
}

@main
enum Main {
    static func main() async {
        Interruption.shared.watch()
        if CommandLine.arguments.dropFirst().first == VerifierRequest.command {
            exit(await VerifierCommand.run(Array(CommandLine.arguments.dropFirst(2))))
        }
        let code = await run(Array(CommandLine.arguments.dropFirst()))
        if let line = closingLine(code) { Terminal.say(line) }
        Interruption.shared.raiseAgain(code)
        exit(code.rawValue)
    }

    private static func run(_ arguments: [String]) async -> BuildEngine.ExitCode {
        // Understanding a command line takes longer than all else that is done for this one.
        if arguments == ["--version"] {
            Terminal.out(LMSBuild.version + "\n")
            return .done
        }
        do {
            let arguments = GlobalOptions.movedBehindCommand(arguments)
            if let name = arguments.first, let later = LaterCommands.refusal(name) { throw Refusal(later, .wrongInput) }
            var command = try LMSBuild.understood(arguments)
            if let command = command as? any ExitingCommand { return try await command.perform() }
            try command.run()
            return .done
        } catch let refusal as Refusal {
            Terminal.say(DiagnosticRenderer(color: Terminal.hasColour).render(refusal.diagnostics))
            return refusal.code
        } catch let error where LMSBuild.exitCode(for: error).rawValue == 0 {
            Terminal.out(LMSBuild.fullMessage(for: error) + "\n")
            return .done
        } catch is CancellationError {
            return .done
        } catch {
            Terminal.say(LMSBuild.fullMessage(for: error))
            return .wrongInput
        }
    }
}

/// A command that says how it ended.
protocol ExitingCommand {
    func perform() async throws -> BuildEngine.ExitCode
}

/// Diagnostics that end the program, with its exit status.
struct Refusal: Error {
    let diagnostics: [Diagnostic]
    let code: BuildEngine.ExitCode

    init(_ diagnostics: [Diagnostic], _ code: BuildEngine.ExitCode) {
        self.diagnostics = diagnostics
        self.code = code
    }

    init(_ diagnostic: Diagnostic, _ code: BuildEngine.ExitCode) {
        self.init([diagnostic], code)
    }
}

/// Commands whose capability does not exist yet: named in the design, refused by name.
enum LaterCommands {
    private static let names: Set<String> = [
        "ci",
        "new", "init",
        "cache", "doctor",
    ]

    static func refusal(_ name: String) -> Diagnostic? {
        guard names.contains(name) else { return nil }
        return Diagnostic(
            .notBuiltYet, "'\(name)' is not built yet", hint: "'lmsbuild --help' lists what is")
    }
}
