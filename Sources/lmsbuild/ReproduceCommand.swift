// `reproduce`: builds a release's images again from its commit, elsewhere, and compares them bit for bit.
import ArgumentParser
import BuildEngine
import BuildGraph
import Buildfile
import Delivery

struct ReproduceCommand: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "reproduce",
        abstract: "Builds a release's images again from its commit, in a fresh folder with empty caches, and compares.")

    @OptionGroup var global: GlobalOptions
    @Option(help: "The container engine: auto, buildah or podman; auto is the release's own.") var driver = "auto"
    @Option(help: "text or json.") var format = "text"
    @Argument(help: "The release (a file, digits of a kept one's name, here, HEAD), services, and NAME=VALUE.")
    var words: [String] = []

    func perform() async throws -> BuildEngine.ExitCode {
        try checkFormat(format)
        let asked = try driverChoice(driver)
        let (names, overrides) = GlobalOptions.overrides(in: words)
        guard let argument = names.first else {
            throw Refusal(
                Diagnostic(
                    .badCommandLine, "'reproduce' needs a release", hint: "for example 'lmsbuild reproduce HEAD'"),
                .wrongInput)
        }
        let opened = try await Workspace.open(global, overrides: overrides)
        let release = try await opened.found(argument, engine: asked).release
        let services = try chosen(Array(names.dropFirst()), release)
        let repository = try opened.gitRepository()
        guard let commit = release.commit else {
            throw Refusal(
                Diagnostic(
                    .badRevision, "the release \(release.shortName) was made of files that no commit has",
                    hint: "commit them and release again"), .wrongInput)
        }
        let reproduction = Reproduction(
            opened: opened, repository: repository, commit: commit, services: services,
            engine: try await engine(asked, release, opened))
        let results = try await reproduction.run()
        let shown = ShownReproduction(release: release, results: results)
        Terminal.out(format == "json" ? shown.json.text(pretty: true) + "\n" : shown.text)
        return results.allSatisfy(\.isSame) ? .done : .checkFailed
    }

    private func chosen(_ names: [String], _ release: Release) throws -> [(String, Release.Service)] {
        for name in names where release.services[name]?.image == nil {
            let known = release.services.filter { $0.value.image != nil }.keys.sorted()
            throw Refusal(
                Diagnostic(
                    .noMatch, "the release has no image of '\(name)'",
                    hint: nearestWord(to: name, among: known).map { "did you mean '\($0)'?" }), .noTarget)
        }
        let wanted = release.services.filter { names.isEmpty ? $0.value.digest != nil : names.contains($0.key) }
        let unbuilt = wanted.filter { $0.value.digest == nil }.keys.sorted()
        guard unbuilt.isEmpty, !wanted.isEmpty else {
            throw Refusal(
                Diagnostic(
                    .unbuiltImage,
                    wanted.isEmpty
                        ? "the release has no image that was built"
                        : "the release has no digest of: \(unbuilt.joined(separator: ", "))",
                    hint: "'lmsbuild run :image' builds images; release them after that"), .noTarget)
        }
        return wanted.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// The engine that was asked for, or the release's own, as far as its builds can be the same again.
    private func engine(_ asked: DriverChoice, _ release: Release, _ opened: Workspace) async throws -> EngineImages {
        let own = release.tools.engine?.split(separator: " ").first.flatMap { DriverChoice(rawValue: String($0)) }
        let choice = asked == .auto ? own ?? .auto : asked
        let driver = try await Workspace.refusing {
            try await choice.driver(runner: opened.commands, environment: opened.environment)
        }
        let engine = EngineImages(engine: driver.name, runner: opened.commands, environment: opened.environment)
        guard driver.name != "docker" else {
            throw Refusal(
                Diagnostic(
                    .engineUnavailable,
                    "docker writes the time of the build into each image, so no build of it is the same again",
                    hint: "build and release with --driver buildah"), .wrongInput)
        }
        let version = try? await engine.version()
        if let version, let before = release.tools.engine, version != before {
            Workspace.show([
                Diagnostic(
                    .notReproducible, .notice,
                    "the release's images were built by \(BytePath(before).shown), and this is \(BytePath(version).shown)",
                    hint: "another version of an engine may give other digests for the same inputs")
            ])
        }
        return engine
    }
}

/// What came of the images.
struct ShownReproduction {
    let release: Release
    let results: [Reproduction.Result]

    var text: String {
        results.map { result in
            guard !result.isSame else {
                return "same     \(result.service)  \(VerificationTable.short(result.expected))\n"
            }
            var line = "differs  \(result.service)  \(VerificationTable.short(result.expected)) -> "
            line += "\(result.found.map { VerificationTable.short($0) } ?? "not built")\n"
            guard let difference = result.difference else { return line }
            line += "  "
            if let layer = difference.layer { line += "layer \(layer) of \(difference.layers.new)" }
            if let path = difference.path { line += "\(difference.layer == nil ? "" : ": ")\(path.shown)" }
            if !difference.what.isEmpty { line += ": \(difference.what)" }
            return line + "\n"
        }.joined()
    }

    var json: JSONValue {
        func text(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
        return .object([
            ("schema", .number(1)), ("release", .string(release.name.hex)),
            (
                "services",
                .array(
                    results.map { result in
                        .object([
                            ("name", .string(result.service)), ("same", .bool(result.isSame)),
                            ("expected", .string(result.expected)), ("found", text(result.found)),
                            ("layer", result.difference?.layer.map { .number($0) } ?? .null),
                            ("path", text(result.difference?.path?.shown)),
                            ("difference", text(result.difference?.what)),
                        ])
                    })
            ),
        ])
    }
}
