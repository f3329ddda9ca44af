// Releases in a registry: an OCI artifact under the release's name, with signatures and verdicts attached to it. Does not know
// workspaces, nor whose signature counts.
package import BuildEngine
package import BuildGraph
import Buildfile

/// The releases of one repository.
package struct ReleaseArtifacts: Sendable {
    /// A release as the registry has it.
    package struct Pulled: Sendable {
        /// Its bytes have the name that was asked for; with the verdicts that were attached.
        package let release: Release
        /// All signatures that were attached, in one envelope; nil where there are none. Nobody has judged them.
        package let signatures: Envelope?
    }

    /// What the verdicts on a release's contracts are called.
    private static let verdictsType = "application/vnd.lmsbuild.verdicts.v1+json"
    /// What a release's signatures are called.
    private static let signaturesType = "application/vnd.lmsbuild.release.signatures.v1+json"

    private let artifacts: ArtifactPush
    private let repository: String

    /// `repository` is a path in the registry, such as `lms/lmsbuild/releases`.
    package init(_ registry: any ArtifactRegistry, repository: String) {
        artifacts = ArtifactPush(to: registry)
        self.repository = repository
    }

    /// Where a project's releases are, beside its images: no component can have such a name.
    package static func repository(below registry: String) -> String { registry + "/lmsbuild/releases" }

    /// Pushes a release under its name as a tag, and attaches what is known of it. The manifest is a function of the
    /// release's contents alone, so the tag never moves; signatures and verdicts add to those that are there. Gives the
    /// manifest's digest.
    package func push(_ release: Release, signatures: Envelope?) async throws -> String {
        let registry = artifacts.registry
        let layer = try await artifacts.layer(
            release.canonical, ReleaseSignature.type, "release.json", repository)
        let manifest = try await artifacts.manifest(ReleaseSignature.type, [layer], repository, [])
        // The manifest last: what has the tag is whole.
        let there = try await registry.manifest(release.name.hex, in: repository)
        if let there, there.digest != manifest.digest {
            throw PushFailure.taken([
                .init(reference: "\(repository):\(release.name.hex)", here: manifest.digest, there: there.digest)
            ])
        }
        if there == nil { _ = try await registry.put(manifest, as: release.name.hex, in: repository) }
        if let signatures {
            try await artifacts.attach(
                AttachedArtifact(
                    type: Self.signaturesType, contentType: ArtifactPush.envelopeType, bytes: signatures.document),
                to: manifest.digest, in: repository)
        }
        if release.verdicts.contains(where: { $0.verdict != .unverified }) {
            try await artifacts.attach(
                AttachedArtifact(
                    type: Self.verdictsType, contentType: Self.verdictsType, bytes: release.verdictDocument),
                to: manifest.digest, in: repository)
        }
        return manifest.digest
    }

    /// The names of the releases whose names begin with `digits`, sorted.
    package func names(beginning digits: String) async throws -> [SHA256Value] {
        // A whole name need not be looked for.
        if let name = SHA256Value(hex: digits) {
            return try await artifacts.registry.manifest(digits, in: repository) == nil ? [] : [name]
        }
        return try await artifacts.registry.tags(of: repository)
            .filter { $0.hasPrefix(digits) }.compactMap { SHA256Value(hex: $0) }.sorted()
    }

    /// The release of this name; nil where there is none. Throws LMS311 for what is no release, or not this one: a
    /// registry is not believed.
    package func pull(_ name: SHA256Value) async throws -> Pulled? {
        let registry = artifacts.registry
        guard let manifest = try await registry.manifest(name.hex, in: repository) else { return nil }
        let shown = "\(repository):\(name.hex)"
        guard let document = try? JSONValue.parse(manifest.bytes),
            let layer = document.member("layers")?.elements?.first(where: {
                $0.member("mediaType")?.text == ReleaseSignature.type
            }), let digest = layer.member("digest")?.text, ImageReference.isDigest(digest)
        else { throw Self.noRelease(shown, "it is another kind of artifact") }
        let release = try Release(reading: try await registry.blob(digest, in: repository), name: shown)
        guard release.name == name else {
            throw Self.noRelease(shown, "its content has the name \(release.shortName), so it was altered")
        }
        var signatures: Envelope?
        for bytes in try await artifacts.attachments(of: Self.signaturesType, to: manifest.digest, in: repository) {
            guard let envelope = try? Envelope(reading: bytes, name: shown),
                ReleaseSignature.speaks(envelope, of: release)
            else { continue }
            signatures = signatures.map { $0.adding(envelope) } ?? envelope
        }
        var verdicts: [Release.KnownVerdict] = []
        // The newest is listed last, and is to win.
        for bytes in try await artifacts.attachments(of: Self.verdictsType, to: manifest.digest, in: repository)
            .reversed()
        {
            verdicts += Release.verdicts(reading: bytes)
        }
        return Pulled(release: release.knowing(verdicts), signatures: signatures)
    }

    private static func noRelease(_ shown: String, _ why: String) -> Diagnostic {
        Diagnostic(
            .badRecord, "'\(BytePath(shown).shown)' in the registry is not the release of that name: \(why)",
            hint: "whoever can write there has put it there; push the release again under another registry path")
    }
}
