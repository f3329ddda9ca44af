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

    /// Content decides; a name that promises a form makes bytes of another form an error.
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
        if small.hasSuffix(".yaml") || small.hasSuffix(".yml") || line(of: bytes, startsWith: "openapi:") {
            return .json(try YAMLReader.parse(bytes))
        }
        let isText = String(validating: bytes, as: UTF8.self) != nil
        if small.hasSuffix(".proto") || (isText && ProtoText.isLikely(bytes)) {
            return .protobuf(try ProtoText.digest(of: bytes))
        }
        let isDescriptor = [".binpb", ".protoset", ".fds", ".desc"].contains { small.hasSuffix($0) }
        do throws(ContractReadError) {
            return .protobuf(try ProtoDescriptor.digest(of: bytes))
        } catch {
            if isDescriptor { throw error }
        }
        return .opaque
    }

    private static func line(of bytes: [UInt8], startsWith text: String) -> Bool {
        bytes.starts(with: text.utf8)
            || bytes.prefix(4096).split(separator: UInt8(ascii: "\n")).contains { $0.starts(with: text.utf8) }
    }
}
