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
}
