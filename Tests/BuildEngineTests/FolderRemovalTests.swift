import BuildGraph
import BuildTestSupport
import Glibc
import Testing

@testable import BuildEngine

@Suite struct FolderRemovalTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test func removesAFileALinkAndNothingElse() throws {
        try folder.write("kept/file", bytes: [1])
        for (name, target) in [("to-folder", "kept"), ("to-file", "kept/file"), ("to-nothing", "none")] {
            try Disk.makeLink(folder(name), text: Array(target.utf8))
            Disk.remove(folder(name))
        }
        try folder.write("file", bytes: [1])
        Disk.remove(folder("file"))
        Disk.remove(folder("file"))
        Disk.remove(folder("kept/file/below"))
        #expect(try Disk.names(in: folder.path).map(\.shown) == ["kept"])
        #expect(folder.files == ["kept/file"])
    }

    @Test func followsNoLinkInAFolder() throws {
        try folder.write("kept/file", bytes: [1])
        try folder.write("gone/file", bytes: [1])
        try Disk.makeLink(folder("gone/link"), text: Array("../kept".utf8))
        try Disk.makeLink(folder("gone/other"), text: folder("kept").bytes)
        Disk.remove(folder("gone"))
        #expect(try Disk.names(in: folder.path).map(\.shown) == ["kept"])
        #expect(folder.files == ["kept/file"])
    }

    @Test func removesManyAndReadOnlyFolders() throws {
        for number in 0..<3000 {
            try folder.write("gone/a folder \(number % 7)/a file with a rather long name \(number)", bytes: [])
        }
        try folder.write("gone/closed/inner/file", bytes: [])
        for path in ["gone/closed/inner", "gone/closed", "gone"] { _ = folder(path).withCString { chmod($0, 0o500) } }
        try Disk.makeFolder(folder("gone/shut"), mode: 0)
        Disk.remove(folder("gone"))
        #expect(try Disk.names(in: folder.path).isEmpty)
    }

    /// Deeper than there may be open files, and longer than a path may be.
    @Test func removesADeepFolder() throws {
        try Disk.makeFolder(folder("gone"))
        var place = folder("gone").withCString { open($0, O_RDONLY | O_DIRECTORY) }
        for level in 0..<3000 {
            #expect(mkdirat(place, "level", 0o755) == 0)
            if level % 500 == 0 { #expect(mkdirat(place, "beside", 0o755) == 0) }
            let next = openat(place, "level", O_RDONLY | O_DIRECTORY)
            close(place)
            place = next
        }
        close(place)
        Disk.remove(folder("gone"))
        #expect(try Disk.names(in: folder.path).isEmpty)
    }
}
