// What differs between two releases, as far as their documents tell. Does not know files, commits, or wording.
package import BuildGraph

/// The services, contracts and environments in which one release differs from another.
package struct ReleaseDifference: Sendable {
    /// One service on both sides; nil where a side has none of that name.
    package struct Service: Sendable, Hashable {
        package let name: String
        package let old: Release.Service?
        package let new: Release.Service?
    }

    /// A term of a contract whose verdict is another, or that only one side has.
    package struct Term: Sendable, Hashable {
        package let consumer: String
        package let provider: String
        package let term: ContractTerm
        /// Nil where the side does not have the term, or tells nothing of it.
        package let old: Release.TermVerdict?
        package let new: Release.TermVerdict?
        /// Whether each side has the term at all.
        package let wasThere: Bool
        package let isThere: Bool
    }

    /// An environment on both sides; nil where a side has none of that name.
    package struct Environment: Sendable, Hashable {
        package let name: String
        package let old: Release.Environment?
        package let new: Release.Environment?
    }

    /// Sorted by name.
    package let services: [Service]
    /// Sorted by consumer, provider, the term's name.
    package let terms: [Term]
    /// Sorted by name.
    package let environments: [Environment]
    /// The tools whose versions differ: name, and both versions. Sorted by name.
    package let tools: [(name: String, old: String?, new: String?)]

    /// Whether both are the same but for the commit.
    package var isEmpty: Bool { services.isEmpty && terms.isEmpty && environments.isEmpty && tools.isEmpty }

    package init(from old: Release, to new: Release) {
        services = Self.differing(old.services, new.services).map { Service(name: $0, old: $1, new: $2) }
        environments = Self.differing(old.environments, new.environments).map {
            Environment(name: $0, old: $1, new: $2)
        }
        tools = Self.differing(Self.versions(old.tools), Self.versions(new.tools)).map { ($0, $1, $2) }
        let (before, after) = (Self.terms(old), Self.terms(new))
        terms = Set(before.keys).union(after.keys).compactMap { key -> Term? in
            let (was, known) = (before[key], after[key])
            if let was, let known, was.verdict == known.verdict { return nil }
            return Term(
                consumer: key.consumer, provider: key.provider, term: key.term, old: was?.verdict, new: known?.verdict,
                wasThere: was != nil, isThere: known != nil)
        }.sorted {
            ($0.consumer, $0.provider, $0.term.name, $0.term.digest)
                < ($1.consumer, $1.provider, $1.term.name, $1.term.digest)
        }
    }

    private static func differing<Value: Equatable>(
        _ old: [String: Value], _ new: [String: Value]
    ) -> [(String, Value?, Value?)] {
        Set(old.keys).union(new.keys).sorted().filter { old[$0] != new[$0] }.map { ($0, old[$0], new[$0]) }
    }

    private static func versions(_ tools: Release.Tools) -> [String: String] {
        var versions = tools.declared
        versions["lmsbuild"] = tools.lmsbuild
        versions["engine"] = tools.engine
        return versions
    }

    private struct Said {
        let verdict: Release.TermVerdict?
    }

    private struct Key: Hashable {
        let consumer: String
        let provider: String
        let term: ContractTerm
    }

    private static func terms(_ release: Release) -> [Key: Said] {
        var found: [Key: Said] = [:]
        for contract in release.contracts {
            for term in contract.terms ?? [] {
                found[Key(consumer: contract.consumer, provider: contract.provider, term: term)] = Said(
                    verdict: contract.verdicts[term.digest])
            }
        }
        return found
    }
}
