import BuildTestSupport
import Testing

@testable import BuildGraph

@Suite struct DigestTests {
    @Test func bytesAndDigitsSayTheSame() throws {
        var random = SeededGenerator(seed: 5)
        for _ in 0..<100 {
            let bytes = (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) }
            let value = try #require(SHA256Value(bytes: bytes))
            #expect(value.bytes == bytes)
            #expect(SHA256Value(bytes: AnyCollection(bytes)) == value)
            #expect(SHA256Value(hex: value.hex) == value)
            #expect(SHA256Value(hex: "x" + value.hex + "y") == nil)
            #expect(SHA256Value(hex: ("x" + value.hex).dropFirst()) == value)
        }
    }

    @Test(arguments: ["", "0", String(repeating: "0", count: 63), String(repeating: "A", count: 64)])
    func whatIsNoHash(hex: String) {
        #expect(SHA256Value(hex: hex) == nil)
    }

    @Test func pathsAreInBytewiseOrder() {
        let sorted = ["", "a", "a-b", "a/b", "ab", "b", "\u{E4}"].map { BytePath($0) }
        #expect(sorted.reversed().sorted() == sorted)
        for (place, path) in sorted.enumerated() {
            for (other, second) in sorted.enumerated() { #expect((path < second) == (place < other)) }
        }
    }
}
