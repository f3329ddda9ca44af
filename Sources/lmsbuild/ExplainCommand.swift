import ArgumentParser
import BuildEngine
import Buildfile

struct ExplainCommand: ParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(commandName: "explain", abstract: "What a diagnostic's code means.")

    @OptionGroup var global: GlobalOptions
    @Argument(help: "A code such as LMS101.") var code: String

    func perform() async throws -> BuildEngine.ExitCode {
        if code.contains(":") { throw Refusal(.later("explain LABEL"), .wrongInput) }
        guard let page = errorPages[code.uppercased()] else {
            throw Refusal(
                Diagnostic(
                    .badCommandLine, "there is no code '\(code)'",
                    hint: nearestWord(to: code.uppercased(), among: errorPages.keys.sorted()).map {
                        "did you mean '\($0)'?"
                    }),
                .wrongInput)
        }
        Terminal.out(page)
        return .done
    }
}
