// The operations of an OpenAPI 3 document: parameters, bodies, answers, security, with references followed. Checks that the
// parts it reads look as they must. Does not compare.
import BuildEngine

/// An OpenAPI 3.0 or 3.1 document.
struct OpenAPIModel: Sendable {
    struct Parameter: Sendable {
        let name: String
        /// `path`, `query`, `header` or `cookie`.
        let location: String
        let isRequired: Bool
        let node: SchemaNode
        let schema: SchemaNode?
        /// `style` and `explode`, as far as they are not the usual ones.
        let style: String
    }

    struct Body: Sendable {
        let node: SchemaNode
        let isRequired: Bool
        let content: [(type: String, node: SchemaNode)]
    }

    struct Response: Sendable {
        /// Such as `200`, `2XX` or `default`.
        let status: String
        let node: SchemaNode
        let content: [(type: String, node: SchemaNode)]
        let headers: [(name: String, isRequired: Bool, node: SchemaNode, schema: SchemaNode?)]
    }

    struct Operation: Sendable {
        /// `GET /books/{id}`.
        let name: String
        let node: SchemaNode
        let parameters: [Parameter]
        let body: Body?
        let responses: [Response]
        /// Alternatives, each scheme → scopes; nil: nothing is said.
        let security: [[String: Set<String>]]?
        let callbacks: SchemaNode?
    }

    let source: SchemaSource
    /// By method and path with its variables unnamed.
    private(set) var operations: [String: Operation] = [:]
    /// By method and name.
    private(set) var webhooks: [String: Operation] = [:]
    private(set) var paths: [String: SchemaNode] = [:]
    /// Whether it says anything of security.
    let saysSecurity: Bool

    static let methods = ["get", "put", "post", "delete", "options", "head", "patch", "trace"]

    init(_ source: SchemaSource) throws(ContractReadError) {
        self.source = source
        let root = source.root
        saysSecurity = root.member("security") != nil || root.member("components")?.member("securitySchemes") != nil
        for (name, schema) in root.member("components")?.member("schemas")?.members ?? [] where !name.isEmpty {
            try source.checkSchema(schema)
        }
        for (path, item) in root.member("paths")?.members ?? [] where !path.hasPrefix("x-") {
            guard path.hasPrefix("/") else {
                throw source.error("the path '\(ReportText.line(path))' does not begin with /", "/…", item)
            }
            let (key, variables) = Self.template(path)
            paths[key] = item
            try read(item, shown: path, key: key, variables: variables, into: \.operations)
        }
        for (name, item) in root.member("webhooks")?.members ?? [] {
            try read(item, shown: "webhook " + name, key: name, variables: [:], into: \.webhooks)
        }
    }

    /// `/books/{id}` as `/books/{}`, and the places of the variables.
    static func template(_ path: String) -> (key: String, variables: [String: Int]) {
        var key = ""
        var variables: [String: Int] = [:]
        var name: String?
        for character in path {
            if character == "{", name == nil {
                name = ""
            } else if character == "}", let variable = name {
                variables[variable] = variables.count
                key += "{}"
                name = nil
            } else if name != nil {
                name?.append(character)
            } else {
                key.append(character)
            }
        }
        if let name { key += "{" + name }
        if key.count > 1, key.hasSuffix("/") { key.removeLast() }
        return (key, variables)
    }

    // MARK: Reading

    private mutating func read(
        _ item: SchemaNode, shown: String, key: String, variables: [String: Int],
        into table: WritableKeyPath<OpenAPIModel, [String: Operation]>
    ) throws(ContractReadError) {
        let item = try followed(item, "a path")
        let shared = try parameters(item, variables)
        for method in Self.methods {
            guard let node = item.member(method) else { continue }
            let name = "\(method.uppercased()) \(ReportText.line(shown))"
            self[keyPath: table]["\(method) \(key)"] = try operation(node, name, shared, variables)
        }
    }

    private func operation(
        _ node: SchemaNode, _ name: String, _ shared: [Parameter], _ variables: [String: Int]
    ) throws(ContractReadError) -> Operation {
        guard node.tree.members != nil else { throw source.error("an operation is no object", "{…}", node) }
        let own = try parameters(node, variables)
        let inherited = shared.filter { parameter in
            !own.contains { $0.name == parameter.name && $0.location == parameter.location }
        }
        var body: Body?
        if let found = node.member("requestBody") {
            let part = try followed(found, "a request body")
            body = Body(node: part, isRequired: part.isTrue("required"), content: try content(part))
        }
        var responses: [Response] = []
        if let list = node.member("responses") {
            guard list.tree.members != nil else {
                throw source.error("'responses' is no object", "{\"200\": …}", list)
            }
            for (status, found) in list.members where !status.hasPrefix("x-") {
                responses.append(try response(status, found))
            }
        }
        return Operation(
            name: name, node: node, parameters: inherited + own, body: body, responses: responses,
            security: try security(node), callbacks: node.member("callbacks"))
    }

