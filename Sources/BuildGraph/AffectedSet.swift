/// One thing that differs between a target's manifests.
package struct Change: Sendable, Hashable {
    package enum Kind: String, Sendable, Hashable {
        /// The target is not there at the base.
        case new
        case input, recipe, variable, tool, attribute, output, prerequisite, rule
        /// The hashes differ, and no more is recorded of the other side than its hash.
        case unrecorded
        /// No cache has a result for it.
        case result
    }

    package let kind: Kind
    /// A path, a variable's, tool's or attribute's name, or a label; empty where there is only one of the kind.
    package let subject: BytePath

    package init(_ kind: Kind, _ subject: BytePath = .root) {
        self.kind = kind
        self.subject = subject
    }
}

/// The targets whose input hash at the head differs from the one at the base, or that are not there at the base.
package struct AffectedSet: Sendable {
    package let head: HashedGraph
    /// Indices into the head's targets, and so sorted by label.
    package let targets: [Int]
    /// Components with an affected target, sorted.
    package let components: [String]
    /// Components that the base has and the head has not, sorted.
    package let removed: [String]
    /// Consumer and provider of each affected `verify` instance, sorted.
    package let contracts: [Pair]
    /// What differs of one of `targets`; never nothing. Throws for a file that has to be read and cannot be.
    package let why: @Sendable (Int) throws(FileSystemError) -> [Change]

    package struct Pair: Sendable, Hashable {
        package let consumer: String
        package let provider: String
    }

    /// The targets of `head` that are affected, whatever it compares with. `before` names the components that were there.
    package init(
        head: HashedGraph, before: some Sequence<String>, where isAffected: (Int) -> Bool,
        why: @escaping @Sendable (Int) throws(FileSystemError) -> [Change]
    ) {
        self.init(
            head: head, removed: Set(before).subtracting(head.graph.components.map(\.name)).sorted(),
            head.graph.targets.indices.filter(isAffected), why)
    }

    private init(
        head: HashedGraph, removed: [String], _ targets: [Int],
        _ why: @escaping @Sendable (Int) throws(FileSystemError) -> [Change]
    ) {
        let labels = targets.map { head.graph.targets.label($0) }
        self.head = head
        self.removed = removed
        self.targets = targets
        self.why = why
        components = Set(labels.map(\.component)).sorted()
        contracts = labels.compactMap { label in
            label.consumer.map { Pair(consumer: $0, provider: label.component) }
        }.sorted { ($0.consumer, $0.provider) < ($1.consumer, $1.provider) }
    }

    /// `base` is nil where the base has no graph (no Buildfile, or a broken one): then everything is affected. Both
    /// must name contents alike (SHA-256 of the bytes, or object ids on both sides).
    package init(base: HashedGraph?, head: HashedGraph) {
        guard let base else {
            self.init(head: head, before: [], where: { _ in true }, why: { _ in [Change(.new)] })
            return
        }
        if let place = head.graph.targets.places(in: base.graph.targets) {
            // The same components.
            let differing = head.hashes.indices.filter { index in
                place(index).map { base.hashes[$0] != head.hashes[index] } ?? true
            }
            self.init(head: head, removed: [], differing) { index throws(FileSystemError) in
                guard let old = head.graph.targets.places(in: base.graph.targets)?(index) else { return [Change(.new)] }
                return differences(try base.manifest(of: old), try head.manifest(of: index))
            }
            return
        }
        self.init(
            head: head, before: base.graph.components.map(\.name),
            where: { index in
                base.graph.index(of: head.graph.targets.label(index)).map { base.hashes[$0] != head.hashes[index] }
                    ?? true
            },
            why: { index throws(FileSystemError) in
                guard let old = base.graph.index(of: head.graph.targets.label(index)) else { return [Change(.new)] }
                return differences(try base.manifest(of: old), try head.manifest(of: index))
            })
    }
}

/// A field that two manifests of a target don't agree on.
package struct FieldDifference: Sendable, Hashable {
    package let change: Change
    package let tag: ManifestTag
    /// What the manifests call it.
    package let key: [UInt8]
    /// The values of all fields of that name, joined; nil where a side has none.
    package let old: [UInt8]?
    package let new: [UInt8]?
}

/// What differs between two manifests of the same target, in the order of the walk, without duplicates.
package func fieldDifferences(_ old: [ManifestField], _ new: [ManifestField]) -> [FieldDifference] {
    struct Key: Hashable {
        let tag: ManifestTag
        let key: BytePath
    }
    // Nearly all is the same on both sides.
    let shared = min(old.count, new.count)
    var same = 0
    while same < shared, old[same] == new[same] { same += 1 }
    var sameAtEnd = 0
    while sameAtEnd < shared - same, old[old.count - 1 - sameAtEnd] == new[new.count - 1 - sameAtEnd] { sameAtEnd += 1 }
    let old = old[same..<old.count - sameAtEnd]
    let new = new[same..<new.count - sameAtEnd]
    func values(_ fields: ArraySlice<ManifestField>) -> [Key: [UInt8]] {
        Dictionary(
            fields.map { (Key(tag: $0.tag, key: BytePath(bytes: $0.key)), $0.value) }, uniquingKeysWith: { $0 + $1 })
    }
    let before = values(old)
    let after = values(new)
    var found: [FieldDifference] = []
    var seen: Set<Key> = []
    for field in new + old {
        let key = Key(tag: field.tag, key: BytePath(bytes: field.key))
        guard before[key] != after[key], seen.insert(key).inserted else { continue }
        let change = Change(kind(of: field.tag), field.place ?? key.key)
        found.append(FieldDifference(change: change, tag: field.tag, key: field.key, old: before[key], new: after[key]))
    }
    return found
}

/// As `fieldDifferences`, by what people call them.
package func differences(_ old: [ManifestField], _ new: [ManifestField]) -> [Change] {
    var seen: Set<Change> = []
    return fieldDifferences(old, new).map(\.change).filter { seen.insert($0).inserted }
}

private func kind(of tag: ManifestTag) -> Change.Kind {
    switch tag {
    case .making, .folder: .rule
    case .interpreter, .recipe: .recipe
    case .attribute: .attribute
    case .value: .variable
    case .tool: .tool
    case .output: .output
    case .file, .contract: .input
    case .prerequisite, .imageTag: .prerequisite
    }
}
