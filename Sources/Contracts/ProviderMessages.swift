// Asks a provider for the messages that it sends, by its own endpoint or by its recipe; docs/contracts.md tells both how. Does not
// know what a message should be.
import BuildEngine
import BuildGraph

struct ProviderMessages: Sendable {
    enum Means: Sendable {
        /// POST of JSON to this path.
        case endpoint(HTTPClient, String)
        /// A run for each interaction.
        case recipe(ProviderCommand)
        /// An image that has no endpoint for them.
        case none
    }

    let means: Means

    /// The message of its own that `interaction` asks for.
    func sent(_ interaction: Interaction) async throws -> [PactMessage] {
        switch means {
        case .endpoint(let client, let path):
            return [try await answer(question(interaction, []), client, path).message]
        case .recipe(let command): return [PactMessage(contents: try await printed(command, interaction))]
        case .none: throw Self.noEndpoint
        }
    }

    /// What it answers to `request`: one message, or as many as it likes where the contract has not just one.
    func answers(_ interaction: Interaction, to request: PactMessage, count: Int) async throws -> [PactMessage] {
        switch means {
        case .endpoint(let client, let path):
            let question = question(interaction, [.init(name: "request", value: request.tree)])
            let found = try await answer(question, client, path)
            return count == 1 ? [found.message] : try list(found.body, count, "POST \(path)")
        case .recipe(var command):
            command.environment["PACT_METADATA"] = JSONTree(.object(request.metadata)).text(pretty: false)
            let found = try await printed(command, interaction, input: request.contents.bytes)
            return count == 1 ? [PactMessage(contents: found)] : try list(found, count, "the recipe")
        case .none: throw Self.noEndpoint
        }
    }

    private static let noEndpoint = VerifierFailure(
        message: "an image gives messages by an endpoint: [pact image messages=/PATH]")

    /// Several messages as a pact of version 4 has them; none at all where nothing came, or nothing is asked for.
    private func list(_ bytes: [UInt8], _ count: Int, _ whose: String) throws -> [PactMessage] {
        if count == 0 || bytes.allSatisfy(\.isSpace) { return [] }
        guard let elements = (try? JSONTree.parse(bytes))?.elements else {
            throw VerifierFailure(message: "\(whose): several messages are no JSON array: \(ReportText.excerpt(bytes))")
        }
        return try elements.enumerated().map { place, element in
            do throws(ContractReadError) {
                return try PactParts.message(element, "answer \(place + 1)")
            } catch {
                throw VerifierFailure(message: "\(whose): \(error.message)")
            }
        }
    }

    // MARK: The recipe

    private func printed(
        _ command: ProviderCommand, _ interaction: Interaction, input: [UInt8] = []
    ) async throws -> [UInt8] {
        var command = command
        command.environment["PACT_DESCRIPTION"] = interaction.description
        command.environment["PACT_STATES"] = states(interaction).text(pretty: false)
        return try await command.output(input, what: "the recipe gave no message")
    }

    private func states(_ interaction: Interaction) -> JSONTree {
        JSONTree(
            .array(
                interaction.providerStates.map { state in
                    JSONTree(
                        .object([
                            .init(name: "name", value: JSONTree(.string(state.name))),
                            .init(name: "params", value: JSONTree(.object(state.parameters))),
                        ]))
                }))
    }

    // MARK: The endpoint

    private func question(_ interaction: Interaction, _ more: [JSONTree.Member]) -> JSONTree {
        JSONTree(
            .object(
                [
                    .init(name: "description", value: JSONTree(.string(interaction.description))),
                    .init(name: "providerStates", value: states(interaction)),
                ] + more))
    }

    private func answer(
        _ question: JSONTree, _ client: HTTPClient, _ path: String
    ) async throws -> (message: PactMessage, body: [UInt8]) {
        let answer: HTTPAnswer
        do {
            answer = try await client.send(
                "POST", path, headers: [("Content-Type", "application/json")], body: question.bytes)
        } catch let failure as VerifierFailure {
            throw VerifierFailure(message: "POST \(path): \(failure.message)", isLost: failure.isLost)
        }
        guard answer.succeeded else { throw VerifierFailure(message: "POST \(path) answered \(answer.shown)") }
        var metadata: [JSONTree.Member] = []
        if let header = answer.header("pact-message-metadata") {
            guard let bytes = Base64.decode(header), let tree = try? JSONTree.parse(bytes),
                let members = tree.members
            else {
                throw VerifierFailure(
                    message: "POST \(path): the header Pact-Message-Metadata is no JSON object in base64")
            }
            metadata = members
        }
        if let type = answer.header("content-type"), metadata.contentType == nil {
            metadata.append(.init(name: "contentType", value: JSONTree(.string(type))))
        }
        return (PactMessage(contents: answer.body, metadata: metadata), answer.body)
    }
}

extension PactMessage {
    /// As version 4 writes a message, without rules.
    fileprivate var tree: JSONTree {
        var members = [JSONTree.Member(name: "contents", value: contents.tree(header: metadata.contentType))]
        if !metadata.isEmpty { members.append(.init(name: "metadata", value: JSONTree(.object(metadata)))) }
        return JSONTree(.object(members))
    }
}

extension PactBody {
    /// JSON as it is, text as text, other bytes in base64; null where there is none.
    fileprivate func tree(header: String?) -> JSONTree {
        guard case .present(let bytes) = state else {
            return state == .empty
                ? JSONTree(.object([.init(name: "content", value: JSONTree(.string("")))])) : JSONTree(.null)
        }
        let type = type(header: header)
        var encoded = JSONTree(.bool(false))
        let content: JSONTree
        if type?.isJSON != false, let tree = try? JSONTree.parse(bytes) {
            content = tree
        } else if let text = String(validating: bytes, as: UTF8.self) {
            content = JSONTree(.string(text))
        } else {
            content = JSONTree(.string(Base64.encode(bytes)))
            encoded = JSONTree(.string("base64"))
        }
        var members: [JSONTree.Member] = []
        if let type { members.append(.init(name: "contentType", value: JSONTree(.string(type.canonical)))) }
        members += [.init(name: "encoded", value: encoded), .init(name: "content", value: content)]
        return JSONTree(.object(members))
    }
}
