// Which line of a text an offset is in. Does not know what stands there.

/// The 1-based lines of offsets.
struct LineTable: Sendable {
    private let ends: [Int]

    init(_ bytes: [UInt8]) {
        ends = bytes.indices.filter { bytes[$0] == UInt8(ascii: "\n") }
    }

    func line(at offset: Int) -> Int {
        var low = 0
        var high = ends.count
        while low < high {
            let middle = (low + high) / 2
            if ends[middle] < offset { low = middle + 1 } else { high = middle }
        }
        return low + 1
    }
}
