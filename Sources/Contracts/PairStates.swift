// What is known of each pair of a consumer and a provider. Does not know where states come from, nor how they are shown.
package import BuildEngine
package import BuildGraph

/// How far a provider is verified against what a consumer asks of it.
package struct PairState: Sendable, Hashable {
    /// In the order of how bad they are.
    package enum Standing: String, Sendable, Hashable, CaseIterable {
        case verified
        /// The provider has no `verify` rule, so that nobody can tell.
        case undeclared
        /// There is no verdict for what is at hand.
        case toDo = "to-do"
        case failed
    }

    /// One term of the contract.
    package struct Term: Sendable, Hashable {
        package let term: ContractTerm
        package let standing: Standing
        /// When this verdict was given, in seconds since the epoch.
        package let time: UInt32?
        /// Whether the provider, however it was, has once done it: where it has not, the expectation is new.
        package let wasEverSatisfied: Bool
        /// When the provider was first verified against it.
        package let firstAsked: UInt32?
        /// It failed, and may: since when it is asked for, in seconds since the epoch; nil where it is not so.
        package fileprivate(set) var pendingSince: UInt32?
    }

    package let consumer: String
    package let provider: String
    package let standing: Standing
    /// Sorted by name; nil where a rule has still to put the contract out.
    package private(set) var terms: [Term]?
    package let files: [BytePath]

    package var label: Label { Label(component: provider, stage: "verify", consumer: consumer) }
    package var toDo: Int { terms?.filter { $0.standing != .verified }.count ?? 0 }

    /// The same where the provider's rule lets fail what it has never done.
    package var pending: PairState {
        var state = self
        state.terms = terms?.map { term in
            var term = term
            if term.standing == .failed, !term.wasEverSatisfied { term.pendingSince = term.firstAsked ?? term.time }
            return term
        }
        return state
    }

    /// Where nothing failed but what may: since when the first of it is asked for, in seconds since the epoch. Nil where something
    /// else failed, nothing did, or something has no verdict.
    package var pendingSince: UInt32? {
        guard standing == .failed, let terms,
            terms.allSatisfy({ $0.standing == .verified || $0.pendingSince != nil })
        else { return nil }
        return terms.compactMap(\.pendingSince).min()
    }

    /// Whether something failed that may not.
    package var hasFailed: Bool {
        standing == .failed && terms?.contains { $0.standing == .failed && $0.pendingSince == nil } ?? true
    }
}

extension VerdictLog {
    /// Of every pair of `release`, sorted by consumer, then provider.
    package func states(of release: Release) -> [PairState] {
        release.contracts.map { state(of: $0, verification: $0.verification.map { .by($0) } ?? .noRule) }
    }

    /// Of what `contract` asks of a provider that is verified as `verification` says.
    package func state(of contract: Release.Contract, verification: Release.Verification) -> PairState {
        let key: SHA256Value? = if case .by(let key) = verification { key } else { nil }
        let digests = contract.terms?.map(\.digest) ?? []
        let alone = digests.map { term in key.flatMap { known(HashedGraph.verdictKey($0, term)) } }
        // Without a key nothing is known at all.
        let open = key == nil ? [] : Set(zip(digests, alone).lazy.filter { $1?.passed != true }.map { $0.0 })
        // What a recipe was given together failed together, as long as it is just that which is open.
        let together = key.flatMap {
            open.count > 1 ? self.known(HashedGraph.verdictKey($0, HashedGraph.joint(open))) : nil
        }
        let histories = history(of: digests, by: contract.provider)
        let terms = contract.terms?.enumerated().map { place, term -> PairState.Term in
            let known = alone[place] ?? (open.contains(term.digest) ? together : nil)
            let standing: PairState.Standing =
                verification == .noRule ? .undeclared : known.map { $0.passed ? .verified : .failed } ?? .toDo
            return PairState.Term(
                term: term, standing: standing, time: known?.time,
                wasEverSatisfied: histories[place]?.wasSatisfied ?? false, firstAsked: histories[place]?.first)
        }.sorted { ($0.term.name, $0.term.digest) < ($1.term.name, $1.term.digest) }
        let worst: PairState.Standing =
            if verification == .noRule {
                .undeclared
            } else if let terms {
                [.failed, .toDo].first { standing in terms.contains { $0.standing == standing } } ?? .verified
            } else {
                .toDo
            }
        return PairState(
            consumer: contract.consumer, provider: contract.provider, standing: worst, terms: terms,
            files: contract.files)
    }
}
