// What documents mean as bytes, and those bytes as digests. One spelling for all that means the same: sorted members,
// normal numbers, framed fields. Does not know which parts of a document mean something.
import BuildEngine
import BuildGraph

/// Domains of the digests. They are hashed: a new meaning needs a new string.
enum ContractHasher {
    static let pact = "lmsbuild contract 1 pact"
    static let interaction = "lmsbuild contract 1 interaction"
    static let openAPI = "lmsbuild contract 1 openapi"
    static let jsonSchema = "lmsbuild contract 1 json-schema"
    static let protobuf = "lmsbuild contract 1 protobuf"
    static let opaque = "lmsbuild contract 1 opaque"

    static let domains = [pact, interaction, openAPI, jsonSchema, protobuf, opaque]

    /// The digest of `bytes` as something of the domain.
    static func digest(domain: String, _ bytes: [UInt8]) -> Digest {
        var framed = CanonicalBytes()
        framed.field(domain)
        framed.field(bytes)
        return Digest.of(framed.bytes)
    }
}

/// Fields one behind the other, each with its length before it, so that no two lists of fields have the same bytes.
struct CanonicalBytes {
    private(set) var bytes: [UInt8] = []

    static let emptyList: [UInt8] = Array(repeating: 0, count: 8)

    mutating func field(_ value: [UInt8]) {
        count(value.count)
        bytes += value
    }

    mutating func field(_ text: String) { field(Array(text.utf8)) }

    mutating func count(_ count: Int) {
        withUnsafeBytes(of: UInt64(count).littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func flag(_ value: Bool) { bytes.append(value ? 1 : 0) }

    /// The number of items and then each.
    mutating func list<Item>(_ items: [Item], _ write: (Item, inout CanonicalBytes) -> Void) {
        count(items.count)
        for item in items { write(item, &self) }
    }

    /// A JSON value: members in the order of their names' bytes, numbers as `JSONNumber` says them.
    mutating func json(_ tree: JSONTree) {
        switch tree.content {
        case .object(let members):
            bytes.append(UInt8(ascii: "o"))
            list(members.sortedByName) {
                $1.field($0.name)
                $1.json($0.value)
            }
        case .array(let elements):
            bytes.append(UInt8(ascii: "a"))
            list(elements) { $1.json($0) }
        case .string(let text):
            bytes.append(UInt8(ascii: "s"))
            field(text)
        case .number(let spelling):
            bytes.append(UInt8(ascii: "n"))
            field(JSONNumber(spelling).canonical)
        case .bool(let value): bytes.append(value ? UInt8(ascii: "t") : UInt8(ascii: "f"))
        case .null: bytes.append(UInt8(ascii: "z"))
        }
    }
}
