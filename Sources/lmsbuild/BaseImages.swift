// The base images that come from elsewhere: which there are, and what is said of those that nothing pins. Does not ask registries.
import BuildEngine
import BuildGraph
import Buildfile

extension Graph {
    /// The names of images from elsewhere that the images at `targets` take in.
    func externalBases(of targets: some Sequence<Int>) -> Set<String> {
        var names: Set<String> = []
        for target in targets {
            if case .image(let rule) = self.targets[target].making { names.formUnion(rule.externalBases.keys) }
        }
        return names
    }

    /// What is to be said (LMS204) of base images of `targets` that `Buildfile.lock` does not pin: each place once.
    func unpinnedBases(
        of targets: some Sequence<Int>, _ severity: Diagnostic.Severity
    ) throws(FileSystemError) -> [Diagnostic] {
        var found: [Diagnostic] = []
        var sources: [BytePath: SourceText] = [:]
        var seen: Set<SourceSpan> = []
        for target in targets {
            let node = self.targets[target]
            guard case .image(let rule) = node.making, rule.externalBases.values.contains("") else { continue }
            let source: SourceText
            if let known = sources[rule.dockerfile] {
                source = known
            } else {
                source = SourceText(name: rule.dockerfile.shown, bytes: try tree.files.contents(of: rule.dockerfile))
                sources[rule.dockerfile] = source
            }
            var arguments = rule.arguments
            for name in rule.imagePrerequisites.keys { arguments[name] = "\(name):pinned" }
            let read = DockerfileInputs.read(source, arguments: arguments, targetStage: rule.targetStage)
            for base in read.externalBases(prerequisites: Set(rule.imagePrerequisites.keys))
            where rule.externalBases[base.reference] == "" && seen.insert(base.span).inserted {
                found.append(
                    Diagnostic(
                        .unpinnedBase, severity,
                        "'\(node.label)' starts from whatever '\(base.reference)' stands for when it is built",
                        at: base.span,
                        hint: "'lmsbuild lock' pins it in Buildfile.lock"))
            }
        }
        return found
    }
}
