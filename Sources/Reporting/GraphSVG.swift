// A picture of a graph as SVG. Does not know where nodes lie (`GraphLayout`), nor what the marks mean.
import BuildGraph

/// Scalable Vector Graphics, complete in itself: light and dark by the reader's setting, nothing is loaded.
package enum GraphSVG {
    static let style = """
        :root{--back:#fff;--ink:#1a1a1a;--soft:#5f6b7a;--box:#f3f5f8;--line:#8b97a6;--edge:#9aa5b1;--hot:#b35900;--hotbox:#ffe3bd;--band:#fafbfc}
        @media (prefers-color-scheme: dark){:root{--back:#14181d;--ink:#e8ecf1;--soft:#98a4b3;--box:#232a33;--line:#66748a;--edge:#566375;--hot:#ffb057;--hotbox:#5a3a10;--band:#191e25}}
        svg{background:var(--back)}
        text{font:13px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:var(--ink)}
        .band{fill:var(--band)}
        .node rect{fill:var(--box);stroke:var(--line);stroke-width:1}
        .node.affected rect{fill:var(--hotbox);stroke:var(--hot);stroke-width:2.5}
        .mark{fill:var(--hot);font-weight:700}
        .done{fill:var(--soft)}
        .edge{fill:none;stroke:var(--edge);stroke-width:1.1;opacity:.55}
        .edge.gate{stroke-dasharray:6 4}
        .edge.consumes{stroke-dasharray:1.5 4;stroke-linecap:round;stroke-width:1.6}
        .edge.hot{stroke:var(--hot);opacity:.9}
        .legend text{fill:var(--soft)}
        """

    package static func document(_ picture: GraphPicture) -> String {
        let layout = GraphLayout(picture)
        let height = layout.height + 44
        return """
            <?xml version="1.0" encoding="UTF-8"?>
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(layout.width) \(height)" \
            width="\(layout.width)" height="\(height)" role="img" aria-label="Graph of \(picture.nodes.count) nodes">
            <style>\(style)</style>
            \(body(picture, layout))<g class="legend" transform="translate(24 \(layout.height + 8))">\
            \(legend(picture))</g>
            </svg>

            """
    }

    /// Bands, edges and nodes, without the document around them.
    static func body(_ picture: GraphPicture, _ layout: GraphLayout) -> String {
        var text = ""
        for band in layout.bands {
            text += """
                <rect class="band" x="8" y="\(band.y - 12)" width="\(layout.width - 16)" height="\(band.height + 24)" rx="8"/>

                """
        }
        for (index, edge) in picture.edges.enumerated() {
            text += "<path id=\"e\(index)\" class=\"\(classes(edge, picture))\" d=\"\(curve(edge, layout))\"/>\n"
        }
        for (index, node) in picture.nodes.enumerated() { text += shape(node, layout.boxes[index], index) }
        return text
    }

    private static func classes(_ edge: GraphPicture.Edge, _ picture: GraphPicture) -> String {
        let isHot = picture.nodes[edge.from].isAffected == true && picture.nodes[edge.to].isAffected == true
        return "edge \(edge.kind.rawValue)" + (isHot && edge.kind != .consumes ? " hot" : "")
    }

    /// From what is needed, above, to what needs it, below; beside one another in an arc.
    private static func curve(_ edge: GraphPicture.Edge, _ layout: GraphLayout) -> String {
        let above = layout.boxes[edge.to]
        let below = layout.boxes[edge.from]
        if below.y > above.bottom {
            let bend = max(20, (below.y - above.bottom) / 2)
            return "M\(above.centre) \(above.bottom)C\(above.centre) \(above.bottom + bend) "
                + "\(below.centre) \(below.y - bend) \(below.centre) \(below.y)"
        }
        let low = max(above.bottom, below.bottom) + 30
        return "M\(above.centre) \(above.bottom)C\(above.centre) \(low) \(below.centre) \(low) "
            + "\(below.centre) \(below.bottom)"
    }

    private static func shape(_ node: GraphPicture.Node, _ box: GraphLayout.Box, _ index: Int) -> String {
        let classes = node.isAffected == true ? "node affected" : "node"
        let marks = (node.isAffected == true ? ", affected" : "") + (node.isCached == true ? ", cached" : "")
        // The box itself tells what is affected; what is, and has its result already, has this mark beside it.
        let mark =
            node.isCached == true
            ? "<text class=\"done\" x=\"\(box.x + 9)\" y=\"\(box.y + 18)\">✓</text>"
            : node.isAffected == true ? "<text class=\"mark\" x=\"\(box.x + 9)\" y=\"\(box.y + 18)\">◆</text>" : ""
        return """
            <g class="\(classes)" id="n\(index)"><title>\(escaped(node.name)), \(node.kind)\(marks)</title>\
            <rect x="\(box.x)" y="\(box.y)" width="\(box.width)" height="\(box.height)" \
            rx="\(node.kind == "service" ? 12 : 2)"/>\(mark)\
            <text x="\(box.x + 25)" y="\(box.y + 18)">\(escaped(node.name))</text></g>

            """
    }

    /// What shapes and lines mean, on one line.
    static func legend(_ picture: GraphPicture) -> String {
        var text = ""
        var x = 0
        func add(_ drawing: String, _ words: String) {
            text += "<g transform=\"translate(\(x) 0)\">\(drawing)<text x=\"38\" y=\"14\">\(words)</text></g>"
            x += 60 + words.utf8.count * 7
        }
        func line(_ kind: GraphPicture.Edge.Kind) -> String { "<path class=\"edge \(kind.rawValue)\" d=\"M0 10H30\"/>" }
        let box = "<g class=\"node\"><rect x=\"0\" y=\"2\" width=\"30\" height=\"16\" rx=\"%\"/></g>"
        add(box.replacing("%", with: "8"), "service")
        add(box.replacing("%", with: "2"), "library")
        if picture.nodes.contains(where: { $0.isAffected != nil }) {
            add(
                "<g class=\"node affected\"><rect x=\"0\" y=\"2\" width=\"30\" height=\"16\" rx=\"8\"/></g>"
                    + "<text class=\"mark\" x=\"9\" y=\"15\">◆</text>", "affected")
        }
        if picture.nodes.contains(where: { $0.isCached != nil }) {
            add("<text class=\"done\" x=\"9\" y=\"15\">✓</text>", "cached")
        }
        let kinds = Set(picture.edges.map(\.kind))
        for (kind, words) in [
            (GraphPicture.Edge.Kind.input, "needs (what is needed is above)"), (.gate, "gate: order only"),
            (.tag, "tag"),
            (.consumes, "consumes at run time"),
        ] where kinds.contains(kind) {
            add(line(kind), words)
        }
        if picture.impliedEdges > 0 { add("", "\(picture.impliedEdges) edges that a longer way implies are left out") }
        return text
    }

    static func escaped(_ text: String) -> String {
        Markup.text(text)
    }
}
