import BuildEngine
import Contracts
import Foundation
import Testing

/// Random damage to documents: reading and matching may refuse, never crash. `CONTRACT_FUZZ_SEED` repeats a run.
@Suite struct ContractFuzzTests {
    private struct Dice: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state ^ (state >> 33)) &* 0xFF51_AFD7_ED55_8CCD
        }
    }

    private static let seed =
        ProcessInfo.processInfo.environment["CONTRACT_FUZZ_SEED"].flatMap { UInt64($0) }
        ?? UInt64.random(in: 0...UInt64.max)

    private static let spice = [
        "{", "}", "[", "]", "\"", "\\", "$", ".*", "[*]", "(?", "{9}", "]]>", "<", "&", ":", "- ", "\n", "1e999", "-",
        "'",
        "null", "\u{0}", "é", "99999999999999999999", "|", ">", "#", "yyyy", "%", "\t", "--b", "${", "option", ";",
    ]

    private func damaged(_ bytes: [UInt8], _ dice: inout Dice) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &dice) {
            let place = Int.random(in: 0...bytes.count, using: &dice)
            let length = min(Int.random(in: 0...12, using: &dice), bytes.count - place)
            switch Int.random(in: 0..<4, using: &dice) {
            case 0: bytes.removeSubrange(place..<(place + length))
            case 1: bytes.insert(contentsOf: (Self.spice.randomElement(using: &dice) ?? "").utf8, at: place)
            case 2: bytes.insert(contentsOf: Array(bytes[place..<(place + length)]), at: place)
            default: if place < bytes.count { bytes[place] = UInt8.random(in: 0...255, using: &dice) }
            }
        }
        return bytes
    }

    @Test func damagedDocumentsAreReadOrRefused() {
        print("contract fuzz seed \(Self.seed)")
        var dice = Dice(state: Self.seed)
        let texts: [(name: String, text: String)] = [
            ("a.json", ContractDocumentTests.pact),
            ("a.yaml", "openapi: 3.0.0\npaths:\n  /a: {get: [1, 'x']}\n  b: |\n   t\n"),
            ("a.proto", "syntax = \"proto3\"; message A { int32 a = 1 [packed = true]; } // x"),
            ("a.json", #"{"openapi": "3.0.0", "paths": {"/a": {"parameters": [{"name": "x"}]}}}"#),
        ]
        for round in 0..<4000 {
            let text = texts[round % texts.count]
            let bytes = damaged(Array(text.text.utf8), &dice)
            guard let document = try? ContractDocument.read(bytes, name: text.name) else { continue }
            let narrowed = document.narrowed(to: Set(document.interactions.prefix(1).map(\.digest)))
            let again = try? ContractDocument.read(narrowed, name: text.name)
            #expect(again?.kind == document.kind, "seed \(Self.seed), round \(round)")
            if document.kind == .pact {
                #expect(again?.interactions.first?.digest == document.interactions.first?.digest)
            }
        }
    }

    @Test func damagedExpectationsAreMatched() throws {
        var dice = Dice(state: Self.seed &+ 1)
        let cases = PactCase.all.filter { !$0.path.contains("for-ever") }
        for _ in 0..<3000 {
            guard let example = cases.randomElement(using: &dice), let part = example.tree.member("expected") else {
                return
            }
            let bytes = damaged(Array(part.text(pretty: false).utf8), &dice)
            let text = """
                {"consumer": {"name": "c"}, "provider": {"name": "p"}, "metadata": {"pactSpecification": {"version": "4"}},
                 "interactions": [{"description": "d", "request": \(String(decoding: bytes, as: UTF8.self)), "response": {}},
                  {"description": "d", "request": {}, "response": \(String(decoding: bytes, as: UTF8.self))}]}
                """
            guard let document = try? ContractDocument.read(Array(text.utf8), name: "a.json") else { continue }
            for interaction in document.interactions {
                guard case .http(let request, let response) = interaction.content.exchange else { continue }
                _ = PactMatching.request(expected: request, actual: request)
                _ = PactMatching.response(
                    expected: response, actual: PactResponse(status: 200, body: damaged(response.body.bytes, &dice)))
                _ = BodyDiff.lines(expected: request.body.bytes, actual: response.body.bytes)
                var run = GeneratorRun(seed: Self.seed, now: 0)
                _ = try? run.request(request)
                _ = try? run.response(response)
            }
        }
    }

    @Test func deepNestingIsRefused() {
        let deep = String(repeating: "[", count: 100_000)
        for (name, text) in [
            ("a.json", deep), ("a.yaml", "a: " + deep), ("a.yaml", String(repeating: "- ", count: 5000)),
            ("a.proto", "m " + String(repeating: "{ m ", count: 5000)),
        ] {
            #expect(throws: ContractReadError.self) { try ContractDocument.read(Array(text.utf8), name: name) }
        }
    }
}
