// What a contract says, as far as a hash covers it. Does not know any kind of contract: who makes the graph brings a reader.
package import Buildfile

/// One thing that a contract asks of its provider: an interaction of a pact, or a whole document.
package struct ContractTerm: Sendable, Hashable, Comparable {
    /// As people call it: an interaction's description, or the kind of the document.
    package let name: String
    /// Of what matters in it: two spellings of the same demand have the same digest.
    package let digest: SHA256Value

    package init(name: String, digest: SHA256Value) {
        self.name = name
        self.digest = digest
    }

    package static func < (left: ContractTerm, right: ContractTerm) -> Bool {
        (left.digest, left.name) < (right.digest, right.name)
    }
}

/// Reads contracts for their terms.
package protocol ContractReading: Sendable {
    /// The terms of the contract with these bytes, each once, sorted by digest. A broken document is one term, of its
    /// bytes: its verification says what is wrong with it.
    func terms(of bytes: [UInt8]) -> [ContractTerm]
    /// `terms(of:)` of the bytes with this SHA-256, where it is known without them.
    func remembered(_ content: SHA256Value) -> [ContractTerm]?
    /// What kind of contract the bytes are; nil where that cannot be told.
    func kind(of bytes: [UInt8], name: String) -> ContractKind?
}

/// Kinds of contracts that lmsbuild itself verifies.
package enum ContractKind: Sendable, Hashable {
    case pact
    case interface(InterfaceKind)

    /// Such as `a pact`.
    var shown: String {
        switch self {
        case .pact: "a pact"
        case .interface(.openapi): "an OpenAPI document"
        case .interface(.proto): "a protobuf definition"
        case .interface(.schema): "a JSON Schema"
        }
    }
}

extension ContractReading {
    package func remembered(_ content: SHA256Value) -> [ContractTerm]? { nil }
}

/// Takes every contract as one term that is its bytes.
package struct OpaqueContracts: ContractReading {
    package init() {}

    package func kind(of bytes: [UInt8], name: String) -> ContractKind? { nil }

    package func terms(of bytes: [UInt8]) -> [ContractTerm] {
        [ContractTerm(name: "contract", digest: SHA256Value.of(Array("lmsbuild opaque contract 1\0".utf8) + bytes))]
    }
}

extension Target {
    /// The recipe's `$contract`, where it mentions it: the contracts' paths from `folder`, the component's.
    package func contractVariable(in folder: BytePath) -> String? {
        guard !contracts.isEmpty, case .recipe(let recipe, _) = making,
            Mentions.names(in: recipe.text).contains("contract")
        else { return nil }
        return BuildGraph.contractVariable(contracts, in: folder)
    }
}

func contractVariable(_ contracts: [BytePath], in folder: BytePath) -> String {
    contracts.map { $0.walked(from: folder).shown }.joined(separator: " ")
}

extension Graph {
    /// The places of those contracts of `node` that are files: what they say is hashed, not their bytes.
    func contractPlaces(of node: Target) -> Set<Int> {
        node.contracts.isEmpty ? [] : Set(node.contracts.compactMap { tree.index(of: $0) })
    }

    /// Visits the terms of the contracts of `node` that are files, one field for each.
    func walkContracts(_ node: Target, _ visitor: inout some ManifestVisitor) throws(FileSystemError) {
        for (path, term) in try contractTerms(of: node) {
            visitor.visit(
                ManifestField(.contract, key: Array(term.name.utf8), value: term.digest.bytes, place: path))
        }
    }

    /// The terms of the contract at `path`, which is a file of the tree.
    private func terms(ofFile path: BytePath) throws(FileSystemError) -> [ContractTerm] {
        if let known = contractReader.remembered(try tree.files.digest(of: path).hash) { return known }
        return contractReader.terms(of: try tree.files.contents(of: path))
    }

    /// For each of `lists`: the terms of its contracts that are files, and the paths of the others. By several threads.
    package func terms(
        ofAll lists: [[BytePath]]
    ) throws(FileSystemError) -> [(terms: [ContractTerm], missing: [BytePath])] {
        try Threads.map(lists.count) { number throws(FileSystemError) in
            var terms: [ContractTerm] = []
            var missing: [BytePath] = []
            for path in lists[number] {
                if tree.contains(path) { terms += try self.terms(ofFile: path) } else { missing.append(path) }
            }
            return (terms, missing)
        }
    }

    /// The terms of the contracts of `node` that are files, each once, sorted by digest and so wherever they are.
    package func contractTerms(of node: Target) throws(FileSystemError) -> [(path: BytePath, term: ContractTerm)] {
        var found: [(path: BytePath, term: ContractTerm)] = []
        for path in node.contracts where tree.contains(path) {
            for term in try terms(ofFile: path) { found.append((path, term)) }
        }
        found.sort { ($0.term, $0.path) < ($1.term, $1.path) }
        var last: ContractTerm?
        return found.filter { part in
            defer { last = part.term }
            return part.term != last
        }
    }
}
