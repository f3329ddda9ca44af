// What lmsbuild's own verifier of pacts is asked for, as the words of its command line. Does not know how it verifies.
package import BuildGraph
package import Buildfile

/// One run of the verifier: a provider that is started once, and all contracts that it is asked for.
package struct VerifierRequest: Sendable, Hashable {
    /// What one consumer relies on.
    package struct Contract: Sendable, Hashable {
        package var consumer: String
        package var owners: [String] = []
        /// Files, from the folder in which the verifier runs.
        package var paths: [String] = []
        /// What is to be verified of them, sorted.
        package var terms: [SHA256Value] = []
        /// Those of `terms` whose failure does not make the run fail.
        package var pending: Set<SHA256Value> = []

        package init(consumer: String) {
            self.consumer = consumer
        }
    }

    /// What describes the provider's interface.
    package struct Document: Sendable, Hashable {
        package let kind: InterfaceKind
        /// From the folder in which the verifier runs.
        package let path: String

        package init(kind: InterfaceKind, path: String) {
            self.kind = kind
            self.path = path
        }
    }

    package var provider: String
    /// The recipe starts it; false: there are only documents to compare.
    package var hasProvider = true
    package var documents: [Document] = []
    package var settings = PactSettings()
    /// Empty: states are set by `settings.states`, if at all.
    package var statesCommand: [String] = []
    package var contracts: [Contract] = []
    /// The recipe, as a program and its arguments; the last word is its file.
    package var recipe: [String] = []
    /// Ends what the recipe started, where that outlives it: a container. Empty for a recipe that ends with its process.
    package var removal: [String] = []

    package init(provider: String) {
        self.provider = provider
    }

    /// The subcommand that takes these words.
    package static let command = "verify-contracts"

    /// Terms in one word: a word must not get longer than the kernel takes it.
    private static let portion = 1000

    /// The words behind the subcommand.
    package var arguments: [String] {
        var words = ["--provider", provider]
        for (name, path) in [
            ("--health", settings.health), ("--states", settings.states), ("--messages", settings.messages),
        ] {
            if let path { words += [name, path] }
        }
        words += ["--wait", "\(settings.wait.components.seconds)", "--answer", "\(settings.answer.components.seconds)"]
        words += ["--parallel", "\(settings.parallel)"]
        if !hasProvider { words += ["--started", "no"] }
        for document in documents { words += ["--\(document.kind.rawValue)", document.path] }
        for word in statesCommand { words += ["--states-word", word] }
        for word in removal { words += ["--remove-word", word] }
        for contract in contracts {
            words += ["--consumer", contract.consumer]
            for owner in contract.owners { words += ["--owner", owner] }
            for path in contract.paths { words += ["--contract", path] }
            words += Self.list("--terms", contract.terms) + Self.list("--pending", contract.pending.sorted())
        }
        return words + ["--"] + recipe
    }

    private static func list(_ name: String, _ terms: [SHA256Value]) -> [String] {
        stride(from: 0, to: terms.count, by: portion).flatMap { start in
            [name, terms[start..<min(start + portion, terms.count)].map(\.hex).joined(separator: ",")]
        }
    }

    /// Nil for words that `arguments` did not make.
    package init?(arguments: [String]) {
        guard let end = arguments.firstIndex(of: "--") else { return nil }
        self.init(provider: "")
        recipe = Array(arguments[(end + 1)...])
        let words = arguments[..<end]
        guard words.count.isMultiple(of: 2), !recipe.isEmpty else { return nil }
        for place in stride(from: 0, to: words.count, by: 2) {
            guard take(words[place], words[place + 1]) else { return nil }
        }
        for index in contracts.indices { contracts[index].terms.sort() }
        if provider.isEmpty { return nil }
    }

    private mutating func take(_ name: String, _ value: String) -> Bool {
        switch name {
        case "--provider": provider = value
        case "--health": settings.health = value
        case "--states": settings.states = value
        case "--messages": settings.messages = value
        case "--states-word": statesCommand.append(value)
        case "--remove-word": removal.append(value)
        case "--wait", "--answer", "--parallel":
            guard let number = Int(value), number > 0, number < 1 << 32 else { return false }
            if name == "--wait" { settings.wait = .seconds(number) }
            if name == "--answer" { settings.answer = .seconds(number) }
            if name == "--parallel" { settings.parallel = number }
        case "--started": hasProvider = value != "no"
        case "--openapi", "--proto", "--schema":
            guard let kind = InterfaceKind(rawValue: String(name.dropFirst(2))) else { return false }
            documents.append(Document(kind: kind, path: value))
        case "--consumer": contracts.append(Contract(consumer: value))
        default: return takeOfContract(name, value)
        }
        return true
    }

    private mutating func takeOfContract(_ name: String, _ value: String) -> Bool {
        guard let last = contracts.indices.last else { return false }
        switch name {
        case "--owner": contracts[last].owners.append(value)
        case "--contract": contracts[last].paths.append(value)
        case "--terms", "--pending":
            let texts = value.utf8.split(separator: UInt8(ascii: ","))
            let terms = texts.compactMap { SHA256Value(hex: String(decoding: $0, as: UTF8.self)) }
            guard terms.count == texts.count else { return false }
            if name == "--terms" { contracts[last].terms += terms } else { contracts[last].pending.formUnion(terms) }
        default: return false
        }
        return true
    }
}
