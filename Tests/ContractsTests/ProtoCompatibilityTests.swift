import BuildEngine
import Testing

@testable import Contracts

struct ProtoCase: Sendable, CustomTestStringConvertible {
    let old: String
    let new: String
    let found: [String]
    var testDescription: String { "\(old) -> \(new)" }

    init(_ old: String, _ new: String, _ found: [String] = []) {
        self.old = old
        self.new = new
        self.found = found
    }
}

@Suite struct ProtoCompatibilityTests {
    /// What stands in a message of proto3.
    // swift-format-ignore
    static let fieldCases: [ProtoCase] = [
        .init("string a = 1;", "string a = 1;"),
        .init("string a = 1;", "string a = 1; int32 b = 2;"),
        .init("string a = 1;", "", ["field-removed"]),
        .init("string a = 1;", "reserved 1; reserved \"a\";", ["field-removed"]),
        .init("string a = 1;", "string a = 2;", ["field-number-changed"]),
        .init(
            "string a = 1; string b = 2;", "string b = 1; string a = 2;",
            ["field-number-changed", "field-number-changed"]),
        .init("string a = 1;", "string other = 1;"),
        .init("string a = 1 [json_name = \"x\"];", "string a = 1;", ["field-json-name-changed"]),
        .init("string a = 1;", "string a = 1 [json_name = \"a\"];"),
        .init("string a = 1;", "int32 a = 1;", ["field-type-changed"]),
        .init("int32 a = 1;", "sint32 a = 1;", ["field-type-changed"]),
        .init("int32 a = 1;", "fixed32 a = 1;", ["field-type-changed"]),
        .init("int32 a = 1;", "int64 a = 1;", ["field-type-narrowed?"]),
        .init("int64 a = 1;", "int32 a = 1;", ["field-type-narrowed?"]),
        .init("int32 a = 1;", "uint32 a = 1;", ["field-type-narrowed?"]),
        .init("fixed64 a = 1;", "sfixed64 a = 1;", ["field-type-narrowed?"]),
        .init("double a = 1;", "float a = 1;", ["field-type-changed"]),
        .init("string a = 1;", "bytes a = 1;", ["field-type-narrowed?"]),
        .init("E a = 1; enum E { X = 0; }", "int32 a = 1; enum E { X = 0; }", ["field-type-narrowed?"]),
        .init("M a = 1; message M {}", "bytes a = 1; message M {}", ["field-type-narrowed?"]),
        .init("M a = 1; message M {} message N {}", "N a = 1; message M {} message N {}", ["field-type-changed"]),
        .init("M a = 1; message M {}", ".lib.Book.M a = 1; message M {}"),
        .init("string a = 1;", "repeated string a = 1;", ["field-cardinality-changed"]),
        .init("string a = 1;", "optional string a = 1;"),
        .init("map<string, int32> a = 1;", "map<string, int32> a = 1;"),
        .init("map<string, int32> a = 1;", "map<string, string> a = 1;", ["field-type-changed"]),
        .init("oneof x { string a = 1; int32 b = 2; }", "oneof y { string a = 1; int32 b = 2; }"),
        .init(
            "oneof x { string a = 1; int32 b = 2; }", "string a = 1; int32 b = 2;",
            ["field-oneof-changed", "field-oneof-changed"]),
        .init("string a = 1;", "oneof x { string a = 1; int32 b = 2; }"),
        .init(
            "string a = 1; int32 b = 2;", "oneof x { string a = 1; int32 b = 2; }",
            ["field-oneof-changed", "field-oneof-changed"]),
        .init("reserved 5 to 7; string a = 1;", "string a = 1; string b = 6;", ["reserved-number-used"]),
        .init("enum E { X = 0; Y = 1; }", "enum E { X = 0; Y = 1; Z = 2; }"),
        .init("enum E { X = 0; Y = 1; }", "enum E { X = 0; }", ["enum-value-removed"]),
        .init("enum E { X = 0; Y = 1; }", "enum E { X = 0; Y = 2; }", ["enum-number-changed"]),
        .init("enum E { X = 0; Y = 1; }", "enum E { X = 0; W = 1; }"),
        .init("enum E { X = 0; }", "", ["enum-removed"]),
        .init("message M {}", "", ["message-removed"]),
        .init("google.protobuf.Timestamp t = 1;", "google.protobuf.Timestamp t = 1;"),
        .init("google.protobuf.Timestamp t = 1;", "google.protobuf.Duration t = 1;", ["field-type-changed"]),
    ]

