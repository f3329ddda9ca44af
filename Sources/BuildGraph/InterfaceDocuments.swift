// The provider's own documents at a `verify` rule: inputs, and what kinds of contracts can be compared with them. Does not know
// what a document says.
import Buildfile

extension TargetBuilder {
    /// A document is an input, whether a rule puts it out or it is a file. A contract of a kind that the rule cannot verify
    /// is refused before anything runs.
    mutating func takeDocuments(
        _ documents: [(kind: InterfaceKind, file: Word)], _ seed: TargetSeed, _ consumption: Component.Consumption,
        _ edges: inout [Edge], _ files: inout EntrySet
    ) throws(FileSystemError) {
        if documents.isEmpty { return }
        for document in documents {
            let folder = components[seed.component].folder
            // A path that leaves the workspace is reported where the attributes are resolved.
            guard let path = BytePath.resolving(Array(document.file.text.utf8), in: folder) else { continue }
            if let owner = outputs.owner(of: path) {
                edges.append(Edge(kind: .input, target: owner, span: document.file.span))
            } else if let index = tree.index(of: path) {
                files.insert(index)
                selection.literals.append(path)
            } else {
                diagnostics.append(.missingInput(document.file, path: path, tree: tree, producer: nil))
            }
        }
        let names = seed.rule.attributes.map(\.name.text)
        for path in consumption.contracts where outputs.owner(of: path) == nil && tree.contains(path) {
            let bytes = try tree.files.contents(of: path)
            guard let kind = settings.contracts.kind(of: bytes, name: path.shown) else { continue }
            switch kind {
            case .pact where names.contains("pact"): continue
            case .interface(let own) where names.contains(own.rawValue): continue
            default:
                diagnostics.append(.contractKind(consumption, path, kind, seed: seed))
            }
        }
    }
}

extension Diagnostic {
    fileprivate static func contractKind(
        _ consumption: Component.Consumption, _ path: BytePath, _ kind: ContractKind, seed: TargetSeed
    ) -> Diagnostic {
        let needed: String
        switch kind {
        case .pact: needed = "'[pact]' above the rule, with a recipe that starts the provider, verifies pacts as well"
        case .interface(let own): needed = "'[\(own.rawValue) FILE]' above the rule names what it is compared with"
        }
        return Diagnostic(
            .contractKind,
            "'\(seed.label.consumer ?? "")' asks '\(consumption.provider)' by \(kind.shown), '\(path.shown)', which its rule does not verify",
            at: consumption.span, notes: [.init("the rule that verifies", at: seed.rule.stage.span)], hint: needed)
    }
}
