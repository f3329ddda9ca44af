import BuildEngine
import Contracts
import Foundation
import Testing

/// A case as the specification publishes its own: what is expected, what came, and whether they match.
struct PactCase: Sendable, CustomTestStringConvertible {
    let path: String
    let tree: JSONTree

    var testDescription: String { path }

    /// Every file below `Cases`, by its path.
    static let all: [PactCase] = {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Cases")
        let paths = (try? FileManager.default.subpathsOfDirectory(atPath: root.path)) ?? []
        return paths.filter { $0.hasSuffix(".json") }.sorted().compactMap { path in
            guard let data = try? Data(contentsOf: root.appending(path: path)) else { return nil }
            return (try? JSONTree.parse([UInt8](data))).map { PactCase(path: path, tree: $0) }
        }
    }()

    var matches: Bool? {
        if case .bool(let value)? = tree.member("match")?.content { value } else { nil }
    }

    /// The part called `name` as the only interaction of a pact of the case's version.
    func interaction(_ name: String) throws -> PactInteraction {
        let part = try #require(tree.member(name)).text(pretty: false)
        let version = path.dropFirst().prefix(1)
        let interaction =
            switch path.split(separator: "/")[1] {
            case "request": #"{"description": "d", "request": \#(part), "response": {}}"#
            case "answers":
                #"{"description": "d", "type": "Synchronous/Messages", "request": {}, "response": \#(part)}"#
            case "response": #"{"description": "d", "request": {}, "response": \#(part)}"#
            default: #"{"description": "d", "type": "Asynchronous/Messages", \#(part.dropFirst())"#
            }
        let pact = """
            {"consumer": {"name": "c"}, "provider": {"name": "p"}, "interactions": [\(interaction)],
             "metadata": {"pactSpecification": {"version": "\(version).0"}}}
            """
        let document = try ContractDocument.read(Array(pact.utf8), name: "case.json")
        return try #require(document.interactions.first).content
    }

    func mismatches() throws -> [Mismatch] {
        switch (try interaction("expected").exchange, try interaction("actual").exchange) {
        case (.http(let request, let response), .http(let otherRequest, let otherResponse)):
            path.contains("/request/")
                ? PactMatching.request(expected: request, actual: otherRequest)
                : PactMatching.response(expected: response, actual: otherResponse)
        case (.asynchronous(let message), .asynchronous(let other)):
            PactMatching.message(expected: message, actual: other)
        case (.synchronous(_, let messages), .synchronous(_, let others)):
            zip(messages, others).flatMap { PactMatching.message(expected: $0, actual: $1) }
                + (messages.count == others.count
                    ? [] : [Mismatch(.body, path: "$", expected: nil, actual: nil, "another number of messages")])
        default: throw CocoaError(.featureUnsupported)
        }
    }
}

@Suite struct PactCaseTests {
    @Test(arguments: PactCase.all)
    func holds(_ example: PactCase) throws {
        let mismatches = try example.mismatches()
        #expect(
            mismatches.isEmpty == example.matches,
            "\(example.tree.member("comment")?.text ?? ""): \(mismatches.map(\.text))")
    }

    @Test func everyVersionHasItsCases() {
        let all = PactCase.all
        #expect(all.count >= 300)
        for version in ["v2", "v3", "v4"] {
            for match in [true, false] {
                #expect(all.filter { $0.path.hasPrefix(version) && $0.matches == match }.count >= 50)
            }
        }
    }

    /// What matches is what the mismatches say, so each has its place and a sentence of its own.
    @Test func everyMismatchCanBeRead() throws {
        for example in PactCase.all where example.matches == false {
            for mismatch in try example.mismatches() {
                #expect(!mismatch.sentence.isEmpty && !mismatch.sentence.contains("\n"))
                #expect(mismatch.part != .body || mismatch.path.hasPrefix("$"))
            }
        }
    }
}
