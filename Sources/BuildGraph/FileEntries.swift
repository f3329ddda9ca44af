// The list of a tree's files, however it is kept. Does not know contents, nor where the files are.

/// The files of a tree, sorted bytewise by path, without duplicates.
///
/// An entry's path is made when it is asked for: a list of a million files may lie packed in a mapped file. Asking for the
/// bytes of a path (`withPath`) or for its kind makes nothing.
package struct FileEntries: RandomAccessCollection, Sendable, Equatable, ExpressibleByArrayLiteral {
    /// Where an entry of a patched list comes from.
    package enum Origin: Sendable, Hashable {
        /// The place in the packed list.
        case packed(Int)
        /// The place in `patch`.
        case patch(Int)
    }

    private enum Storage: Sendable {
        case list([FileEntry])
        case packed(PackedPaths)
        case patched(PatchedPaths)
    }

    private let storage: Storage
    /// Where a packed list without a patch lies. Asking there counts no references, which two threads would count up and
    /// down at the same place for each of a million files.
    private let plain: PackedPlaces?

    /// `entries` must be sorted by path.
    package init(_ entries: [FileEntry]) {
        storage = .list(entries)
        plain = nil
    }

    package init(arrayLiteral elements: FileEntry...) {
        self.init(elements)
    }

    /// The packed paths with some replaced, added and taken away.
    init(_ packed: PackedPaths, _ patch: PathPatch = .none) {
        storage = patch.isNone ? .packed(packed) : .patched(PatchedPaths(packed, patch))
        plain = patch.isNone ? packed.places : nil
    }

    package var startIndex: Int { 0 }

    package var endIndex: Int {
        if let plain { return plain.count }
        return switch storage {
        case .list(let entries): entries.count
        case .packed(let packed): packed.count
        case .patched(let both): both.packed.count + both.patch.growth
        }
    }

    package subscript(position: Int) -> FileEntry {
        switch storage {
        case .list(let entries): entries[position]
        case .packed(let packed): packed.entry(position)
        case .patched(let both):
            switch both.patch.origin(of: position) {
            case .packed(let place): both.packed.entry(place)
            case .patch(let place): both.patch.entries[place]
            }
        }
    }

    package func kind(_ position: Int) -> FileKind {
        if let plain { return withExtendedLifetime(self) { plain.kind(position) } }
        return switch storage {
        case .list(let entries): entries[position].kind
        case .packed(let packed): packed.kind(position)
        case .patched(let both):
            switch both.patch.origin(of: position) {
            case .packed(let place): both.packed.kind(place)
            case .patch(let place): both.patch.entries[place].kind
            }
        }
    }

    /// The bytes of a path, valid during the call.
    package func withPath<Result>(_ position: Int, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        if let plain { return withExtendedLifetime(self) { plain.withPath(position, body) } }
        return switch storage {
        case .list(let entries): entries[position].path.bytes.withUnsafeBytes(body)
        case .packed(let packed): packed.withPath(position, body)
        case .patched(let both):
            switch both.patch.origin(of: position) {
            case .packed(let place): both.packed.withPath(place, body)
            case .patch(let place): both.patch.entries[place].path.bytes.withUnsafeBytes(body)
            }
        }
    }

    /// This list with `changes`, which are sorted by path: those that are there now, or not any more.
    package func changed(_ changes: [EntryChange]) -> FileEntries {
        if changes.isEmpty { return self }
        switch storage {
        case .list(let entries):
            let changed = Set(changes.map(\.path))
            let kept = entries.filter { !changed.contains($0.path) }
            return FileEntries((kept + changes.compactMap(\.entry)).sorted { $0.path < $1.path })
        case .packed(let packed): return Self.changed(packed, .none, changes)
        case .patched(let both): return Self.changed(both.packed, both.patch, changes)
        }
    }

    private static func changed(_ packed: PackedPaths, _ patch: PathPatch, _ changes: [EntryChange]) -> FileEntries {
        let plain = FileEntries(packed)
        let own = changes.compactMap { change -> PathPatch.Change? in
            let place = plain.index(of: change.path)
            return place == nil && change.kind == nil ? nil : PathPatch.Change(packed: place, entry: change.entry)
        }
        let path = { (change: PathPatch.Change) in
            change.entry?.path ?? change.packed.map { packed.entry($0).path } ?? .root
        }
        let changed = Set(changes.map(\.path))
        let before = patch.changes.filter { !changed.contains(path($0)) }
        let all = before.isEmpty ? own : (before + own).sorted { path($0) < path($1) }
        if all.isEmpty { return plain }
        return FileEntries(packed, PathPatch(all, packedCount: packed.count) { plain.lowerBound($0.bytes) })
    }

    /// Nil for a list that is not packed.
    func origin(of position: Int) -> Origin? {
        switch storage {
        case .list: nil
        case .packed: .packed(position)
        case .patched(let both): both.patch.origin(of: position)
        }
    }

    /// Where the packed entries of `range` are now, or those in their place; what is gone is left out.
    func positions(ofPacked range: Range<Int>, _ body: (Range<Int>) -> Void) {
        switch storage {
        case .list: return
        case .packed: body(range)
        case .patched(let both): both.patch.positions(ofPacked: range, body)
        }
    }

    /// The place of the first entry whose path is not less than `path`.
    package func lowerBound(_ path: [UInt8]) -> Int {
        path.withUnsafeBytes { path in
            var low = 0
            var high = count
            while low < high {
                let middle = (low + high) / 2
                if withPath(middle, { MappedIndex.compare($0, path) }) < 0 { low = middle + 1 } else { high = middle }
            }
            return low
        }
    }

    package func index(of path: BytePath) -> Int? {
        let place = lowerBound(path.bytes)
        guard place < count else { return nil }
        let isIt = withPath(place) { found in path.bytes.withUnsafeBytes { MappedIndex.compare(found, $0) == 0 } }
        return isIt ? place : nil
    }

    /// The entries below `folder`, which are contiguous.
    package func range(inside folder: BytePath) -> Range<Int> {
        if folder.isEmpty { return 0..<count }
        return lowerBound(folder.bytes + [UInt8(ascii: "/")])..<lowerBound(folder.bytes + [UInt8(ascii: "/") + 1])
    }

    package static func == (left: FileEntries, right: FileEntries) -> Bool {
        if case .list(let one) = left.storage, case .list(let other) = right.storage { return one == other }
        if case .packed(let one) = left.storage, case .packed(let other) = right.storage, one === other { return true }
        guard left.count == right.count else { return false }
        return left.indices.allSatisfy { position in
            left.kind(position) == right.kind(position)
                && left.withPath(position) { path in
                    right.withPath(position) { MappedIndex.compare(path, $0) == 0 }
                }
        }
    }
}

