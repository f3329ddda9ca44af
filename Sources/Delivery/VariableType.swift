// What a variable's value may be. Does not know where values come from.
import BuildEngine

/// The types of the schema.
package enum VariableType: String, Sendable, CaseIterable {
    case text, int, number, bool, url, host, port, path, duration, json

    /// What is wrong with `value`, to follow its name: "is no port (1 to 65535)"; nil where nothing is. The value is
    /// not part of it, so that it may be said of secrets, too.
    package func problem(with value: String) -> String? {
        let bytes = Array(value.utf8)
        switch self {
        case .text: return bytes.contains(0) ? "holds a NUL byte" : nil
        case .int: return Int(value) == nil ? "is no whole number" : nil
        case .number:
            let isNumber = (try? JSONTree.parse(bytes)).map { if case .number = $0.content { true } else { false } }
            return isNumber == true ? nil : "is no number"
        case .bool:
            let known = ["true", "false", "yes", "no", "on", "off", "1", "0"]
            return known.contains(value) ? nil : "is neither true nor false"
        case .url: return Self.isURL(bytes) ? nil : "is no URL (scheme://host…)"
        case .host: return Self.isHost(bytes) ? nil : "is no host name or address"
        case .port:
            let isPort = !bytes.isEmpty && bytes.allSatisfy(\.isDecimal) && (1...65535).contains(Int(value) ?? 0)
            return isPort ? nil : "is no port (1 to 65535)"
        case .path: return bytes.isEmpty || bytes.contains(0) ? "is no path" : nil
        case .duration: return GoDuration.milliseconds(value) == nil ? "is no duration (such as 500ms or 1m30s)" : nil
        case .json: return (try? JSONTree.parse(bytes)) == nil ? "is no JSON" : nil
        }
    }

    private static func isURL(_ bytes: [UInt8]) -> Bool {
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), let first = bytes.first, first.isAlpha,
            bytes[..<colon].allSatisfy({ $0.isAlpha || $0.isDecimal || "+-.".utf8.contains($0) }),
            bytes[colon...].starts(with: "://".utf8)
        else { return false }
        let rest = bytes[(colon + 3)...]
        return !rest.isEmpty && rest.first != UInt8(ascii: "/") && !rest.contains { $0 <= 0x20 || $0 == 0x7F }
    }

    private static func isHost(_ bytes: [UInt8]) -> Bool {
        guard !bytes.isEmpty, bytes.count <= 253 else { return false }
        if bytes.contains(UInt8(ascii: ":")) {
            return bytes.allSatisfy { $0.isDecimal || $0 == UInt8(ascii: ":") || (0x61...0x66).contains($0 | 0x20) }
        }
        return bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { label in
            !label.isEmpty && label.count <= 63 && label.first != UInt8(ascii: "-") && label.last != UInt8(ascii: "-")
                && label.allSatisfy { $0.isAlpha || $0.isDecimal || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
        }
    }
}
