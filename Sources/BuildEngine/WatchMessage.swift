// What a watcher is asked, and what it answers, as bytes. Does not know sockets.
import BuildGraph

/// A question to the watcher of a workspace.
enum WatchQuestion: Equatable {
    case changes(of: BaseIdentity, since: [UInt8]?)
    case status
    case stop
}

/// What a watcher answers.
enum WatchReply: Equatable {
    case doubt(String)
    case fromNow(clock: [UInt8], String)
    case since(clock: [UInt8], [Suspect])
    /// What it does, for people.
    case status(String)
    /// It ends.
    case stopping
}

/// A line that names the version, the length of the rest, the rest. Another version is another language: a watcher and a run
/// that do not share one have nothing to say to each other.
enum WatchMessage {
    private static let header = Array("lmsbuild watch 1\n".utf8)
    /// Bytes before the rest.
    static let startSize = header.count + 8
    static let mostQuestion = 64 * 1024
    static let mostReply = 16 * 1024 * 1024

    /// How many bytes follow the first `startSize`; nil for a start that is none, and for more than `limit`.
    static func length(_ start: [UInt8], limit: Int) -> Int? {
        var reader = PackedReader(rest: start[...])
        guard let found = reader.take(header.count), found.elementsEqual(header), let length = reader.number(),
            length >= 0, length <= limit
        else { return nil }
        return length
    }

    private static func framed(_ body: PackedWriter) -> [UInt8] {
        var whole = PackedWriter(bytes: header)
        whole.add(body.bytes)
        return whole.bytes
    }

    // MARK: Questions

    static func bytes(_ question: WatchQuestion) -> [UInt8] {
        var body = PackedWriter(bytes: [])
        switch question {
        case .changes(let base, let clock):
            body.add(1)
            body.add(base.root.bytes)
            for number in [base.device, base.inode, base.generation.high, base.generation.low] {
                body.add(Int(truncatingIfNeeded: number))
            }
            body.add(base.count)
            body.add(clock == nil ? 0 : 1)
            body.add(clock ?? [])
        case .status: body.add(2)
        case .stop: body.add(3)
        }
        return framed(body)
    }

    static func question(_ body: [UInt8]) -> WatchQuestion? {
        var reader = PackedReader(rest: body[...])
        switch reader.number() {
        case 1:
            guard let root = reader.field(), let device = reader.number(), let inode = reader.number(),
                let high = reader.number(), let low = reader.number(), let count = reader.number(),
                let hasClock = reader.number(), let clock = reader.field(), reader.rest.isEmpty
            else { return nil }
            let generation = Fingerprint(high: UInt64(truncatingIfNeeded: high), low: UInt64(truncatingIfNeeded: low))
            let base = BaseIdentity(
                root: BytePath(bytes: Array(root)), device: UInt64(truncatingIfNeeded: device),
                inode: UInt64(truncatingIfNeeded: inode), generation: generation, count: count)
            return .changes(of: base, since: hasClock == 1 ? Array(clock) : nil)
        case 2: return reader.rest.isEmpty ? .status : nil
        case 3: return reader.rest.isEmpty ? .stop : nil
        default: return nil
        }
    }

    // MARK: Replies

    static func bytes(_ reply: WatchReply) -> [UInt8] {
        var body = PackedWriter(bytes: [])
        switch reply {
        case .doubt(let why):
            body.add(1)
            body.add(Array(why.utf8))
        case .fromNow(let clock, let why):
            body.add(2)
            body.add(clock)
            body.add(Array(why.utf8))
        case .since(let clock, let suspects):
            body.add(3)
            body.add(clock)
            body.add(suspects.count)
            for suspect in suspects {
                body.add(Int(suspect.kind.rawValue))
                body.add(suspect.path.bytes)
            }
        case .status(let text):
            body.add(4)
            body.add(Array(text.utf8))
        case .stopping: body.add(5)
        }
        return framed(body)
    }

    static func reply(_ body: [UInt8]) -> WatchReply? {
        var reader = PackedReader(rest: body[...])
        func text() -> String? { reader.field().map { String(decoding: $0, as: UTF8.self) } }
        let reply: WatchReply?
        switch reader.number() {
        case 1: reply = text().map { .doubt($0) }
        case 2: reply = reader.field().flatMap { clock in text().map { .fromNow(clock: Array(clock), $0) } }
        case 3: reply = since(&reader)
        case 4: reply = text().map { .status($0) }
        case 5: reply = .stopping
        default: reply = nil
        }
        return reader.rest.isEmpty ? reply : nil
    }

    private static func since(_ reader: inout PackedReader) -> WatchReply? {
        guard let clock = reader.field(), let count = reader.number(), count >= 0, count <= mostReply else {
            return nil
        }
        var suspects: [Suspect] = []
        for _ in 0..<count {
            guard let kind = reader.number().flatMap({ UInt8(exactly: $0) }).flatMap(Suspect.Kind.init),
                let path = reader.field()
            else { return nil }
            suspects.append(Suspect(kind, BytePath(bytes: Array(path))))
        }
        return .since(clock: Array(clock), suspects)
    }
}
