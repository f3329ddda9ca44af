// Statuses of many files in little memory: 24 bytes a file and not 40. Does not know which files they are of.

/// Statuses by the order in which they were added.
struct PackedStatuses: Sendable {
    /// So many in a chunk: nothing is moved when there are more of them, and chunks are handed on as they are.
    static let chunkSize = 1024

    private(set) var chunks: [StatusChunk] = []
    private(set) var count = 0

    mutating func append(_ status: FileStatus) {
        if count % Self.chunkSize == 0 { chunks.append(StatusChunk(expecting: min(count, Self.chunkSize))) }
        chunks[chunks.count - 1].append(status)
        count += 1
    }
}

/// Up to `PackedStatuses.chunkSize` statuses.
///
/// Files of one look nearly always have one device, and numbers of inodes with the same upper half. Where they have not, or one has
/// 4 GiB, all of the chunk are kept as they are.
struct StatusChunk: Sendable {
    private struct Short {
        let inode: UInt32
        let size: UInt32
        let modified: Int64
        let changed: Int64
    }

    private var device: UInt64 = 0
    /// What all inodes have above their lower 32 bits.
    private var upperInode: UInt64 = 0
    private var short: [Short] = []
    private var long: [FileStatus] = []

    init(expecting count: Int) {
        short.reserveCapacity(count)
    }

    var count: Int { long.isEmpty ? short.count : long.count }

    subscript(place: Int) -> FileStatus {
        long.isEmpty ? shortStatus(place) : long[place]
    }

    mutating func append(_ status: FileStatus) {
        if !long.isEmpty {
            long.append(status)
            return
        }
        if short.isEmpty {
            device = status.device
            upperInode = status.inode & ~0xFFFF_FFFF
        }
        guard status.device == device, status.inode & ~0xFFFF_FFFF == upperInode,
            let size = UInt32(exactly: status.size)
        else {
            long.reserveCapacity(PackedStatuses.chunkSize)
            for place in short.indices { long.append(shortStatus(place)) }
            short = []
            long.append(status)
            return
        }
        short.append(
            Short(
                inode: UInt32(truncatingIfNeeded: status.inode), size: size, modified: status.modified,
                changed: status.changed))
    }

    private func shortStatus(_ place: Int) -> FileStatus {
        let found = short[place]
        return FileStatus(
            device: device, inode: upperInode | UInt64(found.inode), size: Int64(found.size), modified: found.modified,
            changed: found.changed)
    }
}
