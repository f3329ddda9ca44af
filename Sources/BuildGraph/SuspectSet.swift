// Which places of a base have to be looked at. Does not look.
import Buildfile

/// Folders of a base, and of each all files or some.
struct SuspectSet: Sendable {
    struct Folder: Sendable {
        let index: Int
        /// Places of files; nil for all that lie in the folder.
        let files: [Int]?
    }

    /// In the order of the base.
    let folders: [Folder]
    /// Files and folders to ask for their status.
    let weight: Int

    /// What was reported, and what is known to differ anyway.
    init(_ base: WorkspaceBase, _ suspects: [Suspect], _ note: WatchNote) {
        var whole: Set<Int> = []
        var some: [Int: Set<Int>] = [:]
        func add(file place: Int) {
            guard place >= 0, place < base.count, base.entries.kind(place) != .submodule,
                let folder = base.folderIndex(of: base.entries.entry(place).path.parent)
            else { return }
            some[folder, default: []].insert(place)
        }
        func add(file path: BytePath) {
            if let place = FileEntries(base.entries).index(of: path) { add(file: place) }
        }
        for suspect in suspects {
            switch suspect.kind {
            case .file: add(file: suspect.path)
            case .folder:
                if let index = base.folderIndex(of: suspect.path) { some[index, default: []] = some[index] ?? [] }
            case .tree:
                add(file: suspect.path)
                if let index = base.folderIndex(of: suspect.path) { whole.insert(index) }
                whole.formUnion(base.folders(below: suspect.path))
            }
        }
        for place in note.differing.files + note.linked { add(file: place) }
        for index in note.differing.folders where index >= 0 && index < base.folderCount {
            some[index, default: []] = some[index] ?? []
        }
        var weight = whole.count + some.count
        var found = whole.map { Folder(index: $0, files: nil) }
        for (index, files) in some where !whole.contains(index) {
            found.append(Folder(index: index, files: files.sorted()))
            weight += files.count
        }
        for index in whole { weight += base.folder(index).children.count }
        folders = found.sorted { $0.index < $1.index }
        self.weight = weight
    }
}

extension WorkspaceBase {
    /// Nil for a folder that the base has not.
    func folderIndex(of path: BytePath) -> Int? {
        let index = folderLowerBound(path.bytes)
        guard index < folderCount else { return nil }
        return path.bytes.withUnsafeBytes { MappedIndex.compare(folderPath(index), $0) == 0 } ? index : nil
    }

    /// All below `path`, without itself.
    func folders(below path: BytePath) -> Range<Int> {
        if path.isEmpty { return min(1, folderCount)..<folderCount }
        return folderLowerBound(path.bytes + [slash])..<folderLowerBound(path.bytes + [slash + 1])
    }
}

/// The folders of a base, for those who watch them.
package struct BaseFolders: Sendable {
    private let base: WorkspaceBase

    /// Nil where there is no base that is whole.
    package static func open(_ files: StateFiles) -> BaseFolders? {
        (try? files.openBase()).map { BaseFolders(base: $0) }
    }

    package var generation: Fingerprint { base.generation }
    /// Folders, the root first; each after the one that it lies in.
    package var count: Int { base.folderCount }

    /// Relative to the workspace's root.
    package func path(_ index: Int) -> BytePath { BytePath(bytes: Array(base.folderPath(index))) }

    package func index(of path: BytePath) -> Int? { base.folderIndex(of: path) }

    /// All folders below `path`, without itself.
    package func below(_ path: BytePath) -> Range<Int> { base.folders(below: path) }

    /// Whether something of the base lies at `path`, file or folder.
    package func has(_ path: BytePath) -> Bool { base.has(path) }
}

extension WorkspaceBase {
    func has(_ path: BytePath) -> Bool {
        folderIndex(of: path) != nil || FileEntries(entries).index(of: path) != nil
    }
}
