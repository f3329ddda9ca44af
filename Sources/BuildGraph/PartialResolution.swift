// Resolves again what some files that shaped a graph say of it, and takes the rest from the graph's snapshot. Gives up wherever
// more may be another than it can tell. Does not hash.
import Buildfile

/// What resolving a part of a graph gave.
struct ResolvedPart {
    var overlay: SnapshotOverlay
    /// Everything declared, by places of targets as they are now.
    let outputs: OutputTable
    let order: [Int]
    var origin: GraphOrigin
    let defaults: [Word]
    let environments: [EnvironmentDeclaration]
}

struct PartialResolution {
    private let snapshot: GraphSnapshot
    private let base: FileEntries
    private let entries: FileEntries
    private let tree: FileTree
    private let recorder: ReadRecorder
    private let reads = EnvironmentReads()
    private let settings: ResolutionSettings

    private var edits: [Int: BuildfileEdit] = [:]
    private var shifts: [Int: SpanShift] = [:]
    /// Components that may be declared otherwise, and whether more than their rules may be.
    private var changed: [Int: Bool] = [:]
    /// All that are resolved again.
    private var again: Set<Int> = []

    init(_ snapshot: GraphSnapshot, _ difference: BaseDifference, _ settings: ResolutionSettings) {
        self.snapshot = snapshot
        base = FileEntries(difference.base.entries)
        entries = difference.tree.entries
        recorder = ReadRecorder(difference.tree.files)
        tree = FileTree(recorder)
        var settings = settings
        settings.environmentReads = reads
        self.settings = settings
    }

    /// The graph where the files at `paths`, which shaped it, are not what they were; nil where all of it has to be resolved.
    mutating func run(_ paths: Set<BytePath>) throws(FileSystemError) -> ResolvedPart? {
        guard settings.overrides.isEmpty, let builder = try gather(paths), findChanged(builder) else { return nil }
        var rest = paths
        for edit in edits.values { if let path = edit.path { rest.remove(path) } }
        guard addImages(of: rest), !isMuch else { return nil }
        let part = PartialGraph(
            snapshot, shifts, parsed: builder.parsed, templates: builder.graph.templates)
        let found = try resolve(builder.graph, part)
        return part.hasFailed ? nil : found
    }

    private struct Gathered {
        let graph: GraphBuilder
        let parsed: [Int: ParsedBuildfile]
    }

    /// Above this, all of it at once is sooner done.
    private var isMuch: Bool { again.count > max(64, snapshot.componentCount / 4) }

    // MARK: What changed

    /// Parses the Buildfiles at `paths` as they were and are, and all that declare what others need.
    private mutating func gather(_ paths: Set<BytePath>) throws(FileSystemError) -> Gathered? {
        var members: [BuildfileSet.Member] = []
        var parsed: [Int: ParsedBuildfile] = [:]
        for number in 0..<snapshot.memberCount {
            let path = paths.first { snapshot.isMember(number, at: $0) }
            guard path != nil || number == 0 || snapshot.isShared(number) else { continue }
            let member = snapshot.member(number)
            var found = parseBuildfile(member.source)
            if let path {
                guard let place = entries.index(of: path), [.file, .executable].contains(entries.kind(place)) else {
                    return nil
                }
                let text = SourceText(name: path.shown, bytes: try tree.files.contents(of: path))
                guard let edit = BuildfileEdit(from: found, to: parseBuildfile(text), at: path) else { return nil }
                edits[number] = edit
                shifts[snapshot.text(ofMember: number)] = edit.shift
                found = edit.new
            }
            parsed[number] = found
            members.append(.init(folder: member.folder, parsed: found, path: member.path, number: number))
        }
        var graph = GraphBuilder(tree: tree, set: BuildfileSet(members, in: tree), settings: settings)
        graph.gather()
        guard graph.diagnostics.isEmpty, graph.registry == snapshot.registry else { return nil }
        return Gathered(graph: graph, parsed: parsed)
    }

