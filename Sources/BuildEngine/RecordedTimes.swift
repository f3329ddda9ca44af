// How long targets took when they last ran. A lost or damaged record costs an estimate, nothing else.
package import BuildGraph
import Synchronization

/// Label → duration of its last run on this machine. The record is read when somebody first asks.
package struct RecordedTimes: Sendable {
    private final class Record: Sendable {
        private let path: BytePath?
        private let found = Mutex<[String: Duration]?>(nil)

        init(at path: BytePath?) { self.path = path }

        var times: [String: Duration] {
            found.withLock { found in
                let times = found ?? path.map { Self.read($0) } ?? [:]
                found = times
                return times
            }
        }

        subscript(label: String) -> Duration? {
            found.withLock { found in
                if found == nil { found = path.map { Self.read($0) } ?? [:] }
                return found?[label]
            }
        }

        private static func read(_ path: BytePath) -> [String: Duration] {
            guard let bytes = try? Disk.contents(of: path) else { return [:] }
            var times: [String: Duration] = [:]
            for line in bytes.split(separator: UInt8(ascii: "\n")) {
                guard let space = line.firstIndex(of: UInt8(ascii: " ")),
                    let milliseconds = Int(String(decoding: line[..<space], as: UTF8.self)), milliseconds >= 0
                else { continue }
                let label = line[(space + 1)...].drop { $0 == UInt8(ascii: " ") }
                if label.isEmpty { continue }
                times[String(decoding: label, as: UTF8.self)] = .milliseconds(milliseconds)
            }
            return times
        }
    }

    private let record: Record
    private var learned: [String: Duration] = [:]

    package init() { record = Record(at: nil) }

    /// The record at the absolute `path`; lines that are not `milliseconds label` are passed over.
    package init(at path: BytePath) { record = Record(at: path) }

    /// By label.
    package var times: [String: Duration] { record.times.merging(learned) { $1 } }

    package subscript(label: Label) -> Duration? {
        let name = label.description
        return learned[name] ?? record[name]
    }

    package mutating func record(_ duration: Duration, for label: Label) {
        learned[label.description] = duration
    }

    /// Writes the record to the absolute `path` by a rename, where something was added to it.
    package func save(at path: BytePath) throws(StoreError) {
        if learned.isEmpty { return }
        var text = ""
        for (label, duration) in times.sorted(by: { $0.key < $1.key }) {
            let parts = duration.components
            text += "\(parts.seconds * 1000 + parts.attoseconds / 1_000_000_000_000_000) \(label)\n"
        }
        try Disk.replace(path, with: Array(text.utf8))
    }
}
