// `lock`: what base images' names stand for, written down. Does not build.
import ArgumentParser
import BuildEngine
import BuildGraph
import Buildfile
import Delivery

struct LockCommand: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "lock", abstract: "Pins base images from elsewhere to digests, in Buildfile.lock.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var registry: RegistryOptions
    @Flag(help: "Ask again what pinned names stand for now.") var update = false
    @Flag(help: "Write nothing and ask nobody; exit 3 where a base is not pinned, or a pin has no use.") var check =
        false
    @Argument(help: "With --update: the names to ask again (all without any). NAME=VALUE sets a '?=' variable.")
    var words: [String] = []

    func perform() async throws -> BuildEngine.ExitCode {
        let (names, overrides) = GlobalOptions.overrides(in: words)
        if check && update || !names.isEmpty && !update {
            throw Refusal(
                Diagnostic(
                    .badCommandLine,
                    check && update ? "'--check' and '--update' exclude one another" : "names need '--update'"),
                .wrongInput)
        }
        let opened = try await Workspace.open(global, overrides: overrides)
        let graph = try opened.hashed(try await opened.workingTree()).graph
        let wanted = graph.externalBases(of: graph.targets.indices)
        let path = BaseImageLock.path(opened.settings)
        let before = try current(graph, path)
        if check { return try verdict(graph, before, wanted, path) }
        if let unknown = names.first(where: { !wanted.contains($0) }) {
            throw Refusal(
                Diagnostic(
                    .noMatch, "no image starts from '\(unknown)'",
                    hint: wanted.isEmpty ? nil : "one of " + wanted.sorted().joined(separator: ", ")), .noTarget)
        }
        let again = update ? (names.isEmpty ? wanted : Set(names)) : []
        let asked = wanted.filter { before.pins[$0] == nil || again.contains($0) }
        let found = try await digests(of: asked.sorted(), opened)
        let after = BaseImageLock(pins: before.pins.filter { wanted.contains($0.key) }.merging(found) { $1 })
        if after.bytes != BaseImageLock(pins: before.pins).bytes || !graph.tree.contains(path) && !after.pins.isEmpty {
            try writeFile(opened.workspace.appending(path).shown, after.bytes)
        }
        Terminal.out(changes(before, after).map { $0 + "\n" }.joined())
        return .done
    }

    /// A mistake in it has been refused already.
    private func current(_ graph: Graph, _ path: BytePath) throws -> BaseImageLock {
        guard graph.tree.contains(path) else { return BaseImageLock() }
        let read = BaseImageLock.read(SourceText(name: path.shown, bytes: try graph.tree.files.contents(of: path)))
        if !read.mistakes.isEmpty { throw Refusal(read.mistakes, .wrongInput) }
        return read.lock
    }

    private func verdict(
        _ graph: Graph, _ lock: BaseImageLock, _ wanted: Set<String>, _ path: BytePath
    ) throws -> BuildEngine.ExitCode {
        var told = try graph.unpinnedBases(of: graph.targets.indices, .error)
        for name in lock.pins.keys.sorted() where !wanted.contains(name) {
            told.append(
                Diagnostic(
                    .unpinnedBase, "'\(path.shown)' pins '\(name)', from which no image starts",
                    hint: "'lmsbuild lock' takes it out"))
        }
        if !told.isEmpty { throw Refusal(told, .checkFailed) }
        return .done
    }

    private func digests(of names: [String], _ opened: Workspace) async throws -> [String: String] {
        if names.isEmpty { return [:] }
        let clients = try registry.clients(opened)
        var found: [String: String] = [:]
        do {
            for name in names {
                guard let reference = ImageReference(name) else {
                    throw Refusal(Diagnostic(.badDockerfile, "'\(name)' is no image's name"), .wrongInput)
                }
                let client = clients.client(reference.host)
                guard let digest = try await client.digest(of: reference.version, in: reference.repository) else {
                    throw Refusal(
                        Diagnostic(
                            .registryFailed, "the registry \(reference.host) has no image '\(name)'",
                            hint: "correct the FROM; what is only in this machine's store cannot be pinned"),
                        .unavailable)
                }
                found[name] = digest
            }
        } catch let error as RegistryError {
            throw Refusal(error)
        }
        return found
    }

    private func changes(_ before: BaseImageLock, _ after: BaseImageLock) -> [String] {
        Set(before.pins.keys).union(after.pins.keys).sorted().map { name in
            switch (before.pins[name], after.pins[name]) {
            case (nil, let new?): "pinned \(name) \(new)"
            case (let old?, let new?): old == new ? "kept \(name) \(new)" : "updated \(name) \(new)"
            default: "dropped \(name)"
            }
        }
    }
}