    /// False where more may have changed than can be told.
    private mutating func findChanged(_ builder: Gathered) -> Bool {
        var names: Set<AskedName> = []
        for (number, edit) in edits {
            names.formUnion(edit.names)
            for (name, hasOtherFace) in edit.components {
                guard let place = snapshot.place(ofComponent: name) else { return false }
                changed[place] = hasOtherFace || changed[place] == true
            }
            for place in 0..<snapshot.componentCount where !edit.globs.isEmpty {
                if let glob = snapshot.facts(place).glob, glob.member == number, edit.globs.contains(glob.text) {
                    changed[place] = true
                }
            }
        }
        addTemplates(builder.graph.templates, &names)
        for place in 0..<snapshot.componentCount where !names.isEmpty {
            if snapshot.facts(place).names.contains(where: { names.contains($0) }) { changed[place] = true }
        }
        again.formUnion(changed.keys)
        return true
    }

    /// Templates that are made from those in `names`.
    private func addTemplates(_ templates: [String: ComponentDeclaration], _ names: inout Set<AskedName>) {
        var count = -1
        while count != names.count {
            count = names.count
            for template in templates.values {
                let isMadeFromIt = template.templates.contains {
                    names.contains(AskedName(kind: .template, name: $0.text))
                }
                if isMadeFromIt { names.insert(AskedName(kind: .template, name: template.name.text)) }
            }
        }
    }

    /// Adds the components whose images are made with the Dockerfiles and `.dockerignore`s at `paths`. False where one of
    /// them shaped the graph in another way.
    private mutating func addImages(of paths: Set<BytePath>) -> Bool {
        for path in paths {
            // What kind of contract it is decided whether its provider's rule can verify it.
            if snapshot.origin.contracts.contains(path) { return false }
            if let place = entries.index(of: path), entries.kind(place) == .link { return false }
            if let place = base.index(of: path), base.kind(place) == .link { return false }
            for index in snapshot.watching(path) {
                let target = snapshot.target(index, entries, files: EntryRanges())
                guard case .image(let rule) = target.making else { continue }
                if [rule.dockerfile, rule.ignoreFileBeside, rule.context.appending(".dockerignore")].contains(path) {
                    again.insert(target.component)
                }
            }
        }
        return true
    }

    // MARK: Resolving

    private mutating func resolve(
        _ graph: GraphBuilder, _ part: PartialGraph
    ) throws(FileSystemError) -> ResolvedPart? {
        var builder = TargetBuilder(graph, registry: snapshot.registry, part: part)
        for place in changed.keys.sorted() { builder.components.set(place, builder.component(place)) }
        guard builder.diagnostics.isEmpty, addConsumed(builder, part), addUsers(builder), !isMuch,
            let places = makeSeeds(&builder, part), let claims = declareOutputs(&builder, places)
        else { return nil }
        // Those that take an output that came or went were added.
        guard !isMuch, makeSeeds(&builder, part) != nil else { return nil }
        builder.outputs = claims
        builder.checkContracts(Array(builder.components.fresh.values))
        guard !again.contains(where: { snapshot.facts($0).hasReported }) else { return nil }
        var overlay = SnapshotOverlay(snapshot, entries)
        overlay.places = places
        overlay.shifts = shifts
        overlay.components = builder.components.fresh
        for place in builder.seeds.fresh.keys.sorted() { overlay.targets[place] = try builder.target(place) }
        guard builder.diagnostics.isEmpty, areKindsKept(overlay), let order = order(overlay) else { return nil }
        builder.asked.finish()
        guard let origin = origin(builder) else { return nil }
        return ResolvedPart(
            overlay: overlay, outputs: claims, order: order, origin: origin,
            defaults: graph.defaults, environments: graph.environments)
    }

