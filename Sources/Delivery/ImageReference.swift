// The name of an image, taken apart as Docker takes it. Does not know registries' answers.

/// `[host[:port]/]path[:tag][@digest]`.
package struct ImageReference: Sendable, Hashable {
    /// `host[:port]`; Docker Hub where the text names none.
    package let host: String
    /// Its path in the registry; `library/NAME` for Docker Hub's own.
    package let repository: String
    /// Nil where the text has none.
    package let tag: String?
    /// `sha256:…`; nil where the text has none.
    package let digest: String?

    /// What names without a host belong to.
    package static let dockerHub = "docker.io"

    /// Nil where `text` is no image's name (the grammar of the distribution project's reference, in lower case).
    package init?(_ text: String) {
        var rest = text[...]
        var digest: String?
        if let at = rest.firstIndex(of: "@") {
            digest = String(rest[rest.index(after: at)...])
            rest = rest[..<at]
        }
        var tag: String?
        let name = rest.lastIndex(of: "/").map { rest.index(after: $0) } ?? rest.startIndex
        if let colon = rest[name...].firstIndex(of: ":") {
            tag = String(rest[rest.index(after: colon)...])
            rest = rest[..<colon]
        }
        var host = Self.dockerHub
        if let slash = rest.firstIndex(of: "/"), Self.isHost(rest[..<slash]) {
            host = String(rest[..<slash])
            rest = rest[rest.index(after: slash)...]
        }
        if host == "index.docker.io" || host == "registry-1.docker.io" { host = Self.dockerHub }
        let path = host == Self.dockerHub && !rest.contains("/") ? "library/" + rest : String(rest)
        guard Self.isPath(path), tag.map(Self.isTag) ?? true, digest.map(Self.isDigest) ?? true,
            let first = host.utf8.first, first.isNameByte || first == 0x5B || (0x41...0x5A).contains(first),
            host.utf8.allSatisfy({ $0.isNameByte || ".-:[]".utf8.contains($0) || (0x41...0x5A).contains($0) })
        else { return nil }
        self.host = host
        repository = path
        self.tag = tag
        self.digest = digest
    }

    /// `host/repository`.
    package var name: String { host + "/" + repository }

    /// What a registry is asked for: the digest, else the tag, else `latest`.
    package var version: String { digest ?? tag ?? "latest" }

    private static func isHost(_ part: Substring) -> Bool {
        part == "localhost" || part.contains(".") || part.contains(":")
    }

    private static func isPath(_ path: String) -> Bool {
        !path.isEmpty && path.utf8.count <= 255
            && path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
                guard let first = part.utf8.first, let last = part.utf8.last else { return false }
                return first.isNameByte && last.isNameByte
                    && part.utf8.allSatisfy { $0.isNameByte || "._-".utf8.contains($0) }
            }
    }

    static func isTag(_ tag: String) -> Bool {
        guard let first = tag.utf8.first, tag.utf8.count <= 128 else { return false }
        func isWord(_ byte: UInt8) -> Bool { byte.isNameByte || byte == 0x5F || (0x41...0x5A).contains(byte) }
        return isWord(first) && tag.utf8.allSatisfy { isWord($0) || ".-".utf8.contains($0) }
    }

    /// Only SHA-256, which every registry has.
    static func isDigest(_ digest: String) -> Bool {
        digest.hasPrefix("sha256:") && digest.utf8.count == 71
            && digest.utf8.dropFirst(7).allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}

extension UInt8 {
    fileprivate var isNameByte: Bool { (0x30...0x39).contains(self) || (0x61...0x7A).contains(self) }
}
