// `release push` and `release pull`: a release between here and the registry.
import ArgumentParser
import BuildEngine
import BuildGraph
import Buildfile
import Delivery

/// `release push`.
struct ReleasePush: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "push", abstract: "Brings a release to the registry, with its signatures and verdicts.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var registry: RegistryOptions
    @Option(help: "The container engine that has the images: auto, buildah, docker or podman.") var driver = "auto"
    @Argument(help: "The release (a file, digits of a kept one's name, here, HEAD), and NAME=VALUE.")
    var words: [String] = []

    func perform() async throws -> BuildEngine.ExitCode {
        let (names, overrides) = GlobalOptions.overrides(in: words)
        guard names.count == 1 else {
            throw Refusal(Diagnostic(.badCommandLine, "'release push' takes one release"), .wrongInput)
        }
        let opened = try await Workspace.open(global, overrides: overrides)
        let found = try await opened.found(names[0], engine: try driverChoice(driver))
        let target = try ReleaseRegistry(opened, try await opened.declaredRegistry(), registry)
        if found.file == nil { opened.keep(found.release) }
        try await target.push(found.release, signatures: try await signatures(found, opened))
        return .done
    }

    /// Those beside the lock, and those of the kept one of the same name.
    private func signatures(_ found: ReleaseStore.Found, _ opened: Workspace) async throws -> Envelope? {
        var all: Envelope?
        for file in [found.file, opened.releases.file(of: found.release.name)].compactMap({ $0 }) {
            let place = Workspace.signature(of: file)
            guard let bytes = fileContents(place) else { continue }
            let envelope = try await Workspace.refusing { try Envelope(reading: bytes, name: place.shown) }
            guard ReleaseSignature.speaks(envelope, of: found.release) else {
                throw Refusal(
                    Diagnostic(
                        .badRecord, "'\(place.shown)' signs another release than \(found.release.shortName)",
                        hint: "sign it again, or remove that file"), .wrongInput)
            }
            all = all.map { $0.adding(envelope) } ?? envelope
        }
        return all
    }
}

/// `release pull`.
struct ReleasePull: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull", abstract: "Takes a release from the registry, with its signatures, and keeps it.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var registry: RegistryOptions
    @Option(name: .shortAndLong, help: "Write it to this file, too; signatures beside it.") var output: String?
    @Argument(help: "Digits that its name begins with, four or more, and NAME=VALUE.") var words: [String] = []

    func perform() async throws -> BuildEngine.ExitCode {
        let (names, overrides) = GlobalOptions.overrides(in: words)
        guard names.count == 1, (4...64).contains(names[0].utf8.count),
            names[0].utf8.allSatisfy({ "0123456789abcdef".utf8.contains($0) })
        else {
            throw Refusal(
                Diagnostic(
                    .badCommandLine, "'release pull' takes 4 to 64 hex digits that a release's name begins with"),
                .wrongInput)
        }
        let opened = try await Workspace.open(global, overrides: overrides)
        let declared = try await opened.declaredRegistry()
        let source = try ReleaseRegistry(opened, declared, registry)
        guard let name = try await source.pull(names[0]) else {
            throw Refusal(
                Diagnostic(
                    .badRecord, "no release in the registry '\(BytePath(declared).shown)' begins with '\(names[0])'",
                    hint: "'lmsbuild release push' brings one there"), .wrongInput)
        }
        let release = try await Workspace.refusing { try opened.releases.read(name) }
        let kept = opened.releases.file(of: name)
        let signatures = fileContents(Workspace.signature(of: kept))
        if let output {
            try writeFile(output, Array((release.json.text(pretty: true) + "\n").utf8))
            if let signatures { try writeFile(output + ".dsse", signatures) }
        }
        let count = signatures.flatMap { try? Envelope(reading: $0, name: "signatures") }?.signatures.count ?? 0
        Terminal.out("\(name.hex)\n")
        Terminal.say(
            "release \(release.shortName) taken from \(declared), "
                + (count == 0 ? "not signed" : "\(count) signature\(count == 1 ? "" : "s"), not judged"))
        return .done
    }
}
