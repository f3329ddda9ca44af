// `release attest`: provenance and bill of materials of a release's images, as files and beside the images in
// the registry.
import ArgumentParser
import BuildEngine
import BuildGraph
import Buildfile
import Delivery

struct ReleaseAttest: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "attest",
        abstract:
            "Writes or pushes SLSA provenance and a CycloneDX bill of materials of each image, as in-toto statements.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var registry: RegistryOptions
    @Option(name: .shortAndLong, help: "The folder to write to; it is made where it is not there.") var output: String?
    @Flag(help: "Attach them to the images in the registry, which has to have those.") var push = false
    @Option(help: ArgumentHelp("Sign them with this private key, a PEM file without a passphrase.", valueName: "file"))
    var key: String?
    @Argument(help: "The release (a file, digits of a kept one's name, here, HEAD), services, and NAME=VALUE.")
    var words: [String] = []

    func perform() async throws -> BuildEngine.ExitCode {
        let (names, overrides) = GlobalOptions.overrides(in: words)
        guard let argument = names.first else {
            throw Refusal(Diagnostic(.badCommandLine, "'release attest' needs a release"), .wrongInput)
        }
        if output == nil, !push {
            throw Refusal(
                Diagnostic(
                    .badCommandLine, "'release attest' is told neither where to write nor to push",
                    hint: "'-o FOLDER' writes the statements, '--push' attaches them to the images in the registry"),
                .wrongInput)
        }
        let opened = try await Workspace.open(global, overrides: overrides)
        var release = try await opened.found(argument).release
        let wanted = names.count > 1 ? Array(names.dropFirst()) : release.services.keys.sorted()
        guard let hashed = try await ReleaseReasons.state(opened, release) else {
            throw Refusal(
                Diagnostic(
                    .badRevision,
                    "the release \(release.shortName) is of files that are neither at hand nor in a commit of this repository",
                    hint: "attest it where its commit is"), .wrongInput)
        }
        let folder = try madeFolder()
        let registry = push ? try ReleaseRegistry(opened, hashed.graph.registry, registry) : nil
        if let registry { release = try await pushed(release, wanted, registry) }
        var count = 0
        var attachments: [(image: String, digest: String, what: AttachedArtifact)] = []
        for name in wanted {
            let facts: ImageFacts?
            do throws(FileSystemError) {
                facts = try ImageFacts(of: name, in: release, hashed)
            } catch {
                throw Refusal(.unreadable(error), .machine)
            }
            guard let facts else {
                if names.count > 1 { throw Refusal(noImage(name, release), .noTarget) }
                continue
            }
            for kind in Attestation.Kind.allCases {
                let envelope = try await signed(Attestation(kind, of: facts).envelope, opened)
                if let folder {
                    let file = folder.appending(BytePath("\(name).\(kind.rawValue).dsse.json"))
                    try writeFile(file.shown, Array((envelope.json.text(pretty: true) + "\n").utf8))
                    Terminal.out("\(file.shown)\n")
                }
                if let image = release.services[name]?.image {
                    attachments.append((image, facts.digest, AttachedArtifact(envelope, of: kind)))
                }
                count += 1
            }
        }
        guard count > 0 else {
            throw Refusal(
                Diagnostic(
                    .unbuiltImage, "the release has no image that was built",
                    hint: "'lmsbuild run :image' builds images; release them after that"), .noTarget)
        }
        if let registry {
            for (one, digest) in zip(attachments, try await registry.attach(attachments)) {
                Terminal.out("attached \(BuildahDriver.repository(of: one.image))@\(digest) to \(one.digest)\n")
            }
        }
        return .done
    }

    private func madeFolder() throws -> BytePath? {
        guard let output else { return nil }
        let folder = try absolute(output)
        do {
            try Disk.makeFolders(folder)
        } catch {
            throw Refusal(.unusableStore(error), .machine)
        }
        return folder
    }

    /// The release with the digests that its images have in the registry: what a Docker engine names is its own alone. Refuses
    /// images that are not there.
    private func pushed(
        _ release: Release, _ wanted: [String], _ registry: ReleaseRegistry
    ) async throws -> Release {
        let digests = try await registry.pushedImages(release)
        let lacking = wanted.filter { release.services[$0]?.digest != nil && digests[$0] == nil }
        if !lacking.isEmpty {
            throw Refusal(
                Diagnostic(
                    .unbuiltImage,
                    "the registry has no image of what is released of: \(lacking.joined(separator: ", "))",
                    hint: "'lmsbuild push \(lacking.joined(separator: " "))' brings it there"), .wrongInput)
        }
        return release.with(
            services: release.services.filter { digests[$0.key] != nil }.reduce(into: [:]) { found, entry in
                found[entry.key] = Release.Service(
                    hash: entry.value.hash, image: entry.value.image, digest: digests[entry.key],
                    layers: entry.value.layers)
            })
    }

    private func noImage(_ name: String, _ release: Release) -> Diagnostic {
        let known = release.services.filter { $0.value.digest != nil }.keys.sorted()
        return Diagnostic(
            .noMatch, "the release has no image of '\(name)' that was built",
            hint: nearestWord(to: name, among: known).map { "did you mean '\($0)'?" })
    }

    private func signed(_ envelope: Envelope, _ opened: Workspace) async throws -> Envelope {
        guard let key else { return envelope }
        let (signer, folder) = try opened.signer()
        defer { Disk.remove(folder) }
        return try await Workspace.refusing { try await signer.sign(envelope, key: try absolute(key)).envelope }
    }
}
