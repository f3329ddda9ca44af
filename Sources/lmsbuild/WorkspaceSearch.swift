// Finds the workspace as git finds its folder. Does not read more of a Buildfile than what it includes.
import BuildEngine
import BuildGraph
import Buildfile
import Glibc

/// Looks for the nearest root Buildfile at or above the current folder: one that no Buildfile above it includes.
struct WorkspaceSearch {
    struct Found {
        let workspace: BytePath
        let root: ResolutionSettings.RootBuildfile
    }

    let current: BytePath
    /// The top of the git repository, above which nothing is looked for.
    let top: BytePath?
    /// The repository has no working tree: its commits' root Buildfiles count.
    var isBare = false

    static func currentFolder() throws -> BytePath {
        guard let path = realpath(".", nil) else {
            throw Refusal(
                Diagnostic(.badCommandLine, "the current folder cannot be named: \(errnoText(errno))"), .machine)
        }
        defer { free(path) }
        return BytePath(String(cString: path))
    }

    func find(buildfile: String?) throws -> Found {
        if let buildfile { return try given(buildfile) }
        if isBare, let top { return Found(workspace: top, root: .inTree(BytePath("Buildfile"))) }
        var candidates: [BytePath] = []
        var folder = current
        while true {
            if isFile(folder.appending("Buildfile")) { candidates.append(folder) }
            if folder == top || folder.bytes == [UInt8(ascii: "/")] { break }
            folder = folder.parent
        }
        for (place, candidate) in candidates.enumerated()
        where !candidates[(place + 1)...].contains(where: { includes($0, candidate) }) {
            return Found(workspace: candidate, root: .inTree(BytePath("Buildfile")))
        }
        throw Refusal(
            Diagnostic(
                .noBuildfile, "there is no Buildfile in '\(current.shown)' or above it",
                hint: "write one (Buildfile.example shows the language), or name one with '-f FILE'"), .wrongInput)
    }

    private func given(_ name: String) throws -> Found {
        guard let bytes = fileContents(BytePath(name)) else {
            throw Refusal(
                Diagnostic(.noBuildfile, "cannot read the Buildfile '\(name)': \(errnoText(errno))"), .wrongInput)
        }
        var folder = current
        if let path = realpath(name, nil) {
            let parent = BytePath(String(cString: path)).parent
            free(path)
            if current.isInside(parent), top.map(parent.isInside) ?? true {
                folder = parent
            } else {
                folder = top ?? current
            }
        }
        return Found(workspace: folder, root: .given(SourceText(name: name, bytes: bytes)))
    }

    /// Whether the Buildfile of `upper` names the one of `lower` in an `include`.
    private func includes(_ upper: BytePath, _ lower: BytePath) -> Bool {
        guard let bytes = fileContents(upper.appending("Buildfile")), let folder = lower.relative(to: upper) else {
            return false
        }
        let parsed = parseBuildfile(SourceText(name: "Buildfile", bytes: bytes))
        return parsed.declarations.contains { declaration in
            guard case .directive(let directive) = declaration, directive.keyword.text == "include" else {
                return false
            }
            return directive.arguments.contains { word in
                PathPattern.resolving(Array(word.text.utf8), in: .root)?.matches(folder.appending("Buildfile")) ?? false
            }
        }
    }

    private func isFile(_ path: BytePath) -> Bool {
        var status = stat()
        return path.withCString { lstat($0, &status) } == 0 && status.st_mode & S_IFMT == S_IFREG
    }
}

/// The bytes of a file, or nil where it cannot be read; `errno` then says why.
func fileContents(_ path: BytePath) -> [UInt8]? {
    path.withCString { name in
        guard let file = fopen(name, "r") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            if count <= 0 { return ferror(file) == 0 ? bytes : nil }
            bytes.append(contentsOf: buffer[..<count])
        }
    }
}
