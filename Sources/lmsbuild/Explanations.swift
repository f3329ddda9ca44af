// The wording of explanations. Does not find causes.
import BuildEngine
import BuildGraph
import Buildfile
import Glibc
import Reporting

struct Explanations {
    private static let shownCauses = 3
    private static let shownLines = 12

    let targets: [ExplainedTarget]
    let against: Against
    /// Every cause, and whole texts.
    let all: Bool

    private var graph: Graph { against.head.graph }

    // MARK: Text

    var text: String { targets.map { headline($0) + "\n" + details($0) }.joined() }

    private func headline(_ target: ExplainedTarget) -> String {
        let label = "\(target.label)"
        let run = target.lastRun.map { "its last run of \(UTCTime(seconds: $0).text)" } ?? "its last run"
        guard let name = against.name else {
            return switch target.standing {
            case .cached, .same: "\(label) is up to date: a result for its inputs is cached"
            case .group: "\(label) has no recipe: it only names others"
            case .neverRun, .new: "\(label) would run: it never ran here"
            case .failed: "\(label) would run: \(run), with the same inputs, failed"
            case .evicted: "\(label) would run: its inputs are those of \(run), but no result is kept"
            case .uncached: "\(label) would run: '[uncached]', so no result is ever kept"
            case .differs: "\(label) would run: its inputs are not those of \(run)"
            }
        }
        return switch target.standing {
        case .new: "\(label) is not in \(name)"
        case .differs: "\(label) has another input hash than in \(name)"
        default: "\(label) has the same input hash as in \(name)"
        }
    }

    private func details(_ target: ExplainedTarget) -> String {
        if target.standing == .new { return "" }
        let shown = all ? target.causes[...] : target.causes.prefix(Self.shownCauses)
        var text = ""
        var last: [Label] = []
        for cause in shown {
            let depth = cause.chain.count
            if cause.chain != last {
                for (level, pair) in zip(cause.chain, cause.chain.dropFirst()).enumerated() {
                    text += indentation(level) + (level == 0 ? "because it" : "which") + " takes in \(pair.1)"
                    text += place(ofEdgeFrom: pair.0, to: pair.1) + ",\n"
                }
                last = cause.chain
            }
            text += indentation(depth - 1) + (depth == 1 ? "because " : "where ") + sentence(cause) + "\n"
            text += comparison(cause).map { "\(indentation(depth + 1))\($0)\n" }.joined()
        }
        let rest = target.causes.count - shown.count
        if rest > 0 { text += "  and \(rest) more; '--all' tells \(rest == 1 ? "it" : "them")\n" }
        return text
    }

    private func indentation(_ level: Int) -> String { String(repeating: "  ", count: level + 1) }

    private func sentence(_ cause: Cause) -> String {
        let subject = cause.change.subject.shown
        guard let difference = cause.difference else {
            let label = cause.chain.last.map { "\($0)" } ?? ""
            return cause.change.kind == .new
                ? "\(label) is new"
                : "\(label) has another hash; the record holds no inputs ('hash --format json --inputs' keeps them)"
        }
        let change = difference.old == nil ? "is new" : difference.new == nil ? "is gone" : "changed"
        return switch difference.tag {
        case .file: "\(subject) \(difference.fileChange)"
        case .contract: "\(subject) asks for something else: '\(BytePath(bytes: difference.key).shown)' \(change)"
        case .recipe: "the recipe \(change)\(place(ofRecipe: cause.chain.last))"
        case .value: "the variable \(subject) \(change): \(difference.values)"
        case .tool: "the tool \(subject) \(change): \(difference.values)"
        case .attribute: "the attribute [\(subject)] \(change): \(difference.values)"
        case .output: "the output \(subject) \(change)"
        case .prerequisite: "the prerequisite \(subject) \(change)"
        case .imageTag: "the tag of \(subject) \(change)"
        case .interpreter: "the shell \(change): \(difference.values)"
        case .folder: "the folder \(change): \(difference.values)"
        case .making: "it is made in another way: \(difference.values)"
        }
    }

    /// The lines that differ, where the texts of both sides are at hand.
    private func comparison(_ cause: Cause) -> [String] {
        guard let (old, new) = texts(cause) else { return [] }
        let lines = unifiedDiff(old: old, new: new, name: [], context: 1).split(separator: UInt8(ascii: "\n"))
            .dropFirst(2).map { BytePath(bytes: Array($0)).shown }
        if all || lines.count <= Self.shownLines { return lines }
        return lines.prefix(Self.shownLines) + ["… \(lines.count - Self.shownLines) more lines"]
    }

