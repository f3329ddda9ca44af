// One registry as artifacts need it. Does not know what they are.
import BuildEngine

/// Artifacts by HTTP.
package struct RegistryArtifacts: ArtifactRegistry {
    private let client: RegistryClient

    package init(_ client: RegistryClient) {
        self.client = client
    }

    package func hasBlob(_ digest: String, in repository: String) async throws -> Bool {
        try await client.hasBlob(digest, in: repository)
    }

    package func putBlob(_ bytes: [UInt8], digest: String, in repository: String) async throws {
        _ = try await client.put(blob: digest, .bytes(bytes), size: bytes.count, in: repository)
    }

    package func blob(_ digest: String, in repository: String) async throws -> [UInt8] {
        try await client.blob(digest, in: repository)
    }

    package func manifest(_ reference: String, in repository: String) async throws -> StoredManifest? {
        try await client.manifest(reference, in: repository).map { StoredManifest(type: $0.type, bytes: $0.bytes) }
    }

    package func put(
        _ manifest: StoredManifest, as reference: String, in repository: String
    ) async throws -> Bool {
        try await client.putManifest(manifest.bytes, type: manifest.type, as: reference, in: repository).keepsReferrers
    }

    package func referrers(of digest: String, in repository: String) async throws -> [UInt8]? {
        try await client.referrers(of: digest, in: repository)
    }

    package func tags(of repository: String) async throws -> [String] { try await client.tags(of: repository) }
}
