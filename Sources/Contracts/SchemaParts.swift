// Properties and items of two schemas.
import BuildEngine

extension SchemaComparison {
    // MARK: Arrays

    mutating func checkArray(_ sub: SchemaShape, _ sup: SchemaShape, _ item: Item) {
        if sup.hasUniqueItems, !sub.hasUniqueItems {
            report(
                isRequest ? "range-narrowed" : "range-widened", item, "items may repeat, and must not",
                .keyword("uniqueItems", sub), .keyword("uniqueItems", sup))
        }
        let anything = sub.items
        for index in 0..<max(sub.prefix.count, sup.prefix.count) {
            let mine = index < sub.prefix.count ? sub.prefix[index] : anything
            let its = index < sup.prefix.count ? sup.prefix[index] : sup.items
            if !its.isEmpty { pushOrAny(mine, its, item.path + "[\(index)]", item) }
        }
        if !sup.items.isEmpty { pushOrAny(sub.items, sup.items, item.path + "[]", item) }
    }

    /// Where nothing is said, anything may be.
    private mutating func pushOrAny(_ sub: [SchemaNode], _ sup: [SchemaNode], _ path: String, _ item: Item) {
        if !sub.isEmpty { return push(sub, sup, path) }
        guard let node = item.sub.first else { return }
        push([SchemaNode(pointer: node.pointer, variant: "anything", tree: Self.anything(node))], sup, path)
    }

    private static func anything(_ node: SchemaNode) -> JSONTree { JSONTree(.object([]), range: node.tree.range) }

    // MARK: Objects

    mutating func checkObject(_ sub: SchemaShape, _ sup: SchemaShape, _ item: Item) {
        checkRequired(sub, sup, item)
        for (name, its) in sup.properties.sorted(by: { $0.key < $1.key }) {
            if isOneWay(its, supSource) { continue }
            let path = item.path + ".\(ReportText.line(name))"
            if let mine = sub.properties[name] {
                if !isOneWay(mine, subSource) { push(mine, its, path) }
            } else if case .schema(let rest) = sub.additional {
                push(rest, its, path)
            } else if sub.required.contains(name), let whole = sub.node {
                // It is there, and nothing is said of what it is.
                push([SchemaNode(pointer: whole.pointer, variant: "anything", tree: Self.anything(whole))], its, path)
            } else if !isRequest, !sup.required.contains(name) {
                report(
                    "property-removed", item, "\(new) has no property '\(ReportText.line(name))'",
                    Shown(node: sub.node, text: nil), Shown(node: its.first, text: name), path: path)
            }
        }
        for (name, mine) in sub.properties.sorted(by: { $0.key < $1.key }) where sup.properties[name] == nil {
            if isOneWay(mine, subSource) { continue }
            checkUnnamed(name, mine, sub, sup, item)
        }
        checkAdditional(sub, sup, item)
    }

    private mutating func checkRequired(_ sub: SchemaShape, _ sup: SchemaShape, _ item: Item) {
        for name in sup.required.subtracting(sub.required).sorted() {
            if let its = sup.properties[name], isOneWay(its, supSource) { continue }
            let shown = ReportText.line(name)
            let path = item.path + ".\(shown)"
            let its = Shown(node: sup.properties[name]?.first ?? sup.owner(of: "required"), text: "required")
            if let mine = sub.properties[name] {
                report(
                    isRequest ? "property-became-required" : "property-became-optional", item,
                    isRequest
                        ? "\(new) requires '\(shown)', which \(old) may leave out"
                        : "\(new) may leave out '\(shown)', which \(old) always expects",
                    Shown(node: mine.first, text: "optional"), its, path: path)
            } else {
                report(
                    isRequest ? "required-property-added" : "property-removed", item,
                    isRequest
                        ? "\(new) requires '\(shown)', which \(old) does not send"
                        : "\(new) has no property '\(shown)'",
                    Shown(node: sub.node, text: nil), its, path: path)
            }
        }
    }

    /// A property of `sub` that `sup` does not name.
    private mutating func checkUnnamed(
        _ name: String, _ mine: [SchemaNode], _ sub: SchemaShape, _ sup: SchemaShape, _ item: Item
    ) {
        let shown = ReportText.line(name)
        let path = item.path + ".\(shown)"
        switch sup.additional {
        case .schema(let rest): push(mine, rest, path)
        case .open: break
        case .closed:
            report(
                isRequest ? "property-removed" : "property-added", item,
                isRequest
                    ? "\(new) does not take '\(shown)'"
                    : "\(new) may send '\(shown)', and \(old) takes no properties but those it names",
                Shown(node: mine.first, text: shown), .keyword("additionalProperties", sup), path: path)
        case .unsaid:
            // An object that names no properties is one for all; one that names some does not know this one.
            guard isRequest, !sup.properties.isEmpty, sup.unions.isEmpty else { return }
            report(
                "property-removed", item, "\(new) does not know '\(shown)', which \(old) sends",
                Shown(node: mine.first, text: shown), Shown(node: sup.node, text: nil), path: path)
        }
    }

    private mutating func checkAdditional(_ sub: SchemaShape, _ sup: SchemaShape, _ item: Item) {
        switch (sub.additional, sup.additional) {
        case (.open, .closed), (.schema, .closed):
            report(
                "additional-properties-refused", item,
                isRequest
                    ? "\(new) takes no properties but those it names, \(old) may send others"
                    : "\(new) may send any properties, \(old) takes only those it names",
                .keyword("additionalProperties", sub), .keyword("additionalProperties", sup))
        case (.schema(let mine), .schema(let its)): push(mine, its, item.path + ".*")
        case (.open, .schema(let its)): pushOrAny([], its, item.path + ".*", item)
        case (.unsaid, .schema(let its)) where sub.properties.isEmpty:
            pushOrAny([], its, item.path + ".*", item)
        default: break
        }
    }

    /// Properties that only answers have are not in requests, and the other way round.
    private func isOneWay(_ schema: [SchemaNode], _ source: SchemaSource) -> Bool {
        let word = isRequest ? "readOnly" : "writeOnly"
        return schema.contains { node in
            node.isTrue(word) || (node.text("$ref") != nil && source.followed(node)?.isTrue(word) == true)
        }
    }
}
