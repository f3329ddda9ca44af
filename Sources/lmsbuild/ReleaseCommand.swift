// `release`: what the workspace would put to work, as a lock file.
import ArgumentParser
import BuildEngine
import BuildGraph
import Buildfile

struct ReleaseCommand: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "release",
        abstract:
            "A release lock: services with tags and image digests, contracts, the hash of every input, the commit.")

    @OptionGroup var global: GlobalOptions
    @Option(name: .shortAndLong, help: "Write to this file instead of standard output.") var output: String?
    @Argument(help: "NAME=VALUE sets a '?=' variable.") var words: [String] = []

    func perform() async throws -> BuildEngine.ExitCode {
        let opened = try await Workspace.open(global, overrides: GlobalOptions.overrides(in: words).overrides)
        let hashed = try opened.hashed(try await opened.workingTree())
        let release = try await opened.release(of: hashed, commit: try await Self.commit(opened, hashed))
        let missing = release.services.filter { $0.value.image != nil && $0.value.digest == nil }.keys.sorted()
        if !missing.isEmpty {
            Workspace.show([
                Diagnostic(
                    .unbuiltImage, .warning,
                    "no image has been built here for what is released of: \(missing.joined(separator: ", "))",
                    hint: "'lmsbuild run :image' builds them; their digests are null until then")
            ])
        }
        let text = release.json.text(pretty: true) + "\n"
        if let output { try writeFile(output, Array(text.utf8)) } else { Terminal.out(text) }
        return .done
    }

    /// HEAD, where every target is as it is there.
    static func commit(_ opened: Workspace, _ hashed: HashedGraph) async throws -> String? {
        guard let repository = opened.repository, let head = try? await repository.resolve("HEAD") else { return nil }
        let request = try BaseRequest(base: head, since: nil, ifUnknown: "fail", deepens: false)
        let comparison = try await Comparison(opened, request, head: nil, workspace: hashed)
        return comparison.affected.targets.isEmpty && comparison.affected.removed.isEmpty ? head : nil
    }
}
