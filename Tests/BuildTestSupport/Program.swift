package import BuildEngine
package import BuildGraph
import Glibc

/// The built program, run as a user runs it.
package struct Program: Sendable {
    package struct Outcome: Sendable, Equatable {
        package let status: Int32
        package let output: String
        package let errors: String

        package var lines: [String] { output.split(separator: "\n").map(String.init) }
    }

    package let path: String
    private let runner = ProcessRunner.ofTests

    /// The program that `swift build` made beside the tests, or the one that LMSBUILD_BINARY names.
    package init(source: String = #filePath) {
        let root = BytePath(source).parent.parent.parent
        path = getenv("LMSBUILD_BINARY").map { String(cString: $0) } ?? root.appending(".build/debug/lmsbuild").shown
    }

    /// Runs the program in `folder` with nothing in its environment but PATH, HOME and `environment`.
    package func run(
        _ arguments: String..., in folder: BytePath, environment: [String: String] = [:]
    ) async throws -> Outcome {
        try await run(arguments, in: folder, environment: environment)
    }

    /// As above; `before` is what starts it (`setpriv …`).
    package func run(
        _ arguments: [String], in folder: BytePath, environment: [String: String] = [:], before: [String] = []
    ) async throws -> Outcome {
        var full = ["PATH": getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin", "HOME": "/nonexistent"]
        full.merge(environment) { $1 }
        var command = Command(before + [path] + arguments, environment: full, folder: folder)
        command.separateErrors = true
        command.timeout = .seconds(120)
        let result = try await runner.run(command)
        let status: Int32 =
            switch result.ending {
            case .exited(let code): code
            case .signalled(let number): 128 + number
            case .timedOut: -1
            }
        return Outcome(
            status: status, output: String(decoding: result.output, as: UTF8.self),
            errors: String(decoding: result.errors, as: UTF8.self))
    }

    /// Label → input hash, as `lmsbuild hash --format json` says.
    package func hashes(
        in folder: BytePath, environment: [String: String] = [:], before: [String] = []
    ) async throws -> [String: String] {
        let outcome = try await run(["hash", "--format", "json"], in: folder, environment: environment, before: before)
        guard outcome.status == 0 else { throw ProgramFailed(outcome: outcome) }
        let targets = try JSONValue.parse(Array(outcome.output.utf8)).member("targets")?.members ?? []
        return Dictionary(targets.map { ($0.0, $0.1.text ?? "") }, uniquingKeysWith: { first, _ in first })
    }
}

extension ProcessRunner {
    /// One for all tests of a run: hundreds at once, each with descriptors of its own, come near a machine's limit.
    package static let ofTests = ProcessRunner()
}

/// The program did not do what a test takes for granted.
package struct ProgramFailed: Error {
    package let outcome: Program.Outcome

    package init(outcome: Program.Outcome) {
        self.outcome = outcome
    }
}
