package import Buildfile

/// What a label on the command line or in `default` names: `component:stage`, `component`, `:stage`,
/// `component:verify[consumer]`, or a glob over those.
package struct LabelPattern: Sendable, Hashable {
    private let component: PathPattern?
    private let stage: PathPattern?
    private let consumer: PathPattern?

    /// A pattern, or a diagnostic where `text` has not the form of one.
    package static func parse(_ text: String, at span: SourceSpan? = nil) -> Result<LabelPattern, Diagnostic> {
        var owner = text
        var stage: String?
        var consumer: String?
        if let colon = text.firstIndex(of: ":") {
            owner = String(text[..<colon])
            var rest = String(text[text.index(after: colon)...])
            // A bracket after a complete stage is a consumer; one inside a glob (`[a-c]*`) is a class.
            if rest.hasSuffix("]"), let bracket = rest.firstIndex(of: "["), bracket != rest.startIndex {
                consumer = String(rest[rest.index(after: bracket)...].dropLast())
                rest = String(rest[..<bracket])
            }
            stage = rest
        }
        guard !text.isEmpty, stage != "", consumer != "", !(stage?.contains(":") ?? false), !owner.contains("/") else {
            return .failure(
                Diagnostic(
                    .badCommandLine, "'\(text)' is no label", at: span,
                    hint: "labels are 'component:stage', 'component', ':stage', 'component:verify[consumer]', or globs")
            )
        }
        return .success(
            LabelPattern(
                component: owner.isEmpty ? nil : PathPattern(owner), stage: stage.map { PathPattern($0) },
                consumer: consumer.map { PathPattern($0) }))
    }

    private init(component: PathPattern?, stage: PathPattern?, consumer: PathPattern?) {
        self.component = component
        self.stage = stage
        self.consumer = consumer
    }

    /// The component that every label has which matches; nil where it may be another.
    var onlyComponent: String? {
        component?.literalPath.flatMap { String(validating: $0.bytes, as: UTF8.self) }
    }

    package func matches(_ label: Label) -> Bool {
        if let component, !component.matches(BytePath(label.component)) { return false }
        if let stage, !stage.matches(BytePath(label.stage)) { return false }
        if let consumer {
            guard let name = label.consumer else { return false }
            return consumer.matches(BytePath(name))
        }
        return true
    }
}

extension Graph {
    /// The targets that any of `words` names, sorted; words that are no labels name nothing.
    package func select(_ words: [Word]) -> [Int] {
        let patterns = words.compactMap { try? LabelPattern.parse($0.text, at: $0.span).get() }
        return targets.indices.filter { index in patterns.contains { $0.matches(targets.label(index)) } }
    }

    /// What labels on the command line name. Throws a diagnostic for what is no label or names nothing; no labels at
    /// all mean `default`, or everything.
    package func select(labels: [String], everythingByDefault: Bool) throws(Diagnostic) -> [Int] {
        if labels.isEmpty {
            return everythingByDefault || defaults.isEmpty ? Array(targets.indices) : select(defaults)
        }
        var found: Set<Int> = []
        for text in labels {
            let pattern = try LabelPattern.parse(text).get()
            let candidates = pattern.onlyComponent.map { targets(of: $0) } ?? targets.indices
            let matched = candidates.filter { pattern.matches(targets.label($0)) }
            if matched.isEmpty { throw noMatch(text, at: nil, code: .noMatch) }
            found.formUnion(matched)
        }
        return found.sorted()
    }

    /// The targets of the component called `name`, which are side by side.
    private func targets(of name: String) -> Range<Int> {
        func first(_ isBehind: (String) -> Bool) -> Int {
            var low = 0
            var high = targets.count
            while low < high {
                let middle = (low + high) / 2
                if isBehind(targets.label(middle).component) { high = middle } else { low = middle + 1 }
            }
            return low
        }
        let start = first { $0 >= name }
        return start..<max(start, first { $0 > name })
    }

    func noMatch(_ text: String, at span: SourceSpan?, code: DiagnosticCode) -> Diagnostic {
        let known: [String] =
            text.hasPrefix(":")
            ? Set(targets.map { ":" + $0.label.stage }).sorted()
            : text.contains(":") ? targets.map(\.label.description) : components.map(\.name)
        return Diagnostic(
            code, "'\(text)' names no target", at: span,
            hint: nearestWord(to: text, among: known).map { "did you mean '\($0)'?" }
                ?? "'lmsbuild hash' lists every target")
    }
}
