// Plain threads for work that blocks in system calls. Does not know what the work is.
import Glibc

/// Work on threads of its own, so that reading files does not hold up the tasks of the concurrency pool.
enum Threads {
    private final class Work: Sendable {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) {
            self.body = body
        }
    }

    /// Runs `body` `count` times at once, the caller's thread included, and returns when all have ended. Where the
    /// machine gives no thread there are fewer of them: `body` shares out the work itself.
    static func run(_ count: Int, _ body: @Sendable () -> Void) {
        withoutActuallyEscaping(body) { body in
            var threads: [pthread_t] = []
            for _ in 1..<max(1, count) {
                let work = Unmanaged.passRetained(Work(body))
                var thread = pthread_t()
                let failed = pthread_create(
                    &thread, nil,
                    { argument in
                        if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body() }
                        return nil
                    }, work.toOpaque())
                if failed == 0 { threads.append(thread) } else { work.release() }
            }
            body()
            for thread in threads { pthread_join(thread, nil) }
        }
    }
}
