// The files that a scan found, packed. Does not look at a disk.
import Glibc

/// Paths in order, kinds and statuses of all files of a scan: some 90 bytes a file.
final class ScannedFiles: Sendable {
    let paths: PackedPaths
    private let statuses: [FileStatus]
    /// Where in `statuses` the status of each file is: they lie as the threads found them.
    private let places: [UInt32]

    var count: Int { paths.count }

    func status(_ position: Int) -> FileStatus { statuses[Int(places[position])] }

    /// Puts what threads found into git's order. `levels` are the outputs of each level of folders in turn, with the number of
    /// the first folder of the level; the folders that an output found are numbered one after the other in the next level.
    /// Takes the statuses out of the outputs. Throws where there are more files than can be numbered.
    init(_ levels: inout [ScanLevel], paths folders: [BytePath]) throws(FileSystemError) {
        let files = levels.reduce(0) { $0 + $1.outputs.reduce(0) { $0 + $1.statuses.count } }
        let bytes = levels.reduce(0) { $0 + $1.outputs.reduce(0) { $0 + $1.pathBytes } }
        guard bytes < Int(UInt32.max), files < Int(UInt32.max) else {
            throw FileSystemError("list", .root, errno: EFBIG)
        }
        let memory = ScanMemory(files: files, bytes: bytes)
        var join = ScanJoin(memory, levels, folders)
        var statuses: [FileStatus] = []
        statuses.reserveCapacity(files)
        for level in levels.indices {
            for output in levels[level].outputs.indices {
                statuses += levels[level].outputs[output].statuses
                levels[level].outputs[output].statuses = []
            }
        }
        join.run()
        self.statuses = statuses
        places = join.places
        paths = PackedPaths(
            owner: memory, heap: memory.heap, offsets: memory.offsets, kinds: memory.kinds, count: join.places.count)
    }
}

/// The folders of a scan that are equally deep.
struct ScanLevel: Sendable {
    /// The number of its first folder.
    let first: Int
    var outputs: [ScanOutput]
}

/// Memory for paths, their places and kinds.
private final class ScanMemory: Sendable {
    let heap: UInt
    let offsets: UInt
    let kinds: UInt

    init(files: Int, bytes: Int) {
        func allocate(_ count: Int) -> UInt {
            UInt(bitPattern: UnsafeMutableRawPointer.allocate(byteCount: max(8, count), alignment: 8))
        }
        heap = allocate(bytes)
        offsets = allocate(4 * (files + 1))
        kinds = allocate(files)
    }

    deinit {
        for address in [heap, offsets, kinds] { UnsafeMutableRawPointer(bitPattern: address)?.deallocate() }
    }
}

private struct ScanJoin {
    private struct Place {
        var output = 0
        var items = 0..<0
    }

    private let outputs: [ScanOutput]
    private let folders: [BytePath]
    private let memory: ScanMemory
    /// By the number of a folder: what is in it.
    private var listings: [Place]
    /// By output: the number of the first folder that it found, and the place of its first status.
    private var firstFolders: [Int] = []
    private var firstStatuses: [UInt32] = []
    private(set) var places: [UInt32] = []
    private var written = 0

    init(_ memory: ScanMemory, _ levels: [ScanLevel], _ folders: [BytePath]) {
        self.memory = memory
        self.folders = folders
        var outputs: [ScanOutput] = []
        listings = Array(repeating: Place(), count: folders.count)
        var statuses = 0
        var next = 1
        for level in levels {
            for output in level.outputs {
                for listing in output.listings {
                    listings[level.first + listing.folder] = Place(output: outputs.count, items: listing.items)
                }
                firstFolders.append(next)
                next += output.folders.count
                firstStatuses.append(UInt32(truncatingIfNeeded: statuses))
                statuses += output.statuses.count
                var kept = output
                // These are needed elsewhere, and take the most room.
                kept.statuses = []
                kept.folders = []
                outputs.append(kept)
            }
        }
        self.outputs = outputs
        places.reserveCapacity(statuses)
    }

    mutating func run() {
        var open: [(folder: Int, next: Int)] = [(0, listings[0].items.lowerBound)]
        while let (folder, next) = open.popLast() {
            if let (inner, after) = emit(folder, from: next) {
                open.append((folder, after))
                open.append((inner, listings[inner].items.lowerBound))
            }
        }
        mark(places.count)
    }

    /// Writes the files of a folder down to the next folder in it; gives that, and the item behind it.
    private mutating func emit(_ folder: Int, from next: Int) -> (folder: Int, after: Int)? {
        let listing = listings[folder]
        let number = listing.output
        var index = next
        while index < listing.items.upperBound {
            let item = outputs[number].items[index]
            index += 1
            if item.kind == 0 { return (firstFolders[number] + Int(item.place), index) }
            emit(item, number, folders[folder].bytes)
        }
        return nil
    }

    private mutating func emit(_ item: ScanOutput.Item, _ number: Int, _ folder: [UInt8]) {
        let position = places.count
        mark(position)
        guard let heap = UnsafeMutableRawPointer(bitPattern: memory.heap),
            let kinds = UnsafeMutableRawPointer(bitPattern: memory.kinds)
        else { return }
        kinds.storeBytes(of: item.kind, toByteOffset: position, as: UInt8.self)
        if !folder.isEmpty {
            folder.withUnsafeBytes { bytes in
                if let start = bytes.baseAddress { memcpy(heap + written, start, bytes.count) }
            }
            written += folder.count
            heap.storeBytes(of: slash, toByteOffset: written, as: UInt8.self)
            written += 1
        }
        outputs[number].names.withUnsafeBytes { names in
            // With the zero byte at its end.
            if let start = names.baseAddress { memcpy(heap + written, start + Int(item.name), Int(item.length) + 1) }
        }
        written += Int(item.length) + 1
        places.append(firstStatuses[number] + item.place)
    }

    private func mark(_ position: Int) {
        UnsafeMutableRawPointer(bitPattern: memory.offsets)?.storeBytes(
            of: UInt32(truncatingIfNeeded: written), toByteOffset: 4 * position, as: UInt32.self)
    }
}
