// The bytes of a kept action result. Does not know where they are kept.
package import BuildGraph

/// A heading with the format's version, the key, length-prefixed fields, and the SHA-256 of all before it. Numbers are
/// 8 bytes, most significant first. What reports say stands at the end, and only where there is something.
package enum ActionRecord {
    private static let heading = Array("lmsbuild action result 1\n".utf8)

    package static func encode(_ result: ActionResult, for key: ActionKey) -> [UInt8] {
        var writer = PackedWriter(bytes: heading)
        writer.add(key.digest)
        writer.add(Int(result.exitCode))
        writer.add(result.outputs.count)
        for output in result.outputs {
            writer.add(output.path.bytes)
            writer.add(Int(output.kind.rawValue))
            writer.add(output.digest)
        }
        writer.add(result.imageDigest == nil ? 0 : 1)
        writer.add(Array((result.imageDigest ?? "").utf8))
        writer.add(result.log == nil ? 0 : 1)
        if let log = result.log { writer.add(log) }
        writer.add(Int(result.duration.components.seconds))
        writer.add(Int(result.duration.components.attoseconds))
        result.reports?.write(to: &writer)
        return writer.bytes + SHA256Value.of(writer.bytes).bytes
    }

    /// Nil for anything that `encode` did not make for this key.
    package static func decode(_ bytes: [UInt8], for key: ActionKey) -> ActionResult? {
        guard bytes.count > heading.count + 32, bytes.starts(with: heading) else { return nil }
        let body = Array(bytes.dropLast(32))
        guard SHA256Value.of(body).bytes.elementsEqual(bytes.suffix(32)) else { return nil }
        var reader = PackedReader(rest: body[heading.count...])
        guard reader.digest() == key.digest, let exitCode = reader.number().flatMap({ Int32(exactly: $0) }),
            let count = reader.number(), count >= 0, count <= body.count
        else { return nil }
        var outputs: [OutputFile] = []
        for _ in 0..<count {
            guard let output = reader.output() else { return nil }
            outputs.append(output)
        }
        guard let hasImage = reader.number(), let image = reader.field(), let hasLog = reader.number(),
            let imageText = String(validating: image, as: UTF8.self)
        else { return nil }
        var log: Digest?
        if hasLog != 0 {
            guard let digest = reader.digest() else { return nil }
            log = digest
        }
        guard let seconds = reader.number(), let attoseconds = reader.number() else { return nil }
        let reports = reader.rest.isEmpty ? nil : ActionReports(reading: &reader)
        guard reader.rest.isEmpty else { return nil }
        return ActionResult(
            exitCode: exitCode, outputs: outputs, imageDigest: hasImage == 0 ? nil : imageText, log: log,
            duration: Duration(secondsComponent: Int64(seconds), attosecondsComponent: Int64(attoseconds)),
            reports: reports)
    }
}
