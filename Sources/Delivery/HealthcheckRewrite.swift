// Gives a built image its health check. Why it is needed: docs/decisions/0003-healthcheck-in-oci-images.md.
// Does not know Dockerfiles, and never touches a layer.
import BuildEngine
import BuildGraph
import Buildfile

/// Replaces an image without a name by one with a health check under the request's name.
///
/// Only Docker's manifest format knows health checks, so the new image has that format. Its configuration and layers
/// are the built ones byte for byte but for the added member, so equal builds stay equal.
struct HealthcheckRewrite {
    let program: EngineProgram
    let engine: String

    /// `id` is the built image's, 64 hex digits. `folder` is free for temporary files.
    func run(id: String, request: ImageRequest, healthcheck: ImageJSON, folder: BytePath) async throws -> [UInt8] {
        let source = "containers-storage:@\(id)"
        let manifest = try await read(["skopeo", "inspect", "--raw", source], request)
        var configuration = try await read(["skopeo", "inspect", "--config", "--raw", source], request)
        var inner = configuration["config"] ?? .object([])
        inner["Healthcheck"] = healthcheck
        configuration["config"] = inner
        let bytes = configuration.bytes
        let layout = folder.appending("rewritten")
        try ImageContext.makeEmptyFolder(layout)
        let digest = Digest.of(bytes)
        try ImageContext.write(bytes, to: layout.appending(digest.hash.hex))
        try ImageContext.write(
            try docker(manifest, configuration: digest, request).bytes, to: layout.appending("manifest.json"))
        try ImageContext.write(Array("Directory Transport Version: 1.1\n".utf8), to: layout.appending("version"))
        // The layers are in the store under their digests already: none is read or written.
        let copy = try await program.run(
            ["skopeo", "copy", "--preserve-digests", "dir:\(layout.shown)", "containers-storage:\(request.reference)"],
            separateErrors: false)
        guard copy.succeeded else { throw ActionFailure.build("skopeo", request, copy) }
        // The image without the check has no name any more; where it can't be removed it only takes a little room.
        _ = try await program.run([engine, "rmi", id])
        return []
    }

    private func read(_ arguments: [String], _ request: ImageRequest) async throws -> ImageJSON {
        let result = try await program.run(arguments)
        guard result.succeeded, let json = ImageJSON(result.output) else {
            throw ActionFailure.build("skopeo", request, result, hint: "skopeo is needed for images with a HEALTHCHECK")
        }
        return json
    }

    /// Image Manifest V2, Schema 2, with the layers of the OCI manifest.
    private func docker(_ oci: ImageJSON, configuration: Digest, _ request: ImageRequest) throws -> ImageJSON {
        guard case .array(let layers) = oci["layers"] else {
            throw ActionFailure.cannotBuild(
                "the manifest of '\(request.reference)' lists no layers", hint: "build it again")
        }
        let prefix = "application/vnd.docker."
        func descriptor(_ type: String, _ size: ImageJSON, _ digest: ImageJSON) -> ImageJSON {
            .object([
                .init(name: "mediaType", value: .string(prefix + type)), .init(name: "size", value: size),
                .init(name: "digest", value: digest),
            ])
        }
        let converted = layers.map { layer in
            let isZipped = layer["mediaType"]?.text?.hasSuffix("gzip") == true
            return descriptor(
                isZipped ? "image.rootfs.diff.tar.gzip" : "image.rootfs.diff.tar", layer["size"] ?? .null,
                layer["digest"] ?? .null)
        }
        return .object([
            .init(name: "schemaVersion", value: .number("2")),
            .init(name: "mediaType", value: .string(prefix + "distribution.manifest.v2+json")),
            .init(
                name: "config",
                value: descriptor(
                    "container.image.v1+json", .number(String(configuration.size)),
                    .string("sha256:" + configuration.hash.hex))),
            .init(name: "layers", value: .array(converted)),
        ])
    }
}
