// What curl is told, as text of its configuration files. Does not know what any setting does.
import BuildGraph

/// Settings in the form in which curl reads them from its standard input.
struct CurlSettings {
    private(set) var bytes: [UInt8] = []

    /// A setting without a value.
    mutating func say(_ flag: String) { bytes += Array(flag.utf8) + [UInt8(ascii: "\n")] }

    mutating func say(_ name: String, _ value: String) { say(name, BytePath(value)) }

    /// Quoted as curl's configuration has values.
    mutating func say(_ name: String, _ value: BytePath) {
        bytes += Array("\(name) = \"".utf8)
        for byte in value.bytes {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case 0x0A: bytes += Array("\\n".utf8)
            case 0x0D: bytes += Array("\\r".utf8)
            case 0x09: bytes += Array("\\t".utf8)
            case 0x0B: bytes += Array("\\v".utf8)
            default: bytes.append(byte)
            }
        }
        bytes += Array("\"\n".utf8)
    }

    /// As curl has durations, never 0, which means for ever.
    static func seconds(_ limit: Duration) -> String {
        let parts = limit.components
        let milliseconds = max(1, parts.seconds * 1000 + parts.attoseconds / 1_000_000_000_000_000)
        return "\(milliseconds / 1000).\(String(1000 + milliseconds % 1000).dropFirst())"
    }

    /// What of `environment` curl may see: proxies and certificates.
    static func passedOn(_ environment: [String: String]) -> [String: String] {
        let names = [
            "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY",
            "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE",
        ]
        return environment.filter { names.contains($0.key) }.merging(["PATH": "/usr/bin:/bin"]) { $1 }
    }
}
