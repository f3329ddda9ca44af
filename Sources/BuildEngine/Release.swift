// What a state of the workspace would put to work: its services, and what they ask of one another. Does not know
// environments or engines, nor who keeps releases.
package import BuildGraph
package import Buildfile

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

        package init(hash: InputHash, image: String?, digest: String?) {
            self.hash = hash
            self.image = image
            self.digest = digest
        }
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

        package init(
            consumer: String, provider: String, files: [BytePath], terms: [ContractTerm]?, verification: SHA256Value?
        ) {
            self.consumer = consumer
            self.provider = provider
            self.files = files
            self.terms = terms
            self.verification = verification
        }
    }

    /// The commit that it was made of; nil where files differed from every commit.
    package let commit: String?
    package let services: [String: Service]
    /// Sorted by consumer, then provider.
    package let contracts: [Contract]
    /// By label: of every target.
    package let hashes: [String: InputHash]

    package init(
        commit: String?, services: [String: Service], contracts: [Contract], hashes: [String: InputHash]
    ) {
        self.commit = commit
        self.services = services
        self.contracts = contracts.sorted { ($0.consumer, $0.provider) < ($1.consumer, $1.provider) }
        self.hashes = hashes
    }

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

    // MARK: As a document

    package var json: JSONValue {
        .object([
            ("schema", .number(1)), ("commit", commit.map { .string($0) } ?? .null),
            (
                "services",
                .object(
                    services.sorted { $0.key < $1.key }.map { name, service in
                        (
                            name,
                            .object([
                                ("hash", .string(service.hash.hex)),
                                ("image", service.image.map { .string($0) } ?? .null),
                                ("digest", service.digest.map { .string($0) } ?? .null),
                            ])
                        )
                    })
            ),
            ("contracts", .array(contracts.map { Self.json($0) })),
            ("targets", .object(hashes.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value.hex)) })),
        ])
    }

    private static func json(_ contract: Contract) -> JSONValue {
        .object([
            ("consumer", .string(contract.consumer)), ("provider", .string(contract.provider)),
            ("files", .array(contract.files.map { .string($0.shown) })),
            (
                "terms",
                contract.terms.map { terms in
                    .array(
                        terms.map { .object([("name", .string($0.name)), ("digest", .string($0.digest.hex))]) })
                } ?? .null
            ),
            ("verification", contract.verification.map { .string($0.hex) } ?? .null),
        ])
    }

    /// Reads what `json` wrote. Throws LMS311 for anything else; `name` is what people call the document.
    package init(reading bytes: [UInt8], name: String) throws(Diagnostic) {
        func refuse(_ reason: String) -> Diagnostic {
            Diagnostic(
                .badRecord, "'\(name)' is no release: \(reason)", hint: "'lmsbuild release -o FILE' writes one")
        }
        let document: JSONValue
        do {
            document = try JSONValue.parse(bytes)
        } catch {
            throw refuse(error.message)
        }
        guard document.member("schema")?.numeric == 1 else { throw refuse("its \"schema\" is not 1") }
        guard let services = document.member("services")?.members else { throw refuse("it has no \"services\"") }
        guard let contracts = document.member("contracts")?.elements else { throw refuse("it has no \"contracts\"") }
        var read: [String: Service] = [:]
        for (name, value) in services {
            guard let hash = value.member("hash")?.text.flatMap({ SHA256Value(hex: $0) }) else {
                throw refuse("the service '\(BytePath(name).shown)' has no hash of 64 hex digits")
            }
            read[name] = Service(
                hash: InputHash(hash), image: value.member("image")?.text, digest: value.member("digest")?.text)
        }
        var found: [Contract] = []
        for (place, value) in contracts.enumerated() {
            guard let contract = Self.contract(value) else { throw refuse("its contract \(place + 1) cannot be read") }
            found.append(contract)
        }
        var hashes: [String: InputHash] = [:]
        for (label, value) in document.member("targets")?.members ?? [] {
            guard let hash = value.text.flatMap({ SHA256Value(hex: $0) }) else {
                throw refuse("the target '\(BytePath(label).shown)' has no hash of 64 hex digits")
            }
            hashes[label] = InputHash(hash)
        }
        self.init(
            commit: document.member("commit")?.text, services: read, contracts: found, hashes: hashes)
    }

    private static func contract(_ value: JSONValue) -> Contract? {
        guard let consumer = value.member("consumer")?.text, let provider = value.member("provider")?.text,
            let files = value.member("files")?.elements
        else { return nil }
        var terms: [ContractTerm]?
        if let elements = value.member("terms")?.elements {
            var read: [ContractTerm] = []
            for element in elements {
                guard let name = element.member("name")?.text,
                    let digest = element.member("digest")?.text.flatMap({ SHA256Value(hex: $0) })
                else { return nil }
                read.append(ContractTerm(name: name, digest: digest))
            }
            terms = read
        }
        var verification: SHA256Value?
        if let text = value.member("verification")?.text {
            guard let hash = SHA256Value(hex: text) else { return nil }
            verification = hash
        }
        return Contract(
            consumer: consumer, provider: provider, files: files.compactMap(\.text).map { BytePath($0) }, terms: terms,
            verification: verification)
    }
}

