import BuildGraph
import BuildTestSupport
import Glibc
import Testing

@Suite struct WorkingTreeTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func scan(_ change: (inout WorkingTreeOptions) -> Void = { _ in }) throws -> WorkingTree {
        var options = WorkingTreeOptions(root: folder.path)
        change(&options)
        return try WorkingTree.scan(options)
    }

    private func make(_ name: BytePath, _ body: (UnsafePointer<CChar>) -> Int32) {
        let result = folder.path.appending(name).withCString(body)
        #expect(result == 0, "\(name.shown): \(String(cString: strerror(errno)))")
    }

    @Test func entriesAreSortedByWholePathsWithTheirKinds() throws {
        try folder.write("a/x", "1")
        try folder.write("a-b", "2", mode: 0o755)
        try folder.write("a.c", "3", mode: 0o711)
        try folder.write("b", "4", mode: 0o655)
        make(BytePath("link")) { symlink("a/x", $0) }
        make(BytePath("pipe")) { mkfifo($0, 0o644) }
        make(BytePath("empty")) { mkdir($0, 0o755) }
        let tree = try scan()
        #expect(
            tree.entries == [
                FileEntry(path: BytePath("a-b"), kind: .executable),
                FileEntry(path: BytePath("a.c"), kind: .executable),
                FileEntry(path: BytePath("a/x"), kind: .file), FileEntry(path: BytePath("b"), kind: .file),
                FileEntry(path: BytePath("link"), kind: .link), FileEntry(path: BytePath("pipe"), kind: .fifo),
            ])
        #expect(Array(tree.entries) == tree.entries.sorted { $0.path < $1.path })
        #expect(try tree.contents(of: BytePath("link")) == Array("a/x".utf8))
        #expect(try tree.digest(of: BytePath("a/x")) == Digest.of(Array("1".utf8)))
        #expect(throws: FileSystemError.self) { try tree.contents(of: BytePath("pipe")) }
        #expect(throws: FileSystemError("open", BytePath("none"), errno: ENOENT)) {
            try tree.contents(of: BytePath("none"))
        }
    }

    @Test func linksAreNeverFollowed() throws {
        make(BytePath("outside")) { symlink("/etc/passwd", $0) }
        make(BytePath("folder")) { symlink("/etc", $0) }
        make(BytePath("loop")) { symlink(".", $0) }
        make(BytePath("one")) { symlink("two", $0) }
        make(BytePath("two")) { symlink("one", $0) }
        make(BytePath("dangling")) { symlink("nowhere", $0) }
        let tree = try scan()
        #expect(tree.entries.count == 6)
        #expect(tree.entries.allSatisfy { $0.kind == .link })
        #expect(try tree.digest(of: BytePath("outside")) == Digest.of(Array("/etc/passwd".utf8)))
    }

    @Test func namesAreBytes() throws {
        let names =
            [
                [0x63, 0x61, 0x66, 0xC3, 0xA9], [0x63, 0x61, 0x66, 0x65, 0xCC, 0x81], [0xFF, 0xFE],
                Array("a\nb\tc\u{1B}".utf8),
                Array("-rf ".utf8), Array("a\r\nb".utf8),
            ] as [[UInt8]]
        for (index, name) in names.enumerated() {
            make(BytePath(bytes: name)) { path in
                let descriptor = creat(path, 0o644)
                defer { close(descriptor) }
                return write(descriptor, "\(index)", 1) == 1 ? 0 : -1
            }
        }
        let tree = try scan()
        #expect(Set(tree.entries.map(\.path.bytes)) == Set(names))
        for (index, name) in names.enumerated() {
            #expect(try tree.digest(of: BytePath(bytes: name)) == Digest.of(Array("\(index)".utf8)))
        }
    }

    @Test func whatGitIgnoresIsNotThere() throws {
        for name in [
            ".git/config", ".lmsbuild/x", "out/a", "out/keep", "src/a.o", "src/a.c", "src/.lmsbuild/y", "deep/out/b",
            "up.log", "glob",
        ] {
            try folder.write(name, name)
        }
        try folder.write(".gitignore", "out/\n*.o\n")
        try folder.write("deep/.gitignore", "!out/\n")
        let tree = try scan {
            $0.prefix = BytePath("ws")
            $0.ignoreFiles = [
                IgnoreFile(Array("glob\n".utf8), folder: .root), IgnoreFile(Array("/ws/*.log\n".utf8), folder: .root),
            ]
            $0.trackedIgnored = [BytePath("out/keep")]
        }
        #expect(
            tree.entries.map(\.path.shown) == [
                ".gitignore", "deep/.gitignore", "deep/out/b", "out/keep", "src/a.c",
            ])
    }

    @Test func aWorkspaceInAnIgnoredFolderHasOnlyWhatIsTracked() throws {
        try folder.write("a", "1")
        try folder.write("b/c", "2")
        let tree = try scan {
            $0.prefix = BytePath("out/ws")
            $0.ignoreFiles = [IgnoreFile(Array("/out\n".utf8), folder: .root)]
            $0.trackedIgnored = [BytePath("b/c")]
        }
        #expect(tree.entries.map(\.path.shown) == ["b/c"])
    }

    @Test func manyFilesAtOnceHaveTheSameDigests() throws {
        for index in 0..<300 {
            try folder.write("d\(index % 7)/f\(index)", String(repeating: "\(index)", count: index))
        }
        try folder.write("big", bytes: [UInt8](repeating: 7, count: 700_001))
        try folder.write("edge", bytes: [UInt8](repeating: 8, count: 256 * 1024))
        let tree = try scan()
        let paths = tree.entries.map(\.path).reversed() as [BytePath]
        let digests = try tree.digests(of: paths)
        #expect(digests.count == 302)
        for (path, digest) in zip(paths, digests) { #expect(try Digest.of(tree.contents(of: path)) == digest) }
        #expect(throws: FileSystemError.self) { try tree.digests(of: [BytePath("none")]) }
    }

    @Test func whatChangesItsKindAfterTheScanIsAChange() throws {
        try folder.write("a", "1")
        try folder.write("b", "1")
        try folder.write("c", "1")
        let tree = try scan()
        make(BytePath("a")) { unlink($0) }
        make(BytePath("a")) { symlink("b", $0) }
        make(BytePath("b")) { chmod($0, 0o755) }
        make(BytePath("c")) { unlink($0) }
        make(BytePath("c")) { mkfifo($0, 0o644) }
        for name in ["a", "b", "c"] {
            #expect(throws: FileSystemError.changed(BytePath(name))) { try tree.digest(of: BytePath(name)) }
        }
    }

    @Test func whatCannotBeReadIsAnError() throws {
        try folder.write("x/secret", "1", mode: 0)
        try folder.write("locked/a", "1")
        make(BytePath("locked")) { chmod($0, 0) }
        chmod(folder.path.shown, 0o755)
        // Root may read everything: without the right to, on a thread of its own, the kernel asks again.
        guard geteuid() == 0 else {
            #expect(throws: FileSystemError.self) { try scan() }
            return
        }
        try AsNobody.run {
            #expect(throws: FileSystemError("open", BytePath("locked"), errno: EACCES)) { try scan() }
            let tree = try scan { $0.ignoreFiles = [IgnoreFile(Array("locked".utf8), folder: .root)] }
            #expect(throws: FileSystemError("open", BytePath("x/secret"), errno: EACCES)) {
                try tree.digest(of: BytePath("x/secret"))
            }
        }
    }
}

/// Runs a closure on the calling thread with the rights of an ordinary user to the file system.
enum AsNobody {
    private typealias SetUser = @convention(c) (uid_t) -> Int32

    static func run(_ body: () throws -> Void) throws {
        // Swift's Glibc does not carry it. `seteuid` would change all threads.
        let setUser = unsafeBitCast(
            try #require(dlsym(dlopen(nil, RTLD_NOW), "setfsuid")), to: SetUser.self)
        _ = setUser(65534)
        defer { _ = setUser(0) }
        try body()
    }
}
