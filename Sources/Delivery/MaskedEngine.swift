// An engine whose containers' words are shown without secrets. Does not know which engine, nor who listens.
import BuildEngine
import Synchronization

/// Another engine; of what containers write, the secrets of the stacks that went through here are taken out.
package final class MaskedEngine: DeployEngine {
    private let base: any DeployEngine
    private let values = Mutex<Set<String>>([])

    package init(_ base: any DeployEngine) {
        self.base = base
    }

    package var name: String { base.name }
    package var undoesUpdates: Bool { base.undoesUpdates }
    package var shelf: any Shelf { base.shelf }

    package func observe(_ project: String) async throws -> ObservedStack { try await base.observe(project) }

    package func hasImage(_ reference: String) async throws -> Bool { try await base.hasImage(reference) }

    package func pinned(_ reference: String, digest: String?) async throws -> String? {
        try await base.pinned(reference, digest: digest)
    }

    package func prepare(_ stack: RenderedStack) async throws {
        learn(stack)
        try await masking { try await base.prepare(stack) }
    }

    package func submit(_ stack: RenderedStack, release: String) async throws {
        learn(stack)
        try await masking { try await base.submit(stack, release: release) }
    }

    package func remove(_ project: String) async throws { try await base.remove(project) }

    package func collectGarbage(_ project: String, keeping kept: Set<String>) async throws {
        try await base.collectGarbage(project, keeping: kept)
    }

    package func lastLines(of task: ObservedTask) async -> [String] {
        let mask = mask
        let lines = await base.lastLines(of: task)
        if mask.isEmpty { return lines }
        // As one text, for a value of several lines stands in several.
        let masked = mask.masked(lines.joined(separator: "\n"))
        return masked.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    private func learn(_ stack: RenderedStack) {
        let known = stack.secrets.compactMap { $0.value?.textToMask }
        values.withLock { $0.formUnion(known) }
    }

    private var mask: SecretMask { SecretMask(values: values.withLock { Array($0) }) }

    /// What an engine's program says may repeat what it was given.
    private func masking(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let error as EngineError {
            throw error.masked(by: mask)
        }
    }
}
