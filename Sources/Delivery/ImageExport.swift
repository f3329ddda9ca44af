// Takes an image out of an engine's store as the files that a registry keeps, by the program `skopeo`. Does not know registries.
import BuildEngine
import BuildGraph
import Glibc

/// An image as files: its manifest, its configuration and its layers, byte by byte as the engine's store has them.
struct ExportedImage: Sendable {
    struct Blob: Sendable, Hashable {
        let digest: String
        let file: BytePath
        let size: Int
    }

    let manifest: [UInt8]
    /// The manifest's media type.
    let type: String
    /// Of the manifest.
    let digest: String
    /// Of the configuration: what a Docker engine calls the image's id.
    let configuration: String
    /// Layers from the lowest up, then the configuration; none twice.
    let blobs: [Blob]
    /// The digests of the layers, from the lowest up.
    let layers: [String]
}

/// Exports images, each into a folder of its own.
struct ImageExporter: Sendable {
    private let program: EngineProgram
    /// Of the engine that has the images: `docker`, or one of those that share a store.
    let engine: String

    init(engine: String, runner: any CommandRunner, environment: [String: String]) {
        self.engine = engine
        program = EngineProgram("skopeo", runner: runner, environment: environment)
    }

    /// Exports `reference` into the folder at the absolute path `folder`, which is made. With `decompressing` its layers are
    /// what they are unpacked, whatever its manifest says. Throws `ActionFailure` of kind `.unavailable` where that cannot be
    /// done.
    func export(
        _ reference: String, to folder: BytePath, decompressing: Bool = false
    ) async throws -> ExportedImage {
        var words = ["skopeo", "--insecure-policy", "copy", "--quiet"]
        // A docker engine has no manifest: there is nothing to preserve.
        if engine != "docker", !decompressing { words.append("--preserve-digests") }
        if decompressing { words.append("--dest-decompress") }
        if engine == "docker" {
            if let address = program.environment["DOCKER_HOST"] { words += ["--src-daemon-host", address] }
            words.append("docker-daemon:" + reference)
        } else {
            words.append("containers-storage:" + reference)
        }
        let result = try await program.run(words + ["dir:" + folder.shown], timeout: .seconds(1800))
        guard result.succeeded else {
            throw ActionFailure.engineUnavailable(
                "skopeo cannot take '\(reference)' out of \(engine)'s store: "
                    + (EngineProgram.lastLine(result.errors) ?? "it says nothing"),
                hint: "try '\(words.joined(separator: " ")) dir:FOLDER'", output: result.errors)
        }
        guard let image = Self.read(folder) else {
            throw ActionFailure.engineUnavailable(
                "skopeo took '\(reference)' out of \(engine)'s store in a form that is not known",
                hint: "skopeo 1.4 and later do it rightly")
        }
        return image
    }

    private static func read(_ folder: BytePath) -> ExportedImage? {
        guard let bytes = try? Disk.contents(of: folder.appending("manifest.json")),
            let manifest = try? JSONValue.parse(bytes),
            let configuration = manifest.member("config")?.member("digest")?.text
        else { return nil }
        var blobs: [ExportedImage.Blob] = []
        let layers = (manifest.member("layers")?.elements ?? []).map { $0.member("digest")?.text }
        for digest in layers + [configuration] {
            guard let digest, ImageReference.isDigest(digest) else { return nil }
            if blobs.contains(where: { $0.digest == digest }) { continue }
            let file = folder.appending(String(digest.dropFirst(7)))
            var status = stat()
            guard file.withCString({ lstat($0, &status) }) == 0 else { return nil }
            blobs.append(.init(digest: digest, file: file, size: Int(status.st_size)))
        }
        let type = manifest.member("mediaType")?.text ?? "application/vnd.oci.image.manifest.v1+json"
        return ExportedImage(
            manifest: bytes, type: type, digest: "sha256:" + SHA256Value.of(bytes).hex, configuration: configuration,
            blobs: blobs, layers: layers.compactMap { $0 })
    }
}
