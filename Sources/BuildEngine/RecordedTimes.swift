// How long targets took when they last ran. A lost or damaged record costs an estimate, nothing else.
package import BuildGraph

/// Label → duration of its last run on this machine.
package struct RecordedTimes: Sendable {
    package private(set) var times: [String: Duration] = [:]

    package init() {}

    /// Reads the record at the absolute `path`; lines that are not `milliseconds label` are passed over.
    package init(at path: BytePath) {
        guard let bytes = try? Disk.contents(of: path) else { return }
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 1)
            guard parts.count == 2, let milliseconds = Int(String(decoding: parts[0], as: UTF8.self)), milliseconds >= 0
            else { continue }
            times[String(decoding: parts[1], as: UTF8.self)] = .milliseconds(milliseconds)
        }
    }

    package subscript(label: Label) -> Duration? { times[label.description] }

    package mutating func record(_ duration: Duration, for label: Label) {
        times[label.description] = duration
    }

    /// Writes the record to the absolute `path` by a rename.
    package func save(at path: BytePath) throws(StoreError) {
        var text = ""
        for (label, duration) in times.sorted(by: { $0.key < $1.key }) {
            let parts = duration.components
            text += "\(parts.seconds * 1000 + parts.attoseconds / 1_000_000_000_000_000) \(label)\n"
        }
        try Disk.replace(path, with: Array(text.utf8))
    }
}
