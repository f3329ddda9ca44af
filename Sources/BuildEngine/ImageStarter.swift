// The seam to what starts an image as a provider. Does not know engines, nor what a provider is asked.

/// How an image is started by its engine, and ended for certain.
package struct ImageStart: Sendable, Hashable {
    /// Runs it in the foreground, with its output; it gets the variable PORT of the environment.
    package let run: [String]
    /// Ends and removes what `run` started, whatever became of that; succeeds or not.
    package let remove: [String]
    /// Variables that both need to reach their engine.
    package let environment: [String: String]

    package init(run: [String], remove: [String], environment: [String: String]) {
        self.run = run
        self.remove = remove
        self.environment = environment
    }
}

/// Knows how images are started on this machine.
package protocol ImageStarter: Sendable {
    /// How `reference`, an image of the engine's own store, is started once. Removes first what runs of lmsbuild that are no more
    /// have left. Throws `ActionFailure` of kind `.unavailable` where no engine can start it.
    func start(of reference: String) async throws -> ImageStart
}
