import Buildfile

// What a recipe's environment holds, and why. Does not know where variables come from (VariableScope does).
extension TargetBuilder {
    struct RecipeEnvironment {
        var values: [String: String?] = [:]
        var passed: [String] = []
        var secrets: [String] = []
    }

    mutating func recipeEnvironment(
        _ seed: TargetSeed, _ recipe: Recipe?, _ scope: inout VariableScope, _ edges: inout [Edge]
    ) -> RecipeEnvironment {
        var result = RecipeEnvironment()
        guard let recipe else { return result }
        let exported = words("export", of: seed)
        for word in exported where !scope.knows(word.text) {
            diagnostics.append(
                .unknown(
                    .unknownVariable, "variable", word.text, at: word.span, among: scope.names.sorted(),
                    otherwise: "'export' names Buildfile variables; 'env' names the environment's"))
        }
        var names = mentions(in: recipe)
        let further = scope.mentioned.union(exported.lazy.map(\.text)).subtracting(names)
        if !further.isEmpty { names = (names + further).sorted() }
        for name in names {
            // Where a contract lies does not matter; what it asks for is hashed by itself.
            if name == "contract", seed.consumption != nil, !scope.mentioned.contains(name) { continue }
            if scope.knows(name) {
                if let value = scope.value(of: name, at: recipe.span) { result.values[name] = .some(value) }
            } else if words("env", of: seed).contains(where: { $0.text == name }) {
                result.values[name] = .some(settings.variable(name))
            } else if words("pass", of: seed).contains(where: { $0.text == name }) {
                result.passed.append(name)
            } else if words("secret", of: seed).contains(where: { $0.text == name }) {
                result.secrets.append(name)
            } else if name == "tag", !recipe.text.contains("tag="),
                let image = targets(ofStage: "image", of: seed.component)?.first
            {
                edges.append(Edge(kind: .tag, target: image, span: recipe.span))
            }
        }
        return result
    }

    private func words(_ keyword: String, of seed: TargetSeed) -> [Word] {
        drafts[seed.component].block.words(keyword)
    }

    /// The names that a recipe mentions, sorted. Most recipes are templates', and many targets have each.
    private mutating func mentions(in recipe: Recipe) -> [String] {
        if let known = mentions[recipe.span] { return known }
        let found = Mentions.names(in: recipe.text).sorted()
        mentions[recipe.span] = found
        return found
    }
}
