import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

/// Everything that a run tells goes wrong at once: nobody answers, and there is no room on the disk. The run ends as it would
/// otherwise, with one warning for each thing that is wrong.
@Suite struct DeadSidesTests {
    private let program = Program()

    private static let buildfile = """
        project = shop
        notify slack ops
            url URL
        notify email mail
            to a@shop.example
            from b@shop.example
            server smtp://127.0.0.1:1
        service app
            dir app
            unit: code
                exit $(cat code)

        """

    private static let dead = "http://127.0.0.1:1"

    /// What asks a run to tell everybody of everything.
    private func everything(in path: BytePath) -> [String: String] {
        [
            "URL": Self.dead + "/services/T0/B0/verysecretpath", "OTEL_EXPORTER_OTLP_ENDPOINT": Self.dead,
            "LMSBUILD_PUSHGATEWAY": Self.dead, "LMSBUILD_METRICS_FILE": path.appending("metrics.prom").shown,
            "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": path.appending("step.md").shown,
        ]
    }

    private static let asked = ["--report-dir", "reports", "--trace", "trace.json", "--summary", "summary.md"]

    private func workspace(code: String) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        try folder.write("work/Buildfile", Self.buildfile)
        try folder.write("work/app/code", code)
        return folder
    }

    /// Starts the program in `folder`'s `full`, a disk without room that has a copy of `work` and is there for it alone. Results go to
    /// `store`, which is on another disk: what runs is not what is looked at here. Only root may do that.
    private func onAFullDisk(_ folder: TemporaryFolder) -> [String] {
        for name in ["full", "store"] { _ = folder(name).withCString { mkdir($0, 0o755) } }
        let script = """
            mount -t tmpfs -o size=256k tmpfs "$1" && cp -a "$2"/. "$1" && cd "$1"
            for name in store tmp; do
                mkdir -p "$3/$name" ".lmsbuild/$name" && mount --bind "$3/$name" ".lmsbuild/$name"
            done
            cat /dev/zero > fill 2> /dev/null || true
            shift 3; exec "$@"
            """
        return ["unshare", "-m", "sh", "-ec", script, "sh"] + ["full", "work", "store"].map { folder($0).shown }
    }

    private func warnings(_ outcome: Program.Outcome) -> [String] {
        outcome.errors.split(separator: "\n").filter { $0.hasPrefix("warning[") }.map(String.init)
    }

    @Test(.enabled(if: geteuid() == 0), arguments: ["0", "3"])
    func aFullDiskAndDeadSidesAreOneWarningEach(code: String) async throws {
        let folder = try workspace(code: code)
        let full = folder("full")
        let outcome = try await program.run(
            ["run", "--sandbox", "off"] + Self.asked, in: folder.path, environment: everything(in: full),
            before: onAFullDisk(folder))
        let alone = try await program.run(
            "run", "--sandbox", "off", in: folder("work"), environment: ["URL": ""])
        #expect(outcome.status == alone.status, "\(outcome.errors)")
        #expect(outcome.status == (code == "0" ? 0 : 3))
        // Nobody is to be told of a success.
        let told =
            code == "0" ? [] : ["warning[LMS620]: 'mail' was not told: ", "warning[LMS620]: 'ops' was not told: "]
        let wanted =
            told + [
                "warning[LMS604]: the disk is full, and not all of this run could be written down: No space left on device",
                "warning[LMS621]: the Pushgateway did not take the metrics: ",
                "warning[LMS621]: the collector did not take the trace: ",
            ]
        let found = warnings(outcome)
        #expect(found.count == wanted.count, "\(outcome.errors)")
        for start in wanted { #expect(found.count { $0.hasPrefix(start) } == 1, "\(start): \(outcome.errors)") }
        for what in ["the events", "the step's summary", "the summary", "the trace", "the reports", "the metrics"] {
            #expect(outcome.errors.contains("\(what): '\(full.shown)/"), "\(what): \(outcome.errors)")
        }
        // What cannot be kept is not said to be kept.
        #expect(!outcome.errors.contains("kept, and a later run"))
        if code != "0" {
            #expect(
                outcome.errors.contains("the message could not be kept either: a later run tells what is still so then")
            )
        }
        #expect(!outcome.errors.contains("secretpath"))
        #expect(!outcome.errors.contains("BytePath"))
    }

    @Test func deadSidesAreOneWarningEachAndTheMessageIsKept() async throws {
        let folder = try workspace(code: "3")
        let path = folder("work")
        let outcome = try await program.run(
            ["run", "--sandbox", "off"] + Self.asked, in: path, environment: everything(in: path))
        #expect(outcome.status == 3)
        #expect(
            warnings(outcome).map { $0.prefix { $0 != ":" } }.sorted() == [
                "warning[LMS620]", "warning[LMS620]", "warning[LMS621]", "warning[LMS621]",
            ], "\(outcome.errors)")
        #expect(outcome.errors.ranges(of: "the message is kept, and a later run tries again").count == 2)
    }

    /// A log whose lines are none, and a history that is no database.
    @Test func whatIsDamagedIsSaidOnceAndCostsOnlyItself() async throws {
        let folder = try workspace(code: "0")
        let path = folder("work")
        #expect(try await program.run("run", "--sandbox", "off", in: path).status == 0)
        let logs = try Disk.names(in: path.appending(".lmsbuild/events"))
        let log = try #require(logs.first)
        try folder.write("work/.lmsbuild/events/20200101-000000-0000.jsonl", "garbage\n{\n")
        try folder.write("work/.lmsbuild/history.sqlite", "garbage, and more of it")
        let history = try await program.run("history", in: path)
        #expect(history.status == 0)
        #expect(warnings(history).count == 1, "\(history.errors)")
        #expect(history.errors.contains("it was moved to 'history.sqlite.damaged'"))
        #expect(history.lines.count == 1)
        #expect(history.output.hasPrefix(String(log.shown.dropLast(6))))
        // The next one finds nothing wrong.
        for command in ["history", "stats"] {
            let again = try await program.run(command, in: path)
            #expect(again.status == 0 && again.errors == "", "\(again.errors)")
        }
        let list = try await program.run("report", "--list", in: path)
        #expect(list.lines.count == 1)
        let broken = try await program.run("report", "20200101", in: path)
        #expect(broken.status == 2)
        #expect(broken.errors.contains("is no log of a run that this version reads"), "\(broken.errors)")
    }
}
