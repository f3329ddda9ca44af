// Runs a program that belongs to the provider (it sets a state, or gives a message) and says what came of it in words. Does not
// know what the program is asked.
import BuildEngine
import BuildGraph

/// A program with what it is told, and how long it may take.
struct ProviderCommand: Sendable {
    let words: [String]
    var environment: [String: String]
    let folder: BytePath
    let commands: any CommandRunner
    let limit: Duration

    /// What it prints when it is given `input`. Throws `VerifierFailure` where it does not end with status 0, in words that
    /// follow `what`, or prints more than an answer may have.
    func output(_ input: [UInt8], what: String) async throws -> [UInt8] {
        var command = Command(words, environment: environment, folder: folder)
        command.input = input
        command.separateErrors = true
        command.timeout = limit
        command.outputLimit = HTTPClient.bodyLimit
        let result: CommandResult
        do {
            result = try await commands.run(command)
        } catch let error as SpawnError {
            throw VerifierFailure(message: "'\(error.program)' cannot be started: \(errorText(error.errno))")
        }
        switch result.ending {
        case .exited(0):
            if result.output.count <= HTTPClient.bodyLimit { return result.output }
            throw VerifierFailure(message: "\(what): it printed more than \(HTTPClient.bodyLimit >> 20) MiB")
        case .exited(let code):
            throw VerifierFailure(
                message: "\(what): exit status \(code): \(ReportText.tail(result.errors + result.output))")
        case .signalled(let number): throw VerifierFailure(message: "\(what): ended by signal \(number)")
        case .timedOut: throw VerifierFailure(message: "\(what): not within \(limit.components.seconds)s")
        }
    }
}
