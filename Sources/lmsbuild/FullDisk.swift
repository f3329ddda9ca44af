// What a run could not write down for want of room. A full disk is one thing that is wrong, however many files it concerns.
import BuildGraph
import Buildfile
import Glibc
import Synchronization

/// Collects what had no room, and tells it at the end of the run in one warning.
final class FullDisk: Sendable {
    private let noted = Mutex<[String]>([])

    /// Whether `code` says that there is no room: then `what`, which should be at `path`, is noted here and nobody else has to
    /// tell of it.
    func takes(_ what: String, _ path: BytePath, _ code: Int32) -> Bool {
        guard code == ENOSPC || code == EDQUOT else { return false }
        noted.withLock { $0.append("\(what): '\(path.shown)'") }
        return true
    }

    /// Tells, once.
    func tell() {
        let all = noted.withLock { noted in
            defer { noted = [] }
            return noted
        }
        if all.isEmpty { return }
        Workspace.show([
            Diagnostic(
                .machineFailure, .warning,
                "the disk is full, and not all of this run could be written down: \(errnoText(ENOSPC))",
                notes: all.map { Diagnostic.Note($0) },
                hint: "what ran is as it would be otherwise; free space, and the next run is written down again")
        ])
    }
}
