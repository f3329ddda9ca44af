// Hands measures to those who collect them: a file, a Pushgateway, an OTLP collector. Never changes how a command ends.
import BuildEngine
import BuildGraph
import Buildfile
import Glibc
import Reporting

/// Where all commands that measure hand it in.
struct MeasureDesk: Sendable {
    /// For all that is sent by one command together.
    static let limit = Duration.seconds(5)
    /// How long a side is left alone that gave no answer in time.
    private static let pause = 300

    let opened: Workspace
    private let settings: TelemetrySettings
    /// Tells of a full disk together with others, where there are any.
    private let full: FullDisk?

    init(_ opened: Workspace, full: FullDisk? = nil) {
        self.opened = opened
        self.full = full
        settings = TelemetrySettings(opened.environment)
    }

    private func variable(_ name: String) -> String? {
        opened.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    private var wantsText: Bool { variable("LMSBUILD_METRICS_FILE") != nil || variable("LMSBUILD_PUSHGATEWAY") != nil }

    /// Whether anybody wants to know anything.
    var isWanted: Bool {
        wantsText || settings.address(of: .traces) != nil || settings.address(of: .metrics) != nil
    }

    private var file: BytePath { opened.state.appending("measures") }

    /// A message on its way.
    private struct Parcel: Sendable {
        /// What is paused where it does not answer: the address' kind.
        let key: String
        /// For people: "the collector did not take the trace".
        let what: String
        let variable: String
        let request: HTTPRequest
    }

    // MARK: What is measured

    /// A run that has ended.
    func take(_ run: RunMeasures, _ summary: RunSummary, project: String) async {
        await hand(project: project) { book in
            book.take(run, summary, project: project, time: time(nil))
        } bodies: { signal, spans in
            switch signal {
            case .traces: spans.traces(of: run, summary)
            case .metrics: Array(spans.metrics(of: run, summary).text(pretty: false).utf8)
            }
        }
    }

    /// A deployment that has come to its end.
    func take(_ deployment: DeploymentMeasures, project: String) async {
        await hand(project: project) {
            $0.take(deployment, project: project)
        } bodies: { signal, spans in
            signal == .traces ? spans.traces(of: deployment) : nil
        }
    }

    /// What a look at an environment found.
    func take(drifts: Int, in environment: String, project: String) async {
        await hand(project: project) {
            $0.take(drifts: drifts, in: environment, project: project)
        } bodies: { _, _ in
            nil
        }
    }

    private func hand(
        project: String, _ note: (inout MeasureBook) -> Void,
        bodies: (TelemetrySettings.Signal, TraceSpans) -> [UInt8]?
    ) async {
        guard isWanted else { return }
        let until = ContinuousClock.now + Self.limit
        var book = fileContents(file).map { MeasureBook(reading: $0) } ?? MeasureBook()
        note(&book)
        var parcels: [Parcel] = []
        if wantsText {
            write(book)
            parcels += pushed(book, project)
        }
        if settings.address(of: .traces) != nil || settings.address(of: .metrics) != nil {
            let spans = TraceSpans(await subject(project))
            // The caller has decided that this trace is not kept.
            if settings.parent?.isSampled != false {
                parcels += collected(.traces, "the trace") { bodies(.traces, spans) }
            }
            parcels += collected(.metrics, "the metrics") { bodies(.metrics, spans) }
        }
        await send(parcels, &book, until)
        opened.makeState()
        do throws(FileSystemError) {
            try FileReplacement.write(Array((book.json.text(pretty: false) + "\n").utf8), to: file, isSynced: false)
        } catch {
            if full?.takes("what was measured", file, error.errno) == true { return }
            Self.warn(
                "what was measured cannot be kept in '\(file.shown)': \(errnoText(error.errno))",
                hint: "free space, or correct the folder's permissions")
        }
    }

    private func subject(_ project: String) async -> TraceSubject {
        var subject = TraceSubject(project: project, version: LMSBuild.version)
        subject.job = JobFacts(opened.environment)
        if let repository = opened.repository {
            // What plain files tell takes no process.
            let seen = repository.checkedOut()
            if subject.job.branch == nil { subject.job.branch = seen.branch }
            if subject.job.commit == nil { subject.job.commit = seen.commit }
            if seen.commit == nil {
                if subject.job.branch == nil { subject.job.branch = await repository.branch() }
                if subject.job.commit == nil { subject.job.commit = try? await repository.headCommit }
            }
        }
        subject.resource = settings.resource(version: LMSBuild.version)
        subject.parent = settings.parent
        return subject
    }

    static func warn(_ message: String, hint: String?) {
        Workspace.show([Diagnostic(.measuresNotSent, .warning, message, hint: hint)])
    }

    // MARK: Text

    private func write(_ book: MeasureBook) {
        guard let name = variable("LMSBUILD_METRICS_FILE") else { return }
        let given = BytePath(name)
        let path =
            given.isAbsolute ? given : ((try? WorkspaceSearch.currentFolder()) ?? opened.workspace).appending(given)
        do throws(StoreError) {
            // Renamed into place, so that a collector finds all of it or what was there before.
            try Disk.replace(path, with: Array(book.text.utf8))
        } catch {
            var reason = "\(error)"
            if case .system(let operation, _, let code) = error {
                if full?.takes("the metrics", path, code) == true { return }
                reason = "\(operation): \(errnoText(code))"
            }
            Self.warn(
                "the metrics cannot be written to '\(path.shown)': \(reason)",
                hint: "LMSBUILD_METRICS_FILE names the file")
        }
    }

    private func pushed(_ book: MeasureBook, _ project: String) -> [Parcel] {
        guard var address = variable("LMSBUILD_PUSHGATEWAY") else { return [] }
        if !address.contains("/metrics/job") {
            while address.hasSuffix("/") { address.removeLast() }
            // Any name goes into the path in this form.
            address += "/metrics/job/lmsbuild/project@base64/\(Self.base64URL(project))"
        }
        let headers = TelemetrySettings.pairs(variable("LMSBUILD_PUSHGATEWAY_HEADERS") ?? "")
        let request = HTTPRequest(
            "PUT", address, headers: [("Content-Type", "text/plain; version=0.0.4; charset=utf-8")] + headers,
            body: .bytes(Array(book.text.utf8)))
        return [
            Parcel(
                key: "push", what: "the Pushgateway did not take the metrics", variable: "LMSBUILD_PUSHGATEWAY",
                request: request)
        ]
    }

    /// RFC 4648, section 5, with its padding.
    private static func base64URL(_ text: String) -> String {
        Base64.encode(Array(text.utf8)).replacing("+", with: "-").replacing("/", with: "_")
    }

    // MARK: OTLP

    /// `body` is made where somebody wants it.
    private func collected(
        _ signal: TelemetrySettings.Signal, _ what: String, _ body: () -> [UInt8]?
    ) -> [Parcel] {
        guard let address = settings.address(of: signal), let body = body() else { return [] }
        if let word = settings.foreignProtocol {
            if signal == .traces {
                Self.warn(
                    "nothing is sent to the collector: OTEL_EXPORTER_OTLP_PROTOCOL asks for '\(word)'",
                    hint: "lmsbuild speaks http/json, which collectors take on port 4318")
            }
            return []
        }
        let request = HTTPRequest(
            "POST", address,
            headers: [("Content-Type", "application/json"), ("User-Agent", "lmsbuild/\(LMSBuild.version)")]
                + settings.headers(of: signal), body: .bytes(body))
        return [
            Parcel(
                key: "otlp", what: "the collector did not take \(what)", variable: "OTEL_EXPORTER_OTLP_ENDPOINT",
                request: request)
        ]
    }

    // MARK: Sending

    private func send(_ parcels: [Parcel], _ book: inout MeasureBook, _ until: ContinuousClock.Instant) async {
        let now = time(nil)
        let due = parcels.filter { book.mayBeAsked($0.key, now: now) }
        if due.isEmpty { return }
        guard let curl = CurlExchange(commands: opened.commands, environment: opened.environment) else {
            return Self.warn("measures cannot be sent: the program 'curl' is not there", hint: "install curl")
        }
        let exchange: any HTTPExchange = opened.isSlow(.loopback) ? curl : LoopbackExchange(otherwise: curl)
        let problems = await withTaskGroup(
            of: (Int, String, Bool)?.self, returning: [Int: (String, Bool)].self
        ) { group in
            for (number, parcel) in due.enumerated() {
                group.addTask {
                    await Self.problem(with: parcel.request, exchange, until).map { (number, $0.message, $0.isSilent) }
                }
            }
            return await group.reduce(into: [:]) { if let found = $1 { $0[found.0] = (found.1, found.2) } }
        }
        var told: Set<String> = []
        for (number, parcel) in due.enumerated() {
            guard let problem = problems[number] else { continue }
            if problem.1 { book.pause(parcel.key, until: now + Self.pause) }
            // One warning for each side, whatever it got.
            guard told.insert(parcel.key).inserted else { continue }
            Self.warn(
                "\(parcel.what): \(problem.0)",
                hint: "\(parcel.variable) names it; unset it to send nothing"
                    + (problem.1 ? ". It is left alone for \(Self.pause / 60) minutes" : ""))
        }
    }

    /// Nil where it was taken.
    private static func problem(
        with request: HTTPRequest, _ exchange: any HTTPExchange, _ until: ContinuousClock.Instant
    ) async -> (message: String, isSilent: Bool)? {
        var request = request
        request.limit = max(.milliseconds(100), until - ContinuousClock.now - .milliseconds(300))
        request.bodyLimit = 64 << 10
        let mask = SecretMask(values: request.headers.map(\.value).filter { $0.utf8.count >= 16 })
        do {
            let answer = try await exchange.send(request)
            if answer.succeeded { return nil }
            let text = String(decoding: mask.masked(Array(answer.shown.utf8)), as: UTF8.self)
            return ("it answers \(text)", false)
        } catch let failure as HTTPFailure {
            return (failure.message, failure.kind == .timeout)
        } catch {
            return ("interrupted", false)
        }
    }
}
