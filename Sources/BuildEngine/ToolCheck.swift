// Whether the tools that recipes need are on this machine in the declared version. Their presence never changes a hash.
import BuildGraph
import Buildfile

/// Asks each declared tool for its version once a run.
actor ToolCheck {
    private let commands: any CommandRunner
    private let environment: [String: String]
    private var answers: [Tool: Task<Diagnostic?, Never>] = [:]

    init(commands: any CommandRunner, path: String) {
        self.commands = commands
        environment = ["PATH": path, "LANG": "C.UTF-8"]
    }

    /// What is wrong with `tool` on this machine, or nil.
    func problem(_ tool: Tool) async -> Diagnostic? {
        if let known = answers[tool] { return await known.value }
        let task = Task { [commands, environment] in await Self.ask(tool, commands, environment) }
        answers[tool] = task
        return await task.value
    }

    private static func ask(
        _ tool: Tool, _ commands: any CommandRunner, _ environment: [String: String]
    ) async -> Diagnostic? {
        let arguments = tool.command.map { ["/bin/sh", "-eu", "-c", $0] } ?? [tool.name, "--version"]
        var command = Command(arguments, environment: environment, folder: BytePath("/"))
        command.timeout = .seconds(30)
        guard let result = try? await commands.run(command), result.succeeded else {
            return Diagnostic(
                .toolMissing, "tool '\(tool.name)' \(tool.version) is needed, but asking for its version failed",
                hint: "install it, and see that PATH names its folder")
        }
        let text = String(decoding: result.output, as: UTF8.self)
        if accepts(text, tool.version) { return nil }
        let line = text.split(separator: "\n").first.map(String.init) ?? ""
        return Diagnostic(
            .toolMissing, "tool '\(tool.name)' \(tool.version) is needed, but this machine has '\(line)'",
            hint: "install version \(tool.version), or change the declared version: it is part of the hash")
    }

    /// `3.11` accepts `Python 3.11.7` and `3.11`, and neither `3.1` nor `13.11`.
    static func accepts(_ text: String, _ version: String) -> Bool {
        let bytes = Array(text.utf8)
        let wanted = Array(version.utf8)
        guard !wanted.isEmpty, bytes.count >= wanted.count else { return false }
        func isPart(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: ".")
        }
        for start in 0...(bytes.count - wanted.count) where bytes[start..<(start + wanted.count)].elementsEqual(wanted)
        {
            let before = start == 0 || !isPart(bytes[start - 1])
            let end = start + wanted.count
            let after = end == bytes.count || bytes[end] == UInt8(ascii: ".") || !isPart(bytes[end])
            if before, after { return true }
        }
        return false
    }
}
