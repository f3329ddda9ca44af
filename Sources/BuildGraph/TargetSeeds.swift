// What a component's rules make before their words are expanded: which targets there are, what they put out, and which of them
// a label names. Does not know files.
import Buildfile

/// A rule of a component, or one instance of its `verify` rule, before its words are expanded.
///
/// A class, because it is large and handed about much.
final class TargetSeed: Sendable {
    let label: Label
    let component: Int
    let rule: RuleDeclaration
    let consumption: Component.Consumption?

    init(label: Label, component: Int, rule: RuleDeclaration, consumption: Component.Consumption?) {
        self.label = label
        self.component = component
        self.rule = rule
        self.consumption = consumption
    }
}

extension TargetBuilder {
    mutating func makeSeeds() {
        let consumers = consumers()
        for (index, draft) in drafts.list.enumerated() {
            seeds.append(seeds(of: index, consumers: consumers[draft.name] ?? []))
        }
    }

    /// The rules of a component, sorted by stage, with an instance of its `verify` rule for each of `consumers`.
    func seeds(of component: Int, consumers: [Int]) -> [(stage: String, seeds: [TargetSeed])] {
        let draft = drafts[component]
        return draft.block.rules.sorted { $0.key < $1.key }.map { stage, rule in
            if stage == "verify" {
                return (stage, instances(of: rule, component: component, consumers: consumers))
            }
            let label = Label(component: draft.name, stage: stage)
            return (stage, [TargetSeed(label: label, component: component, rule: rule, consumption: nil)])
        }
    }

    /// Provider → the components that consume it, in their order.
    private func consumers() -> [String: [Int]] {
        var found: [String: [Int]] = [:]
        for (index, consumer) in components.list.enumerated() {
            for consumption in consumer.consumes where found[consumption.provider]?.last != index {
                found[consumption.provider, default: []].append(index)
            }
        }
        return found
    }

    private func instances(of rule: RuleDeclaration, component: Int, consumers: [Int]) -> [TargetSeed] {
        let name = drafts[component].name
        return consumers.compactMap { consumer in
            let consumer = components[consumer]
            guard let all = consumer.consumption(of: name) else { return nil }
            return TargetSeed(
                label: Label(component: name, stage: "verify", consumer: consumer.name), component: component,
                rule: rule, consumption: all)
        }
    }

    /// The places in `seeds` of a component's stage; nil where it has no such rule.
    func targets(ofStage stage: String, of component: Int) -> Range<Int>? {
        seeds.targets(ofStage: stage, of: component)
    }

    mutating func declareOutputs(_ index: Int) {
        let seed = seeds[index]
        if seed.rule.outputs.isEmpty { return }
        var scope = scope(component: seed.component, seed: seed)
        let words = expand(seed.rule.outputs, &scope)
        asked.add(.variable, scope.asked, for: seed.component)
        for word in words {
            guard let path = path(word, in: components[seed.component].folder) else { continue }
            let parts = path.components
            if path.isEmpty || PathPattern.hasWildcards(Array(word.text.utf8)) || word.text.isLabel {
                diagnostics.append(
                    Diagnostic(
                        .badSyntax, "'\(word.text)' is no output", at: word.span,
                        hint: "outputs are files, or folders with a trailing '/', without wildcards"))
            } else if parts.contains(where: { $0.elementsEqual(".git".utf8) || $0.elementsEqual(".lmsbuild".utf8) }) {
                diagnostics.append(
                    Diagnostic(
                        .pathLeavesWorkspace, "'\(word.text)' lies in a folder that is not the workspace's",
                        at: word.span))
            } else {
                outputs.add(
                    DeclaredOutput(path: path, isFolder: word.text.hasSuffix("/"), span: word.span), of: index)
            }
        }
    }

    /// Declares the outputs of all seeds, on as many threads as there are processors.
    mutating func declareOutputs() {
        let size = seeds.list.count
        let count = size < 1024 ? 1 : 4 * Threads.processors
        asked.finish()
        var base = self
        base.diagnostics = []
        base.asked = AskedNames()
        let parts = Threads.map(count) { [base] part in
            var builder = base
            for index in size * part / count..<size * (part + 1) / count { builder.declareOutputs(index) }
            builder.asked.finish()
            return (claims: builder.outputs.claims, diagnostics: builder.diagnostics, asked: builder.asked.done)
        }
        for part in parts {
            for claim in part.claims { outputs.add(claim.output, of: claim.owner) }
            diagnostics += part.diagnostics
            asked.done += part.asked
        }
    }

    // MARK: Labels

    /// The targets a label in a rule names: `:stage`, `component:stage`, `component:verify[consumer]`.
    mutating func targets(named word: Word, from component: Int) -> [Int] {
        let text = word.text
        guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) else { return [] }
        let owner = colon == text.startIndex ? drafts[component].name : String(text[..<colon])
        var stage = String(text[text.index(after: colon)...])
        var consumer: String?
        if stage.utf8.last == UInt8(ascii: "]"), let bracket = stage.firstIndex(of: "[") {
            consumer = String(stage[stage.index(after: bracket)...].dropLast())
            stage = String(stage[..<bracket])
        }
        guard let place = colon == text.startIndex ? component : drafts.place(of: owner) else {
            reportUnknownComponent(Word(owner, word.span))
            return []
        }
        let found = targets(ofStage: stage, of: place)?.filter { index in
            consumer == nil || seeds[index].label.consumer == consumer
        }
        guard let found, consumer == nil || !found.isEmpty else {
            let known = drafts[place].block.rules.keys.sorted()
            diagnostics.append(
                found == nil
                    ? .unknown(
                        .unknownStage, "stage", stage, at: word.span, among: known,
                        otherwise: known.isEmpty
                            ? "'\(owner)' has no rules" : "'\(owner)' has: \(known.joined(separator: ", "))")
                    : Diagnostic(
                        .unknownComponent, "'\(consumer ?? "")' does not consume '\(owner)'", at: word.span))
            return []
        }
        return found
    }
}
