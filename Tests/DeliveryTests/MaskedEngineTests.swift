import BuildEngine
import BuildTestSupport
import Testing

@testable import Delivery

/// What containers and engines say, without the secrets of what was deployed.
@Suite struct MaskedEngineTests {
    /// An engine that says all it knows.
    private struct Talkative: DeployEngine {
        let lines: [String]
        let name = "talkative"
        let undoesUpdates = true
        var shelf: any Shelf { ScriptedEngine([:]).shelf }
        func observe(_ project: String) async throws -> ObservedStack { ObservedStack(services: []) }
        func hasImage(_ reference: String) async throws -> Bool { true }
        func pinned(_ reference: String, digest: String?) async throws -> String? { reference }
        func prepare(_ stack: RenderedStack) async throws {}
        func submit(_ stack: RenderedStack, release: String) async throws {
            throw EngineError(.refused, "no: " + lines.joined(separator: " "))
        }
        func remove(_ project: String) async throws {}
        func collectGarbage(_ project: String, keeping kept: Set<String>) async throws {}
        func lastLines(of task: ObservedTask) async -> [String] { lines }
    }

    private let stack = StackFixture(
        services: ["web": .init(image: "web:1", port: 1, secrets: ["TOKEN"])],
        secrets: ["TOKEN": "canary of one line\nand of another"]
    ).rendered

    private func task() -> ObservedTask {
        ObservedTask(id: "1", image: "web:1")
    }

    @Test func lastLinesAreMasked() async throws {
        let lines = ["starting with canary of one line", "and of another", "q=canary%20of%20one%20line", "done"]
        let engine = MaskedEngine(Talkative(lines: lines))
        // What has not been through here nobody knows to be a secret.
        #expect(await engine.lastLines(of: task()) == lines)
        try await engine.prepare(stack)
        #expect(await engine.lastLines(of: task()) == ["starting with ***", "q=***", "done"])
    }

    @Test func whatAnEngineSaysIsMasked() async throws {
        let engine = MaskedEngine(Talkative(lines: ["bad value 'and of another'"]))
        let error = try await #require(throws: EngineError.self) { try await engine.submit(stack, release: "r") }
        #expect(error.message == "no: bad value '***'")
        #expect(error.kind == .refused)
    }
}
