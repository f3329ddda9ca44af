// A provider that is verified as its built image: `[pact image]`. Does not know how an image is started.
import Buildfile

extension TargetBuilder {
    /// The component's image is built before, and its input hash is what is verified.
    mutating func takeOwnImage(_ seed: TargetSeed, _ edges: inout [Edge]) {
        if let image = targets(ofStage: "image", of: seed.component)?.first, isImage(image) {
            edges.append(Edge(kind: .input, target: image, span: seed.rule.stage.span))
            return
        }
        let name = drafts[seed.component].name
        diagnostics.append(
            Diagnostic(
                .badAttribute, "'[pact image]' stands in '\(name)', which builds no image", at: seed.rule.stage.span,
                hint: "add the rule 'image:', or start the provider by a recipe below '[pact]'"))
    }
}

extension Graph {
    /// The image that `node` starts as its provider; nil where it starts none.
    package func providerImage(of node: Target) -> Int? {
        guard node.attributes.pact?.image == true else { return nil }
        return node.edges.lazy.filter { $0.kind == .input }.map(\.target).first { target in
            targets[target].isImage && targets[target].component == node.component
        }
    }
}
