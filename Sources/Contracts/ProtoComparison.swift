// Two sets of protobuf definitions: what is written by the one must be read by the other as it was meant. Binary form by
// default; names count where definitions say that JSON is used. Does not read definitions.
import BuildEngine

struct ProtoComparison {
    let expected: ProtoModel
    let actual: ProtoModel
    let question: CompatibilityQuestion
    private(set) var findings: [Incompatibility] = []
    /// What goes to services, and what comes from them.
    private let requests: Set<String>
    private let responses: Set<String>

    init(expected: ProtoModel, actual: ProtoModel, question: CompatibilityQuestion) {
        self.expected = expected
        self.actual = actual
        self.question = question
        let methods = expected.services.values.flatMap(\.methods)
        requests = expected.reachable(from: methods.map(\.input))
        responses = expected.reachable(from: methods.map(\.output))
    }

    private var old: String { question == .consumer ? "the consumer" : "the old version" }
    private var new: String { question == .consumer ? "the provider" : "the new version" }

    mutating func run() {
        for (name, message) in expected.messages.sorted(by: { $0.key < $1.key }) {
            guard let other = actual.messages[name] else {
                report("message-removed", name, name, "\(new) has no such message", message.line, name, nil, nil)
                continue
            }
            compare(message, other)
        }
        for (name, enumeration) in expected.enumerations.sorted(by: { $0.key < $1.key }) {
            guard let other = actual.enumerations[name] else {
                report(
                    "enum-removed", name, name, "\(new) has no such enumeration", enumeration.line, name, nil, nil)
                continue
            }
            compare(enumeration, other)
        }
        for (name, service) in expected.services.sorted(by: { $0.key < $1.key }) {
            guard let other = actual.services[name] else {
                report("service-removed", name, name, "\(new) has no such service", service.line, name, nil, nil)
                continue
            }
            compare(service, other)
        }
    }

    private func side(_ name: String) -> Incompatibility.Side {
        switch (requests.contains(name), responses.contains(name)) {
        case (true, false): .request
        case (false, true): .response
        default: .both
        }
    }

    // MARK: Messages

    private mutating func compare(_ mine: ProtoModel.Message, _ its: ProtoModel.Message) {
        let numbers = Dictionary(its.fields.map { ($0.number, $0) }) { first, _ in first }
        let known = Set(mine.fields.map(\.number))
        for field in mine.fields.sorted(by: { $0.number < $1.number }) {
            if let other = numbers[field.number] {
                compare(field, other, mine, its)
            } else if let moved = its.fields.first(where: { $0.name == field.name }) {
                tell(
                    "field-number-changed", mine, field, "\(new) gives '\(field.name)' another number",
                    "\(field.number)", moved.line, "\(moved.number)")
            } else {
                let isReserved = its.reserved.contains { $0.contains(field.number) }
                tell(
                    "field-removed", mine, field,
                    "\(new) has no field \(field.number)\(isReserved ? ": the number is reserved" : "")",
                    Self.shown(field), its.line, isReserved ? "reserved" : nil)
            }
        }
        for field in its.fields where !known.contains(field.number) {
            if field.cardinality == .required {
                tell(
                    "required-field-added", mine, field, "\(new) requires '\(field.name)', which \(old) does not know",
                    nil, field.line, Self.shown(field), line: mine.line)
            }
            if mine.reserved.contains(where: { $0.contains(field.number) }) {
                tell(
                    "reserved-number-used", mine, field, "\(old) has reserved the number \(field.number)", "reserved",
                    field.line, Self.shown(field), line: mine.line)
            }
        }
        for range in mine.extensions
        where !its.extensions.contains(where: { $0.overlaps(range) && Self.holds($0, range) }) {
            report(
                "extension-range-removed", mine.name, mine.name, "\(new) takes no such extensions", mine.line,
                "\(range.lowerBound) to \(range.upperBound)", its.line, nil)
        }
    }

    private static func holds(_ outer: ClosedRange<Int>, _ inner: ClosedRange<Int>) -> Bool {
        outer.lowerBound <= inner.lowerBound && inner.upperBound <= outer.upperBound
    }

    private static func shown(_ field: ProtoModel.Field) -> String {
        let label = field.cardinality == .single ? "" : field.cardinality.rawValue + " "
        return "\(label)\(typeText(field)) \(field.name) = \(field.number)"
    }

    private static func typeText(_ field: ProtoModel.Field) -> String {
        field.map.isEmpty ? field.type : "map<\(field.map.joined(separator: ", "))>"
    }

    private mutating func compare(
        _ mine: ProtoModel.Field, _ its: ProtoModel.Field, _ message: ProtoModel.Message, _ other: ProtoModel.Message
    ) {
        if mine.name != its.name {
            if let moved = other.fields.first(where: { $0.name == mine.name }) {
                tell(
                    "field-number-changed", message, mine, "\(new) gives '\(mine.name)' another number",
                    "\(mine.number)", moved.line, "\(moved.number)")
                return
            }
        }
        compareTypes(mine, its, message)
        compareLabels(mine, its, message)
        compareNames(mine, its, message)
        compareOneofs(mine, its, message, other)
        if (mine.defaultText ?? "") != (its.defaultText ?? "") {
            tell(
                "field-default-changed", message, mine, "a field that is left out means another value",
                mine.defaultText, its.line, its.defaultText)
        }
    }

