// Brings a provider into the states that an interaction needs, by its own endpoint or a command. Does not know the interactions.
import BuildEngine

/// How states are set, and for whom.
struct ProviderStates: Sendable {
    enum Means: Sendable {
        /// POST of JSON to this path.
        case endpoint(HTTPClient, path: String)
        /// A command that gets the JSON on its standard input.
        case command(ProviderCommand)
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
        case .command(let command):
            answer = try await command.output(question, what: "'\(command.words.first ?? "")' failed")
        }
        guard action == .setup, let tree = try? JSONTree.parse(answer) else { return [] }
        return tree.members ?? []
    }
}
