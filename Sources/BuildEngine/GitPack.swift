// Reads how large blobs are from git's packs, as gitformat-pack(5) has them. Does not know which blobs matter, nor ask git.
//
// Both files of a pack are read piece by piece with pread(2) and neither is mapped: the memory that is needed stays small
// however large a pack is, and a file that somebody cuts off is a short read, not a signal. What is read is untrusted. What
// is damaged, or of a kind not known here, tells nothing: git has to be asked.
import BuildGraph
import CLinux
import Glibc

/// A pack with its index (version 2), both open.
final class GitPack: Sendable {
    /// Where in a pack an object can be at most, for our sorting.
    static let farthest: UInt64 = 1 << 40
    /// Stands for a size that is not known.
    static let unknown = UInt32.max

    /// How many objects are in it.
    let count: Int
    private let idSize: Int
    private let index: OpenPackFile
    private let pack: OpenPackFile
    /// For each first byte of an id, how many ids are below or have it.
    private let fanout: [UInt32]

    /// Opens the pack with the index at the absolute `path`; nil where they do not belong together.
    init?(index path: BytePath, idSize: Int) {
        let packPath = BytePath(bytes: path.bytes.dropLast(3) + Array("pack".utf8))
        guard let index = OpenPackFile(path), let pack = OpenPackFile(packPath),
            let heading = index.bytes(at: 0, Self.tables),
            heading[..<8].elementsEqual([0xFF, 0x74, 0x4F, 0x63, 0, 0, 0, 2]),
            let start = pack.bytes(at: 0, 12), start[..<4].elementsEqual("PACK".utf8),
            [2, 3].contains(Self.number(start, 4))
        else { return nil }
        let fanout = (0..<256).map { Self.number(heading, 8 + $0 * 4) }
        count = Int(fanout[255])
        // Each object has an id, a sum, and a place; at the end are the sums of the pack and of the index.
        guard zip(fanout, fanout.dropFirst()).allSatisfy({ $0 <= $1 }), Self.number(start, 8) == fanout[255],
            index.size >= Self.tables + count * (idSize + 8) + 2 * idSize, pack.size >= 12 + idSize,
            let sum = pack.bytes(at: pack.size - idSize, idSize),
            sum == index.bytes(at: index.size - 2 * idSize, idSize)
        else { return nil }
        self.idSize = idSize
        self.index = index
        self.pack = pack
        self.fanout = fanout
    }

    /// Where in an index the ids begin.
    private static let tables = 8 + 256 * 4

    private static func number(_ bytes: [UInt8], _ place: Int) -> UInt32 {
        bytes[place..<(place + 4)].reduce(0) { $0 << 8 | UInt32($1) }
    }

    // MARK: Where objects are

    /// Where in the pack the objects are that `wanted` asks for, in the same order; 0 for what is not in it.
    func places(of wanted: SortedIDs) -> [UInt64] {
        var ids = PackWindow(index, end: index.size - 2 * idSize)
        var near = PackWindow(index, end: index.size - 2 * idSize)
        var far = PackWindow(index, end: index.size - 2 * idSize)
        var places = [UInt64](repeating: 0, count: wanted.keys.count)
        var position = 0
        for (number, key) in wanted.keys.enumerated() {
            // The ids from `first` on begin with the same byte.
            let byte = Int(key >> 56)
            let first = byte == 0 ? 0 : Int(fanout[byte - 1])
            let end = Int(fanout[byte])
            position = max(position, first)
            while position < end {
                guard let id = ids.bytes(at: Self.tables + position * idSize, idSize) else { return places }
                if SortedIDs.beginning(id) >= SortedIDs.beginning(key) { break }
                position += 1
            }
            // Those that begin alike are few, unless somebody has made them so.
            for candidate in position..<max(position, min(end, position + Self.mostAlike)) {
                guard let id = ids.bytes(at: Self.tables + candidate * idSize, idSize),
                    SortedIDs.beginning(id) == SortedIDs.beginning(key)
                else { break }
                if wanted.isID(of: key, id) {
                    places[number] = place(candidate, &near, &far)
                    break
                }
            }
        }
        return places
    }

    private static let mostAlike = 16

