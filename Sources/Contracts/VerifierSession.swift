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
            return engine.findings([expected], try await messages.sent(interaction))
        case .synchronous(let request, let expected):
            let sent = try engine.prepared(request)
            return engine.findings(expected, try await messages.answers(interaction, to: sent, count: expected.count))
        }
    }

    private var messages: ProviderMessages {
        if let path = request.settings.messages, let client { return ProviderMessages(means: .endpoint(client, path)) }
        if !request.removal.isEmpty { return ProviderMessages(means: .none) }
        return ProviderMessages(
            means: .recipe(
                ProviderCommand(
                    words: request.recipe, environment: environment, folder: folder, commands: commands,
                    limit: request.settings.answer)))
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
}