    private func texts(_ cause: Cause) -> (old: [UInt8], new: [UInt8])? {
        guard let difference = cause.difference, let old = difference.old, let new = difference.new else { return nil }
        if difference.tag == .recipe { return (old, new) }
        guard difference.tag == .contract || difference.tag == .file && old.dropFirst() != new.dropFirst(),
            let base = against.old,
            let before = try? base.graph.tree.files.contents(of: cause.change.subject),
            let after = try? graph.tree.files.contents(of: cause.change.subject),
            before.count < 1 << 20, after.count < 1 << 20, !before.contains(0), !after.contains(0)
        else { return nil }
        return (before, after)
    }

    private func place(ofEdgeFrom above: Label, to below: Label) -> String {
        guard let index = graph.index(of: above), let wanted = graph.index(of: below),
            let edge = graph.targets[index].edges.first(where: { $0.target == wanted && $0.kind != .gate })
        else { return "" }
        return " (\(edge.span.shown))"
    }

    private func place(ofRecipe label: Label?) -> String {
        guard let label, let index = graph.index(of: label), case .recipe(let recipe, _) = graph.targets[index].making
        else { return "" }
        return " (\(recipe.span.shown))"
    }

    // MARK: JSON

    var json: JSONValue {
        .object([
            ("schema", .number(1)), ("base", against.base.map { .string($0) } ?? .null),
            ("head", against.headCommit.map { .string($0) } ?? .null),
            ("against", .string(against.name ?? "last run")), ("targets", .array(targets.map { json($0) })),
        ])
    }

    private func json(_ target: ExplainedTarget) -> JSONValue {
        .object([
            ("label", .string(target.label.description)), ("standing", .string(target.standing.rawValue)),
            ("lastRun", target.lastRun.map { .string(UTCTime(seconds: $0).text) } ?? .null),
            ("causes", .array(target.causes.map { json($0) })),
        ])
    }

    private func json(_ cause: Cause) -> JSONValue {
        let place = cause.chain.last.flatMap { graph.index(of: $0) }.map { graph.targets[$0].span.json } ?? .null
        return .object([
            ("chain", .array(cause.chain.map { .string($0.description) })), ("place", place),
            ("why", cause.change.json), ("old", cause.difference?.json(cause.difference?.old) ?? .null),
            ("new", cause.difference?.json(cause.difference?.new) ?? .null),
        ])
    }
}

extension SourceSpan {
    fileprivate var shown: String { "\(source.name):\(lineAndColumn.line)" }

    fileprivate var json: JSONValue {
        let place = lineAndColumn
        return .object([
            ("file", .string(source.name)), ("line", .number(place.line)), ("column", .number(place.column)),
        ])
    }
}

extension FieldDifference {
    private func kind(_ value: [UInt8]?) -> FileKind? { value?.first.flatMap(FileKind.init) }

    fileprivate var fileChange: String {
        guard let before = kind(old) else { return "is a new input" }
        guard let after = kind(new) else { return "is no input any more" }
        if before == after { return after == .submodule ? "names another commit" : "changed" }
        let also = old?.dropFirst() == new?.dropFirst() ? "" : ", and its content changed"
        return "changed its mode, \(RecordedState.mode(before)) to \(RecordedState.mode(after))\(also)"
    }

    /// `'a' -> 'b'`.
    fileprivate var values: String { "\(shown(old)) -> \(shown(new))" }

    private func shown(_ value: [UInt8]?) -> String {
        guard let value else { return "nothing" }
        guard tag == .value else { return "'\(BytePath(bytes: value).shown)'" }
        return value.first == 1 ? "'\(BytePath(bytes: Array(value.dropFirst())).shown)'" : "not set"
    }

    /// One side: a file's mode and digest, a target's hash, or a text; null where the side has no such field.
    fileprivate func json(_ value: [UInt8]?) -> JSONValue {
        guard let value else { return .null }
        func hex(_ bytes: some Collection<UInt8>) -> JSONValue { .string(SHA256Value(bytes: bytes)?.hex ?? "") }
        switch tag {
        case .file:
            return .object([
                ("mode", .string(kind(value).map { RecordedState.mode($0) } ?? "")), ("digest", hex(value.dropFirst())),
            ])
        case .prerequisite, .imageTag: return .object([("hash", hex(value))])
        case .value where value.first != 1: return .object([("text", .null)])
        case .value: return .object([("text", .string(BytePath(bytes: Array(value.dropFirst())).shown))])
        default: return .object([("text", .string(String(decoding: value, as: UTF8.self)))])
        }
    }
}
