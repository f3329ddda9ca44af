// Writes a hashed graph down as a snapshot. Does not know when that is worth it.
import Buildfile
import Glibc

extension HashedGraph {
    /// Replaces the absolute `file`. The places of the graph's files must be those of the base of `generation`.
    func write(
        snapshot file: BytePath, of generation: Fingerprint, _ settings: ResolutionSettings
    ) throws(FileSystemError) {
        var shared = SnapshotWriter()
        var outlines = OutlineWriter()
        let targets = Self.records(graph.targets, &shared) { writer, target in
            outlines.add(target)
            writer.target(target)
        }
        let components = Self.records(graph.components, &shared) { $0.component($1) }
        let outputs = Self.outputs(graph, &shared)
        let meta = try meta(generation, settings, &shared)
        let (members, facts, names) = declarations(&shared)
        let (watched, dependentOffsets, dependents) = questions()
        var sources = ByteWriter()
        var sourceOffsets = ByteWriter()
        for source in shared.sources {
            sourceOffsets.append(UInt32(truncatingIfNeeded: sources.bytes.count))
            sources.append(source.name)
            sources.append(source.bytes)
        }
        guard targets.bytes.count < Int(UInt32.max), sources.bytes.count < Int(UInt32.max) else {
            throw FileSystemError("write", file, errno: EFBIG)
        }
        var hashed = ByteWriter()
        for hash in hashes { hashed.append(hash.value) }
        var owned = ByteWriter()
        for own in ownHashes { owned.append(own) }
        var order = ByteWriter()
        for target in graph.order { order.append(UInt32(target)) }
        let sections = [
            meta, targets.offsets, targets.bytes, components.offsets, components.bytes, hashed.bytes, owned.bytes,
            order.bytes, dependentOffsets, dependents, watched, sourceOffsets.bytes, sources.bytes, outputs,
            members.offsets, members.bytes, facts.offsets, facts.bytes, names,
            outlines.traits.bytes, outlines.offsets.bytes, outlines.edges.bytes,
        ]
        try SectionFile.write(
            file, SectionFormat(magic: GraphSnapshotLayout.magic, version: GraphSnapshotLayout.version),
            generation: generation, sections)
    }

    private static func records<Element>(
        _ elements: some Collection<Element>, _ shared: inout SnapshotWriter,
        _ body: (inout SnapshotWriter, Element) -> Void
    ) -> (offsets: [UInt8], bytes: [UInt8]) {
        var offsets = ByteWriter()
        shared.bytes = ByteWriter()
        for element in elements {
            offsets.append(UInt32(truncatingIfNeeded: shared.bytes.bytes.count))
            body(&shared, element)
        }
        defer { shared.bytes = ByteWriter() }
        return (offsets.bytes, shared.bytes.bytes)
    }

    private func declarations(
        _ shared: inout SnapshotWriter
    ) -> (members: (offsets: [UInt8], bytes: [UInt8]), facts: (offsets: [UInt8], bytes: [UInt8]), names: [UInt8]) {
        let members = Self.records(graph.origin.declared.members, &shared) { $0.member($1) }
        var numbers: [AskedName: Int] = [:]
        var names = ByteWriter()
        let facts = Self.records(graph.origin.declared.components, &shared) { writer, facts in
            writer.facts(facts) { name in
                if let known = numbers[name] { return known }
                numbers[name] = numbers.count
                names.bytes.append(name.kind.rawValue)
                names.append(name.name)
                return numbers.count - 1
            }
        }
        return (members, facts, names.bytes)
    }

    private static func outputs(_ graph: Graph, _ shared: inout SnapshotWriter) -> [UInt8] {
        var table = OutputTable()
        for (index, target) in graph.targets.enumerated() {
            for output in target.outputs { table.add(output, of: index) }
        }
        table.finish()
        shared.bytes = ByteWriter()
        for claim in table.claims {
            shared.output(claim.output)
            shared.bytes.append(small: claim.owner)
        }
        defer { shared.bytes = ByteWriter() }
        return shared.bytes.bytes
    }

    private func meta(
        _ generation: Fingerprint, _ settings: ResolutionSettings, _ shared: inout SnapshotWriter
    ) throws(FileSystemError) -> [UInt8] {
        let origin = graph.origin
        let shapes = try graph.tree.files.digests(of: origin.shapedBy)
        shared.bytes = ByteWriter()
        for number in [generation.high, generation.low] { shared.bytes.append(number) }
        let key = settings.fingerprint
        for number in [key.high, key.low] { shared.bytes.append(number) }
        shared.bytes.append(UInt64(graph.targets.count))
        shared.bytes.append(UInt64(graph.components.count))
        shared.bytes.append(UInt64(graph.origin.declared.members.count))
        shared.bytes.append(graph.registry)
        shared.list(graph.defaults) { $0.word($1) }
        shared.list(graph.environments) { $0.environment($1) }
        shared.list(Array(zip(origin.shapedBy, shapes))) { writer, shape in
            writer.bytes.append(shape.0.bytes)
            writer.bytes.append(shape.1.hash)
            writer.bytes.append(small: shape.1.size)
        }
        shared.list(origin.environment.sorted { $0.key < $1.key }) { writer, variable in
            writer.bytes.append(variable.key)
            writer.optional(variable.value) { $0.bytes.append($1) }
        }
        shared.list(origin.includes) { $0.bytes.append($1.text) }
        shared.list(origin.componentGlobs) { writer, glob in
            writer.bytes.append(glob.pattern.text)
            writer.bytes.append(glob.mayEndInFile)
        }
        shared.list(origin.contracts.sorted()) { $0.bytes.append($1.bytes) }
        shared.list(origin.warnings) { $0.diagnostic($1) }
        defer { shared.bytes = ByteWriter() }
        return shared.bytes.bytes
    }

    /// Which targets to ask when a file changes, and which take in which.
    private func questions() -> (watched: [UInt8], dependentOffsets: [UInt8], dependents: [UInt8]) {
        struct Watch: Hashable {
            let key: UInt64
            let target: UInt32
        }
        var watches: Set<Watch> = []
        var above = [[UInt32]](repeating: [], count: graph.targets.count)
        func watch(_ path: [UInt8], _ target: UInt32) {
            watches.insert(Watch(key: Fingerprint.of(path).low, target: target))
        }
        for (index, target) in graph.targets.enumerated() {
            if case .image(let rule) = target.making {
                watch(rule.context.bytes, UInt32(index))
                watch(rule.dockerfile.bytes, UInt32(index))
                watch(rule.ignoreFileBeside.bytes, UInt32(index))
            }
            // One path is watched itself: a file of the root folder that all take in would have all asked for each change.
            for glob in target.selection.lists.joined() {
                watch(glob.pattern.literalPath?.bytes ?? glob.pattern.literalPrefix, UInt32(index))
            }
            for path in target.selection.literals { watch(path.bytes, UInt32(index)) }
            for other in Set(target.edges.filter { $0.kind != .gate }.map(\.target)) {
                above[other].append(UInt32(index))
            }
        }
        var watched = ByteWriter()
        for watch in watches.sorted(by: { ($0.key, $0.target) < ($1.key, $1.target) }) {
            watched.append(watch.key)
            watched.append(watch.target)
            watched.append(UInt32(0))
        }
        var offsets = ByteWriter()
        var dependents = ByteWriter()
        var count: UInt32 = 0
        for list in above {
            offsets.append(count)
            for target in list { dependents.append(target) }
            count += UInt32(list.count)
        }
        offsets.append(count)
        return (watched.bytes, offsets.bytes, dependents.bytes)
    }
}
