import BuildEngine
import BuildGraph
import BuildTestSupport
import Testing

@testable import Reporting

/// What a collector gets of a run.
@Suite struct TraceSpansTests {
    private func spans(of events: [Event], _ summary: RunSummary = RunSummary()) throws -> [JSONValue] {
        var run = RunMeasures()
        for event in events { run.receive(event) }
        let body = TraceSpans(TraceSubject(project: "shop \"x\"", version: "1")).traces(of: run, summary)
        let source = try #require(try JSONValue.parse(body).member("resourceSpans")?.elements?.first)
        let scope = try #require(source.member("scopeSpans")?.elements?.first)
        #expect(scope.member("scope")?.member("name")?.text == "lmsbuild")
        return try #require(scope.member("spans")?.elements)
    }

    private func attribute(_ name: String, of span: JSONValue) -> String? {
        span.member("attributes")?.elements?.first { $0.member("key")?.text == name }?
            .member("value")?.member("stringValue")?.text
    }

    @Test func eachTargetIsAChildOfItsRun() throws {
        let found = try spans(of: [
            ToldRun.begun("a:unit"),
            .targetFinished(ToldRun.report("a:unit", ToldRun.failure("no", kind: .timeout), inputs: "x")),
            .targetFinished(ToldRun.report("b:build", .cached(restored: false))),
        ])
        #expect(found.map { $0.member("name")?.text } == ["RUN shop \"x\"", "a:unit", "b:build"])
        let trace = try #require(found[0].member("traceId")?.text)
        #expect(trace.utf8.count == 32 && trace.allSatisfy(\.isHexDigit))
        for span in found[1...] {
            #expect(span.member("traceId")?.text == trace)
            #expect(span.member("parentSpanId")?.text == found[0].member("spanId")?.text)
        }
        #expect(attribute("cicd.pipeline.task.run.result", of: found[1]) == "timeout")
        #expect(attribute("error.type", of: found[1]) == "timeout")
        #expect(attribute("cicd.pipeline.task.type", of: found[1]) == "test")
        #expect(attribute("cicd.pipeline.task.run.id", of: found[1]) == SHA256Value.of(Array("x".utf8)).hex)
        #expect(found[1].member("status") == .object([("code", .number(2))]))
        #expect(attribute("cicd.pipeline.task.run.result", of: found[2]) == "skip")
        #expect(attribute("error.type", of: found[2]) == nil)
        #expect(found[2].member("status") == nil)
    }

    @Test func noTwoSpansHaveOneID() throws {
        let events = (0..<3000).map { Event.targetFinished(ToldRun.report("s\($0):build", .ran(.forced))) }
        let ids = try spans(of: events).compactMap { $0.member("spanId")?.text }
        #expect(Set(ids).count == 3001)
        #expect(ids.allSatisfy { $0.utf8.count == 16 && $0.allSatisfy(\.isHexDigit) && $0 != "0000000000000000" })
        #expect(try Set(spans(of: events).compactMap { $0.member("spanId")?.text }).isDisjoint(with: ids))
    }
}
