// A contract between services as one file: what kind it is, what it says (a digest that spelling does not change), and
// its interactions where it has such. Does not know services, verdicts, or how a provider is run.
package import BuildEngine
package import BuildGraph

/// The content of one contract file.
package struct ContractDocument: Sendable {
    /// What the bytes are, found by looking at them; the file's name only breaks ties.
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        case pact
        case openAPI = "openapi"
        case jsonSchema = "json-schema"
        case protobuf
        /// Anything else: equal only to itself, byte for byte.
        case opaque
    }

    /// What people call the file; takes no part in any digest.
    package let name: String
    /// The file as it was read.
    package let bytes: [UInt8]
    /// What the bytes were taken for.
    package let kind: Kind
    /// Of all the document says. The same for two spellings of the same contract.
    package let digest: Digest
    /// What the consumer relies on, one by one: each digest once, in the order of the digests. Only a pact has any.
    package let interactions: [Interaction]
    /// The pact, for matching; nil for other kinds.
    package let pact: PactFile?

    /// The consumer's name in a pact.
    package var consumer: String? { pact?.consumer }
    /// The provider's name in a pact.
    package var provider: String? { pact?.provider }
}

/// One interaction of a contract: the smallest thing that can be verified.
package struct Interaction: Sendable {
    /// Which way messages go.
    package enum Kind: String, Sendable, Hashable {
        case http
        case asynchronousMessage = "asynchronous-message"
        case synchronousMessage = "synchronous-message"
    }

    /// A state the provider must be in before.
    package struct ProviderState: Sendable {
        /// As the consumer calls it; how the provider finds what to set up.
        package let name: String
        /// An object's members; empty without parameters.
        package let parameters: [JSONTree.Member]

        /// A state; without parameters unless given.
        package init(name: String, parameters: [JSONTree.Member] = []) {
            self.name = name
            self.parameters = parameters
        }
    }

    /// Of what the interaction demands: not of its spelling, `key`, `comments`, `pending`, its place in the file, nor of
    /// the names of consumer and provider. The description and the provider states count: both go to the provider.
    package let digest: Digest
    /// The consumer's words for it.
    package let description: String
    /// In the order they are to be set up.
    package let providerStates: [ProviderState]
    /// Which way messages go.
    package let kind: Kind
    /// True where the consumer says that a failure is not yet the provider's fault.
    package let isPending: Bool
    /// Byte offset of the interaction's `{`.
    package let offset: Int
    /// 1-based line of the offset.
    package let line: Int
    /// What is to be sent and what to come back.
    package let content: PactInteraction
}

extension ContractDocument {
    /// Reads a contract. Never fails for bytes that are of no known kind (they are opaque), but for broken ones: text
    /// that calls itself JSON by its name or its first byte and is none, or a pact that lacks what a pact must have.
    package static func read(_ bytes: [UInt8], name: String) throws(ContractReadError) -> ContractDocument {
        let name = name
        switch try ContractContent.recognise(bytes, name: name) {
        case .json(let tree):
            if PactReader.isPact(tree) { return try pact(bytes, tree, name: name) }
            if let digest = try OpenAPIDocument.digest(of: tree) {
                return plain(bytes, name, .openAPI, digest)
            }
            if let digest = JSONSchemaDocument.digest(of: tree) { return plain(bytes, name, .jsonSchema, digest) }
            return plain(bytes, name, .opaque, ContractHasher.digest(domain: ContractHasher.opaque, bytes))
        case .protobuf(let digest): return plain(bytes, name, .protobuf, digest)
        case .opaque:
            return plain(bytes, name, .opaque, ContractHasher.digest(domain: ContractHasher.opaque, bytes))
        }
    }

    /// A valid contract of the same kind with those interactions alone whose digest is in `digests`; all bytes as they
    /// are where the kind has no interactions. Interactions keep their text and order, and so their digests.
    package func narrowed(to digests: Set<Digest>) -> [UInt8] {
        guard let pact else { return bytes }
        return pact.narrowed { digests.contains($0) }
    }

    private static func plain(_ bytes: [UInt8], _ name: String, _ kind: Kind, _ digest: Digest) -> ContractDocument {
        ContractDocument(name: name, bytes: bytes, kind: kind, digest: digest, interactions: [], pact: nil)
    }

    private static func pact(
        _ bytes: [UInt8], _ tree: JSONTree, name: String
    ) throws(ContractReadError) -> ContractDocument {
        let pact = try PactReader.read(tree)
        let lines = LineTable(bytes)
        var interactions: [Digest: Interaction] = [:]
        for content in pact.interactions where interactions[content.digest] == nil {
            interactions[content.digest] = Interaction(
                digest: content.digest, description: content.description, providerStates: content.providerStates,
                kind: content.kind, isPending: content.isPending, offset: content.offset,
                line: lines.line(at: content.offset), content: content)
        }
        let sorted = interactions.values.sorted { $0.digest < $1.digest }
        var hasher = CanonicalBytes()
        hasher.list(sorted) { $1.field($0.digest.hash.bytes) }
        return ContractDocument(
            name: name, bytes: bytes, kind: .pact,
            digest: ContractHasher.digest(domain: ContractHasher.pact, hasher.bytes), interactions: sorted, pact: pact)
    }
}
