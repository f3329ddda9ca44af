import BuildTestSupport
import Reporting
import Testing

@Suite struct GraphPictureTests {
    private func node(_ name: String, _ kind: String = "service", affected: Bool? = nil, cached: Bool? = nil)
        -> GraphPicture.Node
    {
        GraphPicture.Node(
            name: name, component: name, kind: kind, stage: nil, isAffected: affected, isCached: cached)
    }

    private var small: GraphPicture {
        GraphPicture(
            nodes: [node("app", affected: true), node("lib", "library", affected: false, cached: true), node("other")],
            edges: [
                .init(from: 0, to: 1, kind: .input, file: "Buildfile", line: 3), .init(from: 2, to: 0, kind: .gate),
                .init(from: 2, to: 1, kind: .input), .init(from: 0, to: 2, kind: .consumes),
                .init(from: 2, to: 0, kind: .tag),
            ])
    }

    /// Layers of random width whose nodes need some of the layer above.
    private func large(_ seed: UInt64) -> GraphPicture {
        var generator = SeededGenerator(seed: seed)
        var nodes: [GraphPicture.Node] = []
        var edges: [GraphPicture.Edge] = []
        for _ in 0..<Int.random(in: 1...6, using: &generator) {
            let start = nodes.count
            for _ in 0..<Int.random(in: 1...60, using: &generator) {
                nodes.append(
                    node(String(repeating: "W", count: Int.random(in: 1...40, using: &generator)) + "\(nodes.count)"))
                for _ in 0..<2 where start > 0 {
                    let below = Int.random(in: 0..<start, using: &generator)
                    edges.append(.init(from: nodes.count - 1, to: below, kind: .input))
                }
            }
        }
        return GraphPicture(nodes: nodes, edges: edges)
    }

    @Test func text() {
        #expect(
            small.text == """
                app affected
                  input lib
                  consumes other
                lib cached
                other
                  gate app
                  input lib
                  tag app

                """)
    }

    @Test func dot() {
        #expect(
            small.dot == """
                digraph lmsbuild {
                  rankdir=LR;
                  node [shape=box, fontname="sans-serif"];
                  "app" [style="filled,bold", fillcolor="#ffd9a0"];
                  "lib" [tooltip="cached"];
                  "other" [style="rounded"];
                  "app" -> "lib";
                  "other" -> "app" [style=dashed];
                  "other" -> "lib";
                  "app" -> "other" [style=dotted];
                  "other" -> "app" [label="tag"];
                }

                """)
    }

    @Test func mermaid() {
        #expect(
            small.mermaid == """
                flowchart LR
                  n0("app")
                  n1["lib"]
                  n2("other")
                  n0 --> n1
                  n2 -.-> n0
                  n2 --> n1
                  n0 -. consumes .-> n2
                  n2 -- tag --> n0
                  classDef affected fill:#ffd9a0,stroke:#b35900,stroke-width:3px,color:#000
                  class n0 affected

                """)
    }

    @Test func edgesThatALongerWayImpliesAreLeftOutAndCounted() {
        let reduced = small.reduced()
        #expect(reduced.edges.map(\.kind) == [.input, .gate, .consumes, .tag])
        #expect(reduced.impliedEdges == 1)
        #expect(GraphSVG.document(reduced).contains("1 edges that a longer way implies are left out"))
    }

    @Test func anOrderImpliesNothingThatIsTakenIn() {
        let nodes = ["a", "b", "c"].map { node($0) }
        func kinds(_ first: GraphPicture.Edge.Kind, _ direct: GraphPicture.Edge.Kind) -> [GraphPicture.Edge.Kind] {
            GraphPicture(
                nodes: nodes,
                edges: [
                    .init(from: 0, to: 1, kind: first), .init(from: 0, to: 2, kind: direct),
                    .init(from: 1, to: 2, kind: .input),
                ]
            ).reduced().edges.map(\.kind)
        }
        #expect(kinds(.gate, .input) == [.gate, .input, .input])
        #expect(kinds(.gate, .gate) == [.gate, .input])
        #expect(kinds(.input, .input) == [.input, .input])
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6])
    func noTwoBoxesOverlapAndWhatIsNeededIsAbove(_ seed: UInt64) {
        let picture = large(seed)
        let layout = GraphLayout(picture)
        for (index, box) in layout.boxes.enumerated() {
            #expect(box.x >= 0 && box.y >= 0 && box.x + box.width <= layout.width && box.bottom <= layout.height)
            // The widest letters of the face are less than 12 pixels wide, a name's own width is allowed for.
            #expect(box.width >= picture.nodes[index].name.utf8.count * 8 + 25)
            for other in layout.boxes[(index + 1)...] {
                let isApart =
                    box.x + box.width <= other.x || other.x + other.width <= box.x || box.bottom <= other.y
                    || other.bottom <= box.y
                #expect(isApart)
            }
        }
        for edge in picture.edges { #expect(layout.boxes[edge.to].bottom < layout.boxes[edge.from].y) }
    }

    @Test func picturesAreTheSameEachTime() {
        #expect(GraphSVG.document(large(9)) == GraphSVG.document(large(9)))
        #expect(GraphPage.document(large(9)) == GraphPage.document(large(9)))
    }

    @Test func everyNodeAndEdgeIsThere() {
        let picture = large(10)
        for text in [GraphSVG.document(picture), GraphPage.document(picture)] {
            for index in picture.nodes.indices { #expect(text.contains("id=\"n\(index)\"")) }
            for index in picture.edges.indices { #expect(text.contains("id=\"e\(index)\"")) }
        }
    }

    @Test func namesAreNeverMarkup() {
        let hostile = #"</script><script>alert(1)</script>"&'"#
        let picture = GraphPicture(
            nodes: [node(hostile)], edges: [.init(from: 0, to: 0, kind: .consumes, file: hostile, line: 1)])
        for text in [GraphSVG.document(picture), GraphPage.document(picture), picture.mermaid] {
            #expect(!text.contains("<script>alert"))
            #expect(!text.contains("</script><"))
        }
        #expect(GraphPage.document(picture).contains("default-src 'none'"))
        #expect(picture.dot.contains(#""</script><script>alert(1)</script>\"&'""#))
    }

    @Test func anEmptyGraphIsAPicture() {
        let picture = GraphPicture(nodes: [], edges: [])
        #expect(GraphSVG.document(picture).contains("</svg>"))
        #expect(GraphPage.document(picture).contains("</html>"))
        #expect(picture.text == "")
    }
}
