// Alternatives: `oneOf` and `anyOf` of two schemas. What is not plainly in one of them is not taken for fine.
import BuildEngine

extension SchemaComparison {
    /// `needed`: types are judged by alternatives. `isExpanded`: the alternatives of `sub` were compared one by one, and
    /// nothing is left to do.
    mutating func checkUnions(
        _ sub: SchemaShape, _ sup: SchemaShape, _ item: Item
    ) -> (needed: Bool, isExpanded: Bool) {
        let open = sup.unions.filter { union in !sub.unions.contains { isSame($0, union) } }
        let isOwn = sub.unions.contains { union in !sup.unions.contains { isSame(union, $0) } }
        if isOwn, let union = sub.unions.first(where: { union in !sup.unions.contains { isSame(union, $0) } }) {
            for (index, alternative) in union.alternatives.enumerated() {
                let rest = zip(sub.nodes, sub.flat).map {
                    $0.identity == union.owner.identity ? Self.without(union) : $1
                }
                let path = item.path + "(\(union.word) \(index + 1))"
                let siblings = union.alternatives.enumerated().filter { $0.offset != index }.map(\.element)
                let found = findings(
                    of: Item(sub: rest + [alternative], sup: item.sup, path: path))
                add(isExclusive(siblings, open) ? found.filter { !$0.kind.hasSuffix("one-of-overlap") } : found)
            }
            return (true, true)
        }
        for union in open { checkAlternatives(sub, union, sup, item) }
        return (!open.isEmpty && sup.types == .all, false)
    }

    /// Where the consumer's own alternatives exclude each other as the other side's do, no value is in two of them.
    private func isExclusive(_ siblings: [SchemaNode], _ unions: [SchemaShape.Union]) -> Bool {
        unions.allSatisfy { union in
            union.alternatives.filter { alternative in
                siblings.contains { sibling in
                    var equality = SchemaEquality(subSource, supSource)
                    return equality.isSame(sibling, alternative)
                }
            }.count >= union.alternatives.count - 1
        }
    }

    private func isSame(_ mine: SchemaShape.Union, _ its: SchemaShape.Union) -> Bool {
        guard mine.alternatives.count == its.alternatives.count else { return false }
        guard mine.word == its.word || its.word == "anyOf" else { return false }
        return mine.alternatives.allSatisfy { alternative in
            its.alternatives.contains { other in
                var equality = SchemaEquality(subSource, supSource)
                return equality.isSame(alternative, other)
            }
        }
    }

    /// The schema that has the alternatives, without them.
    private static func without(_ union: SchemaShape.Union) -> SchemaNode {
        let members = (union.owner.tree.members ?? []).filter {
            $0.name != union.word && $0.name != "allOf" && $0.name != "$ref"
        }
        return SchemaNode(
            pointer: union.owner.pointer,
            variant: (union.owner.variant.hasPrefix("flat") ? "" : "flat") + union.owner.variant + "-" + union.word,
            tree: JSONTree(.object(members), range: union.owner.tree.range))
    }

    // MARK: What must be in one of several

    private mutating func checkAlternatives(
        _ sub: SchemaShape, _ union: SchemaShape.Union, _ sup: SchemaShape, _ item: Item
    ) {
        let nodes = sub.flat
        if let place = accepting(nodes, union, item) {
            checkOverlap(sub, union, place, item)
            return
        }
        let parts = Self.parts(of: sub)
        if parts.count > 1, parts.allSatisfy({ accepting(nodes + [$0], union, item) != nil }) { return }
        var best: [Incompatibility]?
        var isCertain = true
        var near = 0
        for alternative in union.alternatives {
            let shape = SchemaShape([alternative], in: supSource)
            let found = findings(of: Item(sub: nodes, sup: [alternative], path: item.path))
            if !found.contains(where: \.isCertain) { isCertain = false }
            if shape.types.isDisjoint(with: sub.types.subtracting(.null)) { continue }
            near += 1
            best = found
        }
        if near == 1, let best, sub.types.subtracting(.null) == sub.types {
            add(best)
        } else {
            report(
                "alternative-refused", item,
                isRequest
                    ? "what \(old) sends is in none of the \(union.alternatives.count) alternatives that \(new) takes"
                    : "what \(new) sends is in none of the \(union.alternatives.count) alternatives that \(old) knows",
                Shown(node: sub.node, text: sub.types.shown),
                Shown(node: union.owner.member(union.word), text: union.word),
                isCertain: isCertain)
        }
    }

    private mutating func accepting(
        _ nodes: [SchemaNode], _ union: SchemaShape.Union, _ item: Item
    ) -> Int? {
        union.alternatives.indices.first { index in
            findings(of: Item(sub: nodes, sup: [union.alternatives[index]], path: item.path)).isEmpty
        }
    }

    /// `sub` as schemas that together are it: for each value, or for each type.
    private static func parts(of sub: SchemaShape) -> [SchemaNode] {
        guard let node = sub.node else { return [] }
        func part(_ name: String, _ member: JSONTree.Member) -> SchemaNode {
            SchemaNode(
                pointer: node.pointer, variant: name, tree: JSONTree(.object([member]), range: node.tree.range))
        }
        if let values = sub.values {
            return values.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { entry in
                part(
                    "value " + entry.value.text(pretty: false),
                    JSONTree.Member(name: "const", value: JSONTree(entry.value.content)))
            }
        }
        return SchemaTypes.named.filter { !$0.types.isDisjoint(with: sub.types) }.map { named in
            part("type " + named.name, JSONTree.Member(name: "type", value: JSONTree(.string(named.name))))
        }
    }

    /// `oneOf` refuses what is in two of its alternatives.
    private mutating func checkOverlap(
        _ sub: SchemaShape, _ union: SchemaShape.Union, _ place: Int, _ item: Item
    ) {
        guard union.word == "oneOf", !union.hasDiscriminator else { return }
        for (index, alternative) in union.alternatives.enumerated() where index != place {
            let shape = SchemaShape([alternative], in: supSource)
            if isApart(sub, shape, depth: 0) { continue }
            report(
                "one-of-overlap", item,
                "whether this is in just one of the alternatives of 'oneOf' cannot be told",
                Shown(node: sub.node), Shown(node: alternative), isCertain: false)
            return
        }
    }

    /// True where no value is in both, as far as one can see.
    private func isApart(_ sub: SchemaShape, _ other: SchemaShape, depth: Int) -> Bool {
        if sub.isNever || other.isNever || sub.types.isDisjoint(with: other.types) { return true }
        if let mine = sub.values, let its = other.values, mine.keys.allSatisfy({ its[$0] == nil }) { return true }
        guard sub.types.intersection(other.types) == .object, depth < 3 else { return false }
        for name in sub.required.union(other.required) {
            switch (sub.properties[name], other.properties[name]) {
            case (let mine?, let its?):
                let isNeeded = sub.required.contains(name) || other.required.contains(name)
                if isNeeded,
                    isApart(
                        SchemaShape(mine, in: subSource), SchemaShape(its, in: supSource), depth: depth + 1)
                {
                    return true
                }
            case (nil, _?):
                if case .closed = sub.additional, other.required.contains(name) { return true }
                // What is sent is what is declared.
                if case .unsaid = sub.additional, isRequest, other.required.contains(name) { return true }
            case (_?, nil):
                if case .closed = other.additional, sub.required.contains(name) { return true }
            case (nil, nil): break
            }
        }
        return false
    }
}
