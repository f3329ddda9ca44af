// The messages, enumerations and services of protobuf definitions, whatever they were read from. Does not read or compare.
import BuildEngine

/// Definitions of one or more files.
struct ProtoModel: Sendable {
    enum Cardinality: String, Sendable, Hashable {
        case single = "one"
        case required
        case repeated
    }

    struct Field: Sendable {
        var name: String
        var number: Int
        /// A scalar's word, or a full name.
        var type: String
        var cardinality = Cardinality.single
        /// Key and value of a map; then `type` is `map`.
        var map: [String] = []
        var oneof: String?
        /// Where it is not what the name gives.
        var jsonName: String?
        var defaultText: String?
        /// A group is written in another way than a message.
        var isGroup = false
        var line: Int?
    }

    struct Message: Sendable {
        var name: String
        var fields: [Field] = []
        /// Numbers that must not be used again, both ends included.
        var reserved: [ClosedRange<Int>] = []
        var extensions: [ClosedRange<Int>] = []
        var line: Int?
    }

    struct Value: Sendable {
        var name: String
        var number: Int
        var line: Int?
    }

    struct Enumeration: Sendable {
        var name: String
        var values: [Value] = []
        /// Readers put aside what they do not know.
        var isClosed = false
        var line: Int?
    }

    struct Method: Sendable {
        var name: String
        var input: String
        var output: String
        var streamsInput = false
        var streamsOutput = false
        var line: Int?
    }

    struct Service: Sendable {
        var name: String
        var methods: [Method] = []
        var line: Int?
    }

    /// All by full name.
    var messages: [String: Message] = [:]
    var enumerations: [String: Enumeration] = [:]
    var services: [String: Service] = [:]
    /// Messages are mapped to JSON for HTTP: names count there.
    var isMappedToJSON = false

    static let scalars: Set<String> = [
        "double", "float", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64", "sfixed32",
        "sfixed64", "bool", "string", "bytes",
    ]

    /// What JSON calls a field where nobody says otherwise.
    static func jsonName(of name: String) -> String {
        var text: [UInt8] = []
        var isUpper = false
        for byte in name.utf8 {
            if byte == UInt8(ascii: "_") {
                isUpper = true
            } else {
                text.append(isUpper && (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) ? byte - 32 : byte)
                isUpper = false
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    mutating func merge(_ other: ProtoModel) {
        for (name, message) in other.messages {
            if messages[name] == nil {
                messages[name] = message
            } else {
                // Extensions of a message that another file defines.
                messages[name]?.fields += message.fields
                if message.line != nil { messages[name]?.line = message.line }
            }
        }
        enumerations.merge(other.enumerations) { mine, _ in mine }
        services.merge(other.services) { mine, _ in mine }
        isMappedToJSON = isMappedToJSON || other.isMappedToJSON
    }

    /// Full names in place of those that are written from inside `scope`s.
    mutating func resolveNames() {
        let names = Set(messages.keys).union(enumerations.keys)
        func resolved(_ type: String, _ scope: String) -> String {
            if Self.scalars.contains(type) || type == "map" { return type }
            if type.hasPrefix(".") { return String(type.dropFirst()) }
            var parts = scope.parts(separatedBy: UInt8(ascii: "."))
            while !parts.isEmpty {
                let whole = parts.joined(separator: ".") + "." + type
                if names.contains(whole) { return whole }
                parts.removeLast()
            }
            return type
        }
        for name in Array(messages.keys) {
            guard var message = messages[name] else { continue }
            for index in message.fields.indices {
                message.fields[index].type = resolved(message.fields[index].type, name)
                message.fields[index].map = message.fields[index].map.map { resolved($0, name) }
            }
            messages[name] = message
        }
        for name in Array(services.keys) {
            guard var service = services[name] else { continue }
            for index in service.methods.indices {
                service.methods[index].input = resolved(service.methods[index].input, name)
                service.methods[index].output = resolved(service.methods[index].output, name)
            }
            services[name] = service
        }
    }

    /// The messages and enumerations that `names` lead to.
    func reachable(from names: some Sequence<String>) -> Set<String> {
        var found: Set<String> = []
        var open = Array(names)
        while let next = open.popLast() {
            guard found.insert(next).inserted, let message = messages[next] else { continue }
            for field in message.fields { open += [field.type] + field.map }
        }
        return found
    }
}
