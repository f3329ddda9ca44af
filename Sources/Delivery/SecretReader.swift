// Reads secrets' values, each once in a run. Does not know who uses them, and never says a value.
package import BuildEngine
package import BuildGraph
package import Buildfile

/// Takes secrets from where the schema says they are.
package struct SecretReader: Sendable {
    private let commands: any CommandRunner
    /// lmsbuild's own environment.
    private let shell: [String: String]
    /// The workspace's absolute folder.
    private let root: BytePath
    private let timeout: Duration

    /// A reader whose programs have `timeout` each.
    package init(
        commands: any CommandRunner, shell: [String: String], root: BytePath, timeout: Duration = .seconds(30)
    ) {
        (self.commands, self.shell, self.root, self.timeout) = (commands, shell, root, timeout)
    }

    /// The values of `secrets` for `environment`, by name. Every one that is missing, empty, of the wrong type or not to
    /// be had in time is LMS307, with its name and never its value; then nothing is given.
    package func values(
        of secrets: [VariableSchema.Variable], in environment: String, read: (BytePath) -> [UInt8]?
    ) async throws -> (values: [String: SecretValue], diagnostics: [Diagnostic]) {
        var values: [String: SecretValue] = [:]
        var diagnostics: [Diagnostic] = []
        for secret in secrets {
            switch try await value(of: secret, secret.source(in: environment), read) {
            case .success(let bytes):
                if let problem = Self.problem(bytes, secret) {
                    diagnostics.append(Self.refusal(secret, problem, nil))
                } else {
                    values[secret.name] = SecretValue(bytes)
                }
            case .failure(let diagnostic): diagnostics.append(diagnostic)
            }
        }
        return diagnostics.isEmpty ? (values, []) : ([:], diagnostics)
    }

    private static func refusal(_ secret: VariableSchema.Variable, _ why: String, _ hint: String?) -> Diagnostic {
        Diagnostic(.missingSecret, "the secret '\(secret.name)' \(why)", at: secret.span, hint: hint)
    }

    private static func problem(_ bytes: [UInt8], _ secret: VariableSchema.Variable) -> String? {
        if bytes.isEmpty { return "is empty" }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            return secret.type == .text && secret.pattern == nil ? nil : "is not UTF-8"
        }
        if secret.type == .text, secret.choices.isEmpty, secret.pattern == nil { return nil }
        return secret.problem(with: text)
    }

    private func value(
        of secret: VariableSchema.Variable, _ source: VariableSchema.Source, _ read: (BytePath) -> [UInt8]?
    ) async throws -> Result<[UInt8], Diagnostic> {
        switch source {
        case .environment(let name):
            guard let value = shell[name] else {
                return .failure(
                    Self.refusal(secret, "is not set", "set \(name) in the environment of lmsbuild, or say 'from …'"))
            }
            return .success(Array(value.utf8))
        case .file(let path):
            let absolute = path.isAbsolute ? path : root.appending(path)
            guard let bytes = read(absolute) else {
                return .failure(Self.refusal(secret, "cannot be read from '\(path.shown)'", nil))
            }
            return .success(Self.withoutLineEnd(bytes))
        case .command(let words):
            var command = Command(words, environment: shell, folder: root)
            command.timeout = timeout
            command.separateErrors = true
            command.outputLimit = 1 << 20
            let program = words.first ?? ""
            do {
                let result = try await commands.run(command)
                switch result.ending {
                case .exited(0): return .success(Self.withoutLineEnd(result.output))
                // What it said may hold the value: not shown.
                case .exited(let status):
                    return .failure(
                        Self.refusal(
                            secret, "is not given by '\(program)', which ended with exit status \(status)",
                            "run the command yourself to see what it says"))
                case .signalled(let number):
                    return .failure(
                        Self.refusal(secret, "is not given by '\(program)', which was ended by signal \(number)", nil))
                case .timedOut:
                    return .failure(
                        Self.refusal(secret, "is not given by '\(program)' within \(timeout.components.seconds) s", nil)
                    )
                }
            } catch is SpawnError {
                return .failure(Self.refusal(secret, "cannot be asked of '\(program)', which cannot be started", nil))
            }
        }
    }

    /// The line end that editors and programs add is no part of a secret.
    private static func withoutLineEnd(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
        if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        return bytes
    }
}