    private static func book(_ fields: String) -> String {
        "syntax = \"proto3\";\npackage lib;\n// A book.\nmessage Book {\n\(fields)\n}\n"
    }

    @Test(arguments: fieldCases)
    func messages(_ test: ProtoCase) throws {
        let found = try Compared.documents(Self.book(test.old), Self.book(test.new), "a.proto")
        #expect(Compared.kinds(found) == test.found, "\(found.map(\.message))")
        #expect(try Compared.documents(Self.book(test.new), Self.book(test.new), "a.proto").isEmpty)
    }

    /// Of proto2.
    // swift-format-ignore
    static let oldCases: [ProtoCase] = [
        .init("message M { optional int32 a = 1; }", "message M { required int32 a = 1; }", ["field-became-required"]),
        .init("message M { required int32 a = 1; }", "message M { optional int32 a = 1; }", ["field-became-optional"]),
        .init("message M {}", "message M { required int32 a = 1; }", ["required-field-added"]),
        .init(
            "message M { optional int32 a = 1 [default = 1]; }", "message M { optional int32 a = 1 [default = 2]; }",
            ["field-default-changed"]),
        .init("enum E { X = 0; }", "enum E { X = 0; Y = -1; }", ["enum-value-added"]),
        .init("message M { extensions 100 to 199; }", "message M {}", ["extension-range-removed"]),
        .init("message M { extensions 100 to 199; }", "message M { extensions 100 to max; }"),
        .init(
            "message M { extensions 100 to 199; } extend M { optional int32 a = 100; }",
            "message M { extensions 100 to 199; }", ["field-removed"]),
        .init(
            "message M { optional group G = 1 { optional int32 a = 2; } }",
            "message M { optional group G = 1 { optional int32 a = 2; } }"),
        .init(
            "message M { optional group G = 1 { optional int32 a = 2; } }",
            "message M { optional G g = 1; message G { optional int32 a = 2; } }", ["field-type-changed"]),
    ]

    @Test(arguments: oldCases)
    func proto2(_ test: ProtoCase) throws {
        let head = "syntax = 'proto2'; "
        let found = try Compared.documents(head + test.old, head + test.new, "a.proto")
        #expect(Compared.kinds(found) == test.found, "\(found.map(\.message))")
    }

    /// What stands in a service, between messages that it takes and gives.
    // swift-format-ignore
    static let serviceCases: [ProtoCase] = [
        .init("rpc Find (Q) returns (B);", "rpc Find (Q) returns (B) {}"),
        .init("rpc Find (Q) returns (B);", "rpc Find (.lib.Q) returns (lib.B);"),
        .init("rpc Find (Q) returns (B);", "", ["method-removed"]),
        .init("rpc Find (Q) returns (B);", "rpc Find (B) returns (B);", ["method-input-changed"]),
        .init("rpc Find (Q) returns (B);", "rpc Find (Q) returns (Q);", ["method-output-changed"]),
        .init("rpc Find (Q) returns (B);", "rpc Find (Q) returns (stream B);", ["method-streaming-changed"]),
        .init("rpc Find (stream Q) returns (B);", "rpc Find (Q) returns (B);", ["method-streaming-changed"]),
    ]

    @Test(arguments: serviceCases)
    func services(_ test: ProtoCase) throws {
        func text(_ methods: String) -> String {
            "syntax = \"proto3\"; package lib; message Q { string q = 1; } message B { string t = 1; } service S { \(methods) }"
        }
        let found = try Compared.documents(text(test.old), text(test.new), "a.proto")
        #expect(Compared.kinds(found) == test.found, "\(found.map(\.message))")
    }

