// Opens many files of one look, one after the other. Does not know what they are opened for.
import CLinux
import Glibc

/// Has the folder open that the last file was in, which saves looking up its path.
struct FileOpener: ~Copyable {
    private let looked: LookedAt
    private let root: Int32
    private var folder: Int32 = -1
    /// Ended by a zero byte.
    private var folderPath: [UInt8] = []
    private var name: [UInt8] = []

    init(_ tree: WorkingTree) {
        looked = tree.looked
        root = tree.options.root.withCString { Glibc.open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    }

    deinit {
        if root >= 0 { close(root) }
        if folder >= 0 { close(folder) }
    }

    /// Opens the file at a position to read; negative where that failed. The caller closes it.
    mutating func open(_ position: Int) -> Int32 {
        let isSameFolder = looked.withPath(position) { path in
            let cut = path.lastIndex(of: slash)
            name.removeAll(keepingCapacity: true)
            name.append(contentsOf: UnsafeRawBufferPointer(rebasing: path[(cut.map { $0 + 1 } ?? 0)...]))
            name.append(0)
            let parent = UnsafeRawBufferPointer(rebasing: path[..<(cut ?? 0)])
            let isSame = folderPath.withUnsafeBytes { known in
                known.count == parent.count + 1
                    && MappedIndex.compare(UnsafeRawBufferPointer(rebasing: known.dropLast()), parent) == 0
            }
            if isSame { return true }
            folderPath.removeAll(keepingCapacity: true)
            folderPath.append(contentsOf: parent)
            folderPath.append(0)
            return false
        }
        if !isSameFolder {
            if folder >= 0 { close(folder) }
            folder = folderPath.count == 1 ? -1 : Self.withName(folderPath) { clinux_open_folder(root, $0) }
        }
        let parent = folderPath.count == 1 ? root : folder
        guard parent >= 0 else { return -1 }
        let flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW
        return Self.withName(name) { openat(parent, $0, flags) }
    }

    private static func withName(_ name: [UInt8], _ body: (UnsafePointer<CChar>) -> Int32) -> Int32 {
        name.withUnsafeBytes { bytes in
            bytes.baseAddress.map { body($0.assumingMemoryBound(to: CChar.self)) } ?? -1
        }
    }
}
