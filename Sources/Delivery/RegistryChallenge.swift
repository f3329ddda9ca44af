// What a registry wants to be shown (RFC 9110, section 11; the distribution project's token authentication). Does not ask.

/// One challenge of a `WWW-Authenticate` header.
enum RegistryChallenge: Sendable, Hashable {
    case basic
    /// A token of the service at `realm` is wanted.
    case bearer(realm: String, service: String?, scope: String?)

    /// The first that can be met; nil where there is none.
    init?(headers: [(name: String, value: String)]) {
        for header in headers where header.name.lowercased() == "www-authenticate" {
            guard let space = header.value.firstIndex(of: " ") else {
                if header.value.lowercased() == "basic" {
                    self = .basic
                    return
                }
                continue
            }
            let scheme = header.value[..<space].lowercased()
            let fields = Self.fields(header.value[space...])
            if scheme == "bearer", let realm = fields["realm"] {
                self = .bearer(realm: realm, service: fields["service"], scope: fields["scope"])
                return
            }
            if scheme == "basic" {
                self = .basic
                return
            }
        }
        return nil
    }

    /// `name="value"` or `name=value`, separated by commas.
    private static func fields(_ text: Substring) -> [String: String] {
        var fields: [String: String] = [:]
        var rest = text
        while let equal = rest.firstIndex(of: "=") {
            let name = rest[..<equal].filter { $0 != " " && $0 != "," }.lowercased()
            rest = rest[rest.index(after: equal)...]
            var value = ""
            if rest.first == "\"" {
                rest = rest.dropFirst()
                while let next = rest.popFirst(), next != "\"" {
                    value.append(next == "\\" ? rest.popFirst() ?? next : next)
                }
            } else {
                let word = rest.prefix { $0 != "," && $0 != " " }
                value = String(word)
                rest = rest[word.endIndex...]
            }
            fields[name] = value
        }
        return fields
    }
}
