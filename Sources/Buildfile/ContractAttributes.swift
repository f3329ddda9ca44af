// What `[pact …]` and its companions say of how a provider is verified. Does not know rules' other attributes, nor verifying.

/// The words of `[pact KEY=VALUE…]`: how lmsbuild's own verifier meets the provider, which the recipe or its image starts.
package struct PactSettings: Sendable, Hashable {
    /// There is no recipe: the component's own image is the provider.
    package var image = false
    /// Waits until GET of this path answers 2xx; nil: until the port accepts connections.
    package var health: String?
    /// The path that changes the provider's state.
    package var states: String?
    /// The path that gives messages.
    package var messages: String?
    /// How long the provider may take to get healthy.
    package var wait = Duration.seconds(30)
    /// How long one answer may take.
    package var answer = Duration.seconds(30)
    /// Interactions that are verified at once, at least 1.
    package var parallel = 1

    package init() {}

    /// The first word that has not the form, or that says again what an earlier one says.
    struct Mismatch: Error {
        let word: Word
    }

    private enum Key: String {
        case health, states, messages, wait, answer, parallel
    }

    init(_ words: [Word]) throws(Mismatch) {
        var seen: Set<Key> = []
        for word in words {
            if word.text == "image", !image {
                image = true
                continue
            }
            guard let equals = word.text.utf8.firstIndex(of: UInt8(ascii: "=")),
                let key = Key(rawValue: String(word.text[..<equals])), seen.insert(key).inserted,
                take(key, String(word.text[word.text.utf8.index(after: equals)...]))
            else { throw Mismatch(word: word) }
        }
    }

    /// False where the value has not the key's form.
    private mutating func take(_ key: Key, _ value: String) -> Bool {
        switch key {
        case .health: health = value
        case .states: states = value
        case .messages: messages = value
        case .wait, .answer:
            guard let duration = parseDuration(value), duration > .zero else { return false }
            if key == .wait { wait = duration } else { answer = duration }
            return true
        case .parallel:
            guard value.utf8.allSatisfy(\.isDigit), let count = Int(value), (1...64).contains(count) else {
                return false
            }
            parallel = count
            return true
        }
        return Self.isPath(value)
    }

    /// A request's path goes to the provider as it is written.
    private static func isPath(_ text: String) -> Bool {
        text.utf8.first == UInt8(ascii: "/") && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }

    /// A word with the key of `word` and a right value in place of what a variable will say.
    static func standIn(for word: Word) -> String {
        guard let equals = word.text.utf8.firstIndex(of: UInt8(ascii: "=")) else { return word.text }
        let key = String(word.text[..<equals])
        switch Key(rawValue: key) {
        case .health, .states, .messages: return key + "=/"
        case .wait, .answer: return key + "=1s"
        case .parallel: return key + "=1"
        case nil: return word.text
        }
    }
}

/// What kind of document describes a provider's interface: `[openapi FILE]`, `[proto FILE]` or `[schema FILE]`.
package enum InterfaceKind: String, Sendable, Hashable, CaseIterable {
    case openapi, proto, schema
}

/// Attributes that say how a contract is verified, and so belong to `verify` alone.
private let contractAttributes: Set<String> = ["pact", "states", "pending", "batch", "openapi", "proto", "schema"]

/// What is wrong with the attributes of a rule as a whole.
func checkContractAttributes(_ attributes: [Attribute], stage: Word, hasRecipe: Bool) -> Diagnostic? {
    let own = attributes.filter { contractAttributes.contains($0.name.text) }
    guard let first = own.first else { return nil }
    if stage.text != "verify" {
        return Diagnostic(
            .misplaced, "'[\(first.name.text)]' belongs to the rule 'verify', not to '\(stage.text)'",
            at: first.name.span, hint: "a consumer's contracts are verified by the provider's rule 'verify'")
    }
    let pact = own.first { $0.name.text == "pact" }
    if let document = own.first(where: { InterfaceKind(rawValue: $0.name.text) != nil }), pact == nil {
        if !hasRecipe { return statesMistake(own, pact: nil) }
        return Diagnostic(
            .misplaced, "'[\(document.name.text)]' has a recipe that nobody runs", at: document.name.span,
            hint: "remove the recipe: lmsbuild compares the documents itself; with [pact] it starts the provider")
    }
    let image = pact?.arguments.first { $0.text == "image" }
    if let image, hasRecipe {
        return Diagnostic(
            .misplaced, "'[pact image]' has a recipe that nobody runs", at: image.span,
            hint: "remove the recipe: the component's image is started; without 'image' the recipe starts the provider")
    }
    if !hasRecipe, image == nil {
        return Diagnostic(
            .misplaced, "'[\(first.name.text)]' needs a recipe", at: first.name.span,
            hint: pact == nil
                ? "with [pact] the recipe starts the provider, without it is the verifier itself"
                : "the recipe starts the provider; [pact image] starts the component's image instead")
    }
    return statesMistake(own, pact: pact)
}

private func statesMistake(_ own: [Attribute], pact: Attribute?) -> Diagnostic? {
    if let states = own.first(where: { $0.name.text == "states" }) {
        guard let pact else {
            return Diagnostic(
                .misplaced, "'[states]' stands without '[pact]'", at: states.name.span,
                hint: "lmsbuild's own verifier runs the command; add [pact]")
        }
        if let path = pact.arguments.first(where: { $0.text.hasPrefix("states=") }) {
            return Diagnostic(
                .badAttribute, "provider states are set by a path and by a command", at: path.span,
                notes: [Diagnostic.Note("the command is given here", at: states.name.span)], hint: "remove one of them")
        }
    }
    return nil
}
