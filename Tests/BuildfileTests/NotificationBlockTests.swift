import Buildfile
import Testing

/// `notify` blocks as text.
@Suite struct NotificationBlockTests {
    @Test func aBlockIsOneDirectiveWithLines() throws {
        let parsed = parse(
            """
            notify slack "ops team"
            notify webhook audit # why
                url AUDIT_URL
                on deploy rollback
            default :unit

            """)
        #expect(rendered(parsed) == "")
        let directives = parsed.declarations.compactMap { if case .directive(let one) = $0 { one } else { nil } }
        #expect(directives.map(\.keyword.text) == ["notify", "notify", "default"])
        #expect(directives[0].lines.isEmpty)
        #expect(directives[1].lines.map(\.keyword.text) == ["url", "on"])
        #expect(directives[1].lines[1].arguments.map(\.text) == ["deploy", "rollback"])
    }

    @Test func wordsThatAreNotKnownAreShown() {
        #expect(
            rendered(
                parse(
                    """
                    notify pager
                    notify slack a b
                    notify slack
                        on failures
                        urls X

                    """)) == """
                    error[LMS003]: 'notify' does not take 'pager' here
                      --> Buildfile:1:8
                       |
                     1 | notify pager
                       |        ^^^^^
                       = help: write notify slack|email|webhook [NAME]

                    error[LMS003]: 'notify' does not take 'b' here
                      --> Buildfile:2:16
                       |
                     2 | notify slack a b
                       |                ^
                       = help: write notify slack|email|webhook [NAME]

                    error[LMS003]: 'on' does not take 'failures' here
                      --> Buildfile:4:8
                       |
                     4 |     on failures
                       |        ^^^^^^^^
                       = help: write on failure|recovery|gate|deploy|promotion|rollback|drift…

                    error[LMS004]: unknown directive 'urls'
                      --> Buildfile:5:5
                       |
                     5 |     urls X
                       |     ^^^^
                       = help: did you mean 'url'?

                    """)
    }

    /// What stands where a secret's name belongs may be the secret.
    @Test(arguments: ["url https://hooks.slack.com/services/T0/B0/hidden", "password hunter2! hidden", "key a-hidden"])
    func aSecretInPlaceOfItsNameIsNotShown(line: String) {
        let text = rendered(parse("notify webhook\n    \(line)\n"))
        #expect(text.contains("Buildfile:2: '\(line.prefix { $0 != " " })' takes the name of one variable"))
        #expect(!text.contains("hidden"))
    }

    @Test func theCanonicalFormKeepsBlocks() throws {
        let text = """
            notify slack "ops team"
            notify slack other

            notify email ops
                # who
                to a@b.example c@d.example
                from x@y.example
                server smtps://mail.example

            default :unit

            """
        let messy = """
            notify   slack "ops team"
            notify slack  other

            notify email ops
               # who
               to   a@b.example   c@d.example
               from x@y.example
               server smtps://mail.example
            default :unit
            """
        let source = SourceText(name: "Buildfile", text: messy)
        #expect(String(decoding: try canonicalForm(of: source), as: UTF8.self) == text)
    }
}
