import BuildEngine
import BuildGraph
import BuildTestSupport
import Buildfile
import Glibc
import Testing

@Suite struct ReleaseTests {
    private static let digest = "sha256:" + String(repeating: "d", count: 64)
    private static func hash(_ text: String) -> SHA256Value { SHA256Value.of(Array(text.utf8)) }

    private func release(commit: String? = "c0ffee") -> Release {
        let term = ContractTerm(name: "a book", digest: Self.hash("term"))
        var tools = Release.Tools()
        tools.lmsbuild = "0.1.0"
        tools.engine = "buildah 1.28.2"
        tools.declared = ["cc": "12"]
        return Release(
            commit: commit,
            services: [
                "web": .init(
                    hash: InputHash(Self.hash("web")), image: "localhost/web:1", digest: Self.digest,
                    layers: [Self.digest]), "api": .init(hash: InputHash(Self.hash("api")), image: nil, digest: nil),
            ],
            contracts: [
                .init(
                    consumer: "web", provider: "api", files: [BytePath("web/api.json")], terms: [term],
                    verification: Self.hash("v"), verdicts: [term.digest: .pending])
            ], hashes: ["web:image": InputHash(Self.hash("web"))]
        ).with(environments: ["prod": .init(stack: Self.hash("s"), environment: nil)], tools: tools)
    }

    private func bytes(_ release: Release) -> [UInt8] { Array(release.json.text(pretty: true).utf8) }

    @Test func whatIsWrittenReadsBackUnderTheSameName() throws {
        let written = release()
        let read = try Release(reading: bytes(written), name: "r")
        #expect(read.name == written.name)
        #expect(read.services == written.services)
        #expect(read.contracts == written.contracts)
        #expect(read.environments == written.environments)
        #expect(read.tools == written.tools)
        #expect(read.canonical == written.canonical)
        #expect(SHA256Value.of(written.canonical) == written.name)
        #expect(written.shortName == String(written.name.hex.prefix(12)))
    }

    @Test func theNameIsOfTheContentAndNotOfItsLooks() throws {
        let written = release()
        let compact = Array(written.json.text(pretty: false).utf8)
        #expect(try Release(reading: compact, name: "r").name == written.name)
        guard case .object(let members) = written.json else { return }
        let turned = JSONValue.object(members.reversed()).text(pretty: true)
        #expect(try Release(reading: Array(turned.utf8), name: "r").name == written.name)
        #expect(release(commit: nil).name != written.name)
        // What a newer version adds counts, although this one cannot read it.
        let more = JSONValue.object(members + [("later", .number(1))]).text(pretty: true)
        #expect(try Release(reading: Array(more.utf8), name: "r").name != written.name)
    }

    @Test func aReleaseOfAnOlderVersionCanBeRead() throws {
        let old = """
            {"schema": 1, "commit": null, "services": {"web": {"hash": "\(Self.hash("w").hex)", "image": null,
            "digest": null}}, "contracts": [{"consumer": "web", "provider": "api", "files": [], "terms":
            [{"name": "a", "digest": "\(Self.hash("a").hex)"}], "verification": null}], "targets": {}}
            """
        let read = try Release(reading: Array(old.utf8), name: "old")
        #expect(read.services["web"]?.layers == nil)
        #expect(read.contracts.first?.verdicts.isEmpty == true)
        // Written again it has the name it had.
        #expect(try Release(reading: bytes(read), name: "again").name == read.name)
        #expect(SHA256Value.of(read.canonical) == read.name)
    }

