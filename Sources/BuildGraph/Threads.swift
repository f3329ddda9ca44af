// Plain threads for work that blocks in system calls. Does not know what the work is.
import Glibc
import Synchronization

/// Work on threads of its own, so that reading files does not hold up the tasks of the concurrency pool.
package enum Threads {
    private final class Work: Sendable {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) {
            self.body = body
        }
    }

    /// How many threads are worth having for work that keeps processors busy.
    static let processors = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))

    /// What `body` gives for each number below `count`, in their order, however the threads share them. Throws what the
    /// first number throws that throws.
    package static func map<Value: Sendable, Failure: Error>(
        _ count: Int, _ body: @Sendable (Int) throws(Failure) -> Value
    ) throws(Failure) -> [Value] {
        let portion = max(1, min(64, count / (8 * processors)))
        let next = Atomic<Int>(0)
        let portions = Mutex<[(first: Int, results: Result<[Value], Failure>)]>([])
        run(min(processors, count)) {
            while true {
                let first = next.add(portion, ordering: .relaxed).oldValue
                guard first < count else { return }
                let results = Self.results(of: first..<min(count, first + portion), body)
                portions.withLock { $0.append((first, results)) }
                // All before it are taken, so the first failure is among those.
                if case .failure = results { next.store(count, ordering: .relaxed) }
            }
        }
        let sorted = portions.withLock { $0 }.sorted { $0.first < $1.first }
        var all: [Value] = []
        all.reserveCapacity(count)
        for portion in sorted { all += try portion.results.get() }
        return all
    }

    private static func results<Value, Failure: Error>(
        of numbers: Range<Int>, _ body: (Int) throws(Failure) -> Value
    ) -> Result<[Value], Failure> {
        var results: [Value] = []
        results.reserveCapacity(numbers.count)
        do throws(Failure) {
            for number in numbers { results.append(try body(number)) }
        } catch {
            return .failure(error)
        }
        return .success(results)
    }

    /// Lets go of `value` on a thread of its own: what takes long to free need not be waited for.
    static func release<Value: Sendable>(_ value: consuming Value) {
        // Not by `start`: the caller's own hold on its closure may be the last.
        let work = Unmanaged.passRetained(Kept(value))
        var thread = pthread_t()
        let failed = pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<AnyObject>.fromOpaque(argument).release() }
                return nil
            }, work.toOpaque())
        if failed == 0 { pthread_detach(thread) } else { work.release() }
    }

    private final class Kept<Value: Sendable>: Sendable {
        private let value: Value

        init(_ value: consuming Value) { self.value = value }
    }

    /// Runs `body` on a thread of its own, for which nobody waits. Gives 0, or the error number (`errno`) where the system has no
    /// thread to give; then nothing is run.
    @discardableResult package static func start(_ body: @escaping @Sendable () -> Void) -> Int32 {
        var thread = pthread_t()
        let failed = create(&thread, body)
        if failed == 0 { pthread_detach(thread) }
        return failed
    }

    private static func create(_ thread: inout pthread_t, _ body: @escaping @Sendable () -> Void) -> Int32 {
        let work = Unmanaged.passRetained(Work(body))
        let failed = pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body() }
                return nil
            }, work.toOpaque())
        if failed != 0 { work.release() }
        return failed
    }

    /// Runs `body` `count` times at once, the caller's thread included, and returns when all have ended. Where the
    /// machine gives no thread there are fewer of them: `body` shares out the work itself.
    static func run(_ count: Int, _ body: @Sendable () -> Void) {
        withoutActuallyEscaping(body) { body in
            var threads: [pthread_t] = []
            for _ in 1..<max(1, count) {
                var thread = pthread_t()
                if create(&thread, body) == 0 { threads.append(thread) }
            }
            body()
            for thread in threads { pthread_join(thread, nil) }
        }
    }
}
