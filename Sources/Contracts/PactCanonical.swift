// What counts in an interaction's digest, and how it is spelled there. A default that is written out and one that is
// left out are the same; so are the forms of versions 2, 3 and 4.
import BuildEngine
import BuildGraph

extension PactInteraction {
    /// The major version counts: the rules of matching depend on it.
    func canonicalDigest(specification: Int) -> Digest {
        var bytes = CanonicalBytes()
        bytes.count(specification)
        bytes.field(kind.rawValue)
        bytes.field(description)
        bytes.list(providerStates) {
            $1.field($0.name)
            $1.json(JSONTree(.object($0.parameters)))
        }
        bytes.json(pluginConfiguration ?? JSONTree(.null))
        switch exchange {
        case .http(let request, let response):
            bytes.request(request)
            bytes.response(response)
        case .asynchronous(let message): bytes.message(message)
        case .synchronous(let request, let responses):
            bytes.message(request)
            bytes.list(responses) { $1.message($0) }
        }
        return ContractHasher.digest(domain: ContractHasher.interaction, bytes.bytes)
    }
}

extension CanonicalBytes {
    fileprivate mutating func request(_ request: PactRequest) {
        field(request.method.asciiLowercased)
        field(request.path)
        fields(request.query) { $0 }
        fields(request.headers) { $0.asciiLowercased }
        body(request.body, header: request.headers.header("content-type"))
        rules(request.rules)
        generators(request.generators)
    }

    fileprivate mutating func response(_ response: PactResponse) {
        count(response.status)
        fields(response.headers) { $0.asciiLowercased }
        body(response.body, header: response.headers.header("content-type"))
        rules(response.rules)
        generators(response.generators)
    }

    fileprivate mutating func message(_ message: PactMessage) {
        body(message.contents, header: message.metadata.contentType)
        json(JSONTree(.object(message.metadata)))
        rules(message.rules)
        generators(message.generators)
    }

    /// In the order of the names; the order of a name's values counts.
    private mutating func fields(_ fields: [PactField], _ name: (String) -> String) {
        let named = fields.map { (name: name($0.name), values: $0.values) }
        list(named.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }) {
            $1.field($0.name)
            $1.list($0.values) { $1.field($0) }
        }
    }

    private mutating func body(_ body: PactBody, header: String?) {
        switch body.state {
        case .missing: field("missing")
        case .null: field("null")
        case .empty: field("empty")
        case .present(let bytes):
            let type = body.type(header: header)
            field(type?.canonical ?? "")
            if type?.isJSON == true, let tree = try? JSONTree.parse(bytes) {
                json(tree)
            } else {
                field(bytes)
            }
        }
    }

    private mutating func rules(_ rules: PactRules) {
        for list in [rules.method, rules.path, rules.status] {
            flag(list != nil)
            if let list { self.list(list) }
        }
        for category in [rules.query, rules.header, rules.body, rules.metadata] { self.category(category) }
    }

    private mutating func category(_ category: RuleCategory) {
        let entries = category.entries.map { (path: $0.path.text, list: $0.list) }
        // Sorted by more than the path, so that two spellings of one path have one order.
        let sorted = entries.map { entry in
            var bytes = CanonicalBytes()
            bytes.field(entry.path)
            bytes.list(entry.list)
            return bytes.bytes
        }.sorted { $0.lexicographicallyPrecedes($1) }
        list(sorted) { $1.field($0) }
    }

    /// How the rules combine does not count where there is but one.
    private mutating func list(_ list: RuleList) {
        flag(list.isAny && list.rules.count > 1)
        self.list(list.rules) { $1.rule($0) }
    }

    private mutating func rule(_ rule: MatchingRule) {
        switch rule {
        case .equality: field("equality")
        case .regex(let pattern): named("regex", pattern)
        case .type(let min, let max):
            field("type")
            field(min.map { String($0) } ?? "")
            field(max.map { String($0) } ?? "")
        case .include(let text): named("include", text)
        case .integer: field("integer")
        case .decimal: field("decimal")
        case .number: field("number")
        case .dateTime(let format): named("datetime", format.isEmpty ? DatePattern.dateTime : format)
        case .date(let format): named("date", format.isEmpty ? DatePattern.date : format)
        case .time(let format): named("time", format.isEmpty ? DatePattern.time : format)
        case .null: field("null")
        case .boolean: field("boolean")
        case .contentType(let type): named("contentType", ContentType(type)?.canonical ?? type)
        case .values: field("values")
        case .arrayContains(let variants):
            field("arrayContains")
            list(variants) {
                $1.count($0.index)
                $1.category($0.rules)
            }
        case .statusCode(let codes): named("statusCode", codes.text)
        case .notEmpty: field("notEmpty")
        case .semver: field("semver")
        case .eachKey(let rules):
            field("eachKey")
            list(rules) { $1.rule($0) }
        case .eachValue(let rules):
            field("eachValue")
            list(rules) { $1.rule($0) }
        case .unsupported(let reason): named("unsupported", reason)
        }
    }

    private mutating func named(_ name: String, _ value: String) {
        field(name)
        field(value)
    }

    private mutating func generators(_ generators: PactGenerators) {
        let sorted = generators.entries.map { entry in
            var bytes = CanonicalBytes()
            bytes.field(entry.part.rawValue)
            bytes.field(entry.path.text)
            bytes.json(entry.tree)
            return bytes.bytes
        }.sorted { $0.lexicographicallyPrecedes($1) }
        list(sorted) { $1.field($0) }
    }
}
