import BuildGraph
import BuildTestSupport
import Buildfile
import Testing

@Suite struct GraphQuestionsTests {
    private func random(_ count: Int, _ generator: inout SeededGenerator) -> [[Int]] {
        (0..<count).map { node in (0..<node).filter { _ in Int.random(in: 0..<3, using: &generator) == 0 } }
    }

    private func reach(_ edges: [[Int]]) -> [Set<Int>] {
        var all: [Set<Int>] = []
        for below in edges { all.append(below.reduce(into: Set(below)) { $0.formUnion(all[$1]) }) }
        return all
    }

    @Test func theReductionReachesTheSameWithTheFewestEdges() {
        var generator = SeededGenerator(seed: 21)
        for _ in 0..<200 {
            let edges = random(Int.random(in: 0...14, using: &generator), &generator)
            let reduced = transitiveReduction(edges)
            #expect(reach(reduced) == reach(edges))
            for (node, below) in reduced.enumerated() {
                for left in below.indices {
                    var fewer = reduced
                    fewer[node].remove(at: left)
                    #expect(reach(fewer) != reach(edges))
                }
            }
        }
    }

    @Test func circlesAreKept() {
        #expect(transitiveReduction([[1], [2], [0]]) == [[1], [2], [0]])
    }

    private func graph() throws -> Graph {
        let files = MemoryFileSystem([
            "Buildfile": """
            library a
                build: a -> out/a
                    cp a out/a
            library b
                build: a a:build -> out/b
                    cp a out/b
            service c
                build: a b:build | a:build -> out/c
                    cp a out/c
                image: Dockerfile :build
            service d
                deploy: a
                    echo $tag
                image: Dockerfile
                check: a | c:build
                    true

            """, "a": "", "Dockerfile": "FROM scratch\nCOPY a /\n",
        ])
        let resolution = try resolve(files, ResolutionSettings())
        return try #require(resolution.graph, "\(resolution.diagnostics.map(\.message))")
    }

    @Test func whatIsNeededAndWhatNeeds() throws {
        let graph = try graph()
        func labels(_ found: Set<Int>) -> [String] { found.sorted().map { graph.targets[$0].label.description } }
        func index(_ text: String) throws -> Int {
            let label = try #require(Label(parsing: Array(text.utf8)))
            return try #require(graph.index(of: label))
        }
        let all: Set<Edge.Kind> = [.input, .tag, .gate]
        #expect(
            labels(graph.dependencies(of: [try index("c:build")], over: [.input], direct: false)) == [
                "a:build", "b:build",
            ])
        #expect(labels(graph.dependencies(of: [try index("c:build")], over: [.input], direct: true)) == ["b:build"])
        #expect(
            labels(graph.dependencies(of: [try index("c:build")], over: all, direct: true)) == ["a:build", "b:build"])
        #expect(labels(graph.dependents(of: [try index("a:build")], over: [.input], direct: true)) == ["b:build"])
        #expect(
            labels(graph.dependents(of: [try index("a:build")], over: all, direct: false))
                == ["b:build", "c:build", "c:image", "d:check"])
        #expect(labels(graph.dependencies(of: [try index("d:deploy")], over: [.tag], direct: false)) == ["d:image"])
        let way = try #require(
            graph.path(from: [try index("c:image")], to: [try index("a:build")], over: [.input]))
        #expect(way.map { graph.targets[$0.target].label.description } == ["c:image", "c:build", "b:build"])
        #expect(graph.path(from: [try index("c:image")], to: [try index("a:build")], over: all)?.count == 2)
        #expect(graph.path(from: [try index("a:build")], to: [try index("c:image")], over: all) == nil)
        #expect(graph.path(from: [try index("a:build")], to: [try index("a:build")], over: all)?.isEmpty == true)
    }
}
