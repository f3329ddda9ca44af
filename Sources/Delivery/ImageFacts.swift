// What is known of how an image was made: the inputs of its whole closure, its bases, its tools. Holds no value of a build
// argument or a variable, as any of them may be a secret. Does not know how it is attested.
package import BuildEngine
package import BuildGraph
import Buildfile

/// The origin of one image.
package struct ImageFacts: Sendable {
    /// A file that went into the image or into what went into it.
    package struct Input: Sendable, Hashable {
        package let path: BytePath
        package let kind: FileKind
        package let content: SHA256Value
    }

    /// An image that it starts or copies from.
    package struct Base: Sendable, Hashable {
        package let reference: String
        /// `sha256:…`; nil where nothing pins it.
        package let digest: String?
    }

    package let label: String
    /// `registry/name`, without the tag.
    package let repository: String
    /// `sha256:…` of its manifest.
    package let digest: String
    package let hash: InputHash
    package let commit: String?
    /// Relative to the workspace's root.
    package let dockerfile: BytePath
    package let targetStage: String?
    package let platforms: [String]
    /// Names alone, sorted.
    package let arguments: [String]
    /// Sorted by path.
    package let inputs: [Input]
    /// Sorted by reference.
    package let bases: [Base]
    /// The targets that it was made with: label and input hash, sorted.
    package let targets: [(label: String, hash: InputHash)]
    /// What it was made with, besides the Buildfile's own tools in `release.tools`.
    package let tools: Release.Tools

    /// Of `service` as `release` has it, where `hashed` is the graph that the release was made of; nil where the graph has no
    /// such image, or the release no digest of it.
    package init?(of service: String, in release: Release, _ hashed: HashedGraph) throws(FileSystemError) {
        let graph = hashed.graph
        guard let index = graph.index(of: Label(component: service, stage: "image")),
            case .image(let rule) = graph.targets[index].making, let known = release.services[service],
            known.hash == hashed.hashes[index], let digest = known.digest
        else { return nil }
        let closure = Self.closure(of: index, graph)
        label = graph.targets[index].label.description
        repository = BuildahDriver.repository(of: hashed.reference(of: index))
        self.digest = digest
        hash = known.hash
        commit = release.commit
        dockerfile = rule.dockerfile
        targetStage = rule.targetStage
        platforms = graph.targets[index].attributes.platforms.sorted()
        arguments = rule.arguments.keys.sorted()
        inputs = try Self.inputs(of: closure, hashed)
        bases = try Self.bases(rule, release, hashed)
        targets = closure.filter { $0 != index }.map { (graph.targets.label($0).description, hashed.hashes[$0]) }
            .sorted { $0.0 < $1.0 }
        var tools = release.tools
        tools.declared = [:]
        for target in closure {
            for tool in graph.targets[target].tools { tools.declared[tool.name] = tool.version }
        }
        self.tools = tools
    }

    /// `index` and all that it takes in; other images only by their references.
    private static func closure(of index: Int, _ graph: Graph) -> [Int] {
        var found: Set = [index]
        var open = [index]
        while let next = open.popLast() {
            for below in graph.targets[next].prerequisites
            where !graph.targets[below].isImage && found.insert(below).inserted { open.append(below) }
        }
        return found.sorted()
    }

    private static func inputs(of targets: [Int], _ hashed: HashedGraph) throws(FileSystemError) -> [Input] {
        var found: Set<Input> = []
        for target in targets {
            for field in try hashed.manifest(of: target) where field.tag == .file {
                guard let kind = field.value.first.flatMap({ FileKind(rawValue: $0) }),
                    let content = SHA256Value(bytes: field.value.dropFirst())
                else { continue }
                found.insert(Input(path: BytePath(bytes: field.key), kind: kind, content: content))
            }
        }
        return found.sorted { $0.path < $1.path }
    }

    private static func bases(
        _ rule: ImageRule, _ release: Release, _ hashed: HashedGraph
    ) throws(FileSystemError) -> [Base] {
        var own: [String: String?] = [:]
        var arguments = rule.arguments
        for (name, target) in rule.imagePrerequisites {
            let reference = hashed.reference(of: target)
            arguments[name] = reference
            own[reference] = release.services[hashed.graph.targets.label(target).component]?.digest
        }
        let text = try hashed.graph.tree.files.contents(of: rule.dockerfile)
        let read = DockerfileInputs.read(
            SourceText(name: rule.dockerfile.shown, bytes: text), arguments: arguments, targetStage: rule.targetStage)
        var found: Set<Base> = []
        for base in read.baseImages where base.isResolved {
            var digest = own[base.reference] ?? nil
            if let at = base.reference.lastIndex(of: "@") {
                digest = String(base.reference[base.reference.index(after: at)...])
            }
            found.insert(Base(reference: base.reference, digest: digest))
        }
        return found.sorted { $0.reference < $1.reference }
    }
}
