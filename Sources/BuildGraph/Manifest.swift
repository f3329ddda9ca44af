import Buildfile

/// What a field of a manifest is. Raw values are hashed: they never change and are never used again for another thing.
package enum ManifestTag: UInt8, Sendable, Hashable, CaseIterable {
    case making = 1
    case folder = 2
    case interpreter = 3
    case recipe = 4
    case attribute = 5
    case value = 6
    case tool = 7
    case output = 8
    case file = 9
    case prerequisite = 10
    case imageTag = 11
    case contract = 12
}

/// One thing a target's hash covers: a kind, what it is called, and what it says.
package struct ManifestField: Sendable, Hashable {
    package let tag: ManifestTag
    /// A path, a variable's or tool's name, a label; empty where there is only one of the kind.
    package let key: [UInt8]
    package let value: [UInt8]
    /// The file it was read from, where the hash does not cover which file that is.
    package let place: BytePath?

    package init(_ tag: ManifestTag, key: [UInt8] = [], value: [UInt8], place: BytePath? = nil) {
        self.tag = tag
        self.key = key
        self.value = value
        self.place = place
    }

    /// A file's kind and content.
    package init(file: FileEntry, hash: SHA256Value) {
        self.init(.file, key: file.path.bytes, value: [file.kind.rawValue] + hash.bytes)
    }
}

/// Visits the fields of a manifest in their order: hashing, explaining and printing are visitors of the same walk, so
/// they cannot disagree.
package protocol ManifestVisitor {
    mutating func visit(_ field: ManifestField)
    /// The same as a visit of the field that `ManifestField(file:hash:)` makes; nearly all fields are files.
    mutating func visit(file: FileEntry, hash: SHA256Value)
    /// The same without an entry, of which there may be a hundred thousand. The path is valid during the call.
    mutating func visit(path: UnsafeRawBufferPointer, kind: FileKind, hash: SHA256Value)
}

extension ManifestVisitor {
    package mutating func visit(path: UnsafeRawBufferPointer, kind: FileKind, hash: SHA256Value) {
        visit(file: FileEntry(path: BytePath(bytes: Array(path)), kind: kind), hash: hash)
    }

    package mutating func visit(file: FileEntry, hash: SHA256Value) { visit(ManifestField(file: file, hash: hash)) }
}

/// What a target's files and prerequisites are named by in a walk.
package struct ManifestNames {
    /// Index into the tree's entries → content digest.
    package let file: (Int) throws(FileSystemError) -> Digest
    /// Index into the graph's targets → what stands for it: its input hash, or its outputs' digests.
    package let prerequisite: (Int) -> [UInt8]
    /// Index of an image target → its tag.
    package let imageTag: (Int) -> [UInt8]

    package init(
        file: @escaping (Int) throws(FileSystemError) -> Digest, prerequisite: @escaping (Int) -> [UInt8],
        imageTag: @escaping (Int) -> [UInt8]
    ) {
        self.file = file
        self.prerequisite = prerequisite
        self.imageTag = imageTag
    }
}

extension Graph {
    /// Walks everything that the hash of `target` covers, in a fixed order.
    ///
    /// The label is not among it: two targets that do the same thing to the same files in the same folder are the same
    /// action. What cannot change the result (timeout, retries, pool, kept folders, `pass` and `secret` names, gates'
    /// order) is not among it either.
    package func walkManifest(
        of target: Int, naming names: ManifestNames, _ visitor: inout some ManifestVisitor
    ) throws(FileSystemError) {
        let node = targets[target]
        try walkOwn(node, file: names.file, &visitor)
        try walkContracts(node, &visitor)
        for field in prerequisiteFields(of: node, prerequisite: names.prerequisite, imageTag: names.imageTag) {
            visitor.visit(field)
        }
    }

    /// The first step of the walk: all but what the target takes in of others, and what contracts ask of it.
    private func walkOwn(
        _ node: Target, file: (Int) throws(FileSystemError) -> Digest, _ visitor: inout some ManifestVisitor
    ) throws(FileSystemError) {
        walkMaking(node, &visitor)
        walkAttributes(node, &visitor)
        for (name, value) in node.values.sorted(by: { $0.key < $1.key }) {
            // One byte tells a variable that is not set from one that is empty.
            visitor.visit(
                ManifestField(.value, key: Array(name.utf8), value: value.map { [1] + Array($0.utf8) } ?? [0]))
        }
        for tool in node.tools {
            visitor.visit(ManifestField(.tool, key: Array(tool.name.utf8), value: Array(tool.version.utf8)))
        }
        for output in node.outputs {
            visitor.visit(ManifestField(.output, key: output.path.bytes, value: [output.isFolder ? 1 : 0]))
        }
        let contracts = contractPlaces(of: node)
        for index in node.files where !contracts.contains(index) {
            let hash = try file(index).hash
            let kind = tree.entries.kind(index)
            tree.entries.withPath(index) { visitor.visit(path: $0, kind: kind, hash: hash) }
        }
    }