    private mutating func compareLabels(
        _ mine: ProtoModel.Field, _ its: ProtoModel.Field, _ message: ProtoModel.Message
    ) {
        if mine.cardinality == its.cardinality || (mine.map.isEmpty != its.map.isEmpty) { return }
        let kind: String
        switch (mine.cardinality, its.cardinality) {
        case (.repeated, _), (_, .repeated): kind = "field-cardinality-changed"
        case (_, .required): kind = "field-became-required"
        default: kind = "field-became-optional"
        }
        tell(
            kind, message, mine, "the field is \(its.cardinality.rawValue), and was \(mine.cardinality.rawValue)",
            mine.cardinality.rawValue, its.line, its.cardinality.rawValue)
    }

    private mutating func compareNames(
        _ mine: ProtoModel.Field, _ its: ProtoModel.Field, _ message: ProtoModel.Message
    ) {
        let names = (
            mine.jsonName ?? ProtoModel.jsonName(of: mine.name), its.jsonName ?? ProtoModel.jsonName(of: its.name)
        )
        guard mine.jsonName != nil || its.jsonName != nil || expected.isMappedToJSON || actual.isMappedToJSON,
            names.0 != names.1
        else { return }
        tell(
            "field-json-name-changed", message, mine, "the field is called otherwise in JSON", names.0, its.line,
            names.1)
    }

    private mutating func compareOneofs(
        _ mine: ProtoModel.Field, _ its: ProtoModel.Field, _ message: ProtoModel.Message, _ other: ProtoModel.Message
    ) {
        func partners(_ field: ProtoModel.Field, _ fields: [ProtoModel.Field], _ known: [ProtoModel.Field]) -> Set<Int>
        {
            guard let oneof = field.oneof else { return [field.number] }
            let numbers = Set(known.map(\.number))
            return Set(fields.filter { $0.oneof == oneof }.map(\.number)).intersection(numbers)
        }
        let old = partners(mine, message.fields, other.fields)
        let new = partners(its, other.fields, message.fields)
        if old == new { return }
        tell(
            "field-oneof-changed", message, mine, "the field excludes other fields than before",
            mine.oneof.map { "oneof \($0)" } ?? "no oneof", its.line, its.oneof.map { "oneof \($0)" } ?? "no oneof")
    }

    // MARK: Types

    /// Written alike; the bits of those that are numbers.
    private static let families: [[String: Int]] = [
        ["bool": 1, "int32": 32, "uint32": 33, "int64": 64, "uint64": 65], ["sint32": 32, "sint64": 64],
        ["fixed32": 33, "sfixed32": 32], ["fixed64": 65, "sfixed64": 64], ["string": 1, "bytes": 2],
    ]

    private enum Fit {
        case same
        /// Written alike, but not every value is read as it was meant.
        case doubtful
        case none
    }

    /// Whether what is written as `written` can be read as `read`.
    private func fit(written: String, read: String, _ writer: ProtoModel, _ reader: ProtoModel) -> Fit {
        if written == read { return .same }
        for family in Self.families {
            guard let one = family[written], let other = family[read] else { continue }
            if family["bool"] != nil {
                // A wider type with the same idea of signs.
                if one == 1 || (one == 32 && other == 64) || (one == 33 && (other == 65 || other == 64)) {
                    return .same
                }
                return .doubtful
            }
            return one < other && family["fixed32"] == nil && family["fixed64"] == nil ? .same : .doubtful
        }
        let isEnum = (writer.enumerations[written] != nil, reader.enumerations[read] != nil)
        let integers: Set<String> = ["bool", "int32", "uint32", "int64", "uint64"]
        if isEnum.0, integers.contains(read) { return read.hasPrefix("int") ? .same : .doubtful }
        if isEnum.1, integers.contains(written) { return .doubtful }
        let isMessage = (writer.messages[written] != nil, reader.messages[read] != nil)
        if (isMessage.0 && read == "bytes") || (isMessage.1 && written == "bytes") { return .doubtful }
        let isForeign = !isEnum.0 && !isMessage.0 && !ProtoModel.scalars.contains(written)
        let isAlso = !isEnum.1 && !isMessage.1 && !ProtoModel.scalars.contains(read)
        // A name from another file may be written shorter by those who are near to it.
        if isForeign || isAlso, read.hasSuffix("." + written) || written.hasSuffix("." + read) { return .same }
        return .none
    }

