// How the parts of a graph are written to a snapshot and read back: each reads what the other wrote, in the same order.
import Buildfile

/// Writes the parts of a graph. Texts that spans point into are gathered, and written once each.
struct SnapshotWriter {
    var bytes = ByteWriter()
    /// Shared by all writers of a snapshot.
    var sources: [SourceText] = []
    private var places: [ObjectIdentifier: Int] = [:]

    mutating func list<Element>(_ list: some Collection<Element>, _ body: (inout SnapshotWriter, Element) -> Void) {
        bytes.append(small: list.count)
        for element in list { body(&self, element) }
    }

    mutating func optional<Value>(_ value: Value?, _ body: (inout SnapshotWriter, Value) -> Void) {
        bytes.append(value != nil)
        if let value { body(&self, value) }
    }

    /// The number of `text` among the sources.
    mutating func source(_ text: SourceText) -> Int {
        if let place = places[ObjectIdentifier(text)] { return place }
        places[ObjectIdentifier(text)] = sources.count
        sources.append(text)
        return sources.count - 1
    }

    mutating func span(_ span: SourceSpan) {
        bytes.append(small: source(span.source))
        bytes.append(small: span.offset)
        bytes.append(small: span.length)
    }

    mutating func word(_ word: Word) {
        bytes.append(word.text)
        span(word.span)
    }

    mutating func environment(_ environment: EnvironmentDeclaration) {
        word(environment.keyword)
        word(environment.name)
        list(environment.directives) { writer, directive in
            writer.word(directive.keyword)
            writer.list(directive.arguments) { $0.word($1) }
        }
    }

    mutating func diagnostic(_ diagnostic: Diagnostic) {
        bytes.append(diagnostic.code.rawValue)
        bytes.append(diagnostic.severity.rawValue)
        bytes.append(diagnostic.message)
        optional(diagnostic.span) { $0.span($1) }
        list(diagnostic.notes) { writer, note in
            writer.bytes.append(note.message)
            writer.optional(note.span) { $0.span($1) }
        }
        optional(diagnostic.hint) { $0.bytes.append($1) }
    }

    mutating func component(_ component: Component) {
        bytes.append(component.name)
        bytes.append(component.kind == .service)
        bytes.append(component.folder.bytes)
        list(component.uses) { $0.bytes.append($1) }
        list(component.consumes) { writer, consumption in
            writer.bytes.append(consumption.provider)
            writer.list(consumption.contracts) { $0.bytes.append($1.bytes) }
            writer.span(consumption.span)
        }
        list(component.owners) { $0.bytes.append($1) }
        span(component.span)
    }

    /// In the order of their numbers.
    fileprivate static let edgeKinds: [Edge.Kind] = [.input, .gate, .tag, .contract]

    mutating func member(_ member: BuildfileMember) {
        bytes.append(member.isShared)
        optional(member.path) { $0.bytes.append($1.bytes) }
        bytes.append(small: source(member.source))
    }

    /// `number` names each thing that was asked for.
    mutating func facts(_ facts: ComponentFacts, _ number: (AskedName) -> Int) {
        optional(facts.glob) { writer, glob in
            writer.bytes.append(small: glob.member)
            writer.bytes.append(glob.text)
            writer.bytes.append(glob.folder.bytes)
        }
        optional(facts.block) { $0.bytes.append(small: $1) }
        bytes.append(facts.hasVerify)
        bytes.append(facts.hasReported)
        list(facts.names) { $0.bytes.append(small: number($1)) }
    }

    mutating func output(_ output: DeclaredOutput) {
        bytes.append(output.path.bytes)
        bytes.append(output.isFolder)
        span(output.span)
    }

