// Puts inputs into a tree as links to blobs, folder by folder. Does not know what else the tree holds.
import BuildGraph
import CLinux
import Glibc

/// Keeps the folder of the last input open: the next one, by its path, nearly always lies in it.
struct StagedLinks {
    let tree: BytePath
    let store: LocalContentStore
    /// The folder that is open, relative to the tree.
    private var folder: ArraySlice<UInt8> = []
    private var descriptor: Int32 = -1

    init(tree: BytePath, store: LocalContentStore) {
        self.tree = tree
        self.store = store
    }

    mutating func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    /// Whether the input, a file, is in its place now; where not, nothing is there. `makeFolder` makes the folder that it gets
    /// the absolute path of, and those above it.
    mutating func place(
        _ input: ActionInput, makeFolder: (BytePath) throws(StoreError) -> Void
    ) throws(StoreError) -> Bool {
        guard input.kind == .file || input.kind == .executable else { return false }
        let bytes = input.path.bytes
        let slash = bytes.lastIndex(of: UInt8(ascii: "/"))
        try open(bytes.prefix(slash ?? 0), makeFolder)
        guard descriptor >= 0 else { return false }
        let start = slash.map { $0 + 1 } ?? 0
        return BytePath(bytes: Array(bytes[start...])).withCString { name in
            store.link(input.digest, executable: input.kind == .executable, to: name, in: descriptor)
        }
    }

    private mutating func open(
        _ wanted: ArraySlice<UInt8>, _ makeFolder: (BytePath) throws(StoreError) -> Void
    ) throws(StoreError) {
        if descriptor >= 0, wanted.elementsEqual(folder) { return }
        close()
        let path = wanted.isEmpty ? tree : tree.appending(BytePath(bytes: Array(wanted)))
        try makeFolder(path)
        folder = wanted
        descriptor = path.withCString { clinux_open_folder(AT_FDCWD, $0) }
    }
}
