// What a schema asks of a value, with references followed and `allOf` drawn together. Does not compare.
import BuildEngine

/// JSON's types, numbers apart by whether they are whole.
struct SchemaTypes: OptionSet, Sendable, Hashable {
    let rawValue: Int

    static let null = SchemaTypes(rawValue: 1)
    static let boolean = SchemaTypes(rawValue: 2)
    static let object = SchemaTypes(rawValue: 4)
    static let array = SchemaTypes(rawValue: 8)
    static let string = SchemaTypes(rawValue: 16)
    static let integer = SchemaTypes(rawValue: 32)
    static let fraction = SchemaTypes(rawValue: 64)
    static let number: SchemaTypes = [.integer, .fraction]
    static let all = SchemaTypes(rawValue: 127)

    /// Those that are told apart, as JSON Schema calls them.
    static let named: [(types: SchemaTypes, name: String)] = [
        (.null, "null"), (.boolean, "boolean"), (.object, "object"), (.array, "array"), (.string, "string"),
        (.number, "number"),
    ]

    static func of(_ name: String) -> SchemaTypes {
        switch name {
        case "null": .null
        case "boolean": .boolean
        case "object": .object
        case "array": .array
        case "string": .string
        case "integer": .integer
        case "number": .number
        default: []
        }
    }

    static func of(_ value: JSONTree) -> SchemaTypes {
        switch value.content {
        case .object: .object
        case .array: .array
        case .string: .string
        case .bool: .boolean
        case .null: .null
        case .number(let text):
            JSONNumber(text).isIntegral ? .integer : .fraction
        }
    }

    var shown: String {
        if self == .all { return "any type" }
        var names = Self.named.dropLast().filter { contains($0.types) }.map(\.name)
        if contains(.fraction) { names.append("number") } else if contains(.integer) { names.append("integer") }
        return names.isEmpty ? "no type" : names.joined(separator: " or ")
    }
}

/// What several schemas ask together.
struct SchemaShape: Sendable {
    /// What properties may be there that are not named.
    enum Additional: Sendable {
        /// Nothing is said.
        case unsaid
        case open
        case closed
        case schema([SchemaNode])
    }

    struct Union: Sendable {
        /// The schema that has it.
        let owner: SchemaNode
        /// `oneOf` or `anyOf`.
        let word: String
        let alternatives: [SchemaNode]
        let hasDiscriminator: Bool
    }

    struct Bound: Sendable {
        let number: JSONNumber
        let isExclusive: Bool
        let node: SchemaNode
    }

    /// The schemas, none of them only a reference.
    private(set) var nodes: [SchemaNode] = []
    /// No value does.
    private(set) var isNever = false
    private(set) var types = SchemaTypes.all
    /// By canonical bytes; nil: any value.
    private(set) var values: [[UInt8]: JSONTree]?
    private(set) var formats: Set<String> = []
    private(set) var patterns: Set<String> = []
    /// By keyword, the tightest.
    private(set) var bounds: [String: Bound] = [:]
    private(set) var multiples: [JSONNumber] = []
    private(set) var hasUniqueItems = false
    private(set) var properties: [String: [SchemaNode]] = [:]
    private(set) var required: Set<String> = []
    private(set) var additional = Additional.unsaid
    private(set) var items: [SchemaNode] = []
    private(set) var prefix: [[SchemaNode]] = []
    private(set) var unions: [Union] = []
    /// Keywords that comparing does not understand, and who has them.
    private(set) var opaque: [(word: String, node: SchemaNode)] = []
    /// References that cannot be followed.
    private(set) var unresolved: [SchemaNode] = []

    static let opaqueWords = [
        "not", "if", "contains", "propertyNames", "patternProperties", "dependentRequired", "dependentSchemas",
        "dependencies", "unevaluatedProperties", "unevaluatedItems", "$dynamicRef", "$recursiveRef", "contentEncoding",
    ]

    init(_ start: [SchemaNode], in source: SchemaSource) {
        var open = Array(start.reversed())
        var seen: Set<String> = []
        while let node = open.popLast() {
            guard seen.insert(node.identity).inserted else { continue }
            if case .bool(let value) = node.tree.content {
                if !value { isNever = true }
                continue
            }
            if let reference = node.text("$ref") {
                switch source.resolve(reference) {
                case .node(let target): open.append(target)
                case .outside, .nowhere: unresolved.append(node)
                }
            }
            for part in node.member("allOf")?.elements ?? [] { open.append(part) }
            nodes.append(node)
            take(node)
            for word in ["oneOf", "anyOf"] {
                guard let list = node.member(word)?.elements, !list.isEmpty else { continue }
                if list.count == 1 {
                    open.append(list[0])
                } else {
                    unions.append(
                        Union(
                            owner: node, word: word, alternatives: list,
                            hasDiscriminator: node.member("discriminator") != nil))
                }
            }
        }
        if let values {
            types.formIntersection(values.values.reduce(into: []) { $0.formUnion(SchemaTypes.of($1)) })
        }
        if types.isEmpty { isNever = true }
    }

    /// The first of its schemas: what errors point at.
    var node: SchemaNode? { nodes.first { $0.text("$ref") == nil } ?? nodes.first }

    /// The schemas without what led from one to the other: together they say the same, and lead nowhere.
    var flat: [SchemaNode] {
        nodes.map { node in
            let members = (node.tree.members ?? []).filter { member in
                switch member.name {
                case "$ref", "allOf": false
                case "oneOf", "anyOf": (member.value.elements?.count ?? 0) > 1
                default: true
                }
            }
            return SchemaNode(
                pointer: node.pointer, variant: node.variant.hasPrefix("flat") ? node.variant : "flat" + node.variant,
                tree: JSONTree(.object(members), range: node.tree.range))
        }
    }

