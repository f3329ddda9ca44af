// What an analyser found, whatever form it told it in. Does not know how it is counted, compared or shown.
package import BuildGraph

/// One finding of an analyser.
package struct Finding: Sendable, Hashable {
    /// How much it matters, least first.
    package enum Level: UInt8, Sendable, Hashable, CaseIterable {
        case note = 1
        case warning = 2
        case error = 3

        /// `note`, `warning` or `error`.
        package var name: String { "\(self)" }
    }

    /// The rule's name; empty where the tool tells none.
    package var rule: String
    package var level: Level
    /// One line, cut to a bound.
    package var message: String
    /// As the tool names it until it is `resolved`, then relative to the workspace's root; nil where there is none.
    package var file: BytePath?
    /// 1-based; nil for the file as a whole.
    package var line: Int?
    /// What the tool itself knows the finding by wherever it moves (SARIF's `partialFingerprints`), as one text.
    package var fingerprint: String?

    package init(
        rule: String, level: Level = .warning, message: String, file: BytePath? = nil, line: Int? = nil,
        fingerprint: String? = nil
    ) {
        self.rule = rule
        self.level = level
        self.message = message
        self.file = file
        self.line = line
        self.fingerprint = fingerprint
    }
}

/// By what a finding is known again in another run.
package struct FindingIdentity: Sendable, Hashable {
    /// Of the rule and the tool's own fingerprints.
    let byFingerprint: Fingerprint?
    /// Of the rule, the file and the text of the line, or the message where the line is not known.
    let byLine: Fingerprint

    /// `lineText` is the line's content, white space around it left out; nil where nobody knows it.
    init(_ finding: Finding, lineText: [UInt8]?) {
        byFingerprint = finding.fingerprint.map { Self.mix(["fingerprint", finding.rule, $0].map { Array($0.utf8) }) }
        byLine = Self.mix([
            Array((lineText == nil ? "message" : "line").utf8), Array(finding.rule.utf8), finding.file?.bytes ?? [],
            lineText ?? Array(finding.message.utf8),
        ])
    }

    init(byFingerprint: Fingerprint?, byLine: Fingerprint) {
        self.byFingerprint = byFingerprint
        self.byLine = byLine
    }

    private static func mix(_ parts: [[UInt8]]) -> Fingerprint {
        var writer = PackedWriter(bytes: [])
        for part in parts { writer.add(part) }
        return Fingerprint.of(writer.bytes)
    }

    /// The places in `head` of those that have no partner in `base`. Each of `base` is the partner of one at most, so a
    /// second finding of the same kind on an equal line is new.
    package static func new(in head: [FindingIdentity], since base: [FindingIdentity]) -> [Int] {
        var byFingerprint: [Fingerprint: [Int]] = [:]
        var byLine: [Fingerprint: [Int]] = [:]
        for (place, identity) in base.enumerated().reversed() {
            if let fingerprint = identity.byFingerprint { byFingerprint[fingerprint, default: []].append(place) }
            byLine[identity.byLine, default: []].append(place)
        }
        var isTaken = Array(repeating: false, count: base.count)
        func takes(_ places: inout [Int]?) -> Bool {
            while let place = places?.popLast() {
                if isTaken[place] { continue }
                isTaken[place] = true
                return true
            }
            return false
        }
        // A tool's own word first, for all of them: otherwise a line might take what another one's fingerprint names.
        let open = head.indices.filter { place in
            head[place].byFingerprint.map { !takes(&byFingerprint[$0]) } ?? true
        }
        return open.filter { !takes(&byLine[head[$0].byLine]) }
    }
}

extension String {
    /// On one line, at most `limit` bytes, cut between characters.
    func bounded(_ limit: Int) -> String {
        var text = ""
        for character in self {
            let piece = character.isNewline ? " " : String(character)
            if text.utf8.count + piece.utf8.count > limit { return text + "…" }
            text += piece
        }
        return text
    }
}
