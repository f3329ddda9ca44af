// Multipart bodies (RFC 2046, RFC 7578): part against part by name. A part's rules are those below its name.
import BuildEngine

/// One part of a multipart body.
struct MultipartPart {
    /// Of a form's field; nil elsewhere.
    let name: String?
    let headers: [PactField]
    let bytes: [UInt8]

    /// Nil where the bytes are no multipart body. Without `boundary` the first line is taken for it.
    static func parts(_ bytes: [UInt8], boundary: String?) -> [MultipartPart]? {
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        guard let first = lines.first(where: { $0.starts(with: "--".utf8) }) else { return nil }
        let mark = boundary.map { Array("--\($0)".utf8) } ?? trimmed(first)
        var parts: [MultipartPart] = []
        var current: [ArraySlice<UInt8>]?
        for line in lines {
            let text = trimmed(line)
            let isEnd = text == mark + Array("--".utf8)
            guard isEnd || text == mark else {
                current?.append(line)
                continue
            }
            if let current { parts.append(MultipartPart(lines: current)) }
            if isEnd { return parts }
            current = []
        }
        return nil
    }

    private static func trimmed(_ line: ArraySlice<UInt8>) -> [UInt8] {
        Array(String(decoding: line, as: UTF8.self).trimmed.utf8)
    }

    private init(lines: [ArraySlice<UInt8>]) {
        let empty = lines.firstIndex { $0.isEmpty || $0.elementsEqual([0x0D]) } ?? lines.count
        let pairs = lines[..<empty].compactMap { line -> (name: String, value: String)? in
            let halves = line.split(separator: UInt8(ascii: ":"), maxSplits: 1)
                .map { String(decoding: $0, as: UTF8.self).trimmed }
            return halves.count == 2 ? (halves[0], halves[1]) : nil
        }
        headers = PactField.headers(pairs)
        let disposition = headers.header("content-disposition") ?? ""
        name = ContentType(
            "x/y;" + disposition.parts(separatedBy: UInt8(ascii: ";")).dropFirst().joined(separator: ";"))?
            .parameter("name")
        var bytes = Array(lines.dropFirst(empty + 1).joined(separator: [0x0A]))
        if bytes.last == 0x0D { bytes.removeLast() }
        let isBase64 = headers.header("content-transfer-encoding")?.asciiLowercased == "base64"
        self.bytes = isBase64 ? Base64.decode(String(decoding: bytes, as: UTF8.self)) ?? bytes : bytes
    }
}

struct MultipartMatching {
    let body: BodyMatching

    func compare(_ expected: [UInt8], _ actual: [UInt8], _ left: String?, _ right: String?) -> [Mismatch] {
        guard let wanted = MultipartPart.parts(expected, boundary: left) else {
            return [mismatch("$", nil, nil, "the expected body is no multipart body")]
        }
        guard let found = MultipartPart.parts(actual, boundary: right) else {
            return [mismatch("$", nil, nil, "the body is no multipart body")]
        }
        return wanted.enumerated().flatMap { place, part in
            let path = ValuePath.root.appending(part.name.map { PathStep.name($0) } ?? .index(place))
            let other =
                part.name.map { name in found.first { $0.name?.isSame(as: name) == true } }
                ?? (found.indices.contains(place) ? found[place] : nil)
            guard let other else {
                return [
                    mismatch(
                        path.text, part.name, nil,
                        "expected a part \"\(part.name ?? "\(place + 1)")\", but it is missing")
                ]
            }
            return compare(part, other, at: path)
        }
    }

    private func mismatch(_ path: String, _ expected: String?, _ actual: String?, _ sentence: String) -> Mismatch {
        Mismatch(.body, path: path, expected: expected, actual: actual, sentence)
    }

    private func compare(_ expected: MultipartPart, _ actual: MultipartPart, at path: ValuePath) -> [Mismatch] {
        // A part without type is plain text (RFC 7578, 4.4).
        let header = expected.headers.header("content-type") ?? "text/plain"
        let inner = BodyMatching(allowsUnexpected: body.allowsUnexpected, rules: body.rules.below(path))
        let left = BodyMatching.Side(body: PactBody(received: expected.bytes), header: header)
        let right = BodyMatching.Side(
            body: PactBody(received: actual.bytes), header: actual.headers.header("content-type") ?? header)
        return inner.compare(left, right, isHeaderMatched: false).map {
            mismatch(path.text + $0.path.dropFirst(), $0.expected, $0.actual, $0.sentence)
        }
    }
}

extension RuleCategory {
    /// The rules at and below `path`, from there on.
    fileprivate func below(_ path: ValuePath) -> RuleCategory {
        RuleCategory(
            entries: entries.compactMap { entry in
                let start = PathExpression(tokens: Array(entry.path.tokens.prefix(path.steps.count)))
                guard start.isExactly(path) else { return nil }
                let rest = PathExpression(tokens: Array(entry.path.tokens.dropFirst(path.steps.count)))
                return Entry(path: rest, list: entry.list)
            })
    }
}
