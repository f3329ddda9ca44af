// The first bytes of a zlib stream (RFC 1950, RFC 1951), as many as tell how large a delta's result is. Does not know deltas.
//
// Not by zlib, which makes tables for decoding a stream as fast as it can: two microseconds, before the first byte is out, for
// each stream that has a code of its own. For twenty bytes a walk along the code's lengths is enough. A stream is damaged here
// exactly where zlib says so before that many bytes are out. It is untrusted: every read is checked.
import Glibc

/// Inflates the beginnings of streams, one after the other, in the same memory.
struct StreamHead: ~Copyable {
    /// How many bytes of a stream are told at most: as many as git itself looks at.
    static let limit = 20
    /// As many bytes of a stream tell its first `limit` ones, unless it has blocks with nothing in them.
    static let longest = 800

    private static let mostLiterals = 286
    private static let mostDistances = 30
    private static let endOfBlock = 256

    private let output = UnsafeMutablePointer<UInt8>.allocate(capacity: limit)
    /// How much of `output` is filled.
    private var produced = 0
    /// Which symbols have a code, each with its length in the lower 4 bits, in the order in which the stream names them.
    private let coded = UnsafeMutablePointer<UInt16>.allocate(capacity: mostLiterals + mostDistances)
    private let lengthTable = UnsafeMutablePointer<UInt8>.allocate(capacity: 128)
    private var literals = PrefixCode(capacity: mostLiterals)
    private var distances = PrefixCode(capacity: mostDistances)

    deinit {
        output.deallocate()
        coded.deallocate()
        lengthTable.deallocate()
    }

    /// The first `limit` bytes of the stream that `input` begins with, or all where there are fewer; valid until the next
    /// call. Nil where the stream is damaged, or `input` ends before them.
    mutating func bytes(of input: UnsafeRawBufferPointer) -> UnsafeBufferPointer<UInt8>? {
        guard input.count >= 2 else { return nil }
        let heading = (Int(input[0]) << 8) + Int(input[1])
        // Deflate, with a window of at most 32 KiB, and nothing that has to be known beforehand.
        guard heading & 0x0F00 == 0x0800, heading >> 12 <= 7, heading & 0x20 == 0, heading % 31 == 0 else { return nil }
        var bits = StreamBits(UnsafeRawBufferPointer(rebasing: input[2...]))
        produced = 0
        var isLast = false
        while !isLast, produced < Self.limit {
            bits.fill()
            guard let kind = bits.take(3) else { return nil }
            isLast = kind & 1 == 1
            let isWhole =
                switch kind >> 1 {
                case 0: copyStored(&bits)
                case 1: inflateFixed(&bits)
                case 2: readCodes(&bits) && inflateCoded(&bits)
                default: false
                }
            guard isWhole else { return nil }
        }
        let head = UnsafeBufferPointer(start: output, count: produced)
        if produced < Self.limit, !Self.isSum(&bits, of: head) { return nil }
        return head
    }

    /// Whether the stream ends in the sum (Adler-32) of all that was in it.
    private static func isSum(_ bits: inout StreamBits, of bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var low: UInt32 = 1
        var high: UInt32 = 0
        // So few bytes need no division.
        for byte in bytes {
            low += UInt32(byte)
            high += low
        }
        bits.align()
        bits.fill()
        guard let sum = bits.take(32) else { return false }
        return UInt32(sum).byteSwapped == (high << 16 | low)
    }

    private mutating func put(_ byte: UInt8) {
        guard produced < Self.limit else { return }
        output[produced] = byte
        produced += 1
    }

    private mutating func copyStored(_ bits: inout StreamBits) -> Bool {
        bits.align()
        bits.fill()
        guard let length = bits.take(16), let inverse = bits.take(16), length == inverse ^ 0xFFFF else { return false }
        for _ in 0..<min(length, Self.limit - produced) {
            bits.fill()
            guard let byte = bits.take(8) else { return false }
            put(UInt8(truncatingIfNeeded: byte))
        }
        return true
    }

    // MARK: Blocks

    private mutating func inflateFixed(_ bits: inout StreamBits) -> Bool {
        while produced < Self.limit {
            bits.fill()
            // The bits of a code come with the most significant first, all else the other way round.
            let code = Int(StreamBits.reversed(bits.next(9), 9))
            let symbol: Int
            let length: Int
            switch code {
            case 0..<96: (symbol, length) = (256 + code >> 2, 7)
            case 96..<384: (symbol, length) = (code >> 1 - 48, 8)
            case 384..<400: (symbol, length) = (280 + code >> 1 - 192, 8)
            default: (symbol, length) = (144 + code - 400, 9)
            }
            guard bits.drop(length) else { return false }
            if symbol < Self.endOfBlock {
                put(UInt8(truncatingIfNeeded: symbol))
                continue
            }
            if symbol == Self.endOfBlock { return true }
            guard symbol < Self.mostLiterals, let count = Self.matchLength(symbol, &bits), let place = bits.take(5),
                copyMatch(count, Int(StreamBits.reversed(place, 5)), &bits)
            else { return false }
        }
        return true
    }

