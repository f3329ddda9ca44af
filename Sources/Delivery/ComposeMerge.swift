// Merges overlays by compose-go's rules. Does not know files or variables; what it gets is normalised by ComposeShape.
import BuildEngine

/// What cannot be merged: the place, as people write it.
struct ComposeMergeError: Error {
    let place: String
    let range: Range<Int>
}

enum ComposeMerge {
    /// `base` with `overlay` on top.
    static func merged(
        _ base: JSONTree, _ overlay: JSONTree, at path: [String] = []
    ) throws(ComposeMergeError) -> JSONTree {
        switch rule(ComposeKeys.place(path)) {
        case .replace: return overlay
        case .sameDriver:
            let drivers = [base, overlay].map { $0.member("driver")?.text }
            if let one = drivers[0], let other = drivers[1], one != other { return overlay }
            return try members(base, overlay, path)
        case .unique(let key): return try unique(base, overlay, path, key)
        case .usual: break
        }
        switch (base.content, overlay.content) {
        case (.null, _): return overlay
        case (.object, .object): return try members(base, overlay, path)
        // A key without a value takes nothing away.
        case (.object, .null), (.array, .null): return base
        case (.array(let first), .array(let second)): return JSONTree(.array(first + second), range: overlay.range)
        case (.object, _), (.array, _), (_, .object), (_, .array):
            throw ComposeMergeError(place: path.joined(separator: "."), range: overlay.range)
        default: return overlay
        }
    }

    private static func members(
        _ base: JSONTree, _ overlay: JSONTree, _ path: [String]
    ) throws(ComposeMergeError) -> JSONTree {
        guard let more = overlay.members, base.members != nil else {
            if overlay.isNull { return base }
            if base.isNull { return overlay }
            throw ComposeMergeError(place: path.joined(separator: "."), range: overlay.range)
        }
        var result = base
        for member in more {
            if let known = base.member(member.name) {
                result = result.setting(member.name, try merged(known, member.value, at: path + [member.name]))
            } else {
                result = result.setting(member.name, member.value)
            }
        }
        return result
    }

    private static func unique(
        _ base: JSONTree, _ overlay: JSONTree, _ path: [String], _ key: (JSONTree) -> String?
    ) throws(ComposeMergeError) -> JSONTree {
        if overlay.isNull { return base }
        if base.isNull { return overlay }
        guard let first = base.elements, let second = overlay.elements else {
            throw ComposeMergeError(place: path.joined(separator: "."), range: overlay.range)
        }
        return JSONTree(.array(once(first + second, by: key)), range: overlay.range)
    }

    /// Of several elements with one key the last, in the place of the first.
    static func once(_ elements: [JSONTree], by key: (JSONTree) -> String?) -> [JSONTree] {
        var result: [JSONTree] = []
        var places: [String: Int] = [:]
        for element in elements {
            guard let name = key(element) else {
                result.append(element)
                continue
            }
            if let place = places[name] {
                result[place] = element
            } else {
                places[name] = result.count
                result.append(element)
            }
        }
        return result
    }

    private enum Rule {
        case usual, replace, sameDriver
        case unique((JSONTree) -> String?)
    }

    private static func rule(_ place: String) -> Rule {
        guard place.hasPrefix("services.*.") else { return .usual }
        switch place.dropFirst("services.*.".count) {
        case "command", "entrypoint", "healthcheck.test": return .replace
        case "logging": return .sameDriver
        case "volumes", "devices": return .unique(mountTarget)
        case "ports": return .unique(port)
        case "secrets": return .unique { target($0, "/run/secrets/") }
        case "configs": return .unique { target($0, "/") }
        case "expose", "cap_add", "cap_drop", "dns", "dns_opt", "dns_search", "tmpfs", "external_links", "links",
            "group_add", "security_opt":
            return .unique { $0.scalarText }
        default: return .usual
        }
    }

    /// Where a volume, short or long, is mounted.
    static func mountTarget(_ entry: JSONTree) -> String? {
        if let target = entry.member("target")?.text { return target }
        guard let parts = entry.text?.split(separator: ":", omittingEmptySubsequences: false) else { return nil }
        return parts.count > 1 ? String(parts[1]) : parts.first.map(String.init)
    }

    private static func target(_ entry: JSONTree, _ folder: String) -> String? {
        if let target = entry.member("target")?.text { return target }
        return (entry.text ?? entry.member("source")?.text).map { folder + $0 }
    }

    private static func port(_ entry: JSONTree) -> String? {
        guard entry.members != nil else { return entry.scalarText }
        func part(_ name: String, _ otherwise: String) -> String { entry.member(name)?.scalarText ?? otherwise }
        return "\(part("host_ip", "0.0.0.0")):\(part("published", "")):\(part("target", ""))/\(part("protocol", "tcp"))"
    }
}