    mutating func target(_ target: Target) {
        bytes.append(small: target.component)
        bytes.append(target.label.stage)
        optional(target.label.consumer) { $0.bytes.append($1) }
        making(target.making)
        list(target.edges) { writer, edge in
            writer.bytes.append(small: Self.edgeKinds.firstIndex(of: edge.kind) ?? 0)
            writer.bytes.append(small: edge.target)
            writer.span(edge.span)
        }
        list(target.outputs) { $0.output($1) }
        attributes(target.attributes)
        list(target.values.sorted { $0.key < $1.key }) { writer, value in
            writer.bytes.append(value.key)
            writer.optional(value.value) { $0.bytes.append($1) }
        }
        list(target.contracts) { $0.bytes.append($1.bytes) }
        list(target.passed) { $0.bytes.append($1) }
        list(target.secrets) { $0.bytes.append($1) }
        list(target.tools) { writer, tool in
            writer.bytes.append(tool.name)
            writer.bytes.append(tool.version)
            writer.optional(tool.command) { $0.bytes.append($1) }
        }
        span(target.span)
        bytes.append(target.selection.isImage)
        list(target.selection.lists) { writer, globs in
            writer.list(globs) { writer, glob in
                writer.bytes.append(glob.text)
                writer.bytes.append(glob.isExclusion)
            }
        }
        list(target.selection.literals) { $0.bytes.append($1.bytes) }
        var end = 0
        list(target.files.ranges) { writer, range in
            writer.bytes.append(small: range.lowerBound - end)
            writer.bytes.append(small: range.count)
            end = range.upperBound
        }
    }

    private mutating func making(_ making: Making) {
        switch making {
        case .group: bytes.append(small: 0)
        case .recipe(let recipe, let shell):
            bytes.append(small: 1)
            bytes.append(recipe.text)
            span(recipe.span)
            list(shell) { $0.bytes.append($1) }
        case .image(let rule):
            bytes.append(small: 2)
            bytes.append(rule.dockerfile.bytes)
            bytes.append(rule.context.bytes)
            optional(rule.targetStage) { $0.bytes.append($1) }
            list(rule.arguments.sorted { $0.key < $1.key }) { writer, argument in
                writer.bytes.append(argument.key)
                writer.bytes.append(argument.value)
            }
            list(rule.imagePrerequisites.sorted { $0.key < $1.key }) { writer, image in
                writer.bytes.append(image.key)
                writer.bytes.append(small: image.value)
            }
            bytes.append(rule.takesDockerfile)
            list(rule.externalBases.sorted { $0.key < $1.key }) { writer, base in
                writer.bytes.append(base.key)
                writer.bytes.append(base.value)
            }
        }
    }

    private mutating func attributes(_ attributes: TargetAttributes) {
        optional(attributes.timeout) { writer, timeout in
            writer.bytes.append(timeout.components.seconds)
            writer.bytes.append(timeout.components.attoseconds)
        }
        bytes.append(small: attributes.retries)
        optional(attributes.pool) { $0.bytes.append($1) }
        bytes.append(attributes.network)
        bytes.append(attributes.uncached)
        list(attributes.keep) { $0.bytes.append($1.bytes) }
        list(attributes.reports) { writer, report in
            writer.bytes.append(report.kind)
            writer.bytes.append(report.glob.bytes)
        }
        list(attributes.gates) { writer, gate in
            writer.bytes.append(gate.metric)
            writer.bytes.append(gate.subject)
            writer.bytes.append(gate.comparison)
            writer.bytes.append(gate.threshold.bitPattern)
            writer.bytes.append(gate.file.bytes)
            writer.bytes.append(gate.failsIfUnknown)
            writer.span(gate.span)
        }
        list(attributes.platforms) { $0.bytes.append($1) }
        optional(attributes.pact) { $0.pact($1) }
        list(attributes.statesCommand) { $0.bytes.append($1) }
        bytes.append(attributes.pending)
        bytes.append(attributes.batch)
        bytes.append(attributes.changedOnly)
        list(attributes.documents) { writer, document in
            writer.bytes.append(document.kind.rawValue)
            writer.bytes.append(document.path.bytes)
        }
    }

    private mutating func pact(_ pact: PactSettings) {
        bytes.append(pact.image)
        for path in [pact.health, pact.states, pact.messages] { optional(path) { $0.bytes.append($1) } }
        for duration in [pact.wait, pact.answer] { bytes.append(small: Int(duration.components.seconds)) }
        bytes.append(small: pact.parallel)
    }
}