    private func place(_ position: Int, _ near: inout PackWindow, _ far: inout PackWindow) -> UInt64 {
        let numbers = Self.tables + count * (idSize + 4)
        guard let bytes = near.bytes(at: numbers + position * 4, 4) else { return 0 }
        var place = UInt64(UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self)))
        if place & 0x8000_0000 != 0 {
            let number = Int(place & 0x7FFF_FFFF)
            guard let bytes = far.bytes(at: numbers + count * 4 + number * 8, 8) else { return 0 }
            place = UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self))
        }
        return place >= 12 && place < min(Self.farthest, end) ? place : 0
    }

    // MARK: How large objects are

    /// Where the last object ends at most.
    var end: UInt64 { UInt64(pack.size - idSize) }

    /// How large the blobs are whose places in the pack stand before the numbers, sorted; `unknown` for what git has to be asked
    /// for.
    func sizes(of objects: ArraySlice<UInt64>) -> [UInt32] {
        let places = objects.map { Int(SortedIDs.beginning($0)) }
        var window = PackWindow(pack, end: pack.size - idSize)
        var heads = StreamHead()
        var sizes: [UInt32] = []
        sizes.reserveCapacity(places.count)
        var next = places.startIndex
        while next != places.endIndex {
            let place = places[next]
            if !window.holds(place, Self.most) {
                // Up to where nothing is wanted for a while.
                var end = place + Self.most
                for other in places[next...] {
                    guard other <= end + Self.gap, other + Self.most <= place + PackWindow.capacity else { break }
                    end = other + Self.most
                }
                window.read(at: place, end - place)
            }
            let size = window.rest(at: place, Self.most).flatMap { self.size($0, place, &heads) }
            sizes.append(size.map { UInt32(clamping: $0) } ?? Self.unknown)
            next = places.index(after: next)
        }
        return sizes
    }

    /// As many bytes of an object tell its size: its heading, what it is told from, and the start of a stream.
    private static let most = 10 + 32 + StreamHead.longest
    /// What is read in one go though nobody wants it.
    private static let gap = 16 << 10

    private func size(_ object: UnsafeRawBufferPointer, _ place: Int, _ heads: inout StreamHead) -> UInt64? {
        guard let first = object.first else { return nil }
        var size = UInt64(first & 15)
        var shift: UInt64 = 4
        var next = 0
        while object[next] & 0x80 != 0 {
            next += 1
            guard next < object.count, shift < 57 else { return nil }
            size |= UInt64(object[next] & 0x7F) << shift
            shift += 7
        }
        next += 1
        switch first >> 4 & 7 {
        case 3: return size
        case 6:
            guard let end = Self.endOfDistance(object, next, place) else { return nil }
            next = end
        case 7: next += idSize
        default: return nil
        }
        guard next < object.count,
            let head = heads.bytes(of: UnsafeRawBufferPointer(rebasing: object[next...])),
            // A delta that is shorter than what is looked at is there as a whole.
            head.count == min(size, UInt64(StreamHead.limit))
        else { return nil }
        return Self.resultSize(head)
    }

    /// Where the distance to the object ends that a delta is told from, which has to be before it in the pack.
    private static func endOfDistance(_ object: UnsafeRawBufferPointer, _ start: Int, _ place: Int) -> Int? {
        var next = start
        guard next < object.count else { return nil }
        var distance = Int(object[next] & 0x7F)
        while object[next] & 0x80 != 0 {
            next += 1
            guard next < object.count, distance < 1 << 48 else { return nil }
            distance = (distance + 1) << 7 + Int(object[next] & 0x7F)
        }
        return distance > 0 && distance < place ? next + 1 : nil
    }

    /// The second of the two numbers that a delta begins with.
    private static func resultSize(_ delta: UnsafeBufferPointer<UInt8>) -> UInt64? {
        var next = 0
        var size: UInt64 = 0
        for _ in 0..<2 {
            size = 0
            var shift: UInt64 = 0
            var byte: UInt8 = 0x80
            while byte & 0x80 != 0 {
                guard next < delta.count, shift < 57 else { return nil }
                byte = delta[next]
                size |= UInt64(byte & 0x7F) << shift
                shift += 7
                next += 1
            }
        }
        return size
    }
}