    /// The second step of the walk: the targets that `node` takes in, by their labels, and the image whose tag it knows.
    package func prerequisiteFields(
        of node: Target, withContracts: Bool = true, prerequisite: (Int) -> [UInt8], imageTag: (Int) -> [UInt8]
    ) -> [ManifestField] {
        // Targets are sorted by label.
        var fields: [ManifestField] = []
        var last = -1
        let named = withContracts ? node.prerequisites : node.edges.filter { $0.kind == .input }.map(\.target)
        for index in named.sorted() where index != last {
            last = index
            fields.append(
                ManifestField(
                    .prerequisite, key: Array(targets.label(index).description.utf8), value: prerequisite(index)))
        }
        for edge in node.edges where edge.kind == .tag {
            fields.append(
                ManifestField(
                    .imageTag, key: Array(targets.label(edge.target).description.utf8), value: imageTag(edge.target)))
        }
        return fields
    }

    /// The first step's hash of `target`.
    func ownHash(
        of target: Int, file: (Int) throws(FileSystemError) -> Digest
    ) throws(FileSystemError) -> SHA256Value {
        var hasher = ManifestHasher()
        let node = targets[target]
        try walkOwn(node, file: file, &hasher)
        try walkContracts(node, &hasher)
        return hasher.own()
    }

    /// `ownHash` without what contracts ask: the provider as it is verified, and how.
    func ownHashWithoutContracts(
        of node: Target, file: (Int) throws(FileSystemError) -> Digest
    ) throws(FileSystemError) -> SHA256Value {
        var hasher = ManifestHasher()
        try walkOwn(node, file: file, &hasher)
        return hasher.own()
    }

    private func walkMaking(_ node: Target, _ visitor: inout some ManifestVisitor) {
        switch node.making {
        case .group:
            visitor.visit(ManifestField(.making, value: Array("group".utf8)))
        case .recipe(let recipe, let shell):
            visitor.visit(ManifestField(.making, value: Array("recipe".utf8)))
            visitor.visit(ManifestField(.folder, value: components[node.component].folder.bytes))
            for (index, word) in shell.enumerated() {
                visitor.visit(ManifestField(.interpreter, key: Array(String(index).utf8), value: Array(word.utf8)))
            }
            visitor.visit(ManifestField(.recipe, value: Array(recipe.text.utf8)))
        case .image(let rule):
            visitor.visit(ManifestField(.making, value: Array("image".utf8)))
            visitor.visit(ManifestField(.folder, value: rule.context.bytes))
            visitor.visit(ManifestField(.attribute, key: Array("dockerfile".utf8), value: rule.dockerfile.bytes))
            if let stage = rule.targetStage {
                visitor.visit(ManifestField(.attribute, key: Array("target".utf8), value: Array(stage.utf8)))
            }
            for (name, value) in rule.arguments.sorted(by: { $0.key < $1.key }) {
                visitor.visit(ManifestField(.value, key: Array(name.utf8), value: [1] + Array(value.utf8)))
            }
            for (name, digest) in rule.pins.sorted(by: { $0.key < $1.key }) {
                visitor.visit(ManifestField(.attribute, key: Array("pin \(name)".utf8), value: Array(digest.utf8)))
            }
        }
    }

    private func walkAttributes(_ node: Target, _ visitor: inout some ManifestVisitor) {
        func visit(_ name: String, _ value: [UInt8], _ visitor: inout some ManifestVisitor) {
            visitor.visit(ManifestField(.attribute, key: Array(name.utf8), value: value))
        }
        if node.attributes.network { visit("network", [], &visitor) }
        if node.attributes.changedOnly { visit("changed-only", [], &visitor) }
        for gate in node.attributes.gates {
            visit(
                "gate \(gate.metric)",
                Array("\(gate.isAgainstBase ? gate.subject + " " : "")\(gate.comparison) \(gate.threshold) ".utf8)
                    + gate.file.bytes, &visitor)
        }
        for platform in node.attributes.platforms.sorted() { visit("platform", Array(platform.utf8), &visitor) }
        for report in node.attributes.reports { visit("report \(report.kind)", report.glob.bytes, &visitor) }
        if let pact = node.attributes.pact {
            visit("pact", Array(PactVerifier.version.utf8), &visitor)
            if pact.image { visit("pact image", [], &visitor) }
            if let path = pact.states { visit("pact states", Array(path.utf8), &visitor) }
            if let path = pact.messages { visit("pact messages", Array(path.utf8), &visitor) }
            for (index, word) in node.attributes.statesCommand.enumerated() {
                visit("states \(index)", Array(word.utf8), &visitor)
            }
        }
        for document in node.attributes.documents {
            visit("compared \(InterfaceComparer.version) \(document.kind.rawValue)", document.path.bytes, &visitor)
        }
    }
}