/// Packed paths, some of which are not what they were.
private final class PatchedPaths: Sendable {
    let packed: PackedPaths
    let patch: PathPatch

    init(_ packed: PackedPaths, _ patch: PathPatch) {
        self.packed = packed
        self.patch = patch
    }
}

/// What differs from a packed list: entries in place of packed ones, further ones, and packed ones that are gone.
struct PathPatch: Sendable {
    /// One difference: an entry that is there now, a packed place that it replaces or that is gone, or both.
    struct Change: Sendable {
        let packed: Int?
        let entry: FileEntry?
    }

    private struct Piece: Sendable {
        /// The position of its first entry now.
        let start: Int
        let origin: FileEntries.Origin
        /// The packed place that a patch's entry stands in for.
        var replaced: Int?
    }

    static let none = PathPatch()

    private var pieces: [Piece] = []
    /// What is there now and not, or not so, in the packed list; sorted by path.
    private(set) var entries: [FileEntry] = []
    private(set) var growth = 0
    /// What it was made of.
    private(set) var changes: [Change] = []

    var isNone: Bool { pieces.isEmpty }

    private init() {}

    /// `changes` are sorted by path; `insertion` tells where in the packed list a path that it has not would be.
    init(_ changes: [Change], packedCount: Int, insertion: (BytePath) -> Int) {
        self.changes = changes
        var next = 0
        var position = 0
        func take(upTo place: Int, _ pieces: inout [Piece]) {
            if place > next {
                pieces.append(Piece(start: position, origin: .packed(next)))
                position += place - next
                next = place
            }
        }
        for change in changes {
            if let packed = change.packed {
                take(upTo: packed, &pieces)
                next = packed + 1
                growth -= 1
            } else if let entry = change.entry {
                take(upTo: insertion(entry.path), &pieces)
            }
            if let entry = change.entry {
                pieces.append(
                    Piece(start: position, origin: .patch(entries.count), replaced: change.packed))
                entries.append(entry)
                position += 1
                growth += 1
            }
        }
        take(upTo: packedCount, &pieces)
        if pieces.isEmpty { pieces.append(Piece(start: 0, origin: .packed(packedCount))) }
    }

