// What ran when, and on which of a run's jobs, as a picture in SVG. Does not know the page around it.
import BuildEngine
import BuildGraph

enum RunTimeline {
    private static let width = 1160
    private static let left = 56
    private static let row = 24
    /// More slices than a picture can show: the shortest are left out.
    private static let most = 3000

    private struct Slice {
        let label: String
        let start: Duration
        let end: Duration
        let slot: Int
        let kind: String
        let isOnPath: Bool
    }

    /// Nothing where nothing ran.
    static func section(_ picture: RunPicture) -> String {
        let path = Set(picture.criticalPath.map(\.label))
        var slices = picture.entries.compactMap { entry in
            entry.slot.map {
                Slice(
                    label: entry.label.description, start: entry.start, end: entry.end, slot: $0,
                    kind: entry.report.word,
                    isOnPath: path.contains(entry.label))
            }
        }
        slices += picture.running.map {
            Slice(
                label: $0.label.description, start: $0.start, end: picture.last, slot: $0.slot, kind: "running",
                isOnPath: false)
        }
        if slices.isEmpty { return "" }
        let count = slices.count
        if count > most {
            slices = Array(slices.sorted { $0.end - $0.start > $1.end - $1.start }.prefix(most))
        }
        let whole = max(slices.map(\.end).max() ?? .zero, .microseconds(1))
        let height = picture.slots * row + 28
        var text = "<section><h2>Timeline</h2>\n<div class=\"wide\" tabindex=\"0\">"
        text += "<svg class=\"timeline\" viewBox=\"0 0 \(width) \(height)\" role=\"img\" "
        text += "aria-label=\"\(slices.count) actions on \(picture.slots) jobs in \(whole.shown)\">\n"
        text += scale(whole, height: height)
        for slot in 0..<picture.slots {
            text += "<text x=\"0\" y=\"\(slot * row + 16)\">job \(slot + 1)</text>\n"
        }
        for slice in slices { text += drawn(slice, whole) }
        text += "</svg></div>\n"
        if count > most { text += "<p class=\"soft\">\(count - most) short actions are not drawn</p>\n" }
        return text + "</section>\n"
    }

    private static func place(_ time: Duration, _ whole: Duration) -> Int {
        left + (width - left) * time.microseconds / max(1, whole.microseconds)
    }

    private static func drawn(_ slice: Slice, _ whole: Duration) -> String {
        let from = place(slice.start, whole)
        let wide = max(1, place(slice.end, whole) - from - 1)
        let top = slice.slot * row + 2
        let label = Markup.text(slice.label)
        var text = "<g><title>\(label), \((slice.end - slice.start).shown), \(slice.kind)</title>"
        text += "<rect class=\"\(slice.kind)\(slice.isOnPath ? " path" : "")\" x=\"\(from)\" y=\"\(top)\" "
        text += "width=\"\(wide)\" height=\"\(row - 4)\" rx=\"3\"/>"
        if slice.label.displayWidth * 7 + 8 < wide {
            text += "<text class=\"name\" x=\"\(from + 4)\" y=\"\(top + 14)\">\(label)</text>"
        }
        return text + "</g>\n"
    }

    private static func scale(_ whole: Duration, height: Int) -> String {
        (0...5).map { step in
            let time = whole / 5 * step
            let x = min(place(time, whole), width - 1)
            let anchor = step == 5 ? " text-anchor=\"end\"" : step == 0 ? "" : " text-anchor=\"middle\""
            return "<line x1=\"\(x)\" x2=\"\(x)\" y1=\"0\" y2=\"\(height - 18)\"/>"
                + "<text x=\"\(x)\" y=\"\(height - 4)\"\(anchor)>\(time.shown)</text>\n"
        }.joined()
    }
}
