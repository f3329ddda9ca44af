import BuildEngine
import BuildGraph
import BuildTestSupport
import Buildfile
import Delivery
import Glibc
import Synchronization

/// An image action over files in memory.
struct ImageFixture {
    var files: [(path: String, kind: FileKind, text: [UInt8])] = []
    var dockerfile = "FROM scratch\nCOPY . /\n"
    var repository = "localhost/lms/app"
    var tag = String(repeating: "ab", count: 32)
    var context = "app"
    var targetStage: String?
    var arguments: [String: String] = [:]
    var imageArguments: Set<String> = []
    var platforms: [String] = []
    var network = false
    var timeout: Duration?
    /// By name: what the action may read.
    var secrets: [String: String] = [:]

    func with(_ path: String, _ text: String, _ kind: FileKind = .file) -> ImageFixture {
        with(path, Array(text.utf8), kind)
    }

    func with(_ path: String, _ bytes: [UInt8], _ kind: FileKind) -> ImageFixture {
        var copy = self
        copy.files.append((path, kind, bytes))
        return copy
    }

    func action(in store: MemoryContentStore) async -> Action {
        var inputs: [ActionInput] = []
        for file in files {
            inputs.append(
                ActionInput(path: BytePath(file.path), kind: file.kind, digest: await store.write(file.text)))
        }
        let text = ActionInput(
            path: BytePath(context).appending("Dockerfile"), kind: .file,
            digest: await store.write(Array(dockerfile.utf8)))
        let request = ImageRequest(
            repository: repository, tag: tag, context: BytePath(context), dockerfile: text, targetStage: targetStage,
            arguments: arguments, imageArguments: imageArguments, platforms: platforms)
        var attributes = ActionAttributes()
        attributes.network = network
        attributes.timeout = timeout
        return Action(
            label: Label(component: "app", stage: "image"), command: .image(request),
            inputs: inputs.sorted { $0.path < $1.path }, environment: [:], unhashedEnvironment: secrets,
            secretNames: Set(secrets.keys), outputs: [], attributes: attributes)
    }
}

/// The program's own environment, as far as engines need it.
func hostEnvironment() -> [String: String] {
    var environment: [String: String] = [:]
    for name in ["PATH", "HOME"] {
        if let value = getenv(name) { environment[name] = String(cString: value) }
    }
    return environment
}

func isInstalled(_ program: String) -> Bool {
    let folders = hostEnvironment()["PATH"]?.split(separator: ":") ?? []
    return folders.contains { access("\($0)/\(program)", X_OK) == 0 }
}

/// A program that runs in an image without any library, for RUN.
func staticShell() -> [UInt8]? {
    for path in ["/bin/busybox", "/usr/bin/busybox"] where access(path, X_OK) == 0 {
        return try? readFile(path)
    }
    return nil
}

/// Answers as an engine that has `images`, and adds what is built.
final class FakeDriver: ImageDriver {
    let name = "fake"
    struct Build: Sendable {
        let request: ImageRequest
        let options: ImageBuildOptions
        let files: [String]
        let dockerfile: String
    }

    private let images: Mutex<[String: String]>
    private let seen = Mutex<[Build]>([])

    init(_ images: [String: String] = [:]) {
        self.images = Mutex(images)
    }

    var builds: [Build] { seen.withLock { $0 } }

    func reasonUnusable() async -> String? { nil }

    func digest(of reference: String) async throws -> String? { images.withLock { $0[reference] } }

    func pinned(_ reference: String) async throws -> String? {
        try await digest(of: reference).map { "pinned@\($0)" }
    }

    func remove(_ reference: String) async throws { images.withLock { $0[reference] = nil } }

    func build(
        _ request: ImageRequest, context: BytePath, dockerfile: BytePath, options: ImageBuildOptions
    ) async throws -> (digest: String, log: [UInt8]) {
        let runner = ProcessRunner()
        let listing = try await runner.run(
            Command(
                ["find", ".", "-mindepth", "1", "-printf", "%P %y %m %T@ %l\\n"], environment: hostEnvironment(),
                folder: context))
        let text = String(decoding: try readFile(dockerfile.shown), as: UTF8.self)
        let lines = String(decoding: listing.output, as: UTF8.self).split(separator: "\n").map(String.init).sorted()
        seen.withLock { $0.append(Build(request: request, options: options, files: lines, dockerfile: text)) }
        images.withLock { $0[request.reference] = "sha256:built" }
        return ("sha256:built", Array("log".utf8))
    }
}
