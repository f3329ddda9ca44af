// Releases and attestations as OCI artifacts (image-spec 1.1), pushed through whatever speaks to a registry. Does not know HTTP
// or credentials.
package import BuildEngine
import BuildGraph
import Buildfile

/// A manifest as a registry has it.
package struct StoredManifest: Sendable, Hashable {
    package let type: String
    package let bytes: [UInt8]

    package init(type: String, bytes: [UInt8]) {
        (self.type, self.bytes) = (type, bytes)
    }

    /// `sha256:…`.
    package var digest: String { "sha256:" + SHA256Value.of(bytes).hex }
}

/// What pushing artifacts needs of a registry. Digests are `sha256:` and 64 hex digits; all calls throw `ActionFailure` where
/// the registry cannot be asked or refuses.
package protocol ArtifactRegistry: Sendable {
    func hasBlob(_ digest: String, in repository: String) async throws -> Bool
    /// Uploads `bytes`, whose digest is `digest`.
    func putBlob(_ bytes: [UInt8], digest: String, in repository: String) async throws
    /// The manifest of a tag or digest; nil where there is none.
    func manifest(_ reference: String, in repository: String) async throws -> StoredManifest?
    /// Puts a manifest under a tag or its digest. True where the registry says that it keeps referrers itself
    /// (`OCI-Subject`), so that no fallback tag is needed.
    func put(_ manifest: StoredManifest, as reference: String, in repository: String) async throws -> Bool
}

/// The artifacts of releases in one repository of a registry.
package struct ArtifactPush: Sendable {
    private static let manifestType = "application/vnd.oci.image.manifest.v1+json"
    private static let indexType = "application/vnd.oci.image.index.v1+json"
    private static let emptyType = "application/vnd.oci.empty.v1+json"
    /// What an attestation's layer holds.
    package static let envelopeType = "application/vnd.dsse.envelope.v1+json"

    private let registry: any ArtifactRegistry

    package init(to registry: any ArtifactRegistry) {
        self.registry = registry
    }

    /// Pushes a release into `repository`, under its name as a tag, and its signatures where there are any. Gives the
    /// manifest's digest: a function of both.
    package func push(_ release: Release, signatures: Envelope? = nil, to repository: String) async throws -> String {
        var layers = [try await layer(release.canonical, ReleaseSignature.type, "release.json", repository)]
        if let signatures {
            let bytes = Array(signatures.json.sorted.text(pretty: false).utf8)
            layers.append(try await layer(bytes, Self.envelopeType, "release.json.dsse", repository))
        }
        let manifest = try await manifest(ReleaseSignature.type, layers, repository, [])
        // The manifest last: what has the tag is whole.
        if try await registry.manifest(release.name.hex, in: repository)?.digest != manifest.digest {
            _ = try await registry.put(manifest, as: release.name.hex, in: repository)
        }
        return manifest.digest
    }

    /// Attaches an attestation to the image `digest`, which `repository` has. Gives the digest of the attestation's manifest;
    /// one that is there already is not pushed again.
    package func attach(
        _ envelope: Envelope, of kind: Attestation.Kind, to digest: String, in repository: String
    ) async throws -> String {
        guard let subject = try await registry.manifest(digest, in: repository) else {
            throw ActionFailure(
                kind: .unavailable,
                diagnostic: Diagnostic(
                    .engineUnavailable, .error,
                    "'\(BytePath(repository).shown)' has no image \(BytePath(digest).shown.prefix(19)) to attest",
                    hint: "push the image first"))
        }
        let bytes = Array(envelope.json.sorted.text(pretty: false).utf8)
        let layer = try await layer(bytes, Self.envelopeType, nil, repository)
        let annotations = JSONValue.object([("in-toto.io/predicate-type", .string(kind.type))])
        let manifest = try await manifest(
            Envelope.statementType, [layer], repository,
            [("subject", Self.descriptor(subject.type, subject.bytes)), ("annotations", annotations)])
        let keepsReferrers = try await registry.put(manifest, as: manifest.digest, in: repository)
        if !keepsReferrers { try await list(manifest, annotations, of: digest, in: repository) }
        return manifest.digest
    }

    /// The referrers of `digest` as the fallback tag lists them: manifests' digests.
    package func referrers(of digest: String, in repository: String) async throws -> [String] {
        guard let index = try await registry.manifest(Self.tag(digest), in: repository) else { return [] }
        let entries = (try? JSONValue.parse(index.bytes))?.member("manifests")?.elements ?? []
        return entries.compactMap { $0.member("digest")?.text }
    }

    /// Adds a manifest to the index under the fallback tag, `sha256-<hex>` (distribution-spec 1.1, "Referrers Tag Schema").
    private func list(
        _ manifest: StoredManifest, _ annotations: JSONValue, of digest: String, in repository: String
    ) async throws {
        let before = try await registry.manifest(Self.tag(digest), in: repository)
        var entries = before.flatMap { try? JSONValue.parse($0.bytes) }?.member("manifests")?.elements ?? []
        if entries.contains(where: { $0.member("digest")?.text == manifest.digest }) { return }
        guard case .object(let members) = Self.descriptor(manifest.type, manifest.bytes) else { return }
        entries.append(
            .object(members + [("artifactType", .string(Envelope.statementType)), ("annotations", annotations)]))
        let index = JSONValue.object([
            ("schemaVersion", .number(2)), ("mediaType", .string(Self.indexType)), ("manifests", .array(entries)),
        ])
        let stored = StoredManifest(type: Self.indexType, bytes: Array(index.sorted.text(pretty: false).utf8))
        _ = try await registry.put(stored, as: Self.tag(digest), in: repository)
    }

    private static func tag(_ digest: String) -> String { "sha256-" + Attestation.digits(digest) }

    private static func descriptor(_ type: String, _ bytes: [UInt8]) -> JSONValue {
        .object([
            ("mediaType", .string(type)), ("digest", .string("sha256:" + SHA256Value.of(bytes).hex)),
            ("size", .number(bytes.count)),
        ])
    }

    private func layer(
        _ bytes: [UInt8], _ type: String, _ title: String?, _ repository: String
    ) async throws -> JSONValue {
        try await putBlob(bytes, repository)
        guard let title, case .object(let members) = Self.descriptor(type, bytes) else {
            return Self.descriptor(type, bytes)
        }
        let annotations = JSONValue.object([("org.opencontainers.image.title", .string(title))])
        return .object(members + [("annotations", annotations)])
    }

    private func putBlob(_ bytes: [UInt8], _ repository: String) async throws {
        let digest = "sha256:" + SHA256Value.of(bytes).hex
        if try await registry.hasBlob(digest, in: repository) { return }
        try await registry.putBlob(bytes, digest: digest, in: repository)
    }

    private func manifest(
        _ type: String, _ layers: [JSONValue], _ repository: String, _ more: [(String, JSONValue)]
    ) async throws -> StoredManifest {
        let empty = Array("{}".utf8)
        try await putBlob(empty, repository)
        let document = JSONValue.object(
            [
                ("schemaVersion", .number(2)), ("mediaType", .string(Self.manifestType)),
                ("artifactType", .string(type)), ("config", Self.descriptor(Self.emptyType, empty)),
                ("layers", .array(layers)),
            ] + more)
        return StoredManifest(type: Self.manifestType, bytes: Array(document.sorted.text(pretty: false).utf8))
    }
}
