// Which commit is checked out, read from a repository's files: a run has no time to ask git for what only its heading shows.
import BuildGraph

extension GitRepository {
    /// The commit and the branch that are checked out, as far as plain files tell. No answer depends on it: where git keeps
    /// its references in another form, nothing is told.
    package func checkedOut() -> (commit: String?, branch: String?) {
        let own = isBare ? top : ownFolder
        guard let own, let head = Self.line(own.appending("HEAD")) else { return (nil, nil) }
        guard head.hasPrefix("ref: ") else { return (Self.commit(head), nil) }
        let name = String(head.dropFirst(5))
        guard name.hasPrefix("refs/"), !name.contains("..") else { return (nil, nil) }
        let branch = name.hasPrefix("refs/heads/") ? String(name.dropFirst(11)) : nil
        for folder in [own, commonFolder] {
            if let commit = Self.line(folder.appending(BytePath(name))).flatMap(Self.commit) { return (commit, branch) }
        }
        return (packed(name), branch)
    }

    /// The folder of this working tree's own files: `.git`, or where the file of that name points.
    private var ownFolder: BytePath? {
        let place = top.appending(".git")
        if Disk.isFolder(place) { return place }
        guard let line = Self.line(place), line.hasPrefix("gitdir: ") else { return nil }
        let path = BytePath(String(line.dropFirst(8)))
        return path.isAbsolute ? path : BytePath.resolving(path.bytes, in: top)
    }

    private func packed(_ name: String) -> String? {
        guard let bytes = try? Disk.contents(of: commonFolder.appending("packed-refs")) else { return nil }
        let ending = Array((" " + name).utf8)
        let line = bytes.split(separator: UInt8(ascii: "\n")).first { $0.suffix(ending.count).elementsEqual(ending) }
        return line.flatMap { Self.commit(String(decoding: $0.dropLast(ending.count), as: UTF8.self)) }
    }

    private static func commit(_ text: String) -> String? { ObjectID(hex: Array(text.utf8)) == nil ? nil : text }

    /// The first line of a small file.
    private static func line(_ path: BytePath) -> String? {
        guard let bytes = try? Disk.contents(of: path), bytes.count < 4096 else { return nil }
        return String(validating: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }
}
