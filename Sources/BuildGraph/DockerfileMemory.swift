// Dockerfiles that say the same are read once: in a workspace made from a template hundreds do. Does not know where they
// lie, nor what is taken from them.
import Buildfile

/// What was read of Dockerfiles, by their bytes and what they were read with.
struct DockerfileMemory {
    private struct Key: Hashable {
        let text: BytePath
        let arguments: [String: String]
        let targetStage: String?
    }

    private var known: [Key: DockerfileInputs] = [:]

    /// `DockerfileInputs.read` of the file `path` with the bytes `text`; what it says of places is of this file.
    mutating func read(
        _ path: BytePath, _ text: [UInt8], arguments: [String: String], targetStage: String?
    ) -> DockerfileInputs {
        let source = SourceText(name: path.shown, bytes: text)
        let key = Key(text: BytePath(bytes: text), arguments: arguments, targetStage: targetStage)
        if let found = known[key] { return found.moved(to: source) }
        let read = DockerfileInputs.read(source, arguments: arguments, targetStage: targetStage)
        known[key] = read
        return read
    }
}

extension SourceSpan {
    fileprivate func moved(to source: SourceText) -> SourceSpan {
        SourceSpan(source, offset: offset, length: length)
    }
}

extension Diagnostic {
    fileprivate func moved(to source: SourceText) -> Diagnostic {
        Diagnostic(
            code, severity, message, at: span?.moved(to: source),
            notes: notes.map { Note($0.message, at: $0.span?.moved(to: source)) }, hint: hint)
    }
}

extension DockerfileInputs {
    /// The same of another file with the same bytes.
    fileprivate func moved(to source: SourceText) -> DockerfileInputs {
        DockerfileInputs(
            sources: sources.map { $0.moved(to: $0.span.moved(to: source)) },
            remoteSources: remoteSources.map { $0.moved(to: $0.span.moved(to: source)) },
            wholeContext: wholeContext, diagnostics: diagnostics.map { $0.moved(to: source) },
            baseImages: baseImages.map {
                BaseImage(
                    reference: $0.reference, argumentName: $0.argumentName, isResolved: $0.isResolved, use: $0.use,
                    span: $0.span.moved(to: source))
            },
            secrets: secrets.map { SecretMount(name: $0.name, span: $0.span.moved(to: source)) },
            usedArguments: usedArguments, healthcheck: healthcheck, bottomImage: bottomImage, syntax: syntax,
            reachedText: reachedText)
    }
}
