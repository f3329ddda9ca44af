// The environments and the schema of their variables as a tree's Buildfiles declare them. Does not know what their words
// mean, nor stacks or engines.
package import Buildfile

/// What the Buildfiles of a tree say of environments, their words expanded.
package struct DeclaredEnvironments: Sendable {
    /// One directive.
    package struct Line: Sendable {
        package let keyword: Word
        package let arguments: [Word]
        /// The folder of its Buildfile, from which paths are taken.
        package let folder: BytePath
    }

    /// One `environment` block.
    package struct Block: Sendable {
        package let name: Word
        package let lines: [Line]
    }

    /// In the order in which they were reached; of several with one name the first.
    package let environments: [Block]
    /// `variable` lines, words as written.
    package let variables: [Line]
    /// What images' references begin with.
    package let registry: String
    /// The variable `project`, where there is one.
    package let project: String?
    /// Unknown variables in words; what else is wrong with the Buildfiles the graph tells.
    package let diagnostics: [Diagnostic]

    /// Reads the Buildfiles of `files`.
    package init(of files: any FileSystem, _ settings: ResolutionSettings) throws(FileSystemError) {
        let set = try BuildfileSet(tree: FileTree(files), settings: settings)
        var globals: [String: VariableDeclaration] = [:]
        var variables: [Line] = []
        var blocks: [(EnvironmentDeclaration, BytePath)] = []
        for member in set.members {
            for declaration in member.parsed.declarations {
                switch declaration {
                case .variable(let variable) where globals[variable.name.text] == nil:
                    globals[variable.name.text] = variable
                case .directive(let directive) where directive.keyword.text == "variable":
                    variables.append(
                        Line(keyword: directive.keyword, arguments: directive.arguments, folder: member.folder))
                case .environment(let block) where !blocks.contains(where: { $0.0.name.text == block.name.text }):
                    blocks.append((block, member.folder))
                default: break
                }
            }
        }
        let shared = SharedSettings(settings)
        var diagnostics: [Diagnostic] = []
        environments = blocks.map { block, folder in
            var scope = VariableScope(
                builtIns: [VariableScope.BuiltIn(name: "environment", value: block.name.text)], own: [:],
                globals: globals, settings: shared)
            let lines = block.directives.map { directive in
                Line(
                    keyword: directive.keyword,
                    arguments: directive.arguments.map { Word(scope.expand($0) ?? $0.text, $0.span) }, folder: folder)
            }
            diagnostics += scope.diagnostics
            return Block(name: block.name, lines: lines)
        }
        self.variables = variables
        var scope = VariableScope(builtIns: [], own: [:], globals: globals, settings: shared)
        registry =
            globals["registry"].flatMap { scope.value(of: "registry", at: $0.name.span) }
            ?? settings.overrides["registry"] ?? ""
        project = globals["project"].flatMap { scope.value(of: "project", at: $0.name.span) }
        self.diagnostics = diagnostics
    }
}