    /// The schema that has the keyword.
    func owner(of word: String) -> SchemaNode? { nodes.lazy.compactMap { $0.member(word) }.first }

    private mutating func take(_ node: SchemaNode) {
        takeTypes(node)
        takeValues(node)
        if let format = node.text("format") { formats.insert(format) }
        if let pattern = node.text("pattern") { patterns.insert(pattern) }
        takeBounds(node)
        takeObject(node)
        if node.isTrue("uniqueItems") { hasUniqueItems = true }
        if let list = node.member("items") {
            if list.tree.elements != nil { takePrefix(list.elements) } else { items.append(list) }
        }
        if let list = node.member("prefixItems") { takePrefix(list.elements) }
        for word in Self.opaqueWords where node.member(word) != nil { opaque.append((word, node)) }
    }

    private mutating func takePrefix(_ list: [SchemaNode]) {
        for (index, schema) in list.enumerated() {
            if index < prefix.count { prefix[index].append(schema) } else { prefix.append([schema]) }
        }
    }

    private mutating func takeTypes(_ node: SchemaNode) {
        var own: SchemaTypes = []
        if let type = node.member("type") {
            for name in type.tree.elements ?? [type.tree] { own.formUnion(.of(name.text ?? "")) }
            if node.isTrue("nullable") { own.formUnion(.null) }
        } else if ["properties", "additionalProperties"].contains(where: { node.member($0) != nil }) {
            // Nobody who lists properties means a number by it.
            own = .object
        } else if node.member("items") != nil {
            own = .array
        } else {
            return
        }
        types.formIntersection(own)
    }

    private mutating func takeValues(_ node: SchemaNode) {
        var own: [JSONTree]?
        if let list = node.member("enum")?.tree.elements {
            own = list
            if node.isTrue("nullable") { own?.append(JSONTree(.null)) }
        }
        if let value = node.member("const")?.tree {
            own = own.map { list in list.filter { Self.key($0) == Self.key(value) } } ?? [value]
        }
        guard let own else { return }
        let keyed = Dictionary(own.map { (Self.key($0), $0) }) { first, _ in first }
        values = values.map { $0.filter { keyed[$0.key] != nil } } ?? keyed
    }

    static func key(_ value: JSONTree) -> [UInt8] {
        var bytes = CanonicalBytes()
        bytes.json(value)
        return bytes.bytes
    }

    private static let lower = ["minimum", "minLength", "minItems", "minProperties"]
    private static let upper = ["maximum", "maxLength", "maxItems", "maxProperties"]

    private mutating func takeBounds(_ node: SchemaNode) {
        for (words, isLower) in [(Self.lower, true), (Self.upper, false)] {
            for word in words {
                guard let member = node.member(word), case .number(let text) = member.tree.content else { continue }
                let exclusive = word == "minimum" ? "exclusiveMinimum" : "exclusiveMaximum"
                let isExclusive = (word == "minimum" || word == "maximum") && node.isTrue(exclusive)
                tighten(word, Bound(number: JSONNumber(text), isExclusive: isExclusive, node: member), isLower)
            }
        }
        for (word, name) in [("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")] {
            guard let member = node.member(name), case .number(let text) = member.tree.content else { continue }
            tighten(word, Bound(number: JSONNumber(text), isExclusive: true, node: member), word == "minimum")
        }
        if case .number(let text)? = node.member("multipleOf")?.tree.content { multiples.append(JSONNumber(text)) }
    }

    private mutating func tighten(_ word: String, _ bound: Bound, _ isLower: Bool) {
        guard let old = bounds[word] else {
            bounds[word] = bound
            return
        }
        if bound.isTighter(than: old, isLower: isLower) { bounds[word] = bound }
    }

    private mutating func takeObject(_ node: SchemaNode) {
        for (name, schema) in node.member("properties")?.members ?? [] {
            properties[name, default: []].append(schema)
        }
        for name in node.member("required")?.tree.elements ?? [] {
            if let text = name.text { required.insert(text) }
        }
        guard let schema = node.member("additionalProperties") else { return }
        switch (schema.tree.content, additional) {
        case (.bool(false), _), (_, .closed): additional = .closed
        case (.bool(true), .unsaid): additional = .open
        case (.bool, _): break
        case (_, .schema(let earlier)): additional = .schema(earlier + [schema])
        case (.object(let members), .unsaid) where members.isEmpty: additional = .open
        default: additional = .schema([schema])
        }
    }
}

extension SchemaShape.Bound {
    func isTighter(than other: SchemaShape.Bound, isLower: Bool) -> Bool {
        if number.isSameValue(as: other.number) { return isExclusive && !other.isExclusive }
        return other.number.isLess(than: number) == isLower
    }
}

extension JSONNumber {
    /// 3 and 3.0.
    var isIntegral: Bool { digits.isEmpty || exponent >= digits.count }

    func isSameValue(as other: JSONNumber) -> Bool {
        isNegative == other.isNegative && digits == other.digits && exponent == other.exponent
    }

    func isLess(than other: JSONNumber) -> Bool {
        if isNegative != other.isNegative { return isNegative }
        return isNegative ? other.isSmaller(than: self) : isSmaller(than: other)
    }

    /// Without regard to signs.
    private func isSmaller(than other: JSONNumber) -> Bool {
        if digits.isEmpty || other.digits.isEmpty { return digits.isEmpty && !other.digits.isEmpty }
        if exponent != other.exponent { return exponent < other.exponent }
        return digits.lexicographicallyPrecedes(other.digits)
    }
}
