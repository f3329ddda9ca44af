// A run in the Trace Event Format, which Perfetto (ui.perfetto.dev) and chrome://tracing open. Does not know where it is written.
package import BuildEngine
import BuildGraph
import Buildfile

/// One row for each of the run's jobs, a slice for each action, a mark for each notice.
package enum RunTrace {
    /// `{"traceEvents": […]}`; times in microseconds since the run began, as the format wants them.
    package static func document(_ picture: RunPicture) -> JSONValue {
        var events: [JSONValue] = [name("process_name", of: nil, "lmsbuild run \(picture.heading.id)")]
        for slot in 0..<picture.slots { events.append(name("thread_name", of: slot, "job \(slot + 1)")) }
        events += picture.entries.compactMap(slice)
        events += picture.running.map { running in
            .object([
                ("name", .string(running.label.description)), ("cat", .string("running")), ("ph", .string("X")),
                ("ts", .number(running.start.microseconds)),
                ("dur", .number((picture.last - running.start).microseconds)), ("pid", .number(1)),
                ("tid", .number(running.slot + 1)),
            ])
        }
        events += picture.notices.map { at, diagnostic in
            .object([
                ("name", .string(diagnostic.message)), ("cat", .string(diagnostic.severity.rawValue)),
                ("ph", .string("i")),
                ("s", .string("p")), ("ts", .number(at.microseconds)), ("pid", .number(1)), ("tid", .number(1)),
            ])
        }
        return .object([
            ("traceEvents", .array(events)), ("displayTimeUnit", .string("ms")),
            (
                "otherData",
                .object([("run", .string(picture.heading.id)), ("program", .string(picture.heading.program))])
            ),
        ])
    }

    private static func name(_ kind: String, of slot: Int?, _ text: String) -> JSONValue {
        .object([
            ("name", .string(kind)), ("ph", .string("M")), ("pid", .number(1)), ("tid", .number((slot ?? -1) + 1)),
            ("args", .object([("name", .string(text))])),
        ])
    }

    private static func slice(_ entry: RunPicture.Entry) -> JSONValue? {
        guard let slot = entry.slot else { return nil }
        var arguments: [(String, JSONValue)] = [
            ("hash", .string(entry.report.inputHash.short)), ("why", .string(entry.report.cause)),
        ]
        if case .failed(let failure) = entry.report.outcome {
            arguments.append(("failure", .string(failure.diagnostic.message)))
        }
        if let reports = entry.report.reports { arguments.append(("reports", .string(reports.summary))) }
        return .object([
            ("name", .string(entry.label.description)), ("cat", .string(entry.report.word)), ("ph", .string("X")),
            ("ts", .number(entry.start.microseconds)), ("dur", .number((entry.end - entry.start).microseconds)),
            ("pid", .number(1)), ("tid", .number(slot + 1)), ("args", .object(arguments)),
        ])
    }
}
