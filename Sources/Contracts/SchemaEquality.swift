// Whether two schemas of two documents say the same, spelling and words for people aside. Does not know which of two schemas
// that differ takes more.
import BuildEngine

struct SchemaEquality {
    let left: SchemaSource
    let right: SchemaSource
    private var seen: Set<String> = []

    private static let words: Set<String> = [
        "description", "summary", "title", "example", "examples", "externalDocs", "deprecated", "$comment", "xml",
        "default", "$id", "$schema", "$anchor",
    ]
    private static let sets: Set<String> = ["required", "enum", "type"]

    init(_ left: SchemaSource, _ right: SchemaSource) {
        self.left = left
        self.right = right
    }

    /// False also where it would take too long to tell.
    mutating func isSame(_ one: SchemaNode, _ other: SchemaNode, depth: Int = 0) -> Bool {
        if depth > 120 || seen.count > 20_000 { return false }
        guard let one = resolved(one, left), let other = resolved(other, right) else {
            return one.text("$ref") != nil && one.text("$ref") == other.text("$ref")
        }
        // What is assumed of a schema inside itself holds where it holds everywhere else.
        guard seen.insert(one.identity + "\u{1}" + other.identity).inserted else { return true }
        switch (one.tree.content, other.tree.content) {
        case (.object, .object):
            let mine = members(one)
            let others = members(other)
            guard mine.count == others.count else { return false }
            return zip(mine, others).allSatisfy { pair in
                guard pair.0.name.isSame(as: pair.1.name) else { return false }
                if Self.sets.contains(pair.0.name), let list = pair.0.node.tree.elements,
                    let otherList = pair.1.node.tree.elements
                {
                    return Set(list.map(SchemaShape.key)) == Set(otherList.map(SchemaShape.key))
                }
                return isSame(pair.0.node, pair.1.node, depth: depth + 1)
            }
        case (.array(let list), .array(let otherList)):
            guard list.count == otherList.count else { return false }
            return zip(one.elements, other.elements).allSatisfy { isSame($0, $1, depth: depth + 1) }
        default: return SchemaShape.key(one.tree) == SchemaShape.key(other.tree)
        }
    }

    private func resolved(_ node: SchemaNode, _ source: SchemaSource) -> SchemaNode? {
        // A reference with something beside it is more than what it names.
        let isPlain = node.tree.members?.allSatisfy { $0.name == "$ref" || Self.words.contains($0.name) } ?? false
        return isPlain && node.text("$ref") != nil ? source.followed(node) : node
    }

    private func members(_ node: SchemaNode) -> [(name: String, node: SchemaNode)] {
        // Properties may be called like words for people.
        let isMap = node.pointer.hasSuffix("/properties") || node.pointer.hasSuffix("/mapping")
        return node.members.filter { isMap || !Self.words.contains($0.name) }
            .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }
}
