// What is known of a release beside what it consists of: verdicts on its contracts. Does not know who verifies, and no
// release's name depends on it.
package import BuildGraph

extension Release {
    /// What is known of one term of one contract.
    package struct KnownVerdict: Sendable, Hashable {
        package let consumer: String
        package let provider: String
        /// The term's.
        package let digest: SHA256Value
        package let verdict: TermVerdict

        package init(consumer: String, provider: String, digest: SHA256Value, verdict: TermVerdict) {
            (self.consumer, self.provider, self.digest, self.verdict) = (consumer, provider, digest, verdict)
        }
    }

    /// The member of a document that the name does not cover.
    static let verdictsMember = "verdicts"

    /// Everything that is known of the contracts, in their order, and in that of their terms.
    package var verdicts: [KnownVerdict] {
        contracts.flatMap { contract in
            (contract.terms ?? []).compactMap { term in
                contract.verdicts[term.digest].map {
                    KnownVerdict(
                        consumer: contract.consumer, provider: contract.provider, digest: term.digest, verdict: $0)
                }
            }
        }
    }

    /// The same release, which keeps its name, with what `further` adds: what is verified wins over what is not, and
    /// what is known already over what is new. Verdicts on terms that it does not have are left out.
    package func knowing(_ further: [KnownVerdict]) -> Release {
        if further.isEmpty || hasNamedVerdicts { return self }
        var added: [String: [SHA256Value: TermVerdict]] = [:]
        for one in further {
            let key = one.consumer + "\n" + one.provider
            if let known = added[key]?[one.digest], known != .unverified { continue }
            added[key, default: [:]][one.digest] = one.verdict
        }
        var release = with(
            contracts: contracts.map { contract in
                var verdicts = contract.verdicts
                for term in contract.terms ?? [] where verdicts[term.digest] ?? .unverified == .unverified {
                    let new = added[contract.consumer + "\n" + contract.provider]?[term.digest]
                    verdicts[term.digest] = new ?? verdicts[term.digest]
                }
                return Contract(
                    consumer: contract.consumer, provider: contract.provider, files: contract.files,
                    terms: contract.terms, verification: contract.verification, verdicts: verdicts)
            })
        release.readName = readName
        return release
    }

    // MARK: The document

    static func json(_ verdicts: [KnownVerdict]) -> JSONValue {
        .array(
            verdicts.map {
                .object([
                    ("consumer", .string($0.consumer)), ("provider", .string($0.provider)),
                    ("digest", .string($0.digest.hex)), ("verdict", .string($0.verdict.rawValue)),
                ])
            })
    }

    static func verdicts(_ value: JSONValue?) -> [KnownVerdict] {
        (value?.elements ?? []).compactMap { element in
            guard let consumer = element.member("consumer")?.text, let provider = element.member("provider")?.text,
                let digest = element.member("digest")?.text.flatMap({ SHA256Value(hex: $0) }),
                let verdict = element.member("verdict")?.text.flatMap({ TermVerdict(rawValue: $0) })
            else { return nil }
            return KnownVerdict(consumer: consumer, provider: provider, digest: digest, verdict: verdict)
        }
    }

    /// What is known, as a document of its own: JSON on one line, as it lies in a registry.
    package var verdictDocument: [UInt8] {
        let document = JSONValue.object([("schema", .number(1)), (Self.verdictsMember, Self.json(verdicts))])
        return Array(document.sorted.text(pretty: false).utf8)
    }

    /// What `verdictDocument` wrote; nothing of anything else.
    package static func verdicts(reading bytes: [UInt8]) -> [KnownVerdict] {
        verdicts((try? JSONValue.parse(bytes))?.member(verdictsMember))
    }
}

extension JSONValue {
    /// An object without one of its members; anything else as it is.
    func without(_ name: String) -> JSONValue {
        guard case .object(let members) = self else { return self }
        return .object(members.filter { $0.0 != name })
    }
}
