// A document whose parts name each other by `$ref`: parts with their JSON pointers, references followed, lines. Knows how a
// schema must look, does not compare any.
import BuildEngine

/// A part of a document.
struct SchemaNode: Sendable {
    let pointer: String
    /// How it differs from what stands at the pointer; empty: in nothing.
    var variant = ""
    let tree: JSONTree
    /// Where its name stands, or else itself.
    let offset: Int

    init(pointer: String, variant: String = "", tree: JSONTree, start: Int? = nil) {
        self.pointer = pointer
        self.variant = variant
        self.tree = tree
        offset = start ?? tree.range.lowerBound
    }

    /// The same for two nodes exactly when they are the same.
    var identity: String { variant.isEmpty ? pointer : pointer + "\u{0}" + variant }

    func member(_ name: String) -> SchemaNode? {
        guard let member = tree.members?.first(where: { $0.name.isSame(as: name) }) else { return nil }
        return SchemaNode(pointer: pointer + "/" + SchemaNode.escaped(name), tree: member.value, start: member.offset)
    }

    /// The members of an object with their names; none of anything else. A name that stands twice counts once.
    var members: [(name: String, node: SchemaNode)] {
        var seen: Set<[UInt8]> = []
        return (tree.members ?? []).compactMap { member in
            guard seen.insert(Array(member.name.utf8)).inserted else { return nil }
            return (
                member.name,
                SchemaNode(
                    pointer: pointer + "/" + SchemaNode.escaped(member.name), tree: member.value, start: member.offset)
            )
        }
    }

    var elements: [SchemaNode] {
        (tree.elements ?? []).enumerated().map { SchemaNode(pointer: "\(pointer)/\($0)", tree: $1) }
    }

    func text(_ name: String) -> String? { tree.member(name)?.text }

    func isTrue(_ name: String) -> Bool {
        if case .bool(true)? = tree.member(name)?.content { true } else { false }
    }

