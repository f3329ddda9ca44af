import BuildEngine
import BuildGraph
import Synchronization
import Testing

@testable import Delivery

/// A deployment stopped half-way between two sets, on an engine in memory: the next one is one like any other.
@Suite struct HalfSwitchedTests {
    /// After so many submissions the engine takes none any more, then it does again.
    @Test(arguments: SetRolloutTests.strategies, [SetRolloutTests.Trouble.nothing, .usersSayNo])
    func theNextOneTakesOver(strategy: RolloutStrategy, trouble: SetRolloutTests.Trouble) async throws {
        var ends: Set<RolloutEnd> = []
        for room in 0..<9 {
            let place = RoutedPlace()
            try await place.deploy("one", "r1", strategy)
            place.trouble.withLock { $0 = trouble }
            place.engine.scripted.state.withLock { $0.room = room }
            let entry = try await place.deploy("two", "r2", strategy)
            let said = Comment(rawValue: "room for \(room): \(entry)")
            ends.insert(entry.end)
            if entry.end == .rolledBack { #expect(try await place.drifts() == [], said) }
            if entry.end == .partial {
                #expect(try await !place.drifts().isEmpty, said)
                #expect(try await place.status().halfWay == entry, said)
            }
            place.trouble.withLock { $0 = .nothing }
            place.engine.scripted.state.withLock { $0.room = nil }
            // What cannot even begin leaves a mixture what it is, and does not say that nothing runs.
            if entry.end == .partial {
                #expect(try await place.deploy("nowhere", "r9", strategy).end == .partial, said)
            }
            let next = try await place.deploy("three", "r3", strategy)
            #expect(next.end == .deployed, "\(said) \(next)")
            #expect(place.shares?.values.map(\.self) == [100], said)
            #expect(try await place.drifts() == [], said)
            #expect(place.violations == [], said)
            #expect(place.engine.replaced.withLock { $0 } == [], said)
            #expect(try await place.status().halfWay == nil, said)
        }
        #expect(ends.isSuperset(of: [.rolledBack, .partial]), "\(ends)")
    }
}
