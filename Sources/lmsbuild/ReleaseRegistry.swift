// Releases between this workspace and its registry. Does not know how an artifact is made of one.
import ArgumentParser
import BuildEngine
import BuildGraph
import Buildfile
import Delivery

/// The releases of a workspace's registry.
struct ReleaseRegistry {
    private let opened: Workspace
    private let clients: Registries
    /// Of the releases' repository.
    private let name: ImageReference

    /// `registry` is what the root Buildfile's variable says. Refuses one that names none.
    init(_ opened: Workspace, _ registry: String, _ options: RegistryOptions) throws {
        guard let name = Self.name(registry) else {
            throw Refusal(
                Diagnostic(
                    .badCommandLine,
                    registry.isEmpty
                        ? "nothing says which registry releases go to"
                        : "'\(BytePath(registry).shown)' names no registry",
                    hint: "set the variable 'registry' in the root Buildfile, or registry=HOST/PATH here"), .wrongInput)
        }
        self.init(opened, name, try options.clients(opened))
    }

    /// The registry that `opened` names; nil where it names none.
    init?(ofNamed registry: String, _ opened: Workspace) throws {
        guard let name = Self.name(registry) else { return nil }
        self.init(opened, name, try RegistryOptions.clients(opened))
    }

    private init(_ opened: Workspace, _ name: ImageReference, _ clients: Registries) {
        (self.opened, self.name, self.clients) = (opened, name, clients)
    }

    private static func name(_ registry: String) -> ImageReference? {
        guard !registry.isEmpty,
            let name = ImageReference(ReleaseArtifacts.repository(below: registry)), name.tag == nil,
            name.host != ImageReference.dockerHub || registry.hasPrefix("docker.io/")
        else { return nil }
        return name
    }

    private var artifacts: ReleaseArtifacts {
        ReleaseArtifacts(RegistryArtifacts(clients.client(name.host)), repository: name.repository)
    }

    // MARK: Pushing

    /// Pushes a release, whose images the registry has to have. Refuses one whose name this lmsbuild cannot make again.
    func push(_ release: Release, signatures: Envelope?) async throws {
        guard ReleaseSignature.speaks(ReleaseSignature.envelope(of: release), of: release) else {
            throw Refusal(
                Diagnostic(
                    .badRecord, "the release \(release.shortName) says more than this lmsbuild can read",
                    hint: "push it with the version that made it"), .wrongInput)
        }
        let artifacts = artifacts
        try await refusing {
            let images = try await imagesThere(release)
            let lacking = release.services.filter { $0.value.image != nil && images[$0.key] == nil }.keys.sorted()
            if !lacking.isEmpty { throw Refusal(self.lacking(lacking, release), .wrongInput) }
            let digest = try await artifacts.push(release, signatures: signatures)
            Terminal.out("pushed \(name.name):\(release.name.hex) \(digest)\n")
        }
    }

    private func lacking(_ names: [String], _ release: Release) -> Diagnostic {
        let unbuilt = names.filter { release.services[$0]?.digest == nil }
        let shown = names.joined(separator: ", ")
        return Diagnostic(
            .unbuiltImage, "the registry has no image of what is released of: \(shown)",
            hint: unbuilt.isEmpty
                ? "'lmsbuild push \(names.joined(separator: " "))' brings it there"
                : "'lmsbuild run :image' builds and 'lmsbuild push' brings them there; make the release after that")
    }

    /// The manifest's digest of each image of the release that its registry has: under its digest, or under its tag with
    /// the configuration that a Docker engine names. Refuses a tag that holds another image.
    func pushedImages(_ release: Release) async throws -> [String: String] {
        try await refusing { try await imagesThere(release) }
    }

    private func imagesThere(_ release: Release) async throws -> [String: String] {
        var found: [String: String] = [:]
        for (service, known) in release.services.sorted(by: { $0.key < $1.key }) {
            guard let digest = known.digest, let image = known.image.flatMap({ ImageReference($0) }) else { continue }
            let client = clients.client(image.host)
            guard let there = try await client.manifest(image.version, in: image.repository) else { continue }
            let configuration = (try? JSONValue.parse(there.bytes))?.member("config")?.member("digest")?.text
            guard there.digest == digest || configuration == digest else {
                throw Refusal(
                    Diagnostic(
                        .tagTaken, "'\(image.name):\(image.version)' is another image in the registry than is released",
                        notes: [.init("released: \(digest)"), .init("in the registry: \(there.digest)")],
                        hint:
                            "an input hash's tag is never moved: the build is not reproducible, or somebody pushed by hand"
                    ), .unavailable)
            }
            found[service] = there.digest
        }
        return found
    }

