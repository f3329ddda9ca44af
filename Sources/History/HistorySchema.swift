// The tables of the history, and how far it may grow. Does not know logs or questions.

enum HistorySchema {
    /// `user_version` of the file. A file of another version is not touched but moved aside and made anew from the logs.
    static let version = 1

    /// Runs that are kept, newest first.
    static let mostRuns = 2000
    /// Ends of actions that are kept, of the newest runs.
    static let mostEnds = 500_000

    /// Durations are whole microseconds, `time` is milliseconds since 1970. `ends` has a row for each action that ran or
    /// failed; what had not to run is counted in `runs.cached` and, for the targets that are named, in `targets.hits`.
    static let tables = """
        CREATE TABLE runs (
            number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, time INTEGER NOT NULL, bytes INTEGER NOT NULL,
            asked TEXT NOT NULL, commit_id TEXT, branch TEXT, ended INTEGER NOT NULL, ran INTEGER NOT NULL,
            cached INTEGER NOT NULL, failed INTEGER NOT NULL, skipped INTEGER NOT NULL, duration INTEGER NOT NULL,
            saved INTEGER NOT NULL, exit INTEGER) STRICT;
        CREATE INDEX runs_by_time ON runs (time);
        CREATE TABLE targets (
            number INTEGER PRIMARY KEY, label TEXT NOT NULL UNIQUE, hits INTEGER NOT NULL DEFAULT 0,
            saved INTEGER NOT NULL DEFAULT 0) STRICT;
        CREATE TABLE ends (
            number INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
            target INTEGER NOT NULL REFERENCES targets, hash BLOB NOT NULL, outcome TEXT NOT NULL, judged INTEGER NOT NULL,
            reason TEXT, duration INTEGER NOT NULL, size INTEGER, tests INTEGER, bad INTEGER) STRICT;
        CREATE INDEX ends_by_target ON ends (target, run);
        CREATE INDEX ends_by_run ON ends (run);
        CREATE TABLE causes (
            end INTEGER NOT NULL REFERENCES ends ON DELETE CASCADE, kind TEXT NOT NULL, subject TEXT NOT NULL) STRICT;
        CREATE INDEX causes_by_end ON causes (end);
        CREATE TABLE failed_tests (
            end INTEGER NOT NULL REFERENCES ends ON DELETE CASCADE, name TEXT NOT NULL, message TEXT NOT NULL) STRICT;
        CREATE INDEX failed_tests_by_end ON failed_tests (end);
        PRAGMA user_version = \(version);
        """
}
