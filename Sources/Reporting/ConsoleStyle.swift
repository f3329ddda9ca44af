// Which console a run gets. Does not ask the machine anything: the caller says what is known of it.

/// What `--progress` asks for.
package enum ConsoleStyle: String, Sendable, Hashable, CaseIterable {
    /// `tty` on a terminal that can move its cursor and is not a CI job's, `plain` elsewhere.
    case auto
    /// Lines that stay, and below them a block that is drawn anew as the run goes on.
    case tty
    /// Only lines that stay, in words and without rules drawn of characters: to be read aloud.
    case plain
    /// As `plain`, without the lines of what went well.
    case none

    /// What the style comes to when standard error is (or is not) a terminal and with these environment variables:
    /// `TERM`, `NO_COLOR` (no-color.org: any text but the empty one), `CI`.
    package func look(isTerminal: Bool, environment: [String: String]) -> ConsoleLook {
        let isSet = { (name: String) in !(environment[name] ?? "").isEmpty }
        let isCI = isSet("CI") && environment["CI"] != "false"
        let canMove = isTerminal && isSet("TERM") && environment["TERM"] != "dumb"
        let isLive = self == .tty || self == .auto && canMove && !isCI
        return ConsoleLook(
            isLive: isLive,
            hasColour: (isLive || canMove && !isCI) && environment["TERM"] != "dumb" && !isSet("NO_COLOR"),
            namesSuccesses: self != .none, isCI: isCI, isSpoken: self == .plain)
    }
}

/// How a console looks.
package struct ConsoleLook: Sendable, Hashable {
    /// Whether a block below the lines that stay is drawn anew as the run goes on.
    package var isLive = false
    package var hasColour = false
    /// Whether there is a line for each target that ran and succeeded.
    package var namesSuccesses = true
    /// Whether a CI runner reads along and would obey commands in the output.
    package var isCI = false
    /// Whether a screen reader may read it, which spells rules out character by character.
    package var isSpoken = false

    package init(
        isLive: Bool = false, hasColour: Bool = false, namesSuccesses: Bool = true, isCI: Bool = false,
        isSpoken: Bool = false
    ) {
        self.isSpoken = isSpoken
        self.isLive = isLive
        self.hasColour = hasColour
        self.namesSuccesses = namesSuccesses
        self.isCI = isCI
    }
}

/// How much is told.
package enum Verbosity: Sendable, Hashable {
    /// `--quiet`: only what went wrong.
    case quiet
    case normal
    /// `-v`: also what was cached, and the output of what succeeded.
    case verbose
}
