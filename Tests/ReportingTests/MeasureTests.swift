import BuildEngine
import BuildGraph
import Buildfile
import Testing

@testable import Reporting

/// Measures in the forms of those who collect them; real collectors read them in CommandTests.
@Suite struct MeasureTests {
    private func report(
        _ component: String, _ stage: String, _ outcome: TargetReport.Outcome
    ) -> TargetReport {
        TargetReport(
            label: Label(component: component, stage: stage), inputHash: InputHash(SHA256Value.of([])),
            outcome: outcome, duration: .seconds(1), saved: .zero, output: [], image: nil, imageDigest: nil,
            isCheck: false)
    }

    private func summary(_ code: ExitCode = .done, seconds: Double = 2.5) -> RunSummary {
        var summary = RunSummary()
        (summary.ran, summary.cached, summary.exitCode) = (1, 2, code)
        summary.duration = .milliseconds(Int(seconds * 1000))
        return summary
    }

    @Test func totalsAddUpAndTheLastRunIsTheLast() {
        var book = MeasureBook()
        var first = RunMeasures()
        first.receive(.targetFinished(report("a", "unit", .ran(.noResult))))
        book.take(first, summary(.actionFailed), project: "shop", time: 100)
        book = MeasureBook(reading: Array(book.json.text(pretty: false).utf8))
        var second = RunMeasures()
        second.receive(.targetFinished(report("a", "build", .cached(restored: false))))
        book.take(second, summary(), project: "shop", time: 200)
        let lines = Set(book.text.split(separator: "\n").map(String.init))
        #expect(
            lines.isSuperset(of: [
                "lmsbuild_runs_total{project=\"shop\",result=\"failure\"} 1",
                "lmsbuild_runs_total{project=\"shop\",result=\"success\"} 1",
                "lmsbuild_run_seconds_total{project=\"shop\"} 5",
                "lmsbuild_targets_total{project=\"shop\",outcome=\"cached\"} 4",
                "lmsbuild_last_run_success{project=\"shop\"} 1",
                "lmsbuild_last_run_duration_seconds{project=\"shop\"} 2.5",
                "lmsbuild_last_run_timestamp_seconds{project=\"shop\"} 200",
                "lmsbuild_last_run_targets{project=\"shop\",stage=\"build\",outcome=\"cached\"} 1",
            ]))
        // What the run before did and this one did not is gone.
        #expect(!book.text.contains("stage=\"unit\""))
        #expect(book.text.hasSuffix("\n"))
    }

    @Test func labelsStayFewAndEscaped() {
        var book = MeasureBook()
        var run = RunMeasures()
        for number in 0..<300 { run.receive(.targetFinished(report("a", "stage\(number)", .ran(.noResult)))) }
        book.take(run, summary(), project: "a \"quoted\"\\\nname", time: 1)
        #expect(book.text.split(separator: "\n").count { $0.hasPrefix("lmsbuild_last_run_targets{") } == 51)
        #expect(book.text.contains("{project=\"a \\\"quoted\\\"\\\\\\nname\"}"))
    }

    @Test func aDamagedBookBeginsAnew() {
        var book = MeasureBook()
        book.take(drifts: 3, in: "prod", project: "shop")
        let bytes = Array(book.json.text(pretty: false).utf8)
        for end in 0..<bytes.count { #expect(MeasureBook(reading: Array(bytes[..<end])).text.isEmpty) }
        #expect(MeasureBook(reading: bytes) == book)
    }

    @Test func manyCachedTargetsLeaveRoomForWhatRan() {
        var run = RunMeasures()
        for _ in 0..<(RunMeasures.mostTargets + 10) {
            run.receive(.targetFinished(report("a", "build", .cached(restored: false))))
        }
        run.receive(.targetFinished(report("b", "unit", .ran(.noResult))))
        #expect(run.targets.count == RunMeasures.mostTargets)
        #expect(run.targets.last?.outcome == .ran)
        #expect(run.leftOut == 11)
    }

    // MARK: What the environment says

    @Test func theAddressesAreOpenTelemetrys() {
        func address(_ environment: [String: String], _ signal: TelemetrySettings.Signal = .traces) -> String? {
            TelemetrySettings(environment).address(of: signal)
        }
        let base = ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"]
        #expect(address([:]) == nil)
        #expect(address(["OTEL_EXPORTER_OTLP_ENDPOINT": ""]) == nil)
        #expect(address(base) == "http://c:4318/v1/traces")
        #expect(address(["OTEL_EXPORTER_OTLP_ENDPOINT": "http://c/x/"], .metrics) == "http://c/x/v1/metrics")
        #expect(address(base.merging(["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://t/y"]) { $1 }) == "http://t/y")
        #expect(address(base.merging(["OTEL_METRICS_EXPORTER": "none"]) { $1 }, .metrics) == nil)
        #expect(address(base.merging(["OTEL_SDK_DISABLED": "true"]) { $1 }) == nil)
    }

    @Test func headersArePercentDecoded() {
        let pairs = TelemetrySettings.pairs("api-key=a%20b%2C, x = 1,broken,=y,z=%zz")
        #expect(pairs.map(\.name) == ["api-key", "x", "z"])
        #expect(pairs.map(\.value) == ["a b,", "1", "%zz"])
    }

    @Test(arguments: [
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true),
        ("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", true),
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", false),
        ("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false),
        ("00-00000000000000000000000000000000-b7ad6b7169203331-01", false),
        ("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false),
        ("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", false), ("nonsense", false), ("", false),
    ])
    func aParentIsTakenWhereItIsValid(text: String, isValid: Bool) {
        let parent = TelemetrySettings(["TRACEPARENT": text]).parent
        #expect((parent?.trace == "0af7651916cd43dd8448eb211c80319c") == isValid)
        #expect((parent?.span == "b7ad6b7169203331") == isValid)
    }

    @Test func whatACallerDoesNotKeepIsKnown() {
        let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
        #expect(TelemetrySettings(["TRACEPARENT": text]).parent?.isSampled == false)
    }
}
