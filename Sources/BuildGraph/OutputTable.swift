import Buildfile

/// Every declared output of a graph, by path. Does not know what makes them beyond an index.
struct OutputTable: Sendable {
    struct Claim: Sendable {
        let output: DeclaredOutput
        let owner: Int
    }

    /// Sorted by path once all are added; of a path in the order they were added.
    private(set) var claims: [Claim] = []
    private var byOwner: [Int: [DeclaredOutput]] = [:]
    /// The places in `claims` of each path; nil of a table that is asked too little to be worth it.
    private var places: [BytePath: Range<Int>]?

    init() {}

    /// `claims` are sorted by path.
    init(sorted claims: [Claim]) {
        self.claims = claims
    }

    /// `claims`, which are sorted by path, and those of `added`, which nobody has ended adding to.
    init(_ claims: [Claim], with added: OutputTable) {
        let more = added.claims.sorted { $0.output.path < $1.output.path }
        var merged: [Claim] = []
        merged.reserveCapacity(claims.count + more.count)
        var next = 0
        for claim in claims {
            while next < more.count, more[next].output.path < claim.output.path {
                merged.append(more[next])
                next += 1
            }
            merged.append(claim)
        }
        self.claims = merged + more[next...]
        byOwner = added.byOwner
    }

    mutating func add(_ output: DeclaredOutput, of owner: Int) {
        claims.append(Claim(output: output, owner: owner))
        byOwner[owner, default: []].append(output)
    }

    /// Ends adding: only afterwards are the others asked.
    mutating func finish() {
        let order = claims.indices.sorted { left, right in
            let (one, other) = (claims[left].output.path, claims[right].output.path)
            return one == other ? left < right : one < other
        }
        claims = order.map { claims[$0] }
        placeClaims()
    }

    private mutating func placeClaims() {
        var places: [BytePath: Range<Int>] = [:]
        places.reserveCapacity(claims.count)
        var start = 0
        while start < claims.count {
            let path = claims[start].output.path
            var end = start + 1
            while end < claims.count, claims[end].output.path == path { end += 1 }
            places[path] = start..<end
            start = end
        }
        self.places = places
    }

    func outputs(of owner: Int) -> [DeclaredOutput] {
        let found = byOwner[owner] ?? []
        return found.count < 2 ? found : found.sorted { $0.path < $1.path }
    }

    /// The claims of `path` itself.
    private func claims(of path: BytePath) -> ArraySlice<Claim> {
        if let places { return claims[places[path] ?? 0..<0] }
        let start = lowerBound(path)
        var end = start
        while end < claims.count, claims[end].output.path == path { end += 1 }
        return claims[start..<end]
    }

    /// Who puts `path` out, itself or as part of a folder.
    func owner(of path: BytePath) -> Int? {
        if claims.isEmpty { return nil }
        if let claim = claims(of: path).first { return claim.owner }
        var folder = path.parent
        while !folder.isEmpty {
            if let claim = claims(of: folder).first(where: \.output.isFolder) { return claim.owner }
            folder = folder.parent
        }
        return nil
    }

    /// Whether nothing else is claimed at `path`, above it or below it.
    func isAlone(_ path: BytePath) -> Bool {
        guard claims(of: path).count == 1, range(below: path).isEmpty else { return false }
        var folder = path.parent
        while !folder.isEmpty {
            if !claims(of: folder).isEmpty { return false }
            folder = folder.parent
        }
        return true
    }

    /// Every output below `folder`, with its owner, sorted by path.
    func all(inside folder: BytePath) -> [(output: DeclaredOutput, owner: Int)] {
        let itself = folder.isEmpty ? [] : claims(of: folder)
        return (itself + claims[range(below: folder)]).map { ($0.output, $0.owner) }
    }

    /// The places in `claims` of what lies below `folder`, without itself.
    private func range(below folder: BytePath) -> Range<Int> {
        if folder.isEmpty { return 0..<claims.count }
        let start = lowerBound(BytePath(bytes: folder.bytes + [UInt8(ascii: "/")]))
        return start..<lowerBound(BytePath(bytes: folder.bytes + [UInt8(ascii: "/") + 1]), from: start)
    }

    private func lowerBound(_ path: BytePath, from first: Int = 0) -> Int {
        var low = first
        var high = claims.count
        while low < high {
            let middle = (low + high) / 2
            if claims[middle].output.path < path { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// What is claimed of the files below `folder`: to ask of many files what `owner` says of one.
    func claimed(below folder: BytePath) -> ClaimedPart {
        guard !claims.isEmpty else { return ClaimedPart(few: [], table: self) }
        let range = range(below: folder)
        guard owner(of: folder) == nil, range.count <= 8 else { return ClaimedPart(few: nil, table: self) }
        return ClaimedPart(few: claims[range].map(\.output), table: self)
    }

    /// The outputs among the files below one folder.
    struct ClaimedPart {
        /// All there are; nil where they are too many to look at each.
        fileprivate let few: [DeclaredOutput]?
        fileprivate let table: OutputTable

        var isEmpty: Bool { few?.isEmpty ?? false }

        /// `places`, entries of `tree` below the folder, without what some rule puts out.
        func left(of places: EntryRanges, in tree: FileTree) -> EntryRanges {
            if isEmpty { return places }
            var set = EntrySet(places)
            guard let few else {
                set.subtract(EntryRanges(places.lazy.filter { contains(tree.entries[$0].path) }))
                return set.places
            }
            for output in few {
                if let place = tree.index(of: output.path) { set.subtract([place]) }
                if output.isFolder {
                    var inside = EntryRanges()
                    inside.append(tree.range(inside: output.path))
                    set.subtract(inside)
                }
            }
            return set.places
        }

        /// Whether some rule puts out `path`, itself or as part of a folder.
        func contains(_ path: BytePath) -> Bool {
            guard let few else { return table.owner(of: path) != nil }
            return few.contains { $0.path == path || ($0.isFolder && path.isInside($0.path)) }
        }
    }

    /// A diagnostic for each pair of rules that claim the same path, or one a path inside another's.
    func overlaps(labels: [Label]) -> [Diagnostic] {
        let size = claims.count
        let count = size < 1024 ? 1 : 4 * Threads.processors
        return Threads.map(count) { part in
            overlaps(size * part / count..<size * (part + 1) / count, labels)
        }.flatMap { $0 }
    }

    private func overlaps(_ part: Range<Int>, _ labels: [Label]) -> [Diagnostic] {
        var found: [Diagnostic] = []
        func report(_ claim: Claim, _ first: Claim) {
            found.append(
                Diagnostic(
                    .overlappingOutputs,
                    claim.output.path == first.output.path
                        ? "'\(labels[claim.owner])' and '\(labels[first.owner])' both put out '\(claim.output.path.shown)'"
                        : "'\(labels[claim.owner])' puts out '\(claim.output.path.shown)' inside "
                            + "'\(first.output.path.shown)', which '\(labels[first.owner])' puts out",
                    at: claim.output.span, notes: [.init("the other output", at: first.output.span)],
                    hint: "give each rule an output of its own"))
        }
        for index in part {
            let claim = claims[index]
            let path = claim.output.path
            guard index == 0 || claims[index - 1].output.path != path else { continue }
            for other in claims(of: path).dropFirst() { report(other, claim) }
            var folder = path.parent
            while !folder.isEmpty {
                if let outer = claims(of: folder).first { report(claim, outer) }
                folder = folder.parent
            }
        }
        return found
    }
}
