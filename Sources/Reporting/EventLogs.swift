// The logs of a workspace's runs: which there are, what they tell, how many are kept. Does not know what is drawn of them.
package import BuildEngine
package import BuildGraph
import Glibc

/// The folder `events` of a workspace's state.
package struct EventLogs: Sendable {
    /// Runs whose logs are kept, and the bytes they may take together; the newest is kept whatever it takes.
    package static let most = 200
    /// See `most`.
    package static let mostBytes = 256 << 20
    /// Bytes of one log that are read.
    static let readable = 256 << 20

    /// Absolute; it need not be there.
    package let folder: BytePath

    /// `state` is the workspace's state folder.
    package init(in state: BytePath) { folder = state.appending("events") }

    /// Where the log of the run `id` is.
    package func path(of id: String) -> BytePath { folder.appending(id + ".jsonl") }

    /// The ids of all logs, oldest first.
    package var ids: [String] {
        ((try? Disk.names(in: folder)) ?? []).compactMap { name in
            guard let text = String(validating: name.bytes, as: UTF8.self), text.hasSuffix(".jsonl") else { return nil }
            let id = String(text.dropLast(6))
            return RunHeading.isID(id) ? id : nil
        }
    }

    /// The run whose log is `id`; nil where there is none, or it is no log that this version reads.
    package func picture(of id: String) -> RunPicture? { try? Self.picture(at: path(of: id)) }

    /// As `picture`, but of a run that has ended no more than how it began and ended: for lists, without reading all of it.
    package func outline(of id: String) -> RunPicture? {
        guard let descriptor = try? Disk.open(path(of: id), O_RDONLY | O_NOFOLLOW) else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        let size = Int(status.st_size)
        func piece(at offset: Int) -> [UInt8] {
            [UInt8](unsafeUninitializedCapacity: 4096) { buffer, filled in
                filled = max(0, pread(descriptor, buffer.baseAddress, 4096, off_t(offset)))
            }
        }
        let newline = UInt8(ascii: "\n")
        guard case .heading(let heading)? = LogLine(piece(at: 0).prefix { $0 != newline }),
            case let end = piece(at: max(0, size - 4096)), end.last == newline,
            let last = end.dropLast().split(separator: newline).last, case .event(let event)? = LogLine(last),
            case .runFinished = event.event
        else { return picture(of: id) }
        var picture = RunPicture(heading)
        picture.apply(event)
        return picture
    }

    /// The run whose log is the file at the absolute `path`. Throws where it cannot be read, and gives nil where it is no log
    /// that this version reads.
    package static func picture(at path: BytePath) throws(StoreError) -> RunPicture? {
        guard let (lines, broken) = try lines(at: path), var picture = RunPicture(lines) else { return nil }
        picture.broken = broken
        return picture
    }

    /// As `picture`, the lines one by one, of which the first is the heading, and how many could not be read.
    package static func lines(at path: BytePath) throws(StoreError) -> (read: [LogLine], broken: Int)? {
        var reader = EventLogReader(at: path)
        guard let lines = try reader.next(limit: readable), case .heading? = lines.first else { return nil }
        return (lines, reader.broken)
    }

    /// What people are told of lines of `log` that could not be read.
    package static func unreadable(_ count: Int, in log: String) -> String {
        "\(count) \(count == 1 ? "line" : "lines") of \(log) could not be read"
    }

    /// Whether it is time to take runs into the history and to `prune`. Sizes are looked at after each sixteenth run alone.
    package func isFull(most: Int = EventLogs.most, bytes mostBytes: Int = EventLogs.mostBytes) -> Bool {
        let ids = ids
        return ids.count > most || ids.count % 16 == 0 && sizes(of: ids).reduce(0, +) > mostBytes
    }

    private func sizes(of ids: [String]) -> [Int] { ids.map { Int(Disk.status(path(of: $0))?.st_size ?? 0) } }

    /// Removes the oldest logs, so that three quarters of what the limits allow are left at most.
    package func prune(most: Int = EventLogs.most, bytes mostBytes: Int = EventLogs.mostBytes) {
        let ids = ids
        var kept = 0
        var total = 0
        for (id, size) in zip(ids, sizes(of: ids)).reversed() {
            total += size
            kept += 1
            if kept > 1, kept > most * 3 / 4 || total > mostBytes * 3 / 4 { Disk.remove(path(of: id)) }
        }
    }
}

/// Reads a log as it grows: each call gives the lines that were finished since the last one.
package struct EventLogReader: Sendable {
    private let path: BytePath
    /// Bytes that were taken, and so where the next line begins.
    package private(set) var offset = 0
    /// Lines among them that are no line of a log, or too long to be read.
    package private(set) var broken = 0

    /// `path` is absolute; nothing is read yet.
    package init(at path: BytePath) { self.path = path }

    /// The lines after those of the last call, of at most `limit` bytes; those that are no line of a log are left out. A last
    /// line without its end is left for later. Nil where the first line says that a later version wrote it.
    package mutating func next(limit: Int = 16 << 20) throws(StoreError) -> [LogLine]? {
        let descriptor = try Disk.open(path, O_RDONLY | O_NOFOLLOW)
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        while bytes.count < limit {
            var count = 0
            let place = off_t(offset + bytes.count)
            let wanted = min(256 * 1024, limit - bytes.count)
            bytes += [UInt8](unsafeUninitializedCapacity: wanted) { buffer, filled in
                repeat {
                    count = pread(descriptor, buffer.baseAddress, wanted, place)
                } while count < 0 && errno == EINTR
                filled = max(0, count)
            }
            if count < 0 { throw .system("read", path, errno) }
            if count == 0 { break }
        }
        guard let end = bytes.lastIndex(of: UInt8(ascii: "\n")) else {
            // A line longer than what may be read is never told.
            if bytes.count >= limit {
                offset += bytes.count
                broken += 1
            }
            return []
        }
        let whole = bytes[...end].split(separator: UInt8(ascii: "\n"))
        let lines = whole.compactMap { LogLine($0) }
        if offset == 0, case .newer? = lines.first { return nil }
        offset += end + 1
        broken += whole.count - lines.count
        return lines
    }
}
