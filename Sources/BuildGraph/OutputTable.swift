import Buildfile

/// Every declared output of a graph, by path. Does not know what makes them beyond an index.
struct OutputTable {
    private struct Claim {
        let output: DeclaredOutput
        let owner: Int
    }

    private var claims: [BytePath: [Claim]] = [:]
    private var byOwner: [Int: [DeclaredOutput]] = [:]

    mutating func add(_ output: DeclaredOutput, of owner: Int) {
        claims[output.path, default: []].append(Claim(output: output, owner: owner))
        byOwner[owner, default: []].append(output)
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
        claims.values.joined().filter { $0.output.path.isInside(folder) }
            .map { ($0.output, $0.owner) }.sorted { $0.output.path < $1.output.path }
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
