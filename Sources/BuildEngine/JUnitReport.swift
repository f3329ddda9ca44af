// JUnit XML, a form without a standard: what surefire, pytest, `swift test`, jest-junit and go-junit-report write. Reads which
// tests there were and what went wrong; does not know who ran them.
package import BuildGraph

/// A test that did not pass.
package struct TestFailure: Sendable, Hashable {
    /// The class or suite, empty where the tool tells none.
    package var suite: String
    package var name: String
    /// The first line of what the tool says of it, cut to a bound.
    package var message: String
    /// All it says, cut to a bound; empty where that is the message alone.
    package var detail: String
    /// As the tool names it until it is resolved, then relative to the workspace's root; nil where it tells none.
    package var file: BytePath?
    /// 1-based.
    package var line: Int?
    /// The test did not come to an end by itself (`error`), rather than to a wrong one (`failure`).
    package var isError: Bool

    package init(
        suite: String, name: String, message: String, detail: String = "", file: BytePath? = nil, line: Int? = nil,
        isError: Bool = false
    ) {
        self.suite = suite
        self.name = name
        self.message = message
        self.detail = detail
        self.file = file
        self.line = line
        self.isError = isError
    }

    /// `suite › name`, or the name alone.
    package var title: String { suite.isEmpty ? name : "\(suite) › \(name)" }
}

/// How many tests there were, and how they ended. Each test counts once.
package struct TestTally: Sendable, Hashable {
    package var passed = 0
    package var failed = 0
    package var errors = 0
    package var skipped = 0

    package init(passed: Int = 0, failed: Int = 0, errors: Int = 0, skipped: Int = 0) {
        self.passed = passed
        self.failed = failed
        self.errors = errors
        self.skipped = skipped
    }

    package var total: Int { passed + failed + errors + skipped }

    static func + (left: TestTally, right: TestTally) -> TestTally {
        TestTally(
            passed: left.passed + right.passed, failed: left.failed + right.failed,
            errors: left.errors + right.errors, skipped: left.skipped + right.skipped)
    }
}

/// The tests of a JUnit XML file.
struct JUnitReport: Sendable {
    /// Of failures that are kept; further ones are counted.
    static let kept = 100

    private(set) var tally = TestTally()
    private(set) var failures: [TestFailure] = []
    /// Every case in turn where that was asked for, without the text: of reports that mean something else by their tests.
    private(set) var cases: [Case] = []
    private let keepsCases: Bool

    /// A `testcase` as it stands there.
    struct Case: Sendable {
        var suite = ""
        var name = ""
        var file: String?
        var line: Int?
        var outcome = Outcome.passed
        var type: String?
        var message: String?
        var text = ""
        let offset: Int
    }

    enum Outcome: Sendable {
        case passed, skipped, failed, error
    }

    /// Throws for what is no XML text, or none with test suites.
    init(_ bytes: [UInt8], keepsCases: Bool = false) throws(ReportError) {
        self.keepsCases = keepsCases
        var reader = XMLReader(bytes, .report)
        do throws(XMLError) {
            guard case .start(let root)? = try reader.next() else { throw XMLError("there is no element", at: 0) }
            guard ["testsuites", "testsuite"].contains(root.name) else {
                throw XMLError(
                    "<\(root.name)> is no JUnit report", expected: "<testsuites> or <testsuite>", at: root.offset)
            }
            var suites: [Suite] = [Suite(root)]
            while let event = try reader.next() {
                switch event {
                case .text: break
                case .end:
                    guard let ended = suites.popLast() else { break }
                    close(ended)
                case .start(let start):
                    switch start.name {
                    case "testsuite": suites.append(Suite(start, seen: problems))
                    case "testcase": try add(&reader, start, suite: suites.last?.name ?? "")
                    default: try reader.skipElement()
                    }
                }
            }
        } catch {
            throw ReportError(error)
        }
    }

    private var problems: Int { tally.failed + tally.errors }

    // MARK: Suites

    private struct Suite {
        let name: String
        /// What it says went wrong in it, which may be more than its cases say.
        let declared: Int
        /// Problems of all cases before it.
        let seen: Int