    func origin(of position: Int) -> FileEntries.Origin {
        if pieces.isEmpty { return .packed(position) }
        var low = 0
        var high = pieces.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if pieces[middle].start <= position { low = middle } else { high = middle }
        }
        switch pieces[low].origin {
        case .packed(let place): return .packed(place + position - pieces[low].start)
        case .patch(let place): return .patch(place)
        }
    }

    func positions(ofPacked range: Range<Int>, _ body: (Range<Int>) -> Void) {
        if pieces.isEmpty { return body(range) }
        for (index, piece) in pieces.enumerated() {
            guard case .packed(let first) = piece.origin else {
                if let place = piece.replaced, range.contains(place) { body(piece.start..<piece.start + 1) }
                continue
            }
            let end = index + 1 < pieces.count ? first + pieces[index + 1].start - piece.start : Int.max
            let common =
                Swift.max(
                    first, range.lowerBound)..<Swift.max(first, range.lowerBound, Swift.min(end, range.upperBound))
            if !common.isEmpty {
                body(piece.start + common.lowerBound - first..<piece.start + common.upperBound - first)
            }
        }
    }
}

/// Places of entries in ascending order, kept as ranges: nearly all of a target's files lie side by side.
package struct EntryRanges: Sequence, Sendable, Hashable {
    private(set) var ranges: [Range<Int>] = []

    package init() {}

    /// `places` are ascending.
    package init(_ places: some Sequence<Int>) {
        for place in places { append(place..<place + 1) }
    }

    /// `range` lies behind all others.
    mutating func append(_ range: Range<Int>) {
        if let last = ranges.last, last.upperBound == range.lowerBound {
            ranges[ranges.count - 1] = last.lowerBound..<range.upperBound
        } else if !range.isEmpty {
            ranges.append(range)
        }
    }

    package var isEmpty: Bool { ranges.isEmpty }

    package func contains(_ place: Int) -> Bool {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound <= place { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].contains(place)
    }

    func overlaps(_ range: Range<Int>) -> Bool {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound <= range.lowerBound { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].overlaps(range)
    }

    package struct Iterator: IteratorProtocol {
        fileprivate let ranges: [Range<Int>]
        private var range = 0
        private var place: Int

        fileprivate init(_ ranges: [Range<Int>]) {
            self.ranges = ranges
            place = ranges.first?.lowerBound ?? 0
        }

        package mutating func next() -> Int? {
            guard range < ranges.count else { return nil }
            defer {
                place += 1
                if place == ranges[range].upperBound {
                    range += 1
                    if range < ranges.count { place = ranges[range].lowerBound }
                }
            }
            return place
        }
    }

    package func makeIterator() -> Iterator { Iterator(ranges) }
}
