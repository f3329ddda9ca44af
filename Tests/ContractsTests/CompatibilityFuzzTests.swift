import BuildEngine
import Testing

@testable import Contracts

/// Documents with seeded damage: reading and comparing them ends, one way or the other.
@Suite struct CompatibilityFuzzTests {
    private struct Random {
        var state: UInt64
        mutating func next(_ count: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(max(1, count)))
        }
    }

    private static let pieces = [
        "{", "}", "[", "]", "\"$ref\":\"#\"", "\"allOf\":[{}]", "null", "true", "1e999", "-1", "\"type\":\"object\"",
        ",",
        ":", "#/components/schemas/Tree", "repeated", "message", "oneof x {", "= 536870911", "\u{0}", "é", "/", "~",
        "%2F",
        "999999999999999999999999",
    ]

    private func damaged(_ text: String, _ random: inout Random) -> [UInt8] {
        var bytes = Array(text.utf8)
        for _ in 0..<(1 + random.next(4)) {
            let place = random.next(bytes.count)
            switch random.next(5) {
            case 0: if !bytes.isEmpty { bytes.remove(at: place) }
            case 1: bytes.insert(contentsOf: Self.pieces[random.next(Self.pieces.count)].utf8, at: place)
            case 2: if !bytes.isEmpty { bytes[place] = UInt8(random.next(256)) }
            case 3: bytes.removeSubrange(place..<min(bytes.count, place + random.next(20)))
            default:
                let end = min(bytes.count, place + random.next(60))
                bytes.insert(contentsOf: bytes[place..<end], at: random.next(bytes.count))
            }
        }
        return bytes
    }

    private func compare(_ text: String, name: String, rounds: Int) throws {
        let whole = try InterfaceDocument.read(Array(text.utf8), name: name)
        var random = Random(state: 7)
        var read = 0
        for _ in 0..<rounds {
            let bytes = damaged(text, &random)
            do throws(ContractReadError) {
                let other = try InterfaceDocument.read(bytes, name: name)
                read += 1
                _ = whole.incompatibilities(with: other, .consumer)
                _ = other.incompatibilities(with: whole, .versions)
                #expect(other.incompatibilities(with: other, .versions).allSatisfy { !$0.isCertain })
            } catch {
                #expect(error.offset >= 0 && error.offset <= bytes.count + 1)
            }
        }
        #expect(read > 0)
    }

    @Test func openAPI() throws {
        let schema =
            ##"{"oneOf":[{"$ref":"#/components/schemas/Tree"},{"type":"object","required":["k"],"properties":{"k":{"enum":["a","b"]}},"additionalProperties":{"anyOf":[{"type":"string","format":"date"},{"type":"null"}]}}]}"##
        let tree =
            ##"{"Tree":{"allOf":[{"type":"object","properties":{"left":{"$ref":"#/components/schemas/Tree"},"n":{"type":"integer","minimum":1}}},{"required":["n"]}]}}"##
        try compare(Compared.api(request: schema, components: tree), name: "a.json", rounds: 1500)
        try compare(Compared.api(response: schema, components: tree), name: "a.json", rounds: 1500)
    }

    @Test func protobuf() throws {
        try compare(
            """
            syntax = "proto2";
            package lib;
            message Book {
              required string title = 1 [json_name = "t"];
              optional group G = 2 { repeated int32 a = 1; }
              oneof x { int64 b = 3; Book c = 4; }
              map<string, E> m = 5;
              reserved 8 to 10;
              extensions 100 to max;
              enum E { X = 0; Y = -1; }
            }
            service S { rpc Find (stream Book) returns (Book); }
            """, name: "a.proto", rounds: 2000)
    }

    @Test func descriptors() throws {
        var random = Random(state: 3)
        let set: [UInt8] = [10, 20, 10, 1, 97, 18, 1, 98, 34, 12, 10, 1, 99, 18, 7, 10, 1, 100, 24, 1, 40, 9]
        _ = try InterfaceDocument.read(set, name: "a.binpb")
        for _ in 0..<3000 {
            var bytes = set
            for _ in 0..<(1 + random.next(3)) { bytes[random.next(bytes.count)] = UInt8(random.next(256)) }
            guard let other = try? InterfaceDocument.read(bytes, name: "a.binpb") else { continue }
            _ = other.incompatibilities(with: other, .versions)
        }
    }

    /// References that lead to each other in long chains and in circles.
    @Test func chains() throws {
        let count = 3000
        let members = (0..<count).map {
            ##""S\##($0)":{"type":"object","properties":{"p":{"$ref":"#/components/schemas/S\##(($0 + 1) % count)"}}}"##
        }
        let text = Compared.api(
            response: ##"{"$ref":"#/components/schemas/S0"}"##, components: "{" + members.joined(separator: ",") + "}")
        #expect(try Compared.openAPI(text, text).isEmpty)
        let loop = Compared.api(
            response: ##"{"$ref":"#/components/schemas/A"}"##,
            components: ##"{"A":{"$ref":"#/components/schemas/B"},"B":{"$ref":"#/components/schemas/A"}}"##)
        _ = try Compared.openAPI(loop, loop)
    }
}
