// What an edit of a Buildfile may change, by what it declares. Does not resolve anything.
import Buildfile

/// A name that the targets of a component were made with, or would have been had it been declared.
struct AskedName: Sendable, Hashable {
    enum Kind: UInt8, Sendable {
        /// Of the top level; whether it is declared or not.
        case variable, tool, template
    }

    let kind: Kind
    let name: String
}

/// The differences between two versions of a Buildfile that declare the same components.
struct BuildfileEdit {
    /// The Buildfile's, in the tree.
    let path: BytePath?
    let new: ParsedBuildfile
    let shift: SpanShift
    /// Declarations that came, went or differ, which components everywhere may ask for.
    private(set) var names: Set<AskedName> = []
    /// Components whose own block differs, and whether more than rules does.
    private(set) var components: [String: Bool] = [:]
    /// The globs of `services` and `libraries` whose block differs.
    private(set) var globs: Set<String> = []

    /// Nil where more may differ than that: which components or Buildfiles there are, or a mistake.
    init?(from old: ParsedBuildfile, to new: ParsedBuildfile, at path: BytePath) {
        guard old.diagnostics.isEmpty, new.diagnostics.isEmpty,
            let before = Declared(old), let after = Declared(new)
        else { return nil }
        let shift = SpanShift(from: old.source.bytes, to: new.source)
        self.path = path
        self.new = new
        self.shift = shift
        func words(_ directives: [Directive]) -> [[String]] { directives.map { $0.arguments.map(\.text) } }
        guard words(before.includes) == words(after.includes), before.defaults.count == after.defaults.count,
            zip(before.defaults, after.defaults).allSatisfy({ shift.same($0, $1) }),
            before.environments.count == after.environments.count,
            zip(before.environments, after.environments).allSatisfy({ shift.same($0, $1) }),
            before.notifications.count == after.notifications.count,
            zip(before.notifications, after.notifications).allSatisfy({ shift.same($0, $1) }),
            Set(before.components.keys) == Set(after.components.keys)
        else { return nil }
        func differing<Value>(_ one: [String: Value], _ other: [String: Value], _ isSame: (Value, Value) -> Bool)
            -> [String]
        {
            let changed = other.filter { name, value in one[name].map { !isSame($0, value) } ?? true }.map(\.key)
            return changed + one.keys.filter { other[$0] == nil }
        }
        func note(_ kind: AskedName.Kind, _ found: [String]) {
            for name in found { names.insert(AskedName(kind: kind, name: name)) }
        }
        // What they say may hang on any of them.
        if !after.notifications.isEmpty,
            !differing(before.variables, after.variables, { shift.same($0, $1) }).isEmpty
        {
            return nil
        }
        note(.variable, differing(before.variables, after.variables) { shift.same($0, $1) })
        note(.tool, differing(before.tools, after.tools) { shift.same($0, $1) })
        note(.template, differing(before.templates, after.templates) { shift.same($0, $1) })
        for (key, component) in before.components {
            guard let now = after.components[key], !shift.same(component, now) else { continue }
            switch component.kind {
            case .services, .libraries: globs.insert(component.name.text)
            default: components[component.name.text] = !shift.sameFace(component, now)
            }
        }
    }

    /// The declarations of a Buildfile by name; nil where one is there twice.
    private struct Declared {
        var variables: [String: VariableDeclaration] = [:]
        var tools: [String: ToolDeclaration] = [:]
        var templates: [String: ComponentDeclaration] = [:]
        var components: [String: ComponentDeclaration] = [:]
        var environments: [EnvironmentDeclaration] = []
        var includes: [Directive] = []
        var defaults: [Directive] = []
        var notifications: [Directive] = []

        init?(_ parsed: ParsedBuildfile) {
            for declaration in parsed.declarations {
                switch declaration {
                case .variable(let one):
                    guard variables.updateValue(one, forKey: one.name.text) == nil else { return nil }
                case .tool(let one):
                    guard tools.updateValue(one, forKey: one.name.text) == nil else { return nil }
                case .component(let one) where one.kind == .template:
                    guard templates.updateValue(one, forKey: one.name.text) == nil else { return nil }
                case .component(let one):
                    let key = "\(one.kind.rawValue) \(one.name.text)"
                    guard components.updateValue(one, forKey: key) == nil else { return nil }
                case .environment(let one): environments.append(one)
                case .directive(let one) where one.keyword.text == "include": includes.append(one)
                case .directive(let one) where one.keyword.text == "default": defaults.append(one)
                case .directive(let one) where one.keyword.text == "notify": notifications.append(one)
                case .directive: continue
                }
            }
        }
    }
}
