// A resolved and hashed graph as it lies on the disk: `.lmsbuild/graph`. Knows where each thing lies; does not know whether it
// still holds (`SnapshotMove` does).
import Buildfile
import Glibc
import Synchronization

enum GraphSnapshotLayout {
    static let magic: UInt64 = 0x4850_5247_5342_4D4C
    static let version: UInt32 = 3
    static let meta = 0
    static let targetOffsets = 1
    static let targets = 2
    static let componentOffsets = 3
    static let components = 4
    static let hashes = 5
    static let owns = 6
    /// Every target after those its edges name.
    static let order = 7
    /// For each target where those that take it in begin, and one more.
    static let dependentOffsets = 8
    static let dependents = 9
    /// XXH3 of a folder and a target whose files below it may change when files do; sorted.
    static let watched = 10
    static let watchedSize = 16
    static let sourceOffsets = 11
    static let sources = 12
    static let outputs = 13
    static let count = 14
    /// In the place of a target: a path whose coming or going changes the graph.
    static let wholeGraph = UInt32.max
}

/// A graph with its hashes, mapped to memory. What is asked for is made when it is asked for.
///
/// Places of files are those of the workspace's base with the same generation.
final class GraphSnapshot: Sendable {
    private let file: SectionFile
    private let texts: SnapshotTexts
    let baseGeneration: Fingerprint
    /// Of the settings but the environment (`ResolutionSettings.fingerprint`).
    let settingsKey: Fingerprint
    let origin: GraphOrigin
    /// Of what shaped the graph, in the order of `origin.shapedBy`.
    let shapes: [Digest]
    let registry: String
    let defaults: [Word]
    let environments: [EnvironmentDeclaration]
    let targetCount: Int
    let componentCount: Int

    /// Maps and checks the file at the absolute `path`.
    static func open(_ path: BytePath) throws(MappedFile.Failure) -> GraphSnapshot {
        let file = try SectionFile.open(
            path, magic: GraphSnapshotLayout.magic, version: GraphSnapshotLayout.version,
            sections: GraphSnapshotLayout.count)
        guard let snapshot = GraphSnapshot(file) else { throw .damaged }
        return snapshot
    }

    private init?(_ file: SectionFile) {
        self.file = file
        let texts = SnapshotTexts(file)
        var reader = SnapshotReader(file.section(GraphSnapshotLayout.meta), source: texts.text)
        baseGeneration = Fingerprint(high: reader.bytes.number(), low: reader.bytes.number())
        settingsKey = Fingerprint(high: reader.bytes.number(), low: reader.bytes.number())
        targetCount = Int(truncatingIfNeeded: reader.bytes.number())
        componentCount = Int(truncatingIfNeeded: reader.bytes.number())
        registry = reader.bytes.string()
        defaults = reader.list { $0.word() }
        environments = reader.list { $0.environment() }
        var origin = GraphOrigin()
        var shapes: [Digest] = []
        for _ in 0..<reader.bytes.small() {
            origin.shapedBy.append(reader.bytes.path())
            shapes.append(Digest(hash: reader.bytes.value(), size: reader.bytes.small()))
        }
        for _ in 0..<reader.bytes.small() {
            let name = reader.bytes.string()
            origin.environment[name] = .some(reader.optional { $0.bytes.string() })
        }
        origin.includes = reader.list { PathPattern($0.bytes.text()) }
        origin.componentGlobs = reader.list {
            ComponentGlob(pattern: PathPattern($0.bytes.text()), mayEndInFile: $0.bytes.flag())
        }
        origin.contracts = Set(reader.list { $0.bytes.path() })
        origin.warnings = reader.list { $0.diagnostic() }
        self.origin = origin
        self.shapes = shapes
        self.texts = texts
        func size(_ section: Int) -> Int { file.section(section).count }
        guard targetCount >= 0, componentCount >= 0, size(GraphSnapshotLayout.targetOffsets) == 4 * targetCount,
            size(GraphSnapshotLayout.componentOffsets) == 4 * componentCount,
            size(GraphSnapshotLayout.hashes) == 32 * targetCount, size(GraphSnapshotLayout.owns) == 32 * targetCount,
            size(GraphSnapshotLayout.order) == 4 * targetCount,
            size(GraphSnapshotLayout.dependentOffsets) == 4 * (targetCount + 1)
        else { return nil }
    }

