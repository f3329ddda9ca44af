// What kind of bytes a contract file holds, by looking at them. Does not know what a kind means.
import BuildEngine
import BuildGraph

/// The bytes of a contract file, read as far as their form goes.
enum ContractContent {
    /// JSON, or YAML as the same values.
    case json(JSONTree)
    /// The digest of protobuf definitions.
    case protobuf(Digest)
    case opaque

    static func recognise(_ bytes: [UInt8], name: String) throws(ContractReadError) -> ContractContent {
        let small = name.asciiLowercased
        let first = bytes.first { !$0.isSpace }
        if small.hasSuffix(".json") || first == UInt8(ascii: "{") {
            do throws(JSONError) {
                return .json(try JSONTree.parse(bytes))
            } catch {
                throw ContractReadError(error)
            }
        }
        return .opaque
    }
}

enum OpenAPIDocument {
    static func digest(of tree: JSONTree) throws(ContractReadError) -> Digest? { nil }
}

enum JSONSchemaDocument {
    static func digest(of tree: JSONTree) -> Digest? { nil }
}

enum XMLDocument {
    static func parse(_ bytes: [UInt8]) throws(ContractReadError) { throw ContractReadError("", at: 0) }
}

enum DatePattern {
    static let dateTime = "yyyy-MM-dd'T'HH:mm:ssXXX"
    static let date = "yyyy-MM-dd"
    static let time = "HH:mm:ss"
}
