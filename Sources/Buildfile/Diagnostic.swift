/// One thing to tell a user, as data; `DiagnosticRenderer` gives it its look.
package struct Diagnostic: Error, Sendable, Hashable {
    package enum Severity: String, Sendable, Hashable {
        case error, warning, notice
    }

    /// A further place that belongs to the diagnostic: the other declaration, an edge of a cycle.
    package struct Note: Sendable, Hashable {
        package let message: String
        package let span: SourceSpan?

        package init(_ message: String, at span: SourceSpan? = nil) {
            self.message = message
            self.span = span
        }
    }

    package let code: DiagnosticCode
    package let severity: Severity
    /// What is wrong, in one line without a final full stop.
    package let message: String
    package let span: SourceSpan?
    package let notes: [Note]
    /// What was probably meant, or what to do, in one line.
    package let hint: String?

    package init(
        _ code: DiagnosticCode, _ severity: Severity, _ message: String, at span: SourceSpan? = nil,
        notes: [Note] = [], hint: String? = nil
    ) {
        self.code = code
        self.severity = severity
        self.message = message
        self.span = span
        self.notes = notes
        self.hint = hint
    }

    /// An error.
    package init(
        _ code: DiagnosticCode, _ message: String, at span: SourceSpan? = nil, notes: [Note] = [], hint: String? = nil
    ) {
        self.init(code, .error, message, at: span, notes: notes, hint: hint)
    }
}
