// A recipe run in the workspace itself, without a sandbox. Does not know whether its inputs stayed as they were.
import BuildGraph
import Glibc

extension LocalActionRunner {
    /// Outputs of an earlier run are put aside before, and put back where this one fails.
    func runInWorkspace(_ action: Action, _ recipe: Recipe) async throws -> ActionResult {
        let desk = try desks.take(script: Array(recipe.script.utf8))
        var isOver = false
        defer { if isOver { desks.giveBack(desk) } else { desks.remove(desk) } }
        let layout = ActionLayout(action)
        for path in layout.keptOutside { try showAtHome(path, desk.home) }
        let aside = try putAside(action, layout, in: desk.folder.appending("aside"))
        do {
            for path in layout.neededFolders + [recipe.folder] { try Disk.makeFolders(workspace.appending(path)) }
            let action = try withCopies(action, recipe, in: desk.folder.appending("copies"))
            var command = Command(
                recipe.interpreter + [desk.shown.script],
                environment: environment(of: action, home: desk.shown.home, temporary: desk.shown.temporary),
                folder: workspace.appending(recipe.folder))
            command.timeout = action.attributes.timeout
            command.mayEndWithItsStarter = false
            let root = workspace
            var collector = OutputCollector(label: action.label, store: store) { (root, $0) }
            collector.mask = mask(of: action)
            let before = try collector.reportsBefore(layout)
            let ended = try await finish(command, action) { try collector.reports(layout, unlike: before) }
            let result = try result(
                of: ended, collector.outputs(action.outputs) + collector.reports(layout, unlike: before))
            isOver = true
            return result
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

    /// `action` with `$contract` naming copies, made in `folder`, of what it is given in place of the workspace's files. They
    /// are named from the recipe's folder, as blanks in the workspace's own path would divide them.
    private func withCopies(_ action: Action, _ recipe: Recipe, in folder: BytePath) throws -> Action {
        guard action.environment["contract"] != nil, !action.attributes.copies.isEmpty else { return action }
        var names: [String] = []
        for (index, path) in action.attributes.copies.enumerated() {
            guard let input = action.inputs.first(where: { $0.path == path }) else { continue }
            let copy = folder.appending("\(index)").appending(path.name)
            try Disk.makeFolders(copy.parent, mode: 0o700)
            try store.place(input.digest, at: copy, executable: false)
            names.append((copy.relative(to: workspace)?.walked(from: recipe.folder) ?? copy).shown)
        }
        var environment = action.environment
        environment["contract"] = names.joined(separator: " ")
        return action.with(environment: environment)
    }

    /// Moves the declared outputs that are there into `folder`, which is made for that. What a rename can't move (another
    /// file system) stays.
    private func putAside(
        _ action: Action, _ layout: ActionLayout, in folder: BytePath
    ) throws(StoreError) -> [(original: BytePath, saved: BytePath)] {
        var moved: [(original: BytePath, saved: BytePath)] = []
        for (index, output) in action.outputs.enumerated() where !layout.isKept(output.path) {
            let original = workspace.appending(output.path)
            guard Disk.status(original) != nil else { continue }
            if moved.isEmpty { try Disk.makeFolder(folder, mode: 0o700) }
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
