// What was known of a release's contracts when it was made. Does not verify anything.
package import BuildEngine
import BuildGraph

extension Release {
    /// The same release with what `log` knows of each of its terms.
    package func judged(by log: VerdictLog) -> Release {
        with(
            contracts: zip(contracts, log.states(of: self)).map { contract, state in
                var verdicts: [SHA256Value: TermVerdict] = [:]
                for term in state.terms ?? [] {
                    verdicts[term.term.digest] =
                        switch term.standing {
                        case .verified: .passed
                        case .failed: term.wasEverSatisfied ? .failed : .pending
                        case .toDo, .undeclared: .unverified
                        }
                }
                return Contract(
                    consumer: contract.consumer, provider: contract.provider, files: contract.files,
                    terms: contract.terms, verification: contract.verification, verdicts: verdicts)
            })
    }
}
