// The files that a scan found, packed. Does not look at a disk.
import Glibc

/// Paths in order, kinds and statuses of all files of a scan: some 70 bytes a file.
final class ScannedFiles: Sendable {
    let paths: PackedPaths
    private let statuses: [StatusChunk]
    /// Where in `statuses` the status of each file is: they lie as the threads found them, each chunk as if it were full.
    private let places: [UInt32]

    var count: Int { paths.count }

    func status(_ position: Int) -> FileStatus {
        let place = Int(places[position])
        return statuses[place / PackedStatuses.chunkSize][place % PackedStatuses.chunkSize]
    }

    /// Puts what threads found into git's order. `levels` are the outputs of each level of folders in turn, with the number of
    /// the first folder of the level; the folders that an output found are numbered one after the other in the next level.
    /// Takes the statuses out of the outputs. Throws where there are more files than can be numbered.
    init(_ levels: inout [ScanLevel], paths folders: [BytePath]) throws(FileSystemError) {
        let files = levels.reduce(0) { $0 + $1.outputs.reduce(0) { $0 + $1.statuses.count } }
        let chunks = levels.reduce(0) { $0 + $1.outputs.reduce(0) { $0 + $1.statuses.chunks.count } }
        let bytes = levels.reduce(0) { $0 + $1.outputs.reduce(0) { $0 + $1.pathBytes } }
        guard bytes < Int(UInt32.max), chunks < Int(UInt32.max) / PackedStatuses.chunkSize else {
            throw FileSystemError("list", .root, errno: EFBIG)
        }
        let memory = PackedMemory(files: files, bytes: bytes)
        var join = ScanJoin(memory, levels, folders, files: files)
        var statuses: [StatusChunk] = []
        statuses.reserveCapacity(chunks)
        for level in levels.indices {
            for output in levels[level].outputs.indices {
                statuses += levels[level].outputs[output].statuses.chunks
                levels[level].outputs[output].statuses = PackedStatuses()
            }
        }
        join.run()
        self.statuses = statuses
        places = join.places
        paths = PackedPaths(
            owner: memory,
            PackedPlaces(
                heap: memory.heap, offsets: memory.offsets, kinds: memory.kinds, count: join.places.count))
    }
}

/// The folders of a scan that are equally deep.
struct ScanLevel: Sendable {
    /// The number of its first folder.
    let first: Int
    var outputs: [ScanOutput]
}

private struct ScanJoin {
    /// What is in a folder, and where in `statuses` and `folders` what comes with it begins.
    private struct Place {
        var output = 0
        var items = 0..<0
        var status = 0
        var folder = 0
    }

    /// What is still to be written of a folder.
    private struct Open {
        let folder: Int
        var place: Place
    }

    private let outputs: [[UInt8]]
    private let folders: [BytePath]
    private let memory: PackedMemory
    /// By the number of a folder: what is in it.
    private var listings: [Place]
    private(set) var places: [UInt32] = []
    private var written = 0

    init(_ memory: PackedMemory, _ levels: [ScanLevel], _ folders: [BytePath], files: Int) {
        self.memory = memory
        self.folders = folders
        var outputs: [[UInt8]] = []
        listings = Array(repeating: Place(), count: folders.count)
        var chunks = 0
        var next = 1
        for level in levels {
            for output in level.outputs {
                for listing in output.listings {
                    listings[level.first + listing.folder] = Place(
                        output: outputs.count, items: listing.items,
                        status: chunks * PackedStatuses.chunkSize + listing.firstStatus,
                        folder: next + listing.firstFolder)
                }
                next += output.folders.count
                chunks += output.statuses.chunks.count
                outputs.append(output.items)
            }
        }
        self.outputs = outputs
        places.reserveCapacity(files)
    }

    mutating func run() {
        var open = [Open(folder: 0, place: listings[0])]
        while var next = open.popLast() {
            if let inner = emit(next.folder, &next.place) {
                open.append(next)
                open.append(Open(folder: inner, place: listings[inner]))
            }
        }
        mark(places.count)
    }

    /// Writes the files of a folder down to the next folder in it, and gives that; `place` is then behind it.
    private mutating func emit(_ folder: Int, _ place: inout Place) -> Int? {
        let items = outputs[place.output]
        return items.withUnsafeBytes { items in
            guard let start = items.baseAddress else { return nil }
            while !place.items.isEmpty {
                let kind = items[place.items.lowerBound]
                let name = start + place.items.lowerBound + 1
                let length = strlen(name.assumingMemoryBound(to: CChar.self))
                // A kind, and a zero byte.
                place.items = (place.items.lowerBound + length + 2)..<place.items.upperBound
                if kind == 0 {
                    place.folder += 1
                    return place.folder - 1
                }
                emit(kind, UnsafeRawBufferPointer(start: name, count: length + 1), folders[folder].bytes)
                places.append(UInt32(truncatingIfNeeded: place.status))
                place.status += 1
            }
            return nil
        }
    }

    /// Writes the path of a file whose `name` ends with a zero byte.
    private mutating func emit(_ kind: UInt8, _ name: UnsafeRawBufferPointer, _ folder: [UInt8]) {
        let position = places.count
        mark(position)
        guard let heap = UnsafeMutableRawPointer(bitPattern: memory.heap),
            let kinds = UnsafeMutableRawPointer(bitPattern: memory.kinds)
        else { return }
        kinds.storeBytes(of: kind, toByteOffset: position, as: UInt8.self)
        if !folder.isEmpty {
            folder.withUnsafeBytes { bytes in
                if let start = bytes.baseAddress { memcpy(heap + written, start, bytes.count) }
            }
            written += folder.count
            heap.storeBytes(of: slash, toByteOffset: written, as: UInt8.self)
            written += 1
        }
        if let start = name.baseAddress { memcpy(heap + written, start, name.count) }
        written += name.count
    }

    private func mark(_ position: Int) {
        UnsafeMutableRawPointer(bitPattern: memory.offsets)?.storeBytes(
            of: UInt32(truncatingIfNeeded: written), toByteOffset: 4 * position, as: UInt32.self)
    }
}