    /// Adds the providers of what is consumed otherwise than before. False where instances of `verify` come or go.
    private mutating func addConsumed(_ builder: TargetBuilder, _ part: PartialGraph) -> Bool {
        for (place, component) in builder.components.fresh {
            let before = part.component(place).consumes
            if before == component.consumes { continue }
            for name in Set((before + component.consumes).map(\.provider)) {
                guard let provider = snapshot.place(ofComponent: name) else { return false }
                again.insert(provider)
                let isConsumed = component.consumes.contains { $0.provider == name }
                let hasInstance = snapshot.targets(of: provider).contains {
                    snapshot.label($0).consumer == component.name
                }
                guard isConsumed == hasInstance || !snapshot.facts(provider).hasVerify else { return false }
            }
        }
        return true
    }

    /// Adds those that use a component without a `build` rule whose own words may bring them something else.
    private mutating func addUsers(_ builder: TargetBuilder) -> Bool {
        func hadBuild(_ place: Int) -> Bool {
            snapshot.targets(of: place).contains { snapshot.label($0).stage == "build" }
        }
        var open = Set(
            changed.compactMap { place, hasOtherFace -> String? in
                let draft = builder.drafts[place]
                let had = hadBuild(place)
                let has = draft.block.rules["build"] != nil
                return had && has || had == has && !hasOtherFace ? nil : draft.name
            })
        if open.isEmpty { return true }
        var users: [String: [Int]] = [:]
        for place in 0..<snapshot.componentCount {
            for name in snapshot.component(place).uses { users[name, default: []].append(place) }
        }
        var seen = open
        while let name = open.popFirst() {
            for place in users[name] ?? [] {
                again.insert(place)
                let user = snapshot.componentName(place)
                if !hadBuild(place), seen.insert(user).inserted { open.insert(user) }
            }
        }
        return true
    }

    /// The rules of all that is resolved again, in their places; nil where a target goes, or one comes that others would
    /// know of.
    private func makeSeeds(_ builder: inout TargetBuilder, _ part: PartialGraph) -> TargetPlaces? {
        var added: [Int] = []
        var found: [(component: Int, stages: [(stage: String, seeds: [TargetSeed])], first: Int)] = []
        for component in again.sorted() {
            let range = snapshot.targets(of: component)
            let before = range.map { snapshot.label($0) }
            let consumers = before.compactMap { $0.consumer.flatMap { snapshot.place(ofComponent: $0) } }
            let stages = builder.seeds(of: component, consumers: consumers)
            let now = stages.flatMap { $0.seeds.map(\.label) }
            let first = range.lowerBound + added.count
            var next = 0
            for (index, label) in now.enumerated() {
                if next < before.count, before[next] == label {
                    next += 1
                } else {
                    if label.stage == "image" || label.stage == "verify" { return nil }
                    added.append(first + index)
                }
            }
            let hasVerify = stages.contains { $0.stage == "verify" }
            guard next == before.count, hasVerify == snapshot.facts(component).hasVerify else { return nil }
            found.append((component, stages, first))
        }
        let places = TargetPlaces(added: added)
        builder.seeds = SeedTable(part, places)
        for (component, stages, first) in found { builder.seeds.set(component, stages, from: first) }
        return places
    }

    /// All outputs; nil where one that came or went may be a mistake or make others take other files. Adds the components
    /// whose images may take it.
    private mutating func declareOutputs(_ builder: inout TargetBuilder, _ places: TargetPlaces) -> OutputTable? {
        builder.outputs = OutputTable()
        for target in builder.seeds.fresh.keys.sorted() { builder.declareOutputs(target) }
        guard builder.diagnostics.isEmpty else { return nil }
        let isFresh = Set(builder.seeds.fresh.keys)
        var kept: [OutputTable.Claim] = []
        var before: Set<DeclaredClaim> = []
        for claim in snapshot.claims {
            let claim = OutputTable.Claim(output: claim.output, owner: places.new(claim.owner))
            if isFresh.contains(claim.owner) { before.insert(DeclaredClaim(claim)) } else { kept.append(claim) }
        }
        let after = Set(builder.outputs.claims.map { DeclaredClaim($0) })
        let table = OutputTable(kept, with: builder.outputs)
        for claim in builder.outputs.claims where !before.contains(DeclaredClaim(claim)) {
            guard table.isAlone(claim.output.path) else { return nil }
        }
        guard builder.outputs.claims.count == after.count else { return nil }
        for claim in before.symmetricDifference(after) {
            guard addTakers(of: claim.path) else { return nil }
        }
        return table
    }

