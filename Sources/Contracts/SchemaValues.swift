// Types, enumerations, limits, formats and patterns of two schemas.
import BuildEngine

extension SchemaComparison {
    mutating func checkTypes(_ sub: SchemaShape, _ sup: SchemaShape, _ item: Item, isUnion: Bool) {
        let extra = sub.types.subtracting(sup.types)
        if extra.isEmpty || isUnion { return }
        let message: String
        let kind: String
        if sub.types.isDisjoint(with: sup.types) {
            kind = "type-changed"
            message =
                isRequest
                ? "\(old) sends \(sub.types.shown), \(new) takes \(sup.types.shown)"
                : "\(new) sends \(sub.types.shown), \(old) expects \(sup.types.shown)"
        } else if extra == .null {
            kind = isRequest ? "null-refused" : "became-nullable"
            message =
                isRequest ? "\(new) does not take null, which \(old) may send" : "\(new) may send null"
        } else {
            kind = isRequest ? "type-narrowed" : "type-widened"
            message =
                isRequest
                ? "\(new) takes only \(sup.types.shown), and \(old) may send \(sub.types.shown)"
                : "\(new) may send \(sub.types.shown), and \(old) expects \(sup.types.shown)"
        }
        report(kind, item, message, .of(sub), .of(sup))
    }

    mutating func checkValues(_ sub: SchemaShape, _ sup: SchemaShape, _ item: Item) {
        guard let allowed = sup.values else { return }
        let allowedShown = Shown(node: sup.owner(of: "enum") ?? sup.owner(of: "const"), text: Self.list(allowed))
        let common = sub.types.intersection(sup.types)
        var values = sub.values
        if values == nil, common == .boolean || common == [.boolean, .null] {
            var both: [[UInt8]: JSONTree] = [:]
            for value in [JSONTree(.bool(true)), JSONTree(.bool(false))] { both[SchemaShape.key(value)] = value }
            values = both
        }
        guard let values else {
            if common.isEmpty || common == .null { return }
            report(
                isRequest ? "enum-added" : "enum-dropped", item,
                isRequest
                    ? "\(new) takes only certain values, \(old) may send others"
                    : "\(new) may send any value, \(old) knows only certain ones",
                Shown(node: sub.node, text: sub.types.shown), allowedShown)
            return
        }
        let extra = values.filter { allowed[$0.key] == nil && !SchemaTypes.of($0.value).isDisjoint(with: common) }
        if extra.isEmpty { return }
        let listed = Self.list(extra)
        report(
            isRequest ? "enum-value-removed" : "enum-value-added", item,
            isRequest ? "\(new) does not take \(listed)" : "\(new) may send \(listed), which \(old) does not know",
            Shown(node: sub.owner(of: "enum") ?? sub.owner(of: "const") ?? sub.node, text: Self.list(values)),
            allowedShown)
    }

    static func list(_ values: [[UInt8]: JSONTree]) -> String {
        let sorted = values.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { $0.value.text(pretty: false) }
        return short(sorted.joined(separator: ", "))
    }

    // MARK: Limits

    private static let lower: [(word: String, types: SchemaTypes)] = [
        ("minimum", .number), ("minLength", .string), ("minItems", .array), ("minProperties", .object),
    ]
    private static let upper: [(word: String, types: SchemaTypes)] = [
        ("maximum", .number), ("maxLength", .string), ("maxItems", .array), ("maxProperties", .object),
    ]

    mutating func checkLimits(_ sub: SchemaShape, _ sup: SchemaShape, _ item: Item) {
        let common = sub.types.intersection(sup.types)
        for (words, isLower) in [(Self.lower, true), (Self.upper, false)] {
            for (word, types) in words where !types.isDisjoint(with: common) {
                checkBound(word, isLower, sub, sup, item)
            }
        }
        if common.contains(.string) { checkPatterns(sub, sup, item) }
        if !common.isDisjoint(with: [.string, .number]) { checkFormats(sub, sup, item) }
        if !common.isDisjoint(with: .number) { checkMultiples(sub, sup, item) }
    }

