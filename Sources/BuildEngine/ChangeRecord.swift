// Which paths changed, and in which order. Does not know who told it.
import BuildGraph
import Glibc

/// What a watcher has heard, each path once with the time it was last heard of.
///
/// Its clock is a name of this record, which no other has, and a count of the answers that were given: what is heard after
/// an answer is newer than its clock.
struct ChangeRecord {
    /// More are not worth knowing: looking at everything costs less.
    static let most = 100_000
    static let mostInAnswer = 20_000

    private let name: (UInt64, UInt64)
    private var now = 1
    /// Clocks before this one are forgotten.
    private var oldest = 0
    private var heard: [Suspect: Int] = [:]

    init() {
        name = (UInt64.random(in: 0...UInt64.max), UInt64.random(in: 0...UInt64.max))
    }

    var count: Int { heard.count }

    mutating func add(_ kind: Suspect.Kind, _ path: BytePath) {
        if heard.count >= Self.most {
            heard = [:]
            oldest = now
        }
        heard[Suspect(kind, path)] = now
    }

    /// What was heard since `clock`, up to now; nil where that is not known, or too much to tell. With the clock of now.
    mutating func since(_ clock: [UInt8]?) -> (suspects: [Suspect]?, clock: [UInt8]) {
        let current = now
        now += 1
        var new = PackedWriter(bytes: [])
        new.add(Int(truncatingIfNeeded: name.0))
        new.add(Int(truncatingIfNeeded: name.1))
        new.add(current)
        guard let clock, let then = moment(clock), then >= oldest, then < current else { return (nil, new.bytes) }
        let found = heard.filter { $0.value > then }.keys
        return (found.count > Self.mostInAnswer ? nil : Array(found), new.bytes)
    }

    /// Nil for a clock of another record.
    private func moment(_ clock: [UInt8]) -> Int? {
        var reader = PackedReader(rest: clock[...])
        guard reader.number() == Int(truncatingIfNeeded: name.0), reader.number() == Int(truncatingIfNeeded: name.1),
            let moment = reader.number(), reader.rest.isEmpty
        else { return nil }
        return moment
    }
}
