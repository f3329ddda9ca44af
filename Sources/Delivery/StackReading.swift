// What a stack is read with, and what comes of reading it: the project, and every place that matters to whoever checks it.
// Does not know how a file is read.
import BuildEngine
package import BuildGraph
package import Buildfile

/// What a stack is read with.
package struct StackSurroundings {
    /// The bytes of a file of the workspace; nil where there is none.
    package var read: (BytePath) -> [UInt8]?
    /// The value of a variable that is no secret; nil where it has none.
    package var lookup: (String) -> String?
    /// Components that have images.
    package var components: Set<String>
    package var registry: String
    /// The workspace's absolute folder, against which relative bind mounts are resolved; nil: they are refused.
    package var root: BytePath?

    /// Surroundings without relative bind mounts.
    package init(
        components: Set<String>, registry: String, read: @escaping (BytePath) -> [UInt8]?,
        lookup: @escaping (String) -> String?
    ) {
        (self.components, self.registry, self.read, self.lookup) = (components, registry, read, lookup)
    }
}

/// A place in a stack that names a variable.
package struct StackMention: Sendable {
    package let name: String
    package let form: Interpolation.Mention.Form
    package let span: SourceSpan
    /// The service in which it stands.
    package let service: String?
    /// The variable of the service's `environment` whose value it is part of.
    package let key: String?
}

/// A variable of a service's `environment`, as it was written.
package struct StackSetting: Sendable {
    package let service: String
    package let key: String
    package let written: String
    package let span: SourceSpan
}

/// What came of reading a stack.
package struct StackReading: Sendable {
    /// Nil where there are errors.
    package var project: ComposeProject?
    package var diagnostics: [Diagnostic] = []
    package var mentions: [StackMention] = []
    package var settings: [StackSetting] = []
    /// Variables that the stack takes by their bare names, or as configs and secrets.
    package var taken: Set<String> = []
}

extension StackReading {
    /// Reads `files`, each merged onto those before it. Every mistake is in `diagnostics` (LMS121, LMS120).
    package init(_ files: [EnvironmentDefinition.NamedFile], _ around: StackSurroundings) {
        var reader = StackReader(around: around)
        var whole: JSONTree?
        for file in files {
            guard let (tree, source) = reader.document(file.path, named: file.span) else { continue }
            guard let base = whole else {
                whole = tree
                continue
            }
            do throws(ComposeMergeError) {
                whole = try ComposeMerge.merged(base, tree)
            } catch {
                reader.report(
                    "'\(error.place)' is of another kind in the file that this is merged onto", source, error.range)
            }
        }
        if let whole {
            var assembly = StackAssembly(reader: reader, whole: whole)
            let project = assembly.project()
            reader = assembly.reader
            self.project = reader.diagnostics.contains { $0.severity == .error } ? nil : project
        }
        diagnostics = reader.diagnostics
        mentions = reader.mentions
        settings = reader.settings
        taken = reader.taken
    }
}
