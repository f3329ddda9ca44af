// Reads stack files: YAML, variables, one form, `extends`, overlays. Does not know what the services are for, nor where the
// values of variables come from.
import BuildEngine
import BuildGraph
import Buildfile

/// Reads one file after the other.
struct StackReader {
    let around: StackSurroundings
    var diagnostics: [Diagnostic] = []
    var mentions: [StackMention] = []
    var settings: [StackSetting] = []
    var taken: Set<String> = []
    /// Where each service, config and secret is first declared: `services.web`.
    var places: [String: SourceSpan] = [:]
    private var reading: [String] = []

    init(around: StackSurroundings) {
        self.around = around
    }

    mutating func report(_ message: String, _ source: SourceText, _ range: Range<Int>, hint: String? = nil) {
        let span = SourceSpan(source, offset: range.lowerBound, length: min(range.count, 200))
        diagnostics.append(Diagnostic(.badStack, message, at: span, hint: hint))
    }

    /// The file as one tree, plain and with its services in one form; nil (and a diagnostic) where it cannot be read.
    mutating func document(_ path: BytePath, named span: SourceSpan?) -> (tree: JSONTree, source: SourceText)? {
        guard let bytes = around.read(path) else {
            diagnostics.append(
                Diagnostic(
                    .badStack, "there is no file '\(path.shown)'", at: span,
                    hint: "files that git ignores don't count"))
            return nil
        }
        let source = SourceText(name: path.shown, bytes: bytes)
        let tree: JSONTree
        do throws(YAMLError) {
            tree = try YAMLReader.parse(bytes, as: .stack)
        } catch {
            report(
                error.message, source, error.offset..<error.offset + 1, hint: error.expected.map { "expected: \($0)" })
            return nil
        }
        guard let members = tree.members else {
            report(
                "a stack is a mapping with 'services'", source, tree.range,
                hint: "write services: and the services below it")
            return nil
        }
        // What begins with x- is there for anchors alone.
        let own = JSONTree(.object(members.filter { !$0.name.hasPrefix("x-") }), range: tree.range)
        checkKeys(own, source, [])
        let plain = interpolated(own, source, [])
        do throws(ComposeShapeError) {
            let typed = try ComposeShape.typed(plain)
            return (services(of: resources(of: typed, path, source), path, source), source)
        } catch {
            report(error.message, source, error.range)
            return nil
        }
    }

    private mutating func checkKeys(_ tree: JSONTree, _ source: SourceText, _ path: [String]) {
        guard let members = tree.members else { return }
        let place = ComposeKeys.place(path)
        let known = ComposeKeys.known(at: place)
        for member in members where !member.name.hasPrefix("x-") {
            let range = member.offset..<member.offset + member.name.utf8.count
            let whole = place.isEmpty ? member.name : "\(place).\(member.name)"
            if let reason = ComposeKeys.refused[whole] {
                report("'\(member.name)' is not supported in a stack", source, range, hint: reason)
            } else if let known, !known.contains(member.name) {
                report(
                    "unknown key '\(member.name)'\(path.isEmpty ? "" : " in '\(path.joined(separator: "."))'")", source,
                    range, hint: nearestWord(to: member.name, among: known.sorted()).map { "did you mean '\($0)'?" })
            }
            checkKeys(member.value, source, path + [member.name])
        }
    }

    // MARK: Variables

    private mutating func interpolated(_ tree: JSONTree, _ source: SourceText, _ path: [String]) -> JSONTree {
        switch tree.content {
        case .object(let members):
            let plain = members.map { member in
                JSONTree.Member(
                    name: member.name, offset: member.offset,
                    value: interpolated(member.value, source, path + [member.name]))
            }
            return JSONTree(.object(plain), range: tree.range)
        case .array(let elements):
            return JSONTree(.array(elements.map { interpolated($0, source, path + ["[]"]) }), range: tree.range)
        case .string(let text):
            note(text, tree.range, source, path)
            do throws(Interpolation.Mistake) {
                return JSONTree(.string(try Interpolation(text, lookup: around.lookup).text), range: tree.range)
            } catch {
                report(error.message, source, place(of: error.range, in: text, tree.range, source), hint: error.hint)
                return tree
            }
        default:
            if let written = tree.scalarText { note(written, tree.range, source, path) }
            return tree
        }
    }

