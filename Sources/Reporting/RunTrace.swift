// A run in the Trace Event Format, which Perfetto (ui.perfetto.dev) and chrome://tracing open. Does not know where it is written.
import BuildEngine
import BuildGraph
import Buildfile

/// One row for each of the run's jobs, a slice for each action, a mark for each notice.
package enum RunTrace {
    /// `{"traceEvents": […]}` with a final newline; times in microseconds since the run began, as the format wants them.
    package static func document(_ picture: RunPicture) -> [UInt8] {
        var stream = JSONStream(reserving: 1024 + 256 * picture.entries.count)
        stream.object { document in
            document.name("traceEvents")
            document.array { write(picture, to: &$0) }
            document.text("displayTimeUnit", "ms")
            document.name("otherData")
            document.object { other in
                other.text("run", picture.heading.id)
                other.text("program", picture.heading.program)
            }
        }
        return stream.bytes + [UInt8(ascii: "\n")]
    }

    private static func write(_ picture: RunPicture, to events: inout JSONStream) {
        events.value(name("process_name", of: nil, "lmsbuild run \(picture.heading.id)"))
        for slot in 0..<picture.slots { events.value(name("thread_name", of: slot, "job \(slot + 1)")) }
        for entry in picture.entries { write(entry, to: &events) }
        for running in picture.running {
            events.value(
                .object([
                    ("name", .string(running.label.description)), ("cat", .string("running")), ("ph", .string("X")),
                    ("ts", .number(running.start.microseconds)),
                    ("dur", .number((picture.last - running.start).microseconds)), ("pid", .number(1)),
                    ("tid", .number(running.slot + 1)),
                ]))
        }
        for (at, diagnostic) in picture.notices {
            events.value(
                .object([
                    ("name", .string(diagnostic.message)), ("cat", .string(diagnostic.severity.rawValue)),
                    ("ph", .string("i")), ("s", .string("p")), ("ts", .number(at.microseconds)), ("pid", .number(1)),
                    ("tid", .number(1)),
                ]))
        }
    }

    private static func name(_ kind: String, of slot: Int?, _ text: String) -> JSONValue {
        .object([
            ("name", .string(kind)), ("ph", .string("M")), ("pid", .number(1)), ("tid", .number((slot ?? -1) + 1)),
            ("args", .object([("name", .string(text))])),
        ])
    }

    /// There are thousands of them, so none becomes a value first.
    private static func write(_ entry: RunPicture.Entry, to events: inout JSONStream) {
        guard let slot = entry.slot else { return }
        events.object { slice in
            slice.text("name", entry.label.description)
            slice.text("cat", entry.report.word)
            slice.text("ph", "X")
            slice.number("ts", entry.start.microseconds)
            slice.number("dur", (entry.end - entry.start).microseconds)
            slice.number("pid", 1)
            slice.number("tid", slot + 1)
            slice.name("args")
            slice.object { arguments in
                arguments.text("hash", entry.report.inputHash.short)
                arguments.text("why", entry.report.cause)
                if case .failed(let failure) = entry.report.outcome {
                    arguments.text("failure", failure.diagnostic.message)
                }
                if let reports = entry.report.reports { arguments.text("reports", reports.summary) }
            }
        }
    }
}
