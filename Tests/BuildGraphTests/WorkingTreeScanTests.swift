import BuildTestSupport
import Glibc
import Testing

@testable import BuildGraph

/// A scan by many threads must find what the plainest walk finds.
@Suite struct WorkingTreeScanTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    /// LMSBUILD_TEST_SEED adds another tree.
    private static var seeds: [UInt64] {
        Array(1...6) + (getenv("LMSBUILD_TEST_SEED").flatMap { UInt64(String(cString: $0)) }.map { [$0] } ?? [])
    }

    /// All that a scan tells, with paths as bytes.
    private struct Found: Equatable {
        var kinds: [[UInt8]: FileKind] = [:]
        var sizes: [[UInt8]: Int64] = [:]
        var submodules: [BytePath: [UInt8]] = [:]
        var nested: [BytePath] = []
        var folders: [BytePath] = []
        var ignoreFiles: [BytePath] = []
    }

    private func walk(
        _ options: WorkingTreeOptions, _ path: BytePath, _ outer: IgnoreRules, isIgnored: Bool, _ found: inout Found
    ) throws {
        let absolute = options.root.appending(path)
        if !path.isEmpty, NestedRepository(absolute) != nil {
            found.nested.append(path)
            return
        }
        found.folders.append(path)
        let descriptor = absolute.withCString { open($0, O_RDONLY | O_DIRECTORY) }
        let names = try WorkingTreeScan.names(in: OpenFile(owning: descriptor, shownAs: path), path)
        var rules = outer
        let ignoreFile = absolute.appending(".gitignore")
        if !isIgnored, let file = try IgnoreFile.read(ignoreFile, folder: options.prefix.appending(path)) {
            found.ignoreFiles.append(path.appending(".gitignore"))
            rules = rules.adding(file)
        }
        for name in names where !BytePath.namesLeftOut.contains(name) {
            let place = path.appending(BytePath(bytes: name))
            var status = stat()
            _ = options.root.appending(place).withCString { lstat($0, &status) }
            let isFolder = status.st_mode & S_IFMT == S_IFDIR
            let ignored = isIgnored || rules.ignores(options.prefix.appending(place), isFolder: isFolder)
            if isFolder, let recorded = options.submodules[place] {
                found.kinds[place.bytes] = .submodule
                let head = try NestedRepository(options.root.appending(place))?.head(shownAs: place)
                found.submodules[place] = head ?? recorded
            } else if isFolder {
                let leadsOn = (options.trackedIgnored + Array(options.submodules.keys)).contains {
                    $0 != place && $0.isInside(place)
                }
                if !ignored || leadsOn { try walk(options, place, rules, isIgnored: ignored, &found) }
            } else if !ignored || options.trackedIgnored.contains(place), let kind = FileKind(mode: status.st_mode) {
                found.kinds[place.bytes] = kind
                found.sizes[place.bytes] = Int64(status.st_size)
            }
        }
    }

    private func truth(_ options: WorkingTreeOptions) throws -> Found {
        var found = Found()
        let rules = IgnoreRules(options.ignoreFiles)
        let isIgnored = !options.prefix.isEmpty && rules.ignoresWithParents(options.prefix, isFolder: true)
        try walk(options, .root, rules, isIgnored: isIgnored, &found)
        found.nested.sort()
        found.folders.sort()
        found.ignoreFiles.sort()
        return found
    }

    private func scanned(_ options: WorkingTreeOptions) throws -> Found {
        let result = try WorkingTreeScan.run(options)
        var found = Found(
            submodules: result.submodules, nested: result.nested, folders: result.folders.map(\.path),
            ignoreFiles: result.ignoreFiles.map(\.path))
        for (entry, status) in zip(result.entries, result.statuses) {
            #expect(found.kinds.updateValue(entry.kind, forKey: entry.path.bytes) == nil)
            if entry.kind != .submodule { found.sizes[entry.path.bytes] = status.size }
        }
        let paths = result.entries.map(\.path)
        #expect(paths == paths.sorted())
        return found
    }

    @Test(arguments: Self.seeds)
    func anyTreeIsFoundAsByThePlainestWalk(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let names = ["a", "a.b", "a-b", "a0", "b", "B", ".x", "out", "é", "with blank", "c"]
        func path(_ depth: Int) -> String {
            (0..<depth).map { _ in names.randomElement(using: &random) ?? "a" }.joined(separator: "/")
        }
        var all: [String] = []
        for _ in 0..<1200 {
            let one = path(Int.random(in: 1...5, using: &random))
            let place = folder(one)
            switch Int.random(in: 0..<40, using: &random) {
            case 0 where !isPipe(folder(one).parent.appending(".gitignore")):
                let rule = ["out\n", "*.b\n!a.b\n", "/a/\n", "b/c\n", "*\n!*/\n!a*\n"].randomElement(using: &random)
                let parent = one.split(separator: "/").dropLast().joined(separator: "/")
                try? folder.write(parent.isEmpty ? ".gitignore" : parent + "/.gitignore", rule ?? "")
            case 1: _ = place.withCString { symlink("a", $0) }
            case 2: _ = place.withCString { mkfifo($0, 0o600) }
            case _ where isPipe(place): continue
            case 3: try? folder.write(one + "/.lmsbuild/x", "")
            case 4:
                if Int.random(in: 0..<3, using: &random) == 0 {
                    try? folder.write(one + "/.git/HEAD", "0123456789012345678901234567890123456789\n")
                }
            case 5: try? folder.write(one + "/.git", "not a repository")
            default:
                let text = String(repeating: "x", count: Int.random(in: 0..<5, using: &random))
                if (try? folder.write(one, text, mode: Bool.random(using: &random) ? 0o644 : 0o755)) != nil {
                    all.append(one)
                }
            }
        }
        for prefix in ["", "ws", "out/ws"] {
            var options = WorkingTreeOptions(root: folder.path)
            options.prefix = BytePath(prefix)
            options.ignoreFiles = [IgnoreFile(Array("c\n/out/\n".utf8), folder: .root)]
            for _ in 0..<3 {
                options.trackedIgnored += all.randomElement(using: &random).map { [BytePath($0)] } ?? []
                options.submodules[BytePath(path(Int.random(in: 1...3, using: &random)))] = Array("0123".utf8)
            }
            #expect(try scanned(options) == truth(options), "seed \(seed), prefix '\(prefix)'")
        }
    }

    /// To write to one would wait for a reader.
    private func isPipe(_ path: BytePath) -> Bool {
        var status = stat()
        return path.withCString { stat($0, &status) } == 0 && status.st_mode & S_IFMT == S_IFIFO
    }

    @Test func manyFoldersAreReadByManyThreads() throws {
        for index in 0..<2000 { try folder.write("d\(index % 400)/e\(index % 3)/f\(index)", "\(index)") }
        let options = WorkingTreeOptions(root: folder.path)
        #expect(try scanned(options) == truth(options))
        #expect(try scanned(options).kinds.count == 2000)
    }

    @Test func aPathThatIsTooLongForOneCallIsFound() throws {
        let name = String(repeating: "n", count: 250)
        var descriptor = folder.path.withCString { open($0, O_RDONLY | O_DIRECTORY) }
        for _ in 0..<20 {
            #expect(mkdirat(descriptor, name, 0o755) == 0)
            let next = openat(descriptor, name, O_RDONLY | O_DIRECTORY)
            close(descriptor)
            descriptor = next
        }
        #expect(mknodat(descriptor, "file", S_IFREG | 0o644, 0) == 0)
        close(descriptor)
        let result = try WorkingTreeScan.run(WorkingTreeOptions(root: folder.path))
        #expect(result.entries.map(\.path.bytes.count) == [20 * 251 + 4])
        #expect(result.folders.count == 21)
        // Two halves, which can be removed by their paths.
        let half = folder(Array(repeating: name, count: 10).joined(separator: "/"))
        #expect(half.withCString { from in folder("half").withCString { rename(from, $0) } } == 0)
    }

    @Test func aSubmoduleSortsAsAFile() throws {
        for name in ["mod-x", "mod.x", "mod/inside", "mod0"] { try folder.write(name, "") }
        var options = WorkingTreeOptions(root: folder.path)
        options.submodules = [BytePath("mod"): Array("0123".utf8)]
        let tree = try WorkingTree.scan(options)
        #expect(tree.entries.map(\.path.shown) == ["mod", "mod-x", "mod.x", "mod0"])
        #expect(tree.entries.index(of: BytePath("mod")) == 0)
    }
}
