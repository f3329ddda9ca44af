/// The rule of thumb that many pipelines are built on: a component's targets run when a path below its folder has changed,
/// or one below the folder of a component that it takes in, however far. It is here to be compared with, and decides
/// nothing.
///
/// It looks at no content and no Buildfile: it misses an image that copies from a folder beside it and a change of the
/// root Buildfile, and it runs everything of a component for a README.
package struct FolderPrefixRule: Sendable {
    private let graph: Graph
    /// Component → components that its targets take in, itself included.
    private let takenIn: [Set<Int>]

    package init(_ graph: Graph) {
        var below = graph.components.map { _ in Set<Int>() }
        let names = Dictionary(
            graph.components.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
        for (index, component) in graph.components.enumerated() {
            below[index].formUnion(component.uses.compactMap { names[$0] })
        }
        for target in graph.targets {
            for edge in target.edges where edge.kind != .gate {
                below[target.component].insert(graph.targets[edge.target].component)
            }
        }
        takenIn = below.indices.map { start in
            var found: Set<Int> = [start]
            var open = [start]
            while let next = open.popLast() {
                for component in below[next] where found.insert(component).inserted { open.append(component) }
            }
            return found
        }
        self.graph = graph
    }

    /// The targets that the rule runs for changes of `paths`.
    package func targets(changed paths: [BytePath]) -> Set<Int> {
        let touched = Set(
            graph.components.indices.filter { index in
                let folder = graph.components[index].folder
                return paths.contains { folder.isEmpty || $0.isInside(folder) }
            })
        return Set(graph.targets.indices.filter { !takenIn[graph.targets[$0].component].isDisjoint(with: touched) })
    }
}