    private func followed(_ node: SchemaNode, _ what: String) throws(ContractReadError) -> SchemaNode {
        try source.checkReference(node)
        guard let found = source.followed(node) else {
            throw source.error("\(what) is in another document, or refers to itself", "a part of this document", node)
        }
        guard found.tree.members != nil else { throw source.error("\(what) is no object", "{…}", found) }
        return found
    }

    private func parameters(_ node: SchemaNode, _ variables: [String: Int]) throws(ContractReadError) -> [Parameter] {
        guard let list = node.member("parameters") else { return [] }
        guard list.tree.elements != nil else { throw source.error("'parameters' is no list", "[…]", list) }
        var found: [Parameter] = []
        for element in list.elements {
            let part = try followed(element, "a parameter")
            guard let name = part.text("name"), let location = part.text("in"),
                ["path", "query", "header", "cookie"].contains(location)
            else {
                throw source.error(
                    "a parameter lacks its name or place", "\"name\" and \"in\": path, query, header or cookie", part)
            }
            if location == "header", ["accept", "content-type", "authorization"].contains(name.asciiLowercased) {
                continue
            }
            let key = location == "path" ? variables[name].map { "{\($0)}" } ?? name : name
            found.append(
                Parameter(
                    name: location == "header" ? name.asciiLowercased : key, location: location,
                    isRequired: location == "path" || part.isTrue("required"), node: part, schema: try schema(part),
                    style: Self.style(part, location)))
        }
        return found
    }

    private static func style(_ node: SchemaNode, _ location: String) -> String {
        let usual = ["query", "cookie"].contains(location) ? "form" : "simple"
        let style = node.text("style") ?? usual
        var explode = style == "form"
        if case .bool(let value)? = node.tree.member("explode")?.content { explode = value }
        return style + (explode ? ", exploded" : "")
    }

    private func schema(_ node: SchemaNode) throws(ContractReadError) -> SchemaNode? {
        if let schema = node.member("schema") {
            try source.checkSchema(schema)
            return schema
        }
        return try content(node).first.flatMap { $0.node.member("schema") }
    }

    private func content(_ node: SchemaNode) throws(ContractReadError) -> [(type: String, node: SchemaNode)] {
        guard let content = node.member("content") else { return [] }
        guard content.tree.members != nil else {
            throw source.error("'content' is no object", "{\"application/json\": …}", content)
        }
        var found: [(type: String, node: SchemaNode)] = []
        for (name, media) in content.members {
            guard media.tree.members != nil else { throw source.error("a media type is no object", "{…}", media) }
            if let schema = media.member("schema") { try source.checkSchema(schema) }
            let plain = name.parts(separatedBy: UInt8(ascii: ";"))[0].trimmed.asciiLowercased
            found.append((plain, media))
        }
        return found
    }

    private func response(_ status: String, _ node: SchemaNode) throws(ContractReadError) -> Response {
        let isStatus =
            status == "default"
            || (status.utf8.count == 3 && status.utf8.first.map { (0x31...0x35).contains($0) } ?? false
                && (status.utf8.dropFirst().allSatisfy(\.isDigit) || status.asciiLowercased.hasSuffix("xx")))
        guard isStatus else {
            throw source.error("'\(ReportText.line(status))' is no status", "such as 200, 2XX or default", node)
        }
        let part = try followed(node, "a response")
        var headers: [(name: String, isRequired: Bool, node: SchemaNode, schema: SchemaNode?)] = []
        for (name, header) in part.member("headers")?.members ?? [] where name.asciiLowercased != "content-type" {
            let found = try followed(header, "a header")
            headers.append((name.asciiLowercased, found.isTrue("required"), found, try schema(found)))
        }
        return Response(status: status.uppercasedStatus, node: part, content: try content(part), headers: headers)
    }

    // MARK: Security

    private func security(_ node: SchemaNode) throws(ContractReadError) -> [[String: Set<String>]]? {
        guard let list = node.member("security") ?? source.root.member("security") else { return nil }
        guard let elements = list.tree.elements else { throw source.error("'security' is no list", "[…]", list) }
        return elements.map { element in
            var found: [String: Set<String>] = [:]
            for member in element.members ?? [] {
                found[scheme(member.name)] = Set((member.value.elements ?? []).compactMap(\.text))
            }
            return found
        }
    }

    /// What a scheme is, whatever it is called.
    private func scheme(_ name: String) -> String {
        guard let found = source.root.member("components")?.member("securitySchemes")?.member(name),
            let scheme = source.followed(found)
        else { return name }
        return ["type", "scheme", "in", "name"].compactMap { scheme.text($0)?.asciiLowercased }.joined(separator: " ")
    }
}

extension String {
    fileprivate var uppercasedStatus: String { self == "default" ? self : uppercased() }
}
