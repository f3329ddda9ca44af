// A stack as its files say together: merged, plain, checked. Does not know images' digests, configs' bytes or secrets.
package import BuildEngine
package import BuildGraph
package import Buildfile

/// The services of a stack and what they share.
package struct ComposeProject: Sendable {
    /// One service.
    package struct Service: Sendable {
        package let name: String
        /// Where it is first declared.
        package let span: SourceSpan?
        /// The component that its image names.
        package let component: String?
        package let image: String
        /// Merged and plain; `environment` is an object of strings, `env_file` and `extends` are resolved.
        package let entry: JSONTree
    }

    /// A config or a secret.
    package struct Resource: Sendable {
        /// Where its content comes from.
        package enum Source: Sendable, Hashable {
            /// Relative to the workspace's root.
            case file(BytePath)
            case content(String)
            /// A variable of the environment.
            case variable(String)
            /// The engine has it already, under this name.
            case external(String)
        }

        package let key: String
        package let span: SourceSpan?
        package let source: Source
    }

    /// Sorted by name.
    package let services: [Service]
    /// By key, in the order of the keys.
    package let configs: [Resource]
    /// By key, in the order of the keys.
    package let secrets: [Resource]
    /// `networks`, `volumes`.
    package let rest: [JSONTree.Member]
}
