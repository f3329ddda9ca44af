// A list of paths that lies packed in memory. Does not know what it lists, nor what has changed since.

/// Where paths lie one after the other in memory that somebody else owns, each ended by a zero byte, sorted bytewise. Whoever
/// asks sees to it that the owner lives.
struct PackedPlaces: Sendable {
    private let heap: UInt
    /// `count + 1` 32-bit places in the heap.
    private let offsets: UInt
    /// A byte each; the upper half belongs to others.
    private let kinds: UInt
    let count: Int

    /// The addresses were checked: offsets ascend and end within the heap.
    init(heap: UInt, offsets: UInt, kinds: UInt, count: Int) {
        self.heap = heap
        self.offsets = offsets
        self.kinds = kinds
        self.count = count
    }

    @inline(__always)
    func start(_ place: Int) -> UInt {
        guard let base = UnsafeRawPointer(bitPattern: offsets) else { return heap }
        return heap + UInt(base.loadUnaligned(fromByteOffset: 4 * place, as: UInt32.self))
    }

    @inline(__always)
    func withPath<Result>(_ place: Int, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        let from = start(place)
        let length = Int(start(place + 1) &- from) - 1
        return body(UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: from), count: Swift.max(0, length)))
    }

    @inline(__always)
    func kind(_ place: Int) -> FileKind {
        guard let base = UnsafeRawPointer(bitPattern: kinds) else { return .file }
        return FileKind(rawValue: base.load(fromByteOffset: place, as: UInt8.self) & 15) ?? .file
    }
}

/// Packed paths, with what keeps them in memory.
final class PackedPaths: Sendable {
    private let owner: any AnyObject & Sendable
    let places: PackedPlaces

    var count: Int { places.count }

    /// The addresses stay valid as long as `owner` lives.
    init(owner: any AnyObject & Sendable, _ places: PackedPlaces) {
        self.owner = owner
        self.places = places
    }

    @inline(__always)
    func start(_ place: Int) -> UInt { places.start(place) }

    @inline(__always)
    func withPath<Result>(_ place: Int, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        withExtendedLifetime(self) { places.withPath(place, body) }
    }

    @inline(__always)
    func kind(_ place: Int) -> FileKind { withExtendedLifetime(self) { places.kind(place) } }

    func entry(_ place: Int) -> FileEntry {
        FileEntry(path: BytePath(bytes: withPath(place) { Array($0) }), kind: kind(place))
    }
}
