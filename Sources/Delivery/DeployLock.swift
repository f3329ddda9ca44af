// One deployment at a time in an environment, whoever starts it and from where. Does not deploy.
import BuildEngine
import BuildGraph
import Glibc

/// Who holds an environment.
package struct LockHolder: Sendable, Hashable {
    /// Names the running system and its process numbers: only there can anybody tell whether the process still is.
    package let host: String
    package let process: Int
    /// When the process began, in the kernel's ticks: numbers are given out again.
    package let begun: Int
    package let who: String
    /// Seconds since 1970.
    package let since: Int
    /// Seconds since 1970 from which others on other machines may take it for dead.
    package let until: Int

    /// This process, which needs the environment no longer than `bound`.
    package static func own(who: String, now: Int, bound: Duration) -> LockHolder {
        LockHolder(
            host: ownHost, process: Int(getpid()), begun: begun(Int(getpid())) ?? 0, who: who, since: now,
            until: now + Int(bound.components.seconds))
    }

    private static var ownHost: String {
        let boot = (try? Disk.contents(of: BytePath("/proc/sys/kernel/random/boot_id"))) ?? []
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = buffer.withUnsafeMutableBytes { bytes in
            bytes.baseAddress.map { readlink("/proc/self/ns/pid", $0.assumingMemoryBound(to: CChar.self), bytes.count) }
                ?? 0
        }
        return SHA256Value.of(boot + buffer.prefix(max(count, 0))).hex
    }

    /// Field 22 of /proc/PID/stat; nil where there is no such process.
    private static func begun(_ process: Int) -> Int? {
        guard let text = try? Disk.contents(of: BytePath("/proc/\(process)/stat")),
            let end = text.lastIndex(of: UInt8(ascii: ")"))
        else { return nil }
        let fields = text[(end + 1)...].split(separator: UInt8(ascii: " "))
        return fields.count > 19 ? Int(String(decoding: fields[19], as: UTF8.self)) : nil
    }

    /// True only where the holder cannot be at work any more.
    package func isGone(now: Int) -> Bool {
        if host == Self.ownHost { return Self.begun(process) != begun }
        return now > until
    }

    var json: JSONValue {
        .object([
            ("host", .string(host)), ("process", .number(process)), ("begun", .number(begun)), ("who", .string(who)),
            ("since", .number(since)), ("until", .number(until)),
        ])
    }

    init?(reading bytes: [UInt8]) {
        guard let tree = try? JSONValue.parse(bytes), let host = tree.member("host")?.text else { return nil }
        func number(_ name: String) -> Int { tree.member(name)?.whole ?? 0 }
        self.init(
            host: host, process: number("process"), begun: number("begun"), who: tree.member("who")?.text ?? "",
            since: number("since"), until: number("until"))
    }

    private init(host: String, process: Int, begun: Int, who: String, since: Int, until: Int) {
        self.host = host
        self.process = process
        self.begun = begun
        self.who = who
        self.since = since
        self.until = until
    }
}

/// An environment that is held.
package struct DeployLock: Sendable {
    private static let name = "held"
    private let shelf: any Shelf
    private let bytes: [UInt8]

    /// Takes the environment; gives the holder where somebody else has it. A holder that is gone is put aside: of two who
    /// do so one gets the environment, for names on a shelf are given once.
    package static func take(
        _ shelf: any Shelf, as own: LockHolder
    ) async throws -> Result<DeployLock, HeldByAnother> {
        let bytes = Array(own.json.text(pretty: false).utf8)
        for _ in 0..<3 {
            do {
                try await shelf.create(.lock, name, bytes)
                return .success(DeployLock(shelf: shelf, bytes: bytes))
            } catch let error as EngineError where error.kind == .conflict {
                guard let held = try await shelf.list(.lock)[name] else { continue }
                if let holder = LockHolder(reading: held), !holder.isGone(now: own.since) {
                    return .failure(HeldByAnother(holder: holder))
                }
                try await shelf.remove(.lock, name, ofBytes: held)
            }
        }
        return .failure(HeldByAnother(holder: nil))
    }

    /// Gives it back. What cannot be given back is seen as left behind by whoever asks next.
    package func release() async {
        try? await shelf.remove(.lock, Self.name, ofBytes: bytes)
    }
}

/// The environment is not free.
package struct HeldByAnother: Error, Sendable {
    /// Nil where others came and went too fast to tell.
    package let holder: LockHolder?
}
