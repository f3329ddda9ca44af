// Brings images from an engine's store to their registry, under their hash tags. Does not know workspaces, nor how an image
// comes to be. The registry's word counts for what is there already.
package import BuildEngine
package import BuildGraph

/// An image that is to be in the registry.
package struct PushedImage: Sendable, Hashable {
    /// The service whose image it is.
    package let name: String
    /// `registry/name:<input hash>`.
    package let reference: String
    /// What a build here gave it: its manifest's digest, or a Docker engine's id; nil where none is known.
    package let recorded: String?
    /// Repositories of the same registry that may have some of its layers.
    package let relatives: [String]

    /// An image of that name.
    package init(name: String, reference: String, recorded: String?, relatives: [String]) {
        self.name = name
        self.reference = reference
        self.recorded = recorded
        self.relatives = relatives
    }
}

/// What became of one image.
package struct PushOutcome: Sendable, Hashable {
    package enum State: String, Sendable, Hashable {
        /// The registry had it.
        case there
        case pushed
    }

    /// The service.
    package let name: String
    /// `registry/name:<input hash>`.
    package let reference: String
    /// `sha256:…` of its manifest in the registry.
    package let digest: String
    package let state: State
    /// Blobs that were sent, and their bytes.
    package var uploaded = 0
    package var bytes = 0
    /// Blobs taken from other repositories.
    package var mounted = 0
    /// Blobs that the registry had.
    package var present = 0
}

/// Why nothing was tagged.
package enum PushFailure: Error, Sendable, Hashable {
    /// Neither the registry nor the engine has these.
    case unbuilt([String], engine: String)
    /// Tags that hold another image in the registry than the one that was built here.
    case taken([Taken])
    /// No name of an image in a registry.
    case noRegistry(String)

    package struct Taken: Sendable, Hashable {
        package let reference: String
        package let here: String
        package let there: String
    }
}