    /// Attaches statements to the images of a release, each in its own repository: service, what, and its image's digest.
    func attach(_ attachments: [(image: String, digest: String, what: AttachedArtifact)]) async throws -> [String] {
        try await refusing {
            var digests: [String] = []
            for one in attachments {
                guard let image = ImageReference(one.image) else { continue }
                let artifacts = ArtifactPush(to: RegistryArtifacts(clients.client(image.host)))
                digests.append(try await artifacts.attach(one.what, to: one.digest, in: image.repository))
            }
            return digests
        }
    }

    // MARK: Pulling

    /// Takes the release whose name begins with `digits` from the registry and keeps it, with its signatures; nil where the
    /// registry has none. Refuses digits that begin several names.
    func pull(_ digits: String) async throws -> SHA256Value? {
        let artifacts = artifacts
        return try await refusing {
            let names = try await artifacts.names(beginning: digits)
            guard let name = names.first, let pulled = try await artifacts.pull(name) else { return nil }
            if names.count > 1 { throw Refusal(.ambiguous(digits, names), .wrongInput) }
            try keep(pulled)
            return name
        }
    }

    private func keep(_ pulled: ReleaseArtifacts.Pulled) throws {
        let release = pulled.release
        guard opened.makeState() else {
            throw Refusal(
                Diagnostic(.storeUnusable, "'.lmsbuild' cannot be made, so no release can be kept here"), .machine)
        }
        guard ReleaseSignature.speaks(ReleaseSignature.envelope(of: release), of: release) else {
            throw Refusal(
                Diagnostic(
                    .badRecord, "the release \(release.shortName) says more than this lmsbuild can read",
                    hint: "take it with the version that made it"), .wrongInput)
        }
        do throws(FileSystemError) {
            try opened.releases.keep(release)
        } catch {
            throw Refusal(.unreadable(error), .machine)
        }
        guard let signatures = pulled.signatures else { return }
        let file = Workspace.signature(of: opened.releases.file(of: release.name))
        var all = signatures
        if let bytes = fileContents(file), let own = try? Envelope(reading: bytes, name: file.shown),
            ReleaseSignature.speaks(own, of: release)
        {
            all = own.adding(signatures)
        }
        try writeFile(file.shown, Array((all.json.text(pretty: true) + "\n").utf8))
    }

    /// Runs `body`, turning what a registry says into a refusal with its exit status.
    private func refusing<Result: Sendable>(_ body: @escaping () async throws -> Result) async throws -> Result {
        do {
            return try await Workspace.refusing(body)
        } catch let error as RegistryError {
            throw Refusal(error)
        } catch let failure as PushFailure {
            throw Self.refusal(failure)
        }
    }

    private static func refusal(_ failure: PushFailure) -> Refusal {
        guard case .taken(let taken) = failure else {
            return Refusal(Diagnostic(.registryFailed, "the release could not be pushed"), .unavailable)
        }
        return Refusal(
            taken.map { one in
                Diagnostic(
                    .tagTaken, "'\(one.reference)' is something else in the registry than this release",
                    notes: [.init("here: \(one.here)"), .init("in the registry: \(one.there)")],
                    hint: "a release's name is of its content: somebody pushed by hand")
            }, .unavailable)
    }
}

extension Workspace {
    /// Takes the release whose name begins with `digits` from the registry that the root Buildfile names, keeps it, and
    /// gives its name; nil without a registry, and where it has none.
    func pulled(_ digits: String) async throws -> SHA256Value? {
        let declared = try await declaredRegistry()
        guard let registry = try ReleaseRegistry(ofNamed: declared, self) else { return nil }
        guard let name = try await registry.pull(digits) else { return nil }
        Terminal.say("release \(name.hex.prefix(12)) taken from \(declared)")
        return name
    }

    /// What the root Buildfile's variable `registry` says; empty where it is not set.
    func declaredRegistry() async throws -> String {
        let files = try await workingTree()
        do throws(FileSystemError) {
            return try DeclaredEnvironments(of: files, settings).registry
        } catch {
            throw Refusal(.unreadable(error), .machine)
        }
    }
}
