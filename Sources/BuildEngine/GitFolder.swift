// Which of git's own files decide what is in a working tree. Does not read what they say.
package import BuildGraph
import Buildfile
import Glibc

/// Where a repository keeps its files, read off the disk as git does.
enum GitFolder {
    /// The git folder of the repository whose top is `folder`; nil where that is no repository's top.
    static func of(_ folder: BytePath) -> BytePath? {
        let dot = folder.appending(".git")
        guard let status = Disk.status(dot) else { return nil }
        var found = dot
        if !status.isFolder {
            let start = "gitdir: ".utf8
            guard status.isFile, let text = try? Disk.contents(of: dot), text.starts(with: start) else { return nil }
            let target = BytePath(bytes: Array(text.dropFirst(start.count).prefix { $0 != 10 && $0 != 13 }))
            found = target.isAbsolute ? target : folder.appending(target)
            // As it is called in messages.
            found = Disk.realPath(found) ?? found
        }
        return Disk.status(found.appending("HEAD"))?.isFile == true ? found : nil
    }

    /// What git rewrites when another commit is checked out or something is staged. The log of HEAD is written where
    /// the commit moves below a branch whose name stays.
    static func movingFiles(_ folder: BytePath) -> [BytePath] {
        ["HEAD", "index", "logs/HEAD"].map { folder.appending($0) }
    }
}

extension GitRepository {
    /// The absolute paths of the files outside the workspace that decide which files are in it and what they are: what
    /// is checked out and staged, the repository's configuration, ignore and attribute files. They need not be there.
    package func decidingFiles(_ options: WorkingTreeOptions) async throws -> [BytePath] {
        guard let own = GitFolder.of(top) else { return [] }
        var files = GitFolder.movingFiles(own)
        files += ["config.worktree", "info/sparse-checkout"].map { own.appending($0) }
        files += ["config", "info/exclude", "info/attributes"].map { commonFolder.appending($0) }
        if let file = try await excludesFile() { files.append(file) }
        var folder = options.prefix
        while !folder.isEmpty {
            folder = folder.parent
            files += [".gitignore", ".gitattributes"].map { top.appending(folder).appending($0) }
        }
        for path in options.submodules.keys.sorted() {
            if let inner = GitFolder.of(options.root.appending(path)) { files += GitFolder.movingFiles(inner) }
        }
        return files
    }
}