/// Pushes images. Nothing is sent before it is known of all of them that they may be pushed, and no tag is set before
/// everything that any of them needs is there: a push that fails leaves no tag that was not there before.
package struct ImagePush: Sendable {
    private let registry: @Sendable (String) -> RegistryClient
    private let drivers: DriverProvider
    private let runner: any CommandRunner
    private let environment: [String: String]
    private let staging: BytePath
    private let jobs: Int

    /// `registry` gives the client for a host, the same one each time; `staging` is an absolute folder for the images'
    /// files, in which a folder is made and removed again.
    package init(
        registry: @escaping @Sendable (String) -> RegistryClient, drivers: DriverProvider, runner: any CommandRunner,
        environment: [String: String], staging: BytePath, jobs: Int = 4
    ) {
        self.registry = registry
        self.drivers = drivers
        self.runner = runner
        self.environment = environment
        self.staging = staging
        self.jobs = jobs
    }

    /// One HEAD for each image that is there. Throws `PushFailure`, `RegistryError`, or `ActionFailure` of kind
    /// `.unavailable` for the engine.
    package func push(_ images: [PushedImage]) async throws -> [PushOutcome] {
        let named = try images.map { image in
            guard let name = ImageReference(image.reference),
                name.host != ImageReference.dockerHub || image.reference.hasPrefix("docker.io/")
            else { throw PushFailure.noRegistry(image.reference) }
            return (image: image, name: name)
        }
        let found = try await inParallel(named, limit: 2 * jobs) { item in
            try await registry(item.name.host).digest(of: item.name.version, in: item.name.repository)
        }
        var outcomes: [Int: PushOutcome] = [:]
        var taken: [PushFailure.Taken] = []
        for (place, (item, digest)) in zip(named, found).enumerated() {
            guard let digest else { continue }
            if let here = item.image.recorded, try await !isSame(here, digest, item.name) {
                taken.append(.init(reference: item.image.reference, here: here, there: digest))
            }
            outcomes[place] = PushOutcome(
                name: item.image.name, reference: item.image.reference, digest: digest, state: .there)
        }
        if !taken.isEmpty { throw PushFailure.taken(taken) }
        let missing = named.indices.filter { outcomes[$0] == nil }
        if !missing.isEmpty {
            for (place, outcome) in zip(missing, try await send(missing.map { named[$0] })) {
                outcomes[place] = outcome
            }
        }
        return named.indices.compactMap { outcomes[$0] }
    }

    /// Whether what was built here as `here` is what the registry holds: by its manifest, or by its configuration, which is all
    /// that a Docker engine names.
    private func isSame(_ here: String, _ there: String, _ name: ImageReference) async throws -> Bool {
        if here == there { return true }
        let manifest = try await registry(name.host).manifest(there, in: name.repository)
        let read = manifest.flatMap { try? JSONValue.parse($0.bytes) }
        return read?.member("config")?.member("digest")?.text == here
    }

    // MARK: Sending

    private typealias Named = (image: PushedImage, name: ImageReference)

    private func send(_ images: [Named]) async throws -> [PushOutcome] {
        let driver = try await drivers.driver()
        let digests = try await inParallel(images, limit: jobs) { try await driver.digest(of: $0.image.reference) }
        let unbuilt = zip(images, digests).filter { $0.1 == nil }.map(\.0.image.name)
        if !unbuilt.isEmpty { throw PushFailure.unbuilt(unbuilt, engine: driver.name) }
        let folder = staging.appending("push-" + images[0].name.version.prefix(12))
        Disk.remove(folder)
        try Disk.makeFolders(folder, mode: 0o700)
        defer { Disk.remove(folder) }
        let exporter = ImageExporter(engine: driver.name, runner: runner, environment: environment)
        let board = BlobBoard()
        let work = zip(images.indices, zip(images, digests)).map { ($0, $1.0, $1.1 ?? "") }
        let ready = try await inParallel(work, limit: jobs) { place, item, digest in
            let own = folder.appending("\(place)")
            let image = try await exporter.export(item.image.reference, to: own)
            guard image.digest == digest || image.configuration == digest else {
                throw ActionFailure.engineUnavailable(
                    "'\(item.image.reference)' changed in \(driver.name)'s store while it was pushed",
                    hint: "push again")
            }
            let outcome = try await sendBlobs(of: image, item, board)
            // Its files are not needed any more, and may be large.
            Disk.remove(own)
            return (image, item, outcome)
        }
        return try await inParallel(ready, limit: jobs) { image, item, outcome in
            try await tag(image, item)
            return outcome
        }
    }

    private func sendBlobs(of image: ExportedImage, _ item: Named, _ board: BlobBoard) async throws -> PushOutcome {
        let client = registry(item.name.host)
        let repository = item.name.repository
        var outcome = PushOutcome(
            name: item.image.name, reference: item.image.reference, digest: image.digest, state: .pushed)
        for blob in image.blobs {
            let relatives = item.image.relatives
            let way = try await board.bring(blob.digest, to: item.name) { other in
                if try await client.hasBlob(blob.digest, in: repository) { return nil }
                return try await client.put(
                    blob: blob.digest, from: blob.file, size: blob.size, in: repository,
                    mountingFrom: other ?? relatives.first { $0 != repository })
            }
            switch way {
            case .uploaded: (outcome.uploaded, outcome.bytes) = (outcome.uploaded + 1, outcome.bytes + blob.size)
            case .mounted: outcome.mounted += 1
            case nil: outcome.present += 1
            }
        }
        return outcome
    }

    /// Somebody else may have set the tag meanwhile.
    private func tag(_ image: ExportedImage, _ item: Named) async throws {
        let client = registry(item.name.host)
        let (repository, version) = (item.name.repository, item.name.version)
        if let there = try await client.digest(of: version, in: repository) {
            if there == image.digest { return }
            throw PushFailure.taken([.init(reference: item.image.reference, here: image.digest, there: there)])
        }
        try await client.put(image.manifest, type: image.type, as: version, in: repository)
    }
}

/// Which blobs are on their way where, so that none is sent twice: who comes second waits, and takes it from there.
private actor BlobBoard {
    private var sent: [String: Task<String, any Error>] = [:]

    /// Runs `work` with a repository of the same registry that has the blob, or nil where none is known to.
    func bring(
        _ digest: String, to name: ImageReference,
        _ work: @escaping @Sendable (String?) async throws -> RegistryClient.BlobWay?
    ) async throws -> RegistryClient.BlobWay? {
        let key = name.host + " " + digest
        guard let first = sent[key] else {
            let task = Task { (name.repository, try await work(nil)) }
            sent[key] = Task { try await task.value.0 }
            return try await withTaskCancellationHandler {
                try await task.value.1
            } onCancel: {
                task.cancel()
            }
        }
        let other = try? await first.value
        return try await work(other == name.repository ? nil : other)
    }
}

/// Does the same for all items, `limit` at once, and gives the results in the items' order. The first error cancels the rest.
func inParallel<Item: Sendable, Result: Sendable>(
    _ items: [Item], limit: Int, _ body: @escaping @Sendable (Item) async throws -> Result
) async throws -> [Result] {
    try await withThrowingTaskGroup(of: (Int, Result).self) { group in
        var results = [Result?](repeating: nil, count: items.count)
        var next = 0
        func start() {
            guard next < items.count else { return }
            let (place, item) = (next, items[next])
            group.addTask { (place, try await body(item)) }
            next += 1
        }
        for _ in 0..<max(1, limit) { start() }
        while let (place, result) = try await group.next() {
            results[place] = result
            start()
        }
        return results.compactMap { $0 }
    }
}
