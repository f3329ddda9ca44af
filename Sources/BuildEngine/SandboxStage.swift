// The files of one sandboxed action, on disk and as the action sees them. Does not run it.
import BuildGraph
import Glibc

/// A private folder with `tree` (what may only be read), `out/N` (a fresh folder for each writable one) and `recipe`.
struct SandboxStage: Sendable {
    static let root = "/workspace"
    static let recipe = "/lmsbuild/recipe"

    let folder: BytePath
    let layout: ActionLayout
    /// Where this target's kept folders live.
    private let keepFolder: BytePath

    init(folder: BytePath, layout: ActionLayout, keepFolder: BytePath) {
        self.folder = folder
        self.layout = layout
        self.keepFolder = keepFolder
    }

    /// Lays everything out. `work` is the recipe's working folder.
    func build(_ action: Action, script: String, work: BytePath, store: LocalContentStore) throws(StoreError) {
        let tree = folder.appending("tree")
        var folders: Set<BytePath> = []
        func makeFolder(_ path: BytePath) throws(StoreError) {
            guard folders.insert(path).inserted else { return }
            if path != folder { try makeFolder(path.parent) }
            try Disk.makeFolder(path)
        }
        try makeFolder(tree)
        for (index, root) in layout.writable.enumerated() {
            try makeFolder(out(index))
            try makeFolder(tree.appending(root))
        }
        try makeFolder(tree.appending(work))
        for path in layout.neededFolders {
            if let place = writablePlace(of: path) { try makeFolder(place) }
            try makeFolder(tree.appending(path))
        }
        for path in layout.kept { try Disk.makeFolders(keepFolder.appending(path), mode: 0o700) }
        for path in layout.keptOutside { try Disk.makeFolders(path, mode: 0o755) }
        var links = StagedLinks(tree: tree, store: store)
        defer { links.close() }
        for input in action.inputs {
            let writable = writablePlace(of: input.path)
            if writable == nil, try links.place(input, makeFolder: makeFolder) { continue }
            let place = writable ?? tree.appending(input.path)
            try makeFolder(input.kind == .submodule ? place : place.parent)
            switch input.kind {
            case .link:
                try Disk.makeLink(place, text: try store.read(input.digest))
                Disk.setFixedTime(place)
            case .file, .executable:
                try store.linkOrCopy(
                    input.digest, executable: input.kind == .executable, to: place,
                    mode: writable == nil ? .shared : .private)
            default: break
            }
        }
        // The working folder of a fresh one may lie in it, and is not below `tree` then.
        if let place = writablePlace(of: work) { try makeFolder(place) }
        for path in folders where path != folder { Disk.setFixedTime(path) }
        try Disk.create(folder.appending("recipe"), Array(script.utf8), mode: 0o444)
    }

    /// Where `path` is on disk, if the action could write to it: the folder that it cannot replace, and the rest.
    func place(of path: BytePath) -> (base: BytePath, rest: BytePath)? {
        for kept in layout.kept {
            if let rest = path.relative(to: kept) { return (keepFolder.appending(kept), rest) }
        }
        for (index, root) in layout.writable.enumerated() {
            if let rest = path.relative(to: root) { return (out(index), rest) }
        }
        return nil
    }

    func out(_ index: Int) -> BytePath { folder.appending("out/\(index)") }

    private func writablePlace(of path: BytePath) -> BytePath? {
        for (index, root) in layout.writable.enumerated() {
            if let rest = path.relative(to: root) { return out(index).appending(rest) }
        }
        return nil
    }

    /// bubblewrap's arguments for the workspace, the recipe and the kept folders; nil where a name among them is not
    /// UTF-8, which a program's arguments here can't carry.
    func arguments(work: BytePath, home: BytePath) -> [String]? {
        var binds: [(option: String, source: BytePath, target: BytePath)] = []
        let root = BytePath(Self.root)
        binds.append(("--ro-bind", folder.appending("tree"), root))
        for (index, path) in layout.writable.enumerated() { binds.append(("--bind", out(index), root.appending(path))) }
        for path in layout.kept { binds.append(("--bind", keepFolder.appending(path), root.appending(path))) }
        for path in layout.keptOutside {
            binds.append(("--bind", path, path))
            // A tool looks for its cache below HOME, which is another one here.
            if let rest = path.relative(to: home), !home.isEmpty {
                binds.append(("--bind", path, BytePath("/tmp/home").appending(rest)))
            }
        }
        binds.append(("--ro-bind", folder.appending("recipe"), BytePath(Self.recipe)))
        var arguments: [String] = []
        for bind in binds {
            guard let source = String(validating: bind.source.bytes, as: UTF8.self),
                let target = String(validating: bind.target.bytes, as: UTF8.self)
            else { return nil }
            arguments += [bind.option, source, target]
        }
        guard let folder = String(validating: root.appending(work).bytes, as: UTF8.self) else { return nil }
        return arguments + ["--remount-ro", "/", "--chdir", folder]
    }
}
