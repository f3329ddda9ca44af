// Images built again from a commit: in a clone of it elsewhere, with no cache, and in a store of their own beside the engine's,
// which lends the base images and is not written to. Does not know how the outcome is told.
import BuildEngine
import BuildGraph
import Buildfile
import Delivery
import Glibc

struct Reproduction {
    struct Result {
        let service: String
        /// The release's digest.
        let expected: String
        /// The digest of what was built; nil where nothing of the release's name was.
        let found: String?
        let difference: ImageDifference?

        var isSame: Bool { found == expected }
    }

    let opened: Workspace
    let repository: GitRepository
    let commit: String
    let services: [(String, Release.Service)]
    /// The engine with the images that are there.
    let engine: EngineImages

    /// Builds and compares. Throws refusals: with the build's own status where it fails.
    func run() async throws -> [Result] {
        let folder = try makeFolder()
        defer { Disk.remove(folder) }
        let source = folder.appending("source")
        Terminal.say("building \(commit.prefix(12)) again in \(source.shown)")
        try await Workspace.refusing { try await repository.checkOut(commit, into: source) }
        let store = environment(try await makeStore(folder))
        let hashed = try await opened.hashed(at: commit)
        let (same, others) = divided(hashed)
        if !same.isEmpty { try await build(same.map(\.0), in: source.appending(opened.prefix), store) }
        // A name is looked up in the engine's own store first, and each of these has just been built there.
        let fresh = EngineImages(engine: engine.engine, runner: opened.commands, environment: store)
        var results = others
        for (name, service) in same {
            let result = try await Workspace.refusing { try await compare(name, service, fresh, folder) }
            results.append(result)
        }
        await emptyStore(folder, store)
        return results.sorted { $0.service < $1.service }
    }

    /// Services whose inputs are the release's, and what to say of the others.
    private func divided(_ hashed: HashedGraph) -> (same: [(String, Release.Service)], others: [Result]) {
        var (same, others): ([(String, Release.Service)], [Result]) = ([], [])
        for (name, service) in services {
            let index = hashed.graph.index(of: Label(component: name, stage: "image"))
            let hash = index.map { hashed.hashes[$0] }
            if hash == service.hash {
                same.append((name, service))
                continue
            }
            var difference = ImageDifference(layers: [], [])
            difference.what =
                hash.map { "its inputs are others: \(service.hash.short), and here they are \($0.short)" }
                ?? "its commit has no such image"
            others.append(
                Result(service: name, expected: service.digest ?? "", found: nil, difference: difference))
        }
        return (same, others)
    }

    private func makeFolder() throws -> BytePath {
        let parent = opened.environment["TMPDIR"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? "/tmp"
        var template = Array("\(parent)/lmsbuild-reproduce-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw Refusal(
                Diagnostic(
                    .storeUnusable, "cannot make a folder below '\(BytePath(parent).shown)': \(errnoText(errno))"),
                .machine)
        }
        return BytePath(bytes: template.dropLast().map { UInt8(bitPattern: $0) })
    }

    /// The file that makes the engine use a store of its own below `folder`, and look into its usual one for what that lacks.
    private func makeStore(_ folder: BytePath) async throws -> BytePath {
        guard let usual = try await Workspace.refusing({ try await engine.storage() }) else {
            throw Refusal(
                Diagnostic(.engineUnavailable, "\(engine.engine) does not say where it keeps its images"), .unavailable)
        }
        func quoted(_ text: String) -> String {
            "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
        }
        let text = """
            [storage]
            driver = \(quoted(usual.driver))
            graphroot = \(quoted(folder.appending("storage").shown))
            runroot = \(quoted(folder.appending("run").shown))
            [storage.options]
            additionalimagestores = [\(quoted(usual.folder.shown))]

            """
        let file = folder.appending("storage.conf")
        try writeFile(file.shown, Array(text.utf8))
        return file
    }

    private func environment(_ configuration: BytePath) -> [String: String] {
        var environment = opened.environment
        environment["CONTAINERS_STORAGE_CONF"] = configuration.shown
        // These would name the usual store again.
        for name in ["STORAGE_DRIVER", "STORAGE_OPTS", "CONTAINER_HOST"] { environment[name] = nil }
        return environment
    }

    private func build(_ names: [String], in workspace: BytePath, _ environment: [String: String]) async throws {
        guard let own = OwnProgram.find()?.path else {
            throw Refusal(Diagnostic(.machineFailure, "the kernel does not say where this program lies"), .machine)
        }
        let overrides = opened.overrides.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let command = Command(
            [own.shown, "run", "--progress", "plain", "--driver", engine.engine, "--rebuild-images"]
                + names.map { "\($0):image" } + overrides,
            environment: environment, folder: workspace)
        let result = try await opened.commands.run(command)
        if !result.output.isEmpty { Terminal.say(String(decoding: result.output, as: UTF8.self)) }
        if result.succeeded { return }
        var code = BuildEngine.ExitCode.actionFailed
        if case .exited(let status) = result.ending { code = ExitCode(rawValue: status) }
        throw Refusal(
            Diagnostic(
                .actionFailed, "the release's images cannot be built again: \(code.meaning)",
                hint: "what the build printed is above"), code)
    }

    private func compare(
        _ name: String, _ service: Release.Service, _ fresh: EngineImages, _ folder: BytePath
    ) async throws -> Result {
        let (reference, expected) = (service.image ?? "", service.digest ?? "")
        let built = try await fresh.image(reference)
        guard let built, built.digest != expected else {
            return Result(service: name, expected: expected, found: built?.digest, difference: nil)
        }
        let original = try await engine.image(reference)
        let isHere = original?.digest == expected
        var difference = ImageDifference(
            layers: service.layers ?? (isHere ? original?.layers : nil) ?? [], built.layers)
        if isHere {
            let folders = (folder.appending("\(name)-old"), folder.appending("\(name)-new"))
            try await engine.unpack(reference, into: folders.0)
            try await fresh.unpack(reference, into: folders.1)
            difference.look(into: folders.0, folders.1)
            Disk.remove(folders.0)
            Disk.remove(folders.1)
        } else if difference.what.isEmpty {
            difference.what = "\(engine.engine) does not have the release's image, so no path can be told"
        }
        return Result(service: name, expected: expected, found: built.digest, difference: difference)
    }

    /// What a store of a user other than root holds belongs to that user's further ids, and only the engine can remove it.
    private func emptyStore(_ folder: BytePath, _ environment: [String: String]) async {
        if geteuid() == 0 { return }
        var command = Command(
            [engine.engine, "unshare", "rm", "-rf", folder.appending("storage").shown, folder.appending("run").shown],
            environment: environment, folder: BytePath("/"))
        command.separateErrors = true
        _ = try? await opened.commands.run(command)
    }
}
