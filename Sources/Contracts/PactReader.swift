// Pact files of the specification's versions 1 to 4 to values. What is not in the specification is skipped, as it asks;
// what must be there and is not is an error with its place.
import BuildEngine
import BuildGraph

enum PactReader {
    /// True where the document is meant to be a pact, whole or broken.
    static func isPact(_ tree: JSONTree) -> Bool {
        let hasParties = tree.member("consumer")?.members != nil && tree.member("provider")?.members != nil
        let hasContent = tree.member("interactions") != nil || tree.member("messages") != nil
        let metadata = tree.member("metadata")
        let hasVersion = metadata?.member("pactSpecification") != nil || metadata?.member("pact-specification") != nil
        return hasParties || (hasContent && (hasVersion || tree.member("provider") != nil))
    }

    static func read(_ tree: JSONTree) throws(ContractReadError) -> PactFile {
        let specification = specification(tree)
        var interactions: [PactInteraction] = []
        var hasList = false
        for name in ["interactions", "messages"] {
            guard let list = tree.member(name) else { continue }
            hasList = true
            guard let elements = list.elements else {
                throw ContractReadError("\(name) is no array", expected: "[…]", at: list.range.lowerBound)
            }
            for (place, element) in elements.enumerated() {
                let reader = InteractionReader(
                    tree: element, specification: specification, isMessage: name == "messages",
                    what: name == "messages" ? "message \(place + 1)" : "interaction \(place + 1)")
                interactions.append(try reader.read())
            }
        }
        guard hasList else {
            throw ContractReadError(
                "the pact has no interactions", expected: "\"interactions\": […] or \"messages\": […]",
                at: tree.range.lowerBound)
        }
        return PactFile(
            specification: specification, consumer: tree.member("consumer")?.member("name")?.text,
            provider: tree.member("provider")?.member("name")?.text, interactions: interactions, tree: tree)
    }

    /// Version 2 where the file does not say, unless it has what only later ones have.
    private static func specification(_ tree: JSONTree) -> Int {
        let metadata = tree.member("metadata")
        let places = [
            metadata?.member("pactSpecification")?.member("version"),
            metadata?.member("pact-specification")?.member("version"), metadata?.member("pactSpecificationVersion"),
        ]
        for case .some(let place) in places {
            if let number = place.whole { return max(1, min(4, number)) }
            if let first = place.text?.utf8.first, (UInt8(ascii: "1")...UInt8(ascii: "4")).contains(first) {
                return Int(first - UInt8(ascii: "0"))
            }
        }
        if tree.member("interactions")?.elements?.contains(where: { $0.member("type") != nil }) == true { return 4 }
        return tree.member("messages") != nil ? 3 : 2
    }
}

/// One interaction.
struct InteractionReader {
    let tree: JSONTree
    let specification: Int
    let isMessage: Bool
    /// For messages: `interaction 3`.
    let what: String

    func read() throws(ContractReadError) -> PactInteraction {
        guard tree.members != nil else {
            throw ContractReadError("\(what) is no object", expected: "{…}", at: tree.range.lowerBound)
        }
        guard let description = tree.member("description")?.text else {
            throw ContractReadError(
                "\(what) has no description", expected: "\"description\": \"…\"", at: tree.range.lowerBound)
        }
        let exchange = try exchange()
        let states = try providerStates()
        let plugin = tree.member("pluginConfiguration")
        var interaction = PactInteraction(
            digest: Digest.of([]), description: description, providerStates: states, isPending: isPending,
            exchange: exchange, offset: tree.range.lowerBound, pluginConfiguration: plugin)
        interaction.digest = interaction.canonicalDigest(specification: specification)
        return interaction
    }

    private var isPending: Bool {
        if case .bool(true)? = tree.member("pending")?.content { true } else { false }
    }

    private func exchange() throws(ContractReadError) -> PactInteraction.Exchange {
        let type = tree.member("type")
        switch type?.text ?? (isMessage ? "Asynchronous/Messages" : "Synchronous/HTTP") {
        case "Synchronous/HTTP":
            let request = try part("request")
            let response = try part("response")
            return .http(try PactParts.request(request), try PactParts.response(response))
        case "Asynchronous/Messages": return .asynchronous(try PactParts.message(tree, what))
        case "Synchronous/Messages":
            let request = try PactParts.message(part("request"), what)
            guard let answers = tree.member("response") else { return .synchronous(request, []) }
            guard let elements = answers.elements else {
                throw ContractReadError("\(what)'s response is no array", expected: "[…]", at: answers.range.lowerBound)
            }
            var responses: [PactMessage] = []
            for element in elements { responses.append(try PactParts.message(element, what)) }
            return .synchronous(request, responses)
        default:
            throw ContractReadError(
                "\(what) is of a type that is not known",
                expected: "Synchronous/HTTP, Asynchronous/Messages or Synchronous/Messages",
                at: type?.range.lowerBound ?? tree.range.lowerBound)
        }
    }

    private func part(_ name: String) throws(ContractReadError) -> JSONTree {
        guard let part = tree.member(name) else {
            throw ContractReadError("\(what) has no \(name)", expected: "\"\(name)\": {…}", at: tree.range.lowerBound)
        }
        guard part.members != nil else {
            throw ContractReadError("\(what)'s \(name) is no object", expected: "{…}", at: part.range.lowerBound)
        }
        return part
    }

    private func providerStates() throws(ContractReadError) -> [Interaction.ProviderState] {
        if let states = tree.member("providerStates"), !states.isNull {
            if let name = states.text { return [Interaction.ProviderState(name: name)] }
            guard let elements = states.elements else {
                throw ContractReadError("providerStates is no array", expected: "[…]", at: states.range.lowerBound)
            }
            var list: [Interaction.ProviderState] = []
            for element in elements {
                if let name = element.text {
                    list.append(Interaction.ProviderState(name: name))
                    continue
                }
                guard let name = (element.member("name") ?? element.member("description"))?.text else {
                    throw ContractReadError(
                        "a provider state has no name", expected: "\"name\": \"…\"", at: element.range.lowerBound)
                }
                list.append(
                    Interaction.ProviderState(name: name, parameters: element.member("params")?.members ?? []))
            }
            return list
        }
        guard let state = tree.member("providerState") ?? tree.member("provider_state"), !state.isNull else {
            return []
        }
        guard let name = state.text else {
            throw ContractReadError("providerState is no text", expected: "\"…\"", at: state.range.lowerBound)
        }
        return name.isEmpty ? [] : [Interaction.ProviderState(name: name)]
    }
}
