// Where two images differ: the first layer, and the first path in it. Does not know where they come from.
package import BuildGraph

/// The first difference of two layers.
package struct LayerDifference: Sendable, Hashable {
    package let path: BytePath
    /// What of it differs, for people: `content`, `mode 0644 -> 0755`, `only in the first`, …
    package let what: String

    /// The first path in which the entries of one layer differ from those of another; nil where they are the same entries
    /// in the same order.
    package static func first(_ old: [TarEntry], _ new: [TarEntry]) -> LayerDifference? {
        // Of a path that a layer has twice, the last entry counts.
        let before = Dictionary(old.map { ($0.path, $0) }, uniquingKeysWith: { $1 })
        let after = Dictionary(new.map { ($0.path, $0) }, uniquingKeysWith: { $1 })
        for path in Set(before.keys).union(after.keys).sorted() {
            guard let was = before[path] else { return LayerDifference(path: path, what: "only in the second") }
            guard let now = after[path] else { return LayerDifference(path: path, what: "only in the first") }
            if let what = difference(was, now) { return LayerDifference(path: path, what: what) }
        }
        guard let place = zip(old, new).first(where: { $0.path != $1.path }) else {
            return old.count == new.count ? nil : LayerDifference(path: .root, what: "an entry is there twice")
        }
        return LayerDifference(path: place.1.path, what: "its place in the archive")
    }

    private static func difference(_ old: TarEntry, _ new: TarEntry) -> String? {
        if old == new { return nil }
        var parts: [String] = []
        if old.kind != new.kind { parts.append("kind") }
        if old.content != new.content { parts.append("content") }
        if old.mode != new.mode { parts.append("mode \(octal(old.mode)) -> \(octal(new.mode))") }
        if (old.user, old.group) != (new.user, new.group) {
            parts.append("owner \(old.user):\(old.group) -> \(new.user):\(new.group)")
        }
        if old.time != new.time { parts.append("time \(old.time) -> \(new.time)") }
        if old.target != new.target { parts.append("target '\(old.target.shown)' -> '\(new.target.shown)'") }
        if old.further != new.further {
            let keys = Set(old.further.keys).union(new.further.keys).sorted().filter {
                old.further[$0] != new.further[$0]
            }
            parts.append(keys.map { BytePath($0).shown }.joined(separator: ", "))
        }
        return parts.joined(separator: ", ")
    }

    private static func octal(_ mode: Int) -> String {
        let digits = String(mode, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}

/// Where two images differ.
package struct ImageDifference: Sendable, Hashable {
    /// The first layer that differs, counted from 1; nil where only the configuration or the manifest does.
    package var layer: Int?
    /// How many layers each has.
    package var layers: (old: Int, new: Int) = (0, 0)
    /// The first path in it, or the member of the configuration; nil where it cannot be told.
    package var path: BytePath?
    /// What of it differs, or why nothing can be told.
    package var what = ""

    package static func == (left: ImageDifference, right: ImageDifference) -> Bool {
        (left.layer, left.path, left.what) == (right.layer, right.path, right.what) && left.layers == right.layers
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(layer)
        hasher.combine(path)
    }

    /// By the layers' ids alone: `old` and `new` are `diff_ids`.
    package init(layers old: [String], _ new: [String]) {
        layers = (old.count, new.count)
        if let place = zip(old, new).enumerated().first(where: { $0.element.0 != $0.element.1 })?.offset {
            layer = place + 1
        } else if old.count != new.count {
            layer = min(old.count, new.count) + 1
            what = "only one of them has it"
        }
    }

    /// Looks into both images, unpacked into the absolute folders by `EngineImages.unpack`.
    package mutating func look(into old: BytePath, _ new: BytePath) {
        guard let before = Self.manifest(old), let after = Self.manifest(new) else {
            what = "a manifest cannot be read"
            return
        }
        guard let layer else {
            tellConfiguration((old, before), (new, after))
            return
        }
        guard let first = Self.layer(before, layer - 1, in: old), let second = Self.layer(after, layer - 1, in: new)
        else {
            return
        }
        do throws(TarError) {
            let found = LayerDifference.first(try TarReader.entries(of: first), try TarReader.entries(of: second))
            (path, what) = (found?.path, found?.what ?? "the same entries, packed in another way")
        } catch {
            what = "the layer cannot be looked into: \(error.reason)"
        }
    }

    private mutating func tellConfiguration(_ old: (BytePath, ImageJSON), _ new: (BytePath, ImageJSON)) {
        if let before = Self.file(old.1["config"], in: old.0).flatMap({ ImageContext.read($0) }),
            let after = Self.file(new.1["config"], in: new.0).flatMap({ ImageContext.read($0) }),
            let one = ImageJSON(before), let other = ImageJSON(after), let member = Self.difference(one, other, [])
        {
            (path, what) = (BytePath("config." + member), "the image's configuration")
        } else if let member = Self.difference(old.1, new.1, []) {
            (path, what) = (BytePath("manifest." + member), "the image's manifest")
        } else {
            what = "the images are the same"
        }
    }

    /// The names of the members that lead to the first difference.
    private static func difference(_ old: ImageJSON, _ new: ImageJSON, _ above: [String]) -> String? {
        if old == new { return nil }
        switch (old, new) {
        case (.object(let before), .object(let after)):
            let names = before.map(\.name) + after.map(\.name).filter { name in !before.contains { $0.name == name } }
            for name in names {
                let found = difference(
                    before.first { $0.name == name }?.value ?? .null, after.first { $0.name == name }?.value ?? .null,
                    above + [name])
                if let found { return found }
            }
        case (.array(let before), .array(let after)) where before.count == after.count:
            for (place, pair) in zip(before, after).enumerated() {
                if let found = difference(pair.0, pair.1, above + ["\(place)"]) { return found }
            }
        default: break
        }
        return above.joined(separator: ".")
    }

    private static func manifest(_ folder: BytePath) -> ImageJSON? {
        ImageContext.read(folder.appending("manifest.json")).flatMap { ImageJSON($0) }
    }

    private static func layer(_ manifest: ImageJSON, _ place: Int, in folder: BytePath) -> BytePath? {
        file(manifest["layers"]?[place], in: folder)
    }

    /// The file of what a descriptor names.
    private static func file(_ descriptor: ImageJSON?, in folder: BytePath) -> BytePath? {
        guard let digest = descriptor?["digest"]?.text, digest.hasPrefix("sha256:"),
            let hash = SHA256Value(hex: digest.dropFirst(7))
        else { return nil }
        return folder.appending(BytePath(hash.hex))
    }
}
