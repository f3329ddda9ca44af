// `fmt`: Buildfiles in their canonical form. Does not know what that form is: Buildfile/Formatter.swift does.
import ArgumentParser
import BuildEngine
import BuildGraph
import Buildfile
import Glibc
import Reporting

struct FormatCommand: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "fmt", abstract: "Brings Buildfiles into their canonical form.")

    @OptionGroup var global: GlobalOptions
    @Flag(help: "Write nothing; print a diff of what would change, and exit 3 if anything would.")
    var check = false
    @Argument(
        help: ArgumentHelp(
            "Buildfiles; the root Buildfile and all that it includes without any. '-' formats standard input.",
            valueName: "file"))
    var files: [String] = []

    func perform() async throws -> BuildEngine.ExitCode {
        if files.contains("-") {
            guard files == ["-"] else {
                throw Refusal(
                    Diagnostic(.badCommandLine, "'-' stands for standard input and beside no other file"), .wrongInput)
            }
            return try formatInput()
        }
        var code = BuildEngine.ExitCode.done
        for file in try await chosenFiles(&code) {
            do throws(Refusal) {
                code = code.combined(with: try format(file))
            } catch {
                Workspace.show(error.diagnostics)
                code = code.combined(with: error.code)
            }
        }
        return code
    }

    /// A file with the name that people know it by.
    private struct NamedFile {
        let name: BytePath
        let path: BytePath
    }

    private func chosenFiles(_ code: inout BuildEngine.ExitCode) async throws -> [NamedFile] {
        guard files.isEmpty else {
            if let folder = global.folder, chdir(folder) != 0 {
                throw Refusal(
                    Diagnostic(.badCommandLine, "cannot enter '\(folder)': \(errnoText(errno))"), .wrongInput)
            }
            return files.map { NamedFile(name: BytePath($0), path: BytePath($0)) }
        }
        let opened = try await Workspace.open(global, overrides: [:])
        let tree = try await opened.workingTree()
        let found: (paths: [BytePath], diagnostics: [Diagnostic])
        do {
            found = try buildfilePaths(of: tree, opened.settings)
        } catch {
            throw Refusal(.unreadable(error), .machine)
        }
        if !found.diagnostics.isEmpty {
            Workspace.show(found.diagnostics)
            code = .wrongInput
        }
        let given = global.buildfile.map { [NamedFile(name: BytePath($0), path: BytePath($0))] } ?? []
        return given + found.paths.map { NamedFile(name: $0, path: opened.workspace.appending($0)) }
    }

    private func format(_ file: NamedFile) throws(Refusal) -> BuildEngine.ExitCode {
        let target = try EditedFile(file.path, name: file.name)
        let formatted = try canonical(target.bytes, name: file.name.shown)
        guard formatted != target.bytes else { return .done }
        if check {
            Terminal.out(unifiedDiff(old: target.bytes, new: formatted, name: file.name.bytes))
            return .checkFailed
        }
        try target.replace(with: formatted)
        Terminal.out(file.name.bytes + [UInt8(ascii: "\n")])
        return .done
    }

    private func formatInput() throws -> BuildEngine.ExitCode {
        let name = "standard input"
        guard let bytes = EditedFile.contents(of: STDIN_FILENO) else {
            throw Refusal(
                Diagnostic(.unreadableFile, "cannot read standard input: \(errnoText(errno))"), .machine)
        }
        let formatted = try canonical(bytes, name: name)
        guard check else {
            Terminal.out(formatted)
            return .done
        }
        guard formatted != bytes else { return .done }
        Terminal.out(unifiedDiff(old: bytes, new: formatted, name: Array("Buildfile".utf8)))
        return .checkFailed
    }

    private func canonical(_ bytes: [UInt8], name: String) throws(Refusal) -> [UInt8] {
        do {
            return try canonicalForm(of: SourceText(name: name, bytes: bytes))
        } catch {
            switch error {
            case .mistakes(let diagnostics): throw Refusal(diagnostics, .wrongInput)
            case .formatterBug(let diagnostic): throw Refusal(diagnostic, .ourBug)
            }
        }
    }
}
