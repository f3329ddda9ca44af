// What `[changed-only]` needs of the rest of its rule.

/// What is wrong with a rule that has `[changed-only]`: the report that others' results are put into has to be named, and a
/// recipe has to be told what changed.
func checkChangedOnly(_ attributes: [Attribute], hasRecipe: Bool) -> Diagnostic? {
    guard let own = attributes.first(where: { $0.name.text == AttributeForm.changedOnly.rawValue }) else { return nil }
    if !hasRecipe {
        return Diagnostic(
            .misplaced, "'[changed-only]' needs a recipe", at: own.name.span,
            hint: "the recipe measures the files that $changed names, and everything where it names none")
    }
    let isMeasured = attributes.contains { $0.name.text == "gate" && $0.arguments.first?.text == "mutation" }
    if isMeasured { return nil }
    return Diagnostic(
        .misplaced, "'[changed-only]' needs a '[gate mutation …]'", at: own.name.span,
        hint: "the gate's file is the report that the results of unchanged files are put into")
}
