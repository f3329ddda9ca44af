// Requests, responses and messages as pacts write them, in any version's form.
import BuildEngine

enum PactParts {
    static func request(_ tree: JSONTree) throws(ContractReadError) -> PactRequest {
        let headers = try headers(tree.member("headers"))
        return PactRequest(
            method: try text(tree, "method") ?? "GET", path: try text(tree, "path") ?? "/",
            query: try query(tree.member("query")), headers: headers,
            body: try body(tree.member("body"), headerType: headers.header("content-type")),
            rules: try MatchingRuleReader.read(tree.member("matchingRules")),
            generators: try PactGenerators.read(tree.member("generators")))
    }

    static func response(_ tree: JSONTree) throws(ContractReadError) -> PactResponse {
        let headers = try headers(tree.member("headers"))
        var status = 200
        if let given = tree.member("status"), !given.isNull {
            guard let number = given.whole ?? given.text.flatMap({ Int($0) }), (100...599).contains(number) else {
                throw ContractReadError(
                    "the status is no HTTP status", expected: "a whole number from 100 to 599",
                    at: given.range.lowerBound)
            }
            status = number
        }
        return PactResponse(
            status: status, headers: headers,
            body: try body(tree.member("body"), headerType: headers.header("content-type")),
            rules: try MatchingRuleReader.read(tree.member("matchingRules")),
            generators: try PactGenerators.read(tree.member("generators")))
    }

    static func message(_ tree: JSONTree, _ what: String) throws(ContractReadError) -> PactMessage {
        guard tree.members != nil else {
            throw ContractReadError("a message of \(what) is no object", expected: "{…}", at: tree.range.lowerBound)
        }
        var metadata: [JSONTree.Member] = []
        if let given = tree.member("metadata") ?? tree.member("metaData"), !given.isNull {
            guard let members = given.members else {
                throw ContractReadError("metadata is no object", expected: "{…}", at: given.range.lowerBound)
            }
            metadata = members
        }
        return PactMessage(
            contents: try body(tree.member("contents"), headerType: metadata.contentType), metadata: metadata,
            rules: try MatchingRuleReader.read(tree.member("matchingRules")),
            generators: try PactGenerators.read(tree.member("generators")))
    }

    private static func text(_ tree: JSONTree, _ name: String) throws(ContractReadError) -> String? {
        guard let value = tree.member(name), !value.isNull else { return nil }
        guard let text = value.text else {
            throw ContractReadError("the \(name) is no text", expected: "\"…\"", at: value.range.lowerBound)
        }
        return text
    }

    // MARK: Fields

    private static func headers(_ tree: JSONTree?) throws(ContractReadError) -> [PactField] {
        guard let tree, !tree.isNull else { return [] }
        guard let members = tree.members else {
            throw ContractReadError("headers is no object", expected: "{…}", at: tree.range.lowerBound)
        }
        var fields: [PactField] = []
        for member in members {
            var values: [String] = []
            if let elements = member.value.elements {
                for element in elements { values.append(try scalar(element).trimmed) }
            } else {
                values = PactField.headerValues(member.name, try scalar(member.value))
            }
            fields.append(PactField(name: member.name, values: values))
        }
        return fields
    }

    /// Version 2 has the query's text, later ones an object with a value or an array of values for each name.
    private static func query(_ tree: JSONTree?) throws(ContractReadError) -> [PactField] {
        guard let tree, !tree.isNull else { return [] }
        if let text = tree.text { return PactField.query(text) }
        guard let members = tree.members else {
            throw ContractReadError("the query is neither text nor object", at: tree.range.lowerBound)
        }
        var fields: [PactField] = []
        for member in members {
            var values: [String] = []
            for element in member.value.elements ?? [member.value] { values.append(try scalar(element)) }
            fields.append(PactField(name: member.name, values: values))
        }
        return fields
    }

    private static func scalar(_ tree: JSONTree) throws(ContractReadError) -> String {
        switch tree.content {
        case .string(let text): return text
        case .number(let spelling): return spelling
        case .bool(let value): return value ? "true" : "false"
        case .null: return ""
        case .object, .array:
            throw ContractReadError(
                "this value can't be an object or array", expected: "text", at: tree.range.lowerBound)
        }
    }

    // MARK: Bodies

    private static let bodyMembers: Set<String> = ["content", "contentType", "encoded", "contentTypeHint"]

    private static func body(_ tree: JSONTree?, headerType: String?) throws(ContractReadError) -> PactBody {
        guard let tree else { return PactBody(.missing) }
        if tree.isNull { return PactBody(.null) }
        if let members = tree.members, tree.member("content") != nil || tree.member("contentType") != nil,
            members.allSatisfy({ bodyMembers.contains($0.name) })
        {
            return try wrapped(tree, headerType: headerType)
        }
        guard let text = tree.text else { return PactBody(.present(tree.bytes)) }
        if text.isEmpty { return PactBody(.empty) }
        let bytes = Array(text.utf8)
        let type = headerType.flatMap { ContentType($0) }
        if let type, type.isJSON {
            // Text that is JSON itself is taken as such, other text is a JSON string.
            let isJSON = (try? JSONTree.parse(bytes)) != nil
            return PactBody(.present(isJSON ? bytes : tree.bytes))
        }
        if let type, type.isBinary || type.isMultipart, let decoded = Base64.decode(text) {
            return PactBody(.present(decoded))
        }
        return PactBody(.present(bytes))
    }

    /// Version 4: `{"contentType", "encoded", "content"}`.
    private static func wrapped(_ tree: JSONTree, headerType: String?) throws(ContractReadError) -> PactBody {
        let type = tree.member("contentType")?.text.flatMap { ContentType($0) }
        guard let content = tree.member("content") else { return PactBody(.missing, contentType: type) }
        if content.isNull { return PactBody(.null, contentType: type) }
        guard let text = content.text else { return PactBody(.present(content.bytes), contentType: type) }
        if text.isEmpty { return PactBody(.empty, contentType: type) }
        let encoding = tree.member("encoded")?.text?.asciiLowercased
        switch encoding {
        case "base64"?:
            guard let bytes = Base64.decode(text) else {
                throw ContractReadError("the body is not base64", expected: "base64", at: content.range.lowerBound)
            }
            return PactBody(bytes.isEmpty ? .empty : .present(bytes), contentType: type)
        case nil:
            let isJSON = (type ?? headerType.flatMap { ContentType($0) })?.isJSON == true
            return PactBody(.present(isJSON ? content.bytes : Array(text.utf8)), contentType: type)
        default: return PactBody(.present(Array(text.utf8)), contentType: type)
        }
    }
}

extension [JSONTree.Member] {
    /// The content type that a message's metadata names.
    var contentType: String? {
        first { ["contenttype", "content-type"].contains($0.name.asciiLowercased) }?.value.text
    }
}