    /// A limit of 0 from below limits no length.
    private mutating func checkBound(
        _ word: String, _ isLower: Bool, _ sub: SchemaShape, _ sup: SchemaShape, _ item: Item
    ) {
        guard let limit = sup.bounds[word] else { return }
        if isLower, word != "minimum", limit.number.digits.isEmpty { return }
        let isKept: Bool
        if let values = sub.values {
            isKept = values.values.allSatisfy { Self.holds($0, word, limit, isLower) }
        } else if let own = sub.bounds[word] {
            isKept = !limit.isTighter(than: own, isLower: isLower)
        } else {
            isKept = word == "minProperties" && sub.required.count >= (Int(limit.node.tree.text(pretty: false)) ?? .max)
        }
        if isKept { return }
        let other = Shown(
            node: sub.bounds[word]?.node ?? sub.node, text: sub.bounds[word]?.node.tree.text(pretty: false))
        let its = Shown(node: limit.node, text: limit.node.tree.text(pretty: false))
        let number = limit.node.tree.text(pretty: false)
        report(
            isRequest ? "range-narrowed" : "range-widened", item,
            isRequest
                ? "\(new) has '\(word)' \(number), which \(old) does not keep to"
                : "\(old) counts on '\(word)' \(number), which \(new) does not keep to", other, its)
    }

    private static func holds(_ value: JSONTree, _ word: String, _ limit: SchemaShape.Bound, _ isLower: Bool) -> Bool {
        let number: JSONNumber
        switch (value.content, word) {
        case (.number(let text), "minimum"), (.number(let text), "maximum"): number = JSONNumber(text)
        case (.string(let text), "minLength"), (.string(let text), "maxLength"):
            number = JSONNumber("\(text.unicodeScalars.count)")
        case (.array(let list), "minItems"), (.array(let list), "maxItems"): number = JSONNumber("\(list.count)")
        case (.object(let members), "minProperties"), (.object(let members), "maxProperties"):
            number = JSONNumber("\(members.count)")
        default: return true
        }
        if number.isSameValue(as: limit.number) { return !limit.isExclusive }
        return limit.number.isLess(than: number) == isLower
    }

    private mutating func checkPatterns(_ sub: SchemaShape, _ sup: SchemaShape, _ item: Item) {
        guard !sup.patterns.isSubset(of: sub.patterns) else { return }
        let isOpen = sub.patterns.isEmpty && sub.values == nil && sub.formats.isEmpty
        report(
            "pattern-changed", item,
            isOpen
                ? (isRequest
                    ? "\(new) takes only texts of a pattern" : "\(old) counts on a pattern, which \(new) has not")
                : "whether all texts have the pattern cannot be told", .keyword("pattern", sub),
            .keyword("pattern", sup), isCertain: isOpen)
    }

    /// Narrower format → those that hold all its values.
    private static let wider: [String: Set<String>] = [
        "int8": ["int16", "int32", "int64", "float", "double"], "int16": ["int32", "int64", "float", "double"],
        "int32": ["int64", "double"], "float": ["double"], "uri": ["uri-reference", "iri", "iri-reference"],
        "email": ["idn-email"], "hostname": ["idn-hostname"], "uint8": ["int16", "int32", "int64"],
        "uint16": ["int32", "int64"], "uint32": ["int64"],
    ]

    private mutating func checkFormats(_ sub: SchemaShape, _ sup: SchemaShape, _ item: Item) {
        for format in sup.formats.sorted() where !sub.formats.contains(format) {
            if sub.formats.contains(where: { Self.wider[$0]?.contains(format) ?? false }) { continue }
            let isSaid = !sub.formats.isEmpty
            report(
                "format-changed", item,
                isSaid
                    ? "the format is not '\(format)' on both sides"
                    : "'\(format)' is expected, and whether it is kept to is not said",
                .keyword("format", sub), .keyword("format", sup), isCertain: isSaid)
        }
    }

    private mutating func checkMultiples(_ sub: SchemaShape, _ sup: SchemaShape, _ item: Item) {
        for multiple in sup.multiples {
            if multiple.isSameValue(as: JSONNumber("1")), !sub.types.contains(.fraction) { continue }
            if sub.multiples.contains(where: { $0.isSameValue(as: multiple) || $0.isWholeMultiple(of: multiple) }) {
                continue
            }
            report(
                "range-\(isRequest ? "narrowed" : "widened")", item, "not every number is the multiple it must be",
                .keyword("multipleOf", sub), .keyword("multipleOf", sup), isCertain: sub.values == nil)
        }
    }
}

extension JSONNumber {
    /// Of whole numbers that fit; false where it cannot be told.
    fileprivate func isWholeMultiple(of other: JSONNumber) -> Bool {
        guard let mine = small, let its = other.small, its != 0 else { return false }
        return mine.isMultiple(of: its)
    }

    private var small: Int? {
        guard isIntegral, exponent <= 18 else { return nil }
        let zeros = String(repeating: "0", count: max(0, exponent - digits.count))
        return digits.isEmpty ? 0 : Int(String(decoding: digits, as: UTF8.self) + zeros)
    }
}
