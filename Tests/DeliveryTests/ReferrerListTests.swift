import BuildEngine
import BuildGraph
import Delivery
import Synchronization
import Testing

/// The list of what is attached, which registries without referrers of their own keep under a tag that anybody may write over:
/// nobody's attachment is lost there.
@Suite struct ReferrerListTests {
    private static let image = StoredManifest(
        type: "application/vnd.oci.image.manifest.v1+json", bytes: Array("{}".utf8))
    private static var tag: String { "sha256-" + image.digest.dropFirst(7) }

    private func attachment(_ text: String) -> AttachedArtifact {
        AttachedArtifact(
            type: "application/x-test", contentType: "text/plain", bytes: Array(text.utf8),
            annotations: ["text": text])
    }

    private func filled() async throws -> MemoryRegistry {
        let registry = MemoryRegistry()
        _ = try await registry.put(Self.image, as: "1", in: "lms/web")
        return registry
    }

    /// What others find under the tag, who know nothing of lmsbuild.
    private func listed(_ registry: MemoryRegistry) async throws -> [JSONValue] {
        let stored = try #require(try await registry.manifest(Self.tag, in: "lms/web"))
        return try JSONValue.parse(stored.bytes).member("manifests")?.elements ?? []
    }

    /// One has read the list; before it writes, another reads, writes, looks again and is done.
    @Test(arguments: [1, 2, 3]) func whoWritesInBetweenIsNotLost(times: Int) async throws {
        let registry = try await filled()
        let interrupted = InterruptedRegistry(registry, tag: Self.tag)
        let others = (0..<times).map { attachment("other \($0)") }
        let digest = Self.image.digest
        interrupted.queue.withLock { queue in
            queue = others.map { other in
                {
                    _ = try await ArtifactPush(to: registry, settle: {}).attach(other, to: digest, in: "lms/web")
                }
            }
        }
        let own = try await ArtifactPush(to: interrupted, settle: {}).attach(
            attachment("own"), to: digest, in: "lms/web")
        #expect(interrupted.queue.withLock { $0.isEmpty })
        let list = try await listed(registry)
        #expect(list.contains { $0.member("digest")?.text == own })
        #expect(
            Set(list.compactMap { $0.member("annotations")?.member("text")?.text })
                == Set(others.indices.map { "other \($0)" } + ["own"]))
        #expect(list.allSatisfy { $0.member("artifactType")?.text == "application/x-test" })
        let found = try await ArtifactPush(to: registry).attachments(
            of: "application/x-test", to: digest, in: "lms/web")
        #expect(found.count == times + 1)
    }

    @Test func ofManyAtOnceNoneIsLost() async throws {
        for _ in 0..<20 {
            let registry = try await filled()
            let digest = Self.image.digest
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<6 {
                    let own = attachment("\(number)")
                    group.addTask {
                        let yielding = InterruptedRegistry(registry, tag: Self.tag)
                        yielding.queue.withLock { $0 = [{ for _ in 0..<number { await Task.yield() } }] }
                        _ = try await ArtifactPush(to: yielding, settle: {}).attach(own, to: digest, in: "lms/web")
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await listed(registry).count == 6)
        }
    }

    @Test func whatAnotherImageHasIsNotListed() async throws {
        let registry = try await filled()
        let other = StoredManifest(type: Self.image.type, bytes: Array("{\"a\": 1}".utf8))
        _ = try await registry.put(other, as: "2", in: "lms/web")
        let push = ArtifactPush(to: registry, settle: {})
        let own = try await push.attach(attachment("own"), to: Self.image.digest, in: "lms/web")
        let foreign = try await push.attach(attachment("own"), to: other.digest, in: "lms/web")
        // Somebody gives a tag of ours to what is attached to something else.
        let stored = try #require(try await registry.manifest(foreign, in: "lms/web"))
        _ = try await registry.put(stored, as: "\(Self.tag).00", in: "lms/web")
        let second = try await push.attach(attachment("second"), to: Self.image.digest, in: "lms/web")
        #expect(try await push.referrers(of: Self.image.digest, in: "lms/web").map(\.digest) == [own, second])
    }
}

/// Something happens each time right before a list is written.
private final class InterruptedRegistry: ArtifactRegistry {
    typealias Event = @Sendable () async throws -> Void

    let queue: Mutex<[Event]> = Mutex([])
    private let registry: MemoryRegistry
    private let tag: String

    init(_ registry: MemoryRegistry, tag: String) {
        (self.registry, self.tag) = (registry, tag)
    }

    func put(_ manifest: StoredManifest, as reference: String, in repository: String) async throws -> Bool {
        if reference == tag, let event = queue.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { try await event() }
        return try await registry.put(manifest, as: reference, in: repository)
    }

    func hasBlob(_ digest: String, in repository: String) async throws -> Bool {
        try await registry.hasBlob(digest, in: repository)
    }
    func putBlob(_ bytes: [UInt8], digest: String, in repository: String) async throws {
        try await registry.putBlob(bytes, digest: digest, in: repository)
    }
    func blob(_ digest: String, in repository: String) async throws -> [UInt8] {
        try await registry.blob(digest, in: repository)
    }
    func manifest(_ reference: String, in repository: String) async throws -> StoredManifest? {
        try await registry.manifest(reference, in: repository)
    }
    func referrers(of digest: String, in repository: String) async throws -> [UInt8]? { nil }
    func tags(of repository: String) async throws -> [String] { try await registry.tags(of: repository) }
}
