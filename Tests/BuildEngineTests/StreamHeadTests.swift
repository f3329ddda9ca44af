import BuildTestSupport
import CZlib
import Glibc
import Testing

@testable import BuildEngine

/// The beginning of a stream is what zlib says it is, whole, cut off or damaged.
@Suite struct StreamHeadTests {
    /// LMSBUILD_TEST_SEED makes other streams.
    private static var seeds: [UInt64] {
        let seed = getenv("LMSBUILD_TEST_SEED").flatMap { UInt64(String(cString: $0)) } ?? 1
        return (0..<4).map { seed &* 1000 &+ $0 }
    }

    /// What git takes of a stream with zlib: the first bytes, or fewer where it ends before them and its sum is right.
    private func zlibHead(_ stream: [UInt8]) -> [UInt8]? {
        var state = z_stream()
        guard inflateInit_(&state, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else { return nil }
        defer { inflateEnd(&state) }
        var stream = stream
        var output = [UInt8](repeating: 0, count: StreamHead.limit)
        return stream.withUnsafeMutableBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                state.next_in = input.baseAddress
                state.avail_in = UInt32(input.count)
                state.next_out = output.baseAddress
                state.avail_out = UInt32(output.count)
                let ending = inflate(&state, Z_FINISH)
                let count = Int(state.total_out)
                return ending == Z_STREAM_END || count == StreamHead.limit ? Array(output[..<count]) : nil
            }
        }
    }

    private func head(_ stream: [UInt8], _ heads: inout StreamHead) -> [UInt8]? {
        stream.withUnsafeBytes { input in heads.bytes(of: input).map { Array($0) } }
    }

    /// In several blocks where it is flushed in between.
    private func deflated(_ contents: [UInt8], _ generator: inout SeededGenerator) throws -> [UInt8] {
        var state = z_stream()
        let strategy = [Z_DEFAULT_STRATEGY, Z_FILTERED, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED].randomElement(using: &generator)
        let code = deflateInit2_(
            &state, Int32.random(in: 0...9, using: &generator), Z_DEFLATED, Int32.random(in: 9...15, using: &generator),
            Int32.random(in: 1...9, using: &generator), strategy ?? Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        try #require(code == Z_OK)
        defer { deflateEnd(&state) }
        var contents = contents
        var output = [UInt8](repeating: 0, count: contents.count * 2 + 1000)
        let first = Int.random(in: 0...contents.count, using: &generator)
        let flush =
            [Z_NO_FLUSH, Z_PARTIAL_FLUSH, Z_SYNC_FLUSH, Z_FULL_FLUSH, Z_BLOCK].randomElement(using: &generator)
            ?? Z_NO_FLUSH
        let ending = contents.withUnsafeMutableBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                state.next_in = input.baseAddress
                state.avail_in = UInt32(first)
                state.next_out = output.baseAddress
                state.avail_out = UInt32(output.count)
                deflate(&state, flush)
                state.avail_in += UInt32(input.count - first)
                return deflate(&state, Z_FINISH)
            }
        }
        try #require(ending == Z_STREAM_END)
        return Array(output[..<Int(state.total_out)])
    }

    /// Of few or many different bytes, with more or less that is there before.
    private func contents(_ generator: inout SeededGenerator) -> [UInt8] {
        let letters = UInt8.random(in: 0...255, using: &generator)
        let repeats = Double.random(in: 0...0.5, using: &generator)
        let most = [2, 21, 60, 400, 3000].randomElement(using: &generator) ?? 60
        let count = Int.random(in: 0...most, using: &generator)
        var bytes: [UInt8] = []
        while bytes.count < count {
            if !bytes.isEmpty, Double.random(in: 0..<1, using: &generator) < repeats {
                let start = Int.random(in: 0..<bytes.count, using: &generator)
                bytes += bytes[start...].prefix(Int.random(in: 3...40, using: &generator))
            } else {
                bytes.append(UInt8.random(in: 0...letters, using: &generator))
            }
        }
        return bytes
    }

    @Test(arguments: seeds) func whatZlibSaysOfAnyStream(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var heads = StreamHead()
        var told = (damaged: 0, refused: 0)
        for number in 0..<500 {
            let contents = contents(&generator)
            let stream = try deflated(contents, &generator)
            let whole = head(stream, &heads)
            #expect(whole == zlibHead(stream), "seed \(seed), stream \(number): \(stream)")
            #expect(whole == Array(contents.prefix(StreamHead.limit)), "seed \(seed), stream \(number)")
            for _ in 0..<8 {
                var damaged = stream
                if Bool.random(using: &generator) {
                    damaged.removeLast(Int.random(in: 0...damaged.count, using: &generator))
                }
                // Most of them at the beginning, where codes are.
                for _ in 0..<Int.random(in: 0...2, using: &generator) where !damaged.isEmpty {
                    let place = Int.random(in: 0..<min(damaged.count, 100), using: &generator)
                    damaged[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
                }
                let found = head(damaged, &heads)
                #expect(found == zlibHead(damaged), "seed \(seed), stream \(number): \(damaged)")
                if found == nil { told.refused += 1 } else { told.damaged += 1 }
            }
        }
        // Both happen often.
        #expect(told.refused > 300)
        #expect(told.damaged > 300)
    }

    /// Bits at random, begun as a stream with a code of its own is.
    @Test(arguments: seeds) func whatZlibSaysOfNonsense(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var heads = StreamHead()
        for number in 0..<5000 {
            var stream = (0..<Int.random(in: 0...120, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            stream.insert(contentsOf: [0x78, 0x9C], at: 0)
            if stream.count > 2 { stream[2] = stream[2] & 0b1111_1000 | UInt8(number % 8) }
            #expect(head(stream, &heads) == zlibHead(stream), "seed \(seed): \(stream)")
        }
    }

    @Test func aStreamsHeading() {
        var heads = StreamHead()
        var others: [(UInt8, UInt8)] = []
        for first in 0...UInt8.max {
            for second in 0...UInt8.max {
                // What follows holds "a".
                let stream = [first, second, 0x4B, 0x04, 0x00, 0x00, 0x62, 0x00, 0x62]
                if head(stream, &heads) != zlibHead(stream) { others.append((first, second)) }
            }
        }
        #expect(others.isEmpty)
        #expect(head([0x78, 0x9C, 0x4B, 0x04, 0x00, 0x00, 0x62, 0x00, 0x62], &heads) == [UInt8(ascii: "a")])
    }
}
