// Names of many git objects in as many bytes as they have. Does not know what they name.
import BuildGraph

/// Names of objects of one repository, one after the other: 20 bytes each where they are SHA-1, and not 40.
struct ObjectIDs: Sendable, ExpressibleByArrayLiteral {
    private var bytes: [UInt8] = []
    /// Of one; 0 as long as there is none.
    private var size = 0

    init(arrayLiteral elements: ObjectID...) {
        for id in elements { append(id) }
    }

    var count: Int { size == 0 ? 0 : bytes.count / size }

    subscript(place: Int) -> ObjectID {
        get {
            let found = bytes.withUnsafeBytes { bytes in
                ObjectID(bytes: UnsafeRawBufferPointer(rebasing: bytes[place * size..<(place + 1) * size]))
            }
            return found ?? ObjectID(words: SHA256Value(words: (0, 0, 0, 0)), isSHA256: false)
        }
        set {
            newValue.words.withBytes { new in
                for (offset, byte) in new.prefix(size).enumerated() { bytes[place * size + offset] = byte }
            }
        }
    }

    mutating func reserve(_ count: Int, isSHA256: Bool) {
        bytes.reserveCapacity(count * (isSHA256 ? 32 : 20))
    }

    /// All of one list are of one kind.
    mutating func append(_ id: ObjectID) {
        if size == 0 { size = id.isSHA256 ? 32 : 20 }
        id.words.withBytes { bytes.append(contentsOf: $0.prefix(size)) }
    }
}