/// lmsbuild's own verifier of pacts, as far as hashes know it.
package enum PactVerifier {
    /// Changes whenever the same provider and the same interaction could get another verdict.
    package static let version = "1"
}

/// lmsbuild's own comparison of interfaces, as far as hashes know it.
package enum InterfaceComparer {
    /// Changes whenever the same two documents could be told apart otherwise.
    package static let version = "1"
}

/// Hashes a walk in two steps, so that a target whose prerequisites alone changed is hashed again without its files being
/// walked again: `own` covers every field but those of prerequisites and tags; the hash covers `own` and these fields.
///
/// Each step hashes a domain with the format's version, then for each field its tag, the length of its key, the key, the
/// length of its value, the value. Lengths are 64-bit little-endian, so no two walks give the same bytes.
package struct ManifestHasher: ManifestVisitor {
    private var hasher = SHA256Hasher()
    /// What the hasher has not seen yet.
    private var waiting: [UInt8] = []
    private var prerequisites: [ManifestField] = []

    package init() {
        waiting.reserveCapacity(2 * Self.portion)
        Self.append(length: Self.ownDomain.utf8.count, to: &waiting)
        waiting += Self.ownDomain.utf8
    }

    private static let ownDomain = "lmsbuild manifest 2"

    package mutating func visit(_ field: ManifestField) {
        if field.tag == .prerequisite || field.tag == .imageTag {
            prerequisites.append(field)
            return
        }
        Self.append(field, to: &waiting)
        if waiting.count >= Self.portion { hashWaiting() }
    }

    package mutating func visit(file: FileEntry, hash: SHA256Value) {
        file.path.bytes.withUnsafeBytes { visit(path: $0, kind: file.kind, hash: hash) }
    }

    package mutating func visit(path: UnsafeRawBufferPointer, kind: FileKind, hash: SHA256Value) {
        let valueStart = 9 + path.count
        withUnsafeTemporaryAllocation(byteCount: valueStart + 41, alignment: 1) { field in
            field[0] = ManifestTag.file.rawValue
            field.storeBytes(of: UInt64(path.count).littleEndian, toByteOffset: 1, as: UInt64.self)
            UnsafeMutableRawBufferPointer(rebasing: field[9..<valueStart]).copyMemory(from: path)
            field.storeBytes(of: UInt64(33).littleEndian, toByteOffset: valueStart, as: UInt64.self)
            field[valueStart + 8] = kind.rawValue
            hash.withBytes { UnsafeMutableRawBufferPointer(rebasing: field[(valueStart + 9)...]).copyMemory(from: $0) }
            waiting.append(contentsOf: field)
        }
        if waiting.count >= Self.portion { hashWaiting() }
    }

    private static let portion = 4096

    private static func append(_ field: ManifestField, to bytes: inout [UInt8]) {
        bytes.append(field.tag.rawValue)
        append(length: field.key.count, to: &bytes)
        bytes += field.key
        append(length: field.value.count, to: &bytes)
        bytes += field.value
    }

    private static func append(length: Int, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: UInt64(length).littleEndian) { bytes.append(contentsOf: $0) }
    }

    private mutating func hashWaiting() {
        hasher.update(waiting)
        waiting.removeAll(keepingCapacity: true)
    }

    /// What was visited but prerequisites and tags.
    package func own() -> SHA256Value {
        var last = self
        last.hashWaiting()
        return last.hasher.finalize()
    }

    /// The hash of all that was visited.
    package func digest(domain: String) -> Digest {
        Self.digest(domain: domain, own: own(), prerequisites)
    }

    /// The second step alone.
    package static func digest(domain: String, own: SHA256Value, _ prerequisites: [ManifestField]) -> Digest {
        var bytes: [UInt8] = []
        append(length: domain.utf8.count, to: &bytes)
        bytes += domain.utf8
        own.withBytes { bytes.append(contentsOf: $0) }
        for field in prerequisites { append(field, to: &bytes) }
        return Digest.of(bytes)
    }
}

/// Keeps the fields of a walk, to print or compare them.
package struct ManifestRecorder: ManifestVisitor {
    package private(set) var fields: [ManifestField] = []

    package init() {}

    package mutating func visit(_ field: ManifestField) { fields.append(field) }
}
