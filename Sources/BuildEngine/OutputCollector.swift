// What an action has put out, from disk into the store. Does not know whether it ran in a sandbox.
import BuildGraph
import Glibc

/// Reads outputs after the action's processes are gone; never follows a link that the action could have made.
struct OutputCollector {
    let label: Label
    let store: LocalContentStore
    /// Where a path of the workspace is on disk: a folder that the action could not replace, and the rest below it.
    let place: @Sendable (BytePath) -> (base: BytePath, rest: BytePath)?
    /// Takes secrets out of reports, which others read.
    var mask = SecretMask(values: [])

    /// The declared outputs, sorted. Throws `ActionFailure` where one is missing or can't be one.
    func outputs(_ declared: [ActionOutput]) throws -> [OutputFile] {
        var found: [BytePath: OutputFile] = [:]
        var missing: [ActionOutput] = []
        for output in declared {
            let files = try files(output)
            if files.isEmpty { missing.append(output) }
            for file in files { found[file.path] = file }
        }
        if !missing.isEmpty {
            let folders = Set(missing.map { $0.isFolder ? $0.path : $0.path.parent }).sorted()
            var there: [BytePath] = []
            for folder in folders where there.count <= 1000 {
                if let place = try safePlace(of: folder) { there += walk(place, as: folder).map(\.path) }
            }
            throw ActionFailure.missing(missing, there: there.filter { !ActionLayout.isPythonCache($0) }, label)
        }
        return found.values.sorted { $0.path < $1.path }
    }

    /// Files that `[report]` globs name, where they are there. `before` are those that were there before the action: one
    /// that it has not touched is no report of its.
    func reports(_ layout: ActionLayout, unlike before: ReportsBefore = ReportsBefore()) throws -> [OutputFile] {
        try reportFiles(layout).filter { before.files[$0.path] != FileStatus($0.status) }.map(storedReport)
    }

    private func storedReport(_ file: Found) throws -> OutputFile {
        // Not a byte of the value gets into the store.
        guard !mask.isEmpty, file.status.isFile else { return try stored(file) }
        let digest = try store.write(mask.masked(try Disk.contents(of: file.place)))
        return OutputFile(path: file.path, kind: file.status.isExecutable ? .executable : .file, digest: digest)
    }

    /// What is there of reports before an action runs in the workspace itself.
    func reportsBefore(_ layout: ActionLayout) throws -> ReportsBefore {
        let files = try reportFiles(layout).map { ($0.path, FileStatus($0.status)) }
        return ReportsBefore(files: Dictionary(files) { first, _ in first })
    }

    /// By what a file that nobody has written to is known.
    struct ReportsBefore {
        var files: [BytePath: FileStatus] = [:]
    }

    private func reportFiles(_ layout: ActionLayout) throws -> [Found] {
        var found: [Found] = []
        for folder in layout.reportFolders {
            guard let place = try safePlace(of: folder) else { continue }
            found += walk(place, as: folder).filter { layout.isReport($0.path) && $0.status.isFile }
        }
        return found
    }

    private func files(_ output: ActionOutput) throws -> [OutputFile] {
        guard let place = try safePlace(of: output.path), let status = Disk.status(place) else { return [] }
        if output.isFolder {
            guard status.isFolder else { throw ActionFailure.unusable(output.path, "no folder", label) }
            return try walk(place, as: output.path).filter { !ActionLayout.isPythonCache($0.path) }.map(stored)
        }
        if status.isFolder {
            throw ActionFailure.unusable(output.path, "a folder; declare it with a trailing '/'", label)
        }
        return [try stored(Found(path: output.path, place: place, status: status))]
    }

    private func stored(_ file: Found) throws -> OutputFile {
        if file.status.isLink {
            return OutputFile(path: file.path, kind: .link, digest: try store.write(Disk.linkText(file.place)))
        }
        guard file.status.isFile else {
            let kinds: [mode_t: String] = [
                S_IFIFO: "a FIFO", S_IFSOCK: "a socket", S_IFCHR: "a device", S_IFBLK: "a device",
            ]
            throw ActionFailure.unusable(file.path, kinds[file.status.st_mode & S_IFMT] ?? "no file", label)
        }
        let digest = try store.writeFile(at: file.place, expecting: nil)
        return OutputFile(path: file.path, kind: file.status.isExecutable ? .executable : .file, digest: digest)
    }

    /// Where `path` is, or nil where nothing is there. Throws where a link stands in the way.
    private func safePlace(of path: BytePath) throws -> BytePath? {
        guard let place = place(path) else { return nil }
        var current = place.base
        for part in place.rest.components {
            guard let status = Disk.status(current) else { return nil }
            if status.isLink { throw ActionFailure.unusable(path, "reached through a link", label) }
            current = current.appending(BytePath(bytes: Array(part)))
        }
        return current
    }

    struct Found {
        /// In the workspace.
        let path: BytePath
        /// On disk.
        let place: BytePath
        let status: stat
    }

    /// Everything below a folder that is no folder, sorted by name within each; links are not followed.
    func walk(_ place: BytePath, as path: BytePath) -> [Found] {
        var found: [Found] = []
        for name in (try? Disk.names(in: place)) ?? [] {
            let inner = place.appending(name)
            guard let status = Disk.status(inner) else { continue }
            if status.isFolder {
                found += walk(inner, as: path.appending(name))
            } else {
                found.append(Found(path: path.appending(name), place: inner, status: status))
            }
        }
        return found
    }
}
