// Compares indentations byte by byte: a tab equals no number of spaces. This file does not know what a line says.

/// How one line's indentation stands to another's.
enum IndentationRelation {
    case same, deeper, shallower
    /// Neither begins with the other: tabs stand against spaces.
    case different
}

extension Parser {
    func relation(of line: Int, to other: Int) -> IndentationRelation {
        if lexer.lines[line].isIndentedBySpaces, lexer.lines[other].isIndentedBySpaces {
            let left = lexer.lines[line].indentationWidth
            let right = lexer.lines[other].indentationWidth
            return left == right ? .same : left > right ? .deeper : .shallower
        }
        let bytes = lexer.source.bytes
        let left = lexer.lines[line].indentation
        let right = lexer.lines[other].indentation
        let shared = min(left.count, right.count)
        for step in 0..<shared where bytes[left.lowerBound + step] != bytes[right.lowerBound + step] {
            return .different
        }
        return left.count == right.count ? .same : left.count > right.count ? .deeper : .shallower
    }

    /// Whether a reader would see `line` as indented deeper than `other`, tabs going to multiples of eight.
    func isDeeper(_ line: Int, than other: Int) -> Bool {
        switch relation(of: line, to: other) {
        case .deeper: true
        case .same, .shallower: false
        case .different: lexer.lines[line].indentationWidth > lexer.lines[other].indentationWidth
        }
    }

    /// `4 spaces`, `1 tab and 2 spaces`, `no indentation`.
    private func described(_ line: Int) -> String {
        let indentation = lexer.source.bytes[lexer.lines[line].indentation]
        let tabs = indentation.count { $0 == UInt8(ascii: "\t") }
        let spaces = indentation.count - tabs
        let parts = [(tabs, "tab"), (spaces, "space")].filter { $0.0 > 0 }
        if parts.isEmpty { return "no indentation" }
        return parts.map { "\($0.0) \($0.1)\($0.0 == 1 ? "" : "s")" }.joined(separator: " and ")
    }

    /// The advice to indent as the line `model` does.
    func wanted(_ model: Int) -> String {
        "indent it by \(described(model)), as line \(lineNumber(model)) is"
    }

    private func lineNumber(_ line: Int) -> Int {
        lexer.source.line(at: lexer.lines[line].range.lowerBound).number
    }

    mutating func reportUnexpectedIndentation(_ line: Int, _ reason: String, expected: String) {
        lexer.mistakes.report(
            .badIndentation, "unexpected indentation: \(reason)",
            at: lexer.span(lexer.lines[line].indentation), hint: expected)
    }

    mutating func reportWrongIndentation(_ line: Int, block: Int, what: String = "block", hint: String? = nil) {
        let mixed = relation(of: line, to: block) == .different ? "; tabs and spaces are not the same" : ""
        lexer.mistakes.report(
            .badIndentation,
            "this line is indented by \(described(line)), its \(what) by \(described(block))\(mixed)",
            at: lexer.span(lexer.lines[line].indentation), hint: hint ?? wanted(block))
    }

    /// The recipe below the line `header`: the lines that are indented deeper, without the first one's indentation.
    ///
    /// A comment that is indented no deeper than the header neither ends the recipe nor belongs to it.
    mutating func parseRecipe(below header: Int) -> Recipe? {
        var first: Int?
        var text: [UInt8] = []
        var start = 0
        var end = 0
        var blankLines = 0
        var isInReportedRun = false
        var index = next
        let bytes = lexer.source.bytes
        while index < lexer.lines.count {
            let line = lexer.lines[index]
            defer { index += 1 }
            if line.isBlank {
                blankLines += 1
                continue
            }
            guard isDeeper(index, than: header) else {
                if line.isComment { continue }
                break
            }
            var contentStart = line.contentStart
            if let first {
                let position = relation(of: index, to: first)
                if position == .same || position == .deeper {
                    contentStart = line.range.lowerBound + lexer.lines[first].indentation.count
                    isInReportedRun = false
                } else if !isInReportedRun {
                    reportWrongIndentation(index, block: first, what: "recipe")
                    isInReportedRun = true
                }
                text.append(contentsOf: repeatElement(UInt8(ascii: "\n"), count: blankLines))
            } else {
                first = index
                start = contentStart
                text.reserveCapacity(256)
                if relation(of: index, to: header) == .different {
                    reportWrongIndentation(
                        index, block: header, what: "rule",
                        hint: "begin it with the rule's indentation, and indent it further in the same way")
                }
            }
            blankLines = 0
            text.append(contentsOf: bytes[contentStart..<line.range.upperBound])
            text.append(UInt8(ascii: "\n"))
            end = line.range.upperBound
            next = index + 1
        }
        guard first != nil else { return nil }
        return Recipe(text: String(decoding: text, as: UTF8.self), span: lexer.span(start..<end))
    }
}
