// One stack file brought to one form: lists and mappings that say the same become the same, texts become what their place
// takes. Does not know other files.
import BuildEngine

/// A value that does not fit its place.
struct ComposeShapeError: Error {
    let message: String
    let range: Range<Int>
}

enum ComposeShape {
    /// The document with numbers and truth values where these belong.
    static func typed(_ tree: JSONTree, at path: [String] = []) throws(ComposeShapeError) -> JSONTree {
        switch tree.content {
        case .object(let members):
            var typed: [JSONTree.Member] = []
            for member in members {
                let value = try self.typed(member.value, at: path + [member.name])
                typed.append(JSONTree.Member(name: member.name, offset: member.offset, value: value))
            }
            return JSONTree(.object(typed), range: tree.range)
        case .array(let elements):
            var typed: [JSONTree] = []
            for element in elements { typed.append(try self.typed(element, at: path + ["[]"])) }
            return JSONTree(.array(typed), range: tree.range)
        case .string(let text):
            guard let kind = ComposeKeys.scalar(at: ComposeKeys.place(path)) else { return tree }
            return try scalar(text, kind, tree.range, path)
        default: return tree
        }
    }

    private static func scalar(
        _ text: String, _ kind: ComposeKeys.Scalar, _ range: Range<Int>, _ path: [String]
    ) throws(ComposeShapeError) -> JSONTree {
        let place = path.last ?? ""
        switch kind {
        case .whole:
            guard let value = Int(text) else {
                throw ComposeShapeError(message: "'\(place)' takes a whole number, and not '\(text)'", range: range)
            }
            return JSONTree(.number("\(value)"), range: range)
        case .number:
            guard VariableType.number.problem(with: text) == nil else {
                throw ComposeShapeError(message: "'\(place)' takes a number, and not '\(text)'", range: range)
            }
            return JSONTree(.number(text), range: range)
        case .bool:
            let small = String(decoding: text.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
            if ["y", "yes", "true", "on"].contains(small) { return JSONTree(.bool(true), range: range) }
            if ["n", "no", "false", "off"].contains(small) { return JSONTree(.bool(false), range: range) }
            throw ComposeShapeError(message: "'\(place)' takes true or false, and not '\(text)'", range: range)
        }
    }

    /// A service's entry with one form for what Compose writes in two.
    static func normalised(_ entry: JSONTree) throws(ComposeShapeError) -> JSONTree {
        var result = entry
        for name in ["environment", "labels", "annotations", "sysctls"] {
            guard let value = entry.member(name) else { continue }
            result = result.setting(name, try mapping(value, name, separator: "=", texts: true))
        }
        if let value = entry.at("deploy", "labels"), let deploy = entry.member("deploy") {
            let labels = try mapping(value, "labels", separator: "=", texts: true)
            result = result.setting("deploy", deploy.setting("labels", labels))
        }
        if let value = entry.member("extra_hosts"), value.elements == nil, let members = value.members {
            let lines = members.map { JSONTree.string("\($0.name):\($0.value.scalarText ?? "")") }
            result = result.setting("extra_hosts", JSONTree(.array(lines), range: value.range))
        }
        for name in ["dns", "dns_search", "dns_opt", "tmpfs", "env_file"] {
            if let value = entry.member(name), value.text != nil || (name == "env_file" && value.members != nil) {
                result = result.setting(name, JSONTree(.array([value]), range: value.range))
            }
        }
        if let list = entry.member("depends_on")?.elements {
            let members = list.compactMap(\.text).map {
                JSONTree.Member(name: $0, value: .object([("condition", .string("service_started"))]))
            }
            result = result.setting("depends_on", JSONTree(.object(members)))
        }
        if let list = entry.member("networks")?.elements {
            result = result.setting(
                "networks",
                JSONTree(.object(list.compactMap(\.text).map { JSONTree.Member(name: $0, value: JSONTree(.null)) })))
        }
        return result
    }

    /// `[A=1, B]` as `{A: "1", B: null}`; the values of either form as texts.
    static func mapping(
        _ value: JSONTree, _ place: String, separator: Character, texts: Bool
    ) throws(ComposeShapeError) -> JSONTree {
        var members: [JSONTree.Member] = []
        switch value.content {
        case .null: return JSONTree(.object([]), range: value.range)
        case .object(let given):
            for member in given {
                guard let text = member.value.scalarText else {
                    guard member.value.isNull else {
                        throw ComposeShapeError(
                            message: "'\(member.name)' in '\(place)' is neither a text nor a number",
                            range: member.value.range)
                    }
                    members.append(member)
                    continue
                }
                let value = JSONTree(.string(text), range: member.value.range)
                members.append(JSONTree.Member(name: member.name, offset: member.offset, value: value))
            }
        case .array(let elements):
            for element in elements {
                guard let text = element.scalarText else {
                    throw ComposeShapeError(
                        message: "'\(place)' takes lines NAME=VALUE or a mapping", range: element.range)
                }
                let parts = text.split(separator: separator, maxSplits: 1, omittingEmptySubsequences: false)
                let value: JSONTree.Content = parts.count > 1 ? .string(String(parts[1])) : .null
                let member = JSONTree.Member(
                    name: String(parts[0]), offset: element.range.lowerBound,
                    value: JSONTree(value, range: element.range))
                members.removeAll { $0.name == member.name }
                members.append(member)
            }
        default:
            throw ComposeShapeError(message: "'\(place)' takes lines NAME=VALUE or a mapping", range: value.range)
        }
        return JSONTree(.object(members), range: value.range)
    }
}
