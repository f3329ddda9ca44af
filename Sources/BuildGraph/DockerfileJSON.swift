// The exec form of a Dockerfile's instructions. Does not know which instructions have one.
import Buildfile

/// The exec form: a JSON array of strings (RFC 8259).
enum DockerfileJSON {
    /// Nil unless `text` is such an array; then docker reads it in the shell form.
    static func strings(_ text: SpannedBytes) -> [SpannedBytes]? {
        let bytes = text.bytes
        var index = 0
        func skipSpace() { while index < bytes.count, bytes[index].isDockerSpace { index += 1 } }
        func take(_ byte: UInt8) -> Bool {
            skipSpace()
            guard index < bytes.count, bytes[index] == byte else { return false }
            index += 1
            return true
        }
        guard take(UInt8(ascii: "[")) else { return nil }
        var strings: [SpannedBytes] = []
        if take(UInt8(ascii: "]")) {
            skipSpace()
            return index == bytes.count ? [] : nil
        }
        repeat {
            guard take(UInt8(ascii: "\"")), let string = string(text, from: &index) else { return nil }
            strings.append(string)
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "]")) else { return nil }
        skipSpace()
        return index == bytes.count ? strings : nil
    }

    /// The rest of a string behind its opening quote.
    private static func string(_ text: SpannedBytes, from index: inout Int) -> SpannedBytes? {
        var string = SpannedBytes(text.source)
        while index < text.bytes.count {
            let byte = text.bytes[index]
            let offset = text.offsets[index]
            index += 1
            var piece = [byte]
            if byte == UInt8(ascii: "\"") { return string }
            if byte < 0x20 { return nil }
            if byte == UInt8(ascii: "\\") {
                guard let character = escaped(text.bytes, from: &index) else { return nil }
                piece = character
            }
            string.bytes.append(contentsOf: piece)
            string.offsets.append(contentsOf: Array(repeating: offset, count: piece.count))
        }
        return nil
    }

    private static func escaped(_ bytes: [UInt8], from index: inout Int) -> [UInt8]? {
        guard index < bytes.count else { return nil }
        let kind = bytes[index]
        index += 1
        switch kind {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [kind]
        case UInt8(ascii: "b"): return [8]
        case UInt8(ascii: "f"): return [12]
        case UInt8(ascii: "n"): return [10]
        case UInt8(ascii: "r"): return [13]
        case UInt8(ascii: "t"): return [9]
        case UInt8(ascii: "u"):
            guard var value = hex(bytes, from: &index) else { return nil }
            if (0xD800..<0xDC00).contains(value), bytes[index...].starts(with: "\\u".utf8) {
                index += 2
                guard let low = hex(bytes, from: &index), (0xDC00..<0xE000).contains(low) else { return nil }
                value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
            }
            return Array(String(Unicode.Scalar(value) ?? "\u{FFFD}").utf8)
        default: return nil
        }
    }

    private static func hex(_ bytes: [UInt8], from index: inout Int) -> UInt32? {
        guard index + 4 <= bytes.count else { return nil }
        let value = UInt32(String(decoding: bytes[index..<(index + 4)], as: UTF8.self), radix: 16)
        index += 4
        return value
    }
}
