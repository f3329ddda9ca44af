import BuildEngine
import BuildGraph
import BuildTestSupport
import Buildfile
import Delivery
import Testing

/// Releases in a registry, as others find them there.
@Suite struct ReleaseArtifactTests {
    private let registry = MemoryRegistry()
    private var releases: ReleaseArtifacts { ReleaseArtifacts(registry, repository: "lms/lmsbuild/releases") }

    private static func hash(_ text: String) -> SHA256Value { SHA256Value.of(Array(text.utf8)) }
    private static let term = ContractTerm(name: "a book", digest: hash("term"))

    private func release(_ commit: String = "c0ffee", _ verdict: Release.TermVerdict = .unverified) -> Release {
        Release(
            commit: commit,
            services: ["api": .init(hash: InputHash(Self.hash("api")), image: nil, digest: nil)],
            contracts: [
                .init(
                    consumer: "web", provider: "api", files: [BytePath("web/api.json")], terms: [Self.term],
                    verification: Self.hash("v"), verdicts: [Self.term.digest: verdict])
            ], hashes: [:])
    }

    private func signed(_ release: Release, _ key: String) -> Envelope {
        ReleaseSignature.envelope(of: release).with(.init(key: key, bytes: Array(0..<64)))
    }

    @Test func aReleaseIsPushedOnceUnderItsName() async throws {
        let digest = try await releases.push(release(), signatures: nil)
        #expect(registry.puts == ["blob", "blob", release().name.hex])
        #expect(try await releases.push(release(), signatures: nil) == digest)
        #expect(registry.puts.count == 3)
        let manifest = try #require(try await registry.manifest(digest, in: "lms/lmsbuild/releases"))
        let document = try JSONValue.parse(manifest.bytes)
        #expect(document.member("artifactType")?.text == "application/vnd.lmsbuild.release.v1+json")
        #expect(
            document.member("config")?.member("digest")?.text
                == "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a")
        // The release's blob is called by its name: nobody has to believe anybody.
        #expect(
            document.member("layers")?.elements?.first?.member("digest")?.text == "sha256:" + release().name.hex)
    }

    @Test func itIsPulledByDigitsOfItsName() async throws {
        let (one, other) = (release(), release("beef"))
        for release in [one, other] { _ = try await releases.push(release, signatures: nil) }
        for count in [8, 64] {
            #expect(try await releases.names(beginning: String(one.name.hex.prefix(count))) == [one.name])
        }
        #expect(try await releases.names(beginning: String(Self.hash("none").hex)) == [])
        let pulled = try #require(try await releases.pull(one.name))
        #expect(pulled.release.name == one.name)
        #expect(pulled.release.canonical == one.canonical)
        #expect(pulled.signatures == nil)
        #expect(try await releases.pull(Self.hash("none")) == nil)
    }

    @Test func signaturesAndVerdictsAddUp() async throws {
        let first = try await releases.push(release(), signatures: signed(release(), "ada"))
        // Verified later, and signed by somebody else: the same release.
        let second = try await releases.push(release("c0ffee", .passed), signatures: signed(release(), "bob"))
        #expect(first == second)
        var pulled = try #require(try await releases.pull(release().name))
        #expect(pulled.signatures?.signatures.map(\.key) == ["ada", "bob"])
        #expect(pulled.release.verdicts.map(\.verdict) == [.passed])
        #expect(pulled.release.name == release().name)
        // What is known already is not lost to who knows less, and the same signature is not listed twice.
        let count = registry.puts.count
        _ = try await releases.push(release(), signatures: signed(release(), "ada"))
        #expect(!registry.puts.dropFirst(count).contains { $0.hasPrefix("sha256-") })
        pulled = try #require(try await releases.pull(release().name))
        #expect(pulled.release.verdicts.map(\.verdict) == [.passed])
        // A signature of another release that somebody attached does not count.
        let other = signed(release("beef"), "eve")
        _ = try await ArtifactPush(to: registry, settle: {}).attach(
            AttachedArtifact(
                type: "application/vnd.lmsbuild.release.signatures.v1+json", contentType: ArtifactPush.envelopeType,
                bytes: other.document), to: first, in: "lms/lmsbuild/releases")
        #expect(try await releases.pull(release().name)?.signatures?.signatures.map(\.key) == ["ada", "bob"])
    }

    @Test func anAlteredReleaseIsNotBelieved() async throws {
        let other = release("beef")
        let digest = try await releases.push(other, signatures: nil)
        let manifest = try #require(try await registry.manifest(digest, in: ""))
        _ = try await registry.put(manifest, as: release().name.hex, in: "")
        await #expect(throws: Diagnostic.self) { try await releases.pull(release().name) }
        // Nor is the tag moved to what it should be.
        await #expect(throws: PushFailure.self) { try await releases.push(release(), signatures: nil) }
        let image = StoredManifest(type: ArtifactPush.envelopeType, bytes: Array(#"{"layers": []}"#.utf8))
        _ = try await registry.put(image, as: Self.hash("image").hex, in: "")
        await #expect(throws: Diagnostic.self) { try await releases.pull(Self.hash("image")) }
    }

    // MARK: What others have attached

    private func image() async throws -> String {
        let image = StoredManifest(type: "application/vnd.oci.image.manifest.v1+json", bytes: Array("{}".utf8))
        _ = try await registry.put(image, as: "1", in: "lms/web")
        return image.digest
    }

    private func attachment(_ text: String) -> AttachedArtifact {
        AttachedArtifact(type: "application/x-test", contentType: "text/plain", bytes: Array(text.utf8))
    }

    @Test func whatOthersWroteIntoTheListStays() async throws {
        let digest = try await image()
        let tag = "sha256-" + digest.dropFirst(7)
        let theirs = """
            {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "annotations": {"by": "them"},
            "manifests": [{"mediaType": "x", "digest": "sha256:\(Self.hash("theirs").hex)", "size": 3, "theirs": [1]}]}
            """
        _ = try await registry.put(
            StoredManifest(type: "application/vnd.oci.image.index.v1+json", bytes: Array(theirs.utf8)), as: tag,
            in: "lms/web")
        let own = try await ArtifactPush(to: registry, settle: {}).attach(attachment("a"), to: digest, in: "lms/web")
        let list = try JSONValue.parse(try #require(try await registry.manifest(tag, in: "lms/web")).bytes)
        #expect(list.member("annotations")?.member("by")?.text == "them")
        #expect(list.member("manifests")?.elements?.first?.member("theirs")?.elements?.count == 1)
        #expect(list.member("manifests")?.elements?.last?.member("digest")?.text == own)
    }

    @Test func whoWritesAtTheSameTimeIsNotLost() async throws {
        let digest = try await image()
        let push = ArtifactPush(to: registry, settle: {})
        // Another has read the list before us, and writes it after us.
        let tag = "sha256-" + digest.dropFirst(7)
        let (own, theirs) = (attachment("own"), attachment("theirs"))
        let other = MemoryRegistry()
        _ = try await other.put(
            StoredManifest(type: "application/vnd.oci.image.manifest.v1+json", bytes: Array("{}".utf8)), as: "1", in: ""
        )
        let foreign = try await ArtifactPush(to: other, settle: {}).attach(theirs, to: digest, in: "lms/web")
        let list = try #require(try await other.manifest(tag, in: ""))
        let registry = registry
        let settled = ArtifactPush(to: registry) { _ = try await registry.put(list, as: tag, in: "lms/web") }
        await #expect(throws: ActionFailure.self) { try await settled.attach(own, to: digest, in: "lms/web") }
        // They write once: ours is written again, theirs stays.
        let mine = try await push.attach(own, to: digest, in: "lms/web")
        #expect(try await push.referrers(of: digest, in: "lms/web").map(\.digest) == [foreign, mine])
    }

    @Test func whatIsNoListIsNotWrittenOver() async throws {
        let digest = try await image()
        let tag = "sha256-" + digest.dropFirst(7)
        _ = try await registry.put(StoredManifest(type: "text/plain", bytes: Array("{}".utf8)), as: tag, in: "lms/web")
        let count = registry.puts.count
        await #expect(throws: ActionFailure.self) {
            try await ArtifactPush(to: registry, settle: {}).attach(attachment("a"), to: digest, in: "lms/web")
        }
        #expect(!registry.puts.dropFirst(count).contains(tag))
    }
}
