// Media types: what a header says and what a body looks like. Does not know how bodies of a type are compared.
import BuildEngine

/// A media type such as `application/hal+json; charset=utf-8`.
struct ContentType: Sendable {
    /// Both in small letters.
    let type: String
    let subtype: String
    /// Names in small letters, in the order of the text.
    let parameters: [(name: String, value: String)]

    /// Nil where the text is no media type.
    init?(_ text: String) {
        let parts = text.parts(separatedBy: UInt8(ascii: ";"))
        let halves = (parts.first ?? "").trimmed.asciiLowercased.parts(separatedBy: UInt8(ascii: "/"))
        guard halves.count == 2, !halves[0].isEmpty, !halves[1].isEmpty else { return nil }
        type = halves[0]
        subtype = halves[1]
        parameters = parts.dropFirst().compactMap { part in
            let pair = part.utf8.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
                .map { String(decoding: $0, as: UTF8.self).trimmed }
            guard pair.count == 2 else { return nil }
            return (pair[0].asciiLowercased, Self.unquoted(pair[1]))
        }
    }

    private static func unquoted(_ text: String) -> String {
        let bytes = Array(text.utf8)
        guard bytes.count >= 2, bytes.first == UInt8(ascii: "\""), bytes.last == UInt8(ascii: "\"") else { return text }
        return String(decoding: bytes[1..<(bytes.count - 1)], as: UTF8.self)
    }

    /// Without parameters.
    var base: String { "\(type)/\(subtype)" }

    /// With parameters in the order of their names: the same for two spellings of one type.
    var canonical: String {
        let sorted = parameters.sorted { $0.name < $1.name }
        return base + sorted.map { ";\($0.name)=\($0.value)" }.joined()
    }

    func parameter(_ name: String) -> String? { parameters.first { $0.name == name }?.value }

    var isJSON: Bool {
        subtype == "json" || subtype.hasSuffix("+json")
            || ["json-rpc", "jsonrequest", "graphql+json"].contains(subtype)
    }
    var isXML: Bool { subtype == "xml" || subtype.hasSuffix("+xml") }
    var isForm: Bool { base == "application/x-www-form-urlencoded" }
    var isMultipart: Bool { type == "multipart" }
    var isText: Bool { type == "text" }
    /// Bytes that are compared as such.
    var isBinary: Bool {
        ["image", "audio", "video", "font"].contains(type)
            || ["application/octet-stream", "application/pdf", "application/zip", "application/gzip"].contains(base)
            || subtype.hasSuffix("protobuf") || subtype.hasSuffix("grpc")
    }

    func isEquivalent(to other: ContentType) -> Bool { base == other.base }
}

// MARK: - Looking at bytes

extension ContentType {
    /// What the first bytes say; nil where they say nothing.
    static func detect(_ bytes: [UInt8]) -> String? {
        if let magic = magic(bytes) { return magic }
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        let start = text.trimmed
        if start.isEmpty { return nil }
        if start.hasPrefix("<?xml") { return "application/xml" }
        let small = String(start.prefix(14)).asciiLowercased
        if small.hasPrefix("<!doctype html") || small.hasPrefix("<html") { return "text/html" }
        if start.hasPrefix("<"), (try? XMLDocument.parse(bytes)) != nil { return "application/xml" }
        if (try? JSONTree.parse(bytes)) != nil { return "application/json" }
        return "text/plain"
    }

    /// By the numbers that formats of binary files begin with.
    private static func magic(_ bytes: [UInt8]) -> String? {
        func starts(_ prefix: [UInt8], at offset: Int = 0) -> Bool {
            bytes.count >= offset + prefix.count && bytes[offset..<(offset + prefix.count)].elementsEqual(prefix)
        }
        func starts(_ text: String, at offset: Int = 0) -> Bool { starts(Array(text.utf8), at: offset) }
        if starts([0xFF, 0xD8, 0xFF]) { return "image/jpeg" }
        if starts([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) { return "image/png" }
        if starts("GIF87a") || starts("GIF89a") { return "image/gif" }
        if starts("RIFF"), starts("WEBP", at: 8) { return "image/webp" }
        if starts("RIFF"), starts("WAVE", at: 8) { return "audio/x-wav" }
        if starts("BM"), bytes.count > 14, !bytes.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) { return "image/bmp" }
        if starts([0x49, 0x49, 0x2A, 0x00]) || starts([0x4D, 0x4D, 0x00, 0x2A]) { return "image/tiff" }
        if starts([0x00, 0x00, 0x01, 0x00]) { return "image/vnd.microsoft.icon" }
        if starts("%PDF-") { return "application/pdf" }
        if starts([0x50, 0x4B, 0x03, 0x04]) || starts([0x50, 0x4B, 0x05, 0x06]) { return "application/zip" }
        if starts([0x1F, 0x8B]) { return "application/gzip" }
        if starts("BZh") { return "application/x-bzip2" }
        if starts([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]) { return "application/x-xz" }
        if starts([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C]) { return "application/x-7z-compressed" }
        if starts("ID3") || starts([0xFF, 0xFB]) { return "audio/mpeg" }
        if starts("OggS") { return "audio/ogg" }
        if starts("fLaC") { return "audio/x-flac" }
        if starts("ftyp", at: 4) { return "video/mp4" }
        if starts([0x1A, 0x45, 0xDF, 0xA3]) { return "video/webm" }
        if starts("SQLite format 3\u{0}") { return "application/vnd.sqlite3" }
        if starts([0x7F, 0x45, 0x4C, 0x46]) { return "application/x-executable" }
        if starts([0x00, 0x61, 0x73, 0x6D]) { return "application/wasm" }
        return nil
    }
}
