// What is known of contracts, as the graph and the engine ask for it. Does not know how a contract is verified.
package import BuildEngine
package import BuildGraph
package import Buildfile

/// Tells a contract's terms: its interactions, or the whole document where its kind has none.
package struct PactAwareContracts: ContractReading {
    package init() {}

    /// Another wherever the terms of the same bytes could be others; the number changes with what is read or refused.
    package static let meaning = (["1"] + ContractHasher.domains).joined(separator: "\n")

    package func terms(of bytes: [UInt8]) -> [ContractTerm] {
        guard let document = try? ContractDocument.read(bytes, name: "") else {
            return OpaqueContracts().terms(of: bytes)
        }
        guard document.pact != nil else {
            return [ContractTerm(name: document.kind.rawValue, digest: document.digest.hash)]
        }
        return document.interactions.map { ContractTerm(name: $0.description, digest: $0.digest.hash) }.sorted()
    }
}

/// The verdicts of a workspace.
package final class KeptVerdicts: ContractVerdicts {
    private let log: VerdictLog
    private let tell: @Sendable (Diagnostic) -> Void

    /// `tell` is told where verdicts cannot be written.
    package init(_ log: VerdictLog, tell: @escaping @Sendable (Diagnostic) -> Void) {
        self.log = log
        self.tell = tell
    }

    package func hasPassed(_ key: SHA256Value) -> Bool { log.known(key)?.passed ?? false }

    package func wasEverSatisfied(_ term: SHA256Value, by provider: String) -> Bool {
        log.wasEverSatisfied(term, by: provider)
    }

    package func firstAsked(_ term: SHA256Value, of provider: String) -> UInt32? {
        log.firstAsked(term, of: provider)
    }

    package func keep(_ verdicts: [Verdict]) {
        do {
            try log.keep(verdicts)
        } catch {
            tell(
                Diagnostic(
                    .storeUnusable, .warning, "what was verified could not be kept: \(error)",
                    hint: "it is verified again in the next run"))
        }
    }

    package func narrowed(_ bytes: [UInt8], to terms: Set<SHA256Value>) -> [UInt8] {
        guard let document = try? ContractDocument.read(bytes, name: ""), document.pact != nil else { return bytes }
        return document.narrowed(to: Set(document.interactions.map(\.digest).filter { terms.contains($0.hash) }))
    }

    package func mistake(in bytes: [UInt8], at path: String) -> Diagnostic? {
        do throws(ContractReadError) {
            _ = try ContractDocument.read(bytes, name: path)
            return nil
        } catch {
            let expected = error.expected.map { " (expected \($0))" } ?? ""
            return Diagnostic(
                .badContract, "this is not a contract: \(error.message)\(expected)",
                at: SourceSpan(
                    SourceText(name: path, bytes: bytes), offset: min(error.offset, bytes.count),
                    length: error.offset < bytes.count ? 1 : 0),
                hint: "have the consumer's tests write it anew")
        }
    }
}