    @inline(__always)
    private static func small(_ section: UnsafeRawBufferPointer, _ index: Int) -> UInt32 {
        UInt32(littleEndian: section.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self))
    }

    private func reader(_ section: Int, _ offsets: Int, _ index: Int) -> SnapshotReader {
        SnapshotReader(
            file.section(section), at: Int(Self.small(file.section(offsets), index)), source: texts.text)
    }

    // MARK: Components and targets

    func component(_ index: Int) -> Component {
        var reader = reader(GraphSnapshotLayout.components, GraphSnapshotLayout.componentOffsets, index)
        return reader.component()
    }

    private func componentName(_ index: Int) -> String {
        guard index < componentCount else { return "" }
        var reader = reader(GraphSnapshotLayout.components, GraphSnapshotLayout.componentOffsets, index)
        return reader.bytes.string()
    }

    func label(_ index: Int) -> Label {
        var reader = reader(GraphSnapshotLayout.targets, GraphSnapshotLayout.targetOffsets, index)
        return reader.label(componentName)
    }

    /// With `files`, or the files that it had, where they are now.
    func target(_ index: Int, _ entries: FileEntries, files: EntryRanges?) -> Target {
        var reader = reader(GraphSnapshotLayout.targets, GraphSnapshotLayout.targetOffsets, index)
        return reader.target(componentName, entries, files: files)
    }

    // MARK: Hashes, order, questions

    var hashes: [InputHash] {
        var reader = ByteReader(file.section(GraphSnapshotLayout.hashes))
        return (0..<targetCount).map { _ in InputHash(reader.value()) }
    }

    var owns: [SHA256Value] {
        var reader = ByteReader(file.section(GraphSnapshotLayout.owns))
        return (0..<targetCount).map { _ in reader.value() }
    }

    var order: [Int] {
        let section = file.section(GraphSnapshotLayout.order)
        return (0..<targetCount).map { Int(Self.small(section, $0)) }
    }

    /// Those that take `target` in.
    func dependents(of target: Int) -> [Int] {
        let offsets = file.section(GraphSnapshotLayout.dependentOffsets)
        let section = file.section(GraphSnapshotLayout.dependents)
        let range =
            Int(
                Self.small(offsets, target))..<max(
                Int(Self.small(offsets, target)), Int(Self.small(offsets, target + 1)))
        guard 4 * range.upperBound <= section.count else { return [] }
        return range.map { Int(Self.small(section, $0)) }
    }

    /// The targets that have to be asked when something below `folder` itself changes; nil where the whole graph has.
    func watching(_ folder: UnsafeRawBufferPointer) -> [Int]? {
        let key = Fingerprint.of(folder).low
        let section = file.section(GraphSnapshotLayout.watched)
        let size = GraphSnapshotLayout.watchedSize
        func hash(_ index: Int) -> UInt64 {
            UInt64(littleEndian: section.loadUnaligned(fromByteOffset: size * index, as: UInt64.self))
        }
        let count = section.count / size
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if hash(middle) < key { low = middle + 1 } else { high = middle }
        }
        var found: [Int] = []
        while low < count, hash(low) == key {
            let target = UInt32(
                littleEndian: section.loadUnaligned(fromByteOffset: size * low + 8, as: UInt32.self))
            if target == GraphSnapshotLayout.wholeGraph { return nil }
            found.append(Int(target))
            low += 1
        }
        return found
    }

    /// Every declared output.
    var outputs: OutputTable {
        var reader = SnapshotReader(file.section(GraphSnapshotLayout.outputs), source: texts.text)
        var claims: [OutputTable.Claim] = []
        while !reader.bytes.isAtEnd {
            claims.append(.init(output: reader.output(), owner: reader.bytes.small()))
        }
        return OutputTable(sorted: claims)
    }
}

/// The texts that a snapshot's spans point into, made when the first one does.
private final class SnapshotTexts: Sendable {
    private let file: SectionFile
    private let made: Mutex<[SourceText?]>

    init(_ file: SectionFile) {
        self.file = file
        made = Mutex(Array(repeating: nil, count: file.section(GraphSnapshotLayout.sourceOffsets).count / 4))
    }

    func text(_ index: Int) -> SourceText {
        made.withLock { made in
            guard made.indices.contains(index) else { return SourceText(name: "", bytes: []) }
            if let text = made[index] { return text }
            let offset = file.section(GraphSnapshotLayout.sourceOffsets).loadUnaligned(
                fromByteOffset: 4 * index, as: UInt32.self)
            var reader = ByteReader(
                file.section(GraphSnapshotLayout.sources), at: Int(UInt32(littleEndian: offset)))
            let text = SourceText(name: reader.string(), bytes: reader.text())
            made[index] = text
            return text
        }
    }
}

extension ResolutionSettings {
    /// Of everything but the environment.
    var fingerprint: Fingerprint {
        var writer = ByteWriter()
        switch root {
        case .inTree(let path):
            writer.append(small: 1)
            writer.append(path.bytes)
        case .given(let source):
            writer.append(small: 2)
            writer.append(source.name)
            writer.append(source.bytes)
        }
        for (name, value) in overrides.sorted(by: { $0.key < $1.key }) {
            writer.append(name)
            writer.append(value)
        }
        return Fingerprint.of(writer.bytes)
    }
}
