import Buildfile

/// The glob of `services` and `libraries`: the folders it matches and the names its wildcards give them.
struct ComponentGlob {
    struct Match {
        let name: String
        let folder: BytePath
    }

    private let glob: FileGlob

    init(_ glob: FileGlob) {
        self.glob = glob
    }

    /// Sorted by folder, without duplicates. A glob that ends in `*` or `**` means folders; any other may end in a
    /// file's name, and then means the folders that hold such a file.
    func matches(in tree: FileTree) -> [Match] {
        let last = BytePath(bytes: Array(glob.word.text.utf8)).name.bytes
        let prefix = BytePath(bytes: glob.pattern.literalPrefix)
        var found: [BytePath: Match] = [:]
        for folder in tree.folders(inside: prefix) {
            if let captures = glob.pattern.captures(folder) {
                found[folder] = Match(name: name(captures, folder), folder: folder)
            }
        }
        if !last.allSatisfy({ $0 == UInt8(ascii: "*") }) {
            for index in tree.range(inside: prefix) {
                let path = tree.entries[index].path
                guard found[path.parent] == nil, let captures = glob.pattern.captures(path) else { continue }
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
