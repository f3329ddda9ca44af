// A pact as values: what is sent, what comes back, and the rules and generators for both. The same types hold what
// really came. Does not know how pacts are written (`PactReader`) or compared (`PactMatching`).
package import BuildEngine
package import BuildGraph

/// A whole pact file.
package struct PactFile: Sendable {
    /// The major version of the specification: 1 to 4.
    package let specification: Int
    /// Nil where the file does not say.
    package let consumer: String?
    /// Nil where the file does not say.
    package let provider: String?
    /// In the order of the file; two may have the same digest.
    package let interactions: [PactInteraction]
    let tree: JSONTree

    /// The file's text with those interactions alone whose digest is wanted, each digest once.
    func narrowed(_ isWanted: (Digest) -> Bool) -> [UInt8] {
        var kept: Set<Int> = []
        var seen: Set<Digest> = []
        for interaction in interactions where isWanted(interaction.digest) && seen.insert(interaction.digest).inserted {
            kept.insert(interaction.offset)
        }
        let members = (tree.members ?? []).map { member in
            guard ["interactions", "messages"].contains(member.name), let elements = member.value.elements else {
                return member
            }
            let rest = elements.filter { kept.contains($0.range.lowerBound) }
            return JSONTree.Member(name: member.name, value: JSONTree(.array(rest)))
        }
        return Array((JSONTree(.object(members)).text(pretty: true) + "\n").utf8)
    }
}

/// One interaction of a pact.
package struct PactInteraction: Sendable {
    /// What goes to and fro.
    package enum Exchange: Sendable {
        case http(PactRequest, PactResponse)
        /// The message that the provider sends.
        case asynchronous(PactMessage)
        /// The message sent to the provider, and those it answers with.
        case synchronous(PactMessage, [PactMessage])
    }

    /// As `Interaction.digest`.
    package internal(set) var digest: Digest
    /// The consumer's words for it.
    package let description: String
    /// In the order they are to be set up.
    package let providerStates: [Interaction.ProviderState]
    /// True where a failure is not yet the provider's fault.
    package let isPending: Bool
    /// What is sent and what comes back.
    package let exchange: Exchange
    /// Byte offset of the `{`.
    package let offset: Int
    /// What a plugin wants to know; counts in the digest, means nothing here.
    let pluginConfiguration: JSONTree?

    /// Which way messages go.
    package var kind: Interaction.Kind {
        switch exchange {
        case .http: .http
        case .asynchronous: .asynchronousMessage
        case .synchronous: .synchronousMessage
        }
    }
}

/// An HTTP request: expected, or as it came.
package struct PactRequest: Sendable {
    /// In the case of the contract or of the sender.
    package var method: String
    /// Without query; not decoded.
    package var path: String
    /// Decoded, in the order of their first appearance.
    package var query: [PactField]
    /// In the order of their first appearance.
    package var headers: [PactField]
    /// What is sent, or that nothing is.
    package var body: PactBody
    let rules: PactRules
    let generators: PactGenerators

    /// A request as it came: `query` is the text after `?`, not decoded; `body` is nil where there was none.
    package init(
        method: String, path: String, query: String = "", headers: [(name: String, value: String)] = [],
        body: [UInt8]? = nil
    ) {
        self.init(
            method: method, path: path, query: PactField.query(query), headers: PactField.headers(headers),
            body: PactBody(received: body), rules: PactRules(), generators: .none)
    }

    init(
        method: String, path: String, query: [PactField], headers: [PactField], body: PactBody, rules: PactRules,
        generators: PactGenerators
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.rules = rules
        self.generators = generators
    }

    /// The query as it goes into a URL after `?`, percent-encoded; empty without one.
    package var queryText: String {
        query.flatMap { field in
            field.values.map { PercentEncoding.encode(field.name) + "=" + PercentEncoding.encode($0) }
        }.joined(separator: "&")
    }
}

/// An HTTP response: expected, or as it came.
package struct PactResponse: Sendable {
    /// From 100 to 599.
    package var status: Int
    /// In the order of their first appearance.
    package var headers: [PactField]
    /// What comes back, or that nothing does.
    package var body: PactBody
    let rules: PactRules
    let generators: PactGenerators

    /// A response as it came; `body` is nil where there was none.
    package init(status: Int, headers: [(name: String, value: String)] = [], body: [UInt8]? = nil) {
        self.init(
            status: status, headers: PactField.headers(headers), body: PactBody(received: body), rules: PactRules(),
            generators: .none)
    }

    init(status: Int, headers: [PactField], body: PactBody, rules: PactRules, generators: PactGenerators) {
        self.status = status
        self.headers = headers
        self.body = body
        self.rules = rules
        self.generators = generators
    }
}

