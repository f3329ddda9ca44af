// Where a run's reports go beside the console: GitHub's annotations and summary, a folder for GitLab and others. What cannot
// be written is a warning, and changes nothing of the run.
import BuildEngine
import BuildGraph
import Buildfile
import Glibc
import Reporting
import Synchronization

/// Collects a run's events for those who read along by other means than the console.
final class RunOutlets: Sendable {
    private struct State {
        var annotations = GitHubAnnotations()
        var summary = MarkdownSummary()
        var quality = CodeQuality()
        var files: [(label: Label, file: OutputFile)] = []
    }

    private let annotates: Bool
    private let summaryFile: String?
    private let folder: BytePath?
    private let store: any ContentStore
    private let state = Mutex(State())

    /// `folder` is where `--report-dir` wants the files; absolute.
    init(environment: [String: String], folder: BytePath?, store: any ContentStore) {
        annotates = environment["GITHUB_ACTIONS"] == "true"
        summaryFile = environment["GITHUB_STEP_SUMMARY"].flatMap { $0.isEmpty ? nil : $0 }
        self.folder = folder
        self.store = store
    }

    /// Whether anybody wants to know anything.
    var areWanted: Bool { annotates || summaryFile != nil || folder != nil }

    func receive(_ event: Event) {
        guard areWanted, case .targetFinished(let report) = event else { return }
        state.withLock { state in
            state.annotations.receive(report)
            state.summary.receive(report)
            state.quality.receive(report)
            if folder != nil { state.files += report.reportFiles.map { (report.label, $0) } }
        }
    }

    /// Writes everything, once the run is over.
    func write(_ summary: RunSummary) async {
        guard areWanted else { return }
        let (annotations, text, quality, files) = state.withLock { state in
            (state.annotations.lines, state.summary.text(summary), state.quality.json, state.files)
        }
        if annotates { for line in annotations { Terminal.say(line) } }
        if let summaryFile { append(text, to: summaryFile) }
        guard let folder else { return }
        do {
            try Disk.makeFolders(folder)
            try Disk.replace(folder.appending("summary.md"), with: Array(text.utf8))
            try Disk.replace(
                folder.appending("code-quality.json"), with: Array((quality.text(pretty: true) + "\n").utf8))
            try await copy(files, to: folder.appending("files"))
        } catch {
            warn("the reports cannot be written to '\(folder.shown)': \(error)")
        }
    }

    /// `COMPONENT.STAGE.N.xml` each: no name that a tool chose.
    private func copy(_ files: [(label: Label, file: OutputFile)], to folder: BytePath) async throws {
        var numbers: [String: Int] = [:]
        try Disk.makeFolders(folder)
        for (label, file) in files.sorted(by: { ($0.label, $0.file.path) < ($1.label, $1.file.path) }) {
            let safe = label.description.map { character in
                character.isASCII && (character.isLetter || character.isNumber || "-_.".contains(character))
                    ? String(character) : "."
            }.joined()
            numbers[safe, default: 0] += 1
            let ending = file.path.bytes.suffix(4).elementsEqual(".xml".utf8) ? "xml" : "sarif"
            let bytes = try await store.read(file.digest)
            try Disk.replace(folder.appending("\(safe).\(numbers[safe] ?? 1).\(ending)"), with: bytes)
        }
    }

    /// GitHub's file may hold what other steps of the job have written.
    private func append(_ text: String, to file: String) {
        let descriptor = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            return warn(
                "the summary cannot be written to '\(BytePath(file).shown)': \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno != EINTR {
                return warn(
                    "the summary cannot be written to '\(BytePath(file).shown)': \(String(cString: strerror(errno)))")
            }
        }
    }

    private func warn(_ message: String) {
        Workspace.show([Diagnostic(.machineFailure, .warning, message)])
    }
}