    private mutating func compareTypes(
        _ mine: ProtoModel.Field, _ its: ProtoModel.Field, _ message: ProtoModel.Message
    ) {
        let side = side(message.name)
        var fits: [Fit] = []
        let pairs =
            mine.map.count == its.map.count && !mine.map.isEmpty
            ? Array(zip(mine.map, its.map)) : [(mine.type, its.type)]
        for (one, other) in pairs {
            if side != .response { fits.append(fit(written: one, read: other, expected, actual)) }
            if side != .request { fits.append(fit(written: other, read: one, actual, expected)) }
        }
        if mine.isGroup != its.isGroup { fits.append(.none) }
        if !fits.contains(where: { $0 != .same }) { return }
        let isNone = fits.contains { $0 == .none }
        tell(
            isNone ? "field-type-changed" : "field-type-narrowed", message, mine,
            isNone
                ? "the field has another type, which is written in another way"
                : "the field has another type: whether all values are read as they were meant cannot be told",
            Self.typeText(mine) + (mine.isGroup ? " as a group" : ""), its.line,
            Self.typeText(its) + (its.isGroup ? " as a group" : ""), isCertain: isNone)
    }

    // MARK: Enumerations

    private mutating func compare(_ mine: ProtoModel.Enumeration, _ its: ProtoModel.Enumeration) {
        let side = side(mine.name)
        for value in mine.values {
            let place = "\(mine.name).\(value.name)"
            let named = its.values.first { $0.name == value.name }
            if let named, named.number != value.number,
                !its.values.contains(where: { $0.name == value.name && $0.number == value.number })
            {
                report(
                    "enum-number-changed", mine.name, place, "\(new) gives '\(value.name)' another number", value.line,
                    "\(value.number)", named.line, "\(named.number)")
                continue
            }
            if let other = its.values.first(where: { $0.number == value.number }) {
                let isNamed = named != nil
                if !isNamed, expected.isMappedToJSON || actual.isMappedToJSON {
                    report(
                        "enum-value-renamed", mine.name, place, "the value is called otherwise in JSON", value.line,
                        value.name, other.line, other.name)
                }
                continue
            }
            report(
                "enum-value-removed", mine.name, place, "\(new) has no value \(value.number)", value.line,
                "\(value.name) = \(value.number)", its.line, nil)
        }
        if side == .request || !mine.isClosed { return }
        for value in its.values where !mine.values.contains(where: { $0.number == value.number }) {
            report(
                "enum-value-added", mine.name, "\(mine.name).\(value.name)",
                "\(new) may send \(value.number), which \(old) reads as if the field were not there", mine.line, nil,
                value.line, "\(value.name) = \(value.number)", side: .response)
        }
    }

    // MARK: Services

    private mutating func compare(_ mine: ProtoModel.Service, _ its: ProtoModel.Service) {
        for method in mine.methods {
            let place = "\(mine.name).\(method.name)"
            guard let other = its.methods.first(where: { $0.name == method.name }) else {
                report(
                    "method-removed", mine.name, place, "\(new) has no such method", method.line, method.name, its.line,
                    nil)
                continue
            }
            for (kind, one, another, side) in [
                ("method-input-changed", method.input, other.input, Incompatibility.Side.request),
                ("method-output-changed", method.output, other.output, .response),
            ] {
                let pair = (Self.bare(one), Self.bare(another))
                if pair.0 == pair.1 || pair.0.hasSuffix("." + pair.1) || pair.1.hasSuffix("." + pair.0) { continue }
                report(
                    kind, mine.name, place, "the method has another message", method.line, pair.0, other.line, pair.1,
                    side: side)
            }
            for (side, one, another) in [
                (Incompatibility.Side.request, method.streamsInput, other.streamsInput),
                (.response, method.streamsOutput, other.streamsOutput),
            ] where one != another {
                report(
                    "method-streaming-changed", mine.name, place,
                    "the method \(another ? "streams" : "no longer streams") \(side.rawValue)s", method.line,
                    one ? "stream" : "one", other.line, another ? "stream" : "one", side: side)
            }
        }
    }

    private static func bare(_ name: String) -> String { name.hasPrefix(".") ? String(name.dropFirst()) : name }

    // MARK: Telling

    private mutating func tell(
        _ kind: String, _ message: ProtoModel.Message, _ field: ProtoModel.Field, _ text: String, _ mine: String?,
        _ otherLine: Int?, _ its: String?, line: Int? = nil, isCertain: Bool = true
    ) {
        report(
            kind, message.name, "\(message.name).\(field.name)", text, line ?? field.line, mine, otherLine, its,
            isCertain: isCertain)
    }

    private mutating func report(
        _ kind: String, _ owner: String, _ place: String, _ message: String, _ line: Int?, _ text: String?,
        _ otherLine: Int?, _ otherText: String?, side: Incompatibility.Side? = nil, isCertain: Bool = true
    ) {
        findings.append(
            Incompatibility(
                kind: kind, side: side ?? self.side(owner), isCertain: isCertain, place: ReportText.line(place),
                expected: .init(pointer: place, line: line, text: text.map(ReportText.line)),
                actual: .init(
                    pointer: otherText == nil ? owner : place, line: otherLine, text: otherText.map(ReportText.line)),
                message: message))
    }
}
