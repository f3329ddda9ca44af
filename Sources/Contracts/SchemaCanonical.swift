// OpenAPI 3 and JSON Schema documents as what they demand: words for people are left out, and lists whose order means
// nothing are sorted. Does not check that a document is a valid one beyond its outline.
import BuildEngine
import BuildGraph

enum OpenAPIDocument {
    /// Nil where the document is no OpenAPI one.
    static func digest(of tree: JSONTree) throws(ContractReadError) -> Digest? {
        guard tree.members != nil, let version = tree.member("openapi") else { return nil }
        guard let text = version.text, text.hasPrefix("3.") else {
            throw ContractReadError(
                "this version of OpenAPI is not supported", expected: "\"openapi\": \"3.…\"",
                at: version.range.lowerBound)
        }
        let parts = ["paths", "webhooks", "components"].compactMap { tree.member($0) }
        guard !parts.isEmpty else {
            throw ContractReadError(
                "the document describes nothing", expected: "paths, webhooks or components", at: tree.range.lowerBound)
        }
        for part in parts where part.members == nil {
            throw ContractReadError("a part of the document is no object", expected: "{…}", at: part.range.lowerBound)
        }
        var bytes = CanonicalBytes()
        // 3.0.1 and 3.0.3 describe the same.
        bytes.field(text.parts(separatedBy: UInt8(ascii: ".")).prefix(2).joined(separator: "."))
        let demands = (tree.members ?? []).filter { !["openapi", "info"].contains($0.name) }
        bytes.json(SchemaCanonical.normal(JSONTree(.object(demands)), .description))
        return ContractHasher.digest(domain: ContractHasher.openAPI, bytes.bytes)
    }
}

enum JSONSchemaDocument {
    /// Nil where the document is no JSON Schema: it has no `$schema` of json-schema.org.
    static func digest(of tree: JSONTree) -> Digest? {
        guard let schema = tree.member("$schema")?.text, schema.holds("json-schema.org") else { return nil }
        var bytes = CanonicalBytes()
        bytes.json(SchemaCanonical.normal(tree, .description))
        return ContractHasher.digest(domain: ContractHasher.jsonSchema, bytes.bytes)
    }
}

enum SchemaCanonical {
    enum Role {
        /// An object whose members are words of the format.
        case description
        /// An object whose members' names someone chose: properties, paths, responses.
        case names
        /// A value that is data: a default, an enumeration.
        case data
    }

    /// For people or tools, not on the wire.
    private static let words: Set<String> = [
        "description", "summary", "title", "example", "examples", "externalDocs", "tags", "deprecated", "$comment",
    ]
    private static let nameMaps: Set<String> = [
        "properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "paths", "webhooks", "schemas",
        "responses", "headers", "content", "callbacks", "links", "securitySchemes", "requestBodies", "pathItems",
        "encoding", "variables", "parameters", "examples",
    ]
    private static let data: Set<String> = [
        "default", "const", "enum", "required", "dependentRequired", "mapping", "scopes", "security", "type",
    ]
    /// Arrays that are sets.
    private static let sets: Set<String> = [
        "required", "enum", "type", "oneOf", "anyOf", "allOf", "parameters", "security",
    ]

    static func normal(_ tree: JSONTree, _ role: Role) -> JSONTree {
        switch (tree.content, role) {
        case (_, .data): return tree
        case (.object(let members), .names):
            return JSONTree(
                .object(members.map { JSONTree.Member(name: $0.name, value: normal($0.value, .description)) }))
        case (.object(let members), .description):
            return JSONTree(.object(members.filter { !words.contains($0.name) }.map(member)))
        case (.array(let elements), _):
            return JSONTree(.array(elements.map { normal($0, .description) }))
        default: return tree
        }
    }

    private static func member(_ member: JSONTree.Member) -> JSONTree.Member {
        let isMap = nameMaps.contains(member.name) && member.value.members != nil
        let role: Role = data.contains(member.name) ? .data : isMap ? .names : .description
        var value = normal(member.value, role)
        if sets.contains(member.name), let elements = value.elements {
            let sorted = elements.map { element in
                var bytes = CanonicalBytes()
                bytes.json(element)
                return (bytes: bytes.bytes, tree: element)
            }.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
            value = JSONTree(.array(sorted.map(\.tree)))
        }
        return JSONTree.Member(name: member.name, value: value)
    }
}
