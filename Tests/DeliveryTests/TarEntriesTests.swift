import BuildEngine
import BuildGraph
import BuildTestSupport
import Delivery
import Glibc
import Testing

/// Archives as GNU tar and Python write them.
@Suite struct TarEntriesTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try folder.write("tree/etc/a", "one\n")
        try folder.write("tree/etc/b", "two\n", mode: 0o755)
        try folder.write("tree/" + String(repeating: "long/", count: 40) + "name", "deep\n")
        try folder.write("tree/etc/é", "three\n")
        _ = folder("tree/etc/link").withCString { symlink("a", $0) }
    }

    private func archive(_ format: String, _ name: String = "x.tar", _ more: [String] = []) async throws -> BytePath {
        let file = folder(name)
        let result = try await ProcessRunner.ofTests.run(
            Command(
                ["tar", "--format=\(format)", "--sort=name", "--mtime=@1000", "--owner=:1", "--group=:2"] + more
                    + ["-cf", file.shown, "-C", folder("tree").shown, "."], environment: hostEnvironment(),
                folder: folder.path))
        #expect(result.succeeded, "\(String(decoding: result.output, as: UTF8.self))")
        return file
    }

    @Test(arguments: ["gnu", "pax"]) func everyFormatIsRead(_ format: String) async throws {
        let entries = try TarReader.entries(of: try await archive(format))
        let long = String(repeating: "long/", count: 40) + "name"
        #expect(entries.first { $0.path == BytePath(long) }?.content == SHA256Value.of(Array("deep\n".utf8)))
        let script = try #require(entries.first { $0.path == BytePath("etc/b") })
        #expect((script.mode, script.user, script.group, script.time) == (0o755, 1, 2, "1000"))
        #expect(entries.first { $0.path == BytePath("etc/link") }?.target == BytePath("a"))
        #expect(entries.contains { $0.path == BytePath("etc/é") })
        #expect(LayerDifference.first(entries, entries) == nil)
    }

    @Test func theFirstDifferenceIsNamed() async throws {
        let old = try TarReader.entries(of: try await archive("gnu"))
        func difference(_ change: () throws -> Void, _ more: [String] = []) async throws -> String? {
            try change()
            let new = try TarReader.entries(of: try await archive("gnu", "y.tar", more))
            return LayerDifference.first(old, new).map { "\($0.path.shown): \($0.what)" }
        }
        #expect(try await difference {} == nil)
        #expect(try await difference { _ = chmod(folder("tree/etc/b").shown, 0o644) } == "etc/b: mode 0755 -> 0644")
        try folder.write("tree/etc/b", "two\n", mode: 0o755)
        #expect(try await difference { try folder.write("tree/etc/a", "One\n") } == "etc/a: content")
        try folder.write("tree/etc/a", "one\n")
        #expect(try await difference { try folder.write("tree/etc/0", "") } == "etc/0: only in the second")
        #expect(unlink(folder("tree/etc/0").shown) == 0)
        #expect(try await difference({}, ["--owner=:3"])?.hasSuffix("owner 1:2 -> 3:2") == true)
        #expect(try await difference({}, ["--mtime=@2000"])?.hasSuffix("time 1000 -> 2000") == true)
        #expect(
            try await difference { _ = symlinkAgain() } == "etc/link: target 'a' -> 'b'")
    }

    private func symlinkAgain() -> Int32 {
        _ = unlink(folder("tree/etc/link").shown)
        return symlink("b", folder("tree/etc/link").shown)
    }

    @Test func whatIsNoArchiveIsRefused() async throws {
        let whole = try readFile(try await archive("pax").shown)
        try folder.write("text.tar", "no archive, but long enough to be one" + String(repeating: " ", count: 600))
        #expect(throws: TarError.self) { try TarReader.entries(of: folder("text.tar")) }
        #expect(throws: TarError.self) { try TarReader.entries(of: folder("absent.tar")) }
        // Cut or turned over it is refused or read, and nothing ends the program.
        var random = SeededGenerator(seed: 3)
        for round in 0..<200 {
            var bytes = whole
            if round % 2 == 0 { bytes = Array(bytes.prefix(Int.random(in: 0..<bytes.count, using: &random))) }
            if !bytes.isEmpty { bytes[Int.random(in: 0..<min(4096, bytes.count), using: &random)] ^= 0x80 }
            try folder.write("broken.tar", bytes: bytes)
            _ = try? TarReader.entries(of: folder("broken.tar"))
        }
    }
}
