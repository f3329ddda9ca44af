import Synchronization
import Testing

@testable import BuildEngine

@Suite struct JobSlotsTests {
    struct Failure: Error {}

    final class Count: Sendable {
        private let number = Mutex(0)

        var now: Int { number.withLock { $0 } }

        @discardableResult func add(_ amount: Int) -> Int {
            number.withLock { number in
                number += amount
                return number
            }
        }
    }

    @Test func nobodyIsLetInAfterAFailure() async throws {
        let slots = JobSlots(2, keepsGoing: false)
        #expect(try await slots.use { 1 }.result == 1)
        await #expect(throws: Failure.self) { try await slots.use { throw Failure() } }
        await #expect(throws: JobSlots.Closed.self) { try await slots.use {} }
        slots.reopen()
        #expect(try await slots.use { 2 }.result == 2)
        slots.failed()
        await #expect(throws: JobSlots.Closed.self) { try await slots.use {} }
    }

    @Test func whoKeepsGoingIsLetInAfterAFailure() async throws {
        let slots = JobSlots(1, keepsGoing: true)
        for _ in 0..<3 { await #expect(throws: Failure.self) { try await slots.use { throw Failure() } } }
        #expect(try await slots.use { 1 }.result == 1)
    }

    @Test(arguments: [1, 3]) func soManyAreInAtOnceAndAllGetIn(count: Int) async throws {
        let slots = JobSlots(count, keepsGoing: false)
        let inside = Count()
        let done = Count()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<200 {
                group.addTask {
                    _ = try await slots.use {
                        let most = inside.add(1)
                        #expect(most <= count)
                        await Task.yield()
                        inside.add(-1)
                        done.add(1)
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(done.now == 200)
    }

    /// Whoever waits for one that fails is sent away; nobody waits for ever.
    @Test func thoseWhoWaitAreSentAway() async {
        let slots = JobSlots(2, keepsGoing: false)
        let ran = Count()
        let closed = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<100 {
                group.addTask {
                    do {
                        _ = try await slots.use {
                            let number = ran.add(1)
                            await Task.yield()
                            if number == 10 { throw Failure() }
                        }
                        return false
                    } catch {
                        return error is JobSlots.Closed
                    }
                }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        // Another may have been let in with the tenth, and more may go in before that one fails.
        #expect(ran.now >= 10)
        #expect(closed == 100 - ran.now)
    }
}
