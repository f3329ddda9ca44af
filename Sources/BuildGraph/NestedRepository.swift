// A repository below the workspace: whether a folder is one, and which commit is checked out. Reads git's files itself,
// since a repository that comes with someone's sources must not have its configuration run.
import Glibc

struct NestedRepository {
    private let gitFolder: BytePath

    /// Nil where the folder at the absolute `folder` is not what git takes for a repository's top.
    init?(_ folder: BytePath) {
        let dot = folder.appending(".git")
        if Self.isFolder(dot) {
            gitFolder = dot
        } else if let text = Self.read(dot), text.starts(with: "gitdir: ".utf8) {
            let target = BytePath(bytes: Array(text.dropFirst("gitdir: ".utf8.count).prefix { $0 != 10 && $0 != 13 }))
            gitFolder = target.isAbsolute ? target : folder.appending(target)
        } else {
            return nil
        }
        guard Self.read(gitFolder.appending("HEAD")) != nil else { return nil }
    }

    /// The id of the commit that is checked out, in hex. Throws where HEAD names no commit that can be found.
    func head(shownAs path: BytePath) throws(FileSystemError) -> [UInt8] {
        var text = Self.line(Self.read(gitFolder.appending("HEAD")) ?? [])
        var common = gitFolder
        if let other = Self.read(gitFolder.appending("commondir")).map({ BytePath(bytes: Self.line($0)) }) {
            common = other.isAbsolute ? other : gitFolder.appending(other)
        }
        for _ in 0..<5 {
            if Self.isObjectID(text[...]) { return text }
            guard text.starts(with: "ref: ".utf8) else { break }
            let reference = BytePath(bytes: Array(text.dropFirst("ref: ".utf8.count)))
            guard !reference.components.contains(where: { $0.elementsEqual("..".utf8) }) else { break }
            if let loose = Self.read(gitFolder.appending(reference)) ?? Self.read(common.appending(reference)) {
                text = Self.line(loose)
            } else {
                text = Self.packed(reference, in: Self.read(common.appending("packed-refs")) ?? [])
            }
        }
        throw FileSystemError("read HEAD of", path, errno: EINVAL)
    }

    private static func packed(_ reference: BytePath, in text: [UInt8]) -> [UInt8] {
        for line in text.split(separator: UInt8(ascii: "\n")) {
            guard let blank = line.firstIndex(of: UInt8(ascii: " ")) else { continue }
            if line[(blank + 1)...].elementsEqual(reference.bytes) { return Array(line[..<blank]) }
        }
        return []
    }

    static func isObjectID(_ text: ArraySlice<UInt8>) -> Bool {
        (text.count == 40 || text.count == 64)
            && text.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    private static func line(_ text: [UInt8]) -> [UInt8] {
        Array(text.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") })
    }

    private static func isFolder(_ path: BytePath) -> Bool {
        var status = stat()
        return path.withCString { lstat($0, &status) } == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Nil where it is not a plain file that can be read.
    private static func read(_ path: BytePath) -> [UInt8]? {
        do throws(FileSystemError) {
            let file = try OpenFile(reading: path, shownAs: path)
            guard try file.status().st_mode & S_IFMT == S_IFREG else { return nil }
            return try file.contents()
        } catch {
            return nil
        }
    }
}
