// The generators of a pact: where an example is replaced by a fresh value before it is sent. Read here, applied in
// `GeneratorRun`.
import BuildEngine

/// All generators of a request, a response or a message.
struct PactGenerators: Sendable {
    enum Part: String, Sendable {
        case method, path, status, query, header, body, metadata
    }

    struct Entry: Sendable {
        let part: Part
        let path: PathExpression
        /// As written.
        let tree: JSONTree
    }

    var entries: [Entry] = []

    static let none = PactGenerators()

    static func read(_ tree: JSONTree?) throws(ContractReadError) -> PactGenerators {
        var generators = PactGenerators()
        guard let tree, !tree.isNull else { return generators }
        guard let members = tree.members else {
            throw ContractReadError("generators is no object", expected: "{…}", at: tree.range.lowerBound)
        }
        for member in members {
            guard let part = part(member.name) else { continue }
            if member.value.member("type")?.text != nil {
                generators.entries.append(Entry(part: part, path: .root, tree: member.value))
                continue
            }
            for generator in member.value.members ?? [] {
                let isName = [.query, .header, .metadata].contains(part)
                let path =
                    isName && generator.name.utf8.first != UInt8(ascii: "$")
                    ? PathExpression(tokens: [.name(generator.name)])
                    : generator.name.isEmpty ? .root : PathExpression(generator.name)
                guard let path else {
                    throw ContractReadError(
                        "\"\(generator.name)\" is no path", expected: "a path such as $.items[*].id",
                        at: generator.offset)
                }
                generators.entries.append(Entry(part: part, path: path, tree: generator.value))
            }
        }
        return generators
    }

    private static func part(_ name: String) -> Part? {
        switch name {
        case "content", "contents": .body
        case "headers": .header
        case "metaData": .metadata
        default: Part(rawValue: name)
        }
    }
}
