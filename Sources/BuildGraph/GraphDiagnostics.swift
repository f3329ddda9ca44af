import Buildfile

// The wording of what resolution finds wrong, in one place; the tests hold it as whole messages.
extension Diagnostic {
    static func leavesWorkspace(_ word: Word) -> Diagnostic {
        Diagnostic(
            .pathLeavesWorkspace, "'\(word.text)' leaves the workspace", at: word.span,
            hint: "the workspace is the folder of the root Buildfile; '/…' names a path from there")
    }

    static func duplicate(_ what: String, _ word: Word, first: SourceSpan) -> Diagnostic {
        Diagnostic(
            .duplicateName, "\(what) '\(word.text)' is declared twice", at: word.span,
            notes: [Note("first declared here", at: first)], hint: "rename or remove one of them")
    }

    static func unknown(
        _ code: DiagnosticCode, _ what: String, _ name: String, at span: SourceSpan, among known: [String],
        otherwise: String
    ) -> Diagnostic {
        Diagnostic(
            code, "unknown \(what) '\(name)'", at: span,
            hint: nearestWord(to: name, among: known).map { "did you mean '\($0)'?" } ?? otherwise)
    }

    static func missingInput(_ word: Word, path: BytePath, tree: FileTree, producer: Label?) -> Diagnostic {
        let hint: String
        if let producer {
            hint = "'\(producer)' puts it out: name that label instead of the file"
        } else if tree.hasFolder(path) {
            hint = "it is a folder; '\(word.text)/**' names every file in it"
        } else {
            // Folders among them are passed over as wholes: the parent may be the root of a million files.
            let inFolder = path.parent.isEmpty ? [] : PathPattern.escaped(path.parent.bytes) + [slash]
            let siblings = tree.ranges(matching: PathPattern(inFolder + [star])).prefix(1000)
                .map { tree.entries[$0].path.name.shown }
            hint =
                nearestWord(to: path.name.shown, among: Array(siblings)).map { "did you mean '\($0)' in that folder?" }
                ?? "files that git ignores are no inputs; a file that a rule makes is named by the rule's label"
        }
        return Diagnostic(.missingInput, "there is no file '\(path.shown)'", at: word.span, hint: hint)
    }
}
