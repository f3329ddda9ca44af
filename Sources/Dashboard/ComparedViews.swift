// What pages show of two states beside one another: the graph against a base, an environment against the one before it. Does
// not know how either is found.
package import Reporting

/// The graph, and what its marks mean.
package struct GraphView: Sendable {
    package let picture: GraphPicture
    /// A sentence for people: what counts as affected, or why nothing does.
    package let compared: String

    /// `compared` is plain text.
    package init(_ picture: GraphPicture, compared: String) {
        self.picture = picture
        self.compared = compared
    }
}

/// What an environment has that another one, which gets its releases later, has not.
package struct EnvironmentGap: Sendable {
    /// A service that differs.
    package struct Service: Sendable {
        package let name: String
        /// `added`, `removed` or `changed`.
        package let what: String
        /// Files, recipes and values that differ, a line each; empty where that is not known.
        package let changes: [String]
        /// Commits that did it, newest first: `1a2b3c4d5e6f Ada: title`.
        package let commits: [String]
        /// Commits that only the later environment has.
        package let without: [String]

        /// Every text is plain.
        package init(name: String, what: String, changes: [String], commits: [String], without: [String]) {
            self.name = name
            self.what = what
            self.changes = changes
            self.commits = commits
            self.without = without
        }
    }

    /// The environment that is ahead.
    package let from: String
    /// Names of the releases that came up there since, newest first, with seconds since 1970; empty where both run the same.
    package var releases: [(name: String, time: Int)] = []
    /// Sorted by name.
    package var services: [Service] = []
    /// Why services or commits are not known.
    package var unknown: String?

    /// Nothing is between them yet.
    package init(from: String) { self.from = from }
}
