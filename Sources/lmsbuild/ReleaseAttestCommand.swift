// `release attest`: provenance and bill of materials of a release's images, as files. Pushes nothing.
import ArgumentParser
import BuildEngine
import BuildGraph
import Buildfile
import Delivery

struct ReleaseAttest: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "attest",
        abstract: "Writes SLSA provenance and a CycloneDX bill of materials of each image, as in-toto statements.")

    @OptionGroup var global: GlobalOptions
    @Option(name: .shortAndLong, help: "The folder to write to; it is made where it is not there.") var output: String
    @Option(help: ArgumentHelp("Sign them with this private key, a PEM file without a passphrase.", valueName: "file"))
    var key: String?
    @Argument(help: "The release (a file, digits of a kept one's name, here, HEAD), services, and NAME=VALUE.")
    var words: [String] = []

    func perform() async throws -> BuildEngine.ExitCode {
        let (names, overrides) = GlobalOptions.overrides(in: words)
        guard let argument = names.first else {
            throw Refusal(Diagnostic(.badCommandLine, "'release attest' needs a release"), .wrongInput)
        }
        let opened = try await Workspace.open(global, overrides: overrides)
        let release = try await opened.found(argument).release
        let wanted = names.count > 1 ? Array(names.dropFirst()) : release.services.keys.sorted()
        guard let hashed = try await ReleaseReasons.state(opened, release) else {
            throw Refusal(
                Diagnostic(
                    .badRevision,
                    "the release \(release.shortName) is of files that are neither at hand nor in a commit of this repository",
                    hint: "attest it where its commit is"), .wrongInput)
        }
        let folder = try absolute(output)
        do {
            try Disk.makeFolders(folder)
        } catch {
            throw Refusal(.unusableStore(error), .machine)
        }
        var count = 0
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
                let file = folder.appending(BytePath("\(name).\(kind.rawValue).dsse.json"))
                let envelope = try await signed(Attestation(kind, of: facts).envelope, opened)
                try writeFile(file.shown, Array((envelope.json.text(pretty: true) + "\n").utf8))
                Terminal.out("\(file.shown)\n")
                count += 1
            }
        }
        guard count > 0 else {
            throw Refusal(
                Diagnostic(
                    .unbuiltImage, "the release has no image that was built",
                    hint: "'lmsbuild run :image' builds images; release them after that"), .noTarget)
        }
        return .done
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
