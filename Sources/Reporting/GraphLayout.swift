// Where the nodes of a picture lie. Does not draw.

/// A layered layout: what needs nothing on top, everything below what it needs, each layer a band.
///
/// Layers by longest way, order within a layer by the mean place of what a node is joined to, swept down and up
/// (Sugiyama, Tagawa and Toda, 1981). A layer that is wider than the page is folded into several rows, filled column by
/// column, so that neighbours stay neighbours and 200 nodes still fit a screen. No two boxes overlap. Edges of
/// `consumes`, which may go round in circles, don't count.
package struct GraphLayout: Sendable {
    package struct Box: Sendable, Hashable {
        package let x: Int
        package let y: Int
        package let width: Int
        package let height: Int

        package var centre: Int { x + width / 2 }
        package var bottom: Int { y + height }
    }

    /// The height that a band takes, from its top.
    package struct Band: Sendable, Hashable {
        package let y: Int
        package let height: Int
    }

    /// Parallel to the picture's nodes.
    package let boxes: [Box]
    package let bands: [Band]
    package let width: Int
    package let height: Int

    private static let boxHeight = 26
    private static let gap = 14
    private static let rowGap = 10
    private static let bandGap = 64
    private static let margin = 24
    private static let pageWidths = [1400, 1800, 2300, 3000, 4000, 5200, 6800, 9000]

    /// As wide a page as makes the picture about as wide and high as a screen.
    package init(_ picture: GraphPicture) {
        let ordered = Self.ordered(picture, Self.layers(picture))
        var layout = GraphLayout(picture, ordered, pageWidth: Self.pageWidths[0])
        for width in Self.pageWidths.dropFirst() where layout.height * 8 > layout.width * 5 {
            layout = GraphLayout(picture, ordered, pageWidth: width)
        }
        self = layout
    }

    private init(_ picture: GraphPicture, _ ordered: [[Int]], pageWidth: Int) {
        var boxes = [Box](
            repeating: Box(x: 0, y: 0, width: 0, height: 0), count: picture.nodes.count)
        var bands: [Band] = []
        var y = Self.margin
        var right = 0
        for layer in ordered {
            let width = (layer.map { Self.width(picture.nodes[$0].name) }.max() ?? 0)
            let columns = max(1, min(layer.count, (pageWidth - 2 * Self.margin + Self.gap) / (width + Self.gap)))
            let rows = (layer.count + columns - 1) / columns
            let used = (layer.count + rows - 1) / max(1, rows)
            let left =
                Self.margin + max(0, (pageWidth - 2 * Self.margin - used * (width + Self.gap) + Self.gap) / 2)
            for (place, node) in layer.enumerated() {
                let x = left + place / rows * (width + Self.gap)
                boxes[node] = Box(
                    x: x, y: y + place % rows * (Self.boxHeight + Self.rowGap), width: width, height: Self.boxHeight)
                right = max(right, x + width)
            }
            let height = rows * (Self.boxHeight + Self.rowGap) - Self.rowGap
            bands.append(Band(y: y, height: height))
            y += height + Self.bandGap
        }
        self.boxes = boxes
        self.bands = bands
        width = max(right + Self.margin, pageWidth)
        height = y - (ordered.isEmpty ? 0 : Self.bandGap) + Self.margin
    }

    /// What a name takes at 13 pixels of a sans-serif face, with room for a mark; wide enough for the widest letters.
    private static func width(_ name: String) -> Int { name.unicodeScalars.count * 8 + 34 }

    private static func layers(_ picture: GraphPicture) -> [Int] {
        var below = [[Int]](repeating: [], count: picture.nodes.count)
        for edge in picture.edges where edge.kind != .consumes { below[edge.from].append(edge.to) }
        var layer = [Int](repeating: -1, count: picture.nodes.count)
        var isOpen = [Bool](repeating: false, count: picture.nodes.count)
        for root in picture.nodes.indices where layer[root] < 0 {
            var stack = [root]
            while let node = stack.last {
                isOpen[node] = true
                if let next = below[node].first(where: { layer[$0] < 0 && !isOpen[$0] }) {
                    stack.append(next)
                    continue
                }
                layer[node] = (below[node].map { layer[$0] }.max() ?? -1) + 1
                isOpen[node] = false
                stack.removeLast()
            }
        }
        return layer
    }

    private static func ordered(_ picture: GraphPicture, _ layers: [Int]) -> [[Int]] {
        var ordered = [[Int]](repeating: [], count: (layers.max() ?? -1) + 1)
        for (node, layer) in layers.enumerated() { ordered[layer].append(node) }
        var joined = [[Int]](repeating: [], count: layers.count)
        for edge in picture.edges where edge.kind != .consumes {
            joined[edge.from].append(edge.to)
            joined[edge.to].append(edge.from)
        }
        var place = [Double](repeating: 0, count: layers.count)
        func settle(_ layer: [Int]) {
            for (index, node) in layer.enumerated() { place[node] = (Double(index) + 0.5) / Double(layer.count) }
        }
        ordered.forEach(settle)
        for sweep in 0..<8 {
            let goesDown = sweep % 2 == 0
            for layer in goesDown ? Array(ordered.indices) : ordered.indices.reversed() {
                let mean = ordered[layer].map { node -> Double in
                    let others = joined[node].filter { goesDown ? layers[$0] < layer : layers[$0] > layer }
                    return others.isEmpty ? place[node] : others.reduce(0) { $0 + place[$1] } / Double(others.count)
                }
                ordered[layer] = zip(ordered[layer], mean).sorted { ($0.1, $0.0) < ($1.1, $1.0) }.map(\.0)
                settle(ordered[layer])
            }
        }
        return ordered
    }
}