    private struct DeclaredClaim: Hashable {
        let path: BytePath
        let isFolder: Bool
        let owner: Int

        init(_ claim: OutputTable.Claim) {
            path = claim.output.path
            isFolder = claim.output.isFolder
            owner = claim.owner
        }
    }

    private mutating func addTakers(of output: BytePath) -> Bool {
        for entries in [base, entries] where entries.index(of: output) != nil || !entries.range(inside: output).isEmpty
        {
            return false
        }
        if snapshot.origin.contracts.contains(where: { $0 == output || $0.isInside(output) }) { return false }
        for index in snapshot.watching(output) {
            let target = snapshot.target(index, entries, files: EntryRanges())
            if target.isImage { again.insert(target.component) }
        }
        return true
    }

    // MARK: What has to be as it was

    /// Whether targets are images and groups that were, and groups stand for what they stood for.
    private func areKindsKept(_ overlay: SnapshotOverlay) -> Bool {
        for (place, target) in overlay.targets {
            guard let old = overlay.places.old(place) else { continue }
            let before = snapshot.target(old, entries, files: EntryRanges(), overlay.places)
            guard before.isGroup == target.isGroup, before.isImage == target.isImage else { return false }
            guard target.isGroup, before.prerequisites != target.prerequisites else { continue }
            // An image has to name what it takes, and a group is a way to name it.
            for dependent in snapshot.dependents(of: old) {
                let other = snapshot.target(dependent, entries, files: EntryRanges())
                if other.isImage || other.isGroup { return false }
            }
        }
        return true
    }

    private func order(_ overlay: SnapshotOverlay) -> [Int]? {
        var order = TargetOrder(snapshot.order.map { overlay.places.new($0) }, adding: overlay.places.added) { target in
            overlay.target(target).edges.map(\.target)
        }
        for target in overlay.targets.keys.sorted() {
            guard order.put(before: target) else { return nil }
        }
        return order.order
    }

    private func moved(_ span: SourceSpan) -> SourceSpan? {
        for (text, shift) in shifts where snapshot.isText(text, span.source) { return shift.moved(span) }
        return span
    }

    private func origin(_ builder: TargetBuilder) -> GraphOrigin? {
        var origin = snapshot.origin
        var warnings: [Diagnostic] = []
        for warning in origin.warnings {
            let span = warning.span.map { moved($0) }
            let notes = warning.notes.map { Diagnostic.Note($0.message, at: $0.span.flatMap { moved($0) }) }
            if case .some(nil) = span { return nil }
            guard zip(notes, warning.notes).allSatisfy({ ($0.span == nil) == ($1.span == nil) }) else { return nil }
            warnings.append(
                Diagnostic(
                    warning.code, warning.severity, warning.message, at: span ?? nil, notes: notes,
                    hint: warning.hint))
        }
        origin.warnings = warnings
        origin.shapedBy = Set(origin.shapedBy).union(recorder.read).filter { tree.contains($0) }.sorted()
        origin.environment.merge(reads.all) { $1 }
        for component in builder.components.fresh.values {
            for consumption in component.consumes { origin.contracts.formUnion(consumption.contracts) }
        }
        var facts: [Int: ComponentFacts] = [:]
        for place in again { facts[place] = builder.drafts[place].facts }
        for (place, names) in builder.asked.done {
            var known = facts[place] ?? snapshot.facts(place)
            for name in names where !known.names.contains(name) { known.names.append(name) }
            facts[place] = known
        }
        let members = edits.mapValues { BuildfileMember(path: $0.path, $0.new) }
        origin.declared = DeclaredParts(snapshot, members: members, components: facts)
        return origin
    }
}
