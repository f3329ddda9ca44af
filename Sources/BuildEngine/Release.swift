// What a state of the workspace would put to work: its services, and what they ask of one another. Does not know
// engines, nor who keeps releases.
package import BuildGraph

/// A state's services with their images, and its contracts, as a document that outlives the state.
package struct Release: Sendable {
    /// A service as it is in this release.
    package struct Service: Sendable, Hashable {
        /// What it is made of: the image's input hash, or where it has no image the hash of all its targets.
        package let hash: InputHash
        /// `registry/name:tag`; nil without an image.
        package let image: String?
        /// `sha256:…` of the image's manifest, where it has been built.
        package let digest: String?
        /// `sha256:…` of each layer's bytes as they are unpacked, lowest first (the image's `diff_ids`); nil where nobody
        /// asked the engine, or it does not have the image.
        package let layers: [String]?

        package init(hash: InputHash, image: String?, digest: String?, layers: [String]? = nil) {
            self.hash = hash
            self.image = image
            self.digest = digest
            self.layers = layers
        }
    }

    /// What was known of a term when the release was made.
    package enum TermVerdict: String, Sendable, Hashable {
        case passed
        case failed
        /// It failed, and the provider has never done it: the expectation is new.
        case pending
        /// Nobody has verified it.
        case unverified
    }

    /// What an environment gives the services.
    package struct Environment: Sendable, Hashable {
        /// Of the stack as it is rendered, before secrets; nil where there is none.
        package let stack: SHA256Value?
        /// Of the variables that the services get, secrets by their fingerprints; nil where there are none.
        package let environment: SHA256Value?

        package init(stack: SHA256Value?, environment: SHA256Value?) {
            self.stack = stack
            self.environment = environment
        }
    }

    /// What the release was made with.
    package struct Tools: Sendable, Hashable {
        /// lmsbuild's own version.
        package var lmsbuild: String?
        /// The container engine that has the images, and its version as it says it.
        package var engine: String?
        /// The Buildfile's `tool`s: name to version, several of one name divided by a comma.
        package var declared: [String: String] = [:]

        package init() {}
    }

    /// What one consumer asks of one provider.
    package struct Contract: Sendable, Hashable {
        package let consumer: String
        package let provider: String
        /// Relative to the workspace's root.
        package let files: [BytePath]
        /// Sorted by digest; nil where a rule puts the contract out and has not yet.
        package let terms: [ContractTerm]?
        /// The provider as it is verified for this consumer; nil where it has no `verify` rule.
        package let verification: SHA256Value?
        /// By the term's digest; a release that was made before these were kept has none.
        package let verdicts: [SHA256Value: TermVerdict]

        package init(
            consumer: String, provider: String, files: [BytePath], terms: [ContractTerm]?, verification: SHA256Value?,
            verdicts: [SHA256Value: TermVerdict] = [:]
        ) {
            self.consumer = consumer
            self.provider = provider
            self.files = files
            self.terms = terms
            self.verification = verification
            self.verdicts = verdicts
        }
    }

    /// The commit that it was made of; nil where files differed from every commit.
    package let commit: String?
    package let services: [String: Service]
    /// Sorted by consumer, then provider.
    package let contracts: [Contract]
    /// By label: of every target.
    package let hashes: [String: InputHash]
    /// By the environment's name; empty where nobody rendered any.
    package internal(set) var environments: [String: Environment] = [:]
    package internal(set) var tools = Tools()
    /// The name of the document that it was read from.
    var readName: SHA256Value?
    /// It was read from a document of the older form, whose name covers the verdicts in it.
    var hasNamedVerdicts = false

    package init(
        commit: String?, services: [String: Service], contracts: [Contract], hashes: [String: InputHash]
    ) {
        self.commit = commit
        self.services = services
        self.contracts = contracts.sorted { ($0.consumer, $0.provider) < ($1.consumer, $1.provider) }
        self.hashes = hashes
    }

    /// The same release with what only others can tell: `services` replace those of the same name.
    package func with(
        services: [String: Service] = [:], contracts: [Contract]? = nil, environments: [String: Environment]? = nil,
        tools: Tools? = nil
    ) -> Release {
        var release = Release(
            commit: commit, services: self.services.merging(services) { $1 }, contracts: contracts ?? self.contracts,
            hashes: hashes)
        release.environments = environments ?? self.environments
        release.tools = tools ?? self.tools
        return release
    }

    /// The name of a release: the SHA-256 of its canonical form, which says what would run and nothing of what is known of it. Of one that was read it is the document's, whatever
    /// further members that has.
    package var name: SHA256Value { readName ?? SHA256Value.of(canonical) }

    /// The name as people read it: 12 digits.
    package var shortName: String { String(name.hex.prefix(12)) }

    /// Of no services: what runs where nothing does.
    package static let empty = Release(commit: nil, services: [:], contracts: [], hashes: [:])

    /// How a release verifies a provider for a consumer.
    package enum Verification: Sendable, Hashable {
        case by(SHA256Value)
        /// The provider has no `verify` rule.
        case noRule
        /// The release knows no such consumer, and others are not all verified alike.
        case unknown
    }

    /// As this release's graph says, or where that does not know the consumer as for all others, if that is the same for
    /// all of them.
    package func verification(of provider: String, for consumer: String) -> Verification {
        let known = contracts.filter { $0.provider == provider }
        if let own = known.first(where: { $0.consumer == consumer }) {
            return own.verification.map { .by($0) } ?? .noRule
        }
        let all = Set(known.map(\.verification))
        guard all.count == 1, let only = all.first else { return .unknown }
        return only.map { .by($0) } ?? .noRule
    }
}
