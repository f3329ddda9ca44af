// Verifies pairs whose sides are of different releases: in a clone of the provider's commit, with the consumer's contract laid
// over its own. Does not know which pairs decide anything.
import BuildEngine
import BuildGraph
import Buildfile
import Contracts
import Glibc

/// A pair to verify, and where its sides come from.
struct CrossPair {
    let label: Label
    /// Of the provider's release.
    let providerCommit: String
    /// Of the consumer's release: where its contract is read.
    let consumerCommit: String
    /// The contract's files, in the consumer's release and, where the provider's release expects them, in the same order.
    let files: [(from: BytePath, to: BytePath)]
}

struct CrossVerification {
    let opened: Workspace
    let repository: GitRepository

    /// Runs the verifications and takes their verdicts over. What cannot be verified is told, and stays open.
    func run(_ pairs: [CrossPair]) async throws {
        for (commit, group) in Dictionary(grouping: pairs, by: \.providerCommit).sorted(by: { $0.key < $1.key }) {
            // Two consumers' contracts never lie in the same file.
            for pair in group { try await verify(pair, at: commit) }
        }
    }

    private func verify(_ pair: CrossPair, at commit: String) async throws {
        Terminal.say("verifying \(pair.label) at \(commit.prefix(12)) in a clone of it")
        let folder = opened.state.appending("tmp").appending("\(getpid())-cross")
        defer { Disk.remove(folder) }
        Disk.remove(folder)
        try Disk.makeFolders(folder.parent)
        try await git(
            ["clone", "--quiet", "--shared", "--no-checkout", repository.top.shown, folder.shown], in: repository.top)
        try await git(["checkout", "--quiet", "--detach", commit], in: folder)
        let workspace = folder.appending(opened.prefix)
        for file in pair.files {
            let path = opened.prefix.appending(file.from)
            let text = try await git(["cat-file", "blob", "\(pair.consumerCommit):\(path.shown)"], in: folder)
            let place = workspace.appending(file.to)
            try Disk.makeFolders(place.parent)
            try writeFile(place.shown, text)
        }
        // The same store: what the provider needs has mostly been built.
        let state = workspace.appending(".lmsbuild")
        try Disk.makeFolders(state)
        try Disk.makeLink(state.appending("store"), text: opened.state.appending("store").bytes)
        guard let own = OwnProgram.find() else {
            throw Refusal(
                Diagnostic(.internalError, "lmsbuild does not know where its own program lies"), .machine)
        }
        let overrides = opened.overrides.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let command = Command(
            [own.path.shown, "run", "--progress", "plain", pair.label.description] + overrides,
            environment: opened.environment, folder: workspace)
        let result = try await opened.commands.run(command)
        if !result.output.isEmpty { Terminal.say(String(decoding: result.output, as: UTF8.self)) }
        if let bytes = try? Disk.contents(of: state.appending("verdicts")) { _ = try opened.verdictLog.merge(bytes) }
    }

    @discardableResult
    private func git(_ arguments: [String], in folder: BytePath) async throws -> [UInt8] {
        var command = Command(
            ["git", "-c", "core.hooksPath=/dev/null"] + arguments, environment: opened.environment, folder: folder)
        command.separateErrors = true
        let result = try await opened.commands.run(command)
        guard result.succeeded else {
            throw Refusal(
                Diagnostic(
                    .gitUnavailable, "git \(arguments.first ?? "") failed: \(BytePath(bytes: result.errors).shown)",
                    hint: "a shallow clone may lack the commit: git fetch --unshallow"), .wrongInput)
        }
        return result.output
    }
}
