// How a target is written to a snapshot and read back. Each part reads what the other wrote, in the same order.
import Buildfile

extension SnapshotWriter {
    mutating func target(_ target: Target) {
        bytes.append(small: target.component)
        bytes.append(target.label.stage)
        optional(target.label.consumer) { $0.bytes.append($1) }
        making(target.making)
        list(target.edges) { writer, edge in
            writer.bytes.append(small: Edge.Kind.numbered.firstIndex(of: edge.kind) ?? 0)
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

extension SnapshotReader {
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
            let kinds = Edge.Kind.numbered
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
