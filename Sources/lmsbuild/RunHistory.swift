// Keeps what logs of runs tell before they go. What cannot be kept costs the history, and nothing else.
import Reporting

enum RunHistory {
    /// Takes in the runs that are not known yet.
    static func takeIn(_ logs: EventLogs) {}
}
