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
        if small.hasSuffix(".yaml") || small.hasSuffix(".yml") || begins(bytes, with: "openapi:") {
            do throws(YAMLError) {
                return .json(try YAMLReader.parse(bytes, as: .document))
            } catch {
                throw ContractReadError(error.message, expected: error.expected, at: error.offset)
            }
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

    /// True where the first line with content begins so.
    private static func begins(_ bytes: [UInt8], with text: String) -> Bool {
        let first = bytes.prefix(65_536).split(separator: UInt8(ascii: "\n")).first { line in
            line.contains { !$0.isSpace } && line.first != UInt8(ascii: "#") && !line.starts(with: "---".utf8)
        }
        return first?.starts(with: text.utf8) == true
    }
}
