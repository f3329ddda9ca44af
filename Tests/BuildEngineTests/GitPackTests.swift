import BuildGraph
import BuildTestSupport
import Buildfile
import Glibc
import Synchronization
import Testing

@testable import BuildEngine

/// What packs say of the sizes of blobs is what git says of them.
@Suite struct GitPackTests {
    /// Counts how often git is asked for sizes.
    private final class CountingRunner: CommandRunner {
        private let runner = ProcessRunner.ofTests
        private let counted = Atomic<Int>(0)

        var sizesAsked: Int { counted.load(ordering: .relaxed) }

        func run(_ command: Command) async throws -> CommandResult {
            if command.arguments.contains("cat-file") { counted.add(1, ordering: .relaxed) }
            return try await runner.run(command)
        }

        func open(_ command: Command) throws -> any CommandPipe { try runner.open(command) }
    }

    private static func bytes(_ count: Int, _ generator: inout SeededGenerator) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count { withUnsafeBytes(of: generator.next()) { bytes += $0 } }
        return Array(bytes.prefix(count))
    }

    /// Files in families, in which each is told from another; sizes of one to four bytes, and a link.
    private func fill(_ repository: TestRepository, seed: UInt64, files: Int = 60) throws {
        var generator = SeededGenerator(seed: seed)
        for family in 0..<4 {
            // The last is too large for a size of three bytes.
            var text = Self.bytes([300, 3000, 40_000, 2_200_000][family], &generator)
            for number in 0..<(family == 3 ? 3 : files) {
                let place = Int.random(in: 0..<text.count, using: &generator)
                let more = Self.bytes(Int.random(in: 0...200, using: &generator), &generator)
                text.replaceSubrange(place..<min(text.count, place + 9), with: more)
                try repository.folder.write("repository/f\(family)/\(number)", bytes: text)
            }
        }
        for count in [0, 1, 15, 16, 127, 128, 2047, 2048] {
            try repository.folder.write("repository/plain/\(count)", bytes: Self.bytes(count, &generator))
        }
        try repository.write("text", String(repeating: "the same over and over\n", count: 100))
        _ = repository.path.appending("link").withCString { symlink("f0/1", $0) }
    }

    private struct Blob: Hashable {
        let id: [UInt8]
        /// Nil where git has none, or refuses it.
        let size: UInt32?
    }

    /// What git says of blobs, by default of all that are there.
    private func blobs(_ repository: TestRepository, _ ids: [[UInt8]]? = nil) async throws -> [Blob] {
        let words = ["cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize)"]
        let hex = ids?.map { $0.hexText + "\n" }.joined()
        let output = try await repository.git(
            words + (ids == nil ? ["--batch-all-objects"] : []), input: Array((hex ?? "").utf8), statuses: [0, 128])
        let lines = output.split(separator: UInt8(ascii: "\n")).map {
            String(decoding: $0, as: UTF8.self).split(separator: " ").map(String.init)
        }
        if let ids {
            // A git that died of what it found has refused the rest.
            return ids.enumerated().map { number, id in
                let line = number < lines.count ? lines[number] : []
                return Blob(id: id, size: line.count == 3 ? UInt32(line[2]) : nil)
            }
        }
        return lines.filter { $0[1] == "blob" }.map { Blob(id: $0[0].bytesOfHex, size: UInt32($0[2])) }
    }

    private func folder(_ repository: TestRepository) -> BytePath { repository.path.appending(".git/objects/pack") }

    private func packFiles(_ repository: TestRepository, _ ending: String) throws -> [BytePath] {
        try Disk.names(in: folder(repository)).filter { $0.shown.hasSuffix(ending) }
            .map { folder(repository).appending($0) }
    }

    /// What the packs alone say; nil where they do not tell.
    private func packed(_ repository: TestRepository, _ blobs: [Blob]) -> [UInt32?] {
        BlobSizes.packed(blobs.flatMap(\.id), blobs[0].id.count, in: folder(repository))
            .map { $0 == GitPack.unknown ? nil : $0 }
    }

    /// What is told of the files of a working tree, beside what git says; and how often git is asked for sizes.
    private func told(_ repository: TestRepository, in folder: BytePath? = nil) async throws -> (
        sizes: [UInt32], truth: [UInt32], asked: Int
    ) {
        let runner = CountingRunner()
        let found = try #require(
            try await GitRepository.discover(
                from: folder ?? repository.path, runner: runner, environment: repository.environment))
        let own = try #require(GitFolder.of(found.top))
        let format = try await repository.git(["rev-parse", "--show-object-format"], in: found.top)
        let index = try #require(
            GitIndexFile(own.appending("index"), idSize: format.starts(with: "sha256".utf8) ? 32 : 20))
        let sizes = try await BlobSizes.ask(index, below: .root, found)
        let listed = try await repository.git(["ls-files", "-s"], in: found.top).split(separator: UInt8(ascii: "\n"))
        let ids = listed.map { $0.split(separator: UInt8(ascii: " "))[1] }
        let answers = try await repository.git(
            ["cat-file", "--batch-check=%(objectsize)"], in: found.top, input: Array(ids.joined(separator: [10]) + [10])
        )
        let truth = answers.split(separator: UInt8(ascii: "\n")).compactMap {
            UInt32(String(decoding: $0, as: UTF8.self))
        }
        // Empty files are not asked for.
        return (sizes, truth.filter { $0 != 0 }, runner.sizesAsked)
    }

    // MARK: What is whole

    @Test(arguments: ["sha1", "sha256"], [true, false])
    func everyKindOfObject(format: String, isByDistance: Bool) async throws {
        let repository = try await TestRepository("--object-format=" + format)
        try fill(repository, seed: isByDistance ? 1 : 2)
        try await repository.commitAll()
        try await repository.git(["-c", "repack.useDeltaBaseOffset=\(isByDistance)", "repack", "-adfq", "--depth=20"])
        let blobs = try await blobs(repository)
        #expect(packed(repository, blobs) == blobs.map(\.size))
        // There are both: what is told from another, and what is not.
        let bases = try await repository.git(["cat-file", "--batch-check=%(deltabase)", "--batch-all-objects"])
        let deltas = bases.split(separator: UInt8(ascii: "\n")).count { $0.contains { $0 != UInt8(ascii: "0") } }
        #expect(deltas > 100)
        #expect(blobs.count - deltas > 8)
        let (sizes, truth, asked) = try await told(repository)
        #expect(sizes == truth)
        #expect(asked == 0)
    }

    @Test(arguments: 0..<4) func anyBlobs(seed: UInt64) async throws {
        let repository = try await TestRepository()
        var generator = SeededGenerator(seed: seed)
        var texts: [[UInt8]] = [[]]
        for number in 0..<400 {
            var text = texts.randomElement(using: &generator) ?? []
            let most = [3, 30, 300, 30_000].randomElement(using: &generator) ?? 30
            let place = Int.random(in: 0...text.count, using: &generator)
            text.replaceSubrange(
                place..<Int.random(in: place...text.count, using: &generator),
                with: Self.bytes(Int.random(in: 0...most, using: &generator), &generator))
            texts.append(text)
            try repository.folder.write("repository/\(number % 20)/\(number)", bytes: text)
        }
        try await repository.commitAll()
        let level = Int.random(in: 0...9, using: &generator)
        try await repository.git(["-c", "pack.compression=\(level)", "repack", "-adfq", "--window=40", "--depth=60"])
        let blobs = try await blobs(repository)
        #expect(packed(repository, blobs) == blobs.map(\.size), "seed \(seed)")
        // In any order, some of them twice, and among others that are not there.
        let many = (blobs + blobs.prefix(50)).flatMap { blob in
            let strange = Blob(id: Self.bytes(20, &generator), size: nil)
            // One that begins as another does.
            return [blob, strange, Blob(id: blob.id.dropLast() + [blob.id[19] ^ 1], size: nil)]
        }.shuffled(using: &generator)
        #expect(packed(repository, many) == many.map(\.size), "seed \(seed)")
    }

    @Test func severalPacksAndLooseObjects() async throws {
        let repository = try await TestRepository()
        for number in 0..<3 {
            try fill(repository, seed: UInt64(number), files: 10)
            try await repository.commitAll()
            try await repository.git(["repack", "-dq"])
        }
        #expect(try packFiles(repository, ".idx").count == 3)
        let before = try await blobs(repository)
        #expect(packed(repository, before) == before.map(\.size))
        try repository.write("loose", "in no pack")
        try repository.write("f1/3", "nor this")
        try await repository.commitAll()
        let after = try await blobs(repository)
        let isNew = after.map { !before.contains($0) }
        #expect(packed(repository, after) == zip(after, isNew).map { $1 ? nil : $0.size })
        let (sizes, truth, asked) = try await told(repository)
        #expect(sizes == truth)
        #expect(asked == 1)
    }

    @Test func objectsOfAnotherRepository() async throws {
        let repository = try await TestRepository()
        try fill(repository, seed: 5, files: 5)
        try await repository.commitAll()
        try await repository.git(["repack", "-adq"])
        let clone = repository.folder("clone")
        try await repository.git(["clone", "-q", "--shared", repository.path.shown, clone.shown])
        let (sizes, truth, asked) = try await told(repository, in: clone)
        #expect(sizes == truth)
        #expect(asked == 1)
    }

    @Test func anotherWorkingTree() async throws {
        let repository = try await TestRepository()
        try fill(repository, seed: 6, files: 5)
        try await repository.commitAll()
        try await repository.git(["repack", "-adq"])
        let linked = repository.folder("linked")
        try await repository.git(["worktree", "add", "-q", linked.shown, "HEAD"])
        let (sizes, truth, asked) = try await told(repository, in: linked)
        #expect(sizes == truth)
        #expect(asked == 0)
    }

    /// In a pack of more than 2 GiB such places are written in 64 bits; git can be told to do so sooner.
    @Test func indexesOfOtherForms() async throws {
        let repository = try await TestRepository()
        try fill(repository, seed: 7, files: 20)
        try await repository.commitAll()
        try await repository.git(["repack", "-adq"])
        let blobs = try await blobs(repository)
        let pack = try #require(try packFiles(repository, ".pack").first)
        let index = try #require(try packFiles(repository, ".idx").first)
        func write(_ version: String) async throws {
            _ = index.withCString { unlink($0) }
            try await repository.git(["index-pack", "--index-version=" + version, pack.shown])
        }
        try await write("2,0x2000")
        #expect(packed(repository, blobs) == blobs.map(\.size))
        try await write("1")
        #expect(packed(repository, blobs).allSatisfy { $0 == nil })
        let (sizes, truth, _) = try await told(repository)
        #expect(sizes == truth)
    }

    // MARK: What is damaged

    /// What is told after damage was done to a file of the only pack is what is so, or what git itself says.
    private func expectNothingElse(
        _ repository: TestRepository, _ blobs: [Blob], _ file: BytePath, _ what: Comment, _ bytes: [UInt8]
    ) async throws {
        _ = file.withCString { unlink($0) }
        try createFile(file, bytes: bytes, mode: 0o444)
        let told = packed(repository, blobs)
        if told == blobs.map(\.size) { return }
        let answers = try await self.blobs(repository, blobs.map(\.id))
        for (number, size) in told.enumerated() where size != nil && size != blobs[number].size {
            #expect(size == answers[number].size, what)
        }
    }

    @Test(arguments: [".idx", ".pack"]) func aDamagedFileTellsNothingElse(ending: String) async throws {
        let repository = try await TestRepository()
        var generator = SeededGenerator(seed: 8)
        var text = Self.bytes(500, &generator)
        for number in 0..<12 {
            text.replaceSubrange(number..<(number + 3), with: Self.bytes(number * 3, &generator))
            try repository.folder.write("repository/\(number)", bytes: text)
        }
        try await repository.commitAll()
        try await repository.git(["repack", "-adfq"])
        let blobs = try await blobs(repository)
        #expect(packed(repository, blobs) == blobs.map(\.size))
        let file = try #require(try packFiles(repository, ending).first)
        let whole = try readFile(file.shown)
        for _ in 0..<250 {
            var bytes = whole
            let place = Int.random(in: 0..<bytes.count, using: &generator)
            let flipped = UInt8.random(in: 1...255, using: &generator)
            bytes[place] ^= flipped
            try await expectNothingElse(repository, blobs, file, "\(place) ^ \(flipped)", bytes)
        }
        // One that was cut off anywhere is none.
        for _ in 0..<100 {
            let bytes = Array(whole.prefix(Int.random(in: 0..<whole.count, using: &generator)))
            _ = file.withCString { unlink($0) }
            try createFile(file, bytes: bytes, mode: 0o444)
            #expect(packed(repository, blobs).allSatisfy { $0 == nil }, "\(bytes.count) bytes")
        }
        _ = file.withCString { unlink($0) }
        #expect(packed(repository, blobs).allSatisfy { $0 == nil })
        #expect(file.withCString { mkfifo($0, 0o600) } == 0)
        #expect(packed(repository, blobs).allSatisfy { $0 == nil })
    }

    /// The index of one pack beside another.
    @Test func anIndexOfAnotherPack() async throws {
        let repository = try await TestRepository()
        var sizes: [[UInt32?]] = []
        var first: [Blob] = []
        for seed in 0..<2 {
            try repository.write("a", String(repeating: "\(seed)", count: 100 + seed))
            try await repository.commitAll()
            try await repository.git(["repack", "-dq"])
            if seed == 0 { first = try await blobs(repository) }
        }
        let packs = try packFiles(repository, ".pack")
        try #require(packs.count == 2)
        let other = repository.folder("other")
        for (old, new) in [(packs[0], other), (packs[1], packs[0]), (other, packs[1])] { try Disk.rename(old, to: new) }
        sizes.append(packed(repository, first))
        #expect(sizes == [first.map { _ in nil }])
    }
}

extension [UInt8] {
    fileprivate var hexText: String {
        map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

extension String {
    fileprivate var bytesOfHex: [UInt8] {
        let digits = Array(utf8).map { UInt8($0 < 58 ? $0 - 48 : $0 - 87) }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}
