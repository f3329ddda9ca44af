// A recipe run in the workspace itself, without a sandbox. Does not know whether its inputs stayed as they were.
import BuildGraph
import Glibc

extension LocalActionRunner {
    /// Outputs of an earlier run are put aside before, and put back where this one fails.
    func runInWorkspace(_ action: Action, _ recipe: Recipe, in folder: BytePath) async throws -> ActionResult {
        let layout = ActionLayout(action)
        let home = folder.appending("home")
        let temporary = folder.appending("tmp")
        try Disk.makeFolder(home, mode: 0o700)
        try Disk.makeFolder(temporary, mode: 0o700)
        for path in layout.keptOutside { try showAtHome(path, home) }
        let script = folder.appending("recipe")
        try Disk.create(script, Array(recipe.script.utf8), mode: 0o444)
        let aside = try putAside(action, layout, in: folder.appending("aside"))
        do {
            for path in layout.neededFolders + [recipe.folder] { try Disk.makeFolders(workspace.appending(path)) }
            var command = Command(
                recipe.interpreter + [script.shown],
                environment: environment(of: action, home: home.shown, temporary: temporary.shown),
                folder: workspace.appending(recipe.folder))
            command.timeout = action.attributes.timeout
            let ended = try await finish(command, action)
            let root = workspace
            let collector = OutputCollector(label: action.label, store: store) { (root, $0) }
            return try result(of: ended, collector.outputs(action.outputs) + collector.reports(layout))
        } catch {
            for output in action.outputs where !layout.isKept(output.path) {
                Disk.remove(workspace.appending(output.path))
            }
            for (original, saved) in aside {
                Disk.remove(original)
                try? Disk.rename(saved, to: original)
            }
            throw error
        }
    }

    /// Moves the declared outputs that are there into `folder`. What a rename can't move (another file system) stays.
    private func putAside(
        _ action: Action, _ layout: ActionLayout, in folder: BytePath
    ) throws(StoreError) -> [(original: BytePath, saved: BytePath)] {
        try Disk.makeFolder(folder, mode: 0o700)
        var moved: [(original: BytePath, saved: BytePath)] = []
        for (index, output) in action.outputs.enumerated() where !layout.isKept(output.path) {
            let original = workspace.appending(output.path)
            guard Disk.status(original) != nil else { continue }
            let saved = folder.appending("\(index)")
            do throws(StoreError) {
                try Disk.rename(original, to: saved)
                moved.append((original, saved))
            } catch {
                guard case .system(_, _, EXDEV) = error else { throw error }
            }
        }
        return moved
    }

    /// A kept folder below the user's home is a link in the private one.
    private func showAtHome(_ path: BytePath, _ home: BytePath) throws(StoreError) {
        try Disk.makeFolders(path)
        guard let real = getenv("HOME"), strlen(real) > 1,
            let rest = path.relative(to: BytePath(String(cString: real))),
            !rest.isEmpty
        else { return }
        let bytes = rest.bytes.last == UInt8(ascii: "/") ? BytePath(bytes: rest.bytes.dropLast()) : rest
        try Disk.makeFolders(home.appending(bytes.parent))
        try Disk.makeLink(home.appending(bytes), text: path.bytes)
    }
}