    /// Remembers what `text` mentions, and whose setting it is.
    private mutating func note(_ text: String, _ range: Range<Int>, _ source: SourceText, _ path: [String]) {
        let service = path.count > 1 && path[0] == "services" ? path[1] : nil
        var key: String?
        var written = text
        if path.count == 4, path[2] == "environment" {
            key = path[3]
            if path[3] == "[]" {
                let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                key = String(parts[0])
                written = parts.count > 1 ? String(parts[1]) : ""
            }
        }
        if let service, let key {
            let span = SourceSpan(source, offset: range.lowerBound, length: range.count)
            settings.append(StackSetting(service: service, key: key, written: written, span: span))
        }
        for mention in Interpolation.mentions(in: text) {
            let place = place(of: mention.range, in: text, range, source)
            let span = SourceSpan(source, offset: place.lowerBound, length: place.count)
            mentions.append(
                StackMention(name: mention.name, form: mention.form, span: span, service: service, key: key))
        }
    }

    /// Where a part of a value's text stands in the file: quotes and escapes lie between.
    private func place(
        of part: Range<Int>, in text: String, _ range: Range<Int>, _ source: SourceText
    ) -> Range<Int> {
        let wanted = Array(Array(text.utf8)[part])
        let raw = source.bytes[range.clamped(to: 0..<source.bytes.count)]
        guard let first = wanted.first, raw.count >= wanted.count else { return range }
        var start = raw.startIndex
        var found: Range<Int>?
        while start + wanted.count <= raw.endIndex {
            if raw[start] == first, raw[start..<start + wanted.count].elementsEqual(wanted) {
                found = start..<start + wanted.count
                if start - raw.startIndex >= part.lowerBound { break }
            }
            start += 1
        }
        return found ?? range
    }

    // MARK: Paths and resources

    /// Configs' and secrets' files as seen from the workspace.
    private mutating func resources(of tree: JSONTree, _ path: BytePath, _ source: SourceText) -> JSONTree {
        var result = tree
        for kind in ["configs", "secrets", "networks", "volumes"] {
            guard let members = tree.member(kind)?.members else { continue }
            var changed: [JSONTree.Member] = []
            for member in members {
                let key = "\(kind).\(member.name)"
                if places[key] == nil { places[key] = span(member, source) }
                var value = member.value
                if let file = value.member("file"), let text = file.text, ["configs", "secrets"].contains(kind) {
                    let resolved = resolved(text, path, source, file.range)
                    value = value.setting("file", resolved.map { .string(String(decoding: $0.bytes, as: UTF8.self)) })
                }
                changed.append(JSONTree.Member(name: member.name, offset: member.offset, value: value))
            }
            result = result.setting(kind, JSONTree(.object(changed), range: tree.range))
        }
        return result
    }

    private func span(_ member: JSONTree.Member, _ source: SourceText) -> SourceSpan {
        SourceSpan(source, offset: member.offset, length: member.name.utf8.count)
    }

    /// `text`, written in the file `path`, from the workspace's root.
    private mutating func resolved(
        _ text: String, _ path: BytePath, _ source: SourceText, _ range: Range<Int>
    ) -> BytePath? {
        if text.hasPrefix("/") || text.hasPrefix("~") {
            report("'\(text)' is not in the workspace", source, range, hint: "write a path relative to this file")
            return nil
        }
        if let found = BytePath.resolving(Array(text.utf8), in: path.parent) { return found }
        report("'\(text)' leaves the workspace", source, range, hint: "write a path relative to this file")
        return nil
    }

    // MARK: Services

    private mutating func services(of tree: JSONTree, _ path: BytePath, _ source: SourceText) -> JSONTree {
        guard let services = tree.member("services") else { return tree }
        guard let members = services.members else {
            if !services.isNull { report("'services' takes a mapping", source, services.range) }
            return tree.setting("services", nil)
        }
        var changed: [JSONTree.Member] = []
        for member in members {
            let key = "services.\(member.name)"
            if places[key] == nil { places[key] = span(member, source) }
            guard let value = service(member.name, members, path, source, at: member.value.range) else { continue }
            changed.append(JSONTree.Member(name: member.name, offset: member.offset, value: value))
        }
        return tree.setting("services", JSONTree(.object(changed), range: services.range))
    }

