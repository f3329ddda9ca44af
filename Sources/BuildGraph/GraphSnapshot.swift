// A resolved and hashed graph as it lies on the disk: `.lmsbuild/graph`. Knows where each thing lies; does not know whether it
// still holds (`SnapshotMove` does).
import Buildfile
import Glibc
import Synchronization

enum GraphSnapshotLayout {
    static let magic: UInt64 = 0x4850_5247_5342_4D4C
    /// Another also where a bit of `TargetTraits` means another thing.
    static let version: UInt32 = 13
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
    /// XXH3 of a path and a target whose files at or below it may change when files do; sorted.
    static let watched = 10
    static let watchedSize = 16
    static let sourceOffsets = 11
    static let sources = 12
    static let outputs = 13
    /// The Buildfiles, and of each component how it was declared.
    static let memberOffsets = 14
    static let members = 15
    static let factOffsets = 16
    static let facts = 17
    /// What components asked for, each once.
    static let names = 18
    /// `TargetTraits` of each target.
    static let traits = 19
    /// For each target where its edges begin, and one more.
    static let edgeOffsets = 20
    static let edges = 21
    static let count = 22
}

/// A graph with its hashes, mapped to memory. What is asked for is made when it is asked for.
///
/// Places of files are those of the workspace's base with the same generation.
final class GraphSnapshot: Sendable {
    let file: SectionFile
    private let texts: SnapshotTexts
    /// What components asked for, by the numbers that their facts name.
    private let names: Mutex<[AskedName]?> = Mutex(nil)
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
    let memberCount: Int

    /// What the kernel said of the file when it was mapped.
    var status: FileStatus { file.status }

    /// Maps and checks the file at the absolute `path`; `vouched` as for `SectionFile.open`.
    static func open(_ path: BytePath, vouched: FileStatus? = nil) throws(MappedFile.Failure) -> GraphSnapshot {
        let file = try SectionFile.open(
            path, magic: GraphSnapshotLayout.magic, version: GraphSnapshotLayout.version,
            sections: GraphSnapshotLayout.count, vouched: vouched)
        guard let snapshot = GraphSnapshot(file) else { throw .damaged }
        return snapshot
    }

    private init?(_ file: SectionFile) {
        self.file = file
        let texts = SnapshotTexts(file)
        var reader = SnapshotReader(file.section(GraphSnapshotLayout.meta), spans: SnapshotSpans(texts))
        baseGeneration = Fingerprint(high: reader.bytes.number(), low: reader.bytes.number())
        settingsKey = Fingerprint(high: reader.bytes.number(), low: reader.bytes.number())
        targetCount = Int(truncatingIfNeeded: reader.bytes.number())
        componentCount = Int(truncatingIfNeeded: reader.bytes.number())
        memberCount = Int(truncatingIfNeeded: reader.bytes.number())
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
        guard targetCount >= 0, componentCount >= 0, memberCount >= 0,
            size(GraphSnapshotLayout.memberOffsets) == 4 * memberCount,
            size(GraphSnapshotLayout.factOffsets) == 4 * componentCount,
            size(GraphSnapshotLayout.targetOffsets) == 4 * targetCount,
            size(GraphSnapshotLayout.componentOffsets) == 4 * componentCount,
            size(GraphSnapshotLayout.hashes) == 32 * targetCount, size(GraphSnapshotLayout.owns) == 32 * targetCount,
            size(GraphSnapshotLayout.order) == 4 * targetCount,
            size(GraphSnapshotLayout.dependentOffsets) == 4 * (targetCount + 1),
            size(GraphSnapshotLayout.traits) == targetCount,
            size(GraphSnapshotLayout.edgeOffsets) == 4 * (targetCount + 1)
        else { return nil }
    }

