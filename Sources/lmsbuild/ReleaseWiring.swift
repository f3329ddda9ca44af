// What commands about releases share: making them, finding them by what they are called, keeping them.
import BuildEngine
import BuildGraph
import Buildfile
import Contracts
import Delivery

extension Workspace {
    /// The releases that are kept here.
    var releases: ReleaseStore { ReleaseStore(in: state) }

    /// The release that `hashed` would be, with everything that a lock says: verdicts, layers, environments, versions. Asks the
    /// engine only where an image has been built.
    func lock(of hashed: HashedGraph, commit: String?, engine: DriverChoice) async throws -> Release {
        let plain = try await release(of: hashed, commit: commit)
        var tools = plain.tools
        tools.lmsbuild = LMSBuild.version
        var services: [String: Release.Service] = [:]
        if plain.services.values.contains(where: { $0.digest != nil }), let images = await images(engine) {
            tools.engine = try? await images.version()
            services = try await Self.refusing { try await layers(of: plain, in: images) }
        }
        return plain.with(services: services, environments: try environmentDigests(of: hashed.graph), tools: tools)
            .judged(by: verdictLog)
    }

    /// The engine's images; nil, with a word about it, where there is no engine that can be used.
    func images(_ choice: DriverChoice) async -> EngineImages? {
        do {
            let driver = try await choice.driver(runner: commands, environment: environment)
            return EngineImages(engine: driver.name, runner: commands, environment: environment)
        } catch let failure as ActionFailure {
            Self.show([
                Diagnostic(
                    failure.diagnostic.code, .notice,
                    "\(failure.diagnostic.message), so nothing is known of the images' layers")
            ])
            return nil
        } catch {
            return nil
        }
    }

    private func layers(of release: Release, in images: EngineImages) async throws -> [String: Release.Service] {
        var found: [String: Release.Service] = [:]
        for (name, service) in release.services {
            guard let digest = service.digest, let reference = service.image,
                let image = try await images.image(reference), image.digest == digest
            else { continue }
            found[name] = Release.Service(
                hash: service.hash, image: reference, digest: digest, layers: image.layers)
        }
        return found
    }

    /// The release that `argument` names: see `ReleaseStore.find`. `hashed` is the graph of the contents at hand, where
    /// somebody has it already. Throws refusals with exit 2.
    func found(
        _ argument: String, hashed: HashedGraph? = nil, engine: DriverChoice = .auto
    ) async throws -> ReleaseStore.Found {
        try await Self.refusing {
            try await releases.find(argument, elsewhere: { try await pulled($0) }) { made in
                switch made {
                case .here:
                    var own = hashed
                    if own == nil { own = try self.hashed(try await workingTree()) }
                    guard let own else { return .empty }
                    return try await lock(
                        of: own, commit: try await ReleaseWrite.commit(self, own), engine: engine)
                case .head:
                    let commit = try await Self.refusing { try await gitRepository().resolve("HEAD") }
                    return try await lock(of: try await self.hashed(at: commit), commit: commit, engine: engine)
                }
            }
        }
    }

    /// The repository, or a refusal.
    func gitRepository() throws -> GitRepository {
        if let repository { return repository }
        throw Refusal(
            Diagnostic(
                .badRevision, "there is no git repository here, so no release has a commit",
                hint: "enter the repository that the release was made in"), .wrongInput)
    }

    /// The hashed graph of a commit, without a checkout.
    func hashed(at commit: String) async throws -> HashedGraph {
        let repository = try gitRepository()
        let objects = objects(of: repository)
        if let known = try await CommitStates(self, repository, objects).known(commit) { return known }
        return try await ComparedSides.graph(self, repository, objects, of: commit)
    }

    /// Keeps a release, and says what it is called. Losing it is told, and no failure.
    func keep(_ release: Release) {
        guard makeState() else { return }
        do throws(FileSystemError) {
            try releases.keep(release)
            Terminal.say("release \(release.shortName)")
        } catch {
            Self.show([
                Diagnostic(
                    .storeUnusable, .warning,
                    "the release \(release.shortName) cannot be kept: \(error.operation) '\(error.path.shown)': "
                        + errnoText(error.errno), hint: "free space, or correct the folder's permissions")
            ])
        }
    }
}

/// `--driver`, understood.
func driverChoice(_ text: String) throws -> DriverChoice {
    if let choice = DriverChoice(rawValue: text) { return choice }
    throw Refusal(
        Diagnostic(
            .badCommandLine, "unknown value '\(text)' for --driver",
            hint: "one of \(DriverChoice.allCases.map(\.rawValue).joined(separator: ", "))"), .wrongInput)
}
