// A run as one JSON document (docs/schema/report.schema.json). Does not know who reads it.
package import BuildEngine
import BuildGraph
import Buildfile

/// Everything that is known of a run, for programs.
package enum RunDocument {
    /// What `lmsbuild report --format json` prints: all times in whole microseconds, the entries as in the event log and with
    /// their start, end, slot and cause.
    package static func document(_ picture: RunPicture) -> JSONValue {
        let heading = picture.heading
        var members: [(String, JSONValue)] = [
            ("schema", .number(1)), ("id", .string(heading.id)), ("time", .number(heading.time)),
            ("program", .string(heading.program)), ("asked", .array(heading.asked.map(JSONValue.string))),
            ("commit", heading.commit.json), ("branch", heading.branch.json), ("page", heading.page.json),
            ("ended", .bool(picture.summary != nil)), ("verdict", .string(picture.verdict)),
            ("summary", .object(picture.counts.members)),
            ("start", picture.start.map { .object($0.members) } ?? .null),
        ]
        members.append(("targets", .array(picture.entries.map(target))))
        members.append(("unnamed", .number(picture.unnamed)))
        members.append(
            (
                "running",
                .array(
                    picture.running.map { running in
                        .object([
                            ("label", .string(running.label.description)),
                            ("start", .number(running.start.microseconds)),
                            ("slot", .number(running.slot)),
                        ])
                    })
            ))
        members.append(
            ("criticalPath", .array(picture.criticalPath.map { .string($0.label.description) })))
        members.append(
            (
                "notices",
                .array(
                    picture.notices.map { at, diagnostic in
                        .object([("at", .number(at.microseconds)), ("diagnostic", diagnostic.recorded)])
                    })
            ))
        return .object(members)
    }

    private static func target(_ entry: RunPicture.Entry) -> JSONValue {
        .object(
            entry.report.members + [
                ("start", .number(entry.start.microseconds)), ("end", .number(entry.end.microseconds)),
                ("slot", entry.slot.map(JSONValue.number) ?? .null), ("cause", .string(entry.report.cause)),
            ])
    }
}
