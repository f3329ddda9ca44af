// All that the last runs tell together. Does not know how it is shown.

/// Every list of `TargetStatistics` at once, of the same runs.
package struct RunStatistics: Sendable {
    /// Oldest first.
    package let days: [DayRow]
    package let slowest: [SlowTarget]
    package let slowed: [SlowedTarget]
    package let causes: [Invalidation]
    package let invalidated: [InvalidatedTarget]
    package let flaky: [Flaky]
    package let failing: [FailingStreak]

    /// Of the last `last` runs, each list with at most `most` entries.
    package init(_ history: History, last: Int, most: Int) throws(DatabaseError) {
        days = try history.days(last: last)
        (slowest, slowed) = try history.durations(last: last, most: most)
        causes = try history.invalidations(last: last, most: most)
        invalidated = try history.invalidated(last: last, most: most)
        flaky = try history.flaky(last: last, most: most)
        failing = try history.failing(last: last, most: most)
    }

    /// Of no runs.
    package init() { (days, slowest, slowed, causes, invalidated, flaky, failing) = ([], [], [], [], [], [], []) }

    /// All days together.
    package var total: DayRow { DayRow(all: days) }
}
