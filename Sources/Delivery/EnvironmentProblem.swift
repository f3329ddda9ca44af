// What is wrong with an environment's variables. Does not know how it is shown.
package import Buildfile

/// One thing that `env check` finds.
package struct EnvironmentProblem: Sendable {
    /// What kind of thing; the words scripts see.
    package enum Kind: String, Sendable, CaseIterable {
        /// A stack needs it, or the schema requires it, and nothing sets it.
        case missing
        /// An env file sets it, and the schema does not know it.
        case unknown
        /// It is set or declared, and no stack mentions it.
        case unused
        /// The value is not of the type, none of the choices, or does not match.
        case wrongType = "wrong-type"
        /// Two names for what seems to be one thing.
        case differingNames = "differing-names"
        /// A secret's value stands in an env file, or would be seen in a stack.
        case exposed
        /// A stack or an env file cannot be used.
        case stack
    }

    package let kind: Kind
    /// The environment; nil where it is about all of them.
    package let environment: String?
    /// The variable; nil where it is about no single one.
    package let name: String?
    package let diagnostic: Diagnostic

    init(_ kind: Kind, _ environment: String?, _ name: String?, _ diagnostic: Diagnostic) {
        (self.kind, self.environment, self.name, self.diagnostic) = (kind, environment, name, diagnostic)
    }
}
