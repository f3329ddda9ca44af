// Examples of a pact with the values that are only known when they are sent: what a provider state returned, a date of
// today, something random. Random values come from a seed, so a run can be repeated. XML bodies are left as they are.
package import BuildEngine

/// A generator that can't make its value.
package struct GeneratorError: Error, Sendable, Hashable {
    /// In one line, for people, with the place.
    package let message: String

    init(_ message: String) {
        self.message = message
    }
}

/// One application of generators; values follow from the seed and the order of the calls.
package struct GeneratorRun: Sendable {
    /// What provider states returned, by name.
    let states: [JSONTree.Member]
    let now: DateMoment
    var random: SeededRandom

    /// `now` in seconds since 1970; dates are those of UTC.
    package init(seed: UInt64, now: Int, states: [JSONTree.Member] = []) {
        self.states = states
        self.now = DateMoment(secondsSince1970: now)
        random = SeededRandom(state: seed)
    }

    /// The request as it is to be sent.
    package mutating func request(_ request: PactRequest) throws(GeneratorError) -> PactRequest {
        var result = request
        for entry in request.generators.entries {
            switch entry.part {
            case .method: result.method = try text(entry, result.method)
            case .path: result.path = try text(entry, result.path)
            case .query: try apply(entry, to: &result.query)
            case .header: try apply(entry, to: &result.headers)
            case .status, .body, .metadata: break
            }
        }
        result.body = try body(request.body, request.headers.header("content-type"), request.generators)
        return result
    }

    /// The response as it is to be expected.
    package mutating func response(_ response: PactResponse) throws(GeneratorError) -> PactResponse {
        var result = response
        for entry in response.generators.entries {
            if entry.part == .header { try apply(entry, to: &result.headers) }
            guard entry.part == .status else { continue }
            guard let status = Int(try text(entry, String(result.status))) else {
                throw GeneratorError("the generated status is no number")
            }
            result.status = status
        }
        result.body = try body(response.body, response.headers.header("content-type"), response.generators)
        return result
    }

    /// The message as it is to be sent or expected.
    package mutating func message(_ message: PactMessage) throws(GeneratorError) -> PactMessage {
        var result = message
        for entry in message.generators.entries where entry.part == .metadata {
            result.metadata = try result.metadata.map { member throws(GeneratorError) in
                guard entry.path.isExactly(ValuePath.root.appending(member.name)) else { return member }
                return JSONTree.Member(name: member.name, value: try value(entry.tree, member.value))
            }
        }
        result.contents = try body(message.contents, message.metadata.contentType, message.generators)
        return result
    }

    // MARK: Places

    private mutating func text(_ entry: PactGenerators.Entry, _ example: String) throws(GeneratorError) -> String {
        let value = try value(entry.tree, JSONTree(.string(example)))
        return value.text ?? value.text(pretty: false)
    }

    private mutating func apply(
        _ entry: PactGenerators.Entry, to fields: inout [PactField]
    ) throws(GeneratorError) {
        guard case .name(let name)? = entry.path.tokens.first else { return }
        for place in fields.indices where fields[place].name.asciiLowercased == name.asciiLowercased {
            for index in fields[place].values.indices {
                if entry.path.tokens.count > 1, entry.path.tokens[1] != .index(index), entry.path.tokens[1] != .anyIndex
                {
                    continue
                }
                fields[place].values[index] = try text(entry, fields[place].values[index])
            }
        }
    }

    private mutating func body(
        _ body: PactBody, _ header: String?, _ generators: PactGenerators
    ) throws(GeneratorError) -> PactBody {
        let entries = generators.entries.filter { $0.part == .body }
        guard !entries.isEmpty, case .present(let bytes) = body.state else { return body }
        var result = body
        let type = body.type(header: header)
        if type?.isJSON == true, let tree = try? JSONTree.parse(bytes) {
            result.state = .present(try applied(entries, to: tree, at: .root).bytes)
        } else if type?.isForm == true {
            var fields = PactField.query(String(decoding: bytes, as: UTF8.self))
            for entry in entries { try apply(entry, to: &fields) }
            let pairs = fields.flatMap { field in
                field.values.map { PercentEncoding.encode(field.name) + "=" + PercentEncoding.encode($0) }
            }
            result.state = .present(Array(pairs.joined(separator: "&").utf8))
        } else if let root = entries.first(where: { $0.path == .root }) {
            result.state = .present(Array(try text(root, String(decoding: bytes, as: UTF8.self)).utf8))
        }
        return result
    }

    private mutating func applied(
        _ entries: [PactGenerators.Entry], to tree: JSONTree, at path: ValuePath
    ) throws(GeneratorError) -> JSONTree {
        if let entry = entries.first(where: { $0.path.isExactly(path) }) { return try value(entry.tree, tree) }
        switch tree.content {
        case .object(let members):
            var result: [JSONTree.Member] = []
            for member in members {
                let value = try applied(entries, to: member.value, at: path.appending(member.name))
                result.append(JSONTree.Member(name: member.name, value: value))
            }
            return JSONTree(.object(result))
        case .array(let elements):
            var result: [JSONTree] = []
            for (place, element) in elements.enumerated() {
                result.append(try applied(entries, to: element, at: path.appending(.index(place))))
            }
            return JSONTree(.array(result))
        default: return tree
        }
    }
}

/// The seeds' numbers: SplitMix64.
struct SeededRandom: RandomNumberGenerator, Sendable {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