    private static func escaped(_ name: String) -> String {
        var text: [UInt8] = []
        for byte in name.utf8 {
            switch byte {
            case UInt8(ascii: "~"): text += "~0".utf8
            case UInt8(ascii: "/"): text += "~1".utf8
            default: text.append(byte)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}

/// A document that schemas are looked up in.
struct SchemaSource: Sendable {
    let name: String
    let root: SchemaNode
    private let lines: LineTable
    /// `$id` and `$anchor` of subschemas of a JSON Schema → their pointers.
    private let anchors: [String: String]

    init(_ tree: JSONTree, bytes: [UInt8], name: String) {
        self.name = name
        root = SchemaNode(pointer: "", tree: tree)
        lines = LineTable(bytes)
        var anchors: [String: String] = [:]
        Self.findAnchors(root, &anchors, depth: 0)
        self.anchors = anchors
    }

    func line(_ node: SchemaNode) -> Int { lines.line(at: node.offset) }

    private static func findAnchors(_ node: SchemaNode, _ found: inout [String: String], depth: Int) {
        if depth > 200 { return }
        if let anchor = node.text("$anchor") { found["#" + anchor] = node.pointer }
        if let id = node.text("$id") { found[id] = node.pointer }
        for (_, child) in node.members { findAnchors(child, &found, depth: depth + 1) }
        for child in node.elements { findAnchors(child, &found, depth: depth + 1) }
    }

    /// What a reference names.
    enum Target {
        case node(SchemaNode)
        /// Another file, or somewhere on the network.
        case outside
        case nowhere
    }

    func resolve(_ reference: String) -> Target {
        if let pointer = anchors[reference] { return node(at: pointer).map(Target.node) ?? .nowhere }
        if let id = root.text("$id"), reference.hasPrefix(id + "#") {
            return resolve(String(reference.dropFirst(id.count)))
        }
        guard reference.hasPrefix("#") else { return .outside }
        let pointer = Self.unescapedPercent(String(reference.dropFirst()))
        return node(at: pointer).map(Target.node) ?? .nowhere
    }

    private func node(at pointer: String) -> SchemaNode? {
        if pointer.isEmpty { return root }
        guard pointer.hasPrefix("/") else { return nil }
        var node = root
        for part in pointer.parts(separatedBy: UInt8(ascii: "/")).dropFirst() {
            let name = Self.unescaped(part)
            if let member = node.member(name) {
                node = member
            } else if let index = Int(name), let elements = node.tree.elements, elements.indices.contains(index) {
                node = node.elements[index]
            } else {
                return nil
            }
        }
        return node
    }

    private static func unescaped(_ part: String) -> String {
        var text: [UInt8] = []
        var bytes = Array(part.utf8)[...]
        while let byte = bytes.popFirst() {
            if byte == UInt8(ascii: "~"), let next = bytes.first, next == 0x30 || next == 0x31 {
                bytes.removeFirst()
                text.append(next == 0x30 ? UInt8(ascii: "~") : UInt8(ascii: "/"))
            } else {
                text.append(byte)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func unescapedPercent(_ part: String) -> String {
        guard part.utf8.contains(UInt8(ascii: "%")) else { return part }
        var text: [UInt8] = []
        let bytes = Array(part.utf8)
        var place = 0
        while place < bytes.count {
            if bytes[place] == UInt8(ascii: "%"), place + 2 < bytes.count, let high = bytes[place + 1].hexValue,
                let low = bytes[place + 2].hexValue
            {
                text.append(high << 4 | low)
                place += 3
            } else {
                text.append(bytes[place])
                place += 1
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// `node`, or what its `$ref`s lead to; nil where they lead outside or round and round.
    func followed(_ node: SchemaNode) -> SchemaNode? {
        var node = node
        for _ in 0..<32 {
            guard let reference = node.text("$ref") else { return node }
            guard case .node(let next) = resolve(reference) else { return nil }
            node = next
        }
        return nil
    }
}

// MARK: - How schemas must look

extension SchemaSource {
    private static let types: Set<String> = ["null", "boolean", "object", "array", "number", "string", "integer"]
    private static let schemaMaps = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"]
    private static let schemaLists = ["allOf", "anyOf", "oneOf", "prefixItems"]
    private static let schemas = [
        "items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames",
        "unevaluatedProperties", "unevaluatedItems", "additionalItems",
    ]
    private static let numbers = [
        "minimum", "maximum", "multipleOf", "minLength", "maxLength", "minItems", "maxItems", "minProperties",
        "maxProperties",
    ]

    /// Throws where the schema at `node` is none, here or in what is written inside it.
    func checkSchema(_ node: SchemaNode) throws(ContractReadError) {
        if case .bool = node.tree.content { return }
        guard node.tree.members != nil else { throw error("this is no schema", "{…}, true or false", node) }
        try checkReference(node)
        try checkType(node)
        for name in Self.schemaMaps {
            guard let map = node.member(name) else { continue }
            guard map.tree.members != nil else { throw error("'\(name)' is no object", "{\"name\": schema}", map) }
            for (_, schema) in map.members { try checkSchema(schema) }
        }
        for name in Self.schemaLists {
            guard let list = node.member(name) else { continue }
            guard let elements = list.tree.elements, !elements.isEmpty else {
                throw error("'\(name)' is no list of schemas", "[schema, …]", list)
            }
            for schema in list.elements { try checkSchema(schema) }
        }
        for name in Self.schemas {
            guard let schema = node.member(name) else { continue }
            if name == "items", schema.tree.elements != nil {
                for element in schema.elements { try checkSchema(element) }
            } else {
                try checkSchema(schema)
            }
        }
        for name in Self.numbers {
            guard let number = node.member(name) else { continue }
            guard case .number(let text) = number.tree.content, Double(text)?.isFinite == true else {
                throw error("'\(name)' is no number", "a number", number)
            }
        }
    }

    private func checkType(_ node: SchemaNode) throws(ContractReadError) {
        if let type = node.member("type") {
            let names = type.tree.elements.map { _ in type.elements } ?? [type]
            for name in names where !(name.tree.text.map(Self.types.contains) ?? false) {
                throw error(
                    "\(name.tree.text.map { "'\($0)'" } ?? "this") is no type",
                    "one of \(Self.types.sorted().joined(separator: ", "))", name)
            }
        }
        if let values = node.member("enum"), values.tree.elements == nil {
            throw error("'enum' is no list", "[value, …]", values)
        }
        if let required = node.member("required") {
            // `required: true` on a schema is a common slip of old documents, and means nothing there.
            if case .bool = required.tree.content { return }
            guard let names = required.tree.elements, names.allSatisfy({ $0.text != nil }) else {
                throw error("'required' is no list of names", "[\"name\", …]", required)
            }
        }
    }

    func checkReference(_ node: SchemaNode) throws(ContractReadError) {
        guard let reference = node.member("$ref") else { return }
        guard let text = reference.tree.text else {
            throw error("a reference is no text", "\"#/…\"", reference)
        }
        if case .nowhere = resolve(text) {
            throw error("'\(text)' leads nowhere", "a part of this document", reference)
        }
    }

    func error(_ message: String, _ expected: String?, _ node: SchemaNode) -> ContractReadError {
        ContractReadError(message, expected: expected, at: node.tree.range.lowerBound)
    }
}