    @Test func whatIsVerifiedLaterChangesNoName() throws {
        let written = release()
        let known = Release.KnownVerdict(consumer: "web", provider: "api", digest: Self.hash("term"), verdict: .passed)
        var later = written.with(
            contracts: written.contracts.map {
                .init(
                    consumer: $0.consumer, provider: $0.provider, files: $0.files, terms: $0.terms,
                    verification: $0.verification, verdicts: [:])
            })
        #expect(later.name == written.name)
        #expect(later.verdicts.isEmpty)
        later = later.knowing([known])
        #expect(later.name == written.name)
        #expect(later.verdicts == [known])
        #expect(try Release(reading: bytes(later), name: "r").verdicts == [known])
        // What is known is not lost to who knows nothing, nor to who knows something else.
        #expect(written.knowing([known]).verdicts.map(\.verdict) == [.pending])
        // Another term's verdict is nobody's.
        let stray = Release.KnownVerdict(consumer: "web", provider: "api", digest: Self.hash("no"), verdict: .failed)
        #expect(later.knowing([stray]).verdicts == [known])
        #expect(Release.verdicts(reading: later.verdictDocument) == [known])
    }

    @Test func aReleaseThatNamedItsVerdictsKeepsItsName() throws {
        let old = """
            {"schema": 1, "commit": null, "services": {}, "contracts": [{"consumer": "web", "provider": "api",
            "files": [], "terms": [{"name": "a", "digest": "\(Self.hash("a").hex)", "verdict": "passed"}],
            "verification": null}], "targets": {}}
            """
        let document = try JSONValue.parse(Array(old.utf8))
        let read = try Release(reading: Array(old.utf8), name: "old")
        #expect(read.name == SHA256Value.of(Array(document.sorted.text(pretty: false).utf8)))
        #expect(read.contracts.first?.verdicts == [Self.hash("a"): .passed])
        #expect(SHA256Value.of(read.canonical) == read.name)
        #expect(try Release(reading: bytes(read), name: "again").name == read.name)
    }

    @Test func keepingAReleaseAgainLosesNothingThatIsKnownOfIt() throws {
        let folder = try TemporaryFolder()
        let store = ReleaseStore(in: folder("state"))
        #expect(folder("state").withCString { mkdir($0, 0o755) } == 0)
        try store.keep(release())
        let ignorant = release().with(
            contracts: [
                .init(
                    consumer: "web", provider: "api", files: [BytePath("web/api.json")],
                    terms: release().contracts[0].terms, verification: Self.hash("v"))
            ])
        try store.keep(ignorant)
        #expect(try store.read(ignorant.name).verdicts.map(\.verdict) == [.pending])
    }

    @Test func aReleaseThatIsNotKeptHereIsLookedForElsewhere() async throws {
        let folder = try TemporaryFolder()
        let store = ReleaseStore(in: folder("state"))
        #expect(folder("state").withCString { mkdir($0, 0o755) } == 0)
        let wanted = release()
        let digits = String(wanted.name.hex.prefix(10))
        let found = try await store.find(
            digits,
            elsewhere: { asked in
                #expect(asked == digits)
                try store.keep(wanted)
                return wanted.name
            }, made: { _ in .empty })
        #expect(found.release.name == wanted.name)
        #expect(found.claimed == wanted.name)
        // One that is kept is not asked for.
        let again = try await store.find(
            digits,
            elsewhere: { _ in
                Issue.record("asked")
                return nil
            }, made: { _ in .empty })
        #expect(again.release.name == wanted.name)
        await #expect(throws: Diagnostic.self) { try await store.find("abcdabcd", made: { _ in .empty }) }
    }

    @Test func aReleaseIsFoundByWhatPeopleCallIt() async throws {
        let folder = try TemporaryFolder()
        let store = ReleaseStore(in: folder("state"))
        let (one, other) = (release(), release(commit: nil))
        #expect(folder("state").withCString { mkdir($0, 0o755) } == 0)
        for release in [one, other, one] { try store.keep(release) }
        #expect(Set(store.kept.map(\.name)) == [one.name, other.name])
        var status = stat()
        #expect(store.file(of: one.name).withCString { stat($0, &status) } == 0)
        #expect(status.st_mode & 0o777 == 0o600)

        func find(_ argument: String) async throws -> Release {
            try await store.find(argument) { $0 == .here ? one : other }.release
        }
        #expect(try await find("here").name == one.name)
        #expect(try await find("HEAD").name == other.name)
        for count in [12, 64] { #expect(try await find(String(other.name.hex.prefix(count))).name == other.name) }
        try folder.write("lock.json", bytes: bytes(one))
        let file = try await store.find(folder("lock.json").shown) { _ in other }
        #expect(file.release.name == one.name)
        #expect(file.claimed == nil)
        for wrong in ["", "abc", "there", "0000", String(one.name.hex.prefix(12)) + "g", folder("none").shown] {
            await #expect(throws: Diagnostic.self) { try await find(wrong) }
        }
    }

    @Test func digitsOfTwoNamesAreRefused() async throws {
        let folder = try TemporaryFolder()
        let store = ReleaseStore(in: folder.path)
        let name = String(repeating: "a", count: 60)
        for end in ["0001", "0002"] { try folder.write("releases/\(name)\(end).json", "{}") }
        await #expect {
            _ = try await store.find("aaaa") { _ in .empty }
        } throws: { error in
            (error as? Diagnostic)?.message == "'aaaa' begins the names of 2 releases"
        }
    }

