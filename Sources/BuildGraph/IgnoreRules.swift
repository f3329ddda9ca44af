// Which paths git ignores, by the rules of gitignore(5). Does not know what is tracked.
import Glibc

/// The rules of one `.gitignore`, `info/exclude` or excludes file.
package struct IgnoreFile: Sendable {
    /// The folder the rules speak of, relative to the top of the repository.
    package let folder: BytePath
    /// Of the text.
    let fingerprint: Fingerprint
    private let rules: [IgnoreRule]
    /// Those that speak of more than folders: most files of rules have none, and most of what is asked about is files.
    private let fileRules: [IgnoreRule]

    /// Reads the text as git does: LF or CRLF lines, `#` comments, `!` to take back, `\` before a byte that is meant
    /// as it is, blanks at the end dropped. No text is wrong; a malformed pattern matches nothing.
    package init(_ text: [UInt8], folder: BytePath) {
        self.folder = folder
        fingerprint = Fingerprint.of(text)
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let body = text.starts(with: mark) ? text.dropFirst(mark.count) : text[...]
        rules = body.split(separator: UInt8(ascii: "\n")).compactMap(IgnoreRule.init(line:))
        fileRules = rules.filter { !$0.isForFolders }
    }

    /// Reads the rules at the absolute `file`, which speak of `folder`; nil where there is no such plain file. Git
    /// follows a link to a user's own file, never one in a working tree.
    package static func read(
        _ file: BytePath, folder: BytePath, followingLinks: Bool = false
    ) throws(FileSystemError) -> IgnoreFile? {
        do throws(FileSystemError) {
            let open = try OpenFile(reading: file, shownAs: file, followingLinks: followingLinks)
            guard FileKind(mode: try open.status().st_mode)?.isContent == true else { return nil }
            return IgnoreFile(try open.contents(), folder: folder)
        } catch {
            if error.isChange || error.errno == ENOENT || error.errno == ENOTDIR { return nil }
            throw error
        }
    }

    package var isEmpty: Bool { rules.isEmpty }

    var speaksOfFiles: Bool { !fileRules.isEmpty }

    /// What the last rule that matches `path` says: true to ignore it, false to keep it, nil where none matches.
    func verdict(_ path: BytePath, isFolder: Bool) -> Bool? {
        let rules = isFolder ? rules : fileRules
        guard !rules.isEmpty, path.isInside(folder) else { return nil }
        let start = folder.isEmpty ? 0 : folder.bytes.count + 1
        let end = path.bytes.count
        guard start < end else { return nil }
        let name = (path.bytes.lastIndex(of: slash) ?? -1) + 1
        // By their places: a copy of each would count its references up and down for each file there is.
        for place in rules.indices.reversed() where rules[place].matches(path.bytes, start: start, name: name..<end) {
            return !rules[place].takesBack
        }
        return nil
    }
}

private struct IgnoreRule: Sendable {
    /// `!`
    let takesBack: Bool
    /// It ended with `/`.
    let isForFolders: Bool
    /// It has no `/` elsewhere: matches names at any depth.
    let isForNames: Bool
    private let pattern: PathPattern
    /// The one name that it matches at any depth, as most rules do.
    private let literal: [UInt8]?

    init?(line: ArraySlice<UInt8>) {
        guard line.first != UInt8(ascii: "#") else { return nil }
        var rest = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
        // Git keeps lines as C strings.
        rest = rest.prefix { $0 != 0 }
        rest = Self.withoutTrailingBlanks(rest)
        takesBack = rest.first == UInt8(ascii: "!")
        if takesBack { rest = rest.dropFirst() }
        isForFolders = rest.last == slash
        if isForFolders { rest = rest.dropLast() }
        guard !rest.isEmpty else { return nil }
        isForNames = !rest.contains(slash)
        pattern = PathPattern(ignoring: rest)
        literal = isForNames && pattern.segments.count == 1 ? pattern.segments[0].literal : nil
    }

    /// Whether it speaks of `path`, of which the last name is at `name`, and what counts for its folder begins at `start`.
    func matches(_ path: [UInt8], start: Int, name: Range<Int>) -> Bool {
        if let literal { return path[name].elementsEqual(literal) }
        return pattern.matches(path, (isForNames ? name.lowerBound : start)..<name.upperBound)
    }

    private static func withoutTrailingBlanks(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var blanks: Int?
        var index = line.startIndex
        while index < line.endIndex {
            switch line[index] {
            case UInt8(ascii: " "):
                if blanks == nil { blanks = index }
            case backslash:
                index += 1
                if index == line.endIndex { return line }
                blanks = nil
            default:
                blanks = nil
            }
            index += 1
        }
        return blanks.map { line[..<$0] } ?? line
    }
}

/// The ignore files that count in one folder, in git's order of precedence.
package struct IgnoreRules: Sendable {
    /// From the lowest precedence to the highest.
    private var files: [IgnoreFile]

    /// `files` from the lowest precedence to the highest: the user's excludes, the repository's `info/exclude`, then
    /// `.gitignore` files from the top of the repository down.
    package init(_ files: [IgnoreFile] = []) {
        self.files = files.filter { !$0.isEmpty }
    }

    /// The same with one more file, which comes before all others.
    package func adding(_ file: IgnoreFile) -> IgnoreRules {
        if file.isEmpty { return self }
        var more = self
        more.files.append(file)
        return more
    }

    /// Whether git ignores `path` (relative to the top of the repository), given that it ignores none of the folders
    /// above it.
    package func ignores(_ path: BytePath, isFolder: Bool) -> Bool {
        for place in files.indices.reversed() {
            if let verdict = files[place].verdict(path, isFolder: isFolder) { return verdict }
        }
        return false
    }

    /// Whether anything but a folder may be ignored.
    var speakOfFiles: Bool { files.contains { $0.speaksOfFiles } }

    /// Whether git ignores `path` or a folder above it, by these files alone: what is below an ignored folder cannot be
    /// taken back.
    package func ignoresWithParents(_ path: BytePath, isFolder: Bool) -> Bool {
        for (index, byte) in path.bytes.enumerated() where byte == slash {
            if ignores(BytePath(bytes: Array(path.bytes[..<index])), isFolder: true) { return true }
        }
        return ignores(path, isFolder: isFolder)
    }
}
