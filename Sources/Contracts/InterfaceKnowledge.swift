// What the graph and the engine ask of contracts that are documents. Does not know how one is verified.
import BuildEngine
package import BuildGraph
package import Buildfile

extension PactAwareContracts {
    package func kind(of bytes: [UInt8], name: String) -> ContractKind? {
        guard let document = try? ContractDocument.read(bytes, name: name) else { return nil }
        return switch document.kind {
        case .pact: .pact
        case .openAPI: .interface(.openapi)
        case .jsonSchema: .interface(.schema)
        case .protobuf: .interface(.proto)
        case .opaque: nil
        }
    }
}

extension KeptVerdicts {
    package func mistake(inInterface bytes: [UInt8], at path: String, kind: InterfaceKind?) -> Diagnostic? {
        do throws(ContractReadError) {
            var wanted = kind?.contractKind
            if wanted == nil {
                let own = try ContractDocument.read(bytes, name: path).kind
                if own == .pact || own == .opaque { return nil }
                wanted = own
            }
            _ = try InterfaceDocument.read(bytes, name: path, as: wanted)
            return nil
        } catch {
            let expected = error.expected.map { " (expected \($0))" } ?? ""
            return Diagnostic(
                .badContract, "this cannot be compared: \(error.message)\(expected)",
                at: SourceSpan(
                    SourceText(name: path, bytes: bytes), offset: min(error.offset, bytes.count),
                    length: error.offset < bytes.count ? 1 : 0),
                hint: kind == nil ? "have the consumer's tests write it anew" : "mend the provider's own document")
        }
    }
}
