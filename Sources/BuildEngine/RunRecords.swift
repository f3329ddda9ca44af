// What each target's inputs were when it last ran here, to say what has changed since. No answer depends on it: a lost or
// damaged record costs an explanation, nothing else.
package import BuildGraph
import Buildfile
import CLinux
import Glibc

/// The last run of a target on this machine.
package struct RunRecord: Sendable {
    /// Seconds since 1970.
    package let time: Int
    package let succeeded: Bool
    /// The target alone.
    package let state: RecordedState
}

/// A file for each label in a folder of the workspace's state, named by the label's SHA-256: its first line is the SHA-256
/// of the rest, which is a recorded state with `time` and `succeeded`.
///
/// Holds what the input hash covers, so the values of hashed variables, and never those of `secret` and `pass` names.
package struct RunRecords: Sendable {
    private let folder: BytePath

    /// `state` is the workspace's state folder.
    package init(in state: BytePath) {
        folder = state.appending("runs")
    }

    private func file(_ label: Label) -> BytePath {
        folder.appending(BytePath(SHA256Value.of(Array(label.description.utf8)).hex))
    }

    /// Nil where the target never ran here, or its record is damaged.
    package func last(_ label: Label) -> RunRecord? {
        guard let bytes = try? Disk.contents(of: file(label)), bytes.count > 65, bytes[64] == UInt8(ascii: "\n") else {
            return nil
        }
        let body = Array(bytes[65...])
        guard SHA256Value(hex: String(decoding: bytes[..<64], as: UTF8.self)) == SHA256Value.of(body),
            let document = try? JSONValue.parse(body), let time = document.member("time")?.numeric,
            case .bool(let succeeded)? = document.member("succeeded"),
            let state = try? RecordedState(reading: body, name: ""), state.hashes[label.description] != nil
        else { return nil }
        return RunRecord(time: Int(time), succeeded: succeeded, state: state)
    }

    /// Keeps that `target` ran now. Not synced to the disk: see above.
    package func keep(_ target: Int, of hashed: HashedGraph, succeeded: Bool) {
        guard let state = try? RecordedState(hashed, targets: [target], withInputs: true) else { return }
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let members = state.json.members ?? []
        let body = Array(
            JSONValue.object(members + [("time", .number(now.tv_sec)), ("succeeded", .bool(succeeded))])
                .text(pretty: false).utf8)
        let path = file(hashed.graph.targets[target].label)
        let temporary = folder.appending("." + Disk.uniqueName())
        do throws(StoreError) {
            try Disk.makeFolders(folder)
            try Disk.create(temporary, Array(SHA256Value.of(body).hex.utf8) + [UInt8(ascii: "\n")] + body, mode: 0o600)
            try Disk.rename(temporary, to: path)
        } catch {
            Disk.remove(temporary)
        }
    }

    /// The last runs of all labels, as a state to compare with.
    package var states: TargetStates {
        TargetStates(
            hash: { last($0)?.state.hashes[$0.description] },
            manifest: { label throws(FileSystemError) in last(label)?.state.manifests[label.description] })
    }
}