/// Reads what `SnapshotWriter` wrote.
struct SnapshotReader {
    var bytes: ByteReader
    private let spans: SnapshotSpans

    init(_ section: UnsafeRawBufferPointer, at offset: Int = 0, spans: SnapshotSpans) {
        bytes = ByteReader(section, at: offset)
        self.spans = spans
    }

    mutating func list<Element>(_ body: (inout SnapshotReader) -> Element) -> [Element] {
        let count = bytes.small()
        var found: [Element] = []
        guard count > 0 else { return found }
        found.reserveCapacity(min(count, 4096))
        for _ in 0..<count {
            if bytes.isAtEnd { break }
            found.append(body(&self))
        }
        return found
    }

    mutating func optional<Value>(_ body: (inout SnapshotReader) -> Value) -> Value? {
        bytes.flag() ? body(&self) : nil
    }

    mutating func span() -> SourceSpan {
        spans.span(bytes.small(), offset: bytes.small(), length: bytes.small())
    }

    mutating func word() -> Word { Word(bytes.string(), span()) }

    mutating func environment() -> EnvironmentDeclaration {
        EnvironmentDeclaration(
            keyword: word(), name: word(),
            directives: list { reader in
                Directive(keyword: reader.word(), arguments: reader.list { $0.word() })
            })
    }

    mutating func diagnostic() -> Diagnostic {
        let code = DiagnosticCode(rawValue: bytes.string()) ?? .internalError
        let severity = Diagnostic.Severity(rawValue: bytes.string()) ?? .warning
        let message = bytes.string()
        let span = optional { $0.span() }
        let notes = list { reader in
            Diagnostic.Note(reader.bytes.string(), at: reader.optional { $0.span() })
        }
        return Diagnostic(code, severity, message, at: span, notes: notes, hint: optional { $0.bytes.string() })
    }

    mutating func component() -> Component {
        Component(
            name: bytes.string(), kind: bytes.flag() ? .service : .library, folder: bytes.path(),
            uses: list { $0.bytes.string() },
            consumes: list { reader in
                Component.Consumption(
                    provider: reader.bytes.string(), contracts: reader.list { $0.bytes.path() }, span: reader.span())
            }, owners: list { $0.bytes.string() }, span: span())
    }

    mutating func facts(_ names: [AskedName]) -> ComponentFacts {
        ComponentFacts(
            glob: optional { reader in
                ComponentFacts.Glob(
                    member: reader.bytes.small(), text: reader.bytes.string(), folder: reader.bytes.path())
            },
            block: optional { $0.bytes.small() }, hasVerify: bytes.flag(), hasReported: bytes.flag(),
            names: list { $0.bytes.small() }.compactMap { names.indices.contains($0) ? names[$0] : nil })
    }

    mutating func output() -> DeclaredOutput {
        DeclaredOutput(path: bytes.path(), isFolder: bytes.flag(), span: span())
    }

    mutating func label(_ componentName: (Int) -> String) -> Label {
        labelAndComponent(componentName).label
    }

    private mutating func labelAndComponent(_ componentName: (Int) -> String) -> (label: Label, component: Int) {
        let component = bytes.small()
        let stage = bytes.string()
        let consumer = optional { $0.bytes.string() }
        return (Label(component: componentName(component), stage: stage, consumer: consumer), component)
    }

