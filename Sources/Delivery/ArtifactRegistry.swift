// OCI artifacts (image-spec 1.1) and what is attached to them, through whatever speaks to a registry. Does not know HTTP or
// credentials, nor what a release is.
import BuildEngine
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

/// What artifacts need of a registry. Digests are `sha256:` and 64 hex digits; all calls throw `RegistryError` where the registry
/// cannot be asked or refuses.
package protocol ArtifactRegistry: Sendable {
    func hasBlob(_ digest: String, in repository: String) async throws -> Bool
    /// Uploads `bytes`, whose digest is `digest`.
    func putBlob(_ bytes: [UInt8], digest: String, in repository: String) async throws
    /// The bytes of a small blob, which are those that its digest names.
    func blob(_ digest: String, in repository: String) async throws -> [UInt8]
    /// The manifest of a tag or digest; nil where there is none.
    func manifest(_ reference: String, in repository: String) async throws -> StoredManifest?
    /// Puts a manifest under a tag or its digest. True where the registry says that it keeps referrers itself
    /// (`OCI-Subject`), so that no fallback tag is needed.
    func put(_ manifest: StoredManifest, as reference: String, in repository: String) async throws -> Bool
    /// The index of what refers to a manifest, as the registry itself keeps it; nil where it keeps none.
    func referrers(of digest: String, in repository: String) async throws -> [UInt8]?
    /// Sorted; empty where there is no such repository.
    func tags(of repository: String) async throws -> [String]
}

/// What is attached to a manifest.
package struct AttachedArtifact: Sendable, Hashable {
    /// Of the artifact, by which those who look for it find it.
    package let type: String
    /// Of its bytes.
    package let contentType: String
    package let bytes: [UInt8]
    /// Told of it wherever it is listed; sorted by name.
    package let annotations: [String: String]

    package init(type: String, contentType: String, bytes: [UInt8], annotations: [String: String] = [:]) {
        (self.type, self.contentType, self.bytes, self.annotations) = (type, contentType, bytes, annotations)
    }

    /// A signed statement of an image, as who verifies images looks for it.
    package init(_ envelope: Envelope, of kind: Attestation.Kind) {
        self.init(
            type: Envelope.statementType, contentType: ArtifactPush.envelopeType, bytes: envelope.document,
            annotations: ["in-toto.io/predicate-type": kind.type])
    }

    fileprivate var annotationsJSON: JSONValue? {
        annotations.isEmpty
            ? nil : .object(annotations.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })
    }
}

/// One thing that refers to a manifest, as a list of referrers has it.
package struct Referrer: Sendable, Hashable {
    /// Of its own manifest: `sha256:…`.
    package let digest: String
    /// Empty where the list does not say it.
    package let type: String
}

