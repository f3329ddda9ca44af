// Why a target's hash is another one than before, down to what caused it. Reads the same manifests that were hashed; does
// not know how anything is told.

/// The hashes of a state's targets and what they were made of, wherever that is kept: in a hashed graph or in a record.
package struct TargetStates: Sendable {
    /// Nil for a target that the state has not.
    package let hash: @Sendable (Label) -> InputHash?
    /// Nil where the state has not the target, or keeps no more of it than its hash.
    package let manifest: @Sendable (Label) throws(FileSystemError) -> [ManifestField]?

    package init(
        hash: @escaping @Sendable (Label) -> InputHash?,
        manifest: @escaping @Sendable (Label) throws(FileSystemError) -> [ManifestField]?
    ) {
        self.hash = hash
        self.manifest = manifest
    }

    package init(_ hashed: HashedGraph) {
        hash = { label in hashed.graph.index(of: label).map { hashed.hashes[$0] } }
        manifest = { label throws(FileSystemError) in
            guard let index = hashed.graph.index(of: label) else { return nil }
            return try hashed.manifest(of: index)
        }
    }
}

/// One thing that makes a target's hash another one.
package struct Cause: Sendable, Hashable {
    /// From the target that was asked about to the one whose own field differs; each takes in the next. A shortest
    /// such chain.
    package let chain: [Label]
    package let change: Change
    /// The field; nil where the last target of the chain is new, or no more than its old hash is known.
    package let difference: FieldDifference?
}

/// Why the hash of `label` at `head` is not the one at `base`: every cause once, nearest first; empty where the hashes
/// are equal. A prerequisite on both sides with another hash is never a cause: what changed it is. A file, variable or
/// tool that several targets of the way take in is told of the nearest.
package func causes(
    of label: Label, from base: TargetStates, to head: TargetStates
) throws(FileSystemError) -> [Cause] {
    var found: [Cause] = []
    var chains: [Label: [Label]] = [label: [label]]
    var told: Set<FieldDifference> = []
    var open = [label]
    while !open.isEmpty {
        var next: [Label] = []
        for target in open {
            let chain = chains[target] ?? []
            guard let new = head.hash(target), base.hash(target) != new else { continue }
            guard base.hash(target) != nil else {
                found.append(Cause(chain: chain, change: Change(.new), difference: nil))
                continue
            }
            guard let before = try base.manifest(target), let after = try head.manifest(target) else {
                found.append(Cause(chain: chain, change: Change(.unrecorded), difference: nil))
                continue
            }
            for difference in fieldDifferences(before, after) {
                // Records of several runs need not be of one state: what a target took in then may be recorded no more.
                guard let below = prerequisite(difference), base.hash(below)?.value.bytes == difference.old else {
                    let isShared = [.file, .value, .tool].contains(difference.tag)
                    if isShared, !told.insert(difference).inserted { continue }
                    found.append(Cause(chain: chain, change: difference.change, difference: difference))
                    continue
                }
                if chains[below] != nil { continue }
                chains[below] = chain + [below]
                next.append(below)
            }
        }
        open = next.sorted()
    }
    return found
}

/// The prerequisite whose hash both manifests hold, and hold differently.
private func prerequisite(_ difference: FieldDifference) -> Label? {
    guard difference.tag == .prerequisite || difference.tag == .imageTag, difference.old != nil,
        difference.new != nil
    else { return nil }
    return Label(parsing: difference.change.subject.bytes)
}

extension Label {
    /// What `description` gives, read back.
    package init?(parsing bytes: [UInt8]) {
        guard let text = String(validating: bytes, as: UTF8.self), let colon = text.firstIndex(of: ":") else {
            return nil
        }
        let component = String(text[..<colon])
        let rest = text[text.index(after: colon)...]
        guard !component.isEmpty, !rest.isEmpty else { return nil }
        guard rest.hasSuffix("]"), let bracket = rest.firstIndex(of: "[") else {
            self.init(component: component, stage: String(rest))
            return
        }
        let consumer = rest[rest.index(after: bracket)...].dropLast()
        self.init(component: component, stage: String(rest[..<bracket]), consumer: String(consumer))
    }
}