    @Test func anAlteredReleaseIsNotTakenForTheOneThatWasKept() throws {
        let folder = try TemporaryFolder()
        let store = ReleaseStore(in: folder.path)
        let kept = release()
        try store.keep(kept)
        let file = store.file(of: kept.name)
        let text = String(decoding: try readFile(file.shown), as: UTF8.self)
        try folder.write(
            "releases/\(kept.name.hex).json", text.replacing("c0ffee", with: "c0ffef"), mode: 0o600)
        #expect {
            _ = try store.read(kept.name)
        } throws: { error in
            (error as? Diagnostic)?.code == .badRecord
        }
        // Whatever is cut off or turned over is refused or has another name, and nothing ends the program.
        let whole = Array(text.utf8)
        for count in stride(from: 0, to: whole.count - 2, by: 7) {
            #expect(throws: Diagnostic.self) { try Release(reading: Array(whole.prefix(count)), name: "cut") }
        }
        var random = SeededGenerator(seed: 5)
        for _ in 0..<500 {
            var bytes = whole
            bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            guard let read = try? Release(reading: bytes, name: "bit"), read.name == kept.name else { continue }
            #expect(read.canonical == kept.canonical)
        }
    }
}

@Suite struct ReleaseDifferenceTests {
    private static func hash(_ text: String) -> SHA256Value { SHA256Value.of(Array(text.utf8)) }

    private func release(
        _ services: [String: String], _ terms: [String: Release.TermVerdict?] = [:], _ stack: String? = nil
    ) -> Release {
        Release(
            commit: nil,
            services: services.mapValues { .init(hash: InputHash(Self.hash($0)), image: nil, digest: nil) },
            contracts: [
                .init(
                    consumer: "web", provider: "api", files: [],
                    terms: terms.keys.sorted().map { ContractTerm(name: $0, digest: Self.hash($0)) }, verification: nil,
                    verdicts: Dictionary(
                        terms.compactMap { name, verdict in verdict.map { (Self.hash(name), $0) } },
                        uniquingKeysWith: { $1 }))
            ], hashes: [:]
        ).with(environments: stack.map { ["prod": .init(stack: Self.hash($0), environment: nil)] })
    }

    @Test func onlyWhatDiffersIsTold() {
        let same = ReleaseDifference(from: release(["a": "1"]), to: release(["a": "1"]))
        #expect(same.isEmpty)
        let difference = ReleaseDifference(
            from: release(["a": "1", "b": "1", "c": "1"], ["x": .passed, "y": .failed, "z": nil], "s"),
            to: release(["a": "1", "b": "2", "d": "1"], ["x": .passed, "y": .passed, "w": .pending], "t"))
        #expect(difference.services.map(\.name) == ["b", "c", "d"])
        #expect(difference.services.map { $0.old == nil } == [false, false, true])
        #expect(difference.terms.map(\.term.name) == ["w", "y", "z"])
        #expect(difference.terms.map(\.wasThere) == [false, true, true])
        #expect(difference.terms.map(\.isThere) == [true, true, false])
        #expect(difference.environments.map(\.name) == ["prod"])
    }
}