    /// The service called `name` among `members`, with what it extends.
    private mutating func service(
        _ name: String, _ members: [JSONTree.Member], _ path: BytePath, _ source: SourceText, at range: Range<Int>
    ) -> JSONTree? {
        guard let given = members.first(where: { $0.name == name })?.value else {
            report("there is no service '\(name)' to extend", source, range)
            return nil
        }
        guard given.members != nil else {
            report("the service '\(name)' is no mapping", source, given.range, hint: "write its keys below it")
            return nil
        }
        let mark = "\(path.shown):\(name)"
        guard !reading.contains(mark) else {
            report(
                "services extend one another in a circle: \((reading + [mark]).joined(separator: " -> "))", source,
                range)
            return nil
        }
        reading.append(mark)
        defer { reading.removeLast() }
        do {
            let own = try withPaths(ComposeShape.normalised(given), path, source)
            guard let extends = own.member("extends") else { return own }
            let base = base(extends, members, path, source)
            guard let base else { return nil }
            return try ComposeMerge.merged(base, own.setting("extends", nil), at: ["services", name])
        } catch let error as ComposeShapeError {
            report(error.message, source, error.range)
        } catch let error as ComposeMergeError {
            report("'\(error.place)' is of another kind in what this extends", source, error.range)
        } catch {}
        return nil
    }

    private mutating func base(
        _ extends: JSONTree, _ members: [JSONTree.Member], _ path: BytePath, _ source: SourceText
    ) -> JSONTree? {
        guard let name = extends.text ?? extends.member("service")?.text else {
            report(
                "'extends' names no service", source, extends.range, hint: "write extends: {service: NAME, file: PATH}")
            return nil
        }
        guard let file = extends.member("file") else {
            return service(name, members, path, source, at: extends.range)
        }
        guard let other = file.text.flatMap({ resolved($0, path, source, file.range) }) else { return nil }
        let mark = "\(other.shown):\(name)"
        guard !reading.contains(mark), reading.count < 32 else {
            report(
                "services extend one another in a circle: \((reading + [mark]).joined(separator: " -> "))", source,
                extends.range)
            return nil
        }
        let span = SourceSpan(source, offset: file.range.lowerBound, length: file.range.count)
        guard let (tree, otherSource) = document(other, named: span) else { return nil }
        guard let found = tree.at("services", name) else {
            report("'\(otherSource.name)' has no service '\(name)'", source, extends.range)
            return nil
        }
        return found
    }

    /// `entry` with env files as seen from the workspace and bind mounts as absolute paths.
    private mutating func withPaths(_ entry: JSONTree, _ path: BytePath, _ source: SourceText) -> JSONTree {
        var result = entry
        if let files = entry.member("env_file")?.elements {
            let changed = files.compactMap { file -> JSONTree? in
                guard let text = file.text ?? file.member("path")?.text else { return nil }
                guard let found = resolved(text, path, source, file.range) else { return nil }
                let shown = JSONTree(.string(String(decoding: found.bytes, as: UTF8.self)), range: file.range)
                let required = file.member("required") ?? JSONTree(.bool(true))
                return JSONTree(
                    .object([
                        JSONTree.Member(name: "path", offset: file.range.lowerBound, value: shown),
                        JSONTree.Member(name: "required", value: required),
                    ]), range: file.range)
            }
            result = result.setting("env_file", JSONTree(.array(changed)))
        }
        if let volumes = entry.member("volumes")?.elements {
            let changed = volumes.map { volume -> JSONTree in
                if let text = volume.text, text.hasPrefix("."), let colon = text.firstIndex(of: ":"),
                    let absolute = bound(String(text[..<colon]), path, source, volume.range)
                {
                    return JSONTree(.string(absolute + text[colon...]), range: volume.range)
                }
                if volume.member("type")?.text == "bind", let text = volume.member("source")?.text,
                    text.hasPrefix("."), let absolute = bound(text, path, source, volume.range)
                {
                    return volume.setting("source", .string(absolute))
                }
                return volume
            }
            result = result.setting("volumes", JSONTree(.array(changed)))
        }
        return result
    }

    private mutating func bound(
        _ text: String, _ path: BytePath, _ source: SourceText, _ range: Range<Int>
    ) -> String? {
        guard let root = around.root else {
            report(
                "'\(text)' is a folder of this checkout, which the engine's machines do not have", source, range,
                hint: "use a named volume, a config for a file, or an absolute path")
            return nil
        }
        guard let found = resolved(text, path, source, range) else { return nil }
        return String(decoding: root.appending(found).bytes, as: UTF8.self)
    }
}
