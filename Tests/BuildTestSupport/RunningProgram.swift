package import BuildGraph
import Foundation
import Glibc

/// A program that runs on while a test looks at what it says, and that ends by a signal.
package final class RunningProgram {
    package struct Silence: Error, CustomStringConvertible {
        package let description: String
    }

    private let process = Process()
    private let folder: TemporaryFolder
    /// How much of what was said has been expected already.
    private var seen = 0

    /// Starts `arguments` in `path` with `environment` and nothing else.
    package init(_ arguments: [String], in path: BytePath, environment: [String: String]) throws {
        folder = try TemporaryFolder()
        try folder.write("errors", "")
        let file = try FileHandle(forWritingTo: URL(filePath: folder("errors").shown))
        process.executableURL = URL(filePath: arguments.first ?? "")
        process.arguments = Array(arguments.dropFirst())
        process.currentDirectoryURL = URL(filePath: path.shown)
        process.environment = environment
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = file
        try process.run()
    }

    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

    /// All that it wrote to standard error up to now.
    package var text: String { (try? String(decoding: readFile(folder("errors").shown), as: UTF8.self)) ?? "" }

    /// Waits until it has said `words` after what was expected before, and gives all that it said in between, `words`
    /// included.
    @discardableResult
    package func expect(_ words: String) async throws -> String {
        let end = ContinuousClock.now + .seconds(120)
        while true {
            let isOver = !process.isRunning
            let rest = String(decoding: Array(text.utf8.dropFirst(seen)), as: UTF8.self)
            if let place = rest.range(of: words) {
                let said = String(rest[..<place.upperBound])
                seen += said.utf8.count
                return said
            }
            if isOver || ContinuousClock.now > end {
                throw Silence(description: "'\(words)' was not said\(isOver ? " before it ended" : ""): \(text)")
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// Sends `number` and waits for the end: the exit status, or 128 and the signal that ended it.
    package func end(by number: Int32 = 2) async throws -> Int32 {
        kill(process.processIdentifier, number)
        let end = ContinuousClock.now + .seconds(120)
        while process.isRunning {
            if ContinuousClock.now > end { throw Silence(description: "signal \(number) does not end it: \(text)") }
            try await Task.sleep(for: .milliseconds(5))
        }
        return (process.terminationReason == .uncaughtSignal ? 128 : 0) + process.terminationStatus
    }
}

extension Program {
    /// Starts the program, which runs on, in `folder` with nothing in its environment but PATH and HOME; `before` is
    /// what starts it.
    package func start(_ arguments: [String], in folder: BytePath, before: [String] = []) throws -> RunningProgram {
        let search = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
        return try RunningProgram(
            before + [path] + arguments, in: folder, environment: ["PATH": search, "HOME": "/nonexistent"])
    }
}
