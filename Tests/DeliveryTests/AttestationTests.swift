import BuildEngine
import BuildGraph
import BuildTestSupport
import Buildfile
import Delivery
import Glibc
import Testing

@Suite struct AttestationTests {
    private static func hash(_ text: String) -> SHA256Value { SHA256Value.of(Array(text.utf8)) }

    private func release(_ commit: String = "c0ffee") -> Release {
        Release(
            commit: commit,
            services: [
                "web": .init(
                    hash: InputHash(Self.hash("web")), image: "localhost/web:1",
                    digest: "sha256:" + Self.hash("image").hex)
            ], contracts: [], hashes: [:])
    }

    // MARK: Registry

    @Test func attestationsAreListedUnderTheFallbackTag() async throws {
        let registry = MemoryRegistry()
        let push = ArtifactPush(to: registry, settle: {})
        let image = StoredManifest(type: "application/vnd.oci.image.manifest.v1+json", bytes: Array("{}".utf8))
        _ = try await registry.put(image, as: "1", in: "lms/web")
        let envelope = Envelope(type: Envelope.statementType, payload: Array("{}".utf8))
        let first = try await push.attach(AttachedArtifact(envelope, of: .provenance), to: image.digest, in: "lms/web")
        let second = try await push.attach(AttachedArtifact(envelope, of: .bom), to: image.digest, in: "lms/web")
        #expect(first != second)
        #expect(
            try await push.attach(AttachedArtifact(envelope, of: .provenance), to: image.digest, in: "lms/web") == first
        )
        #expect(try await push.referrers(of: image.digest, in: "lms/web").map(\.digest) == [first, second])
        let tag = "sha256-" + image.digest.dropFirst(7)
        #expect(registry.puts.filter { $0 == tag }.count == 2)
        let manifest = try #require(try await registry.manifest(first, in: "lms/web"))
        #expect(try JSONValue.parse(manifest.bytes).member("subject")?.member("digest")?.text == image.digest)
        // A registry that keeps referrers itself gets no tag.
        let newer = MemoryRegistry(keepsReferrers: true)
        _ = try await newer.put(image, as: "1", in: "lms/web")
        _ = try await ArtifactPush(to: newer).attach(
            AttachedArtifact(envelope, of: .bom), to: image.digest, in: "lms/web")
        #expect(!newer.puts.contains(tag))
    }

    @Test func nothingIsAttestedOfAnImageThatIsNotThere() async throws {
        let push = ArtifactPush(to: MemoryRegistry())
        await #expect(throws: ActionFailure.self) {
            try await push.attach(
                AttachedArtifact(Envelope(type: Envelope.statementType, payload: []), of: .bom), to: "sha256:none",
                in: "lms/web")
        }
    }

    // MARK: Envelopes

    @Test func anEnvelopeReadsBackAndNothingElseDoes() throws {
        for count in 0..<5 {
            let envelope = Envelope(
                type: "t", payload: Array(repeating: 0xFB, count: count),
                signatures: [.init(key: "k", bytes: Array(0..<64))])
            let bytes = Array(envelope.json.text(pretty: true).utf8)
            #expect(try Envelope(reading: bytes, name: "e") == envelope)
        }
        // The example of the DSSE specification.
        let example = Envelope(type: "http://example.com/HelloWorld", payload: Array("hello world".utf8))
        #expect(example.signedBytes == Array("DSSEv1 29 http://example.com/HelloWorld 11 hello world".utf8))
        for wrong in ["", "{}", #"{"payload": "e", "payloadType": "t", "signatures": []}"#, #"{"payload": "e30=\n"}"#] {
            #expect(throws: Diagnostic.self) { try Envelope(reading: Array(wrong.utf8), name: "e") }
        }
    }

    // MARK: Signatures

    private func keys(_ folder: TemporaryFolder, _ names: String...) async throws {
        for name in names {
            let result = try await ProcessRunner.ofTests.run(
                Command(
                    ["openssl", "genpkey", "-algorithm", "ed25519", "-out", folder(name + ".pem").shown],
                    environment: hostEnvironment(), folder: folder.path))
            #expect(result.succeeded)
        }
    }

    private func signer(_ folder: TemporaryFolder) -> Signer {
        Signer(runner: ProcessRunner.ofTests, environment: hostEnvironment(), folder: folder("work"))
    }

    @Test(.enabled(if: isInstalled("openssl"))) func onlyTheRightKeysSignatureOfTheRightReleaseCounts() async throws {
        let folder = try TemporaryFolder()
        try await keys(folder, "own", "other")
        let signer = signer(folder)
        let (envelope, key) = try await signer.sign(
            ReleaseSignature.envelope(of: release()), key: folder("own.pem"))
        let other = try await signer.publicKey(of: folder("other.pem"))
        func verdicts(_ envelope: Envelope, _ text: String) async throws -> [ReleaseSignature.Verdict] {
            let keys = try TrustedKeys(reading: Array(text.utf8), name: "keys")
            return try await ReleaseSignature.verdicts(envelope, keys, signer).map(\.verdict)
        }
        let trusted = "# who may\ntrusted ops \(key.text)  # since ever\n"
        #expect(try await verdicts(envelope, trusted) == [.valid("ops")])
        #expect(ReleaseSignature.speaks(envelope, of: release()))
        #expect(!ReleaseSignature.speaks(envelope, of: release("another")))
        #expect(try await verdicts(envelope, trusted + "revoked \(key.id)\n") == [.revoked])
        #expect(try await verdicts(envelope, "trusted else \(other.text)\n") == [.unknown])
        // The same signature over an altered lock, and under another key's name.
        let altered = Envelope(
            type: envelope.type, payload: release("another").canonical, signatures: envelope.signatures)
        #expect(try await verdicts(altered, trusted) == [.wrong])
        let typed = Envelope(type: "other", payload: envelope.payload, signatures: envelope.signatures)
        #expect(try await verdicts(typed, trusted) == [.wrong])
        let posing = Envelope(
            type: envelope.type, payload: envelope.payload,
            signatures: [.init(key: other.id, bytes: envelope.signatures[0].bytes)])
        #expect(try await verdicts(posing, "trusted else \(other.text)\n") == [.wrong])
        // Two signatures stand side by side, and signing again replaces one's own.
        let both = try await signer.sign(envelope, key: folder("other.pem")).envelope
        #expect(try await verdicts(both, trusted) == [.valid("ops"), .unknown])
        #expect(try await signer.sign(both, key: folder("own.pem")).envelope.signatures.count == 2)
    }

    @Test(.enabled(if: isInstalled("openssl"))) func otherKeysAreRefused() async throws {
        let folder = try TemporaryFolder()
        let result = try await ProcessRunner.ofTests.run(
            Command(
                ["openssl", "genpkey", "-algorithm", "x25519", "-out", folder("x.pem").shown],
                environment: hostEnvironment(), folder: folder.path))
        #expect(result.succeeded)
        try folder.write("none.pem", "no key\n")
        for name in ["x.pem", "none.pem", "missing.pem"] {
            await #expect(throws: Diagnostic.self) { try await signer(folder).publicKey(of: folder(name)) }
        }
        for line in ["trusted ops", "trusted ops abc", "revoked abc", "ops"] {
            #expect(throws: Diagnostic.self) { try TrustedKeys(reading: Array(line.utf8), name: "keys") }
        }
    }
}