    private mutating func inflateCoded(_ bits: inout StreamBits) -> Bool {
        while produced < Self.limit {
            bits.fill()
            guard let symbol = literals.next(&bits) else { return false }
            if symbol < Self.endOfBlock {
                put(UInt8(truncatingIfNeeded: symbol))
                continue
            }
            if symbol == Self.endOfBlock { return true }
            guard let count = Self.matchLength(symbol, &bits), let place = distances.next(&bits),
                copyMatch(count, place, &bits)
            else { return false }
        }
        return true
    }

    /// How many bytes a symbol of 257 to 285 repeats.
    private static func matchLength(_ symbol: Int, _ bits: inout StreamBits) -> Int? {
        let number = symbol - 257
        if number < 8 { return number + 3 }
        if number == 28 { return 258 }
        let extra = number / 4 - 1
        return bits.take(extra).map { (4 + number % 4) << extra + 3 + $0 }
    }

    /// Repeats bytes that are as far back as the distance's symbol says.
    private mutating func copyMatch(_ count: Int, _ symbol: Int, _ bits: inout StreamBits) -> Bool {
        guard symbol < Self.mostDistances else { return false }
        var distance = symbol + 1
        if symbol >= 4 {
            let extra = symbol / 2 - 1
            guard let more = bits.take(extra) else { return false }
            distance = (2 + symbol % 2) << extra + 1 + more
        }
        guard distance <= produced else { return false }
        for _ in 0..<min(count, Self.limit - produced) { put(output[produced - distance]) }
        return true
    }

    // MARK: Codes of a block's own

    private static let lengthOrder: [UInt8] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

    private mutating func readCodes(_ bits: inout StreamBits) -> Bool {
        guard let more = bits.take(5), let others = bits.take(5), let count = bits.take(4) else { return false }
        let literalCount = more + 257
        let distanceCount = others + 1
        guard literalCount <= Self.mostLiterals, distanceCount <= Self.mostDistances,
            readLengthCode(&bits, count + 4),
            let found = readLengths(&bits, literalCount, literalCount + distanceCount)
        else { return false }
        guard literals.arrange(), distances.arrange() else { return false }
        var hasEnd = false
        for place in 0..<found {
            let entry = coded[place]
            let symbol = Int(entry >> 4)
            hasEnd = hasEnd || symbol == Self.endOfBlock
            if symbol < literalCount {
                literals.add(symbol, entry & 15)
            } else {
                distances.add(symbol - literalCount, entry & 15)
            }
        }
        return hasEnd
    }

    /// The code in which the lengths of the other codes are written. It has to be a whole one.
    private func readLengthCode(_ bits: inout StreamBits, _ count: Int) -> Bool {
        // For each length the set of symbols that have it.
        var symbols = SIMD8<UInt32>()
        for place in 0..<count {
            bits.fill(3)
            guard let length = bits.take(3) else { return false }
            symbols[length] |= 1 << UInt32(Self.lengthOrder[place])
        }
        // The table is looked into by bits as they come, and codes are given out by bits in the opposite order.
        var filled = 0
        for length in 1...7 {
            while symbols[length] != 0 {
                guard filled < 128 else { return false }
                let symbol = symbols[length].trailingZeroBitCount
                var place = StreamBits.reversed(filled, 7)
                while place < 128 {
                    lengthTable[place] = UInt8(symbol << 3 | length)
                    place += 1 << length
                }
                filled += 128 >> length
                symbols[length] &= symbols[length] - 1
            }
        }
        return filled == 128
    }

    /// Fills `coded` with `total` symbols, the first `literalCount` of which are literals; how many have a code.
    private func readLengths(_ bits: inout StreamBits, _ literalCount: Int, _ total: Int) -> Int? {
        literals.start()
        distances.start()
        var found = 0
        var symbol = 0
        var last = 0
        while symbol < total {
            bits.fill(14)
            let entry = lengthTable[bits.next(7)]
            guard bits.drop(Int(entry & 7)) else { return nil }
            let what = Int(entry >> 3)
            if what < 16 {
                last = what
                // Without a branch: which symbols have a code is hard to foretell.
                coded[found] = UInt16(symbol << 4 | last)
                found += last == 0 ? 0 : 1
                if symbol < literalCount { literals.count(last) } else { distances.count(last) }
                symbol += 1
                continue
            }
            if what > 16 {
                guard let more = bits.take(what == 17 ? 3 : 7) else { return nil }
                last = 0
                symbol += (what == 17 ? 3 : 11) + more
                continue
            }
            guard symbol > 0, let more = bits.take(2), symbol + 3 + more <= total else { return nil }
            if last == 0 {
                symbol += 3 + more
                continue
            }
            for _ in 0..<(3 + more) {
                coded[found] = UInt16(symbol << 4 | last)
                if symbol < literalCount { literals.count(last) } else { distances.count(last) }
                found += 1
                symbol += 1
            }
        }
        return symbol == total ? found : nil
    }
}

