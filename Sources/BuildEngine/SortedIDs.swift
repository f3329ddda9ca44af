// Ids in the order in which an index of a pack has them. Does not know what they name.
import Glibc

/// Ids that are looked for, sorted; where each was named is told by its number.
struct SortedIDs {
    /// As many ids as have numbers here.
    static let most = 1 << numberBits
    private static let numberBits: UInt64 = 24

    /// The first 40 bits of an id, and its number.
    private(set) var keys: [UInt64]
    private let ids: [UInt8]
    private let idSize: Int

    /// `ids` are `idSize` bytes each, one after the other, at most `most`.
    init(_ ids: [UInt8], _ idSize: Int) {
        self.ids = ids
        self.idSize = idSize
        keys = ids.withUnsafeBytes { bytes in
            (0..<min(Self.most, bytes.count / idSize)).map { number in
                let word = bytes.loadUnaligned(fromByteOffset: number * idSize, as: UInt64.self)
                return Self.key(UInt64(bigEndian: word) >> Self.numberBits, number)
            }
        }
        keys.sortSpread(below: .max)
    }

    /// A number below 2^40 with another beside it.
    static func key(_ value: UInt64, _ number: Int) -> UInt64 { value << numberBits | UInt64(number) }

    static func number(_ key: UInt64) -> Int { Int(key & (1 << numberBits - 1)) }

    /// What stands before the number.
    static func beginning(_ key: UInt64) -> UInt64 { key >> numberBits }

    static func beginning(_ id: UnsafeRawPointer) -> UInt64 {
        UInt64(bigEndian: id.loadUnaligned(as: UInt64.self)) >> numberBits
    }

    /// Whether the key was made from the id at `other`.
    func isID(of key: UInt64, _ other: UnsafeRawPointer) -> Bool {
        ids.withUnsafeBytes { bytes in
            bytes.baseAddress.map { memcmp($0 + Self.number(key) * idSize, other, idSize) == 0 } ?? false
        }
    }

    /// Looks no longer for those that are at `places`, in the order of `keys`; 0 is none. Gives these places, sorted, each with
    /// the number of its id.
    mutating func take(_ places: [UInt64], below end: UInt64) -> [UInt64] {
        var taken: [UInt64] = []
        taken.reserveCapacity(keys.count)
        var left = 0
        for (number, place) in places.enumerated() {
            if place == 0 {
                keys[left] = keys[number]
                left += 1
            } else {
                taken.append(Self.key(place, Self.number(keys[number])))
            }
        }
        keys.removeLast(keys.count - left)
        taken.sortSpread(below: Self.key(end, 0))
        return taken
    }
}

extension [UInt64] {
    /// Sorts numbers that lie about evenly below `limit`: each goes nearly to its place at once.
    mutating func sortSpread(below limit: UInt64) {
        let buckets = Swift.min(1 << 16, count)
        guard buckets > 64, limit > 0 else { return sort() }
        let shift = UInt64(
            Swift.max(0, (64 - limit.leadingZeroBitCount) - (buckets.bitWidth - buckets.leadingZeroBitCount - 1)))
        // What is not below the limit comes last.
        let last = limit >> shift
        var ends = [Int32](repeating: 0, count: Int(last) + 2)
        for number in self { ends[Int(Swift.min(last, number >> shift)) + 1] += 1 }
        for bucket in 1..<ends.count { ends[bucket] += ends[bucket - 1] }
        var sorted = [UInt64](repeating: 0, count: count)
        for number in self {
            let bucket = Int(Swift.min(last, number >> shift))
            sorted[Int(ends[bucket])] = number
            ends[bucket] += 1
        }
        sorted.withUnsafeMutableBufferPointer { all in
            var start = 0
            for end in ends.dropLast() {
                UnsafeMutableBufferPointer(rebasing: all[start..<Int(end)]).sortFew()
                start = Int(end)
            }
        }
        self = sorted
    }
}

extension UnsafeMutableBufferPointer<UInt64> {
    fileprivate func sortFew() {
        if count > 32 {
            var all = self
            return all.sort()
        }
        for place in indices.dropFirst() {
            let number = self[place]
            var free = place
            while free > 0, self[free - 1] > number {
                self[free] = self[free - 1]
                free -= 1
            }
            self[free] = number
        }
    }
}
