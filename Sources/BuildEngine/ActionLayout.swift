// Which parts of the workspace an action may write to. Does not know the disk.
import BuildGraph

/// The folders that hold an action's outputs and reports, and those that it keeps.
struct ActionLayout: Sendable {
    /// Relative to the workspace's root, sorted; none lies inside another or inside a kept folder.
    let writable: [BytePath]
    /// `[keep]` folders of the workspace, sorted.
    let kept: [BytePath]
    /// `[keep]` folders elsewhere.
    let keptOutside: [BytePath]

    private let outputs: [ActionOutput]
    private let reports: [ReportPattern]

    init(_ action: Action) {
        let kept = action.attributes.keep.filter { !$0.isAbsolute }.map(Self.withoutSlash).sorted()
        let reports = action.attributes.reports.map(ReportPattern.init)
        var folders: Set<BytePath> = []
        for output in action.outputs { folders.insert(output.isFolder ? output.path : output.path.parent) }
        for report in reports { folders.insert(report.folder) }
        self.kept = kept
        keptOutside = action.attributes.keep.filter(\.isAbsolute)
        outputs = action.outputs
        self.reports = reports
        writable = folders.sorted().reduce(into: []) { roots, folder in
            if !(roots + kept).contains(where: { folder.isInside($0) }) { roots.append(folder) }
        }
    }

    private static func withoutSlash(_ path: BytePath) -> BytePath {
        path.bytes.last == UInt8(ascii: "/") ? BytePath(bytes: path.bytes.dropLast()) : path
    }

    /// The index in `writable` of the folder that holds `path`.
    func writableRoot(of path: BytePath) -> Int? { writable.firstIndex { path.isInside($0) } }

    /// Folders that must be there before the command starts.
    var neededFolders: [BytePath] {
        outputs.map { $0.isFolder ? $0.path : $0.path.parent } + reports.map(\.folder) + kept
    }

    func isOutput(_ path: BytePath) -> Bool {
        outputs.contains { $0.isFolder ? path.isInside($0.path) : path == $0.path }
    }

    func isReport(_ path: BytePath) -> Bool { reports.contains { $0.matches(path) } }
    func isKept(_ path: BytePath) -> Bool { kept.contains { path.isInside($0) } }
    var reportFolders: [BytePath] { Set(reports.map(\.folder)).sorted() }

    /// Python's own cache: written beside any source that is imported, and never an output anybody means.
    static func isPythonCache(_ path: BytePath) -> Bool {
        path.bytes.suffix(4).elementsEqual(".pyc".utf8)
            || path.components.contains { $0.elementsEqual("__pycache__".utf8) }
    }
}
