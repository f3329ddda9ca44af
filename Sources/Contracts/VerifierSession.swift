// One interaction after the other against a running provider: states, request, answer, comparison. Does not start or end it.
import BuildEngine
import BuildGraph
import Buildfile

struct VerifierSession: Sendable {
    let request: VerifierRequest
    let commands: any CommandRunner
    let environment: [String: String]
    let folder: BytePath
    /// Nil where no provider runs: messages come from the recipe.
    let client: HTTPClient?
    let states: ProviderStates

    private typealias Finding = Verifier.Finding

    /// The outcome, and whether the connection to the provider was lost.
    func verify(_ item: Verifier.Item) async throws -> (Verifier.Outcome, isLost: Bool) {
        let consumer = request.contracts[item.contract].consumer
        let interaction = item.interaction
        var values: [JSONTree.Member] = []
        var set: [Interaction.ProviderState] = []
        var outcome: Verifier.Outcome
        var isLost = false
        do {
            for state in interaction.providerStates {
                do {
                    values += try await states.change(state, .setup, consumer: consumer)
                } catch let failure as VerifierFailure {
                    throw VerifierFailure(
                        message: "the state \"\(state.name)\" could not be set: \(failure.message)",
                        isLost: failure.isLost)
                }
                set.append(state)
            }
            var found = try await findings(interaction, values)
            if !found.isEmpty, case .none = states.means, !interaction.providerStates.isEmpty {
                found.append(
                    Finding(
                        "the rule says nothing of how provider states are set: [pact states=/PATH] or [states WORD…]"))
            }
            outcome = found.isEmpty ? .passed(notes: []) : .failed(found)
        } catch let failure as VerifierFailure {
            outcome = .failed([Finding(failure.message)])
            isLost = failure.isLost
        }
        for state in set.reversed() where !isLost {
            do {
                _ = try await states.change(state, .teardown, consumer: consumer)
            } catch let failure as VerifierFailure {
                isLost = isLost || failure.isLost
                guard case .passed(let notes) = outcome else { continue }
                outcome = .passed(
                    notes: notes + ["the state \"\(state.name)\" could not be given up: \(failure.message)"])
            }
        }
        return (outcome, isLost)
    }

    private func findings(_ interaction: Interaction, _ values: [JSONTree.Member]) async throws -> [Verifier.Finding] {
        let engine = PactEngine(interaction, values: values)
        switch interaction.content.exchange {
        case .http(let wanted, let expected):
            guard let client else { return [] }
            let sent = try engine.prepared(wanted)
            let answer = try await ask(client, sent)
            let came = PactResponse(status: answer.status, headers: answer.headers, body: answer.body)
            return engine.findings(expected, came)
        case .asynchronous(let expected):
            return engine.findings(expected, try await message(interaction))
        case .synchronous:
            return [Finding("messages that are answered by messages cannot be verified by [pact] yet")]
        }
    }

    private func ask(_ client: HTTPClient, _ sent: PactRequest) async throws -> HTTPAnswer {
        let query = sent.queryText
        let target = Self.encoded(sent.path) + (query.isEmpty ? "" : "?" + query)
        var headers = sent.headers.map { (name: $0.name, value: $0.values.joined(separator: ", ")) }
        if let type = sent.body.contentType, !headers.contains(where: { $0.name.asciiLowercased == "content-type" }) {
            headers.append(("Content-Type", type.canonical))
        }
        do {
            return try await client.send(sent.method, target, headers: headers, body: sent.body.bytes)
        } catch let failure as VerifierFailure {
            throw VerifierFailure(message: "\(sent.method) \(target): \(failure.message)", isLost: failure.isLost)
        }
    }

    /// What may not stand in a path is encoded; what is encoded already stays.
    private static func encoded(_ path: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = path.utf8.first == UInt8(ascii: "/") ? [] : [UInt8(ascii: "/")]
        for byte in path.utf8 {
            if byte <= 0x20 || byte >= 0x7F || "?#\"<>\\^`{|}".utf8.contains(byte) {
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    // MARK: Messages

    private func message(_ interaction: Interaction) async throws -> PactMessage {
        let states = JSONTree(
            .array(
                interaction.providerStates.map { state in
                    JSONTree(
                        .object([
                            .init(name: "name", value: JSONTree(.string(state.name))),
                            .init(name: "params", value: JSONTree(.object(state.parameters))),
                        ]))
                }))
        if let path = request.settings.messages, let client {
            return try await message(interaction, states, from: client, path)
        }
        var command = Command(request.recipe, environment: environment, folder: folder)
        command.environment["PACT_DESCRIPTION"] = interaction.description
        command.environment["PACT_STATES"] = states.text(pretty: false)
        command.separateErrors = true
        command.timeout = request.settings.answer
        command.outputLimit = HTTPClient.bodyLimit
        let result: CommandResult
        do {
            result = try await commands.run(command)
        } catch let error as SpawnError {
            throw VerifierFailure(message: "'\(error.program)' cannot be started: \(errorText(error.errno))")
        }
        switch result.ending {
        case .exited(0):
            if result.output.count > HTTPClient.bodyLimit {
                throw VerifierFailure(message: "the message is larger than \(HTTPClient.bodyLimit >> 20) MiB")
            }
            return PactMessage(contents: result.output)
        case .exited(let code):
            throw VerifierFailure(
                message: "the recipe gave no message: exit status \(code): \(ReportText.tail(result.errors))")
        case .signalled(let number):
            throw VerifierFailure(message: "the recipe gave no message: ended by signal \(number)")
        case .timedOut:
            throw VerifierFailure(
                message: "the recipe gave no message within \(request.settings.answer.components.seconds)s")
        }
    }

    private func message(
        _ interaction: Interaction, _ states: JSONTree, from client: HTTPClient, _ path: String
    ) async throws -> PactMessage {
        let question = JSONTree(
            .object([
                .init(name: "description", value: JSONTree(.string(interaction.description))),
                .init(name: "providerStates", value: states),
            ]))
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
        if let type = answer.header("content-type"),
            !metadata.contains(where: { ["contenttype", "content-type"].contains($0.name.asciiLowercased) })
        {
            metadata.append(.init(name: "contentType", value: JSONTree(.string(type))))
        }
        return PactMessage(contents: answer.body, metadata: metadata)
    }
}
