// Where a run's events go beside the console: its log, GitHub's annotations and summary, a folder for GitLab and others, a
// trace. What cannot be written is a warning, and changes nothing of the run.
import BuildEngine
import BuildGraph
import Buildfile
import Glibc
import Reporting
import Synchronization

/// What a run's command line asks for beside the console; absolute paths.
struct WantedReports {
    /// `--report-dir`.
    var folder: BytePath?
    /// `--trace`.
    var trace: BytePath?
    /// `--summary`.
    var summary: BytePath?
}

/// Takes a run's events for those who read along by other means than the console.
final class RunOutlets: Sendable {
    private struct State {
        var picture: RunPicture
        var files: [(label: Label, file: OutputFile)] = []
    }

    private let annotates: Bool
    private let summaryFile: String?
    private let wanted: WantedReports
    private let log: EventLog?
    private let logs: EventLogs
    private let full: FullDisk
    private let opened: Workspace
    private let began = ContinuousClock.now
    private let state: Mutex<State>

    /// `logs` is false where nothing will run; `full` is told of what has no room.
    init(_ opened: Workspace, asked: [String], _ wanted: WantedReports, logs isLogged: Bool, full: FullDisk) {
        let environment = opened.environment
        annotates = environment["GITHUB_ACTIONS"] == "true"
        summaryFile = environment["GITHUB_STEP_SUMMARY"].flatMap { $0.isEmpty ? nil : $0 }
        self.wanted = wanted
        self.opened = opened
        let heading = RunHeading(opened, asked: asked)
        logs = EventLogs(in: opened.state)
        self.full = full
        log =
            isLogged
            ? EventLog(
                heading, in: logs, isTold: { full.takes("the events", $0, $1) }, warn: { Workspace.show([$0]) }) : nil
        state = Mutex(State(picture: RunPicture(heading)))
    }

    /// Whether anybody wants to know what reports say, also those of targets that are up to date.
    var areWanted: Bool { annotates || isSummed }

    /// Whether anybody wants a summary.
    private var isSummed: Bool { summaryFile != nil || wanted.folder != nil || wanted.summary != nil }

    func receive(_ event: Event) {
        log?.receive(event)
        guard areWanted || wanted.trace != nil else { return }
        var at = ContinuousClock.now
        if case .targetStarted(_, at: let start) = event { at = start }
        let recorded = RecordedEvent(at: max(.zero, at - began), event)
        state.withLock { state in
            state.picture.apply(recorded)
            if wanted.folder != nil, case .targetFinished(let report) = event {
                state.files += report.reportFiles.map { (report.label, $0) }
            }
        }
    }

    /// Writes everything, once the run is over. `store` holds the files of reports.
    func write(_ summary: RunSummary, _ store: any ContentStore) async {
        receive(.runFinished(summary))
        if log != nil { RunHistory.makeRoom(logs, opened) }
        guard areWanted || wanted.trace != nil else { return }
        let (picture, files) = state.withLock { ($0.picture, $0.files) }
        if annotates {
            var annotations = GitHubAnnotations(below: opened.prefix)
            for entry in picture.entries { annotations.receive(entry.report) }
            for line in annotations.lines { Terminal.say(line) }
        }
        let text = isSummed ? MarkdownSummary(picture).text(summary) : ""
        if let summaryFile { append(text, to: summaryFile) }
        if let path = wanted.summary { write("the summary", to: path, Array(text.utf8)) }
        if let path = wanted.trace { write("the trace", to: path, RunTrace.document(picture)) }
        guard let folder = wanted.folder else { return }
        do {
            var quality = CodeQuality(below: opened.prefix)
            for entry in picture.entries { quality.receive(entry.report) }
            try Disk.makeFolders(folder)
            try Disk.replace(folder.appending("summary.md"), with: Array(text.utf8))
            try Disk.replace(
                folder.appending("code-quality.json"), with: Array((quality.json.text(pretty: true) + "\n").utf8))
            try await copy(files, to: folder.appending("files"), store)
        } catch {
            refused("the reports", folder, error)
        }
    }

    private func write(_ what: String, to path: BytePath, _ bytes: [UInt8]) {
        do {
            try Disk.replace(path, with: bytes)
        } catch {
            refused(what, path, error)
        }
    }

    private func refused(_ what: String, _ path: BytePath, _ error: any Error) {
        let error = error as? StoreError
        if case .system(_, _, let code)? = error, full.takes(what, path, code) { return }
        Workspace.show([
            Diagnostic(
                .machineFailure, .warning,
                "\(what) cannot be written to '\(path.shown)': \(error?.text ?? "a report is gone from the store")")
        ])
    }

    /// `COMPONENT.STAGE.N.xml` each: no name that a tool chose.
    private func copy(
        _ files: [(label: Label, file: OutputFile)], to folder: BytePath, _ store: any ContentStore
    ) async throws {
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
        let path = BytePath(file)
        do {
            let descriptor = try Disk.open(path, O_WRONLY | O_CREAT | O_APPEND, mode: 0o644)
            defer { close(descriptor) }
            try Disk.write(Array(text.utf8), to: descriptor, path)
        } catch {
            refused("the step's summary", path, error)
        }
    }
}

extension StoreError {
    /// What the system said, where it said something.
    var text: String {
        if case .system(_, _, let code) = self { errnoText(code) } else { "\(self)" }
    }
}

extension RunHeading {
    /// Of a run that begins now.
    init(_ opened: Workspace, asked: [String]) {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let time = now.tv_sec * 1000 + now.tv_nsec / 1_000_000
        let environment = opened.environment
        let (commit, branch) = opened.repository?.checkedOut() ?? (nil, nil)
        self.init(
            id: Self.id(time: time, number: now.tv_nsec / 15_259), time: time, program: LMSBuild.version, asked: asked,
            commit: commit, branch: branch)
        if let server = environment["GITHUB_SERVER_URL"], let repository = environment["GITHUB_REPOSITORY"],
            let job = environment["GITHUB_RUN_ID"]
        {
            page = "\(server)/\(repository)/actions/runs/\(job)"
        } else {
            page = environment["CI_JOB_URL"]
        }
    }
}