    @Test func whichWayAMessageGoes() throws {
        func text(_ type: String) -> String {
            "syntax = \"proto3\"; package lib; message Q { \(type) q = 1; } message B {} service S { rpc F (Q) returns (B); }"
        }
        // A request with a wider type on the reader's side loses nothing.
        #expect(try Compared.documents(text("int32"), text("int64"), "a.proto").isEmpty)
        let found = try Compared.documents(text("int64"), text("int32"), "a.proto")
        #expect(Compared.kinds(found) == ["field-type-narrowed?"])
        #expect(found.first?.side == .request)
    }

    @Test func namesCountWhereJSONIsMade() throws {
        func text(_ name: String) -> String {
            "syntax = \"proto3\"; import \"google/api/annotations.proto\"; message Q { string \(name) = 1; }"
        }
        #expect(Compared.kinds(try Compared.documents(text("a"), text("b"), "a.proto")) == ["field-json-name-changed"])
    }

    @Test func saysWhere() throws {
        let found = try Compared.documents(
            Self.book("string a = 1;\nint32 b = 2;"), Self.book("string a = 1;"), "a.proto")
        #expect(found.first?.place == "lib.Book.b")
        #expect(found.first?.expected.line == 6)
        #expect(found.first?.actual.line == 4)
        #expect(found.first?.expected.text == "int32 b = 2")
    }

    @Test(arguments: [
        ("message { }", "no name"), ("message A { string = 1; }", "no field"),
        ("message A { string a = x; }", "no field"),
        ("message A { string a = 0; }", "no field"), ("message A { string a = 1; int32 b = 1; }", "two fields"),
        ("message A {} message A {}", "twice"), ("enum E { A; }", "no value"), ("service S { rpc A; }", "no method"),
        ("mesage A {}", "no declaration"), ("message A {", "not closed"),
        ("message A { map<string> a = 1; }", "no field"),
    ])
    func refusesWhatIsBroken(text: String, message: String) throws {
        do throws(ContractReadError) {
            _ = try InterfaceDocument.read(Array("syntax = \"proto3\";\n\(text)\n".utf8), name: "a.proto")
            Issue.record("it was read")
        } catch {
            #expect(error.message.holds(message), "\(error.message)")
        }
    }

    @Test func severalFiles() throws {
        let types = Array("syntax = \"proto3\"; package lib; message Book { string t = 1; }".utf8)
        let service = Array(
            "syntax = \"proto3\"; package lib; import \"t.proto\"; service S { rpc Find (Book) returns (Book); }".utf8)
        let all = try InterfaceDocument.read([(types, "t.proto"), (service, "s.proto")], as: .protobuf)
        let one = try InterfaceDocument.read(service, name: "s.proto")
        #expect(one.incompatibilities(with: all, .consumer).isEmpty)
        #expect(Compared.kinds(all.incompatibilities(with: one, .versions)) == ["message-removed"])
    }

    /// A descriptor set as protoc writes it: `syntax = "proto3"; package lib; message Book { string t = 1; }`.
    private static func descriptor(field number: UInt8, type: UInt8) -> [UInt8] {
        func part(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] { [number << 3 | 2, UInt8(bytes.count)] + bytes }
        func text(_ number: UInt8, _ text: String) -> [UInt8] { part(number, Array(text.utf8)) }
        let field = text(1, "t") + [3 << 3, number, 4 << 3, 1, 5 << 3, type] + text(10, "t")
        let message = text(1, "Book") + part(2, field)
        return part(1, text(1, "a.proto") + text(2, "lib") + part(4, message) + text(12, "proto3"))
    }

    @Test func descriptors() throws {
        let text = try InterfaceDocument.read(
            Array("syntax = \"proto3\"; package lib; message Book { string t = 1; }".utf8), name: "a.proto")
        func set(_ number: UInt8, _ type: UInt8) throws -> InterfaceDocument {
            try InterfaceDocument.read(Self.descriptor(field: number, type: type), name: "a.binpb")
        }
        #expect(text.incompatibilities(with: try set(1, 9), .consumer).isEmpty)
        #expect(try set(1, 9).incompatibilities(with: text, .versions).isEmpty)
        #expect(Compared.kinds(text.incompatibilities(with: try set(2, 9), .consumer)) == ["field-number-changed"])
        let found = text.incompatibilities(with: try set(1, 3), .consumer)
        #expect(Compared.kinds(found) == ["field-type-changed"])
        #expect(found.first?.actual.line == nil)
    }
}
