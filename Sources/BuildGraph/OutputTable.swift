import Buildfile

/// Every declared output of a graph, by path. Does not know what makes them beyond an index.
struct OutputTable {
    private struct Claim {
        let output: DeclaredOutput
        let owner: Int
    }

    private var claims: [BytePath: [Claim]] = [:]
    private var byOwner: [Int: [DeclaredOutput]] = [:]
    /// Sorted by path once all are added.
    private var sorted: [Claim] = []

    mutating func add(_ output: DeclaredOutput, of owner: Int) {
        claims[output.path, default: []].append(Claim(output: output, owner: owner))
        byOwner[owner, default: []].append(output)
    }

    /// Ends adding: only afterwards are `all` and `claimed` asked.
    mutating func finish() {
        sorted = claims.sorted { $0.key < $1.key }.flatMap(\.value)
    }

    func outputs(of owner: Int) -> [DeclaredOutput] {
        (byOwner[owner] ?? []).sorted { $0.path < $1.path }
    }

    /// Who puts `path` out, itself or as part of a folder.
    func owner(of path: BytePath) -> Int? {
        if claims.isEmpty { return nil }
        if let claim = claims[path]?.first { return claim.owner }
        var folder = path.parent
        while !folder.isEmpty {
            if let claim = claims[folder]?.first(where: \.output.isFolder) { return claim.owner }
            folder = folder.parent
        }
        return nil
    }

    /// Every output below `folder`, with its owner, sorted by path.
    func all(inside folder: BytePath) -> [(output: DeclaredOutput, owner: Int)] {
        let itself = folder.isEmpty ? [] : claims[folder] ?? []
        return (itself + sorted[range(below: folder)]).map { ($0.output, $0.owner) }
    }

    /// The places in `sorted` of what lies below `folder`, without itself.
    private func range(below folder: BytePath) -> Range<Int> {
        if folder.isEmpty { return 0..<sorted.count }
        let start = lowerBound(BytePath(bytes: folder.bytes + [UInt8(ascii: "/")]))
        return start..<lowerBound(BytePath(bytes: folder.bytes + [UInt8(ascii: "/") + 1]))
    }

    private func lowerBound(_ path: BytePath) -> Int {
        var low = 0
        var high = sorted.count
        while low < high {
            let middle = (low + high) / 2
            if sorted[middle].output.path < path { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// What is claimed of the files below `folder`: to ask of many files what `owner` says of one.
    func claimed(below folder: BytePath) -> ClaimedPart {
        guard !claims.isEmpty else { return ClaimedPart(few: [], table: self) }
        let range = range(below: folder)
        guard owner(of: folder) == nil, range.count <= 8 else { return ClaimedPart(few: nil, table: self) }
        return ClaimedPart(few: sorted[range].map(\.output), table: self)
    }

    /// The outputs among the files below one folder.
    struct ClaimedPart {
        /// All there are; nil where they are too many to look at each.
        fileprivate let few: [DeclaredOutput]?
        fileprivate let table: OutputTable

        /// Whether some rule puts out `path`, itself or as part of a folder.
        func contains(_ path: BytePath) -> Bool {
            guard let few else { return table.owner(of: path) != nil }
            return few.contains { $0.path == path || ($0.isFolder && path.isInside($0.path)) }
        }
    }

    /// A diagnostic for each pair of rules that claim the same path, or one a path inside another's.
    func overlaps(labels: [Label]) -> [Diagnostic] {
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
        for (path, list) in claims.sorted(by: { $0.key < $1.key }) {
            for claim in list.dropFirst() { report(claim, list[0]) }
            var folder = path.parent
            while !folder.isEmpty {
                if let outer = claims[folder]?.first, let inner = list.first { report(inner, outer) }
                folder = folder.parent
            }
        }
        return found
    }
}