/// A message: expected, or as it came.
package struct PactMessage: Sendable {
    /// What the message carries.
    package var contents: PactBody
    /// In the order they were given.
    package var metadata: [JSONTree.Member]
    let rules: PactRules
    let generators: PactGenerators

    /// A message as it came. The content type is taken from `metadata`, or else seen in the bytes.
    package init(contents: [UInt8]?, metadata: [JSONTree.Member] = []) {
        self.init(contents: PactBody(received: contents), metadata: metadata, rules: PactRules(), generators: .none)
    }

    init(contents: PactBody, metadata: [JSONTree.Member], rules: PactRules, generators: PactGenerators) {
        self.contents = contents
        self.metadata = metadata
        self.rules = rules
        self.generators = generators
    }
}

/// A header or query parameter with its values in their order.
package struct PactField: Sendable {
    /// In its own case.
    package let name: String
    /// Decoded; empty for a field without any.
    package var values: [String]

    /// A field with its values.
    package init(name: String, values: [String]) {
        self.name = name
        self.values = values
    }

    /// The only headers whose commas separate values that count one by one.
    private static let listHeaders: Set<String> = [
        "accept", "accept-encoding", "accept-language", "access-control-allow-headers", "access-control-allow-methods",
        "access-control-expose-headers", "access-control-request-headers", "allow", "cache-control", "if-match",
        "if-none-match", "vary",
    ]

    /// Headers as they came, those of one name together.
    package static func headers(_ lines: [(name: String, value: String)]) -> [PactField] {
        var fields: [PactField] = []
        for line in lines {
            let values = headerValues(line.name, line.value)
            let small = line.name.asciiLowercased
            if let place = fields.firstIndex(where: { $0.name.asciiLowercased == small }) {
                fields[place].values += values
            } else {
                fields.append(PactField(name: line.name, values: values))
            }
        }
        return fields
    }

    static func headerValues(_ name: String, _ value: String) -> [String] {
        guard listHeaders.contains(name.asciiLowercased) else { return [value.trimmed] }
        return value.parts(separatedBy: UInt8(ascii: ",")).map(\.trimmed)
    }

    /// A query's parameters, decoded, those of one name together.
    package static func query(_ text: String) -> [PactField] {
        var fields: [PactField] = []
        for part in text.utf8.split(separator: UInt8(ascii: "&")) {
            let pair = part.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            let name = PercentEncoding.decode(Array(pair[0]))
            let value = pair.count > 1 ? PercentEncoding.decode(Array(pair[1])) : ""
            if let place = fields.firstIndex(where: { $0.name.isSame(as: name) }) {
                fields[place].values.append(value)
            } else {
                fields.append(PactField(name: name, values: [value]))
            }
        }
        return fields
    }
}

/// The encoding of queries and forms: `+` is a space.
enum PercentEncoding {
    static func decode(_ bytes: [UInt8]) -> String {
        var decoded: [UInt8] = []
        var offset = 0
        while offset < bytes.count {
            if bytes[offset] == UInt8(ascii: "%"), offset + 2 < bytes.count, let high = bytes[offset + 1].hexValue,
                let low = bytes[offset + 2].hexValue
            {
                decoded.append(high << 4 | low)
                offset += 3
            } else {
                decoded.append(bytes[offset] == UInt8(ascii: "+") ? 0x20 : bytes[offset])
                offset += 1
            }
        }
        return String(decoding: decoded, as: UTF8.self)
    }

    static func encode(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var encoded: [UInt8] = []
        for byte in text.utf8 {
            if byte.isLetter || byte.isDigit || "-._~".utf8.contains(byte) {
                encoded.append(byte)
            } else {
                encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }
}

/// A body, or the lack of one, which the specification tells apart in three ways.
package struct PactBody: Sendable {
    /// Whether there is a body.
    package enum State: Sendable, Hashable {
        /// The pact says nothing about a body: any will do.
        case missing
        /// `null` in the pact: no body, or the JSON value.
        case null
        /// The body must be empty.
        case empty
        case present([UInt8])
    }

    /// The body itself, where there is one.
    package var state: State
    /// What the body itself says it is (version 4), whatever the headers say.
    var contentType: ContentType?

    init(_ state: State, contentType: ContentType? = nil) {
        self.state = state
        self.contentType = contentType
    }

    init(received bytes: [UInt8]?) {
        self.init(bytes.map { $0.isEmpty ? .empty : .present($0) } ?? .missing)
    }

    /// The bytes to send; none where there is no body.
    package var bytes: [UInt8] {
        if case .present(let bytes) = state { bytes } else { [] }
    }

    /// What the body says it is, or a header, or the bytes; nil where none does.
    func type(header: String?) -> ContentType? {
        if let contentType { return contentType }
        if let header, let type = ContentType(header) { return type }
        return ContentType.detect(bytes).flatMap { ContentType($0) }
    }
}

extension [PactField] {
    /// The first value of the header called `name` in any case.
    func header(_ name: String) -> String? { first { $0.name.asciiLowercased == name }?.values.first }
}
