// What a part of a graph finds around it: the components that are as they were, made when they are asked for. Does not know
// which part is resolved again.
import Buildfile
import Synchronization

/// The rest of a graph, from its snapshot and the texts that it was made from. Places of targets are the snapshot's.
final class PartialGraph: Sendable {
    private struct Memory {
        var parsed: [Int: ParsedBuildfile]
        var templates: TemplateSet
        var drafts: [Int: ComponentDraft] = [:]
        var hasFailed = false
    }

    let snapshot: GraphSnapshot
    let shifts: [Int: SpanShift]
    private let memory: Mutex<Memory>

    /// `parsed` are Buildfiles by their places: all that are not what they were, and others.
    init(
        _ snapshot: GraphSnapshot, _ shifts: [Int: SpanShift], parsed: [Int: ParsedBuildfile],
        templates: [String: ComponentDeclaration]
    ) {
        self.snapshot = snapshot
        self.shifts = shifts
        memory = Mutex(Memory(parsed: parsed, templates: TemplateSet(templates)))
    }

    /// Whether something was not where the snapshot says, or was a mistake.
    var hasFailed: Bool { memory.withLock { $0.hasFailed || !$0.templates.diagnostics.isEmpty } }

    func fail() { memory.withLock { $0.hasFailed = true } }

    func component(_ place: Int) -> Component { snapshot.component(place, shifts) }

    func draft(_ place: Int) -> ComponentDraft {
        let facts = snapshot.facts(place)
        let name = snapshot.componentName(place)
        return memory.withLock { memory in
            if let known = memory.drafts[place] { return known }
            let draft = Self.draft(name, facts, snapshot, &memory)
            if draft == nil { memory.hasFailed = true }
            let found = draft ?? .none(name)
            memory.drafts[place] = found
            return found
        }
    }

    private static func draft(
        _ name: String, _ facts: ComponentFacts, _ snapshot: GraphSnapshot, _ memory: inout Memory
    ) -> ComponentDraft? {
        func parsed(_ number: Int) -> (BuildfileMember, ParsedBuildfile) {
            let member = snapshot.member(number)
            if let known = memory.parsed[number] { return (member, known) }
            let parsed = parseBuildfile(member.source)
            memory.parsed[number] = parsed
            return (member, parsed)
        }
        var draft: ComponentDraft?
        if let glob = facts.glob {
            let (_, parsed) = parsed(glob.member)
            guard let declaration = parsed.component(glob.text, [.services, .libraries]) else { return nil }
            draft = ComponentDraft(
                name: name, declaration, glob: glob, block: memory.templates.block(of: declaration))
        }
        if let block = facts.block {
            let (member, parsed) = parsed(block)
            guard let declaration = parsed.component(name, [.service, .library]) else { return nil }
            let merged = memory.templates.block(of: declaration)
            draft =
                draft?.adding(declaration, block: merged, member: block)
                ?? ComponentDraft(declaration, in: member.folder, block: merged, member: block)
        }
        return draft
    }

    /// The rule of a target that is as it was.
    func seed(_ target: Int) -> TargetSeed {
        let place = snapshot.component(ofTarget: target)
        let label = snapshot.label(target)
        guard let rule = draft(place).block.rules[label.stage] else {
            fail()
            let nowhere = SourceSpan(SourceText(name: "", bytes: []), offset: 0, length: 0)
            return TargetSeed(
                label: label, component: place, rule: RuleDeclaration(stage: Word(label.stage, nowhere)),
                consumption: nil)
        }
        let consumption = label.consumer.flatMap { snapshot.place(ofComponent: $0) }
            .flatMap { component($0).consumption(of: label.component) }
        return TargetSeed(label: label, component: place, rule: rule, consumption: consumption)
    }

    func targets(ofStage stage: String, of component: Int) -> Range<Int>? {
        let found = snapshot.targets(of: component).filter { snapshot.label($0).stage == stage }
        guard let first = found.first else {
            return stage == "verify" && snapshot.facts(component).hasVerify ? 0..<0 : nil
        }
        return first..<first + found.count
    }

    /// The first component with an image that arrives as the build argument `name`, but for the one called `other`.
    func imageOwner(_ name: String, but other: String) -> Int? {
        (0..<snapshot.componentCount).first { place in
            let component = snapshot.componentName(place)
            return component != other && ImageOwners.argumentName(of: component) == name
                && targets(ofStage: "image", of: place) != nil
        }
    }
}

extension ParsedBuildfile {
    fileprivate func component(_ name: String, _ kinds: [ComponentDeclaration.Kind]) -> ComponentDeclaration? {
        for case .component(let component) in declarations
        where component.name.text == name && kinds.contains(component.kind) {
            return component
        }
        return nil
    }
}

extension Component {
    /// All that it consumes of `provider` at once.
    func consumption(of provider: String) -> Consumption? {
        let parts = consumes.filter { $0.provider == provider }
        return parts.first.map {
            Consumption(provider: provider, contracts: parts.flatMap(\.contracts), span: $0.span)
        }
    }
}

extension ComponentDraft {
    fileprivate static func none(_ name: String) -> ComponentDraft {
        let nowhere = SourceSpan(SourceText(name: "", bytes: []), offset: 0, length: 0)
        return ComponentDraft(
            ComponentDeclaration(kind: .service, keyword: Word("service", nowhere), name: Word(name, nowhere)),
            in: .root, block: MergedBlock(), member: 0)
    }
}
