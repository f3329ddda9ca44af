// Durations as people read them.

extension Duration {
    /// `31ms 1.2s 14s 1m03s 1h02m`: two or three digits that matter, cut and not rounded; below a millisecond `0ms`.
    package var shown: String {
        let (whole, attoseconds) = components
        if whole < 0 || attoseconds < 0 { return "0ms" }
        let milliseconds = attoseconds / 1_000_000_000_000_000
        if whole == 0 { return "\(milliseconds)ms" }
        if whole < 10 { return "\(whole).\(milliseconds / 100)s" }
        if whole < 60 { return "\(whole)s" }
        if whole < 3600 { return "\(whole / 60)m" + twoDigits(whole % 60) + "s" }
        return "\(whole / 3600)h" + twoDigits(whole / 60 % 60) + "m"
    }

    /// `12s 2m 1h20m`: as much as an estimate can know; at least `1s`.
    package var shownRoughly: String {
        let whole = max(1, components.seconds)
        if whole < 90 { return "\(whole)s" }
        let minutes = (whole + 30) / 60
        if minutes < 90 { return "\(minutes)m" }
        return "\(minutes / 60)h" + twoDigits(minutes % 60) + "m"
    }
}

private func twoDigits(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