extension Release {
    /// The release that `hashed` would be. Contracts and images that rules put out are taken from `cache` and `store`, as
    /// far as they are there.
    package init(
        of hashed: HashedGraph, commit: String?, cache: any ActionCache, store: any ContentStore
    ) async throws {
        let graph = hashed.graph
        var wanted: Set<Int> = []
        for index in graph.targets.indices {
            let node = graph.targets[index]
            if node.isImage || node.edges.contains(where: { $0.kind == .contract }) { wanted.insert(index) }
        }
        var plan = RunPlan(RunScope(graph, graph.closure(of: wanted)), nil)
        await plan.lookUp(hashed, in: cache, nil)
        let services = Self.services(hashed, plan)
        self.init(
            commit: commit, services: services, contracts: try await Self.contracts(hashed, plan, store),
            hashes: Dictionary(
                graph.targets.indices.map { (graph.targets.label($0).description, hashed.hashes[$0]) },
                uniquingKeysWith: { $1 }))
    }

    private static func services(_ hashed: HashedGraph, _ plan: RunPlan) -> [String: Service] {
        let graph = hashed.graph
        var targets: [String: [Int]] = [:]
        for target in graph.targets.indices {
            targets[graph.targets.label(target).component, default: []].append(target)
        }
        var services: [String: Service] = [:]
        for component in graph.components where component.kind == .service {
            services[component.name] = service(component, targets[component.name] ?? [], hashed, plan)
        }
        return services
    }

    /// `own` are the targets of `component`.
    private static func service(
        _ component: Component, _ own: [Int], _ hashed: HashedGraph, _ plan: RunPlan
    ) -> Service {
        let graph = hashed.graph
        guard let image = graph.index(of: Label(component: component.name, stage: "image")),
            graph.targets[image].isImage
        else {
            let bytes = own.flatMap { hashed.hashes[$0].value.bytes }
            return Service(hash: InputHash(SHA256Value.of(bytes)), image: nil, digest: nil)
        }
        return Service(
            hash: hashed.hashes[image], image: hashed.reference(of: image),
            digest: plan.found[image]?.result.imageDigest)
    }

    private static func contracts(
        _ hashed: HashedGraph, _ plan: RunPlan, _ store: any ContentStore
    ) async throws -> [Contract] {
        let graph = hashed.graph
        var pairs: [(consumer: String, provider: String, files: [BytePath], target: Int?)] = []
        for consumer in graph.components {
            for provider in Set(consumer.consumes.map(\.provider)).sorted() {
                let label = Label(component: provider, stage: "verify", consumer: consumer.name)
                pairs.append(
                    (
                        consumer.name, provider,
                        consumer.consumes.filter { $0.provider == provider }.flatMap(\.contracts),
                        graph.index(of: label)
                    ))
            }
        }
        let read = try graph.terms(ofAll: pairs.map(\.files))
        let targets = pairs.compactMap(\.target)
        let verifications = Dictionary(
            zip(targets, try hashed.providerHashes(of: targets)), uniquingKeysWith: { first, _ in first })
        var found: [Contract] = []
        for (pair, read) in zip(pairs, read) {
            var terms: [ContractTerm]? = read.terms
            for path in read.missing {
                let bytes = try await produced(path, pair.target.map { graph.targets[$0] }, plan, store)
                terms = bytes.flatMap { bytes in terms.map { $0 + graph.contractReader.terms(of: bytes) } }
            }
            found.append(
                Contract(
                    consumer: pair.consumer, provider: pair.provider, files: pair.files,
                    terms: terms.map { Set($0).sorted() },
                    verification: pair.target.flatMap { verifications[$0] }))
        }
        return found
    }

    private static func produced(
        _ path: BytePath, _ node: Target?, _ plan: RunPlan, _ store: any ContentStore
    ) async throws -> [UInt8]? {
        for producer in node?.prerequisites ?? [] {
            guard let output = plan.found[producer]?.product.outputs.first(where: { $0.path == path }) else { continue }
            if await store.contains(output.digest) { return try await store.read(output.digest) }
        }
        return nil
    }
}
