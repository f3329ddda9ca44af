// Small questions that the readers of env files and stacks ask of bytes and trees. Does not know what these mean.
import BuildEngine
import BuildGraph

extension UInt8 {
    var isWhite: Bool { self == 0x20 || (0x09...0x0D).contains(self) }
    var isDecimal: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
    var isAlpha: Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20) }
}

extension JSONTree {
    static func string(_ text: String) -> JSONTree { JSONTree(.string(text)) }

    static func whole(_ number: Int) -> JSONTree { JSONTree(.number("\(number)")) }

    static func object(_ members: [(String, JSONTree)]) -> JSONTree {
        JSONTree(.object(members.map { Member(name: $0.0, value: $0.1) }))
    }

    /// A scalar's text: `true`, `12`, a string as it is; nil for collections and null.
    var scalarText: String? {
        switch content {
        case .string(let text): text
        case .number(let spelling): spelling
        case .bool(let value): value ? "true" : "false"
        case .object, .array, .null: nil
        }
    }

    /// The value found by going from member to member.
    func at(_ path: String...) -> JSONTree? {
        path.reduce(Optional(self)) { $0?.member($1) }
    }

    /// This object with `name` set to `value`, at its end where it was not there; nil takes it away.
    func setting(_ name: String, _ value: JSONTree?) -> JSONTree {
        guard var members else { return self }
        let place = members.firstIndex { $0.name.utf8.elementsEqual(name.utf8) }
        switch (place, value) {
        case (let place?, let value?): members[place] = Member(name: name, offset: members[place].offset, value: value)
        case (let place?, nil): members.remove(at: place)
        case (nil, let value?): members.append(Member(name: name, value: value))
        case (nil, nil): break
        }
        return JSONTree(.object(members), range: range)
    }

    /// The same value with the members of every object in the order of their names: what is hashed does not depend on
    /// the order in which it was written.
    var inOrder: JSONTree {
        switch content {
        case .object(let members):
            let sorted = members.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
            return JSONTree(.object(sorted.map { Member(name: $0.name, offset: $0.offset, value: $0.value.inOrder) }))
        case .array(let elements): return JSONTree(.array(elements.map(\.inOrder)))
        default: return JSONTree(content)
        }
    }

    /// The same value with every string, but no member's name, replaced.
    func mapStrings(_ change: (String) -> String) -> JSONTree {
        switch content {
        case .object(let members):
            JSONTree(
                .object(
                    members.map { Member(name: $0.name, offset: $0.offset, value: $0.value.mapStrings(change)) }),
                range: range)
        case .array(let elements): JSONTree(.array(elements.map { $0.mapStrings(change) }), range: range)
        case .string(let text): JSONTree(.string(change(text)), range: range)
        default: self
        }
    }
}

/// A time as Go writes it: `1m30s`, `1.5s`, `500ms`.
enum GoDuration {
    /// Milliseconds, rounded down; nil for anything else.
    static func milliseconds(_ text: String) -> Int? {
        let units: [(String, Double)] = [
            ("ns", 1e-6), ("us", 1e-3), ("µs", 1e-3), ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000),
        ]
        var rest = Array(text.utf8)[...]
        if rest.elementsEqual("0".utf8) { return 0 }
        var total = 0.0
        var isEmpty = true
        while !rest.isEmpty {
            let number = rest.prefix { $0.isDecimal || $0 == UInt8(ascii: ".") }
            guard let value = Double(String(decoding: number, as: UTF8.self)) else { return nil }
            rest = rest.dropFirst(number.count)
            let unit = String(decoding: rest.prefix { !$0.isDecimal && $0 != UInt8(ascii: ".") }, as: UTF8.self)
            guard let factor = units.first(where: { $0.0 == unit })?.1 else { return nil }
            rest = rest.dropFirst(unit.utf8.count)
            total += value * factor
            isEmpty = false
        }
        return isEmpty || total > 1e12 ? nil : Int(total)
    }
}