/// Artifacts in the repositories of one registry.
package struct ArtifactPush: Sendable {
    static let manifestType = "application/vnd.oci.image.manifest.v1+json"
    private static let indexType = "application/vnd.oci.image.index.v1+json"
    private static let emptyType = "application/vnd.oci.empty.v1+json"
    /// What an attestation's layer holds.
    package static let envelopeType = "application/vnd.dsse.envelope.v1+json"
    /// Between the fallback tag of what something is attached to and the first digits of the attachment's own digest.
    private static let mark = "."
    private static let markDigits = 32
    /// How often a list is written again that others write at the same time.
    private static let attempts = 8

    let registry: any ArtifactRegistry
    private let settle: @Sendable () async throws -> Void

    /// `settle` waits until who has read a list at the same time has written it.
    package init(
        to registry: any ArtifactRegistry,
        settle: @escaping @Sendable () async throws -> Void = { try await Task.sleep(for: .milliseconds(150)) }
    ) {
        self.registry = registry
        self.settle = settle
    }

    /// Attaches something to the manifest `digest`, which `repository` has. Gives the digest of the attachment's own
    /// manifest; one that is there already is not listed again. What others have attached stays.
    @discardableResult
    package func attach(
        _ attachment: AttachedArtifact, to digest: String, in repository: String
    ) async throws -> String {
        guard let subject = try await registry.manifest(digest, in: repository) else {
            throw ActionFailure(
                kind: .unavailable,
                diagnostic: Diagnostic(
                    .engineUnavailable, .error,
                    "'\(BytePath(repository).shown)' has no \(BytePath(digest).shown.prefix(19)) to attach anything to",
                    hint: "push it first"))
        }
        let layer = try await layer(attachment.bytes, attachment.contentType, nil, repository)
        var more = [("subject", Self.descriptor(subject.type, subject.bytes))]
        if let annotations = attachment.annotationsJSON { more.append(("annotations", annotations)) }
        let manifest = try await manifest(attachment.type, [layer], repository, more)
        let keepsReferrers = try await registry.put(manifest, as: manifest.digest, in: repository)
        if !keepsReferrers { try await list(manifest, of: digest, in: repository) }
        return manifest.digest
    }

    /// What refers to `digest`: as the registry itself tells, or else as the fallback tag lists it.
    package func referrers(of digest: String, in repository: String) async throws -> [Referrer] {
        var bytes = try await registry.referrers(of: digest, in: repository)
        if bytes == nil { bytes = try await registry.manifest(Self.tag(digest), in: repository)?.bytes }
        let entries = bytes.flatMap { try? JSONValue.parse($0) }?.member("manifests")?.elements ?? []
        return entries.compactMap { entry in
            guard let digest = entry.member("digest")?.text, ImageReference.isDigest(digest) else { return nil }
            return Referrer(digest: digest, type: entry.member("artifactType")?.text ?? "")
        }
    }

    /// The contents of everything of `type` that refers to `digest`: the first layer of each, in the list's order.
    package func attachments(
        of type: String, to digest: String, in repository: String
    ) async throws -> [[UInt8]] {
        var found: [[UInt8]] = []
        for referrer in try await referrers(of: digest, in: repository)
        where referrer.type == type || referrer.type.isEmpty {
            guard let manifest = try await registry.manifest(referrer.digest, in: repository),
                let document = try? JSONValue.parse(manifest.bytes), document.member("artifactType")?.text == type,
                let layer = document.member("layers")?.elements?.first?.member("digest")?.text
            else { continue }
            found.append(try await registry.blob(layer, in: repository))
        }
        return found
    }

    /// Adds a manifest to the index under the fallback tag, `sha256-<hex>` (distribution-spec 1.1, "Referrers Tag Schema").
    ///
    /// A registry cannot compare and set, so who writes the list at the same time writes over it. Therefore each attachment
    /// has a tag of its own first, and whoever has written the list looks afterwards whether all that have one are in it:
    /// of any number who write at once, the last one to write sees all others' tags, and adds what it has written over.
    private func list(_ manifest: StoredManifest, of digest: String, in repository: String) async throws {
        let own = Self.tag(digest) + Self.mark + Attestation.digits(manifest.digest).prefix(Self.markDigits)
        if try await registry.manifest(own, in: repository) == nil {
            _ = try await registry.put(manifest, as: own, in: repository)
        }
        for _ in 0..<Self.attempts {
            let before = try await registry.manifest(Self.tag(digest), in: repository)
            let document = try before.map { try index($0, of: digest, in: repository) }
            let entries = document?.member("manifests")?.elements ?? []
            let missing = try await tagged(digest, besides: entries, in: repository)
            if missing.isEmpty { return }
            // What else others have written into the index stays.
            let fresh: [(String, JSONValue)] = [
                ("schemaVersion", .number(2)), ("mediaType", .string(Self.indexType)),
            ]
            let kept = (document?.members ?? fresh).filter { $0.0 != "manifests" }
            let list = JSONValue.object(kept + [("manifests", .array(entries + missing))])
            let stored = StoredManifest(type: Self.indexType, bytes: Array(list.sorted.text(pretty: false).utf8))
            _ = try await registry.put(stored, as: Self.tag(digest), in: repository)
            // Those who give their attachments no tag have only this time to be seen.
            try await settle()
        }
        throw ActionFailure(
            kind: .unavailable,
            diagnostic: Diagnostic(
                .registryFailed, .error,
                "'\(repository):\(Self.tag(digest).prefix(19))…', the list of what is attached, is written by others again and again",
                hint: "run the command again"))
    }

    /// What is attached to `digest` under a tag of its own and is not among `entries`, as the list is to have it.
    private func tagged(
        _ digest: String, besides entries: [JSONValue], in repository: String
    ) async throws -> [JSONValue] {
        let listed = Set(entries.compactMap { $0.member("digest")?.text })
        let start = Self.tag(digest) + Self.mark
        var missing: [JSONValue] = []
        for tag in try await registry.tags(of: repository) where tag.hasPrefix(start) {
            if listed.contains(where: { Attestation.digits($0).hasPrefix(tag.dropFirst(start.count)) }) { continue }
            guard let manifest = try await registry.manifest(tag, in: repository),
                case .object(var entry) = Self.descriptor(manifest.type, manifest.bytes),
                let document = try? JSONValue.parse(manifest.bytes),
                document.member("subject")?.member("digest")?.text == digest
            else { continue }
            entry.append(("artifactType", document.member("artifactType") ?? .string("")))
            if let annotations = document.member("annotations") { entry.append(("annotations", annotations)) }
            missing.append(.object(entry))
        }
        return missing
    }

    /// The list under a fallback tag. What is none is not written over.
    private func index(_ stored: StoredManifest, of digest: String, in repository: String) throws -> JSONValue {
        if let document = try? JSONValue.parse(stored.bytes), document.member("manifests")?.elements != nil {
            return document
        }
        throw ActionFailure(
            kind: .unavailable,
            diagnostic: Diagnostic(
                .registryFailed, .error,
                "'\(repository):\(Self.tag(digest))' is no list of what is attached, and is not written over",
                hint: "somebody has pushed something else under that tag; remove it"))
    }

    private static func tag(_ digest: String) -> String { "sha256-" + Attestation.digits(digest) }

    private static func descriptor(_ type: String, _ bytes: [UInt8]) -> JSONValue {
        .object([
            ("mediaType", .string(type)), ("digest", .string("sha256:" + SHA256Value.of(bytes).hex)),
            ("size", .number(bytes.count)),
        ])
    }

    func layer(
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

    func manifest(
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
