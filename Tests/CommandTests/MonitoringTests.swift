import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

/// Traces and metrics, read by those that they are for: OpenTelemetry's own messages, Prometheus, its Pushgateway and promtool.
@Suite struct MonitoringTests {
    private let program = Program()
    private let root = BytePath(#filePath).parent.parent.parent

    private static let buildfile = """
        project = shop
        service app
            dir app
            build: src -> out
                cp src out
            unit: :build code
                exit $(cat code)
            lint: src
                true

        """

    /// Keeps each request, and answers as a collector does.
    private static let collector = #"""
        import json, time
        def answer(self, body):
            with open("LOGFILE", "a") as file:
                file.write(json.dumps({"path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}, "body": body.decode()}) + "\n")
            try: time.sleep(float(open("LOGFILE.mode").read()))
            except FileNotFoundError: pass
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")
        """#

    private func workspace() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        try folder.write("work/Buildfile", Self.buildfile)
        try folder.write("work/app/src", "1\n")
        try folder.write("work/app/code", "0")
        return folder
    }

    private func run(
        _ folder: TemporaryFolder, _ environment: [String: String], _ words: [String] = ["run", "-k"]
    ) async throws -> Program.Outcome {
        try await program.run(
            words + ["--sandbox", "off"], in: folder.path.appending("work"), environment: environment)
    }

    private func requests(_ folder: TemporaryFolder) -> [JSONValue] {
        let text = (try? readFile(folder("log").shown)) ?? []
        return text.split(separator: 10).compactMap { try? JSONValue.parse(Array($0)) }
    }

    // MARK: OTLP

    /// Decodes bodies with OpenTelemetry's messages, which know no field by a wrong name, and prints what matters.
    private static let decoder = #"""
        import base64, json, sys
        from google.protobuf import json_format
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
        from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

        def ids(value):
            # OTLP has ids in hex where protobuf's JSON has base64.
            if isinstance(value, list): return [ids(one) for one in value]
            if not isinstance(value, dict): return value
            return {name: base64.b64encode(bytes.fromhex(one)).decode() if name in ("traceId", "spanId", "parentSpanId")
                    else ids(one) for name, one in value.items()}

        def value(one): return getattr(one, one.WhichOneof("value"))

        out = {"spans": [], "metrics": [], "resource": {}}
        for line in sys.stdin:
            request = json.loads(line)
            body = json.loads(request["body"])
            if request["path"].endswith("/v1/traces"):
                message = json_format.ParseDict(ids(body), ExportTraceServiceRequest())
                for resource in message.resource_spans:
                    out["resource"] = {a.key: value(a.value) for a in resource.resource.attributes}
                    for scope in resource.scope_spans:
                        for span in scope.spans:
                            assert len(span.trace_id) == 16 and len(span.span_id) == 8
                            assert span.start_time_unix_nano <= span.end_time_unix_nano
                            out["spans"].append({
                                "name": span.name, "kind": span.kind, "status": span.status.code,
                                "trace": span.trace_id.hex(), "id": span.span_id.hex(),
                                "parent": span.parent_span_id.hex(),
                                "seconds": int(span.start_time_unix_nano // 10**9),
                                "attributes": {a.key: str(value(a.value)) for a in span.attributes}})
            else:
                message = json_format.ParseDict(body, ExportMetricsServiceRequest())
                for resource in message.resource_metrics:
                    for scope in resource.scope_metrics:
                        for metric in scope.metrics:
                            points = getattr(metric, metric.WhichOneof("data")).data_points
                            out["metrics"].append({"name": metric.name, "unit": metric.unit, "attributes": {
                                a.key: str(value(a.value)) for point in points for a in point.attributes}})
                            for point in points:
                                if metric.name.endswith("duration"):
                                    assert sum(point.bucket_counts) == point.count == 1
                                    assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
        print(json.dumps(out))
        """#

    private func decoded(_ folder: TemporaryFolder) async throws -> JSONValue {
        var command = Command(
            [root.appending(".build-tools/bin/python").shown, "-c", Self.decoder], environment: ["LC_ALL": "C.UTF-8"],
            folder: root)
        command.input = try readFile(folder("log").shown)
        command.separateErrors = true
        let result = try await ProcessRunner.ofTests.run(command)
        #expect(result.succeeded, "\(String(decoding: result.errors, as: UTF8.self))")
        return try JSONValue.parse(result.output)
    }

    @Test(arguments: ["", "loopback"]) func aRunIsATraceThatOpenTelemetryReads(slow: String) async throws {
        let folder = try workspace()
        let server = try ScriptedServer(Self.collector.replacing("LOGFILE", with: folder("log").shown))
        try folder.write("work/app/code", "1")
        let outcome = try await run(
            folder,
            [
                "OTEL_EXPORTER_OTLP_ENDPOINT": server.url, "OTEL_EXPORTER_OTLP_HEADERS": "api-key=a%20key",
                "OTEL_SERVICE_NAME": "ci", "OTEL_RESOURCE_ATTRIBUTES": "team=payments",
                "TRACEPARENT": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                "GITHUB_ACTIONS": "true", "GITHUB_RUN_ID": "77", "GITHUB_SERVER_URL": "https://git.example",
                "GITHUB_REPOSITORY": "shop/shop", "GITHUB_REF_NAME": "main", "GITHUB_SHA": "abc", "LMSBUILD_SLOW": slow,
            ])
        #expect(outcome.status == 3)
        #expect(!outcome.errors.contains("LMS621"), "\(outcome.errors)")
        #expect(requests(folder).allSatisfy { $0.member("headers")?.member("api-key")?.text == "a key" })

        let found = try await decoded(folder)
        let spans = found.member("spans")?.elements ?? []
        func text(_ span: JSONValue, _ name: String) -> String { span.member(name)?.text ?? "" }
        func attribute(_ span: JSONValue, _ name: String) -> String {
            span.member("attributes")?.member(name)?.text ?? ""
        }
        let run = try #require(spans.first)
        #expect(text(run, "name") == "RUN shop")
        #expect(run.member("kind")?.numeric == 2)
        #expect(run.member("status")?.numeric == 2)
        #expect(text(run, "parent") == "b7ad6b7169203331")
        #expect(attribute(run, "cicd.pipeline.result") == "failure")
        #expect(attribute(run, "error.type") == "check_failed")
        #expect(attribute(run, "cicd.pipeline.run.id") == "77")
        #expect(attribute(run, "cicd.pipeline.run.url.full") == "https://git.example/shop/shop/actions/runs/77")
        #expect(attribute(run, "vcs.ref.head.name") == "main")
        #expect(spans.allSatisfy { text($0, "trace") == "0af7651916cd43dd8448eb211c80319c" })
        #expect(Set(spans.map { text($0, "id") }).count == spans.count)
        let tasks = Dictionary(spans.dropFirst().map { (text($0, "name"), $0) }, uniquingKeysWith: { $1 })
        #expect(Set(tasks.keys) == ["app:build", "app:lint", "app:unit"])
        #expect(tasks.values.allSatisfy { text($0, "parent") == text(run, "id") && $0.member("kind")?.numeric == 1 })
        let unit = try #require(tasks["app:unit"])
        #expect(attribute(unit, "cicd.pipeline.task.run.result") == "failure")
        #expect(attribute(unit, "cicd.pipeline.task.type") == "test")
        #expect(attribute(unit, "cicd.pipeline.task.run.id").utf8.count == 64)
        #expect(found.member("resource")?.member("service.name")?.text == "ci")
        #expect(found.member("resource")?.member("team")?.text == "payments")
        let metrics = found.member("metrics")?.elements ?? []
        #expect(metrics.map { text($0, "name") } == ["cicd.pipeline.run.duration", "cicd.pipeline.run.errors"])
        #expect(attribute(metrics[0], "cicd.pipeline.result") == "failure")
    }

    @Test func whatIsCachedIsSkippedAndATraceOfItsOwnHasNoParent() async throws {
        let folder = try workspace()
        #expect(try await run(folder, [:]).status == 0)
        let server = try ScriptedServer(Self.collector.replacing("LOGFILE", with: folder("log").shown))
        #expect(try await run(folder, ["OTEL_EXPORTER_OTLP_ENDPOINT": server.url]).status == 0)
        let spans = try await decoded(folder).member("spans")?.elements ?? []
        #expect(spans.count == 4)
        #expect(spans.first?.member("parent")?.text == "")
        #expect(spans.first?.member("status")?.numeric == 0)
        #expect(
            spans.dropFirst().allSatisfy {
                $0.member("attributes")?.member("cicd.pipeline.task.run.result")?.text == "skip"
            })
    }

    @Test func whatTheCallerDoesNotKeepIsNotSent() async throws {
        let folder = try workspace()
        let server = try ScriptedServer(Self.collector.replacing("LOGFILE", with: folder("log").shown))
        _ = try await run(
            folder,
            [
                "OTEL_EXPORTER_OTLP_ENDPOINT": server.url,
                "TRACEPARENT": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
            ])
        #expect(server.requests == ["POST /v1/metrics"])
    }

    @Test func aDeadCollectorCostsAWarning() async throws {
        let folder = try workspace()
        let dead = try await run(folder, ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"])
        #expect(dead.status == 0)
        #expect(dead.errors.ranges(of: "warning[LMS621]").count == 1, "\(dead.errors)")
        #expect(dead.errors.contains("the collector did not take the trace: it accepts no connections"))
    }

    @Test func aSlowCollectorIsLeftAloneAfterwards() async throws {
        let folder = try workspace()
        let server = try ScriptedServer(Self.collector.replacing("LOGFILE", with: folder("log").shown))
        try folder.write("log.mode", "60")
        let environment = ["OTEL_EXPORTER_OTLP_ENDPOINT": server.url]
        let slow = try await run(folder, environment)
        #expect(slow.status == 0)
        #expect(slow.errors.ranges(of: "warning[LMS621]").count == 1, "\(slow.errors)")
        #expect(slow.errors.contains("there was no answer within "), "\(slow.errors)")
        let count = server.requests.count
        let next = try await run(folder, environment)
        #expect(next.status == 0)
        #expect(!next.errors.contains("LMS621"))
        #expect(server.requests.count == count)
    }

    @Test func whatCannotBeWrittenIsAWarning() async throws {
        let folder = try workspace()
        let outcome = try await run(folder, ["LMSBUILD_METRICS_FILE": "/dev/full/x.prom"])
        #expect(outcome.status == 0)
        #expect(outcome.errors.ranges(of: "warning[LMS621]").count == 1, "\(outcome.errors)")
        #expect(outcome.errors.contains("the metrics cannot be written to '/dev/full/x.prom'"))
    }

    // MARK: Prometheus

    private func promtool(_ words: [String], input: [UInt8] = []) async throws -> (ok: Bool, text: String) {
        var command = Command(
            ["promtool"] + words, environment: ["PATH": "/usr/bin:/bin"], folder: root.appending("docs/monitoring"))
        command.input = input
        let result = try await ProcessRunner.ofTests.run(command)
        return (result.succeeded, String(decoding: result.output, as: UTF8.self))
    }

    @Test func theFileIsWhatPromtoolWantsAndAddsUp() async throws {
        let folder = try workspace()
        let file = folder("metrics/lmsbuild.prom")
        for _ in 0..<2 { _ = try await run(folder, ["LMSBUILD_METRICS_FILE": file.shown]) }
        let bytes = try readFile(file.shown)
        let text = String(decoding: bytes, as: UTF8.self)
        let checked = try await promtool(["check", "metrics"], input: bytes)
        #expect(checked.ok && checked.text.isEmpty, "\(checked.text)")
        #expect(text.contains("lmsbuild_runs_total{project=\"shop\",result=\"success\"} 2\n"), "\(text)")
        #expect(text.contains("lmsbuild_targets_total{project=\"shop\",outcome=\"cached\"} 3\n"))
        // The collector runs as somebody else.
        var status = stat()
        #expect(stat(file.shown, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o644)
        #expect(folder.files.filter { $0.hasPrefix("metrics/") } == ["metrics/lmsbuild.prom"])
    }

    @Test func theAlertsFireWhenTheyShould() async throws {
        let rules = try await promtool(["check", "rules", "alerts.yml"])
        #expect(rules.ok, "\(rules.text)")
        let tests = try await promtool(["test", "rules", "alerts.test.yml"])
        #expect(tests.ok, "\(tests.text)")
    }

    /// The address that a server says it listens on.
    private func address(_ server: RunningProgram) async throws -> String {
        try await server.expect("msg=\"Listening on\" address=")
        return String(try await server.expect("\n").dropLast())
    }

    private func get(_ url: String) async throws -> JSONValue {
        let exchange = try #require(
            CurlExchange(commands: ProcessRunner.ofTests, environment: ["PATH": "/usr/bin:/bin"]))
        let answer = try await exchange.send(HTTPRequest("GET", url))
        #expect(answer.succeeded, "\(answer.shown)")
        return try JSONValue.parse(answer.body)
    }

    /// From a run through the Pushgateway into Prometheus, which loads the example rules, and answers the example dashboard.
    @Test func prometheusHasWhatARunPushes() async throws {
        let folder = try workspace()
        let environment = ["PATH": "/usr/bin:/bin"]
        let gateway = try RunningProgram(
            ["/usr/bin/prometheus-pushgateway", "--web.listen-address=127.0.0.1:0"], in: folder.path,
            environment: environment)
        let gatewayAddress = try await address(gateway)
        let pushed = try await run(folder, ["LMSBUILD_PUSHGATEWAY": "http://" + gatewayAddress])
        #expect(pushed.status == 0)
        #expect(!pushed.errors.contains("LMS621"), "\(pushed.errors)")
        try folder.write(
            "prometheus.yml",
            """
            global: {scrape_interval: 1s, evaluation_interval: 1s}
            rule_files: [\(root.appending("docs/monitoring/alerts.yml").shown)]
            scrape_configs:
              - job_name: pushgateway
                honor_labels: true
                static_configs: [{targets: ["\(gatewayAddress)"]}]

            """)
        let prometheus = try RunningProgram(
            [
                "/usr/bin/prometheus", "--config.file=" + folder("prometheus.yml").shown,
                "--storage.tsdb.path=" + folder("data").shown, "--web.listen-address=127.0.0.1:0",
            ], in: folder.path, environment: environment)
        let url = "http://" + (try await address(prometheus))
        try await prometheus.expect("Server is ready")
        func ask(_ query: String) async throws -> [JSONValue] {
            let encoded = query.utf8.map { byte in
                let digits = String(byte, radix: 16)
                return "%" + (digits.utf8.count == 1 ? "0" : "") + digits
            }.joined()
            let answer = try await get("\(url)/api/v1/query?query=\(encoded)")
            #expect(answer.member("status")?.text == "success", "\(query)")
            return answer.member("data")?.member("result")?.elements ?? []
        }
        // It scrapes in its own time.
        var found: [JSONValue] = []
        let end = ContinuousClock.now + .seconds(60)
        while found.isEmpty, ContinuousClock.now < end {
            found = try await ask("lmsbuild_last_run_success{project=\"shop\"}")
            if found.isEmpty { try await Task.sleep(for: .milliseconds(100)) }
        }
        #expect(found.first?.member("value")?.elements?.last?.text == "1")

        let rules = try await get("\(url)/api/v1/rules")
        let groups = rules.member("data")?.member("groups")?.elements ?? []
        #expect(groups.flatMap { $0.member("rules")?.elements ?? [] }.count == 6)

        // Every question of the dashboard is one that Prometheus understands, about metrics that there are.
        let dashboard = try JSONValue.parse(readFile(root.appending("docs/monitoring/dashboard.json").shown))
        let queries = (dashboard.member("panels")?.elements ?? []).flatMap { $0.member("targets")?.elements ?? [] }
            .compactMap { $0.member("expr")?.text }
        #expect(queries.count > 10)
        let documented = String(
            decoding: try readFile(root.appending("docs/monitoring/README.md").shown), as: UTF8.self)
        for query in queries {
            _ = try await ask(query.replacing("$project", with: ".*"))
            for name in query.matches(of: #/lmsbuild_[a-z_]+/#).map({ String($0.output) }) {
                #expect(documented.contains("`\(name)`"), "\(name)")
            }
        }
        #expect(try await prometheus.end(by: SIGTERM) == 0)
        #expect(try await gateway.end(by: SIGTERM) == 0)
    }
}
