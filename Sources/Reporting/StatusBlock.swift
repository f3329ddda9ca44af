// The lines below the ones that stay, while a run goes on. Does not know how they get onto a terminal, or off it.
import BuildEngine
import BuildGraph

/// Draws where a run is, for one instant.
package struct StatusBlock: Sendable, Hashable {
    /// Columns that no line exceeds.
    package let width: Int
    /// Lines at most, the one with the totals included; at least 1.
    package let height: Int

    package init(width: Int, height: Int = 8) {
        self.width = max(1, width)
        self.height = max(1, height)
    }

    /// The running targets, longest first, and the totals; nothing before the first event and after the last.
    package func lines(of state: ConsoleState, at now: ContinuousClock.Instant) -> [String] {
        guard !state.isOver, state.total > 0 || !state.running.isEmpty else { return [] }
        let running = state.running.sorted { ($0.value, $0.key) < ($1.value, $1.key) }
        let room = height - 1
        let shown = running.count <= room ? running[...] : running.prefix(max(0, room - 1))
        let rows = shown.map { (name: $0.key.description, time: max(.zero, now - $0.value).shown) }
        let longest = rows.map { $0.name.displayWidth }.max() ?? 0
        let times = rows.map(\.time.count).max() ?? 0
        // The time stays in sight where the name does not fit.
        let names = max(1, min(longest, width - 4 - times))
        var lines = rows.map { "  \($0.name.labelCut(to: names).padded(to: names))  \($0.time)".cut(to: width) }
        if shown.count < running.count, room > 0 {
            lines.append("  and \(running.count - shown.count) more".cut(to: width))
        }
        return lines + [totals(of: state, at: now).cut(to: width)]
    }

    private func totals(of state: ConsoleState, at now: ContinuousClock.Instant) -> String {
        var parts: [String] = []
        if state.cached > 0 { parts.append("\(state.cached) cached") }
        if state.failed > 0 { parts.append("\(state.failed) failed") }
        if let estimate = state.estimate, let start = state.firstStart, estimate - (now - start) >= .seconds(1) {
            parts.append("about \((estimate - (now - start)).shownRoughly) left")
        }
        let head = "[\(state.done)/\(state.total)]"
        return parts.isEmpty ? head : head + " " + parts.joined(separator: ", ")
    }
}
