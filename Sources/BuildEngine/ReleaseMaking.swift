// The release that a state of the workspace would be: from its graph, and what is kept of its runs. Asks no engine.
package import BuildGraph

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
        tools.declared = Self.declaredTools(graph)
    }

    private static func declaredTools(_ graph: Graph) -> [String: String] {
        var versions: [String: Set<String>] = [:]
        for target in graph.targets.indices {
            for tool in graph.targets[target].tools { versions[tool.name, default: []].insert(tool.version) }
        }
        return versions.mapValues { $0.sorted().joined(separator: ", ") }
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
