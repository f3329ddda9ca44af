import BuildTestSupport
import Buildfile
import Testing

@testable import BuildGraph

/// What moves an input hash and what does not, on one small graph changed in one place at a time.
@Suite struct ManifestTests {
    private static let buildfile = """
        level ?= low
        tool sh 1
        service a
            dir a
            needs sh
            env FLAVOUR
            pass SEEN
            port = 80
            [timeout 5m]
            build: src/** -> out/x
                make $port $level $FLAVOUR $SEEN
            unit: :build
                check

        """

    private static let files = ["a/src/f": "1", "a/src/g": "2"]

    private func hashes(
        _ buildfile: String = buildfile, environment: [String: String] = [:],
        change: (inout MemoryFileSystem) -> Void = { _ in }
    ) throws -> [String: InputHash] {
        var tree = MemoryFileSystem(Self.files.merging(["Buildfile": buildfile]) { $1 })
        change(&tree)
        let resolution = try resolve(tree, ResolutionSettings(environment: environment))
        let graph = try #require(resolution.graph, "\(resolution.diagnostics)")
        let hashed = try HashedGraph(graph)
        return Dictionary(uniqueKeysWithValues: zip(graph.targets.map(\.label.description), hashed.hashes))
    }

    @Test(arguments: [
        ("make $port", "make  $port"), ("port = 80", "port = 81"), ("level ?= low", "level ?= high"),
        ("tool sh 1", "tool sh 2"), ("-> out/x", "-> out/y"), ("-> out/x", "-> out/x/"),
        ("[timeout 5m]", "[network]"), ("[timeout 5m]", "[platform linux/arm64]"),
        ("[timeout 5m]", "[gate lint <= 0 out/x]"), ("[timeout 5m]", "[gate lint new <= 0 out/x]"),
        ("    needs sh", "    needs sh\n    shell /bin/bash -eu"),
    ]) func theBuildfileMovesTheHash(old: String, new: String) throws {
        let changed = try hashes(Self.buildfile.replacing(old, with: new))
        let before = try hashes()
        #expect(changed["a:build"] != before["a:build"])
        #expect(changed["a:unit"] != before["a:unit"])
    }

    @Test(arguments: [
        ("[timeout 5m]", "[timeout 6m]"), ("[timeout 5m]", "[retries 3]"), ("[timeout 5m]", "[pool p] [uncached]"),
        ("port = 80", "port = 80\n    unused = 3"), ("port = 80", "port = 80   # a comment"),
        ("    pass SEEN", "    pass SEEN OTHER\n    owners me"), ("service a", "# a comment\nservice a"),
    ]) func whatCannotMatterDoesNot(old: String, new: String) throws {
        #expect(try hashes(Self.buildfile.replacing(old, with: new)) == hashes())
    }

    private static let verifying = """
        service a
            dir a
            [pact states=/s] [timeout 5m]
            verify: src/**
                exec ./a
        service b
            consumes a by /a/src/g

        """

    @Test(arguments: [
        ("[pact states=/s] ", ""), ("states=/s", "states=/t"), ("states=/s", ""),
        ("states=/s", "states=/s messages=/m"),
        ("[pact states=/s]", "[pact] [states x]"),
    ]) func howAContractIsVerifiedMovesTheHash(old: String, new: String) throws {
        let changed = try hashes(Self.verifying.replacing(old, with: new))
        #expect(try changed["a:verify[b]"] != hashes(Self.verifying)["a:verify[b]"])
    }

    @Test(arguments: [
        "[pact states=/s health=/h]", "[pact wait=1s answer=1s states=/s parallel=4]",
        "[pact states=/s] [pending] [batch]",
    ]) func howAProviderIsStartedDoesNot(attributes: String) throws {
        let changed = try hashes(Self.verifying.replacing("[pact states=/s]", with: attributes))
        #expect(try changed == hashes(Self.verifying))
    }

    @Test func theVerifiersVersionIsPartOfTheHash() throws {
        let tree = MemoryFileSystem(Self.files.merging(["Buildfile": Self.verifying]) { $1 })
        let graph = try #require(try resolve(tree, ResolutionSettings()).graph)
        let target = try #require(graph.index(of: Label(component: "a", stage: "verify", consumer: "b")))
        var recorder = ManifestRecorder()
        let hashed = try HashedGraph(graph)
        try graph.walkManifest(
            of: target,
            naming: ManifestNames(
                file: hashed.digest(ofEntry:), prerequisite: { _ in [] }, imageTag: { _ in [] }), &recorder)
        #expect(
            recorder.fields.contains(
                ManifestField(.attribute, key: Array("pact".utf8), value: Array(PactVerifier.version.utf8))))
    }

    @Test func filesMoveTheHashByContentModeAndName() throws {
        let before = try hashes()["a:build"]
        let path = BytePath("a/src/f")
        #expect(try hashes { $0.set(path, contents: Array("3".utf8)) }["a:build"] != before)
        #expect(try hashes { $0.set(path, .executable, contents: Array("1".utf8)) }["a:build"] != before)
        #expect(try hashes { $0.set(path, .link, contents: Array("1".utf8)) }["a:build"] != before)
        #expect(
            try hashes {
                $0.remove(path)
                $0.set(BytePath("a/src/e"), contents: Array("1".utf8))
            }["a:build"] != before)
        #expect(try hashes { $0.set(BytePath("a/other"), contents: [1]) }["a:build"] == before)
        // The same bytes under each other's names.
        #expect(
            try hashes {
                $0.set(BytePath("a/src/f"), contents: Array("2".utf8))
                $0.set(BytePath("a/src/g"), contents: Array("1".utf8))
            }["a:build"] != before)
    }

    @Test func theEnvironmentCountsWhereItIsDeclared() throws {
        let unset = try hashes()["a:build"]
        #expect(try hashes(environment: ["FLAVOUR": ""])["a:build"] != unset)
        #expect(try hashes(environment: ["level": "high"])["a:build"] != unset)
        #expect(try hashes(environment: ["SEEN": "1", "port": "1", "PATH": "/x"])["a:build"] == unset)
    }

    @Test func bytesThatMoveBetweenNeighboursChangeTheDigest() {
        func digest(_ fields: [ManifestField]) -> Digest {
            var hasher = ManifestHasher()
            for field in fields { hasher.visit(field) }
            return hasher.digest(domain: "test")
        }
        let one = digest([ManifestField(.value, key: [1, 2], value: [3])])
        #expect(one != digest([ManifestField(.value, key: [1], value: [2, 3])]))
        #expect(one != digest([ManifestField(.value, key: [1, 2, 3], value: [])]))
        #expect(one != digest([ManifestField(.tool, key: [1, 2], value: [3])]))
        #expect(
            digest([ManifestField(.file, value: [1]), ManifestField(.file, value: [])])
                != digest([ManifestField(.file, value: []), ManifestField(.file, value: [1])]))
    }
}
