import Buildfile

/// The glob of `services` and `libraries`: the folders it matches and the names its wildcards give them.
struct ComponentGlob: Sendable {
    struct Match {
        let name: String
        let folder: BytePath
    }

    let pattern: PathPattern
    /// Whether it may end in a file's name: a glob that ends in `*` or `**` means folders.
    let mayEndInFile: Bool

    init(_ glob: FileGlob) {
        pattern = glob.pattern
        let last = BytePath(bytes: Array(glob.word.text.utf8)).name.bytes
        mayEndInFile = !last.allSatisfy { $0 == UInt8(ascii: "*") }
    }

    init(pattern: PathPattern, mayEndInFile: Bool) {
        self.pattern = pattern
        self.mayEndInFile = mayEndInFile
    }

    /// Sorted by folder, without duplicates: folders, and those that hold a file that matches.
    func matches(in tree: FileTree) -> [Match] {
        let prefix = BytePath(bytes: pattern.literalPrefix)
        var found: [BytePath: Match] = [:]
        for folder in tree.folders(matching: pattern) ?? tree.folders(inside: prefix) {
            if let captures = pattern.captures(folder) {
                found[folder] = Match(name: name(captures, folder), folder: folder)
            }
        }
        if mayEndInFile {
            for index in tree.ranges(matching: pattern) {
                let path = tree.entries[index].path
                guard found[path.parent] == nil, let captures = pattern.captures(path) else { continue }
                found[path.parent] = Match(name: name(captures, path.parent), folder: path.parent)
            }
        }
        return found.values.sorted { $0.folder < $1.folder }
    }

    private func name(_ captures: [[UInt8]], _ folder: BytePath) -> String {
        let parts = captures.filter { !$0.isEmpty }.map { part in
            BytePath(bytes: part.map { $0 == UInt8(ascii: "/") ? UInt8(ascii: "-") : $0 }).shown
        }
        return parts.isEmpty ? folder.name.shown : parts.joined(separator: "-")
    }
}
