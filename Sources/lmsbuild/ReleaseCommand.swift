// `release`: what the workspace would put to work, as a lock file; and those that are kept.
import ArgumentParser
import BuildEngine
import BuildGraph
import Buildfile

struct ReleaseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "release",
        abstract:
            "A release lock: services with tags and image digests, contracts, the hash of every input, the commit.",
        subcommands: [
            ReleaseWrite.self, ReleaseList.self, ReleaseShow.self, ReleaseVerify.self, ReleaseDiff.self,
            ReleaseSign.self, ReleaseAttest.self, ReleasePush.self, ReleasePull.self,
        ],
        defaultSubcommand: ReleaseWrite.self)

    /// Words behind `release` that are commands of their own.
    static let parts = Set(configuration.subcommands.compactMap { $0.configuration.commandName })
}

/// `release` without a further word.
struct ReleaseWrite: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "write", abstract: "Makes a release of the contents at hand; the same without this word.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var registry: RegistryOptions
    @Option(name: .shortAndLong, help: "Write to this file instead of standard output.") var output: String?
    @Flag(help: "Bring it to the registry, too, where its images have to be.") var push = false
    @Option(help: "The container engine that has the images: auto, buildah, docker or podman.") var driver = "auto"
    @Argument(help: "NAME=VALUE sets a '?=' variable.") var words: [String] = []

    func perform() async throws -> BuildEngine.ExitCode {
        let engine = try driverChoice(driver)
        let (rest, overrides) = GlobalOptions.overrides(in: words)
        if let word = rest.first {
            throw Refusal(
                Diagnostic(
                    .badCommandLine, "'release' does not know '\(word)'",
                    hint: nearestWord(to: word, among: ReleaseCommand.parts.sorted()).map { "did you mean '\($0)'?" }
                        ?? "'lmsbuild help release' lists what it knows"), .wrongInput)
        }
        let opened = try await Workspace.open(global, overrides: overrides)
        let hashed = try opened.hashed(try await opened.workingTree())
        let release = try await opened.lock(
            of: hashed, commit: try await Self.commit(opened, hashed), engine: engine)
        let missing = release.services.filter { $0.value.image != nil && $0.value.digest == nil }.keys.sorted()
        if !missing.isEmpty, !push {
            Workspace.show([
                Diagnostic(
                    .unbuiltImage, .warning,
                    "no image has been built here for what is released of: \(missing.joined(separator: ", "))",
                    hint: "'lmsbuild run :image' builds them; their digests are null until then")
            ])
        }
        let text = release.json.text(pretty: true) + "\n"
        if let output { try writeFile(output, Array(text.utf8)) } else if !push { Terminal.out(text) }
        opened.keep(release)
        if push { try await ReleaseRegistry(opened, hashed.graph.registry, registry).push(release, signatures: nil) }
        return .done
    }

    /// HEAD, where every target and every environment is as it is there.
    static func commit(_ opened: Workspace, _ hashed: HashedGraph) async throws -> String? {
        guard let repository = opened.repository, let head = try? await repository.resolve("HEAD") else { return nil }
        let request = try BaseRequest(base: head, since: nil, ifUnknown: "fail", deepens: false)
        let comparison = try await Comparison(opened, request, head: nil, workspace: hashed)
        guard comparison.affected.targets.isEmpty, comparison.affected.removed.isEmpty else { return nil }
        if hashed.graph.environments.isEmpty { return head }
        let there = try await opened.hashed(at: head).graph
        let isSame =
            try opened.environmentDigests(of: hashed.graph, tells: false)
            == opened.environmentDigests(of: there, tells: false)
        return isSame ? head : nil
    }
}

struct ReleaseList: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "The releases that are kept in the workspace, newest first.")

    @OptionGroup var global: GlobalOptions
    @Option(help: "text or json.") var format = "text"

    func perform() async throws -> BuildEngine.ExitCode {
        try checkFormat(format)
        let opened = try await Workspace.open(global, overrides: [:])
        var rows: [JSONValue] = []
        var text = ""
        for kept in opened.releases.kept {
            let short = String(kept.name.hex.prefix(12))
            do throws(Diagnostic) {
                let release = try opened.releases.read(kept.name)
                let count = release.services.count
                let commit = release.commit.map { String($0.prefix(12)) } ?? "no commit   "
                text +=
                    "\(short)  \(UTCTime(seconds: kept.time).text)  \(commit)  \(count) service\(count == 1 ? "" : "s")\n"
                rows.append(
                    .object([
                        ("name", .string(kept.name.hex)), ("kept", .string(UTCTime(seconds: kept.time).text)),
                        ("commit", release.commit.map { .string($0) } ?? .null),
                        ("services", .array(release.services.keys.sorted().map { .string($0) })),
                    ]))
            } catch {
                Workspace.show([Diagnostic(error.code, .warning, error.message, hint: error.hint)])
            }
        }
        Terminal.out(
            format == "json"
                ? JSONValue.object([("schema", .number(1)), ("releases", .array(rows))]).text(pretty: true) + "\n"
                : text)
        return .done
    }
}

struct ReleaseShow: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "What a release consists of.")

    @OptionGroup var global: GlobalOptions
    @Option(help: "text or json.") var format = "text"
    @Argument(help: "The release (a file, digits of a kept one's name, here, HEAD), and NAME=VALUE.")
    var words: [String] = []

    func perform() async throws -> BuildEngine.ExitCode {
        try checkFormat(format)
        let (names, overrides) = GlobalOptions.overrides(in: words)
        guard names.count == 1 else {
            throw Refusal(Diagnostic(.badCommandLine, "'release show' takes one release"), .wrongInput)
        }
        let opened = try await Workspace.open(global, overrides: overrides)
        let release = try await opened.found(names[0]).release
        Terminal.out(format == "json" ? release.json.text(pretty: true) + "\n" : text(release))
        return .done
    }

    private func text(_ release: Release) -> String {
        var text = "release \(release.name.hex)\ncommit  \(release.commit ?? "none")\n"
        let width = release.services.keys.map(\.count).max() ?? 0
        for (name, service) in release.services.sorted(by: { $0.key < $1.key }) {
            let padded = name + String(repeating: " ", count: width - name.count)
            let digest = service.digest ?? (service.image == nil ? "no image" : "not built")
            text += "service \(padded)  \(service.hash.short)  \(BytePath(digest).shown)\n"
        }
        for contract in release.contracts {
            var counts: [Release.TermVerdict: Int] = [:]
            for verdict in contract.verdicts.values { counts[verdict, default: 0] += 1 }
            let said = [Release.TermVerdict.passed, .failed, .pending, .unverified].compactMap { verdict in
                counts[verdict].map { "\($0) \(verdict.rawValue)" }
            }
            text += "contract \(contract.consumer) with \(contract.provider): "
            text += (said.isEmpty ? "nothing known" : said.joined(separator: ", ")) + "\n"
        }
        for (name, environment) in release.environments.sorted(by: { $0.key < $1.key }) {
            let stack = environment.stack.map { String($0.hex.prefix(12)) } ?? "none"
            let variables = environment.environment.map { String($0.hex.prefix(12)) } ?? "none"
            text += "environment \(name): stack \(stack), variables \(variables)\n"
        }
        if let version = release.tools.lmsbuild { text += "tool    lmsbuild \(BytePath(version).shown)\n" }
        if let engine = release.tools.engine { text += "tool    \(BytePath(engine).shown)\n" }
        for (name, version) in release.tools.declared.sorted(by: { $0.key < $1.key }) {
            text += "tool    \(name) \(BytePath(version).shown)\n"
        }
        return text
    }
}