        init(_ start: XMLStart, seen: Int = 0) {
            name = (start["name"] ?? "").bounded(200)
            let counts = ["failures", "errors"].map { JUnitReport.count(start[$0]) }
            declared = counts.reduce(0, +)
            self.seen = seen
        }
    }

    /// A suite that could not even begin has no case, but says so in its counts.
    private mutating func close(_ suite: Suite) {
        let missing = suite.declared - (problems - suite.seen)
        guard missing > 0 else { return }
        tally.errors += missing
        keep(
            TestFailure(
                suite: suite.name, name: "(the suite)",
                message:
                    "the suite tells of \(missing) more \(missing == 1 ? "problem" : "problems") than its tests do",
                isError: true))
    }

    /// Nobody has more than a million; a number from nowhere must not count for more.
    private static func count(_ text: String?) -> Int {
        guard let text, let value = Int(text.trimmed), (0...1_000_000).contains(value) else { return 0 }
        return value
    }

    // MARK: Cases

    private mutating func add(_ reader: inout XMLReader, _ start: XMLStart, suite: String) throws(XMLError) {
        var test = Case(offset: start.offset)
        test.suite = (start["classname"] ?? suite).bounded(200)
        test.name = (start["name"] ?? "(unnamed)").bounded(300)
        test.file = start["file"] ?? start["filepath"]
        test.line = start["line"].flatMap { Int($0) }
        let outer = reader.depth - 1
        while reader.depth > outer, let event = try reader.next() {
            guard case .start(let part) = event else { continue }
            let outcome: Outcome
            switch part.name {
            // A test that failed and then passed has `flakyFailure`, one that failed again `rerunFailure` beside `failure`.
            case "failure": outcome = .failed
            case "error": outcome = .error
            case "skipped": outcome = .skipped
            default:
                try reader.skipElement()
                continue
            }
            let text = try reader.elementText()
            // The worse of two, and of equal ones the first.
            guard outcome.rank > test.outcome.rank else { continue }
            test.outcome = outcome
            test.type = part["type"]
            test.message = part["message"]
            test.text = text
        }
        count(test)
        if keepsCases, cases.count < 1_000_000 {
            test.text = ""
            cases.append(test)
        }
    }

    private mutating func count(_ test: Case) {
        switch test.outcome {
        case .passed: tally.passed += 1
        case .skipped: tally.skipped += 1
        case .failed: tally.failed += 1
        case .error: tally.errors += 1
        }
        guard test.outcome == .failed || test.outcome == .error else { return }
        let lines = test.text.split(whereSeparator: \.isNewline).filter { !$0.allSatisfy(\.isWhitespace) }
        var message = (test.message ?? "").trimmed
        // jest-junit and go-junit-report put all they know into the text, and a word that says nothing into the attribute.
        if message.isEmpty || ["failed", "test failure", "error"].contains(message.lowercased()) {
            message = lines.first.map { String($0).trimmed } ?? test.type ?? "no reason is given"
        }
        let place = FailurePlace.find(in: test.text, of: test.suite)
        let isInCase = test.file != nil
        keep(
            TestFailure(
                suite: test.suite, name: test.name,
                message: (message.split(whereSeparator: \.isNewline).first.map(String.init) ?? message).bounded(500),
                detail: test.text.count > message.count ? test.text.trimmed.cut(toBytes: 2000) : "",
                file: (test.file ?? place?.file).flatMap { $0.isEmpty || $0.utf8.contains(0) ? nil : BytePath($0) },
                // pytest's own attribute is the line of the function; what failed is told by the text.
                line: place.flatMap { !isInCase || $0.isIn(test.file ?? "") ? $0.line : nil } ?? test.line,
                isError: test.outcome == .error))
    }

    private mutating func keep(_ failure: TestFailure) {
        if failures.count < Self.kept { failures.append(failure) }
    }
}

extension JUnitReport.Outcome {
    fileprivate var rank: Int {
        switch self {
        case .passed: 0
        case .skipped: 1
        case .failed: 2
        case .error: 3
        }
    }
}

extension String {
    /// At most `limit` bytes, cut between characters, with its lines.
    func cut(toBytes limit: Int) -> String {
        if utf8.count <= limit { return self }
        var text = ""
        for character in self {
            if text.utf8.count + character.utf8.count > limit { break }
            text.append(character)
        }
        return text + "…"
    }
}
