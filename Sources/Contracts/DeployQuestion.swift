// May these services go where those run? A function of two releases and of verdicts; does not know environments.
package import BuildEngine
import BuildGraph

/// Whether what would go to an environment works with what would then run there.
package struct DeployQuestion: Sendable {
    package enum Answer: String, Sendable, Hashable {
        case yes
        case no
        /// Somebody has to verify something first.
        case unverified
        /// Nothing speaks against it, but something goes of which no contract says anything.
        case undeclared = "no-contract-declared"
    }

    package enum Side: String, Sendable, Hashable {
        /// What would go.
        case candidate
        /// What runs there.
        case running
    }

    /// A consumer and a provider of what would run, of which at least one would be new there.
    package struct Pair: Sendable, Hashable {
        package let state: PairState
        package let consumer: Side
        package let provider: Side
        /// True where no such service would run.
        package let lacksProvider: Bool
    }

    package let answer: Answer
    /// Sorted by consumer, then provider.
    package let pairs: [Pair]
    /// Services that would be new there, sorted.
    package let changed: [String]
    /// Those of `changed` that take part in no pair, sorted.
    package let undeclared: [String]

    /// The verifications that would decide an answer of `unverified`: no more and no fewer.
    package var deciding: [Pair] { answer == .unverified ? pairs.filter { $0.state.standing == .toDo } : [] }

    /// `services` names those of `candidate` that go; all without. Where all go, what runs and is no part of the
    /// candidate goes away, and a set is judged as a whole: two services that only work together may go together.
    package init(
        candidate: Release, running: Release, services: Set<String>? = nil, verdicts: VerdictLog
    ) {
        var sides: [String: Side] = [:]
        if services != nil { for name in running.services.keys { sides[name] = .running } }
        for name in candidate.services.keys where services?.contains(name) ?? true { sides[name] = .candidate }
        let changed = sides.filter { name, side in
            side == .candidate && candidate.services[name]?.hash != running.services[name]?.hash
        }.map(\.key).sorted()
        func release(_ side: Side) -> Release { side == .candidate ? candidate : running }
        var pairs: [Pair] = []
        for (consumer, side) in sides {
            for contract in release(side).contracts where contract.consumer == consumer {
                // A library's verdict is about what goes with each service that has it.
                guard
                    changed.contains(consumer) || changed.contains(contract.provider) || sides[contract.provider] == nil
                else { continue }
                guard let other = sides[contract.provider] else {
                    pairs.append(
                        Pair(
                            state: verdicts.state(of: contract, verification: .noRule), consumer: side, provider: side,
                            lacksProvider: true))
                    continue
                }
                let own = release(other)
                let verification = own.verification(of: contract.provider, for: consumer)
                let state = verdicts.state(of: contract, verification: verification)
                pairs.append(Pair(state: state, consumer: side, provider: other, lacksProvider: false))
            }
        }
        self.pairs = pairs.sorted {
            ($0.state.consumer, $0.state.provider) < ($1.state.consumer, $1.state.provider)
        }
        self.changed = changed
        let known = Set(pairs.flatMap { [$0.state.consumer, $0.state.provider] })
        undeclared = changed.filter { !known.contains($0) }
        if pairs.contains(where: { $0.lacksProvider || $0.state.standing == .failed }) {
            answer = .no
        } else if pairs.contains(where: { $0.state.standing == .toDo }) {
            answer = .unverified
        } else if !undeclared.isEmpty || pairs.contains(where: { $0.state.standing == .undeclared }) {
            answer = .undeclared
        } else {
            answer = .yes
        }
    }
}
