import Glibc
import Synchronization

/// One JSON object a line on standard output; `time`, `level`, `service` and `event` always lead.
enum Log {
    private static let lock = Mutex(())

    static func write(_ level: String, _ event: String, _ fields: KeyValuePairs<String, JSON> = [:]) {
        var members: [JSON.Member] = [
            JSON.Member(name: "time", value: .string(time())), JSON.Member(name: "level", value: .string(level)),
            JSON.Member(name: "service", value: .string("gateway")), JSON.Member(name: "event", value: .string(event)),
        ]
        members += fields.map { JSON.Member(name: $0.key, value: $0.value) }
        let line = Array((JSON.object(members).encoded + "\n").utf8)
        lock.withLock { _ in
            var sent = 0
            while sent < line.count {
                let count = line.withUnsafeBytes { Glibc.write(1, $0.baseAddress?.advanced(by: sent), $0.count - sent) }
                if count <= 0 { return }
                sent += count
            }
        }
    }

    private static func time() -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var parts = tm()
        gmtime_r(&now.tv_sec, &parts)
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let milliseconds = String(1000 + now.tv_nsec / 1_000_000).dropFirst()
        return "\(1900 + parts.tm_year)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
            + "T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)).\(milliseconds)Z"
    }
}
