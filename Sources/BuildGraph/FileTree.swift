package import Buildfile

/// A file system's entries with the questions globs ask of them. Does not know rules or components.
package struct FileTree: Sendable {
    package let files: any FileSystem
    /// Sorted bytewise by path.
    package let entries: FileEntries

    package init(_ files: any FileSystem) {
        self.files = files
        self.entries = files.entries
    }

    package func index(of path: BytePath) -> Int? { entries.index(of: path) }

    package func contains(_ path: BytePath) -> Bool { index(of: path) != nil }

    /// The entries below `folder`, which are contiguous.
    package func range(inside folder: BytePath) -> Range<Int> { entries.range(inside: folder) }

    package func hasFolder(_ folder: BytePath) -> Bool { folder.isEmpty || !range(inside: folder).isEmpty }

    /// The places of the entries that `glob` matches, in order.
    package func indices(matching glob: FileGlob) -> [Int] {
        indices(matching: glob.pattern)
    }

    /// The places of the entries that `pattern` matches, in order.
    func indices(matching pattern: PathPattern) -> [Int] {
        Array(ranges(matching: pattern))
    }

    /// Every folder below `prefix` that holds a file at any depth, sorted.
    package func folders(inside prefix: BytePath) -> [BytePath] {
        var found: [BytePath] = []
        var last: BytePath?
        var seen: Set<BytePath> = []
        for index in range(inside: prefix) {
            let parent = entries[index].path.parent
            if parent == last { continue }
            last = parent
            var folder = parent
            while folder.isInside(prefix), !folder.isEmpty, seen.insert(folder).inserted {
                found.append(folder)
                folder = folder.parent
            }
        }
        return found.sorted()
    }
}

/// One file word of a header or directive: a glob over the workspace, made from where it was written.
package struct FileGlob: Sendable, Hashable {
    package let word: Word
    /// `!glob`: takes away what the words before it matched.
    package let isExclusion: Bool
    /// Over workspace-relative paths.
    package let pattern: PathPattern
    /// The path a word without wildcards names.
    package let literalPath: BytePath?

    /// Nil where the word's path leaves the workspace.
    package init?(_ word: Word, text: String, in folder: BytePath) {
        var bytes = Array(text.utf8)
        isExclusion = bytes.first == UInt8(ascii: "!")
        if isExclusion { bytes.removeFirst() }
        guard let resolved = PathPattern.resolving(bytes, in: folder) else { return nil }
        self.word = word
        pattern = resolved
        literalPath = pattern.literalPath
    }
}
