// What a watch has heard: which paths, and when it has been quiet for long enough. Does not know who told it.
package import BuildGraph
import Glibc

/// What may have changed since it was last asked. It says that there is something to look at, never what is there.
package struct FolderChanges: Sendable {
    /// In the order they were heard of, each once: relative to the workspace's root, absolute outside it.
    package private(set) var paths: [BytePath] = []
    /// The kernel lost events, or the workspace's own folder went: anything may have changed.
    package private(set) var isEverything = false
    /// What decides which folders are watched may have changed: the watch has to be set anew.
    package private(set) var changesRules = false
    /// Events that counted, repeated ones included.
    private(set) var heard = 0
    private var known: Set<BytePath> = []
    /// Made since, so that nobody has seen them if they are gone again.
    private var fresh: Set<BytePath> = []

    package init() {}

    package var isEmpty: Bool { paths.isEmpty && !isEverything }

    mutating func add(_ path: BytePath, isFresh: Bool = false, changesRules: Bool = false) {
        heard += 1
        if changesRules { self.changesRules = true }
        guard known.insert(path).inserted else { return }
        paths.append(path)
        if isFresh { fresh.insert(path) }
    }

    mutating func addEverything() {
        heard += 1
        isEverything = true
        changesRules = true
    }

    func areAll(in some: Set<BytePath>) -> Bool { !isEverything && paths.allSatisfy(some.contains) }

    /// What was made since may have been seen by now: it counts although it may be gone.
    mutating func settle() { fresh = [] }

    /// Drops what came and went unseen, as the files by which editors try whether they may write.
    mutating func dropPassing(below root: BytePath) {
        let gone = fresh.filter { Disk.status(root.appending($0)) == nil }
        guard !gone.isEmpty else { return }
        paths.removeAll { gone.contains($0) }
        known.subtract(gone)
    }
}

/// When a burst of events is over: 100 ms after the last one, and at latest 2 s after the first. Slow ones alone are over
/// 5 s after the first.
struct Quiet: Sendable {
    static let pause = Duration.milliseconds(100)
    static let limit = Duration.seconds(2)

    static let patience = Duration.seconds(5)

    private var firstSlow: ContinuousClock.Instant?
    private var first: ContinuousClock.Instant?
    private var last: ContinuousClock.Instant?

    mutating func hear(at now: ContinuousClock.Instant, isSlow: Bool) {
        if isSlow {
            firstSlow = firstSlow ?? now
        } else {
            first = first ?? now
            last = now
        }
    }

    /// Nil before anything was heard.
    var end: ContinuousClock.Instant? {
        guard let first, let last else { return firstSlow.map { $0 + Self.patience } }
        return min(last + Self.pause, first + Self.limit)
    }
}

/// The paths that runs themselves write to: no change of theirs is a reason to run.
package struct OwnPaths: Sendable {
    private var files: Set<BytePath> = []
    private var folders: Set<BytePath> = []
    /// By the folder that holds all that they match.
    private var reports: [BytePath: [ReportPattern]] = [:]

    /// The outputs, reports and kept folders of all of the graph's targets, and the files `further`.
    package init(_ graph: Graph? = nil, further: [BytePath] = []) {
        files = Set(further)
        guard let graph else { return }
        for target in graph.targets {
            for output in target.outputs {
                if output.isFolder { folders.insert(output.path) } else { files.insert(output.path) }
            }
            for report in target.attributes.reports {
                let pattern = ReportPattern(report.glob)
                reports[pattern.folder, default: []].append(pattern)
            }
            for path in target.attributes.keep where !path.isAbsolute {
                let isMarked = path.bytes.last == UInt8(ascii: "/")
                folders.insert(isMarked ? BytePath(bytes: path.bytes.dropLast()) : path)
            }
        }
    }

    package func contains(_ path: BytePath) -> Bool {
        if files.contains(path) || Self.isTemporary(path.name) { return true }
        var folder = path
        while true {
            if folders.contains(folder) || reports[folder]?.contains(where: { $0.matches(path) }) == true {
                return true
            }
            if folder.isEmpty { return false }
            folder = folder.parent
        }
    }

    /// `.lmsbuild-<process>-<number>`, as an output is called before it is renamed into its place.
    private static func isTemporary(_ name: BytePath) -> Bool {
        let start = ".lmsbuild-".utf8
        return name.bytes.starts(with: start)
            && name.bytes.dropFirst(start.count).allSatisfy { (0x30...0x39).contains($0) || $0 == UInt8(ascii: "-") }
    }
}