    mutating func target(
        _ componentName: (Int) -> String, _ entries: FileEntries, files: EntryRanges?, _ places: TargetPlaces
    ) -> Target {
        let (label, component) = labelAndComponent(componentName)
        let making = making(places)
        let edges = list { reader in
            let kinds = SnapshotWriter.edgeKinds
            return Edge(
                kind: kinds[min(reader.bytes.small(), kinds.count - 1)], target: places.new(reader.bytes.small()),
                span: reader.span())
        }
        let outputs = list { $0.output() }
        let attributes = attributes()
        var values: [String: String?] = [:]
        for _ in 0..<bytes.small() {
            let name = bytes.string()
            values[name] = .some(optional { $0.bytes.string() })
        }
        let contracts = list { $0.bytes.path() }
        let passed = list { $0.bytes.string() }
        let secrets = list { $0.bytes.string() }
        let tools = list { reader in
            Tool(
                name: reader.bytes.string(), version: reader.bytes.string(),
                command: reader.optional { $0.bytes.string() })
        }
        let span = span()
        var selection = FileSelection(isImage: bytes.flag())
        selection.lists = list { reader in
            reader.list { FileSelection.Glob(text: $0.bytes.text(), isExclusion: $0.bytes.flag()) }
        }
        selection.literals = list { $0.bytes.path() }
        return Target(
            label: label, component: component, making: making, selection: selection, files: files ?? ranges(entries),
            edges: edges, outputs: outputs, attributes: attributes, values: values, contracts: contracts,
            passed: passed, secrets: secrets,
            tools: tools, span: span)
    }

    private mutating func ranges(_ entries: FileEntries) -> EntryRanges {
        var found = EntryRanges()
        var end = 0
        for _ in 0..<bytes.small() {
            let start = end + bytes.small()
            end = start + max(0, bytes.small())
            entries.positions(ofPacked: start..<end) { found.append($0) }
        }
        return found
    }

    private mutating func making(_ places: TargetPlaces) -> Making {
        switch bytes.small() {
        case 1:
            let recipe = Recipe(text: bytes.string(), span: span())
            return .recipe(recipe, shell: list { $0.bytes.string() })
        case 2:
            let dockerfile = bytes.path()
            let context = bytes.path()
            let stage = optional { $0.bytes.string() }
            var arguments: [String: String] = [:]
            for _ in 0..<bytes.small() { arguments[bytes.string()] = bytes.string() }
            var images: [String: Int] = [:]
            for _ in 0..<bytes.small() { images[bytes.string()] = places.new(bytes.small()) }
            let takesDockerfile = bytes.flag()
            var bases: [String: String] = [:]
            for _ in 0..<bytes.small() { bases[bytes.string()] = bytes.string() }
            return .image(
                ImageRule(
                    dockerfile: dockerfile, context: context, targetStage: stage, arguments: arguments,
                    imagePrerequisites: images, takesDockerfile: takesDockerfile, externalBases: bases))
        default: return .group
        }
    }

    private mutating func attributes() -> TargetAttributes {
        var found = TargetAttributes()
        found.timeout = optional { reader in
            Duration(secondsComponent: reader.bytes.signed(), attosecondsComponent: reader.bytes.signed())
        }
        found.retries = bytes.small()
        found.pool = optional { $0.bytes.string() }
        found.network = bytes.flag()
        found.uncached = bytes.flag()
        found.keep = list { $0.bytes.path() }
        found.reports = list { TargetAttributes.Report(kind: $0.bytes.string(), glob: $0.bytes.path()) }
        found.gates = list { reader in
            TargetAttributes.Gate(
                metric: reader.bytes.string(), subject: reader.bytes.string(), comparison: reader.bytes.string(),
                threshold: Double(bitPattern: reader.bytes.number()), file: reader.bytes.path(),
                failsIfUnknown: reader.bytes.flag(), span: reader.span())
        }
        found.platforms = list { $0.bytes.string() }
        found.pact = optional { $0.pact() }
        found.statesCommand = list { $0.bytes.string() }
        found.pending = bytes.flag()
        found.batch = bytes.flag()
        found.changedOnly = bytes.flag()
        found.documents = list { reader in
            let kind = reader.bytes.string()
            return TargetAttributes.Document(
                kind: InterfaceKind(rawValue: kind) ?? .openapi, path: reader.bytes.path())
        }
        return found
    }

    private mutating func pact() -> PactSettings {
        var pact = PactSettings()
        pact.image = bytes.flag()
        pact.health = optional { $0.bytes.string() }
        pact.states = optional { $0.bytes.string() }
        pact.messages = optional { $0.bytes.string() }
        pact.wait = .seconds(bytes.small())
        pact.answer = .seconds(bytes.small())
        pact.parallel = bytes.small()
        return pact
    }
}