/// A code in which no code is the beginning of another, told by the codes' lengths alone.
private struct PrefixCode: ~Copyable {
    /// By length; 0 is not used.
    private let counts = UnsafeMutablePointer<UInt16>.allocate(capacity: 16)
    /// Where the next symbol of a length goes.
    private let places = UnsafeMutablePointer<UInt16>.allocate(capacity: 16)
    /// By length, and those of one length by number.
    private let symbols: UnsafeMutablePointer<UInt16>

    init(capacity: Int) {
        symbols = .allocate(capacity: capacity)
        symbols.initialize(repeating: 0, count: capacity)
        places.initialize(repeating: 0, count: 16)
        start()
    }

    deinit {
        counts.deallocate()
        places.deallocate()
        symbols.deallocate()
    }

    func start() { counts.initialize(repeating: 0, count: 16) }

    func count(_ length: Int) { counts[Int(length & 15)] += 1 }

    /// False where the lengths are of no code. Only a code of one bit at most may lack some, as in zlib.
    func arrange() -> Bool {
        var left = 1
        var place: UInt16 = 0
        var longest = 0
        for length in 1..<16 {
            left = left * 2 - Int(counts[length])
            guard left >= 0 else { return false }
            if counts[length] > 0 { longest = length }
            places[length] = place
            place += counts[length]
        }
        return left == 0 || longest <= 1
    }

    func add(_ symbol: Int, _ length: UInt16) {
        let place = places[Int(length & 15)]
        places[Int(length & 15)] = place + 1
        symbols[Int(place)] = UInt16(truncatingIfNeeded: symbol)
    }

    /// Nil where the next bits are no code.
    func next(_ bits: inout StreamBits) -> Int? {
        var rest = bits.next(15)
        // The first code of a length, and where in `symbols` its symbol is.
        var first = 0
        var place = 0
        var code = 0
        for length in 1..<16 {
            code |= rest & 1
            rest >>= 1
            let count = Int(counts[length])
            if code - first < count { return bits.drop(length) ? Int(symbols[place + code - first]) : nil }
            place += count
            first = (first + count) << 1
            code <<= 1
        }
        return nil
    }
}

/// The bits of a stream, the least significant of each byte first.
private struct StreamBits {
    private let input: UnsafeRawBufferPointer
    private var place = 0
    private var held: UInt64 = 0
    /// How many bits of `held` were not taken. Those above are zero, or what comes next.
    private var count = 0

    init(_ input: UnsafeRawBufferPointer) {
        self.input = input
    }

    /// Sees to it that 56 bits are held, which are enough for one symbol with all that belongs to it; fewer at the end.
    @inline(__always) mutating func fill(_ wanted: Int = 56) {
        if count < wanted { refill() }
    }

    private mutating func refill() {
        if place + 8 <= input.count {
            held |= UInt64(littleEndian: input.loadUnaligned(fromByteOffset: place, as: UInt64.self)) &<< UInt64(count)
            let more = (63 - count) >> 3
            place += more
            count += more * 8
            return
        }
        while count <= 56, place < input.count {
            held |= UInt64(input[place]) &<< UInt64(count)
            place += 1
            count += 8
        }
    }

    /// The next bits, whether they are held or not.
    func next(_ wanted: Int) -> Int { Int(truncatingIfNeeded: held & (1 &<< UInt64(wanted) - 1)) }

    mutating func drop(_ wanted: Int) -> Bool {
        guard wanted <= count else { return false }
        held &>>= UInt64(wanted)
        count -= wanted
        return true
    }

    mutating func take(_ wanted: Int) -> Int? {
        let bits = next(wanted)
        return drop(wanted) ? bits : nil
    }

    /// Goes on at the next whole byte.
    mutating func align() { _ = drop(count & 7) }

    /// The lowest `width` bits, at most 9, in the opposite order.
    static func reversed(_ bits: Int, _ width: Int) -> Int {
        var bits = bits << (16 - width)
        bits = (bits & 0xAAAA) >> 1 | (bits & 0x5555) << 1
        bits = (bits & 0xCCCC) >> 2 | (bits & 0x3333) << 2
        bits = (bits & 0xF0F0) >> 4 | (bits & 0x0F0F) << 4
        return bits >> 8 | (bits & 0xFF) << 8
    }
}
