// Brings a provider into the states that an interaction needs, by its own endpoint or a command. Does not know the interactions.
import BuildEngine
import BuildGraph

/// How states are set, and for whom.
struct ProviderStates: Sendable {
    enum Means: Sendable {
        /// POST of JSON to this path.
        case endpoint(HTTPClient, path: String)
        /// A command that gets the JSON on its standard input.
        case command([String], environment: [String: String], folder: BytePath, any CommandRunner, limit: Duration)
        case none
    }

    enum Action: String {
        case setup, teardown
    }

    let means: Means

    /// Sets (or gives up) one state. Gives the values that the provider names in its answer, a JSON object.
    func change(
        _ state: Interaction.ProviderState, _ action: Action, consumer: String
    ) async throws -> [JSONTree.Member] {
        let question = JSONTree(
            .object([
                .init(name: "consumer", value: JSONTree(.string(consumer))),
                .init(name: "state", value: JSONTree(.string(state.name))),
                .init(name: "params", value: JSONTree(.object(state.parameters))),
                .init(name: "action", value: JSONTree(.string(action.rawValue))),
            ])
        ).bytes
        let answer: [UInt8]
        switch means {
        case .none: return []
        case .endpoint(let client, let path):
            let found: HTTPAnswer
            do {
                found = try await client.send(
                    "POST", path, headers: [("Content-Type", "application/json")], body: question)
            } catch let failure as VerifierFailure {
                throw VerifierFailure(message: "POST \(path): \(failure.message)", isLost: failure.isLost)
            }
            guard found.succeeded else { throw VerifierFailure(message: "POST \(path) answered \(found.shown)") }
            answer = found.body
        case .command(let words, let environment, let folder, let commands, let limit):
            var command = Command(words, environment: environment, folder: folder)
            command.input = question
            command.separateErrors = true
            command.timeout = limit
            command.outputLimit = HTTPClient.bodyLimit
            let result: CommandResult
            do {
                result = try await commands.run(command)
            } catch let error as SpawnError {
                throw VerifierFailure(message: "'\(error.program)' cannot be started: \(errorText(error.errno))")
            }
            guard result.succeeded else {
                let how =
                    switch result.ending {
                    case .exited(let code): "ended with status \(code)"
                    case .signalled(let number): "was ended by signal \(number)"
                    case .timedOut: "did not end within \(limit.components.seconds)s"
                    }
                throw VerifierFailure(
                    message: "'\(words[0])' \(how): \(ReportText.tail(result.errors + result.output))")
            }
            answer = result.output
        }
        guard action == .setup, let tree = try? JSONTree.parse(answer) else { return [] }
        return tree.members ?? []
    }
}
