// The seam to what is known of contracts. Does not know any kind of contract, nor where verdicts are kept.
package import BuildGraph
package import Buildfile

/// Whether a provider, as it was when it was verified, does what one term of a contract asks.
package struct Verdict: Sendable, Hashable {
    /// Names the provider as it was verified, how, and the term: `HashedGraph.verdictKey`.
    package let key: SHA256Value
    package let term: SHA256Value
    package let consumer: String
    package let provider: String
    /// Nil: it was asked for, and what came of it cannot be told of this term alone.
    package let passed: Bool?

    package init(key: SHA256Value, term: SHA256Value, consumer: String, provider: String, passed: Bool?) {
        self.key = key
        self.term = term
        self.consumer = consumer
        self.provider = provider
        self.passed = passed
    }
}

/// Where verdicts are kept, and what has to be known of contracts to make new ones.
package protocol ContractVerdicts: Sendable {
    /// Whether a verification said yes; a failed or killed one leaves nothing that counts here.
    func hasPassed(_ key: SHA256Value) -> Bool
    /// Whether `provider` has once done what the term asks, however it was then.
    func wasEverSatisfied(_ term: SHA256Value, by provider: String) -> Bool
    /// When `provider` was first verified against the term, in seconds since the epoch; nil: never.
    func firstAsked(_ term: SHA256Value, of provider: String) -> UInt32?
    /// Keeps verdicts. Losing one costs a verification, so failures to write are told, not thrown.
    func keep(_ verdicts: [Verdict])
    /// The contract in `bytes` with no other terms than `terms`: a document of the same kind.
    func narrowed(_ bytes: [UInt8], to terms: Set<SHA256Value>) -> [UInt8]
    /// What is wrong with a contract, with the place in it; nil where nothing is. `path` is what people call it.
    func mistake(in bytes: [UInt8], at path: String) -> Diagnostic?
    /// What is wrong with a document that is to be compared, of `kind`, or of the kind that it shows; nil where nothing
    /// is, and for contracts that are not compared.
    func mistake(inInterface bytes: [UInt8], at path: String, kind: InterfaceKind?) -> Diagnostic?
}

extension ContractVerdicts {
    package func mistake(inInterface bytes: [UInt8], at path: String, kind: InterfaceKind?) -> Diagnostic? { nil }
}

extension HashedGraph {
    /// Names the provider of `target`, a `verify` instance, as it is verified: what it serves, the rule, and the
    /// verifier; everything that its input hash covers but the contract.
    package func verificationKey(of target: Int) throws(FileSystemError) -> SHA256Value {
        try providerHash(of: target) { hashes[$0].value.bytes }
    }

    /// Names a verdict: the same exactly where the provider, its verification and the term are the same.
    package static func verdictKey(_ verification: SHA256Value, _ term: SHA256Value) -> SHA256Value {
        SHA256Value.of(Array("lmsbuild verdict 1\0".utf8) + verification.bytes + term.bytes)
    }

    /// Stands for several terms together: a recipe that fails for all of them does not say which it is.
    package static func joint(_ terms: Set<SHA256Value>) -> SHA256Value {
        terms.count == 1
            ? terms.first ?? .of([]) : .of(Array("lmsbuild terms 1\0".utf8) + terms.sorted().flatMap(\.bytes))
    }
}

/// The terms of a `verify` instance, and which of them have no verdict yet.
struct OpenContract: Sendable {
    let consumer: String
    let provider: String
    let verification: SHA256Value
    /// Sorted by digest.
    let terms: [ContractTerm]
    let todo: Set<SHA256Value>

    /// That `terms` were verified together, and that not all of them hold.
    func failure(of terms: Set<SHA256Value>) -> [Verdict] {
        (terms.count > 1 ? terms.sorted().map { verdict($0, nil) } : [])
            + [verdict(HashedGraph.joint(terms), false)]
    }

    func verdicts(_ passed: (SHA256Value) -> Bool?) -> [Verdict] {
        terms.compactMap { term in
            passed(term.digest).map { verdict(term.digest, $0) }
        }
    }

    private func verdict(_ term: SHA256Value, _ passed: Bool?) -> Verdict {
        Verdict(
            key: HashedGraph.verdictKey(verification, term), term: term, consumer: consumer, provider: provider,
            passed: passed)
    }
}

extension HashedGraph {
    /// Nil where `node` verifies no contract, and where one of its contracts has still to be put out by a rule.
    func openContract(
        of target: Int, _ node: Target, _ verdicts: any ContractVerdicts,
        produced: (BytePath) -> [UInt8]? = { _ in nil }
    ) throws(FileSystemError) -> OpenContract? {
        guard !node.contracts.isEmpty, let consumer = node.label.consumer else { return nil }
        var terms = try graph.contractTerms(of: node).map(\.term)
        for path in node.contracts where !graph.tree.contains(path) {
            guard let bytes = produced(path) else { return nil }
            terms += graph.contractReader.terms(of: bytes)
        }
        let verification = try verificationKey(of: target)
        let unique = Set(terms).sorted()
        let todo = unique.lazy.map(\.digest).filter { !verdicts.hasPassed(Self.verdictKey(verification, $0)) }
        return OpenContract(
            consumer: consumer, provider: node.label.component, verification: verification, terms: unique,
            todo: Set(todo))
    }
}
