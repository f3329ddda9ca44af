// The file that pins base images: what stands in it. Does not know registries, nor which images are wanted.
package import Buildfile

/// What `Buildfile.lock` says: which image each name in a `FROM` stands for.
///
/// A line for each, `NAME sha256:…`, sorted by name; lines that begin with `#` and empty ones say nothing. Two branches that pin
/// different images merge by themselves.
package struct BaseImageLock: Sendable, Hashable {
    /// Name as a Dockerfile has it → digest of the manifest, or of the list of manifests for several platforms.
    package var pins: [String: String]

    /// A lock with these pins.
    package init(pins: [String: String] = [:]) { self.pins = pins }

    /// Where it lies in a tree: beside the root Buildfile.
    package static func path(_ settings: ResolutionSettings) -> BytePath {
        guard case .inTree(let buildfile) = settings.root else { return BytePath("Buildfile.lock") }
        return buildfile.parent.appending("Buildfile.lock")
    }

    /// What `source` says, and a mistake (LMS311) for each line that says something else.
    package static func read(_ source: SourceText) -> (lock: BaseImageLock, mistakes: [Diagnostic]) {
        var lock = BaseImageLock()
        var mistakes: [Diagnostic] = []
        var offset = 0
        for line in source.bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            defer { offset += line.count + 1 }
            let text = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
            if text.isEmpty || text.first == UInt8(ascii: "#") { continue }
            let words = text.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
            let span = SourceSpan(source, offset: offset, length: text.count)
            guard words.count == 2, isDigest(words[1]) else {
                mistakes.append(
                    Diagnostic(
                        .badRecord, "this is no pin of a base image", at: span,
                        hint: "'NAME sha256:' and 64 hex digits; 'lmsbuild lock' writes the file"))
                continue
            }
            if lock.pins.updateValue(words[1], forKey: words[0]) != nil {
                mistakes.append(
                    Diagnostic(
                        .badRecord, "'\(words[0])' is pinned twice", at: span, hint: "keep one of the two lines"))
            }
        }
        return (lock, mistakes)
    }

    private static func isDigest(_ word: String) -> Bool {
        word.hasPrefix("sha256:") && SHA256Value(hex: word.dropFirst(7)) != nil
    }

    /// The file's bytes.
    package var bytes: [UInt8] {
        let head =
            "# What base images' names stand for. 'lmsbuild lock' writes this file; it belongs into the repository.\n"
        return Array((head + pins.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)\n" }.joined()).utf8)
    }
}

extension DockerfileInputs {
    /// The images that a build takes from elsewhere under names that may come to stand for others, `prerequisites` being the
    /// build arguments by which images of the workspace arrive. Without those that are not known, or are pinned already.
    package func externalBases(prerequisites: Set<String>) -> [BaseImage] {
        baseImages.filter { base in
            base.isResolved && !base.reference.utf8.contains(UInt8(ascii: "@"))
                && !(base.argumentName.map { prerequisites.contains($0) } ?? false)
        }
    }

    /// The Dockerfile's text with those of `bases` that `pins` names replaced by their digests.
    package static func pinned(_ text: [UInt8], _ bases: [BaseImage], _ pins: [String: String]) -> [UInt8] {
        var text = text
        for base in bases.sorted(by: { $0.span.offset > $1.span.offset }) {
            guard let digest = pins[base.reference], base.span.offset + base.span.length <= text.count else { continue }
            let place = base.span.offset..<(base.span.offset + base.span.length)
            text.replaceSubrange(place, with: Array((withoutTag(base.reference) + "@" + digest).utf8))
        }
        return text
    }

    /// Engines take a tag or a digest, not both.
    private static func withoutTag(_ reference: String) -> String {
        let last = reference.lastIndex(of: "/") ?? reference.startIndex
        guard let colon = reference[last...].firstIndex(of: ":") else { return reference }
        return String(reference[..<colon])
    }
}
