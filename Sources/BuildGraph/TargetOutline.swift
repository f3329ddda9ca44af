// What a target is and what it names, without how it is made: as much of a large graph as most runs need. Does not know what
// follows from it.

/// What a target is, as far as that decides whether it has to be looked at.
package struct TargetTraits: OptionSet, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// `Target.isGroup`.
    package static let group = TargetTraits(rawValue: 1)
    /// `Target.isImage`.
    package static let image = TargetTraits(rawValue: 2)
    /// `Target.isCheck`.
    package static let check = TargetTraits(rawValue: 4)
    /// `[uncached]`.
    package static let uncached = TargetTraits(rawValue: 8)
    /// A gate compares it with the base.
    package static let judgedAgainstBase = TargetTraits(rawValue: 16)
    /// Its recipe or image gets a secret.
    package static let takesSecrets = TargetTraits(rawValue: 32)

    init(_ target: Target) {
        var traits: TargetTraits = []
        if target.isGroup { traits.insert(.group) }
        if target.isImage { traits.insert(.image) }
        if target.isCheck { traits.insert(.check) }
        // They are large, and handed out as a copy.
        let attributes = target.attributes
        if attributes.uncached { traits.insert(.uncached) }
        if attributes.gates.contains(where: \.isAgainstBase) { traits.insert(.judgedAgainstBase) }
        if !target.secrets.isEmpty { traits.insert(.takesSecrets) }
        self = traits
    }
}

extension Edge.Kind {
    /// Whether what the edge names is taken in.
    package var isPrerequisite: Bool { self == .input || self == .contract }

    /// In the order of their numbers in a snapshot.
    static let numbered: [Edge.Kind] = [.input, .gate, .tag, .contract]
}

extension TargetList {
    /// What the target at `index` is.
    package func traits(_ index: Int) -> TargetTraits {
        switch storage {
        case .list(let targets): TargetTraits(targets[index])
        case .overlay(let kept): kept.overlay.traits(index)
        }
    }

    /// Hands the edges of the target at `index` to `body`, in their order, until that gives false; gives false then.
    @discardableResult
    package func edges(of index: Int, while body: (Edge.Kind, _ target: Int) -> Bool) -> Bool {
        switch storage {
        case .list(let targets): targets[index].edges.allSatisfy { body($0.kind, $0.target) }
        case .overlay(let kept): kept.overlay.edges(of: index, while: body)
        }
    }
}

extension SnapshotOverlay {
    fileprivate func traits(_ index: Int) -> TargetTraits {
        if let target = targets[index] { return TargetTraits(target) }
        return snapshot.traits(places.old(index) ?? 0)
    }

    fileprivate func edges(of index: Int, while body: (Edge.Kind, Int) -> Bool) -> Bool {
        if let target = targets[index] { return target.edges.allSatisfy { body($0.kind, $0.target) } }
        return snapshot.edges(of: places.old(index) ?? 0) { body($0, places.new($1)) }
    }
}

extension GraphSnapshot {
    /// By the places in the snapshot, as all of this.
    fileprivate func traits(_ index: Int) -> TargetTraits {
        TargetTraits(rawValue: file.section(GraphSnapshotLayout.traits)[index])
    }

    fileprivate func edges(of index: Int, while body: (Edge.Kind, Int) -> Bool) -> Bool {
        let section = file.section(GraphSnapshotLayout.edges)
        let offsets = file.section(GraphSnapshotLayout.edgeOffsets)
        func number(_ section: UnsafeRawBufferPointer, _ offset: Int) -> Int {
            Int(UInt32(littleEndian: section.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
        }
        let size = OutlineWriter.edgeSize
        let end = min(section.count / size, number(offsets, 4 * index + 4))
        var next = number(offsets, 4 * index)
        let kinds = Edge.Kind.numbered
        while next < end {
            let (kind, target) = (number(section, size * next), number(section, size * next + 4))
            next += 1
            guard kinds.indices.contains(kind), target < targetCount else { continue }
            if !body(kinds[kind], target) { return false }
        }
        return true
    }
}

/// The outlines of targets as a snapshot has them, written in the order of the targets.
struct OutlineWriter {
    /// A byte for each target.
    private(set) var traits = ByteWriter()
    /// For each target where its edges begin, and one more.
    private(set) var offsets = ByteWriter()
    /// Kind (4) and target (4) of each.
    private(set) var edges = ByteWriter()
    private var count: UInt32 = 0

    static let edgeSize = 8

    init() { offsets.append(count) }

    mutating func add(_ target: Target) {
        traits.bytes.append(TargetTraits(target).rawValue)
        for edge in target.edges {
            edges.append(UInt32(truncatingIfNeeded: Edge.Kind.numbered.firstIndex(of: edge.kind) ?? 0))
            edges.append(UInt32(truncatingIfNeeded: edge.target))
        }
        count += UInt32(truncatingIfNeeded: target.edges.count)
        offsets.append(count)
    }
}
