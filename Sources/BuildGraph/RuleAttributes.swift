import Buildfile

/// A rule's attributes, sorted by whom they concern, their words expanded but paths still as written.
struct RuleAttributes {
    struct Image {
        var dockerfile: Word?
        var context: Word?
        var targetStage: Word?
        var arguments: [(name: String, value: Word)] = []
    }

    var image = Image()
    var plain = TargetAttributes()
    var keep: [Word] = []
    var reports: [(kind: String, glob: Word)] = []
    var gates: [Gate] = []
    var documents: [(kind: InterfaceKind, file: Word)] = []
    var diagnostics: [Diagnostic] = []

    init(_ attributes: [Attribute]) {
        for attribute in attributes {
            guard let value = RuleAttribute(attribute) else {
                diagnostics.append(
                    Diagnostic(
                        .badAttribute, "'[\(attribute.name.text)]' has the wrong form with its variables filled in",
                        at: attribute.name.span))
                continue
            }
            add(value)
        }
    }

    private mutating func add(_ value: RuleAttribute) {
        switch value {
        case .timeout(let duration): plain.timeout = duration
        case .retries(let count): plain.retries = count
        case .pool(let name): plain.pool = name
        case .network: plain.network = true
        case .uncached: plain.uncached = true
        case .platform(let names): plain.platforms = names
        case .keep(let word): keep.append(word)
        case .report(let kind, let glob): reports.append((kind.rawValue, glob))
        case .gate(let gate): gates.append(gate)
        case .dockerfile(let word): image.dockerfile = word
        case .context(let word): image.context = word
        case .target(let word): image.targetStage = word
        case .argument(let name, let value): image.arguments.append((name, value))
        case .pact(let settings): plain.pact = settings
        case .states(let words): plain.statesCommand = words
        case .pending: plain.pending = true
        case .batch: plain.batch = true
        case .changedOnly: plain.changedOnly = true
        case .document(let kind, let word): documents.append((kind, word))
        }
    }
}

extension TargetBuilder {
    /// Paths of attributes, relative to the workspace's root.
    mutating func resolve(_ attributes: RuleAttributes, in folder: BytePath) -> TargetAttributes {
        var result = attributes.plain
        for word in attributes.keep {
            if word.text.hasPrefix("~/") {
                result.keep.append(BytePath(word.text))
            } else if let path = path(word, in: folder) {
                result.keep.append(path)
            }
        }
        for report in attributes.reports {
            guard let glob = FileGlob(report.glob, text: report.glob.text, in: folder) else {
                diagnostics.append(.leavesWorkspace(report.glob))
                continue
            }
            result.reports.append(.init(kind: report.kind, glob: BytePath(bytes: glob.pattern.text)))
        }
        for gate in attributes.gates {
            guard let path = path(gate.file, in: folder) else { continue }
            result.gates.append(
                .init(
                    metric: gate.metric.rawValue, subject: gate.subject.rawValue, comparison: gate.comparison.rawValue,
                    threshold: gate.threshold, file: path, failsIfUnknown: gate.failsIfUnknown, span: gate.file.span))
        }
        for document in attributes.documents {
            guard let path = path(document.file, in: folder) else { continue }
            result.documents.append(.init(kind: document.kind, path: path))
        }
        return result
    }
}
