// Makes a target's action from its graph node and from what its prerequisites put out.
package import BuildGraph
import Buildfile

/// What a finished target hands on to those that name it.
package struct TargetProduct: Sendable {
    /// Sorted by path; empty for images, groups and checks.
    package let outputs: [OutputFile]
    package let imageDigest: String?
    /// True where a file changed while the run used it: what was made is right, but not what the input hash names.
    package let isTainted: Bool

    /// Stands for the outputs in the action keys of those that take them in.
    let name: SHA256Value

    init(outputs: [OutputFile], imageDigest: String?, isTainted: Bool) {
        self.outputs = outputs
        self.imageDigest = imageDigest
        self.isTainted = isTainted
        name = Self.name(of: outputs, imageDigest)
    }

    /// Outputs whose name is known.
    init(outputs: [OutputFile], name: SHA256Value) {
        self.outputs = outputs
        imageDigest = nil
        isTainted = false
        self.name = name
    }

    private static func name(of outputs: [OutputFile], _ imageDigest: String?) -> SHA256Value {
        var hasher = ManifestHasher()
        for output in outputs {
            hasher.visit(
                ManifestField(.output, key: output.path.bytes, value: [output.kind.rawValue] + output.digest.hash.bytes)
            )
        }
        if let imageDigest { hasher.visit(ManifestField(.imageTag, value: Array(imageDigest.utf8))) }
        return hasher.digest(domain: "lmsbuild outputs 2").hash
    }
}

extension HashedGraph {
    /// The key under which the result of `target`, which is `node`, is kept. An image's covers its whole input hash, which
    /// is its tag. `name` tells what a producer put out.
    func key(of target: Int, _ node: Target, _ scope: RunScope, name: (Int) -> SHA256Value?) -> ActionKey {
        let isImage = node.isImage
        return actionKey(of: target) { index in
            if isImage { return hashes[index].value.bytes }
            return scope.producers(behind: index).flatMap { (name($0) ?? hashes[$0].value).bytes }
        }
    }

    /// The action of `target`, or nil for a group. `environment` gives the values of `pass` and `secret` names, and
    /// `home` is what `~` means in `[keep]`.
    func action(
        of target: Int, _ node: Target, _ scope: RunScope, products: [Int: TargetProduct], environment: [String: String]
    ) throws(FileSystemError) -> Action? {
        var inputs: [BytePath: ActionInput] = [:]
        for index in node.files {
            let entry = graph.tree.entries[index]
            let placed = try graph.tree.files.placedDigest(of: entry.path)
            let own = try digest(ofEntry: index)
            inputs[entry.path] = ActionInput(path: entry.path, kind: entry.kind, digest: placed ?? own)
        }
        for producer in node.prerequisites.flatMap({ scope.producers(behind: $0) }) {
            for output in products[producer]?.outputs ?? [] {
                inputs[output.path] = ActionInput(path: output.path, kind: output.kind, digest: output.digest)
            }
        }
        let command: ActionCommand
        switch node.making {
        case .group: return nil
        case .recipe(let recipe, let shell):
            command = .recipe(
                interpreter: shell, script: recipe.text, folder: graph.components[node.component].folder)
        case .image(let rule):
            guard let dockerfile = inputs[rule.dockerfile] else { return nil }
            if !rule.takesDockerfile { inputs[rule.dockerfile] = nil }
            inputs = inputs.filter { $0.key.isInside(rule.context) }
            command = .image(request(of: target, node, rule, dockerfile))
        }
        var values = node.values.compactMapValues { $0 }
        if let contract = node.contractVariable(in: graph.components[node.component].folder) {
            values["contract"] = contract
        }
        for edge in node.edges where edge.kind == .tag { values["tag"] = hashes[edge.target].hex }
        var unhashed: [String: String] = [:]
        for name in node.passed + node.secrets { unhashed[name] = environment[name] }
        return Action(
            label: node.label, command: command, inputs: inputs.values.sorted { $0.path < $1.path },
            environment: values, unhashedEnvironment: unhashed, secretNames: Set(node.secrets),
            outputs: node.outputs.map { ActionOutput(path: $0.path, isFolder: $0.isFolder) }.sorted(),
            attributes: attributes(node, home: environment["HOME"]))
    }

    private func request(
        of target: Int, _ node: Target, _ rule: ImageRule, _ dockerfile: ActionInput
    ) -> ImageRequest {
        var arguments = rule.arguments
        for (name, base) in rule.imagePrerequisites { arguments[name] = reference(of: base) }
        var request = ImageRequest(
            repository: graph.repository(of: node.label.component), tag: hashes[target].hex,
            context: rule.context, dockerfile: dockerfile, targetStage: rule.targetStage, arguments: arguments,
            imageArguments: Set(rule.imagePrerequisites.keys),
            platforms: node.attributes.platforms)
        request.pins = rule.pins
        return request
    }

    /// `registry/name:<input hash>` of an image target.
    package func reference(of target: Int) -> String {
        graph.repository(of: graph.targets.label(target).component) + ":" + hashes[target].hex
    }

    private func attributes(_ node: Target, home: String?) -> ActionAttributes {
        var attributes = ActionAttributes()
        attributes.timeout = node.attributes.timeout
        attributes.retries = node.attributes.retries
        attributes.network = node.attributes.network
        attributes.keep = node.attributes.keep.compactMap { path in
            guard path.bytes.starts(with: Array("~/".utf8)) else { return path }
            return home.map { BytePath($0).appending(BytePath(bytes: Array(path.bytes.dropFirst(2)))) }
        }
        attributes.reports = node.attributes.reports.map(\.glob)
        return attributes
    }
}
