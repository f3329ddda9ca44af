// What `contracts` looks at: the contents at hand, a release, or what runs in an environment. Does not know how it is shown.
import BuildEngine
import BuildGraph
import Buildfile
import Contracts
import Reporting

struct ShownContracts {
    let states: [PairState]
    /// What was looked at, for people.
    let title: String

    var grid: ContractGrid { ContractGrid(states, title: title) }

    /// At most one of `release` (a file) and `environment` (a name) may be given; refuses both.
    init(_ opened: Workspace, release: String?, environment: String?) async throws {
        if let release, let environment {
            throw Refusal(
                Diagnostic(
                    .badCommandLine, "'--release \(release)' and '--env \(environment)' are two things to look at",
                    hint: "give one of them"), .wrongInput)
        }
        let hashed = try opened.hashed(try await opened.workingTree())
        let shown: Release
        if let environment {
            shown = try EnvironmentReleases(opened, hashed.graph).release(in: environment)
            title = "as of \(environment)"
        } else if let release {
            shown = try await opened.found(release, hashed: hashed).release
            title = "as of \(release)"
        } else {
            shown = try await opened.release(of: hashed, commit: nil)
            title = "for the contents at hand"
        }
        // A release does not say it: what may fail is what the rules say now.
        let graph = hashed.graph
        states = opened.verdictLog.states(of: shown).map { state in
            let isPending = graph.index(of: state.label).map { graph.targets[$0].attributes.pending } ?? false
            return isPending ? state.pending : state
        }
    }
}

extension ContractGrid {
    /// The matrix of `states`.
    init(_ states: [PairState], title: String) {
        self.init(
            states.map { state in
                ContractGrid.Cell(
                    consumer: state.consumer, provider: state.provider, standing: state.shown,
                    terms: (state.terms ?? []).map { ($0.term.name, $0.shown) },
                    count: ContractAnswer.count(state), since: state.pendingSince.map(ContractAnswer.day))
            }, title: title)
    }
}

extension PairState {
    /// What to show of the pair: what may fail is no failure, as long as nothing else is open.
    var shown: ContractGrid.Standing {
        if pendingSince != nil { return .pending }
        return standing == .failed && !hasFailed ? .toDo : standing.shown
    }
}

extension PairState.Term {
    var shown: ContractGrid.Standing { pendingSince == nil ? standing.shown : .pending }
}

extension PairState.Standing {
    fileprivate var shown: ContractGrid.Standing {
        switch self {
        case .verified: .verified
        case .undeclared: .undeclared
        case .toDo: .toDo
        case .failed: .failed
        }
    }
}
