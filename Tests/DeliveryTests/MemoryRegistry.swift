import BuildEngine
import BuildGraph
import Delivery
import Synchronization
import Testing

/// A registry in memory that counts what is put.
final class MemoryRegistry: ArtifactRegistry {
    private struct State {
        var blobs: [String: [UInt8]] = [:]
        var manifests: [String: StoredManifest] = [:]
        var puts: [String] = []
    }

    private let state = Mutex(State())
    private let keepsReferrers: Bool

    init(keepsReferrers: Bool = false) {
        self.keepsReferrers = keepsReferrers
    }

    var puts: [String] { state.withLock { $0.puts } }

    func blob(_ digest: String) -> [UInt8]? { state.withLock { $0.blobs[digest] } }

    func hasBlob(_ digest: String, in repository: String) async throws -> Bool { blob(digest) != nil }

    func putBlob(_ bytes: [UInt8], digest: String, in repository: String) async throws {
        #expect(digest == "sha256:" + SHA256Value.of(bytes).hex)
        state.withLock {
            $0.blobs[digest] = bytes
            $0.puts.append("blob")
        }
    }

    func manifest(_ reference: String, in repository: String) async throws -> StoredManifest? {
        state.withLock { $0.manifests[reference] }
    }

    func blob(_ digest: String, in repository: String) async throws -> [UInt8] { blob(digest) ?? [] }

    func referrers(of digest: String, in repository: String) async throws -> [UInt8]? { nil }

    func tags(of repository: String) async throws -> [String] {
        state.withLock { $0.manifests.keys.filter { !$0.contains(":") }.sorted() }
    }

    func put(_ manifest: StoredManifest, as reference: String, in repository: String) async throws -> Bool {
        state.withLock { state in
            // What a manifest names has to be there before it.
            for digest in Self.blobs(manifest) { #expect(state.blobs[digest] != nil) }
            state.manifests[reference] = manifest
            state.manifests[manifest.digest] = manifest
            state.puts.append(reference)
        }
        return keepsReferrers
    }

    private static func blobs(_ manifest: StoredManifest) -> [String] {
        let document = try? JSONValue.parse(manifest.bytes)
        let all = (document?.member("layers")?.elements ?? []) + [document?.member("config")].compactMap { $0 }
        return all.compactMap { $0.member("digest")?.text }
    }
}
