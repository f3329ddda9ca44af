// What each target's inputs were when it last ran here, to say what has changed since. No answer depends on it: a lost or
// damaged record costs an explanation, nothing else.
package import BuildGraph
import Buildfile
import Glibc
import Synchronization

/// The last run of a target on this machine.
package struct RunRecord: Sendable {
    /// Seconds since 1970.
    package let time: Int
    package let succeeded: Bool
    /// The target alone.
    package let state: RecordedState
}

/// An entry for each run of a target in `runs/log` of the workspace's state (`RunLog`); of a label's entries the last
/// counts.
///
/// Holds what the input hash covers, so the values of hashed variables, and never those of `secret` and `pass` names.
package final class RunRecords: Sendable {
    /// Bytes of entries that are put off until they are written together.
    private static let batch = 64 * 1024
    /// Below this size a log is never rewritten.
    private static let small = 1024 * 1024

    private let folder: BytePath
    private let unwritten = Mutex<[UInt8]>([])
    private let hasWritten = Atomic<Bool>(false)
    /// What the log holds, as it was when somebody first asked.
    private let found = Mutex<RunLog?>(nil)

    /// `state` is the workspace's state folder.
    package init(in state: BytePath) {
        folder = state.appending("runs")
    }

    deinit { save() }

    private var log: BytePath { folder.appending("log") }

    /// Nil where the target never ran here, or its record is damaged. What is kept after the first call is not seen.
    package func last(_ label: Label) -> RunRecord? {
        withLog { $0.last(of: label) }
    }

    private func withLog<Result: Sendable>(_ body: (inout RunLog) -> Result) -> Result {
        found.withLock { found in
            // Taken out, so that it is not copied when it notes something.
            var entries = found.take() ?? RunLog(bytes: (try? Disk.contents(of: log)) ?? [])
            defer { found = entries }
            return body(&entries)
        }
    }

    /// Keeps that `target` ran now; written with others before long, and at the latest by `save`. Gives what differs from
    /// when it last ran before this process asked; nothing where it never did.
    @discardableResult
    package func keep(_ target: Int, of hashed: HashedGraph, succeeded: Bool) -> [Change] {
        let label = hashed.graph.targets.label(target)
        let hash = hashed.hashes[target]
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let time = now.tv_sec
        if let entry = withLog({ $0.repeated(label, hash, time: time, succeeded: succeeded) }) {
            put(entry)
            return []
        }
        guard let manifest = try? hashed.manifest(of: target) else { return [] }
        let before = last(label)?.state.manifests[label.description]
        put(RunLog.entry(label, hash, manifest, time: time, succeeded: succeeded))
        return before.map { BuildGraph.differences($0, manifest) } ?? []
    }

    private func put(_ entry: [UInt8]) {
        let mustWrite = unwritten.withLock { bytes in
            bytes += entry
            return bytes.count >= Self.batch
        }
        if mustWrite { append() }
    }

    /// Writes what was kept. Not synced to the disk: see above.
    package func save() {
        append()
        guard hasWritten.load(ordering: .relaxed), let status = Disk.status(log), Int(status.st_size) > Self.small,
            let bytes = try? Disk.contents(of: log)
        else { return }
        let live = RunLog(bytes: bytes).live
        if live.count < bytes.count / 2 { try? Disk.replace(log, with: live, mode: 0o600) }
    }

    private func append() {
        unwritten.withLock { bytes in
            guard !bytes.isEmpty else { return }
            hasWritten.store(true, ordering: .relaxed)
            do throws(StoreError) {
                // Records of an earlier version, a file for each label.
                if Disk.isFolder(folder), Disk.status(log) == nil { Disk.remove(folder) }
                try Disk.makeFolders(folder)
                let descriptor = try Disk.open(log, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, mode: 0o600)
                defer { close(descriptor) }
                try Disk.write(bytes, to: descriptor, log)
            } catch {}
            bytes = []
        }
    }

    /// The last runs of all labels, as a state to compare with.
    package var states: TargetStates {
        TargetStates(
            hash: { self.last($0)?.state.hashes[$0.description] },
            manifest: { label throws(FileSystemError) in self.last(label)?.state.manifests[label.description] })
    }
}
