import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

/// What we say a Dockerfile reads, against what buildah reads: a file of the context is changed or taken away, and the
/// image changes exactly when we said so. And the context that holds only what we named gives the same image.
@Suite struct DockerfileDifferentialTests {
    private let program = Program()
    private let runner = ProcessRunner()

    @Test(arguments: dockerfileCorpus)
    func theBuilderReadsWhatWeSay(_ example: DockerfileExample) async throws {
        let folder = try TemporaryFolder()
        let files = try lay(example, folder, "base")
        if case .reference(let expected) = example.proof {
            #expect(try await answer(example, folder).sorted() == expected.sorted())
            return
        }
        let base = try #require(try await build(example, folder, "base"), "the example does not build")
        // Only now: the program leaves a folder of its own in the workspace.
        let inputs = try await answer(example, folder)
        let others = files.filter {
            !inputs.contains($0) && !$0.hasSuffix("Dockerfile") && !$0.hasSuffix(".dockerignore")
        }
        if !others.isEmpty {
            #expect(
                try await build(example, folder, "changed", changing: others) == base,
                "read, and not named: one of \(others)")
            #expect(
                try await build(example, folder, "gone", removing: others) == base,
                "read, and not named: one of \(others)")
        }
        let rest = files.filter {
            !inputs.contains($0) && !$0.hasSuffix("/Dockerfile") && !$0.hasSuffix(".dockerignore")
        }
        #expect(try await build(example, folder, "filtered", removing: rest) == base, "lacks what the build reads")
        if case .more = example.proof { return }
        let context = example.context == "/" ? "" : "app/"
        for input in inputs where files.contains(input) && input.hasPrefix(context) && !input.hasSuffix("/Dockerfile") {
            let isLink = example.links[input] != nil
            let now =
                isLink
                ? try await build(example, folder, "one", removing: [input])
                : try await build(example, folder, "one", changing: [input])
            #expect(now != base, "named, and not read: \(input)")
        }
    }

    @Test func theCorpusIsLarge() {
        #expect(dockerfileCorpus.count >= 60)
        #expect(Set(dockerfileCorpus.map(\.name)).count == dockerfileCorpus.count)
        let asked = dockerfileCorpus.count { if case .reference = $0.proof { false } else { true } }
        #expect(asked >= 60)
        print("\(dockerfileCorpus.count) Dockerfiles: \(asked) against buildah, the rest against BuildKit's reference")
    }

    // MARK: Files

    /// Writes the example's workspace and gives its files.
    private func lay(
        _ example: DockerfileExample, _ folder: TemporaryFolder, _ name: String, changing: [String] = [],
        removing: [String] = []
    ) throws -> [String] {
        var files: [String: String] = [:]
        for path in usualFiles { files[path] = path + "\n" }
        files.merge(example.files) { $1 }
        files["app/Dockerfile"] = example.dockerfile
        let place = example.context == "/" ? "" : "app/"
        files[place + ".dockerignore"] = example.ignore
        files["app/Dockerfile.dockerignore"] = example.ownIgnore
        // Folders stay: one whose files are all ignored reaches a builder as an empty folder, which git does not know.
        let folders = Set(
            (Array(files.keys) + Array(example.links.keys)).flatMap { BytePath($0).ancestors.map(\.shown) })
        for path in folders { try folder.write("\(name)/\(path)/.keep", "") }
        for path in folders { _ = folder("\(name)/\(path)/.keep").withCString { unlink($0) } }
        for path in removing { files[path] = nil }
        for path in changing { files[path]? += "changed\n" }
        for (path, text) in files { try folder.write("\(name)/\(path)", text) }
        for (path, target) in example.links where !removing.contains(path) {
            _ = folder("\(name)/\(path)").withCString { symlink(target, $0) }
        }
        // One time for all: a builder may look at it.
        let times = [timespec(tv_sec: 1_000_000_000, tv_nsec: 0), timespec(tv_sec: 1_000_000_000, tv_nsec: 0)]
        let all = (Array(files.keys) + Array(example.links.keys)).sorted()
        for path in all + folders + ["."] {
            _ = folder("\(name)/\(path)").withCString { utimensat(AT_FDCWD, $0, times, AT_SYMLINK_NOFOLLOW) }
        }
        return all
    }

    /// The files that we say the image takes in, but the Dockerfile where it is not in the context for its own sake.
    private func answer(_ example: DockerfileExample, _ folder: TemporaryFolder) async throws -> [String] {
        var buildfile = "service app\n    dir app\n"
        if let context = example.context { buildfile += "    [context \(context)]\n" }
        if let target = example.target { buildfile += "    [target \(target)]\n" }
        for argument in example.arguments { buildfile += "    [arg \(argument)]\n" }
        if example.dockerfile.contains("type=secret,id=s") { buildfile += "    secret s\n" }
        buildfile += "    image: Dockerfile\n"
        try folder.write("beside/Buildfile", buildfile)
        let outcome = try await program.run(
            "-f", folder("beside/Buildfile").shown, "inputs", "app:image", "-0", in: folder("base"))
        #expect(outcome.status == 0, "\(outcome.errors)")
        var inputs = outcome.output.split(separator: "\0").map(String.init)
        if case .reference = example.proof { inputs.removeAll { $0 == "app/Dockerfile" } }
        return inputs
    }

    // MARK: Builds

    /// The id of the image that the workspace, changed so, gives; nil where it does not build.
    private func build(
        _ example: DockerfileExample, _ folder: TemporaryFolder, _ name: String, changing: [String] = [],
        removing: [String] = []
    ) async throws -> String? {
        if name != "base" {
            _ = try await runner.run(
                Command(["rm", "-rf", folder(name).shown], environment: ["PATH": "/usr/bin:/bin"], folder: folder.path))
            _ = try lay(example, folder, name, changing: changing, removing: removing)
        }
        var arguments = [
            "buildah", "--storage-driver", "vfs", "--root", folder("storage/root").shown, "--runroot",
            folder("storage/run").shown, "bud", "--quiet", "--timestamp", "0", "--layers=false", "--isolation",
            "chroot",
            "-f", folder(name + "/app/Dockerfile").shown,
        ]
        if let target = example.target { arguments += ["--target", target] }
        for argument in example.arguments { arguments += ["--build-arg", argument] }
        let context = example.context == "/" ? folder(name) : folder(name + "/app")
        var command = Command(
            arguments + [context.shown], environment: ["PATH": getenv("PATH").map { String(cString: $0) } ?? ""],
            folder: folder.path)
        command.timeout = .seconds(60)
        let result = try await runner.run(command)
        let lines = result.output.split(separator: UInt8(ascii: "\n"))
        guard result.succeeded, let last = lines.last else { return nil }
        return String(decoding: last, as: UTF8.self)
    }
}

extension BytePath {
    /// The folders it is in, but the root.
    fileprivate var ancestors: [BytePath] {
        parent.isEmpty ? [] : parent.ancestors + [parent]
    }
}