    @inline(__always)
    private static func small(_ section: UnsafeRawBufferPointer, _ index: Int) -> UInt32 {
        UInt32(littleEndian: section.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self))
    }

    private func reader(
        _ section: Int, _ offsets: Int, _ index: Int, _ shifts: [Int: SpanShift] = [:]
    ) -> SnapshotReader {
        SnapshotReader(
            file.section(section), at: Int(Self.small(file.section(offsets), index)),
            spans: SnapshotSpans(texts, shifts))
    }

    // MARK: Components and targets

    /// With what it points to in texts that `shifts` tells of.
    func component(_ index: Int, _ shifts: [Int: SpanShift] = [:]) -> Component {
        var reader = reader(GraphSnapshotLayout.components, GraphSnapshotLayout.componentOffsets, index, shifts)
        return reader.component()
    }

    func place(ofComponent name: String) -> Int? {
        var low = 0
        var high = componentCount
        while low < high {
            let middle = (low + high) / 2
            if componentName(middle) < name { low = middle + 1 } else { high = middle }
        }
        return low < componentCount && componentName(low) == name ? low : nil
    }

    func componentName(_ index: Int) -> String {
        guard index < componentCount else { return "" }
        var reader = reader(GraphSnapshotLayout.components, GraphSnapshotLayout.componentOffsets, index)
        return reader.bytes.string()
    }

    func label(_ index: Int) -> Label {
        var reader = reader(GraphSnapshotLayout.targets, GraphSnapshotLayout.targetOffsets, index)
        return reader.label(componentName)
    }

    func component(ofTarget index: Int) -> Int {
        var reader = reader(GraphSnapshotLayout.targets, GraphSnapshotLayout.targetOffsets, index)
        return reader.bytes.small()
    }

    /// The targets of a component, which are side by side.
    func targets(of component: Int) -> Range<Int> {
        func first(_ component: Int) -> Int {
            var low = 0
            var high = targetCount
            while low < high {
                let middle = (low + high) / 2
                if self.component(ofTarget: middle) < component { low = middle + 1 } else { high = middle }
            }
            return low
        }
        return first(component)..<first(component + 1)
    }

    /// With `files`, or the files that it had, where they are now, and with what it names at its places.
    func target(
        _ index: Int, _ entries: FileEntries, files: EntryRanges?, _ places: TargetPlaces = TargetPlaces(),
        _ shifts: [Int: SpanShift] = [:]
    ) -> Target {
        var reader = reader(GraphSnapshotLayout.targets, GraphSnapshotLayout.targetOffsets, index, shifts)
        return reader.target(componentName, entries, files: files, places)
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

    /// The targets that have to be asked when something at or below `path` changes, but for those that watch a folder above it.
    private func watching(_ path: UnsafeRawBufferPointer) -> [Int] {
        let key = Fingerprint.of(path).low
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
            found.append(Int(target))
            low += 1
        }
        return found
    }

    /// The targets that watch `path` or a folder that it is in.
    func watching(_ path: BytePath) -> Set<Int> {
        var found: Set<Int> = []
        var folder = path
        while true {
            found.formUnion(folder.bytes.withUnsafeBytes { watching($0) })
            if folder.isEmpty { return found }
            folder = folder.parent
        }
    }

    /// Whether `source` is the text of that number.
    func isText(_ number: Int, _ source: SourceText) -> Bool { texts.text(number) === source }

    /// Every declared output, sorted by path, but not where it is declared.
    var claims: [OutputTable.Claim] {
        var reader = SnapshotReader(file.section(GraphSnapshotLayout.outputs), spans: SnapshotSpans(nil))
        var claims: [OutputTable.Claim] = []
        while !reader.bytes.isAtEnd {
            claims.append(.init(output: reader.output(), owner: reader.bytes.small()))
        }
        return claims
    }

    // MARK: Declarations

    /// Whether a Buildfile is the one at `path`.
    func isMember(_ index: Int, at path: BytePath) -> Bool {
        var reader = reader(GraphSnapshotLayout.members, GraphSnapshotLayout.memberOffsets, index)
        _ = reader.bytes.flag()
        guard reader.bytes.flag() else { return false }
        let found = reader.bytes.raw()
        return path.bytes.withUnsafeBytes { MappedIndex.compare(found, $0) == 0 }
    }

    /// Whether a Buildfile declares what others may need.
    func isShared(_ index: Int) -> Bool {
        var reader = reader(GraphSnapshotLayout.members, GraphSnapshotLayout.memberOffsets, index)
        return reader.bytes.flag()
    }

    func member(_ index: Int) -> BuildfileMember {
        let (path, isShared, text) = memberRecord(index)
        return BuildfileMember(path: path, isShared: isShared, source: texts.text(text))
    }

    /// The number of a Buildfile's text among those that are pointed into.
    func text(ofMember index: Int) -> Int { memberRecord(index).text }

    private func memberRecord(_ index: Int) -> (path: BytePath?, isShared: Bool, text: Int) {
        var reader = reader(GraphSnapshotLayout.members, GraphSnapshotLayout.memberOffsets, index)
        let isShared = reader.bytes.flag()
        let path = reader.optional { $0.bytes.path() }
        return (path, isShared, reader.bytes.small())
    }

    func facts(_ index: Int) -> ComponentFacts {
        var reader = reader(GraphSnapshotLayout.facts, GraphSnapshotLayout.factOffsets, index)
        return reader.facts(askedNames)
    }

    private var askedNames: [AskedName] {
        names.withLock { known in
            if let known { return known }
            var reader = SnapshotReader(file.section(GraphSnapshotLayout.names), spans: SnapshotSpans(nil))
            var found: [AskedName] = []
            while !reader.bytes.isAtEnd {
                let kind = AskedName.Kind(rawValue: reader.bytes.byte()) ?? .variable
                found.append(AskedName(kind: kind, name: reader.bytes.string()))
            }
            known = found
            return found
        }
    }
}

/// The texts that a snapshot's spans point into, made when the first one does.
final class SnapshotTexts: Sendable {
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

/// Makes the places in texts that a snapshot's parts point to.
struct SnapshotSpans: Sendable {
    private static let nothing = SourceText(name: "", bytes: [])

    /// Nil where nobody asks for them.
    private let texts: SnapshotTexts?
    /// Of texts that are not what they were.
    private let shifts: [Int: SpanShift]

    init(_ texts: SnapshotTexts?, _ shifts: [Int: SpanShift] = [:]) {
        self.texts = texts
        self.shifts = shifts
    }

    func span(_ text: Int, offset: Int, length: Int) -> SourceSpan {
        guard let texts else { return SourceSpan(Self.nothing, offset: 0, length: 0) }
        if let shift = shifts[text] {
            return SourceSpan(shift.text, offset: shift.offset(offset, length) ?? 0, length: length)
        }
        return SourceSpan(texts.text(text), offset: offset, length: length)
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
