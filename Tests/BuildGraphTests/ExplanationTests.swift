import BuildGraph
import BuildTestSupport
import Buildfile
import Testing

@Suite struct ExplanationTests {
    private func hashed(_ files: [String: String]) throws -> HashedGraph {
        let resolution = try resolve(MemoryFileSystem(files), ResolutionSettings())
        return try HashedGraph(try #require(resolution.graph, "\(resolution.diagnostics.map(\.message))"))
    }

    /// A random graph of libraries that take in one another, as files; `values` are the contents of `cN/src`.
    private func files(_ edges: [[Int]], _ values: [Int]) -> [String: String] {
        var files: [String: String] = [:]
        var text = ""
        for (number, below) in edges.enumerated() {
            let prerequisites = below.map { " c\($0):build" }.joined()
            text +=
                "library c\(number)\n    dir c\(number)\n    build: src\(prerequisites) -> out\n        cat src > out\n"
            files["c\(number)/src"] = "\(values[number])"
        }
        files["Buildfile"] = text
        return files
    }

    /// The length of the shortest way from each target to `goal`, by breadth-first search of its own.
    private func distance(from start: Int, to goal: Int, _ edges: [[Int]]) -> Int? {
        var reached: Set<Int> = [start]
        var distance = 0
        while !reached.contains(goal) {
            let next = reached.union(reached.flatMap { edges[$0] })
            if next == reached { return nil }
            reached = next
            distance += 1
        }
        return distance
    }

    @Test func everyCauseByAShortestChainAndNothingElse() throws {
        var generator = SeededGenerator(seed: 11)
        for _ in 0..<60 {
            let count = Int.random(in: 1...9, using: &generator)
            let edges = (0..<count).map { number in
                (0..<number).filter { _ in Int.random(in: 0..<3, using: &generator) == 0 }
            }
            let old = [Int](repeating: 0, count: count)
            let new = old.map { _ in Int.random(in: 0..<4, using: &generator) == 0 ? 1 : 0 }
            let base = try hashed(files(edges, old))
            let head = try hashed(files(edges, new))
            let affected = Set(AffectedSet(base: base, head: head).targets)
            for index in head.graph.targets.indices {
                let label = head.graph.targets[index].label
                let found = try causes(of: label, from: TargetStates(base), to: TargetStates(head))
                #expect(found.isEmpty == !affected.contains(index))
                let start = Int(label.component.dropFirst()) ?? -1
                let expected = (0..<count).filter { new[$0] != 0 && distance(from: start, to: $0, edges) != nil }
                #expect(Set(found.map { $0.change.subject.shown }) == Set(expected.map { "c\($0)/src" }))
                for cause in found {
                    let chain = cause.chain.map { Int($0.component.dropFirst()) ?? -1 }
                    let goal = try #require(chain.last)
                    #expect(chain.first == start)
                    #expect(zip(chain, chain.dropFirst()).allSatisfy { edges[$0].contains($1) })
                    #expect(chain.count - 1 == distance(from: start, to: goal, edges))
                }
                #expect(found.map(\.chain.count) == found.map(\.chain.count).sorted())
            }
        }
    }

    @Test func undoingTheCausesUndoesTheDifference() throws {
        var generator = SeededGenerator(seed: 12)
        let edges = [[], [0], [0, 1], [2], [1], [3, 4]]
        for _ in 0..<40 {
            let old = [Int](repeating: 0, count: 6)
            let new = old.map { _ in Int.random(in: 0...1, using: &generator) }
            let base = try hashed(files(edges, old))
            let head = try hashed(files(edges, new))
            let found = try causes(
                of: Label(component: "c5", stage: "build"), from: TargetStates(base), to: TargetStates(head))
            var undone = new
            for cause in found {
                let number = try #require(cause.chain.last.flatMap { Int($0.component.dropFirst()) })
                undone[number] = old[number]
            }
            let again = try hashed(files(edges, undone))
            let index = try #require(again.graph.index(of: Label(component: "c5", stage: "build")))
            #expect(again.hashes[index] == base.hashes[index])
        }
    }

    /// As records of last runs are: a prerequisite may have run since, or never.
    @Test func whatIsRecordedOfAnotherStateEndsTheChain() throws {
        let edges = [[], [0]]
        let base = try hashed(files(edges, [0, 0]))
        let head = try hashed(files(edges, [1, 0]))
        let asked = Label(component: "c1", stage: "build")
        let below = Label(component: "c0", stage: "build")
        for known in [nil, TargetStates(head).hash(below)] {
            let record = TargetStates(
                hash: { $0 == asked ? TargetStates(base).hash($0) : known },
                manifest: { label throws(FileSystemError) in
                    label == asked ? try TargetStates(base).manifest(label) : nil
                })
            let found = try causes(of: asked, from: record, to: TargetStates(head))
            #expect(found.map(\.chain) == [[asked]])
            #expect(found.map(\.change) == [Change(.prerequisite, BytePath("c0:build"))])
        }
    }

    @Test(arguments: ["a:b", "a-b.c:d", "a:verify[b]", "a:build[x-y]"])
    func labelsAreReadBack(_ text: String) {
        #expect(Label(parsing: Array(text.utf8))?.description == text)
    }

    @Test(arguments: ["", "a", "a:", ":b"])
    func whatIsNoLabelIsNone(_ text: String) {
        #expect(Label(parsing: Array(text.utf8)) == nil)
    }
}
