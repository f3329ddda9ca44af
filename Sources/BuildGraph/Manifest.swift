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
}

/// One thing a target's hash covers: a kind, what it is called, and what it says.
package struct ManifestField: Sendable, Hashable {
    package let tag: ManifestTag
    /// A path, a variable's or tool's name, a label; empty where there is only one of the kind.
    package let key: [UInt8]
    package let value: [UInt8]

    package init(_ tag: ManifestTag, key: [UInt8] = [], value: [UInt8]) {
        self.tag = tag
        self.key = key
        self.value = value
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
}

extension ManifestVisitor {
    package mutating func visit(file: FileEntry, hash: SHA256Value) { visit(ManifestField(file: file, hash: hash)) }
}

/// What a target's files and prerequisites are named by in a walk.
package struct ManifestNames: Sendable {
    /// Index into the tree's entries → content digest.
    package let file: @Sendable (Int) throws(FileSystemError) -> Digest
    /// Index into the graph's targets → what stands for it: its input hash, or its outputs' digests.
    package let prerequisite: @Sendable (Int) -> [UInt8]
    /// Index of an image target → its tag.
    package let imageTag: @Sendable (Int) -> [UInt8]

    package init(
        file: @escaping @Sendable (Int) throws(FileSystemError) -> Digest,
        prerequisite: @escaping @Sendable (Int) -> [UInt8], imageTag: @escaping @Sendable (Int) -> [UInt8]
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
        for index in node.files {
            visitor.visit(file: tree.entries[index], hash: try names.file(index).hash)
        }
        let prerequisites = Set(node.prerequisites).sorted { targets[$0].label < targets[$1].label }
        for prerequisite in prerequisites {
            visitor.visit(
                ManifestField(
                    .prerequisite, key: Array(targets[prerequisite].label.description.utf8),
                    value: names.prerequisite(prerequisite)))
        }
        for edge in node.edges where edge.kind == .tag {
            visitor.visit(
                ManifestField(
                    .imageTag, key: Array(targets[edge.target].label.description.utf8),
                    value: names.imageTag(edge.target)))
        }
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
        }
    }

    private func walkAttributes(_ node: Target, _ visitor: inout some ManifestVisitor) {
        func visit(_ name: String, _ value: [UInt8], _ visitor: inout some ManifestVisitor) {
            visitor.visit(ManifestField(.attribute, key: Array(name.utf8), value: value))
        }
        if node.attributes.network { visit("network", [], &visitor) }
        for gate in node.attributes.gates {
            visit(
                "gate \(gate.metric)", Array("\(gate.comparison) \(gate.threshold) ".utf8) + gate.file.bytes, &visitor)
        }
        for platform in node.attributes.platforms.sorted() { visit("platform", Array(platform.utf8), &visitor) }
        for report in node.attributes.reports { visit("report \(report.kind)", report.glob.bytes, &visitor) }
    }
}

/// Hashes a walk: after a domain and format version, each field is its tag, the length of its key, the key, the length
/// of its value, the value. Lengths are 64-bit little-endian, so no two walks give the same bytes.
package struct ManifestHasher: ManifestVisitor {
    private var hasher = SHA256Hasher()
    private var size = 0
    /// What the hasher has not seen yet.
    private var waiting: [UInt8] = []

    package init(domain: String) {
        waiting.reserveCapacity(2 * Self.portion)
        append(length: domain.utf8.count)
        waiting += domain.utf8
    }

    package mutating func visit(_ field: ManifestField) {
        waiting.append(field.tag.rawValue)
        append(length: field.key.count)
        waiting += field.key
        append(length: field.value.count)
        waiting += field.value
        if waiting.count >= Self.portion { hashWaiting() }
    }

    package mutating func visit(file: FileEntry, hash: SHA256Value) {
        waiting.append(ManifestTag.file.rawValue)
        append(length: file.path.bytes.count)
        waiting += file.path.bytes
        append(length: 33)
        waiting.append(file.kind.rawValue)
        hash.withBytes { waiting.append(contentsOf: $0) }
        if waiting.count >= Self.portion { hashWaiting() }
    }

    private static let portion = 4096

    private mutating func append(length: Int) {
        withUnsafeBytes(of: UInt64(length).littleEndian) { waiting.append(contentsOf: $0) }
    }

    private mutating func hashWaiting() {
        hasher.update(waiting)
        size += waiting.count
        waiting.removeAll(keepingCapacity: true)
    }

    package func digest() -> Digest {
        var last = self
        last.hashWaiting()
        return Digest(hash: last.hasher.finalize(), size: last.size)
    }
}

/// Keeps the fields of a walk, to print or compare them.
package struct ManifestRecorder: ManifestVisitor {
    package private(set) var fields: [ManifestField] = []

    package init() {}

    package mutating func visit(_ field: ManifestField) { fields.append(field) }
}
