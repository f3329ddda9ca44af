// Which paths git's attribute files may tell apart, so that git is asked of few. Does not know what attributes mean, nor which
// pattern wins over which.
import BuildGraph
import Buildfile
import Glibc

/// What the patterns of some attribute files look at in a path.
///
/// Paths with the same key have the same attributes: they lie below the same attribute files, and each pattern that may set one
/// of those that are asked for matches all of them or none, whether or not git looks at upper and lower case.
struct AttributePatterns: Sendable {
    /// What patterns without wildcards say, and what others say after a `*` at their start.
    private var names: [[UInt8]] = []
    private var endings: [[UInt8]] = []
    /// Some pattern has other wildcards: the whole name of a file counts.
    private var looksAtNames = false

    /// Nothing that is larger is read here.
    private static let most = 1 << 20
    private static let blanks = Array(" \t\r".utf8)

    /// Of the absolute `files` that are there. `wanted` are the attributes that are asked for. Nil where git has to be asked
    /// of each path: a pattern has a folder in it, or a file is none that is understood here.
    init?(_ files: [BytePath], wanted: [String]) {
        var lines: [[ArraySlice<UInt8>]] = []
        // It comes with git.
        var relevant = Set((wanted + ["binary"]).map { Array($0.utf8) })
        for file in files {
            guard let status = Disk.status(file) else { continue }
            guard status.isFile, status.st_size <= Self.most, let text = try? Disk.contents(of: file),
                !text.contains(0), text.first != 0xEF
            else { return nil }
            for line in text.split(separator: UInt8(ascii: "\n")) {
                let words = line.split { Self.blanks.contains($0) }
                guard let first = words.first, first.first != UInt8(ascii: "#") else { continue }
                if first.starts(with: "[attr]".utf8) {
                    relevant.insert(Array(first.dropFirst(6)))
                } else {
                    lines.append(words)
                }
            }
        }
        for words in lines where words.dropFirst().contains(where: { relevant.contains(Self.name(of: $0)) }) {
            guard let pattern = words.first, add(pattern) else { return nil }
        }
    }

    /// The attribute that a word is about: `name`, `-name`, `!name` or `name=value`.
    private static func name(of word: ArraySlice<UInt8>) -> [UInt8] {
        let isNegated = word.first == UInt8(ascii: "-") || word.first == UInt8(ascii: "!")
        return Array((isNegated ? word.dropFirst() : word).prefix { $0 != UInt8(ascii: "=") })
    }

    /// False where it is not understood.
    private mutating func add(_ pattern: ArraySlice<UInt8>) -> Bool {
        guard pattern.first != UInt8(ascii: "\""), !pattern.contains(UInt8(ascii: "/")) else { return false }
        let isEnding = pattern.first == UInt8(ascii: "*")
        let text = Array(isEnding ? pattern.dropFirst() : pattern)
        let special = Array("*?[\\".utf8)
        if text.contains(where: { special.contains($0) || $0 >= 0x80 }) {
            looksAtNames = true
        } else if isEnding {
            if !text.isEmpty, !endings.contains(text) { endings.append(text) }
        } else if !names.contains(text) {
            names.append(text)
        }
        return true
    }

    /// Adds to `key` what the patterns look at in a file's name.
    func add(_ name: UnsafeRawBufferPointer, to key: inout [UInt8]) {
        if looksAtNames {
            key.append(contentsOf: name)
            return
        }
        for pattern in names where pattern.count == name.count { note(pattern, name, &key) }
        // A pattern that matches says so by its place.
        key.append(UInt8(ascii: "*"))
        for (place, pattern) in endings.enumerated() where pattern.count <= name.count {
            let end = UnsafeRawBufferPointer(rebasing: name[(name.count - pattern.count)...])
            guard Self.isAlike(pattern, end) else { continue }
            key.append(contentsOf: [UInt8(truncatingIfNeeded: place), UInt8(truncatingIfNeeded: place >> 8)])
            key.append(end.elementsEqual(pattern) ? 1 : 2)
        }
    }

    private func note(_ pattern: [UInt8], _ name: UnsafeRawBufferPointer, _ key: inout [UInt8]) {
        guard Self.isAlike(pattern, name) else { return }
        // Whoever is called like this is of a kind of its own.
        key.append(contentsOf: name)
    }

    /// Whether both are the same but for the case of their letters.
    private static func isAlike(_ pattern: [UInt8], _ text: UnsafeRawBufferPointer) -> Bool {
        for (one, other) in zip(pattern, text) where one != other {
            let isLetter = (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(one | 0x20)
            guard isLetter, one | 0x20 == other | 0x20 else { return false }
        }
        return true
    }
}
